package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

func TestChangesOfOneClientAreAppliedInItsOrder(t *testing.T) {
	t.Parallel()
	const n = 200
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + `
mappings: [{topic: "t/{d}", thing: "order:{{ d }}", set: {/attributes/n: ""}, format: number}]
`})
	a := newApp(t, b, 5, harness.Connect{})
	a.must("order:lamp", "create", "/", "{}")
	a.Subscribe("ditto/order/#", "t/#", "plain")
	for _, way := range []string{"commands", "telemetry", "both"} {
		for qos := byte(1); qos <= 2; qos++ {
			t.Run(fmt.Sprintf("%s at QoS %d", way, qos), func(t *testing.T) {
				_, before := a.state("order:lamp")
				a.Drain("#")
				c, _, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: mqttraw.V5, Clean: true, ClientID: "pipelining"})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				relayed := map[string]int{}
				for i := range n {
					number := fmt.Sprint(i)
					p := &mqttraw.Publish{Topic: "ditto/order/lamp/things/twin/commands/merge", QoS: qos, ID: uint16(i + 1),
						Payload: []byte(`{"path":"/attributes/n","value":` + number + `}`)}
					if way == "telemetry" || way == "both" && i%2 == 0 {
						p.Topic, p.Payload = "t/lamp", []byte(number)
						relayed[p.Topic]++
					}
					c.Queue(p)
					c.Queue(&mqttraw.Publish{Topic: "plain", Payload: []byte(number), QoS: qos, ID: uint16(n + i + 1)})
					relayed["plain"]++
				}
				if err := c.Flush(); err != nil {
					t.Fatal(err)
				}
				for i := range n {
					m := a.Wait("ditto/order/lamp/things/twin/events/#")
					if e := read(t, m); e.Revision != before+uint64(i)+1 || !slices.Contains([]string{fmt.Sprint(i), fmt.Sprintf(`{"attributes":{"n":%d}}`, i)}, string(e.Value)) {
						t.Fatalf("event %d is %s, want revision %d and the number", i, m.Payload, before+uint64(i)+1)
					}
				}
				for topic, number := range relayed { // MQTT orders what is on one topic (MQTT 5.0 section 4.6)
					for last := -1; number > 0; number-- {
						m := a.Wait(topic)
						if i, err := strconv.Atoi(m.Payload); err != nil || i <= last {
							t.Fatalf("%s relayed after %d", m, last)
						} else {
							last = i
						}
					}
				}
			})
		}
	}
}

func TestChangesOfManyClientsAreEachAppliedOnce(t *testing.T) {
	t.Parallel()
	const clients, each = 8, 25
	b := harness.Start(t, harness.Options{})
	a := newApp(t, b, 5, harness.Connect{})
	a.must("crowd:one", "create", "/", "{}")
	a.Subscribe("ditto/crowd/one/things/twin/events/#")
	var all sync.WaitGroup
	for n := range clients {
		c := harness.Dial(t, b, byte(4+n%2), harness.Connect{})
		all.Go(func() {
			for i := range each {
				payload := fmt.Sprintf(`{"path":"/attributes/c%d","value":%d}`, n, i)
				if err := c.Publish("ditto/crowd/one/things/twin/commands/modify", payload, byte(1+i%2)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for revision := range uint64(clients * each) {
		if e := read(t, a.Wait("ditto/crowd/#")); e.Revision != revision+2 {
			t.Fatalf("told revision %d, want %d", e.Revision, revision+2)
		}
	}
	thing, revision := a.state("crowd:one")
	if revision != 1+clients*each {
		t.Errorf("revision %d, want %d", revision, 1+clients*each)
	}
	for n := range clients {
		e := a.must("crowd:one", "retrieve", fmt.Sprintf("/attributes/c%d", n), "")
		wantValue(t, thing, e.Value, fmt.Sprint(each-1))
	}
}

func TestAReadSeesWhatItsClientWroteBefore(t *testing.T) {
	t.Parallel()
	const n = 100
	b := harness.Start(t, harness.Options{})
	c, _, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: mqttraw.V311, Clean: true, ClientID: "reading"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Subscribe(1, mqttraw.Subscription{Filter: "ditto/_replies/#"}); err != nil {
		t.Fatal(err)
	}
	send := func(id int, action, envelope string) {
		c.Queue(&mqttraw.Publish{Topic: "ditto/read/a/things/twin/commands/" + action, QoS: 1, ID: uint16(id), Payload: []byte(envelope)})
	}
	const quiet = `"headers":{"response-required":false}`
	send(1, "create", `{"path":"/",`+quiet+`,"value":{}}`)
	for i := range n {
		send(2*i+2, "modify", fmt.Sprintf(`{"path":"/attributes/n",`+quiet+`,"value":%d}`, i))
		send(2*i+3, "retrieve", `{"path":"/attributes/n"}`)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < n; {
		p, err := c.ReadPacket()
		if err != nil {
			t.Fatal(err)
		}
		if p.Type != mqttraw.PUBLISH {
			continue
		}
		if e := read(t, harness.Message{Topic: p.Topic, Payload: string(p.Payload)}); e.Status != 200 || string(e.Value) != fmt.Sprint(i) {
			t.Fatalf("retrieve %d: %s", i, p.Payload)
		}
		i++
	}
}

func TestAResponseWaitsForAClientThatComesBack(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + "store: {sync: 300ms}\n"})
	versions(t, func(t *testing.T, version byte) {
		o := mqttraw.Options{Version: version, ClientID: fmt.Sprintf("back-%d", version), SessionExpiry: 100}
		c, _, err := mqttraw.Dial(b.MQTT(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Subscribe(1, mqttraw.Subscription{Filter: "ditto/_replies/#", QoS: 1}); err != nil {
			t.Fatal(err)
		}
		topic := fmt.Sprintf("ditto/back/v%d/things/twin/", version)
		watch := harness.Dial5(t, b, harness.Connect{})
		watch.Subscribe(topic + "events/#")
		if err := c.Publish(&mqttraw.Publish{Topic: topic + "commands/create", QoS: 1, ID: 5, Payload: []byte(`{"path":"/","value":{},"headers":{"correlation-id":"x"}}`)}); err != nil {
			t.Fatal(err)
		}
		if err := c.Disconnect(); err != nil { // at once: before the change is stored
			t.Fatal(err)
		}
		watch.Wait(topic + "events/created")
		c, ack, err := mqttraw.Dial(b.MQTT(), o)
		if err != nil || !ack.SessionPresent {
			t.Fatalf("%v, %+v", err, ack)
		}
		defer c.Close()
		p, err := c.ReadPacket()
		if err != nil || p.Type != mqttraw.PUBLISH {
			t.Fatalf("received %v, %v; want the response", p, err)
		}
		if e := read(t, harness.Message{Topic: p.Topic, Payload: string(p.Payload)}); e.Status != 201 || e.correlation() != "x" {
			t.Errorf("received %s", p.Payload)
		}
	})
}

func TestAClientMayLeaveItsIdentifierToTheBroker(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	for _, version := range []byte{mqttraw.V5, mqttraw.V311} {
		c, ack, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: version, Clean: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Subscribe(1, mqttraw.Subscription{Filter: "ditto/_replies/#"}); err != nil {
			t.Fatal(err)
		}
		if err := c.Publish(&mqttraw.Publish{Topic: "ditto/a/b/things/twin/commands/retrieve", Payload: []byte(`{"path":"/"}`)}); err != nil {
			t.Fatal(err)
		}
		p, err := c.ReadPacket()
		if err != nil || p.Type != mqttraw.PUBLISH {
			t.Fatalf("received %v, %v", p, err)
		}
		if version == mqttraw.V5 && (ack.Props == nil || ack.Props.AssignedClientID == "" || p.Topic != "ditto/_replies/"+ack.Props.AssignedClientID) {
			t.Errorf("answered on %s; CONNACK %+v", p.Topic, ack.Props)
		}
	}
}

func TestTheTreesCanHaveOtherRoots(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + "topics: {root: my/ditto, state: my/twin}\n"})
	c := harness.Dial5(t, b, harness.Connect{ID: "rooted"})
	c.Subscribe("my/ditto/#", "ditto/#")
	for _, p := range []paho.Publish{
		{Topic: "my/ditto/root/a/things/twin/commands/create", Payload: []byte(`{"path":"/","value":{}}`)},
		{Topic: "my/ditto", Payload: []byte(`{"topic":"root/a/things/twin/commands/modify","path":"/attributes","value":{}}`)},
	} {
		p.QoS = 1
		if err := c.Send(&p); err != nil {
			t.Fatal(err)
		}
		if e := read(t, c.Wait("my/ditto/_replies/rooted")); e.Status != 201 {
			t.Errorf("answered with %d %s", e.Status, e.Value)
		}
		c.Wait("my/ditto/root/a/things/twin/events/created")
	}
	const elsewhere = "ditto/root/a/things/twin/commands/delete"
	mustPublish(t, c, elsewhere, `{"path":"/"}`, 1)
	if m := c.Wait("#"); m.Topic != elsewhere {
		t.Errorf("received %v: the default root is an ordinary topic then", m)
	}
	if r := harness.Run(t, "things", "get", "root:a", "--root", "my/ditto", "--url", "mqtt://"+b.MQTT()); r.Code != 0 {
		t.Errorf("things: %s", r.Stderr)
	}
}

func TestWhatThisVersionDoesNotHaveIsRefusedAtSubscribe(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	c := harness.Dial5(t, b, harness.Connect{})
	for _, s := range []struct {
		filter, option string
		code           byte
	}{
		{"twin/#", "", 0x83}, {"twin/org.acme/+/attributes/#", "", 0x83}, {"$share/g/twin/#", "", 0x83},
		{"ditto/+/+/things/twin/events/#", "filter", 0x83}, {"ditto/#", "extraFields", 0x83}, {"#", "namespaces", 0x83},
		{"#", "", 2}, {"+/a", "", 2}, {"plain/#", "filter", 2}, {"ditto/#", "x-filter", 2},
	} {
		p := &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: s.filter, QoS: 2}}}
		if s.option != "" {
			p.Properties = &paho.SubscribeProperties{User: paho.UserProperties{{Key: s.option, Value: "x"}}}
		}
		ack, _ := c.SubscribeWith(p)
		if ack == nil || ack.Reasons[0] != s.code || s.code > 2 && (ack.Properties == nil || ack.Properties.ReasonString == "") {
			t.Errorf("%s with %q: answered with %+v, want %#x", s.filter, s.option, ack, s.code)
		}
	}
}
