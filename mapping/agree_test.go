package mapping

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// pick is one of the texts.
func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

// anyRule is a rule of parts that go together in most cases.
func anyRule(r *rand.Rand) RuleConfig {
	placeholder := func() string {
		return pick(r, "{{ d }}", "{{ payload:/a }}", "{{ payload:/s | fn:lower() }}", "{{ header:h }}", "{{ client:username | fn:default('nobody') }}",
			"{{ header:h | fn:default(payload:/s) | fn:upper() }}", "{{ payload:/s | fn:split(' ') }}", "{{ mqtt:qos }}", "x", "{{ payload:/s | fn:base64-decode() }}")
	}
	c := RuleConfig{
		Topic: pick(r, "t/{d}", "{d}/x", "t/{d...}", "t/x{d}", "{e}/{d}"), Format: pick(r, "json", "json", "json", "json", "cbor", "text", "number"),
		Thing: pick(r, "a:", "a:b") + placeholder(), Nulls: pick(r, "", "delete"), Relay: pick(r, "", "always", "never"),
		When: pick(r, "", "", "", "payload.a != 1", "mqtt.qos > 0", "len(payload) > 3", `d startsWith "x"`),
	}
	if r.IntN(3) == 0 {
		c.Each = pointer(pick(r, "", "/list", "/a"))
	}
	for i := range 1 + r.IntN(3) {
		s := SetConfig{Path: pick(r, "/attributes/", "/features/f/properties/", "/features/"+placeholder()+"/properties/") + pick(r, "v", "w/x", placeholder()) + fmt.Sprint(i)}
		switch r.IntN(3) {
		case 0:
			s.Pointer = pick(r, "", "/a", "/s", "/list/0", "/o/n")
		case 1:
			s.Expr = pick(r, "payload", "payload.a * 2", `payload.s ?? nil`, "d", "header.h", "payload.o", "message.a", "[1, nil, payload]")
		default:
			s.Value = anyConstant(pick(r, "7", "null", `"`+placeholder()+`"`, `{"k":["`+placeholder()+`"]}`))
		}
		c.Set = append(c.Set, s)
	}
	if r.IntN(3) == 0 {
		v := anyConstant(`"` + placeholder() + `"`)
		c.Headers = []HeaderConfig{{Name: "correlation-id", Value: v}}
	}
	if r.IntN(2) == 0 {
		attributes := anyConstant(`{"made":"` + placeholder() + `","n":1}`)
		c.Create = &CreateConfig{Attributes: attributes, Policy: pick(r, "", "a:p", "a:"+placeholder())}
	}
	return c
}

func anyInput(r *rand.Rand) *Input {
	scalar := func() string { return pick(r, "1", "-2.5", "null", `"x"`, `"eA=="`, "true", `"a b"`, `""`) }
	object := func() string {
		return `{"a":` + scalar() + `,"s":` + scalar() + pick(r, "", `,"o":{"n":null,"m":`+scalar()+`}`) + `}`
	}
	in := &Input{Topic: pick(r, "t/x", "t/xy", "u/x", "t/a/b", "t/", "t/ä+"), Client: "c", Username: pick(r, "", "u"), Now: noon, QoS: byte(r.IntN(3)), Retain: r.IntN(8) == 0}
	in.Payload = []byte(pick(r, "", "1", "text", "\xa1\x61a\x01", "\xff", scalar(), object(), object(), object(),
		`{"list":[`+object()+`,`+scalar()+`],`+strings.TrimPrefix(object(), "{"), `[`+object()+`,`+object()+`]`))
	if r.IntN(2) == 0 {
		in.Properties = &Properties{User: []UserProperty{{"H", pick(r, "v", "", "a/b", "ü")}}}
	}
	return in
}

// Whatever the rules and the message, Explain gives what Map does: with a trace
// nothing comes to something else.
func TestExplainAgreesWithMap(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	changed, refused := 0, 0
	for range 600 {
		configs := []RuleConfig{anyRule(r), anyRule(r)}
		var rules *Rules
		for n := len(configs); rules == nil && n > 0; n-- {
			rules, _ = Compile(configs[:n], Roots{Ditto: "ditto", State: "twin"})
		}
		if rules == nil {
			continue
		}
		for range 10 {
			in := anyInput(r)
			changes, matched, err := rules.Map(in)
			trace := rules.Explain(in)
			want, got := told(changes), told(trace.Changes)
			if err != nil {
				want += fmt.Sprint(err, err.By)
				refused++
			}
			if trace.Err != nil {
				got += fmt.Sprint(trace.Err, trace.Err.By)
			}
			for i := range min(len(changes), len(trace.Changes)) {
				want += fmt.Sprintf("%s %+v", changes[i].Message.Headers.AppendJSON(nil), changes[i].Create)
				got += fmt.Sprintf("%s %+v", trace.Changes[i].Message.Headers.AppendJSON(nil), trace.Changes[i].Create)
				changed++
			}
			if want != got || matched != (len(trace.Rules) > 0) || matched != rules.Matches(in.Topic) {
				t.Fatalf("%+v\n%s %q\nMap     %s\nExplain %s", configs, in.Topic, in.Payload, want, got)
			}
		}
	}
	if changed < 100 || refused < 100 {
		t.Errorf("of what was tried, only %d changed something and %d were refused", changed, refused)
	}
}

func anyConstant(text string) *jsondoc.Value {
	v, err := jsondoc.ParseString(text)
	if err != nil {
		panic(text)
	}
	return v
}
