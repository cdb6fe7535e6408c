package mapping

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

func TestDoubts(t *testing.T) {
	rule := func(topic, thing string, set ...string) RuleConfig {
		if len(set) == 0 {
			set = []string{"/attributes/a", "/a"}
		}
		return RuleConfig{Topic: topic, Thing: thing, Set: lines(t, set...)}
	}
	list := "/list"
	for _, test := range []struct {
		name  string
		rules []RuleConfig
		topic string // of a publication
		to    string
		want  string // "" is no doubt
	}{
		{name: "the same twice", rules: []RuleConfig{rule("t/{d}", "a:{{ d }}"), rule("t/{e}", "a:{{ e }}")},
			want: `mappings[1].set["/attributes/a"]: writes over what mappings[0] (t/{d}) writes with the same message`},
		{name: "three times", rules: []RuleConfig{rule("t/{d}", "a:b"), rule("t/{e...}", "a:b"), rule("t/x", "a:b"), rule("{a}/x", "a:b")},
			want: `mappings[1].set["/attributes/a"]: writes over what mappings[0] (t/{d}) writes with the same message
mappings[2].set["/attributes/a"]: writes over what mappings[1] (t/{e...}) and one other write with the same message
mappings[3].set["/attributes/a"]: writes over what mappings[2] (t/x) and 2 others write with the same message`},
		{name: "a capture in single braces", rules: []RuleConfig{rule("t/{d}", "a:b", "/attributes/a", `="{d}"`, "/attributes/b", `=["{{ d }}","{e}"]`, "/attributes/c", `={"x":["in {d}"]}`),
			{Topic: "u/{d}", Thing: "a:b", Set: lines(t, "/attributes/a", "/a"), Create: &CreateConfig{Attributes: jsondoc.Object(jsondoc.Member{Name: "d", Value: jsondoc.String("{d...}")})}}},
			want: `mappings[0].set["/attributes/a"]: has {d}, which stands for itself: {{ d }} is what {d} took in topic
mappings[0].set["/attributes/c"]: has {d}, which stands for itself: {{ d }} is what {d} took in topic
mappings[1].create.attributes: has {d}, which stands for itself: {{ d }} is what {d} took in topic`},
		{name: "other topics", rules: []RuleConfig{rule("t/{d}", "a:b"), rule("t/{d}/x", "a:b"), rule("u/{d}", "a:b"), rule("t", "a:b")}},
		{name: "other Things", rules: []RuleConfig{rule("t/{d}", "a:{{ d }}"), rule("t/{d}", "b:{{ d }}"), rule("t/{d}", "a:{{ d }}-x")}},
		{name: "other places", rules: []RuleConfig{rule("t/{d}", "a:b"), rule("t/{d}", "a:b", "/attributes/b", "/a"), rule("t/{d}", "a:b", "/attributes/{{ d }}", "/a")}},
		{name: "a place within the other is merged", rules: []RuleConfig{rule("t", "a:b", "/attributes", ""), rule("t", "a:b", "/attributes/x", "/a")}},
		{name: "one place, captured in two ways", rules: []RuleConfig{
			rule("t/{f}/{p...}", "a:b", "/features/{{ f }}/properties/{{ p }}", ""), rule("t/{x...}", "a:b", "/features/{{ x }}", ""),
			rule("t/f/{p}", "a:b", "/features/f/properties/{{ p }}", "")},
			want: `mappings[2].set["/features/f/properties/{{ p }}"]: writes over what mappings[0] (t/{f}/{p...}) writes with the same message`},
		{name: "a Thing that the payload names", rules: []RuleConfig{rule("t", "{{ payload:/id }}"), rule("t", "{{ payload:/id }}"), rule("t", "{{ payload:/x }}")},
			want: `mappings[1].set["/attributes/a"]: writes over what mappings[0] (t) writes with the same message`},
		{name: "a Thing that an element names", rules: []RuleConfig{
			rule("t", "{{ payload:/id }}"), {Topic: "t", Thing: "{{ payload:/id }}", Each: &list, Set: lines(t, "/attributes/a", "")}, {Topic: "t", Thing: "{{ payload:/id }}", Each: &list, Set: lines(t, "/attributes/a", "")}},
			want: `mappings[2].set["/attributes/a"]: writes over what mappings[1] (t) writes with the same message`},
		{name: "with conditions", rules: []RuleConfig{rule("t", "a:b"), {Topic: "t", Thing: "a:b", When: "payload.x == 1", Set: lines(t, "/attributes/a", "/a")}}},
		{name: "functions", rules: []RuleConfig{rule("t/{d}", "a:{{ d | fn:lower() }}"), rule("t/{e}", "a:{{e | fn:lower()}}"), rule("t/{d}", "a:{{ d | fn:upper() }}"), rule("t/{d}", "a:{{ d }}")},
			want: `mappings[1].set["/attributes/a"]: writes over what mappings[0] (t/{d}) writes with the same message`},
		{name: "parts of a level", rules: []RuleConfig{rule("x-{d}", "a:b"), rule("{d}-y", "a:b"), rule("y-{d}", "a:b")},
			want: `mappings[1].set["/attributes/a"]: writes over what mappings[0] (x-{d}) writes with the same message
mappings[2].set["/attributes/a"]: writes over what mappings[1] ({d}-y) writes with the same message`},
		{name: "a publication that is taken in", rules: []RuleConfig{rule("zigbee/{d}/{x}", "a:b")}, topic: "zigbee/{{ thing:name }}/set",
			want: `publications[0].topic: can be one that mappings[0] (zigbee/{d}/{x}) takes in: that will not happen, as what is published is never mapped again`},
		{name: "a publication that is not", rules: []RuleConfig{rule("zigbee/{d}", "a:b"), rule("{d}/{f}/status", "a:b")}, topic: "zigbee/{{ thing:name }}/set"},
		{name: "a publication with several levels", rules: []RuleConfig{rule("t/{d}/y/{e}/z", "a:b")}, topic: "t/{{ p }}/z",
			want: `publications[0].topic: can be one that mappings[0] (t/{d}/y/{e}/z) takes in: that will not happen, as what is published is never mapped again`},
		{name: "a publication to one that is retained", topic: "t", to: "c",
			want: `publications[0].retain: has no effect beside to: what is for one client is not retained`},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := publications(t)
			if test.topic != "" {
				p = publications(t, PublicationConfig{Path: "/attributes/{p...}", Topic: test.topic, To: test.to, Retain: true})
			}
			var got []string
			for _, d := range Doubts(compile(t, test.rules...), p) {
				got = append(got, d.String())
			}
			if got := strings.Join(got, "\n"); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestManyRulesWithoutDoubts(t *testing.T) {
	var rules []RuleConfig
	for i := range 2000 {
		rules = append(rules, RuleConfig{Topic: fmt.Sprintf("line/%d/{d}/telemetry", i), Thing: "a:b", Set: lines(t, "/attributes/a", "/a")})
	}
	if doubts := Doubts(compile(t, rules...), publications(t)); len(doubts) > 0 {
		t.Error(doubts[0])
	}
}

func TestPathsWhereNothingCanBe(t *testing.T) {
	for _, test := range []struct{ path, says string }{
		{"/atributes/a", "leads to no place of a thing"},
		{"/x{y}/a", "leads to no place of a thing"},
		{"/policyId/a", "leads into policyId"},
		{"/definition/{x...}", "leads into definition"},
		{"/features/f/property/a", `leads to "property" in a feature`},
		{"/features/f/definition/0", "leads into a definition"},
		{"", ""}, {"/", ""}, {"/attributes", ""}, {"/{x}", ""}, {"/{x...}", ""}, {"/{x}/a/b", ""}, {"/definition", ""}, {"/thingId", ""},
		{"/features/{f}", ""}, {"/features/{f}/{x}/a", ""}, {"/features/{f}/definition", ""}, {"/features/{f}/{k}Properties/{p...}", ""},
	} {
		_, problems := CompilePublications([]PublicationConfig{{Path: test.path, Topic: "t"}}, roots)
		switch {
		case test.says == "" && len(problems) > 0:
			t.Errorf("%s: %v", test.path, problems)
		case test.says != "" && (len(problems) != 1 || problems[0].Path != "publications[0].path" || !strings.Contains(problems[0].Text, test.says)):
			t.Errorf("%s: got %v, want that it %s", test.path, problems, test.says)
		}
	}
}

// FuzzCommon tries that two patterns are said to have a topic in common if and
// only if they have: by the one that is made up, and by the one at hand.
func FuzzCommon(f *testing.F) {
	f.Add("a/{x}/b", "{y...}", "a/1/b")
	f.Add("x-{d}", "{d}-y", "x-1-y")
	f.Add("{a}/{b}/{c...}", "q/{d...}", "q/w/e")
	f.Fuzz(func(t *testing.T, one, other, topic string) {
		a, err := parseTopicPattern(one)
		b, err2 := parseTopicPattern(other)
		if err != nil || err2 != nil {
			return
		}
		var caps [maxCaptures]string
		ok := meet(a.stretches(), b.stretches())
		if made := common(&a, &b); ok && (!a.matchTopic(made, caps[:]) || !b.matchTopic(made, caps[:])) {
			t.Errorf("%q is said to fit %s and %s", made, one, other)
		}
		if !ok && a.matchTopic(topic, caps[:]) && b.matchTopic(topic, caps[:]) {
			t.Errorf("%s and %s are said to have nothing in common, but have %q", one, other, topic)
		}
	})
}
