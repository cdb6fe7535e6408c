package policy

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

func TestViews(t *testing.T) {
	const thing = `{"thingId":"n:t","attributes":{"open":1,"secret":{"a":1,"b":[]},"list":[1,{"open":2,"secret":3},[4]],"empty":{},"none":null},"features":{"x":{"properties":{"v":1.50}},"y":{"properties":{}}}}`
	for _, c := range []struct {
		name, policy, at, value, want string
	}{
		{"all of it", "u:a has +R thing:/", "", thing, thing},
		{"nothing", "u:b has +R thing:/", "", thing, ""},
		{"WRITE shows nothing", "u:a has +W thing:/", "", thing, ""},
		{"one attribute", "u:a has +R thing:/attributes/open", "", thing, `{"attributes":{"open":1}}`},
		{"one that is not there", "u:a has +R thing:/attributes/other", "", thing, ""},
		{"without one part", "u:a has +R thing:/; -R thing:/attributes", "", thing, `{"thingId":"n:t","features":{"x":{"properties":{"v":1.50}},"y":{"properties":{}}}}`},
		{"a part within what is left out", "u:a has +R thing:/attributes; -R thing:/attributes/secret; +R thing:/attributes/secret/a", "", `{"attributes":{"open":1,"secret":{"a":1,"b":2}}}`, `{"attributes":{"open":1,"secret":{"a":1}}}`},
		{"an object that is emptied stays", "u:a has +R thing:/; -R thing:/attributes/secret/a", "", `{"attributes":{"secret":{"a":1}}}`, `{"attributes":{"secret":{}}}`},
		{"unless it may not be read itself", "u:a has +R thing:/; -R thing:/attributes/secret; +R thing:/attributes/secret/z", "", `{"attributes":{"secret":{"a":1}},"x":1}`, `{"attributes":{},"x":1}`},
		{"empty ones and null may be read", "u:a has +R thing:/attributes/empty; +R thing:/attributes/none", "", thing, `{"attributes":{"empty":{},"none":null}}`},
		{"what stands in an array stands where the array stands", "u:a has +R thing:/attributes/list; -R thing:/attributes/list/secret", "", thing, `{"attributes":{"list":[1,{"open":2},[4]]}}`},
		{"also where only a part is granted", "u:a has +R thing:/attributes/list/secret", "", thing, `{"attributes":{"list":[{"secret":3}]}}`},
		{"an array of which nothing is left", "u:a has +R thing:/attributes/list/other", "", thing, ""},
		{"digits stay", "u:a has +R thing:/features/x/properties; -R thing:/features/x/properties/w", "", thing, `{"features":{"x":{"properties":{"v":1.50}}}}`},
		{"a scalar", "u:a has +R thing:/attributes/open", "/attributes/open", `1`, `1`},
		{"a scalar that may not be read", "u:a has +R thing:/attributes/open", "/attributes/other", `1`, ""},
		{"below a path", "u:a has +R thing:/; -R thing:/attributes/secret", "/attributes", `{"open":1,"secret":2}`, `{"open":1}`},
		{"below what no resource reaches", "u:a has +R thing:/attributes", "/attributes/a/b/c", `{"x":{}}`, `{"x":{}}`},
		{"an array at a path", "u:a has -R thing:/attributes/list/secret; +R thing:/attributes", "/attributes/list", `[{"secret":1},{"x":1,"secret":2}]`, `[{},{"x":1}]`},
		{"null at a path", "u:a has +R thing:/attributes", "/attributes", `null`, `null`},
		{"null of which only a part is granted", "u:a has +R thing:/attributes/x", "/attributes", `null`, ""},
		{"names that need escapes", `u:a has +R thing:/attributes/a"b`, "", `{"attributes":{"a\"b":1,"c":2}}`, `{"attributes":{"a\"b":1}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := shelf{"n:p": entries(strings.ReplaceAll(c.policy, `"`, `\"`))}.resolve(t, "n:p", nil)
			v := parsed(t, c.value)
			got, any := e.View(Subjects{"u:a"}, Thing, pointer(t, c.at), v)
			switch {
			case any != (c.want != ""):
				t.Errorf("%t: %v", any, got)
			case any && got.String() != c.want:
				t.Errorf("got %s", got)
			case any && c.want == c.value && got != v:
				t.Error("a copy")
			}
		})
	}
}

// The keys of a Policy's JSON have slashes, which are levels in its resources.
func TestViewsOfPolicies(t *testing.T) {
	const text = `{"policyId":"n:p","entries":{"a":{"subjects":{"u:a":{"type":""},"https://id:b":{"type":""}},"resources":{"thing:/":{"grant":["READ"],"revoke":[]},"thing:/secret/x":{"grant":[],"revoke":[]},"policy:/":{"grant":[],"revoke":[]}}}}}`
	for _, c := range []struct{ name, policy, want string }{
		{"a resource", "u:a has +R policy:/; -R policy:/entries/a/resources/thing:/secret",
			`{"policyId":"n:p","entries":{"a":{"subjects":{"u:a":{"type":""},"https://id:b":{"type":""}},"resources":{"thing:/":{"grant":["READ"],"revoke":[]},"policy:/":{"grant":[],"revoke":[]}}}}}`},
		{"only one resource", "u:a has +R policy:/entries/a/resources/thing:/secret/x", `{"entries":{"a":{"resources":{"thing:/secret/x":{"grant":[],"revoke":[]}}}}}`},
		{"all resources of a kind", "u:a has +R policy:/entries/a/resources/thing:/", `{"entries":{"a":{"resources":{"thing:/":{"grant":["READ"],"revoke":[]},"thing:/secret/x":{"grant":[],"revoke":[]}}}}}`},
		{"a subject with slashes", "u:a has +R policy:/entries/a/subjects; -R policy:/entries/a/subjects/https:~1~1id:b", `{"entries":{"a":{"subjects":{"u:a":{"type":""}}}}}`},
	} {
		e := shelf{"n:p": entries(c.policy)}.resolve(t, "n:p", nil)
		if got, any := e.View(Subjects{"u:a"}, Policy, nil, parsed(t, text)); !any || got.String() != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	e := enforcer(t, "u:a has +R policy:/; -R policy:/entries/a/resources/thing:/secret")
	for _, p := range []jsondoc.Pointer{{"entries", "a", "resources", "thing:/secret"}, {"entries", "a", "resources", "thing:", "secret"}, {"entries", "a", "resources", "thing:/secret/x"}} {
		if e.Whole(Subjects{"u:a"}, Read, Policy, p) || len(e.Explain(Subjects{"u:a"}, Read, Policy, p).Here) != 1 {
			t.Errorf("%s: %s", p, e.Explain(Subjects{"u:a"}, Read, Policy, p))
		}
	}
}

func TestViewKeys(t *testing.T) {
	e := enforcer(t, "u:all, u:both has +R thing:/", "u:part, u:both has +R thing:/a/b; +W thing:/c", "u:less has -R thing:/a", "u:odd has +R thing:/; +R thing:/a")
	key := func(who ...string) string { return e.ViewKey(who, Thing) }
	for _, c := range []struct {
		name string
		a, b string
		same bool
	}{
		{"in other entries, the same view", key("u:all"), key("u:both"), true},
		{"what is granted again changes nothing", key("u:all"), key("u:odd"), true},
		{"a part", key("u:all"), key("u:part"), false},
		{"the order of subjects", key("u:all", "u:less"), key("u:less", "u:all"), true},
		{"with a revoke", key("u:all", "u:less"), key("u:all"), false},
		{"strangers do not count", key("u:x", "u:all"), key("u:all"), true},
		{"of another Policy", key("u:part"), enforcer(t, "g:x has +R thing:/a/b").ViewKey(Subjects{"g:x"}, Thing), true},
		{"of another resource", enforcer(t, "u:a has +R message:/").ViewKey(Subjects{"u:a"}, Message), key("u:all"), true},
		{"names that look like others", enforcer(t, "u:a has +R thing:/a~1b").ViewKey(Subjects{"u:a"}, Thing), key("u:part"), true},
	} {
		if (c.a == c.b) != c.same || c.a == "" {
			t.Errorf("%s: %q and %q", c.name, c.a, c.b)
		}
	}
	for _, who := range []Subjects{nil, {"u:less"}, {"u:x"}} {
		if key := e.ViewKey(who, Thing); key != "" {
			t.Errorf("%v: %q", who, key)
		}
	}
	if key := e.ViewKey(Subjects{"u:all"}, Policy); key != "" {
		t.Errorf("%q", key)
	}
}

func TestViewKeysStayShortAndFew(t *testing.T) {
	var list, texts []string
	for i := range 12 {
		name := strings.Repeat(string(rune('a'+i)), 20)
		list = append(list, "u:"+name+" has +R thing:/"+name+"; -R thing:/"+name+"/x")
	}
	e := enforcer(t, list...)
	seen := map[string]bool{}
	for set := range 1 << 12 {
		var who Subjects
		for i := range 12 {
			if set>>i&1 == 1 {
				who = append(who, "u:"+strings.Repeat(string(rune('a'+i)), 20))
			}
		}
		key := e.ViewKey(who, Thing)
		if seen[key] || len(key) > 64 {
			t.Fatalf("%d: %q", set, key)
		}
		seen[key] = true
		texts = append(texts, key)
	}
	if n := len(*e.keys.of.Load()); n > keptKeys {
		t.Errorf("%d are kept", n)
	}
	if again := e.ViewKey(Subjects{"u:" + strings.Repeat("a", 20)}, Thing); again != texts[1] {
		t.Error("another key")
	}
}

// One Enforcer is asked from everywhere.
func TestEnforcersAreShared(t *testing.T) {
	e := shelf{"n:p": importing(``, "a: u:a has +R thing:/; -R thing:/a", `b: u:b has +R thing:/ | "namespaces":["com.*"]`)}.resolve(t, "n:p", nil)
	v := parsed(t, `{"a":1,"b":{"c":[1,2,3]}}`)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 500 {
				other := e.For(fmt.Sprint("com.x", (i+j)%40))
				if !other.Whole(Subjects{"u:b"}, Read, Thing, nil) || other.ViewKey(Subjects{"u:b"}, Thing) == other.ViewKey(Subjects{"u:a"}, Thing) {
					t.Error("wrong answer")
				}
				if got, _ := e.View(Subjects{"u:a"}, Thing, nil, v); got.String() != `{"b":{"c":[1,2,3]}}` {
					t.Error(got)
				}
			}
		})
	}
	all.Wait()
}
