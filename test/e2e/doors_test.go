package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/test/harness"
)

// doors is a broker with users, rules and a Thing whose Policy gives each of
// them something else:
//
//	ann    everything; group ops
//	bob    attributes/open and features/f/properties/a; group ops
//	dan    everything but attributes/secret
//	eve    nothing
//	lamp   nothing; group devices
//	root   nothing, but is an administrator
type doors struct {
	*harness.Broker
	t testing.TB
}

const doorsRules = `
auth: {users_file: %s, admin_subjects: ["group:admins"], anonymous: ["anonymous:some"]}
acl:
  - {subjects: ["group:all", "anonymous:some"], publish: ["harness/fence/#"], subscribe: ["harness/fence/#"]}
  - {subjects: ["group:ops"], publish: ["plant/#"], subscribe: ["plant/#", "$SYS/#"]}
  - {subjects: ["group:devices"], publish: ["d/{{ client:username }}/#", "e/#"], subscribe: ["d/{{ client:username }}/cmd", "shared/#"]}
  - {subjects: ["user:eve"], subscribe: ["shared/#"]}
acl_file: %s
mappings:
  - {topic: "d/{device}/t", thing: "a:thing", set: {/attributes/open: ""}, format: text}
  - {topic: "m/{device}/t", thing: "a:thing", set: {/attributes/open: ""}, format: text}
publications:
  - {subjects: ["user:bob"], topic: "plant/bob/{{ topic:action }}", retain: true}
  - {subjects: ["user:eve"], topic: "plant/eve"}
  - {subjects: ["user:dan"], topic: "plant/dan", path: "/attributes/secret", payload: value}
  - {subjects: ["user:ann"], topic: "plant/for-bob", to: "user:bob", payload: value}
`

var doorsThing = `{"_policy":{"entries":{
 "all":{"subjects":{"user:ann":{"type":"t"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]},"message:/":{"grant":["READ","WRITE"],"revoke":[]}}},
 "part":{"subjects":{"user:bob":{"type":"t"}},"resources":{"thing:/attributes/open":{"grant":["READ"],"revoke":[]},"thing:/features/f/properties/a":{"grant":["READ"],"revoke":[]}}},
 "but":{"subjects":{"user:dan":{"type":"t"}},"resources":{"thing:/":{"grant":["READ"],"revoke":[]},"thing:/attributes/secret":{"grant":[],"revoke":["READ"]}}},
 "device":{"subjects":{"user:lamp":{"type":"t"}},"resources":{"thing:/attributes/open":{"grant":["WRITE"],"revoke":[]}}}
}},"attributes":{"open":1,"secret":2},"features":{"f":{"properties":{"a":1,"b":2}}}}`

func openDoors(t testing.TB, more string) *doors {
	t.Helper()
	hash := auth.Hash([]byte("password"))
	var users strings.Builder
	for _, u := range []string{"ann:ops,all", "bob:ops,all", "dan:all", "eve:all", "lamp:devices,all", "ward:devices,all", "root:admins", "mos:all"} {
		name, groups, _ := strings.Cut(u, ":")
		fmt.Fprintf(&users, "%s:%s:%s\n", name, hash, groups)
	}
	file := harness.WriteFile(t, "users.passwd", users.String())
	rules := harness.WriteFile(t, "acl.conf", "# as mosquitto has it\nuser mos\ntopic write from/mos\ntopic read plant/#\ntopic deny plant/secret\npattern readwrite own/%u/#\n")
	d := &doors{t: t, Broker: harness.Start(t, harness.Options{Config: fmt.Sprintf(doorsRules, file, rules) + more})}
	ann := d.as("ann", 5)
	mustPublish(t, ann, "ditto/a/thing/things/twin/commands/create", `{"path":"/","value":`+doorsThing+`}`, 1)
	return d
}

// as connects a user.
func (d *doors) as(user string, version byte) harness.Client {
	d.t.Helper()
	return harness.Dial(d.t, d.Broker, version, harness.Connect{Username: user, Password: "password"})
}

func TestWhoMaySubscribe(t *testing.T) {
	t.Parallel()
	d := openDoors(t, "")
	for _, version := range []byte{5, 4} {
		refused := map[byte]byte{5: 0x87, 4: 0x80}[version]
		clients := map[string]harness.Client{}
		for _, user := range []string{"ann", "eve", "lamp", "root", "mos"} {
			clients[user] = d.as(user, version)
		}
		for _, row := range []struct {
			user, filter string
			granted      bool
		}{
			{"ann", "plant/#", true}, {"ann", "plant/+/x", true}, {"ann", "#", true}, {"ann", "+/x", true}, {"ann", "$SYS/#", true},
			{"ann", "other", false}, {"ann", "other/#", false}, {"ann", "$share/g/plant/#", true}, {"ann", "$share/g/other", false},
			{"eve", "plant/#", false}, {"eve", "$SYS/#", false}, {"eve", "$SYS/twinbroker/refused", false}, {"eve", "$share/g/$SYS/#", false},
			{"eve", "ditto/#", true}, {"eve", "ditto/a/thing/things/twin/events/#", true}, {"eve", "$share/g/ditto/#", true},
			{"eve", "ditto/_replies/#", true}, {"eve", "own/eve/x", true}, {"eve", "own/ann/x", false}, {"eve", "own/+/x", true},
			{"eve", "dittox/#", false}, {"eve", "../ditto", false}, {"eve", "ditto%2F#x", false}, {"eve", "$ditto/a", false},
			{"lamp", "d/lamp/cmd", true}, {"lamp", "d/+/cmd", true}, {"lamp", "d/ward/cmd", false}, {"lamp", "d/lamp/t", false},
			{"root", "$SYS/#", true}, {"root", "anything/at/all", true},
			{"mos", "plant/#", true}, {"mos", "plant/secret", false}, {"mos", "from/mos", false}, {"mos", "own/mos/#", true},
		} {
			want := refused
			if row.filter == "ditto%2F#x" {
				want = map[byte]byte{5: 0x8F, 4: 0x80}[version]
			}
			if row.granted {
				want = 1
			}
			if got := clients[row.user].SubscribeAt(row.filter, 1); got != want {
				t.Errorf("MQTT %d: %s subscribes to %s: %#x, want %#x", version, row.user, row.filter, got, want)
			}
		}
	}
	waitMetric(t, d.Broker, "twinbroker_subscriptions_refused_total", func(n float64) bool { return n > 20 })
}

func TestWhoMayPublish(t *testing.T) {
	t.Parallel()
	d := openDoors(t, "")
	root := d.as("root", 5)
	root.Subscribe("#", "$SYS/twinbroker/refused")
	for _, row := range []struct {
		user, topic, payload string
		allowed              bool
	}{
		{"ann", "plant/x", "1", true}, {"ann", "other", "1", false}, {"ann", "$SYS/broker/version", "1", false},
		{"eve", "plant/x", "1", false}, {"eve", "own/eve/x", "1", true}, {"eve", "own/ann/x", "1", false}, {"eve", "dittos/x", "1", false},
		{"lamp", "d/lamp/x", "1", true}, {"lamp", "d/ward/x", "1", false}, {"lamp", "d/lamp/t", "5", true},
		{"lamp", "d/ward/t", "5", false}, // a mapping would take it in
		{"lamp", "m/lamp/t", "5", false}, // and this one, too
		{"root", "anything", "1", true}, {"root", "$SYS/x", "1", false},
		{"mos", "from/mos", "1", true}, {"mos", "plant/x", "1", false}, {"mos", "own/mos/a/b", "1", true},
		{"eve", "ditto/_replies/ann", "1", false}, {"ann", "ditto/a/thing/things/twin/events/modified", `{"path":"/","value":1}`, false},
	} {
		t.Run(fmt.Sprintf("%s to %s", row.user, row.topic), func(t *testing.T) {
			c := harness.Dial5(t, d.Broker, harness.Connect{Username: row.user, Password: "password"})
			c.Subscribe("ditto/_replies/#")
			root.Drain("#")
			err := c.Publish(row.topic, row.payload, 1)
			refused := (*harness.Refused)(nil)
			if errors.As(err, &refused); (err == nil) != row.allowed || refused != nil && (refused.Code != 0x87 || refused.Reason == "") {
				t.Fatalf("%v", err)
			}
			all := root.Drain("#")
			reached := len(all) > 0
			if reached != row.allowed {
				t.Errorf("received %v", all)
			}
			if !row.allowed {
				if m := root.Wait("$SYS/twinbroker/refused"); !strings.Contains(m.Payload, `"topic":"`+row.topic+`"`) || !strings.Contains(m.Payload, `"identity":"user:`+row.user+`"`) {
					t.Errorf("told %s", m.Payload)
				}
				if e := read(t, c.Wait("ditto/_replies/+")); e.Status != 403 {
					t.Errorf("answered %+v", e)
				}
			}
		})
	}
	t.Run("by 3.1.1", func(t *testing.T) {
		c := d.as("eve", 4)
		c.Subscribe("ditto/_replies/#")
		root.Drain("#")
		mustPublish(t, c, "plant/x", "1", 1)
		if e := read(t, c.Wait("ditto/_replies/+")); e.Status != 403 {
			t.Errorf("answered %+v", e)
		}
		if got := root.Drain("plant/#"); len(got) > 0 {
			t.Errorf("received %v", got)
		}
	})
}

func TestWhatOneMayNotSendNobodySendsForHim(t *testing.T) {
	t.Parallel()
	d := openDoors(t, "")
	root := d.as("root", 5)
	root.Subscribe("#")
	for _, topic := range []string{"plant/x", "d/ward/t", "$SYS/x", "ditto/_replies/ann", "ditto/a/thing/things/twin/events/modified"} {
		t.Run("a will to "+topic, func(t *testing.T) {
			c, err := harness.TryDial5(t, d.Broker, harness.Connect{Username: "eve", Password: "password", Will: &paho.WillMessage{Topic: topic, Payload: []byte("1")}})
			if err == nil || c.Connack == nil || c.Connack.ReasonCode != 0x87 {
				t.Errorf("let in: %v", err)
			}
			if _, err := harness.TryDial3(t, d.Broker, harness.Connect{Username: "eve", Password: "password", Will: &paho.WillMessage{Topic: topic, Payload: []byte("1")}}); err == nil {
				t.Error("let in")
			}
		})
		t.Run("a response to "+topic, func(t *testing.T) {
			c := harness.Dial5(t, d.Broker, harness.Connect{Username: "eve", Password: "password"})
			c.Subscribe("ditto/_replies/#")
			root.Drain("#")
			for _, p := range []*paho.Publish{
				{Topic: "ditto/a/thing/things/twin/commands/retrieve", Payload: []byte(`{"path":"/"}`), QoS: 1, Properties: &paho.PublishProperties{ResponseTopic: topic}},
				{Topic: "ditto/a/thing/things/twin/commands/retrieve", Payload: []byte(`{"path":"/","headers":{"reply-to":"` + topic + `"}}`), QoS: 1},
			} {
				err := c.Send(p)
				if topic == "ditto/_replies/ann" { // one of one's own, whatever it is called
					continue
				}
				if refused := (*harness.Refused)(nil); !errors.As(err, &refused) || refused.Code != 0x87 && refused.Code != 0x99 {
					t.Errorf("%v", err)
				}
			}
			if got := root.Drain("#"); len(got) > 0 {
				t.Errorf("received %v", got)
			}
		})
	}
	t.Run("a will that is allowed is sent", func(t *testing.T) {
		c := harness.Dial5(t, d.Broker, harness.Connect{Username: "lamp", Password: "password", Will: &paho.WillMessage{Topic: "d/lamp/t", Payload: []byte("77"), QoS: 1}})
		c.Drop()
		if m := root.Wait("d/lamp/t"); m.Payload != "77" {
			t.Errorf("received %v", m)
		}
	})
	t.Run("a response in one's own tree is sent", func(t *testing.T) {
		c := harness.Dial5(t, d.Broker, harness.Connect{Username: "eve", Password: "password"})
		c.Subscribe("own/eve/answers")
		if e := read(t, c.Request("ditto/a/thing/things/twin/commands/retrieve", `{"path":"/"}`, 1, "own/eve/answers")); e.Status != 404 {
			t.Errorf("answered %+v", e)
		}
	})
}
