package mapping

import (
	"fmt"
	"strings"
	"testing"
)

// gateway is a message with n readings, and a text that all of them could
// take over.
func gateway(n, text int) []byte {
	readings := make([]string, n)
	for i := range readings {
		readings[i] = fmt.Sprintf(`{"id":"d%d","v":%d}`, i, i)
	}
	return []byte(`{"gateway":"g","text":"` + strings.Repeat("x", text) + `","readings":[` + strings.Join(readings, ",") + `]}`)
}

// With "each", whatever one run of an expression or one change may cost, there
// can be a thousand of them.
func TestWhatOneMessageMayCost(t *testing.T) {
	each := func(set []SetConfig, more ...func(*RuleConfig)) RuleConfig {
		r := RuleConfig{Topic: "g/{g}", Each: pointer("/readings"), Thing: "a:{{ payload:/id }}", Set: set}
		for _, change := range more {
			change(&r)
		}
		return r
	}
	header := func(r *RuleConfig) {
		r.Headers = []HeaderConfig{{Name: "correlation-id", Value: parsed(t, `"{{ message:/text }}"`)}}
	}
	attribute := func(r *RuleConfig) {
		r.Create = &CreateConfig{Attributes: parsed(t, `{"text":"{{ message:/text }}"}`)}
	}
	expr := func(source string) []SetConfig { return []SetConfig{{Path: "/attributes/v", Expr: source}} }
	var many []RuleConfig
	for range maxChanges + 1 {
		many = append(many, RuleConfig{Topic: "g/{g}", Format: "text", Thing: "a:b", Set: lines(t, "/attributes/v", `="x"`)})
	}
	for _, c := range []struct {
		name    string
		rules   []RuleConfig
		payload []byte
		refused string // "": all changes are made
	}{
		{"what is the same for all elements is decoded once", []RuleConfig{each(expr("message.readings[0].v"))}, gateway(1000, 100_000), ""},
		{"expressions that cost little", []RuleConfig{each(expr("payload.v * 2 + len(message.gateway)"))}, gateway(1000, 0), ""},
		{"expressions that cost much together", []RuleConfig{each(expr("len(map(1..payload.v + 9000, # * 2))"))}, gateway(1000, 0), "400 4000000 steps"},
		{"over all rules", []RuleConfig{each(expr("(1..payload.v + 3000)[0]")), each(expr("len(1..payload.v + 3000)"))}, gateway(500, 0), "400 mappings[1] (g/{g})"},
		{"lists that are long together", []RuleConfig{each(expr("(1..payload.v + 900000)[0]"))}, gateway(1000, 0), "400 4000000 steps"},
		{"lists that are constants", []RuleConfig{each(expr("len(string(1..300000)) + payload.v"))}, gateway(1000, 0), "400 4000000 steps"},
		{"a text in every change", []RuleConfig{each(lines(t, "/attributes/v", `="{{ message:/text }}"`))}, gateway(1000, 100_000), "413 more than"},
		{"a text in the headers of every change", []RuleConfig{each(lines(t, "/attributes/v", "/v"), header)}, gateway(1000, 100_000), "413 more than"},
		{"a text in every Thing that is made", []RuleConfig{each(lines(t, "/attributes/v", "/v"), attribute)}, gateway(1000, 100_000), "413 more than"},
		{"more changes than may be made, each by a rule", many, []byte("1"), "413 more than the 1000 changes"},
		{"as many as may be made", many[1:], []byte("1"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes, _, err := compile(t, c.rules...).Map(&Input{Topic: "g/1", Payload: c.payload, Now: noon})
			switch {
			case c.refused == "" && (err != nil || len(changes) != 1000):
				t.Errorf("%d changes, %v", len(changes), err)
			case c.refused != "" && (err == nil || len(changes) > 0):
				t.Errorf("%d changes are made", len(changes))
			case c.refused != "":
				status, says, _ := strings.Cut(c.refused, " ")
				if status != fmt.Sprint(err.Status) || !strings.Contains(err.Message, says) {
					t.Errorf("refused with %d %s", err.Status, err.Message)
				}
			}
		})
	}
}

// A regular expression goes slowly through a text, and the pieces of a text
// take more room than the text.
func TestWhatTextsCostInAnExpression(t *testing.T) {
	payload := strings.Repeat("a", 250_000)
	for source, fits := range map[string]bool{
		`payload matches "b"`:                                        true,
		`len(filter(1..100, payload matches "(a|b)*c"))`:             false,
		`len(split(payload, "")) + len(splitAfter(payload, "a", 3))`: true,
		`len(map(1..100, split(payload, "")))`:                       false,
		`len(map(1..100, splitAfter(payload, "")))`:                  false,
		`len(map(1..100, split(payload, "", 5)))`:                    true,
	} {
		r := compile(t, RuleConfig{Topic: "t", Format: "text", Thing: "a:b", Set: []SetConfig{{Path: "/attributes/v", Expr: source}}})
		_, _, err := r.Map(&Input{Topic: "t", Payload: []byte(payload), Now: noon})
		if (err == nil) != fits || err != nil && !strings.Contains(err.Message, "1000000 steps") {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// A pattern that comes with the message is not read anew for each value.
func TestAPatternOfTheMessageIsReadOnce(t *testing.T) {
	r := compile(t, RuleConfig{Topic: "t", Thing: "a:b", Set: lines(t, "/attributes/x",
		`="{{ payload:/s | fn:split(',') | fn:filter('like', payload:/p) | fn:join(',') }}"`)})
	payload := `{"p":"` + strings.Repeat("*?", 100) + `","s":"` + strings.Repeat("a,", 100_000) + strings.Repeat("b", 200) + `"}`
	changes, _, err := r.Map(&Input{Topic: "t", Payload: []byte(payload), Now: noon})
	if want := `a:b {"attributes":{"x":"` + strings.Repeat("b", 200) + `"}}`; err != nil || told(changes) != want {
		t.Errorf("%.200s %v", told(changes), err)
	}
}

// Names of the message that lead too deep are refused alike, whether other
// lines lead beside them or not.
func TestPathsThatAreTooDeep(t *testing.T) {
	for _, beside := range []string{"/attributes/b", "/features/f/properties/b"} {
		r := compile(t, RuleConfig{Topic: "t/{x...}", Format: "text", Thing: "a:b", Set: lines(t, "/features/f/properties/{{ x }}", "", beside, "")})
		for levels, fits := range map[int]bool{61: true, 62: false, 30_000: false} {
			_, _, err := r.Map(&Input{Topic: "t" + strings.Repeat("/a", levels), Payload: []byte("1"), Now: noon})
			if (err == nil) != fits || err != nil && !strings.Contains(err.Message, "nested too deep") {
				t.Errorf("%d levels beside %s: %v", levels, beside, err)
			}
		}
	}
}

// All places that an event names are told of the same event: they share one
// text of it.
func TestManyPlacesShareTheEventTheyAreTold(t *testing.T) {
	p := publications(t, PublicationConfig{Path: "/features/{f}/properties/{p...}", Topic: "x/{{ p | fn:replace('same','k0') }}"})
	for _, payload := range []string{"envelope", "normalized"} {
		p.list[0].payload = map[string]payloadKind{"envelope": payloadEnvelope, "normalized": payloadNormalized}[payload]
		var value strings.Builder
		for i := range 5000 {
			fmt.Fprintf(&value, `,"k%d":1`, i)
		}
		outs, _ := p.For(event(t, "modified", "/features/f/properties", `{`+value.String()[1:]+`,"same":2,"k#":3}`), Thing{})
		if len(outs) != 5001 || outs[5000].Err == nil || outs[4999].Topic != "x/k4999" {
			t.Fatalf("%s: %d messages", payload, len(outs))
		}
		for _, out := range outs[:5000] {
			if &out.Payload[0] != &outs[0].Payload[0] {
				t.Fatalf("%s: %s has a text of its own", payload, out.Topic)
			}
		}
	}
}
