package mapping

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

var roots = Roots{Ditto: "ditto", State: "twin"}

// noon is when all messages of the tests arrive.
var noon = time.Date(2026, 7, 1, 12, 0, 0, 42_000_000, time.UTC)

// compile compiles rules that are right.
func compile(t testing.TB, rules ...RuleConfig) *Rules {
	t.Helper()
	r, problems := Compile(rules, roots)
	for _, p := range problems {
		t.Error(p)
	}
	if r == nil {
		t.FailNow()
	}
	return r
}

// lines are set lines: a path and a pointer in turn. A pointer that begins
// with = is a constant in JSON.
func lines(t testing.TB, pairs ...string) []SetConfig {
	t.Helper()
	var set []SetConfig
	for i := 0; i < len(pairs); i += 2 {
		line := SetConfig{Path: pairs[i], Pointer: pairs[i+1]}
		if constant, ok := strings.CutPrefix(pairs[i+1], "="); ok {
			v, err := jsondoc.ParseString(constant)
			if err != nil {
				t.Fatal(err)
			}
			line.Pointer, line.Value = "", v
		}
		set = append(set, line)
	}
	return set
}

// told is the changes in one text: the Thing's ID and the patch of each.
func told(changes []Change) string {
	var b strings.Builder
	for i, c := range changes {
		if i > 0 {
			b.WriteString(" | ")
		}
		b.WriteString(c.Message.Topic.EntityID() + " " + c.Message.Value.String())
	}
	return b.String()
}

func TestMap(t *testing.T) {
	telemetry := RuleConfig{
		Topic: "devices/{device}/telemetry", Thing: "org.acme:{{ device }}",
		Set: lines(t,
			"/features/environment/properties/temperature", "/temp",
			"/features/environment/properties/humidity", "/hum",
			"/attributes/lastSeen", `="{{ time:now }}"`),
	}
	one := func(r RuleConfig) []RuleConfig { return []RuleConfig{r} }
	set := func(pairs ...string) RuleConfig {
		return RuleConfig{Topic: "t/{device}", Thing: "org.acme:{{ device }}", Set: lines(t, pairs...)}
	}
	with := func(r RuleConfig, change func(*RuleConfig)) []RuleConfig { change(&r); return one(r) }
	for _, test := range []struct {
		name    string
		rules   []RuleConfig
		topic   string
		payload string
		want    string // what told gives
	}{
		{"values go where the lines say", one(telemetry), "devices/d1/telemetry", `{"temp":23.420,"hum":60}`,
			`org.acme:d1 {"features":{"environment":{"properties":{"temperature":23.420,"humidity":60}}},"attributes":{"lastSeen":"2026-07-01T12:00:00.042Z"}}`},
		{"a value that is not there skips its line", one(telemetry), "devices/d1/telemetry", `{"hum":60}`,
			`org.acme:d1 {"features":{"environment":{"properties":{"humidity":60}}},"attributes":{"lastSeen":"2026-07-01T12:00:00.042Z"}}`},
		{"a branch of which nothing is there is left out", one(telemetry), "devices/d1/telemetry", `{}`,
			`org.acme:d1 {"attributes":{"lastSeen":"2026-07-01T12:00:00.042Z"}}`},
		{"nothing is there", one(set("/attributes/a", "/x")), "t/d1", `{"y":1}`, ``},
		{"a null is skipped", one(set("/attributes/a", "/x", "/attributes/b", "/y")), "t/d1", `{"x":null,"y":1}`, `org.acme:d1 {"attributes":{"b":1}}`},
		{"a null deletes where it is asked to", with(set("/attributes/a", "/x"), func(r *RuleConfig) { r.Nulls = "delete" }),
			"t/d1", `{"x":null}`, `org.acme:d1 {"attributes":{"a":null}}`},
		{"nulls within an object are skipped", one(set("/attributes", "")), "t/d1", `{"a":1,"b":null,"c":{"d":null},"e":[null],"f":{"g":null,"h":2}}`,
			`org.acme:d1 {"attributes":{"a":1,"e":[null],"f":{"h":2}}}`},
		{"nulls within an object delete where asked to", with(set("/attributes", ""), func(r *RuleConfig) { r.Nulls = "delete" }),
			"t/d1", `{"b":null}`, `org.acme:d1 {"attributes":{"b":null}}`},
		{"an empty object stays one", one(set("/attributes/a", "")), "t/d1", `{}`, `org.acme:d1 {"attributes":{"a":{}}}`},
		{"the whole payload", one(set("/features/f/properties", "")), "t/d1", `{"b":1,"a":[1,2]}`, `org.acme:d1 {"features":{"f":{"properties":{"b":1,"a":[1,2]}}}}`},
		{"a payload is the thing", one(set("/", "")), "t/d1", `{"attributes":{"a":1}}`, `org.acme:d1 {"attributes":{"a":1}}`},
		{"a pointer into an array", one(set("/attributes/a", "/list/1/v")), "t/d1", `{"list":[{"v":1},{"v":2}]}`, `org.acme:d1 {"attributes":{"a":2}}`},
		{"a pointer beyond an array", one(set("/attributes/a", "/list/2")), "t/d1", `{"list":[1,2]}`, ``},
		{"a pointer into a scalar", one(set("/attributes/a", "/x/y")), "t/d1", `{"x":1}`, ``},
		{"a pointer with escapes", one(set("/attributes/a", "/x~1y~0z")), "t/d1", `{"x/y~z":1}`, `org.acme:d1 {"attributes":{"a":1}}`},
		{"a path with escapes", one(set("/attributes/x~0y", "")), "t/d1", `1`, `org.acme:d1 {"attributes":{"x~y":1}}`},
		{"captures fill in a path", []RuleConfig{{Topic: "s/{device}/{feature}/{property}", Format: "text", Thing: "org.acme:{{device}}",
			Set: lines(t, "/features/{{ feature }}/properties/{{ property }}", "")}},
			"s/d1/lamp/on", `ON`, `org.acme:d1 {"features":{"lamp":{"properties":{"on":"ON"}}}}`},
		{"a capture is a key, whatever it holds", []RuleConfig{{Topic: "s/{key}", Format: "text", Thing: "org.acme:d1", Set: lines(t, "/attributes/{{ key }}", "")}},
			`s/a"b~1`, `x`, `org.acme:d1 {"attributes":{"a\"b~1":"x"}}`},
		{"a captured rest fills in levels", []RuleConfig{{Topic: "s/{path...}", Format: "text", Thing: "org.acme:d1", Set: lines(t, "/attributes/{{ path }}/now", "")}},
			`s/a/b/c`, `x`, `org.acme:d1 {"attributes":{"a":{"b":{"c":{"now":"x"}}}}}`},
		{"lines that meet in one place are put together", []RuleConfig{{Topic: "s/{a}/{b}", Thing: "org.acme:d1",
			Set: lines(t, "/features/{{ a }}/properties/x", "/x", "/features/{{ b }}/properties/y", "/y")}},
			`s/f/f`, `{"x":1,"y":2}`, `org.acme:d1 {"features":{"f":{"properties":{"x":1,"y":2}}}}`},
		{"captures with text around them", []RuleConfig{{Topic: "tele/tasmota-{device}/SENSOR", Format: "text", Thing: "org.acme:{{ device }}", Set: lines(t, "/attributes/a", "")}},
			`tele/tasmota-7/SENSOR`, `x`, `org.acme:7 {"attributes":{"a":"x"}}`},
		{"text", with(set("/attributes/a", ""), func(r *RuleConfig) { r.Format = "text" }), "t/d1", "say \"hi\"\n", `org.acme:d1 {"attributes":{"a":"say \"hi\"\n"}}`},
		{"no text", with(set("/attributes/a", ""), func(r *RuleConfig) { r.Format = "text" }), "t/d1", "", `org.acme:d1 {"attributes":{"a":""}}`},
		{"a number keeps its digits", with(set("/attributes/a", ""), func(r *RuleConfig) { r.Format = "number" }), "t/d1", " 23.420\n", `org.acme:d1 {"attributes":{"a":23.420}}`},
		{"constants of all kinds", one(set("/attributes/a", `={"n":1.0,"l":[true,null,"{{ client:id }}"],"s":"{{ client:username }} at {{ topic:full }}, {{ payload:/v }}"}`)),
			"t/d1", `{"v":1e3}`, `org.acme:d1 {"attributes":{"a":{"n":1.0,"l":[true,null,"c1"],"s":"u1 at t/d1, 1e3"}}}`},
		{"the time as a count", one(set("/attributes/a", `="{{ time:now_epoch_millis }}"`)), "t/d1", `0`, `org.acme:d1 {"attributes":{"a":"1782907200042"}}`},
		{"a constant null deletes", one(set("/attributes/a", "=null")), "t/d1", `0`, `org.acme:d1 {"attributes":{"a":null}}`},
		{"a constant whose placeholder has no value skips its line", one(set("/attributes/a", `="{{ payload:/v }}"`, "/attributes/b", "")), "t/d1", `0`, `org.acme:d1 {"attributes":{"b":0}}`},
		{"the thing's ID from the payload", []RuleConfig{{Topic: "t", Thing: "{{ payload:/id }}", Set: lines(t, "/attributes/a", "/v")}},
			"t", `{"id":"org.acme:d9","v":1}`, `org.acme:d9 {"attributes":{"a":1}}`},
		{"all rules that fit apply, in their order", []RuleConfig{
			{Topic: "t/{rest...}", Thing: "org.acme:all", Set: lines(t, "/attributes/a", "")},
			{Topic: "u/{x}", Thing: "org.acme:no", Set: lines(t, "/attributes/a", "")},
			{Topic: "t/{x}", Thing: "org.acme:{{ x }}", Set: lines(t, "/attributes/a", "")},
			{Topic: "t/d1", Format: "text", Thing: "org.acme:literal", Set: lines(t, "/attributes/a", "")},
		}, "t/d1", `1`, `org.acme:all {"attributes":{"a":1}} | org.acme:d1 {"attributes":{"a":1}} | org.acme:literal {"attributes":{"a":"1"}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			changes, matched, err := compile(t, test.rules...).Map(&Input{Topic: test.topic, Payload: []byte(test.payload), Client: "c1", Username: "u1", Now: noon})
			if err != nil || !matched {
				t.Fatalf("matched %v, error %v", matched, err)
			}
			if got := told(changes); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			for _, c := range changes {
				m := c.Message
				if m.Topic.Action != protocol.ActionMerge || len(m.Path) != 0 || m.Headers.ResponseRequired() {
					t.Errorf("not a merge at the root without a response: %s", m.AppendJSON(nil))
				}
				if v, err := jsondoc.ParseString(m.Value.String()); err != nil || !jsondoc.Equal(v, m.Value) {
					t.Errorf("the patch is not JSON: %v", err)
				}
			}
		})
	}
}

func TestMapRefuses(t *testing.T) {
	for _, test := range []struct {
		name    string
		rule    RuleConfig
		topic   string
		payload string
		code    string
		says    []string
	}{
		{"a payload that is not JSON", RuleConfig{Topic: "t/{d}", Thing: "a:{{ d }}", Set: lines(t, "/attributes/a", "")}, "t/x", `{"a":`,
			"connectivity:message.mapping.failed", []string{"mappings[0] (t/{d})", `"{\"a\":" is not JSON`}},
		{"duplicate keys", RuleConfig{Topic: "t", Thing: "a:b", Set: lines(t, "/attributes/a", "")}, "t", `{"a":1,"a":2}`,
			"connectivity:message.mapping.failed", []string{"is not JSON"}},
		{"a number that is none", RuleConfig{Topic: "t", Format: "number", Thing: "a:b", Set: lines(t, "/attributes/a", "")}, "t", ` 0x1f`,
			"connectivity:message.mapping.failed", []string{`"0x1f" is not a number`}},
		{"NaN", RuleConfig{Topic: "t", Format: "number", Thing: "a:b", Set: lines(t, "/attributes/a", "")}, "t", `NaN`,
			"connectivity:message.mapping.failed", []string{`"NaN" is not a number that JSON has`}},
		{"text that is none", RuleConfig{Topic: "t", Format: "text", Thing: "a:b", Set: lines(t, "/attributes/a", "")}, "t", "\xff",
			"connectivity:message.mapping.failed", []string{"not valid UTF-8"}},
		{"an ID that breaks the rules", RuleConfig{Topic: "t/{d...}", Thing: "a:{{ d }}", Set: lines(t, "/attributes/a", "")}, "t/x/y", `1`,
			"things:id.invalid", []string{"mappings[0] (t/{d...})", `"a:x/y"`}},
		{"an empty level as ID", RuleConfig{Topic: "t/{d}/u", Thing: "a:{{ d }}", Set: lines(t, "/attributes/a", "")}, "t//u", `1`,
			"things:id.invalid", []string{`"a:"`}},
		{"an ID that is not in the payload", RuleConfig{Topic: "t", Thing: "{{ payload:/id }}", Set: lines(t, "/attributes/a", "/v")}, "t", `{"v":1}`,
			"connectivity:message.mapping.failed", []string{"needs {{ payload:/id }}"}},
		{"an ID that is an object", RuleConfig{Topic: "t", Thing: "{{ payload:/id }}", Set: lines(t, "/attributes/a", "/v")}, "t", `{"id":{},"v":1}`,
			"connectivity:message.mapping.failed", []string{"needs {{ payload:/id }}"}},
		{"a user that there is none of", RuleConfig{Topic: "t", Thing: "a:{{ client:username }}", Set: lines(t, "/attributes/a", "")}, "t", `1`,
			"connectivity:message.mapping.failed", []string{"needs {{ client:username }}"}},
		{"a policy's ID that breaks the rules", RuleConfig{Topic: "t", Thing: "a:b", Create: &CreateConfig{Policy: "a:{{ payload:/p }}"}, Set: lines(t, "/attributes/a", "/v")}, "t", `{"v":1,"p":"x/y"}`,
			"policies:id.invalid", []string{`"a:x/y"`}},
		{"an empty level in a path", RuleConfig{Topic: "t/{k}/u", Thing: "a:b", Set: lines(t, "/attributes/{{ k }}", "")}, "t//u", `1`,
			"connectivity:message.mapping.failed", []string{`"/attributes/{{ k }}" has an empty level`}},
		{"an empty level in a captured rest", RuleConfig{Topic: "t/{k...}", Thing: "a:b", Set: lines(t, "/attributes/{{ k }}", "")}, "t/a//b", `1`,
			"connectivity:message.mapping.failed", []string{"has an empty level"}},
		{"two lines that write one place", RuleConfig{Topic: "t/{a}/{b}", Thing: "a:b", Set: lines(t, "/attributes/{{ a }}", "", "/attributes/{{ b }}", "")}, "t/k/k", `1`,
			"connectivity:message.mapping.failed", []string{"two lines of set lead to one place"}},
		{"a thing that is a number", RuleConfig{Topic: "t", Thing: "a:b", Set: lines(t, "", "")}, "t", `1`,
			"connectivity:message.mapping.failed", []string{"must be an object"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			changes, matched, err := compile(t, test.rule).Map(&Input{Topic: test.topic, Payload: []byte(test.payload), Now: noon})
			if err == nil || !matched || changes != nil {
				t.Fatalf("changes %q, matched %v, error %v", told(changes), matched, err)
			}
			if err.Status != 400 || err.Code != test.code {
				t.Errorf("status %d, code %s, want 400, %s", err.Status, err.Code, test.code)
			}
			for _, words := range test.says {
				if !strings.Contains(err.Message, words) {
					t.Errorf("the message does not say %s: %s", words, err.Message)
				}
			}
		})
	}
}

func TestARefusalOfOneRuleLeavesNoChangeOfOthers(t *testing.T) {
	r := compile(t,
		RuleConfig{Topic: "t", Format: "text", Thing: "a:b", Set: lines(t, "/attributes/a", "")},
		RuleConfig{Topic: "t", Thing: "a:b", Set: lines(t, "/attributes/a", "")})
	if changes, matched, err := r.Map(&Input{Topic: "t", Payload: []byte("no JSON")}); changes != nil || !matched || err == nil {
		t.Errorf("changes %q, matched %v, error %v", told(changes), matched, err)
	}
}

func TestMapIsForManyGoroutines(t *testing.T) {
	r := compile(t, RuleConfig{Topic: "t/{d}/{k}", Thing: "a:{{ d }}-{{ k }}", Create: &CreateConfig{Policy: "p:{{ payload:/v }}"},
		Set: lines(t, "/attributes/{{ k }}/x", "/v", "/features/f/properties/y", `="{{ payload:/v }} {{ d }}"`)})
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			var kept []Change
			for i := range 200 {
				payload := fmt.Appendf(nil, `{"v":%d}`, g*1000+i)
				changes, _, err := r.Map(&Input{Topic: fmt.Sprintf("t/%d/%d", g, i), Payload: payload})
				if err != nil {
					t.Error(err)
					return
				}
				clear(payload) // it is the caller's again
				kept = append(kept, changes...)
			}
			for i := range kept {
				v := g*1000 + i
				want := fmt.Sprintf(`a:%d-%d {"attributes":{"%d":{"x":%d}},"features":{"f":{"properties":{"y":"%d %d"}}}} p:%d`, g, i, i, v, v, g, v)
				if got := told(kept[i:i+1]) + " " + kept[i].Create.Policy; got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			}
		})
	}
	all.Wait()
}

func TestMapCreatesWhereItIsAskedTo(t *testing.T) {
	rule := RuleConfig{Topic: "t/{d}", Thing: "a:{{ d }}", Set: lines(t, "/attributes/a", "")}
	for _, test := range []struct {
		name   string
		create *CreateConfig
		want   string
	}{
		{"not at all", nil, "none"},
		{"with a policy of its own", &CreateConfig{}, ""},
		{"with a policy that is there", &CreateConfig{Policy: "a:devices"}, "a:devices"},
		{"with a policy that the message names", &CreateConfig{Policy: "a:policy-{{ d }}"}, "a:policy-x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rule.Create = test.create
			changes, _, err := compile(t, rule).Map(&Input{Topic: "t/x", Payload: []byte("1")})
			if err != nil {
				t.Fatal(err)
			}
			got := "none"
			if changes[0].Create != nil {
				got = changes[0].Create.Policy
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestRelay(t *testing.T) {
	rule := func(topic, relay string) RuleConfig {
		return RuleConfig{Topic: topic, Relay: relay, Format: "text", Thing: "a:b", Set: lines(t, "/attributes/a", "")}
	}
	r := compile(t, rule("s", ""), rule("{x}", "stored"), rule("a", "always"), rule("n", "never"), rule("n", "always"))
	for topic, want := range map[string]Relay{"s": RelayStored, "a": RelayAlways, "n": RelayNever} {
		changes, _, err := r.Map(&Input{Topic: topic})
		if got := r.Relay(topic); got != want || err != nil || changes[0].Relay != want {
			t.Errorf("%s: got %v and %v, want %v", topic, got, changes[0].Relay, want)
		}
	}
}
