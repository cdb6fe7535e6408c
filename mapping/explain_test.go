package mapping

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// asLines is a trace in lines.
func asLines(t *Trace) []string {
	var lines []string
	for _, r := range t.Rules {
		line := fmt.Sprintf("rule %d", r.Rule)
		if !r.Tried {
			line += " not tried"
		}
		for _, c := range r.Captures {
			line += " " + c.Name + "=" + c.Value
		}
		lines = append(lines, line)
		for _, s := range r.Steps {
			value := "-"
			if s.Value != nil {
				value = s.Value.String()
			}
			lines = append(lines, strings.TrimRight(fmt.Sprintf("%s|%s|%s|%s|%s", s.Key, s.Path, value, s.From, s.Why), "|"))
		}
		if r.Err != nil {
			lines = append(lines, "refused")
		}
		lines = append(lines, fmt.Sprintf("changes %d", len(r.Changes)))
	}
	return lines
}

func TestExplainTellsWhatHappens(t *testing.T) {
	pointer := func(s string) *string { return &s }
	text := func(s string) *jsondoc.Value { return jsondoc.String(s) }
	for _, test := range []struct {
		name    string
		rules   []RuleConfig
		payload string
		retain  bool
		want    []string
	}{
		{
			"where values come from",
			[]RuleConfig{{
				Topic: "t/{d}", Thing: "a:{{ d | fn:upper() }}",
				Set: []SetConfig{
					{Path: "/attributes/p", Pointer: "/x/0"}, {Path: "/attributes/all"},
					{Path: "/attributes/e", Expr: "payload.x[0] * 2"}, {Path: "/attributes/c", Value: jsondoc.Int(1)},
					{Path: "/features/{{ d }}/properties/t", Value: text("{{ client:id }}")},
				},
				Headers: []HeaderConfig{{Name: "correlation-id", Value: text("{{ payload:/id }}")}, {Name: "x", Value: text("y")}},
				Create:  &CreateConfig{Policy: "a:{{ d }}", Definition: text("a:b:{{ d }}"), Attributes: jsondoc.Object(jsondoc.Member{Name: "k", Value: text("v")})},
			}},
			`{"x":[1.50],"id":7}`, false,
			[]string{
				"rule 0 d=lamp",
				`thing||"a:LAMP"|"a:{{ d | fn:upper() }}"`,
				"set|/attributes/p|1.50|payload /x/0",
				`set|/attributes/all|{"x":[1.50],"id":7}|payload, all of it`,
				"set|/attributes/e|3|expr payload.x[0] * 2",
				"set|/attributes/c|1|constant",
				`set|/features/lamp/properties/t|"c1"|constant "{{ client:id }}"`,
				`headers|correlation-id|"7"|constant "{{ payload:/id }}"`,
				`headers|x|"y"|constant`,
				`create.policy||"a:lamp"|"a:{{ d }}"`,
				`create.definition||"a:b:lamp"|constant "a:b:{{ d }}"`,
				`create.attributes||{"k":"v"}|constant {"k":"v"}`,
				"changes 1",
			},
		},
		{
			"why values are not there",
			[]RuleConfig{{
				Topic: "t/{d}", Thing: "a:b",
				Set: []SetConfig{
					{Path: "/attributes/a", Pointer: "/a"}, {Path: "/attributes/b", Pointer: "/o/b/c"}, {Path: "/attributes/c", Pointer: "/l/2"},
					{Path: "/attributes/d", Pointer: "/n"}, {Path: "/attributes/e", Pointer: "/nn"}, {Path: "/attributes/f", Pointer: "/s/x"},
					{Path: "/attributes/g", Expr: "payload.none"}, {Path: "/attributes/h", Value: text("{{ client:username }}")},
				},
				Headers: []HeaderConfig{{Name: "x", Value: text("{{ payload:/none }}")}},
			}},
			`{"o":{"b":{}},"l":[1,2],"n":null,"nn":{"x":null},"s":"text"}`, false,
			[]string{
				"rule 0 d=lamp",
				`thing||"a:b"|"a:b"`,
				`set|/attributes/a|-|payload /a|the payload has no "a"; it has o, l, n, nn, s`,
				`set|/attributes/b|-|payload /o/b/c|/o/b has no "c": it is empty`,
				`set|/attributes/c|-|payload /l/2|/l is an array of 2 elements, and "2" is none of them (0 is the first)`,
				"set|/attributes/d|-|payload /n|it is null (nulls: skip)",
				"set|/attributes/e|-|payload /nn|there are only nulls in it (nulls: skip)",
				`set|/attributes/f|-|payload /s/x|/s is "\"text\"" and has nothing within`,
				"set|/attributes/g|-|expr payload.none|it gives null (nulls: skip)",
				`set|/attributes/h|-|constant "{{ client:username }}"|{{ client:username }} has no value with this message`,
				"changes 0",
			},
		},
		{
			"elements and conditions",
			[]RuleConfig{{
				Topic: "t/{d}", Each: pointer("/list"), When: "payload.id > 1", Thing: "a:{{ payload:/id }}",
				Set: []SetConfig{{Path: "/attributes/v", Pointer: "/v"}},
			}},
			`{"list":[{"id":1,"v":1},{"id":2,"v":2}]}`, false,
			[]string{
				"rule 0 d=lamp",
				`each|/list/0|{"id":1,"v":1}|element 0`, "when||false|expr payload.id > 1|so the mapping does not apply",
				`each|/list/1|{"id":2,"v":2}|element 1`, "when||true|expr payload.id > 1",
				`thing||"a:2"|"a:{{ payload:/id }}"`, "set|/attributes/v|2|payload /v",
				"changes 1",
			},
		},
		{
			"no elements",
			[]RuleConfig{{Topic: "t/{d}", Each: pointer("/list"), Thing: "a:b", Set: []SetConfig{{Path: "/attributes/v"}}}},
			`{"lists":[]}`, false,
			[]string{"rule 0 d=lamp", `each|/list|-|payload /list|the payload has no "list"; it has lists`, "changes 0"},
		},
		{
			"an expression that fails, and the rules behind it",
			[]RuleConfig{
				{Topic: "t/{d}", Thing: "a:b", Set: []SetConfig{{Path: "/attributes/a", Expr: "payload.x + 1"}, {Path: "/attributes/b", Expr: "payload.none"}}},
				{Topic: "{x...}", Thing: "a:b", Set: []SetConfig{{Path: "/attributes/a"}}},
			},
			`{"x":"text"}`, false,
			[]string{
				"rule 0 d=lamp", `thing||"a:b"|"a:b"`, "set|/attributes/a|-|expr payload.x + 1|it fails",
				"set|/attributes/b|-|expr payload.none|it gives null (nulls: skip)", "refused", "changes 0",
				"rule 1 not tried", "changes 0",
			},
		},
		{
			"an ID without a value",
			[]RuleConfig{{Topic: "t/{d}", Thing: "a:{{ payload:/id }}", Set: []SetConfig{{Path: "/attributes/a"}}}},
			`{}`, false,
			[]string{"rule 0 d=lamp", `thing||-|"a:{{ payload:/id }}"|{{ payload:/id }} has no value with this message`, "refused", "changes 0"},
		},
		{
			"names that messages fill in",
			[]RuleConfig{{Topic: "t/{d}", Thing: "a:b", Set: []SetConfig{{Path: "/attributes/{{ d }}", Pointer: "/a"}, {Path: "/attributes/{{ payload:/name }}", Pointer: "/b"}}}},
			`{"a":1,"b":2,"name":"n"}`, false,
			[]string{"rule 0 d=lamp", `thing||"a:b"|"a:b"`, "set|/attributes/lamp|1|payload /a", "set|/attributes/n|2|payload /b", "changes 1"},
		},
		{
			"an envelope",
			[]RuleConfig{{Topic: "t/{d}", Format: "ditto", Thing: "a:{{ d }}", When: "payload.path == '/'"}},
			`{"topic":"a/lamp/things/twin/commands/retrieve","path":"/"}`, false,
			[]string{"rule 0 d=lamp", "when||true|expr payload.path == '/'", `thing||"a:lamp"|"a:{{ d }}"`, "changes 1"},
		},
		{
			"the end of a retained message",
			[]RuleConfig{{Topic: "t/{d}", Thing: "a:b", Set: []SetConfig{{Path: "/attributes/a"}}}},
			``, true,
			[]string{"rule 0 not tried", "changes 0"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			rules := compile(t, test.rules...)
			in := &Input{Topic: "t/lamp", Payload: []byte(test.payload), Client: "c1", Now: noon, Retain: test.retain}
			trace := rules.Explain(in)
			if got := asLines(trace); !reflect.DeepEqual(got, test.want) {
				t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			changes, _, err := rules.Map(in)
			if len(changes) != len(trace.Changes) || (err == nil) != (trace.Err == nil) {
				t.Errorf("Map gives %d changes, %v", len(changes), err)
			}
		})
	}
}

func TestExplainTellsOfPublications(t *testing.T) {
	publications, problems := CompilePublications([]PublicationConfig{
		{Path: "/features/{f}/properties/x", Topic: "x/{{ f }}", Payload: "value"},
		{Path: "/attributes", Topic: "a", Payload: "value"},
		{Namespaces: []string{"b", "c"}, Topic: "n"},
		{Path: "/features/{f}/properties/y", Topic: "y/{{ f }}", Payload: "value"},
		{Path: "/features/{f}/properties/x", Topic: "e/{{ f }}", Expr: "value > 1 ? value : nil"},
		{Topic: "normalized", Payload: "normalized"},
	}, Roots{Ditto: "ditto", State: "twin"})
	if problems != nil {
		t.Fatal(problems)
	}
	event := func(text string) *protocol.Message {
		m, err := protocol.ParseMessage([]byte(text), nil, jsondoc.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, test := range []struct {
		event string
		want  []string
	}{
		{`{"topic":"a/b/things/twin/events/modified","path":"/features/f","value":{"properties":{"x":1}}}`, []string{
			"x/f", `the event is at /features/f, where level 1 is "features" and should be "attributes"`,
			"it is for the namespaces b, c, and the event is of a",
			"what the event tells, at /features/f, has nothing at /features/{f}/properties/y that can be named",
			"its expression gives nothing to send (nil)", "normalized",
		}},
		{`{"topic":"a/b/things/twin/events/deleted","path":"/attributes"}`, []string{
			`the event is at /attributes, where level 1 is "attributes" and should be "features"`, "a",
			"it is for the namespaces b, c, and the event is of a",
			`the event is at /attributes, where level 1 is "attributes" and should be "features"`,
			`the event is at /attributes, where level 1 is "attributes" and should be "features"`,
			"its payload is normalized, which does not tell that a part of a Thing is deleted",
		}},
		{`{"topic":"b/b/things/live/events/modified","path":"/"}`, slices.Repeat([]string{"b/b/things/live/events/modified is no twin event, and it carries signals of the kind twin/events"}, 6)},
	} {
		var got []string
		for i, p := range publications.Explain(event(test.event), Thing{}) {
			if p.Publication != i || (p.Why == "") != (len(p.Outs) > 0) {
				t.Errorf("%+v", p)
			}
			for _, out := range p.Outs {
				got = append(got, out.Topic)
			}
			if p.Why != "" {
				got = append(got, p.Why)
			}
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %q", test.event, got)
		}
	}
}
