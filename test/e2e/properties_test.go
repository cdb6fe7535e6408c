package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

func TestSubscriptionOptionsOfMQTT5(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	subscribe := func(t *testing.T, c *harness.Client5, id int, o paho.SubscribeOptions) {
		t.Helper()
		s := &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{o}}
		if id > 0 {
			s.Properties = &paho.SubscribeProperties{SubscriptionIdentifier: &id}
		}
		if _, err := c.SubscribeWith(s); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("No Local keeps a client's own messages from it", func(t *testing.T) {
		c, other := harness.Dial5(t, b, harness.Connect{}), harness.Dial5(t, b, harness.Connect{})
		subscribe(t, c, 0, paho.SubscribeOptions{Topic: "local", QoS: 1, NoLocal: true})
		mustPublish(t, c, "local", "own", 1)
		mustPublish(t, other, "local", "other's", 1)
		if got := payloads(c.Drain("local")); !slices.Equal(got, []string{"other's"}) {
			t.Errorf("received %v", got)
		}
	})
	t.Run("Subscription Identifiers say which filters fit", func(t *testing.T) {
		c, _, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: mqttraw.V5, Clean: true, ClientID: "identifiers"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for n, s := range []struct {
			id     int
			filter string
			qos    byte
		}{{7, "ids/+", 0}, {300000, "ids/#", 1}, {0, "+/a", 0}} {
			p := &mqttraw.Properties{}
			if s.id > 0 {
				p.SubscriptionIDs = []int{s.id}
			}
			if _, err := c.SubscribeWith(uint16(n+1), p, mqttraw.Subscription{Filter: s.filter, QoS: s.qos}); err != nil {
				t.Fatal(err)
			}
		}
		for n, row := range []struct {
			topic string
			ids   []int
		}{{"ids/a", []int{7, 300000}}, {"ids/a/b", []int{300000}}, {"x/a", nil}} {
			if err := c.Publish(&mqttraw.Publish{Topic: row.topic, QoS: 2, ID: uint16(n + 1)}); err != nil {
				t.Fatal(err)
			}
			var m *mqttraw.Packet
			for m == nil || m.Type != mqttraw.PUBLISH {
				if m, err = c.ReadPacket(); err != nil {
					t.Fatal(err)
				}
			}
			var ids []int
			if m.Props != nil {
				ids = m.Props.SubscriptionIDs
			}
			slices.Sort(ids)
			if m.Topic != row.topic || !slices.Equal(ids, row.ids) || m.QoS > 1 {
				t.Errorf("received %v with %v, want one delivery with %v", m, ids, row.ids)
			}
			if m.QoS == 1 {
				if err := c.Ack(mqttraw.PUBACK, m.ID, 0); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
	t.Run("properties pass through", func(t *testing.T) {
		c := harness.Dial5(t, b, harness.Connect{})
		c.Subscribe("props")
		format := byte(1)
		expiry := uint32(100)
		sent := &paho.PublishProperties{
			PayloadFormat: &format, MessageExpiry: &expiry, ContentType: "text/plain", ResponseTopic: "r", CorrelationData: []byte{0, 255},
			User: paho.UserProperties{{Key: "b", Value: "1"}, {Key: "a", Value: "2"}, {Key: "b", Value: "3"}},
		}
		if err := c.Send(&paho.Publish{Topic: "props", QoS: 2, Payload: []byte("x"), Properties: sent}); err != nil {
			t.Fatal(err)
		}
		p := c.Wait("props").Props
		if p.PayloadFormat == nil || *p.PayloadFormat != 1 || p.ContentType != "text/plain" || p.ResponseTopic != "r" ||
			string(p.CorrelationData) != "\x00\xff" || !slices.Equal(p.User, sent.User) {
			t.Errorf("received %+v", p)
		}
		if p.MessageExpiry == nil || *p.MessageExpiry == 0 || *p.MessageExpiry > 100 {
			t.Errorf("Message Expiry Interval %v, want what is left of 100", p.MessageExpiry)
		}
	})
	t.Run("a topic alias stands for its topic", func(t *testing.T) {
		c := harness.Dial5(t, b, harness.Connect{})
		c.Subscribe("aliased/#", "ditto/_replies/#")
		alias, other := uint16(1), uint16(2)
		for _, p := range []*paho.Publish{
			{Topic: "aliased/a", Payload: []byte("1"), Properties: &paho.PublishProperties{TopicAlias: &alias}},
			{Topic: "", Payload: []byte("2"), Properties: &paho.PublishProperties{TopicAlias: &alias}},
			{Topic: "aliased/b", Payload: []byte("3"), Properties: &paho.PublishProperties{TopicAlias: &alias}},
			{Topic: "", Payload: []byte("4"), Properties: &paho.PublishProperties{TopicAlias: &alias}},
			{Topic: "ditto/alias/x/things/twin/commands/create", Payload: []byte(`{"path":"/","value":{}}`), Properties: &paho.PublishProperties{TopicAlias: &other}},
			{Topic: "", Payload: []byte(`{"path":"/","value":{}}`), Properties: &paho.PublishProperties{TopicAlias: &other}},
		} {
			p.QoS = 1
			_ = c.Send(p) // the last one is refused: such a Thing is there
		}
		var got []string
		for _, m := range c.Drain("aliased/#") {
			got = append(got, m.Topic+" "+m.Payload)
		}
		if want := []string{"aliased/a 1", "aliased/a 2", "aliased/b 3", "aliased/b 4"}; !slices.Equal(got, want) {
			t.Errorf("received %q, want %q", got, want)
		}
		for _, status := range []int{201, 409} {
			if e := read(t, c.Wait("ditto/_replies/#")); e.Status != status {
				t.Errorf("answered with %d, want %d", e.Status, status)
			}
		}
	})
	t.Run("No Local of a shared subscription ends the connection", func(t *testing.T) {
		c, _, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: mqttraw.V5, Clean: true, ClientID: "shared"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Subscribe(1, mqttraw.Subscription{Filter: "$share/g/a", NoLocal: true}); err == nil {
			t.Fatal("it was taken")
		}
		if p, err := c.ReadPacket(); err != nil || p.Type != mqttraw.DISCONNECT || p.Reason != 0x82 {
			t.Errorf("answered with %v, %v; want DISCONNECT with 0x82 (protocol error)", p, err)
		}
	})
}

func TestAMessageThatExpiresIsNotDelivered(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	away := harness.Connect{ID: "away", Expiry: 1000, Keep: true}
	c := harness.Dial5(t, b, away)
	c.Subscribe("expiring/#")
	c.Disconnect()
	waitMetric(t, b, "twinbroker_clients_connected", func(n float64) bool { return n == 0 }) // a delivery that has begun goes on
	from := harness.Dial5(t, b, harness.Connect{})
	second, minute := uint32(1), uint32(60)
	for _, p := range []*paho.Publish{
		{Topic: "expiring/soon", Properties: &paho.PublishProperties{MessageExpiry: &second}},
		{Topic: "expiring/later", Properties: &paho.PublishProperties{MessageExpiry: &minute}},
		{Topic: "expiring/never"},
		{Topic: "expiring/kept", Retain: true, Properties: &paho.PublishProperties{MessageExpiry: &second}},
	} {
		p.QoS, p.Payload = 1, []byte("x")
		if err := from.Send(p); err != nil {
			t.Fatal(err)
		}
	}
	<-time.After(1100 * time.Millisecond) // the time that is to pass
	c = harness.Dial5(t, b, away)
	var got []string
	for _, m := range c.Drain("#") {
		got = append(got, m.Topic)
		if e := m.Props.MessageExpiry; m.Topic == "expiring/later" && (e == nil || *e >= 60) {
			t.Errorf("Message Expiry Interval %v, want what is left of 60", e)
		}
	}
	if want := []string{"expiring/later", "expiring/never"}; !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
	c.Subscribe("expiring/kept")
	if got := c.Drain("#"); len(got) > 0 {
		t.Errorf("retained: received %v", got)
	}
}
