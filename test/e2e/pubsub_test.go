package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// payloads are those of messages, in order.
func payloads(all []harness.Message) []string {
	var list []string
	for _, m := range all {
		list = append(list, m.Payload)
	}
	return list
}

func mustPublish(t testing.TB, c harness.Client, topic, payload string, qos byte) {
	t.Helper()
	if err := c.Publish(topic, payload, qos); err != nil {
		t.Fatalf("publishing to %s: %v", topic, err)
	}
}

func mustRetain(t testing.TB, c harness.Client, topic, payload string) {
	t.Helper()
	if err := c.PublishRetained(topic, payload, 1); err != nil {
		t.Fatalf("publishing to %s: %v", topic, err)
	}
}

func TestAMessageArrivesAtTheLowerQoSOfPublishAndSubscription(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		from, to := harness.Dial(t, b, version, harness.Connect{}), harness.Dial(t, b, version, harness.Connect{})
		for published := range byte(3) {
			for subscribed := range byte(3) {
				topic := fmt.Sprintf("qos/%d/%d/%d", version, published, subscribed)
				if granted := to.SubscribeAt(topic, subscribed); granted != subscribed {
					t.Errorf("granted QoS %d, want %d", granted, subscribed)
				}
				mustPublish(t, from, topic, "x", published)
				if m := to.Wait(topic); m.QoS != min(published, subscribed) || m.Payload != "x" || m.Retain || m.Duplicate {
					t.Errorf("published at %d, subscribed at %d: received %v", published, subscribed, m)
				}
			}
		}
	})
}

func TestFiltersReachTheTopicsThatTheyShould(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		root := fmt.Sprintf("w%d", version)
		topics := []string{"a", "a/b", "a/b/c", "a//c", "A/b", "a/", "/a", "b/b", "a/$x", "a/ü/c"}
		from := harness.Dial(t, b, version, harness.Connect{})
		for filter, want := range map[string][]string{
			"#":     topics,
			"+":     {"a"},
			"a/#":   {"a", "a/b", "a/b/c", "a//c", "a/", "a/$x", "a/ü/c"},
			"a/+":   {"a/b", "a/", "a/$x"},
			"a/+/c": {"a/b/c", "a//c", "a/ü/c"},
			"+/b":   {"a/b", "A/b", "b/b"},
			"+/+":   {"a/b", "A/b", "a/", "/a", "b/b", "a/$x"},
			"a/b":   {"a/b"},
			"/+":    {"/a"},
			"a/b/#": {"a/b", "a/b/c"},
		} {
			to := harness.Dial(t, b, version, harness.Connect{})
			to.Subscribe(root + "/" + filter)
			for _, topic := range topics {
				mustPublish(t, from, root+"/"+topic, topic, 1)
			}
			if got := payloads(to.Drain("#")); !slices.Equal(got, want) {
				t.Errorf("%s reached %q, want %q", filter, got, want)
			}
		}
	})
}

func TestAFilterThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	c := harness.Dial5(t, b, harness.Connect{})
	for filter, code := range map[string]byte{"a/#/b": 0x8F, "a#": 0x8F, "a+/b": 0x8F, "$share/g": 0x8F, "$share/+/a": 0x8F, "$share//a": 0x8F} {
		if got := c.SubscribeAt(filter, 1); got != code {
			t.Errorf("%s: answered %#x, want %#x", filter, got, code)
		}
	}
	if got := harness.Dial3(t, b, harness.Connect{}).SubscribeAt("$share//a", 1); got != 0x80 {
		t.Errorf("MQTT 3.1.1: answered %#x, want 0x80", got)
	}
}

func TestRetainedMessages(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		root := fmt.Sprintf("retained/%d/", version)
		from := harness.Dial(t, b, version, harness.Connect{})
		subscriber := func(t *testing.T, filter string) harness.Client {
			c := harness.Dial(t, b, version, harness.Connect{})
			c.Subscribe(filter)
			return c
		}
		t.Run("the last one is kept and marked", func(t *testing.T) {
			for _, payload := range []string{"1", "2"} {
				mustRetain(t, from, root+"last", payload)
			}
			if got := subscriber(t, root+"last").Drain("#"); len(got) != 1 || got[0].Payload != "2" || !got[0].Retain || got[0].QoS != 1 {
				t.Errorf("received %v", got)
			}
		})
		t.Run("one that is not to be kept changes nothing", func(t *testing.T) {
			mustRetain(t, from, root+"other", "kept")
			mustPublish(t, from, root+"other", "not", 1)
			if got := payloads(subscriber(t, root+"other").Drain("#")); !slices.Equal(got, []string{"kept"}) {
				t.Errorf("received %v", got)
			}
		})
		t.Run("an empty one deletes it, and arrives as any other", func(t *testing.T) {
			mustRetain(t, from, root+"gone", "x")
			present := subscriber(t, root+"gone")
			present.Wait("#")
			mustRetain(t, from, root+"gone", "")
			if m := present.Wait("#"); m.Payload != "" || m.Retain {
				t.Errorf("received %v", m)
			}
			if got := subscriber(t, root+"gone").Drain("#"); len(got) > 0 {
				t.Errorf("received %v", got)
			}
		})
		t.Run("whoever subscribed before gets it as any other", func(t *testing.T) {
			present := subscriber(t, root+"live")
			mustRetain(t, from, root+"live", "x")
			if m := present.Wait("#"); m.Retain {
				t.Errorf("received %v", m)
			}
		})
		t.Run("wildcards reach them, those of $SYS apart", func(t *testing.T) {
			for _, name := range []string{"wild/a", "wild/b", "wild/b/c"} {
				mustRetain(t, from, root+name, name)
			}
			got := payloads(subscriber(t, root+"wild/#").Drain("#"))
			slices.Sort(got)
			if !slices.Equal(got, []string{"wild/a", "wild/b", "wild/b/c"}) {
				t.Errorf("received %v", got)
			}
			for _, m := range subscriber(t, "#").Drain("#") {
				if m.Topic[0] == '$' {
					t.Errorf("received %v", m)
				}
			}
			if m := subscriber(t, "$SYS/broker/#").Wait("$SYS/broker/version"); !strings.HasPrefix(m.Payload, "twinbroker ") || !m.Retain {
				t.Errorf("received %v", m)
			}
		})
		t.Run("a shared subscription gets none", func(t *testing.T) {
			mustRetain(t, from, root+"shared", "x")
			c := harness.Dial(t, b, version, harness.Connect{})
			c.SubscribeAt("$share/g/"+root+"shared", 1)
			if got := c.Drain("#"); len(got) > 0 {
				t.Errorf("received %v", got)
			}
		})
	})
}

func TestRetainHandlingAndRetainAsPublished(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	c := harness.Dial5(t, b, harness.Connect{})
	mustRetain(t, c, "handling", "x")
	for _, row := range []struct {
		handling byte
		again    bool // subscribed already
		want     int
	}{{0, false, 1}, {0, true, 1}, {1, false, 1}, {1, true, 0}, {2, false, 0}, {2, true, 0}} {
		if !row.again {
			c.Unsubscribe("handling")
		}
		if _, err := c.SubscribeWith(&paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "handling", QoS: 1, RetainHandling: row.handling}}}); err != nil {
			t.Fatal(err)
		}
		if got := c.Drain("handling"); len(got) != row.want {
			t.Errorf("Retain Handling %d, subscribed already: %v: received %v, want %d", row.handling, row.again, got, row.want)
		}
	}
	for _, as := range []bool{true, false} {
		if _, err := c.SubscribeWith(&paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "as", QoS: 1, RetainAsPublished: as, RetainHandling: 2}}}); err != nil {
			t.Fatal(err)
		}
		mustRetain(t, c, "as", "x")
		if m := c.Wait("as"); m.Retain != as {
			t.Errorf("Retain As Published %v: received %v", as, m)
		}
	}
}

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

func TestASharedSubscriptionGivesEachMessageToOneMember(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		topic := fmt.Sprintf("work/%d", version)
		var all []string
		var members []harness.Client
		for range 3 {
			c := harness.Dial(t, b, version, harness.Connect{})
			if code := c.SubscribeAt("$share/workers/"+topic, 1); code != 1 {
				t.Fatalf("answered %#x", code)
			}
			members = append(members, c)
		}
		other := harness.Dial(t, b, version, harness.Connect{})
		other.SubscribeAt("$share/others/"+topic, 1)
		alone := harness.Dial(t, b, version, harness.Connect{})
		alone.Subscribe(topic)
		from := harness.Dial(t, b, version, harness.Connect{})
		var want []string
		for n := range 60 {
			want = append(want, fmt.Sprintf("%02d", n))
			mustPublish(t, from, topic, want[n], 1)
		}
		for n, c := range members {
			got := payloads(c.Drain("#"))
			if len(got) == 0 || !slices.IsSorted(got) {
				t.Errorf("member %d received %v", n, got)
			}
			all = append(all, got...)
		}
		slices.Sort(all)
		if !slices.Equal(all, want) {
			t.Errorf("the members received %v", all)
		}
		for _, c := range []harness.Client{other, alone} {
			if got := payloads(c.Drain("#")); !slices.Equal(got, want) {
				t.Errorf("received %v, want all", got)
			}
		}
		members[0].Drop() // and those who are left get the rest
		members[1].Unsubscribe("$share/workers/" + topic)
		for _, payload := range want {
			mustPublish(t, from, topic, payload, 1)
		}
		if got := payloads(members[2].Drain("#")); len(got) < 59 { // one may be on its way to a member that has gone
			t.Errorf("the member that is left received %v", got)
		}
	})
}

func TestASessionThatGoesOnGetsWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		o := harness.Connect{ID: fmt.Sprintf("away-%d", version), Keep: true, Expiry: 1000}
		topic := fmt.Sprintf("meanwhile/%d", version)
		c := harness.Dial(t, b, version, o)
		c.SubscribeAt(topic, 2)
		c.Drop()
		from := harness.Dial(t, b, version, harness.Connect{})
		for qos := range byte(3) {
			mustPublish(t, from, topic, fmt.Sprint(qos), qos)
		}
		c = harness.Dial(t, b, version, o)
		if c5, ok := c.(*harness.Client5); ok && !c5.Connack.SessionPresent {
			t.Error("no session is present")
		}
		if got := payloads(c.Drain(topic)); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("received %v, want what had QoS 1 and 2", got)
		}
		c.Disconnect()
		o.Keep = false
		c = harness.Dial(t, b, version, o)
		mustPublish(t, from, topic, "x", 1)
		if got := c.Drain(topic); len(got) > 0 {
			t.Errorf("after a clean start: received %v", got)
		}
	})
}

func TestASecondConnectionOfAClientTakesOver(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	first := harness.Dial5(t, b, harness.Connect{ID: "one", Expiry: 100, Keep: true})
	first.Subscribe("taken/#")
	second := harness.Dial5(t, b, harness.Connect{ID: "one", Expiry: 100, Keep: true})
	select {
	case d := <-first.Disconnected:
		if d.ReasonCode != 0x8E {
			t.Errorf("disconnected with %#x, want 0x8E (session taken over)", d.ReasonCode)
		}
	case <-time.After(harness.Patience):
		t.Error("the first connection goes on")
	}
	if !second.Connack.SessionPresent {
		t.Error("no session is present")
	}
	mustPublish(t, second, "taken/x", "x", 1)
	second.Wait("taken/x")
}

func TestWills(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		root := fmt.Sprintf("wills/%d/", version)
		watcher := harness.Dial(t, b, version, harness.Connect{})
		watcher.Subscribe(root + "#")
		for _, row := range []struct {
			name   string
			end    func(harness.Client)
			retain bool
			want   []string
		}{
			{"of a client that drops is sent", harness.Client.Drop, false, []string{"gone"}},
			{"of a client that says goodbye is not", harness.Client.Disconnect, false, nil},
			{"without a payload is sent", harness.Client.Drop, false, []string{""}},
			{"to be retained is", harness.Client.Drop, true, []string{"gone"}},
			{"of a client that is taken over is sent", func(c harness.Client) {
				harness.Dial(t, b, version, harness.Connect{ID: c.ID()})
			}, false, []string{"gone"}},
		} {
			t.Run(row.name, func(t *testing.T) {
				topic := root + row.name
				c := harness.Dial(t, b, version, harness.Connect{ID: "mortal " + topic,
					Will: &paho.WillMessage{Topic: topic, Payload: []byte(strings.Join(row.want, "")), QoS: 1, Retain: row.retain}})
				mustPublish(t, c, topic, "here", 1)
				watcher.Wait(topic)
				row.end(c)
				for _, want := range row.want {
					if m := watcher.Wait(topic); m.Payload != want || m.QoS != 1 || m.Retain {
						t.Errorf("received %v", m)
					}
				}
				// Whether there is none is known when the client's next session
				// has begun: that comes after the end of this one.
				harness.Dial(t, b, version, harness.Connect{ID: c.ID()})
				if got := watcher.Drain(topic); len(got) > 0 {
					t.Errorf("received %v", got)
				}
				late := harness.Dial(t, b, version, harness.Connect{})
				late.Subscribe(topic)
				if got := late.Drain(topic); len(got) > 0 != row.retain {
					t.Errorf("retained: %v", got)
				}
			})
		}
	})
	t.Run("with a delay is not sent to a client that comes back", func(t *testing.T) {
		o := mqttraw.Options{Version: mqttraw.V5, ClientID: "back", SessionExpiry: 100, Will: &mqttraw.Will{
			Topic: "wills/delayed", Payload: []byte("gone"), QoS: 1, Props: &mqttraw.Properties{
				WillDelay: 1, ContentType: "text/plain", ResponseTopic: "r", CorrelationData: []byte("c"), PayloadFormat: 1, MessageExpiry: 60, User: [][2]string{{"k", "v"}}}}}
		dial := func() *mqttraw.Conn {
			c, _, err := mqttraw.Dial(b.MQTT(), o)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		watcher := harness.Dial5(t, b, harness.Connect{})
		watcher.Subscribe("wills/delayed")
		_ = dial().Close()
		c := dial()
		if got := watcher.Drain("#"); len(got) > 0 {
			t.Errorf("received %v", got)
		}
		dropped := time.Now()
		_ = c.Close()
		m := watcher.Wait("wills/delayed")
		if d := time.Since(dropped); d < 900*time.Millisecond {
			t.Errorf("sent after %v, want a second", d)
		}
		p := m.Props
		if p.ContentType != "text/plain" || p.ResponseTopic != "r" || m.Correlation() != "c" || m.User("k") != "v" ||
			p.PayloadFormat == nil || p.MessageExpiry == nil || *p.MessageExpiry > 60 {
			t.Errorf("received %+v", p)
		}
	})
	t.Run("of a command is a command", func(t *testing.T) {
		a := newApp(t, b, 5, harness.Connect{})
		a.must("wills:twin", "create", "/", "{}")
		a.Subscribe("ditto/wills/#")
		harness.Dial5(t, b, harness.Connect{Will: &paho.WillMessage{Topic: "ditto/wills/twin/things/twin/commands/modify", QoS: 1,
			Payload: []byte(`{"path":"/attributes/online","value":false}`)}}).Drop()
		e := read(t, a.Wait("ditto/wills/twin/things/twin/events/created"))
		wantValue(t, "the event", e.Value, "false")
	})
}

func TestTheBrokersOwnTopicsTakeNoPublish(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	c := harness.Dial5(t, b, harness.Connect{})
	watcher := harness.Dial5(t, b, harness.Connect{})
	watcher.Subscribe("#", "$SYS/#")
	watcher.Drain("#")
	watcher.Drain("$SYS/#")
	for _, topic := range []string{"$SYS/broker/version", "$x", "ditto/_replies/" + watcher.ID(), "ditto/_replies", "ditto/_replies/x/y"} {
		err := c.Publish(topic, "forged", 1)
		refused, ok := err.(*harness.Refused)
		if !ok || refused.Code != 0x87 || refused.Reason == "" {
			t.Errorf("%s: %v, want a refusal with 0x87 and a reason", topic, err)
		}
	}
	for _, m := range append(watcher.Drain("#"), watcher.Drain("$SYS/#")...) {
		if m.Payload == "forged" {
			t.Errorf("received %v", m)
		}
	}
}
