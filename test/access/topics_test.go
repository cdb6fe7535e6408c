package access

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// Topics that no well-behaved client sends. Whatever the broker does with them,
// it goes on, and nobody is told anything.
func TestTopicsThatPretend(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: fmt.Sprintf(config, users(t, cast...))})
	ann := harness.Dial5(t, b, harness.Connect{Username: "ann", Password: password, ID: "victim"})
	ann.Subscribe("marker/ann", "plant/#", "ditto/#", "#")
	must := func(topic, payload string) {
		t.Helper()
		if err := ann.Publish(topic, payload, 1); err != nil {
			t.Fatal(err)
		}
	}
	must("ditto/org.acme/lamp/things/twin/commands/create", `{"path":"/","headers":{"response-required":false},"value":{"attributes":{"a":"classified"}}}`)
	ann.Wait("ditto/org.acme/lamp/policies/events/created")
	ann.Wait("ditto/org.acme/lamp/things/twin/events/created")
	envelope := `{"path":"/attributes/a","value":"taken"}`
	for _, topic := range []string{
		"ditto/_replies/victim", "ditto/_replies/../_replies/victim", "ditto/./_replies/victim", "ditto//_replies/victim",
		"ditto/%5Freplies/victim", "ditto/_replies%2Fvictim", "ditto%2F_replies/victim", "ditto/_replies/victim/", "DITTO/_replies/victim",
		"ditto/_replies/\x00victim", "ditto/_replies/victim\x00", "\x00", "plant/\x00", "plant/x\uffff", "plant/\xff\xfe", "plant/\xed\xa0\x80",
		"$share/g/ditto/_replies/victim", "$share/g/plant/x", "$queue/plant/x", "$SYS/twinbroker/refused", "$SYS", "$", "$/plant",
		"plant/+", "plant/#", "+", "#", "/", "//", "", " ", "plant/../plant/x", "../plant/x", "./plant/x", "plant//x/..", "plant%2Fx", "Plant/x", " plant/x", "plant /x", "plant\t/x",
		"ditto/org.acme/lamp/things/twin/events/modified", "ditto/org.acme/lamp/things/twin/commands/modify", "ditto/org.acme/../org.acme/lamp/things/twin/commands/modify",
		"ditto/org.acme%2Flamp/things/twin/commands/modify", "ditto/org.acme/lamp%00/things/twin/commands/modify", "ditto/org.acme/lamp\x00/things/twin/commands/modify",
		"ditto/org.acme/lamp/things/twin/commands/modify/..", "ditto/ORG.ACME/lamp/things/twin/commands/modify", "ditto/org.acme/lamp /things/twin/commands/modify",
		"ditto/org.acme/lamp/things/twin/../live/commands/modify", "ditto/org.acme/lamp/things/live/events/modified", "ditto/org.acme/lamp/policies/events/modified",
		"twin/org.acme/lamp/attributes/a/set", "twin/org.acme/lamp/attributes/a", "twin", "twin/", "ditto/",
	} {
		for _, version := range []byte{mqttraw.V311, mqttraw.V5} {
			for _, retain := range []bool{false, true} {
				c, _, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: version, Clean: true, Username: "eve", Password: password, Timeout: harness.Patience})
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Publish(&mqttraw.Publish{Topic: topic, Payload: []byte(envelope), QoS: 1, ID: 1, Retain: retain}); err != nil {
					t.Fatal(err)
				}
				p, err := c.ReadPacket() // an acknowledgement, or the end of the connection
				if err == nil && p.Type == mqttraw.PUBACK && version == mqttraw.V5 && p.Reason < 0x80 {
					t.Errorf("publish to %q is acknowledged as good: %v", topic, p)
				}
				_ = c.Close()
			}
			c, _, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: version, Clean: true, Username: "eve", Password: password, Timeout: harness.Patience,
				Will: &mqttraw.Will{Topic: topic, Payload: []byte(envelope), QoS: 1}})
			if err == nil {
				_ = c.Close() // the will is sent, if at all
			}
		}
	}
	// What came before the marker is all that came: wills too, of connections
	// whose ends the broker must have seen to take this one.
	for _, qos := range []byte{0, 1} {
		if err := ann.Publish("marker/ann", "", qos); err != nil {
			t.Fatal(err)
		}
	}
	for marks := 0; marks < 2; {
		switch m := ann.Wait("#"); {
		case m.Topic == "marker/ann":
			marks++
		case strings.Contains(m.Topic, "_replies"): // her own
		default:
			t.Errorf("ann received %v", m)
		}
	}
	if m := ann.Request("ditto/org.acme/lamp/things/twin/commands/retrieve", `{"path":"/attributes/a"}`, 1, "ditto/_replies/victim/x"); !strings.Contains(m.Payload, "classified") {
		t.Errorf("the Thing is %v", m)
	}
}

// Filters that no well-behaved client sends bring nothing of what is another's.
func TestFiltersThatPretend(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: fmt.Sprintf(config, users(t, cast...))})
	ann := harness.Dial5(t, b, harness.Connect{Username: "ann", Password: password, ID: "victim"})
	ann.Subscribe("marker/ann")
	eve := harness.Dial5(t, b, harness.Connect{Username: "eve", Password: password})
	eve.Subscribe("marker/eve")
	for _, filter := range []string{
		"#", "+/#", "+/+", "+/+/#", "ditto/#", "ditto/+/#", "ditto/_replies/#", "ditto/_replies/+", "ditto/_replies/victim", "ditto/_replies/victim/#",
		"$share/g/#", "$share/g/ditto/_replies/victim", "$share/g/ditto/_replies/#", "$share/g/+/_replies/victim", "$share/ditto/_replies/victim", "$share/$share/ditto/_replies/victim",
		"$SYS/#", "$SYS/+", "$SYS/+/refused", "$share/g/$SYS/#", "+/twinbroker/#", "$+/#", "$/#", "plant/#", "plant/+", "$share/g/plant/#", "/#", "/plant/#", "plant/x/..", "out/#", "in/#", "own/+/#",
		"ditto/org.acme/lamp/things/twin/events/#", "ditto/org.acme/+/things/+/events/+", "ditto/+/+/policies/#",
	} {
		eve.SubscribeAt(filter, 2)
	}
	retained := func(topic string) {
		t.Helper()
		if err := ann.PublishRetained(topic, "classified", 1); err != nil {
			t.Fatal(err)
		}
	}
	retained("plant/x")
	for _, payload := range []string{
		`create {"path":"/","value":{"attributes":{"a":"classified"}}}`, `modify {"path":"/attributes/a","value":"classified"}`,
		`retrieve {"path":"/"}`, `delete {"path":"/attributes/a"}`, `retrieve {"path":"/nonsense"}`,
	} {
		action, payload, _ := strings.Cut(payload, " ")
		_ = ann.Publish("ditto/org.acme/lamp/things/twin/commands/"+action, payload, 1)
	}
	_ = ann.Publish("ditto/org.acme/lamp/policies/commands/modify", `{"path":"/entries/DEFAULT/subjects/user:ben","value":{"type":"classified"}}`, 1)
	eve.SubscribeAt("plant/#", 2)
	for _, qos := range []byte{0, 1} {
		if err := ann.Publish("marker/eve", "", qos); err != nil {
			t.Fatal(err)
		}
	}
	for marks := 0; marks < 2; {
		if m := eve.Wait("#"); m.Topic == "marker/eve" {
			marks++
		} else {
			t.Errorf("eve received %v", m)
		}
	}
}
