package mapping

import (
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

func TestCompileTellsEveryProblemByItsPlace(t *testing.T) {
	good := func() RuleConfig {
		return RuleConfig{Topic: "t/{device}/{rest...}", Thing: "org.acme:{{ device }}", Set: lines(t, "/attributes/a", "/a")}
	}
	set := func(pairs ...string) func(*RuleConfig) {
		return func(r *RuleConfig) { r.Set = lines(t, pairs...) }
	}
	for _, test := range []struct {
		name   string
		change func(r *RuleConfig)
		path   string // without mappings[1]
		says   string
	}{
		{"wildcard", func(r *RuleConfig) { r.Topic = "t/+/x"; r.Thing = "a:b" }, ".topic", "{name} for one level"},
		{"the Ditto tree", func(r *RuleConfig) { r.Topic = "ditto/{device}" }, ".topic", "takes from the tree ditto/…"},
		{"the state tree", func(r *RuleConfig) { r.Topic = "twin"; r.Thing = "a:b" }, ".topic", "takes from the tree twin/…"},
		{"no thing", func(r *RuleConfig) { r.Thing = "" }, ".thing", "is missing"},
		{"unknown capture", func(r *RuleConfig) { r.Thing = "org.acme:{{ devce }}" }, ".thing", "{{ devce }}: there is no such capture; known are device, rest, time:now"},
		{"unknown placeholder", func(r *RuleConfig) { r.Thing = "org.acme:{{ thing:id }}" }, ".thing", "{{ thing:id }}: there is no such placeholder here; known are device, rest, time:now"},
		{"placeholder function", func(r *RuleConfig) { r.Thing = "org.acme:{{ device | fn:shout() }}" }, ".thing", "there is no function fn:shout: known are fn:base64-decode, "},
		{"wrong count of arguments", func(r *RuleConfig) { r.Thing = "org.acme:{{ device | fn:replace('a') }}" }, ".thing", "fn:replace takes 2 arguments, not 1"},
		{"single braces", func(r *RuleConfig) { r.Thing = "org.acme:{device}" }, ".thing", "write {{ device }}"},
		{"unclosed braces", func(r *RuleConfig) { r.Thing = "org.acme:{{ device }" }, ".thing", "{{ without }}"},
		{"an ID that is none", func(r *RuleConfig) { r.Thing = "lamp" }, ".thing", "lamp"},
		{"a namespace that is none", func(r *RuleConfig) { r.Thing = "1:{{ device }}" }, ".thing", "not a namespace"},
		{"a policy's ID that is none", func(r *RuleConfig) { r.Create = &CreateConfig{Policy: "x"} }, ".create.policy", "policies:id.invalid"},
		{"a policy with an unknown capture", func(r *RuleConfig) { r.Create = &CreateConfig{Policy: "a:{{ x }}"} }, ".create.policy", "no such capture"},
		{"format", func(r *RuleConfig) { r.Format = "jsn" }, ".format", `"jsn" is not one of`},
		{"nulls", func(r *RuleConfig) { r.Nulls = "keep" }, ".nulls", `"keep" is not one of`},
		{"relay", func(r *RuleConfig) { r.Relay = "no" }, ".relay", `"no" is not one of`},
		{"nothing set", set(), ".set", "is missing"},
		{"a path to nowhere", set("/temperature", ""), `.set["/temperature"]`, "leads to no place of a thing"},
		{"a path to nowhere in a feature", set("/features/f/temperature", ""), `.set["/features/f/temperature"]`, `leads to "temperature" in a feature`},
		{"a path into a definition", set("/definition/x", ""), `.set["/definition/x"]`, "leads into definition"},
		{"a path into a feature's definition", set("/features/f/definition/x", ""), `.set["/features/f/definition/x"]`, "leads into a definition"},
		{"an empty level", set("/attributes//a", ""), `.set["/attributes//a"]`, "has an empty level"},
		{"a key that Ditto forbids", set("/attributes/a~1b", ""), `.set["/attributes/a~1b"]`, "json.key.invalid"},
		{"a wrong escape", set("/attributes/a~2", ""), `.set["/attributes/a~2"]`, "neither ~0"},
		{"an unknown capture in a path", set("/attributes/{{ x }}", ""), `.set["/attributes/{{ x }}"]`, "no such capture"},
		{"a rest beside text", set("/attributes/x{{ rest }}", ""), `.set["/attributes/x{{ rest }}"]`, "stands alone"},
		{"the same place twice", set("/attributes/a", "/x", "attributes/a", "/y"), `.set["attributes/a"]`, `by another line, "/attributes/a"`},
		{"a place within another", set("/attributes/a", "/x", "/attributes/a/b", "/y"), `.set["/attributes/a/b"]`, `lies within "/attributes/a"`},
		{"a place around another", set("/attributes/{{ device }}/b", "/x", "/attributes/{{device}}", "/y"), `.set["/attributes/{{device}}"]`, `has "/attributes/{{ device }}/b" within it`},
		{"a place beside the whole", set("/", "/x", "/attributes", "/y"), `.set["/attributes"]`, `lies within "/"`},
		{"a pointer that is none", set("/attributes/a", "temp"), `.set["/attributes/a"]`, "{value: temp}"},
		{"a placeholder without value", set("/attributes/a", "{{ device }}"), `.set["/attributes/a"]`, `a constant is written {value: "{{ device }}"}`},
		{"a pointer with an empty level", set("/attributes/a", "/a//b"), `.set["/attributes/a"]`, "not a JSON pointer"},
		{"an unknown placeholder in a constant", set("/attributes/a", `=[{"x":"{{ y }}"}]`), `.set["/attributes/a"]`, "no such capture"},
		{"a pointer into text", func(r *RuleConfig) { r.Format = "text" }, `.set["/attributes/a"]`, "has no inside"},
		{"a placeholder into text", func(r *RuleConfig) { r.Format = "text"; set("/attributes/a", `="{{ payload:/x }}"`)(r) }, `.set["/attributes/a"]`, "of format json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bad := good()
			test.change(&bad)
			rules, problems := Compile([]RuleConfig{good(), bad, good()}, roots)
			if rules != nil || len(problems) != 1 {
				t.Fatalf("rules %v, problems %v", rules, problems)
			}
			if want := "mappings[1]" + test.path; problems[0].Path != want {
				t.Errorf("place %s, want %s", problems[0].Path, want)
			}
			if !strings.Contains(problems[0].Text, test.says) {
				t.Errorf("does not say %q: %s", test.says, problems[0])
			}
		})
	}
}

func TestCompileTellsAllProblemsAtOnce(t *testing.T) {
	_, problems := Compile([]RuleConfig{
		{Format: "x", Topic: "t/{a}", Thing: "{{ b }}", Nulls: "x", Relay: "x", Set: lines(t, "/x", "", "/attributes/a", "x")},
		{},
	}, roots)
	if len(problems) != 9 {
		t.Errorf("got %d problems: %v", len(problems), problems)
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("org.acme:{{ device }}")
	f.Add("{{ time:now }}{{ client:id }} {{payload:/a~1b/0}}")
	f.Add("{{ device | fn:upper() }}")
	f.Add("{{ payload:/x | fn:filter(rest,'like','a*|b') | fn:replace(\"a\", device) | fn:default('{{ }}') }}")
	f.Add("{{ time:now-1h[d] }} {{ header:x | fn:split(',') | fn:join(';') }}")
	p := pattern{names: []string{"device", "rest"}, rest: 1}
	f.Fuzz(func(t *testing.T, text string) {
		sc := scope{captures: &p, placeholders: rulePlaceholders, payload: true, message: true, strict: true}
		tmpl, err := parseTemplate(text, &sc)
		if err != nil {
			return
		}
		if literal, ok := tmpl.literal(); ok && literal != text {
			t.Errorf("%q became %q", text, literal)
		}
		m := message{in: &Input{Topic: "t", Now: noon}}
		m.caps[0] = "d1"
		if m.value, err = jsondoc.Parse([]byte(`{"a/b":[1],"x":"y"}`), jsondoc.Limits{}); err != nil {
			t.Fatal(err)
		}
		if text, missing := tmpl.text(&m); missing == "" && len(tmpl.parts) == 0 && text != "" {
			t.Errorf("nothing became %q", text)
		}
	})
}

func FuzzSetPath(f *testing.F) {
	f.Add("/features/{{ device }}/properties/a", "/attributes/{{ rest }}", "d", "r/s")
	f.Add("/attributes/{{ payload:/a/b }}", "/", "x", "y")
	f.Fuzz(func(t *testing.T, one, two, device, rest string) {
		rules, _ := Compile([]RuleConfig{{Topic: "t/{device}/{rest...}", Thing: "a:b",
			Set: []SetConfig{{Path: one}, {Path: two}}}}, roots)
		if rules == nil || strings.Contains(device, "/") {
			return
		}
		changes, _, err := rules.Map(&Input{Topic: "t/" + device + "/" + rest, Payload: []byte(`{"a":{"b":1}}`), Now: noon})
		if err != nil {
			return
		}
		for _, c := range changes {
			if _, err := jsondoc.Parse(c.Message.Value.AppendTo(nil), jsondoc.Limits{}); err != nil {
				t.Errorf("%q and %q with %q, %q give %s: %v", one, two, device, rest, c.Message.Value, err)
			}
		}
	})
}

func FuzzMap(f *testing.F) {
	rules := compile(f,
		RuleConfig{Topic: "j/{device}/{key}", Thing: "org.acme:{{ device }}", Create: &CreateConfig{Policy: "p:{{ payload:/policy }}"}, Set: lines(f,
			"/features/f/properties", "/x", "/features/{{ device }}/properties/{{ key }}", "/y/0", "/attributes/{{ key }}", `=["{{ payload:/z }}"]`)},
		RuleConfig{Topic: "n/{device}", Thing: "org.acme:{{ device }}", Nulls: "delete", Set: lines(f, "/attributes", "")},
		RuleConfig{Topic: "t/{rest...}", Format: "text", Thing: "org.acme:x", Set: lines(f, "/attributes/{{ rest }}", "")},
		RuleConfig{Topic: "f/{rest...}", Format: "number", Thing: "org.acme:x", Set: lines(f, "/attributes/{{ rest }}", "")},
		RuleConfig{Topic: "c/{rest...}", Format: "cbor", Thing: "org.acme:x", Set: lines(f, "/attributes/{{ rest }}", "")},
		RuleConfig{Topic: "b/{rest...}", Format: "bytes", Thing: "org.acme:x", Set: lines(f, "/attributes/{{ rest }}", "")},
		RuleConfig{Topic: "e/{x}", Each: pointer("/l"), When: "payload.n != 7", Thing: "org.acme:{{ payload:/id | fn:default(x) }}",
			Set: []SetConfig{{Path: "/attributes/twice", Expr: "payload.n * 2"}, {Path: "/attributes/all", Expr: "message"}}},
	)
	f.Add("c/a", []byte("\xa2\x61a\x01\x61b\xd6\x43abc"))
	f.Add("b/a", []byte("\x00"))
	f.Add("e/a", []byte(`{"l":[{"n":1},{"id":"y","n":2.5},{"n":7}]}`))
	f.Add("j/d1/k", []byte(`{"x":{"a":1,"b":null},"y":[1],"z":"s","policy":"q"}`))
	f.Add("n/d1", []byte(`{"x":{"a":1,"b":null}}`))
	f.Add("t/a/b/c", []byte(`text "with" quotes`))
	f.Add("f/a", []byte(" 1.50e3\n"))
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		changes, matched, err := rules.Map(&Input{Topic: topic, Payload: payload, Client: "c", Now: noon})
		if matched != rules.Matches(topic) {
			t.Errorf("%q: matched %v, and Matches says otherwise", topic, matched)
		}
		if err != nil && (changes != nil || err.Status != 400 && err.Status != 413) {
			t.Errorf("%q: changes %q with the error %v", topic, told(changes), err)
		}
		for _, c := range changes {
			if _, err := c.Message.Topic.ThingID(); err != nil {
				t.Errorf("%q: %v", topic, err)
			}
			if _, err := jsondoc.Parse(c.Message.Value.AppendTo(nil), jsondoc.Limits{}); err != nil {
				t.Errorf("%q: %s: %v", topic, c.Message.Value, err)
			}
		}
	})
}
