package policy

import (
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

func TestPoliciesThatSayTheSameShareWhatTheyDecideWith(t *testing.T) {
	resolve := func(id, text string) *Enforcer {
		t.Helper()
		v, err := jsondoc.ParseString(text)
		if err != nil {
			t.Fatal(err)
		}
		m, refused := Parse(id, v)
		if refused != nil {
			t.Fatal(refused)
		}
		e, err := Resolve(m, ResolveOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	entry := func(more string) string {
		return `{"entries":{"A":{"subjects":{"user:ann":{"type":"x"` + more + `}},"resources":{"thing:/a":{"grant":["READ"],"revoke":[]}}}}}`
	}
	first := resolve("a:one", entry(""))
	for _, from := range []*Enforcer{first, mustAlike(t, first, "a:between")} {
		other := mustAlike(t, from, "a:two")
		ann, path := Subjects{"user:ann"}, jsondoc.Pointer{"a", "b"}
		if other.ID() != "a:two" || other.Sources()[0] != "a:two" || !other.Whole(ann, Read, Thing, path) || other.Some(ann, Write, Thing, nil) {
			t.Errorf("%s decides other things", other.ID())
		}
		if other.For("a") != other || other.ViewKey(ann, Thing) != first.ViewKey(ann, Thing) {
			t.Error("it is not alike")
		}
		if why := other.Explain(ann, Read, Thing, path).String(); !strings.Contains(why, "'a:two'") || strings.Contains(why, "a:one") {
			t.Errorf("explained as %s", why)
		}
		if text := other.Resolved().String(); !strings.Contains(text, `"policyId":"a:two"`) {
			t.Errorf("resolved as %s", text)
		}
	}
	if same, ok := first.Alike("a:one"); !ok || same != first {
		t.Error("it is not like itself")
	}
	for what, e := range map[string]*Enforcer{
		"nobody":        Nobody,
		"it expires":    resolve("a:x", entry(`,"expiry":"2099-01-01T00:00:00Z"`)),
		"it imports":    resolve("a:x", strings.Replace(entry(""), `{"entries"`, `{"imports":{"a:y":{"entries":[]}},"entries"`, 1)),
		"in namespaces": resolve("a:x", strings.Replace(entry(""), `"resources"`, `"namespaces":["a"],"resources"`, 1)),
	} {
		if _, ok := e.Alike("a:two"); ok {
			t.Errorf("%s: is alike", what)
		}
	}
}

func mustAlike(t *testing.T, e *Enforcer, id string) *Enforcer {
	t.Helper()
	other, ok := e.Alike(id)
	if !ok {
		t.Fatalf("no Enforcer like it for %s", id)
	}
	return other
}
