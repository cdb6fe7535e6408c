package policy

import (
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

func parsed(t testing.TB, text string) *jsondoc.Value {
	t.Helper()
	v, err := jsondoc.ParseString(text)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func pointer(t testing.TB, text string) jsondoc.Pointer {
	t.Helper()
	p, err := jsondoc.ParsePointer(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// modelOf is the model of a Policy that must be one.
func modelOf(t testing.TB, id, text string) *Model {
	t.Helper()
	m, err := Parse(id, parsed(t, text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return m
}

// shelf is Policies by their IDs, as entries and imports in JSON.
type shelf map[string]string

func (s shelf) load(t testing.TB) Loader {
	return func(id string) (*Model, error) {
		text, ok := s[id]
		if !ok {
			return nil, nil
		}
		return modelOf(t, id, text), nil
	}
}

// resolve makes the Enforcer of one of them.
func (s shelf) resolve(t testing.TB, id string, roots Roots) *Enforcer {
	t.Helper()
	e, err := Resolve(modelOf(t, id, s[id]), ResolveOptions{Load: s.load(t), Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// entry writes one entry down: "who, who: +RW thing:/a; -R thing:/a/b". Letters
// stand for READ, WRITE and EXECUTE.
func entry(text string) string {
	who, rules, _ := strings.Cut(text, " has ")
	var subjects, resources []string
	for s := range strings.SplitSeq(who, ",") {
		if s = strings.TrimSpace(s); s != "" {
			subjects = append(subjects, `"`+s+`":{"type":"t"}`)
		}
	}
	type lists struct{ grant, revoke string }
	at, order := map[string]*lists{}, []string(nil)
	for r := range strings.SplitSeq(rules, ";") {
		f := strings.Fields(r)
		if len(f) != 2 {
			continue
		}
		if at[f[1]] == nil {
			at[f[1]] = &lists{}
			order = append(order, f[1])
		}
		var list []string
		for _, c := range f[0][1:] {
			list = append(list, map[rune]string{'R': `"READ"`, 'W': `"WRITE"`, 'X': `"EXECUTE"`}[c])
		}
		if f[0][0] == '+' {
			at[f[1]].grant = strings.Join(list, ",")
		} else {
			at[f[1]].revoke = strings.Join(list, ",")
		}
	}
	for _, key := range order {
		resources = append(resources, `"`+key+`":{"grant":[`+at[key].grant+`],"revoke":[`+at[key].revoke+`]}`)
	}
	return `"subjects":{` + strings.Join(subjects, ",") + `},"resources":{` + strings.Join(resources, ",") + `}`
}

// entries is a Policy with entries a, b, c, … as [entry] takes them.
func entries(texts ...string) string {
	var out []string
	for i, text := range texts {
		out = append(out, `"`+string(rune('a'+i))+`":{`+entry(text)+`}`)
	}
	return `{"entries":{` + strings.Join(out, ",") + `}}`
}

func enforcer(t testing.TB, texts ...string) *Enforcer {
	t.Helper()
	return shelf{"n:p": entries(texts...)}.resolve(t, "n:p", nil)
}

func codeOf(err *protocol.Error) string {
	if err == nil {
		return ""
	}
	return err.Code
}
