package e2e

import (
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// told is what each client is told of a change: the event's value, "" for an
// event without one; who is not in it is told nothing.
type told map[string]string

func TestSubscribersAreToldWhatTheyMayRead(t *testing.T) {
	t.Parallel()
	d := openDoors(t, "")
	filters := map[string]string{"ann": "ditto/a/thing/things/twin/events/#", "bob": "#", "dan": "ditto/#", "eve": "ditto/a/thing/#", "lamp": "#", "root": "ditto/a/+/things/twin/events/+"}
	clients := map[string]harness.Client{}
	for user, filter := range filters {
		clients[user] = d.as(user, map[bool]byte{true: 5, false: 4}[len(user) == 3])
		clients[user].Subscribe(filter, "ditto/a/thing/things/#") // overlapping: still once
	}
	ann := harness.Dial5(t, d.Broker, harness.Connect{Username: "ann", Password: "password"})
	for _, row := range []struct {
		name, action, path, value string
		told                      told
	}{
		{"what most may read", "modify", "/attributes/open", "2", told{"ann": "2", "bob": "2", "dan": "2", "root": "2"}},
		{"what one may not read", "modify", "/attributes/secret", "3", told{"ann": "3", "root": "3"}},
		{"a part that is new", "modify", "/attributes/new", `"x"`, told{"ann": `"x"`, "dan": `"x"`, "root": `"x"`}},
		{"an object is cut", "modify", "/attributes", `{"secret":4,"open":3,"x":1}`, told{
			"ann": `{"secret":4,"open":3,"x":1}`, "root": `{"secret":4,"open":3,"x":1}`, "bob": `{"open":3}`, "dan": `{"open":3,"x":1}`}},
		{"an object of which nothing is left does not come", "modify", "/attributes", `{"secret":5}`, told{"ann": `{"secret":5}`, "root": `{"secret":5}`}},
		{"an empty object comes to who may read in it", "modify", "/attributes", `{}`, told{"ann": `{}`, "root": `{}`, "bob": `{}`, "dan": `{}`}},
		{"a merge is cut", "merge", "/", `{"attributes":{"open":6,"secret":7},"features":{"f":{"properties":{"a":8,"b":9}}}}`, told{
			"ann":  `{"attributes":{"open":6,"secret":7},"features":{"f":{"properties":{"a":8,"b":9}}}}`,
			"root": `{"attributes":{"open":6,"secret":7},"features":{"f":{"properties":{"a":8,"b":9}}}}`,
			"dan":  `{"attributes":{"open":6},"features":{"f":{"properties":{"a":8,"b":9}}}}`,
			"bob":  `{"attributes":{"open":6},"features":{"f":{"properties":{"a":8}}}}`}},
		{"a merge that deletes", "merge", "/attributes", `{"open":null,"secret":null}`, told{
			"ann": `{"open":null,"secret":null}`, "root": `{"open":null,"secret":null}`, "dan": `{"open":null}`, "bob": `{"open":null}`}},
		{"a merge of nothing that one may read", "merge", "/features/f/properties", `{"b":10}`, told{"ann": `{"b":10}`, "root": `{"b":10}`, "dan": `{"b":10}`}},
		{"a property", "modify", "/features/f/properties/a", `[1,{"b":2}]`, told{"ann": `[1,{"b":2}]`, "root": `[1,{"b":2}]`, "dan": `[1,{"b":2}]`, "bob": `[1,{"b":2}]`}},
		{"a Feature", "modify", "/features/f", `{"properties":{"a":1,"b":2},"definition":["a:b:1"]}`, told{
			"ann":  `{"properties":{"a":1,"b":2},"definition":["a:b:1"]}`,
			"root": `{"properties":{"a":1,"b":2},"definition":["a:b:1"]}`,
			"dan":  `{"properties":{"a":1,"b":2},"definition":["a:b:1"]}`,
			"bob":  `{"properties":{"a":1}}`}},
		{"something is deleted", "delete", "/features/f/properties/a", "", told{"ann": "", "root": "", "dan": "", "bob": ""}},
		{"something around is deleted", "delete", "/features/f", "", told{"ann": "", "root": "", "dan": ""}},
		{"a Thing as a whole", "modify", "/", `{"attributes":{"open":1,"secret":2}}`, told{
			"ann":  `{"thingId":"a:thing","policyId":"a:thing","attributes":{"open":1,"secret":2}}`,
			"root": `{"thingId":"a:thing","policyId":"a:thing","attributes":{"open":1,"secret":2}}`,
			"dan":  `{"thingId":"a:thing","policyId":"a:thing","attributes":{"open":1}}`,
			"bob":  `{"thingId":"a:thing","attributes":{"open":1}}`}},
		{"the Thing is deleted", "delete", "/", "", told{"ann": "", "root": "", "dan": ""}},
	} {
		t.Run(row.name, func(t *testing.T) {
			value := ""
			if row.value != "" {
				value = `,"value":` + row.value
			}
			mustPublish(t, ann, "ditto/a/thing/things/twin/commands/"+row.action, `{"path":"`+row.path+`"`+value+`}`, 1)
			for user, c := range clients {
				c.In(t)
				var got []string
				for _, m := range c.Drain("ditto/a/thing/things/twin/events/+") {
					e := read(t, m)
					got = append(got, string(e.Value))
					if e.Path != row.path {
						t.Errorf("%s: path %s", user, e.Path)
					}
				}
				want, some := row.told[user]
				switch {
				case !some && len(got) > 0:
					t.Errorf("%s was told %q", user, got)
				case some && (len(got) != 1 || got[0] != want):
					t.Errorf("%s was told %q, want %q", user, got, want)
				}
				for _, m := range c.Drain("#") {
					if !strings.HasPrefix(m.Topic, "plant/") {
						t.Errorf("%s received %v", user, m)
					}
				}
			}
		})
	}
}

func TestAPolicyDecidesFromTheNextEventOnAlsoForWhatWaits(t *testing.T) {
	t.Parallel()
	d := openDoors(t, "")
	ann := d.as("ann", 5)
	// A Policy by which bob may read everything, and dan nothing.
	other := `{"_policy":{"entries":{"all":{"subjects":{"user:ann":{"type":"t"},"user:bob":{"type":"t"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}}}}}`
	mustPublish(t, ann, "ditto/a/other/things/twin/commands/create", `{"path":"/","value":`+other+`}`, 1)
	keep := func(user string) harness.Client {
		return harness.Dial5(t, d.Broker, harness.Connect{ID: "keep-" + user, Keep: true, Expiry: 600, Username: user, Password: "password"})
	}
	set := func(path, value string) {
		t.Helper()
		mustPublish(t, ann, "ditto/a/thing/things/twin/commands/modify", `{"path":"`+path+`","value":`+value+`}`, 1)
	}
	for _, user := range []string{"bob", "dan"} {
		c := keep(user)
		c.Subscribe("ditto/a/thing/things/twin/events/#")
		c.Disconnect()
	}
	set("/attributes", `{"open":10,"secret":11}`)
	set("/attributes/secret", "12")
	set("/policyId", `"a:other"`)
	values := func(c harness.Client) string {
		var all []string
		for _, m := range c.Drain("ditto/#") {
			all = append(all, string(read(t, m).Value))
		}
		return strings.Join(all, " ")
	}
	bob, dan := keep("bob"), keep("dan")
	// What bob was not to have by the Policy that the Thing had when it happened
	// is not there for him, whatever its present one says.
	if got := values(bob); got != `{"open":10} "a:other"` {
		t.Errorf("bob: %s", got)
	}
	if got := values(dan); got != "" {
		t.Errorf("dan: %s", got)
	}
	set("/attributes/secret", "13")
	if got := values(bob); got != "13" {
		t.Errorf("bob: %s", got)
	}
	set("/policyId", `"a:thing"`)
	set("/attributes/secret", "14")
	set("/attributes/open", "15")
	if got := values(bob); got != "15" {
		t.Errorf("bob: %s", got)
	}
	if got := values(dan); got != `"a:thing" 15` {
		t.Errorf("dan: %s", got)
	}
	waitMetric(t, d.Broker, `twinbroker_deliveries_withheld_total{when="sent"}`, func(n float64) bool { return n > 0 })
}

// Who makes a Thing of a name that somebody else's Thing had is not told more of
// that one than the Policy allowed under which it was told.
func TestWhatWaitsIsOfTheThingThatWas(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, anew string // the Thing that bob makes
		steps      []string
		values     string
	}{
		{"with a Policy of the same name that is another one", `{"_policy":%s,"attributes":{"mine":1}}`,
			[]string{"things/twin/commands/delete", "policies/commands/delete"}, `{"open":20} 21`},
		{"with another Policy while the first is there", `{"policyId":"a:bobs","attributes":{"mine":1}}`,
			[]string{"things/twin/commands/delete"}, `{"open":20} 21`},
		{"with another Policy when the first is gone", `{"policyId":"a:bobs","attributes":{"mine":1}}`,
			[]string{"things/twin/commands/delete", "policies/commands/delete"}, `{"open":20} 21`},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := openDoors(t, "")
			ann, bob := d.as("ann", 5), d.as("bob", 5)
			const bobs = `{"entries":{"own":{"subjects":{"user:bob":{"type":"t"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}}}}`
			mustPublish(t, bob, "ditto/a/bobs/policies/commands/create", `{"path":"/","value":`+bobs+`}`, 1)
			keep := func() *harness.Client5 {
				return harness.Dial5(t, d.Broker, harness.Connect{ID: "keep-bob", Keep: true, Expiry: 600, Username: "bob", Password: "password"})
			}
			c := keep()
			c.Subscribe("ditto/a/thing/things/twin/events/modified", "ditto/a/thing/policies/events/#")
			c.Disconnect()
			mustPublish(t, ann, "ditto/a/thing/things/twin/commands/modify", `{"path":"/attributes","value":{"open":20,"secret":22}}`, 1)
			mustPublish(t, ann, "ditto/a/thing/things/twin/commands/modify", `{"path":"/attributes/open","value":21}`, 1)
			for _, step := range row.steps {
				mustPublish(t, ann, "ditto/a/thing/"+step, `{"path":"/"}`, 1)
			}
			anew := strings.Replace(row.anew, "%s", bobs, 1)
			mustPublish(t, bob, "ditto/a/thing/things/twin/commands/create", `{"path":"/","value":`+anew+`}`, 1)
			var all []string
			for _, m := range keep().Drain("ditto/a/thing/things/twin/#") {
				all = append(all, string(read(t, m).Value))
			}
			if got := strings.Join(all, " "); got != row.values {
				t.Errorf("bob was told %s, want %s", got, row.values)
			}
		})
	}
}

// Likewise of a Policy: who makes another one of its name is not told what the
// one before said.
func TestWhatWaitsIsOfThePolicyThatWas(t *testing.T) {
	t.Parallel()
	d := openDoors(t, "")
	ann, bob := d.as("ann", 5), d.as("bob", 5)
	policy := func(bobs string) string {
		return `{"path":"/","value":{"entries":{"own":{"subjects":{"user:ann":{"type":"t"}},"resources":{"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}},` +
			`"guest":{"subjects":{"user:bob":{"type":"t"}},"resources":{"policy:/entries/guest":{"grant":["READ","WRITE"],"revoke":[]}` + bobs + `}}}}}`
	}
	mustPublish(t, ann, "ditto/a/p/policies/commands/create", policy(""), 1)
	keep := func() *harness.Client5 {
		return harness.Dial5(t, d.Broker, harness.Connect{ID: "keep-bob", Keep: true, Expiry: 600, Username: "bob", Password: "password"})
	}
	c := keep()
	c.Subscribe("ditto/a/p/policies/events/modified")
	c.Disconnect()
	mustPublish(t, ann, "ditto/a/p/policies/commands/modify", policy(""), 1)
	mustPublish(t, ann, "ditto/a/p/policies/commands/delete", `{"path":"/"}`, 1)
	mustPublish(t, bob, "ditto/a/p/policies/commands/create", policy(`,"policy:/":{"grant":["READ","WRITE"],"revoke":[]}`), 1)
	got := keep().Drain("ditto/a/p/#")
	if len(got) != 1 || !strings.Contains(got[0].Payload, `"guest"`) || strings.Contains(got[0].Payload, `"own"`) {
		t.Errorf("bob was told %v", got)
	}
}

func TestSharedSubscriptionsGoToWhoMayRead(t *testing.T) {
	t.Parallel()
	d := openDoors(t, "")
	ann := d.as("ann", 5)
	clients := map[string]harness.Client{}
	for _, user := range []string{"bob", "eve", "dan"} {
		clients[user] = d.as(user, 5)
		clients[user].Subscribe("$share/g/ditto/a/thing/#")
	}
	for range 6 {
		mustPublish(t, ann, "ditto/a/thing/things/twin/commands/modify", `{"path":"/attributes/other","value":1}`, 1)
	}
	for user, want := range map[string]int{"bob": 0, "eve": 0, "dan": 6} {
		if got := clients[user].Drain("ditto/#"); len(got) != want {
			t.Errorf("%s received %v", user, got)
		}
	}
}

func TestPublicationsTellWhatTheirSubjectsMayRead(t *testing.T) {
	t.Parallel()
	d := openDoors(t, "")
	ann, bob, lamp := d.as("ann", 5), d.as("bob", 5), d.as("lamp", 5)
	for _, c := range []harness.Client{ann, bob, lamp} {
		c.Subscribe("#") // lamp has no rule for plant
	}
	ann.Drain("#")
	bob.Drain("#")
	mustPublish(t, ann, "ditto/a/thing/things/twin/commands/modify", `{"path":"/attributes","value":{"open":"o","secret":"s"}}`, 1)
	values := func(c harness.Client) string {
		var all []string
		for _, m := range c.Drain("plant/#") {
			text := m.Payload
			if strings.HasPrefix(text, `{"topic"`) {
				text = string(read(t, m).Value)
			}
			all = append(all, m.Topic+" "+text)
		}
		return strings.Join(all, "; ")
	}
	if got := values(ann); got != `plant/bob/modified {"open":"o"}` {
		t.Errorf("ann: %s", got)
	}
	if got := values(bob); got != `plant/bob/modified {"open":"o"}; plant/for-bob {"attributes":{"open":"o","secret":"s"}}` {
		t.Errorf("bob: %s", got)
	}
	if got := values(lamp); got != "" {
		t.Errorf("lamp: %s", got)
	}
	// What is retained comes to who may have the topic.
	for user, want := range map[string]int{"bob": 1, "mos": 1, "lamp": 0, "eve": 0} {
		c := d.as(user, 5)
		c.Subscribe("#")
		if got := c.Drain("plant/#"); len(got) < want || want == 0 && len(got) > 0 {
			t.Errorf("%s received %v", user, got)
		}
	}
}
