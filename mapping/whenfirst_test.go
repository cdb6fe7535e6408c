package mapping

import "testing"

func TestAConditionThatDoesNotLookAtThePayloadSparesReadingIt(t *testing.T) {
	each := "/list"
	for _, test := range []struct {
		name, topic, when string
		each              *string
		payload           string
		changes           int
		refused           bool
	}{
		{"holds", "a/x/set", `device == "x"`, nil, `{"v":1}`, 1, false},
		{"holds, and the payload is none", "a/x/set", `device == "x"`, nil, `ON`, 0, true},
		{"does not hold, and the payload is none", "a/x/set", `device != "x"`, nil, `ON`, 0, false},
		{"looks at the payload", "a/x/set", `device != "x" and payload.v > 0`, nil, `ON`, 0, true},
		{"looks at all variables", "a/x/set", `$env["device"] != "x"`, nil, `ON`, 0, true},
		{"once for all elements", "a/x/set", `device == "x"`, &each, `{"list":[{"v":1},{"v":2}]}`, 2, false},
		{"looks at each element", "a/x/set", `payload.v > 1`, &each, `{"list":[{"v":1},{"v":2}]}`, 1, false},
		{"looks at the whole", "a/x/set", `message.list != nil`, &each, `ON`, 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := compile(t, RuleConfig{
				Topic: "a/{device}/set", Thing: "a:b", When: test.when, Each: test.each,
				Set: []SetConfig{{Path: "/attributes/v", Expr: "payload.v * 2"}},
			})
			changes, _, err := r.Map(&Input{Topic: test.topic, Payload: []byte(test.payload), Now: noon})
			if len(changes) != test.changes || (err != nil) != test.refused {
				t.Errorf("%d changes, %v", len(changes), err)
			}
		})
	}
}

func TestPublicationTopicsNameTheTopicOfTheEvent(t *testing.T) {
	for _, test := range []struct{ topic, want string }{
		{"command///req//{{ topic:action }}", "command///req//modified"},
		{"{{ topic:group }}/{{ topic:channel }}/{{ topic:criterion }}/{{ topic:entityName | fn:upper() }}", "things/twin/events/LAMP"},
		{"x/{{ topic:subject | fn:default('none') }}", "x/none"},
		{"x/{{ topic:subject }}", "!"},
	} {
		p := publications(t, PublicationConfig{Topic: test.topic, Payload: "value", Path: "/attributes/a"})
		outs, _ := p.For(event(t, "modified", "/attributes/a", "1"), Thing{})
		if len(outs) != 1 {
			t.Fatalf("%s: %v", test.topic, outs)
		}
		if got := outs[0].Topic; got != test.want && (test.want != "!" || outs[0].Err == nil) {
			t.Errorf("%s: %s, %v", test.topic, got, outs[0].Err)
		}
	}
}
