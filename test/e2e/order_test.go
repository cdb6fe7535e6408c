package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

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
