package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// The asks are "who WHAT resource yes|no", for the path and all below it.
func asked(t *testing.T, e *Enforcer, asks ...string) {
	t.Helper()
	for _, ask := range asks {
		f := strings.Fields(ask)
		of, path, err := ParseResource(f[2])
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Whole(strings.Split(f[0], ","), Permission(f[1]), of, path); got != (f[3] == "yes") {
			t.Errorf("%s: got %t; %s\n%s", ask, got, e.Explain(strings.Split(f[0], ","), Permission(f[1]), of, path), e.Resolved())
		}
	}
}

// importing is a Policy with imports, and entries as [entry] takes them under
// labels, with more members behind a bar: "label: u:a has +R thing:/ | importable never".
func importing(imports string, list ...string) string {
	var out []string
	for _, text := range list {
		label, rest, _ := strings.Cut(text, ": ")
		rest, more, _ := strings.Cut(rest, " | ")
		members := entry(rest)
		if more != "" {
			members += "," + more
		}
		out = append(out, `"`+label+`":{`+members+`}`)
	}
	return `{"imports":{` + imports + `},"entries":{` + strings.Join(out, ",") + `}}`
}

func TestImports(t *testing.T) {
	const never, explicit = `"importable":"never"`, `"importable":"explicit"`
	for _, c := range []struct {
		name  string
		shelf shelf
		asks  []string
	}{
		{"implicit entries come by themselves, explicit ones when they are named, never never", shelf{
			"n:p": importing(`"n:i":{"entries":["named","no"]}`),
			"n:i": importing(``, "default: u:d has +R thing:/", "implicit: u:i has +R thing:/ | \"importable\":\"implicit\"",
				"named: u:n has +R thing:/ | "+explicit, "other: u:o has +R thing:/ | "+explicit, "no: u:x has +R thing:/ | "+never)},
			[]string{"u:d READ thing:/ yes", "u:i READ thing:/ yes", "u:n READ thing:/ yes", "u:o READ thing:/ no", "u:x READ thing:/ no"}},
		{"without entries only implicit ones come", shelf{
			"n:p": importing(`"n:i":{}`),
			"n:i": importing(``, "d: u:d has +R thing:/", "e: u:e has +R thing:/ | "+explicit)},
			[]string{"u:d READ thing:/ yes", "u:e READ thing:/ no"}},
		{"imported entries count as the Policy's own", shelf{
			"n:p": importing(`"n:i":{}`, "own: u:a has +RW thing:/"),
			"n:i": importing(``, "own: u:a has -W thing:/features")},
			[]string{"u:a READ thing:/ yes", "u:a WRITE thing:/ no", "u:a WRITE thing:/attributes yes", "u:a WRITE thing:/features no"}},
		{"an import that is not there is as good as empty", shelf{
			"n:p": importing(`"n:gone":{"entries":["x"]}`, "own: u:a has +R thing:/")},
			[]string{"u:a READ thing:/ yes"}},
		{"imports of imports do not come", shelf{
			"n:p": importing(`"n:i":{}`), "n:i": importing(`"n:j":{}`, "i: u:i has +R thing:/"), "n:j": importing(``, "j: u:j has +R thing:/")},
			[]string{"u:i READ thing:/ yes", "u:j READ thing:/ no"}},
		{"unless transitiveImports names them", shelf{
			"n:p": importing(`"n:i":{"transitiveImports":["n:j","n:none"]}`), "n:i": importing(`"n:j":{},"n:k":{}`, "i: u:i has +R thing:/"),
			"n:j": importing(``, "j: u:j has +R thing:/", "e: u:e has +R thing:/ | "+explicit, "x: u:x has +R thing:/ | "+never), "n:k": importing(``, "k: u:k has +R thing:/")},
			[]string{"u:i READ thing:/ yes", "u:j READ thing:/ yes", "u:k READ thing:/ no", "u:e READ thing:/ no", "u:x READ thing:/ no"}},
		{"transitiveImports only opens imports that are there", shelf{
			"n:p": importing(`"n:i":{"transitiveImports":["n:j"]}`), "n:i": importing(``), "n:j": importing(``, "j: u:j has +R thing:/")},
			[]string{"u:j READ thing:/ no"}},
		{"three that import each other come to an end", shelf{
			"n:p": importing(`"n:i":{"transitiveImports":["n:j"]}`, "p: u:p has +R thing:/"), "n:i": importing(`"n:j":{"transitiveImports":["n:k"]}`, "i: u:i has +R thing:/"),
			"n:j": importing(`"n:k":{"transitiveImports":["n:i"]}`, "j: u:j has +R thing:/"), "n:k": importing(`"n:i":{"transitiveImports":["n:j"]}`, "k: u:k has +R thing:/")},
			[]string{"u:p READ thing:/ yes", "u:i READ thing:/ yes", "u:j READ thing:/ yes", "u:k READ thing:/ yes"}},
		{"a Policy comes back to itself by way of others", shelf{
			"n:p": importing(`"n:i":{"transitiveImports":["n:j"]}`, "p: u:p has +R thing:/"), "n:i": importing(`"n:j":{"transitiveImports":["n:p"]}`), "n:j": importing(`"n:p":{}`)},
			[]string{"u:p READ thing:/ yes"}},
		{"labels of two imports do not get in each other's way", shelf{
			"n:p": importing(`"n:i":{"transitiveImports":["n:j","n:k"]}`), "n:i": importing(`"n:j":{},"n:k":{}`),
			"n:j": importing(``, "x: u:j has +R thing:/"), "n:k": importing(``, "x: u:k has +R thing:/")},
			[]string{"u:j READ thing:/ yes", "u:k READ thing:/ yes"}},
		{"nor do IDs and labels that make the same text", shelf{
			"n:p": importing(`"n:i":{},"n:i-x":{}`), "n:i": importing(``, "x-y: u:j has +R thing:/"), "n:i-x": importing(``, "y: u:k has +R thing:/")},
			[]string{"u:j READ thing:/ yes", "u:k READ thing:/ yes"}},
	} {
		t.Run(c.name, func(t *testing.T) { asked(t, c.shelf.resolve(t, "n:p", nil), c.asks...) })
	}
}

func TestReferences(t *testing.T) {
	ref := func(more string, refs ...string) string {
		var list []string
		for _, r := range refs {
			if policy, label, ok := strings.Cut(r, "/"); ok {
				list = append(list, `{"import":"`+policy+`","entry":"`+label+`"}`)
			} else {
				list = append(list, `{"entry":"`+r+`"}`)
			}
		}
		return ` | "references":[` + strings.Join(list, ",") + `]` + more
	}
	const onlySubjects, nothing = `"allowedAdditions":["subjects"]`, `"allowedAdditions":[]`
	for _, c := range []struct {
		name  string
		shelf shelf
		asks  []string
	}{
		{"the power plant of the documentation", shelf{
			"n:roles": importing(``, "operator:  has +RW thing:/features/reactor; +RW thing:/features/turbine | "+onlySubjects, "inspector:  has +R thing:/features/reactor; +R thing:/features/safety | "+onlySubjects),
			"n:p": importing(`"n:roles":{}`, "operator: g:42 has "+ref("", "n:roles/operator"), "inspector: u:frank has "+ref("", "n:roles/inspector"),
				"admin: u:admin has +RW policy:/")},
			[]string{"g:42 WRITE thing:/features/reactor yes", "g:42 READ thing:/features/safety no", "u:frank READ thing:/features/safety yes", "u:frank WRITE thing:/features/reactor no",
				"u:admin READ thing:/features/reactor no", "u:admin WRITE policy:/ yes"}},
		{"what is not allowed to be added does not count", shelf{
			"n:roles": importing(``, "r: u:r has +R thing:/a | "+onlySubjects), "n:p": importing(`"n:roles":{}`, "x: u:a has +W thing:/b"+ref("", "n:roles/r"))},
			[]string{"u:a READ thing:/a yes", "u:r READ thing:/a yes", "u:a WRITE thing:/b no", "u:r WRITE thing:/b no"}},
		{"nothing may be added", shelf{
			"n:roles": importing(``, "r: u:r has +R thing:/a | "+nothing), "n:p": importing(`"n:roles":{}`, "x: u:a has +W thing:/b"+ref("", "n:roles/r"))},
			[]string{"u:a READ thing:/a no", "u:a WRITE thing:/b no", "u:r READ thing:/a yes"}},
		{"without allowedAdditions all may be added", shelf{
			"n:roles": importing(``, "r: u:r has +R thing:/a"), "n:p": importing(`"n:roles":{}`, "x: u:a has +W thing:/b"+ref("", "n:roles/r"))},
			[]string{"u:a READ thing:/a yes", "u:a WRITE thing:/b yes", "u:r READ thing:/a yes", "u:r WRITE thing:/b yes"}},
		{"the strictest of several counts", shelf{
			"n:roles": importing(``, "r:  has +R thing:/a | "+onlySubjects, "s:  has +R thing:/s | \"allowedAdditions\":[\"resources\",\"subjects\"]", "t:  has +R thing:/t"),
			"n:p":     importing(`"n:roles":{}`, "x: u:a has +W thing:/b"+ref("", "n:roles/r", "n:roles/s", "n:roles/t"), "y: u:y has +W thing:/b"+ref("", "n:roles/s"))},
			[]string{"u:a READ thing:/a yes", "u:a READ thing:/s yes", "u:a READ thing:/t yes", "u:a WRITE thing:/b no", "u:y WRITE thing:/b yes"}},
		{"within a Policy, with the same rules", shelf{
			"n:p": importing(``, "role: u:r has +R thing:/a | "+onlySubjects, "x: u:a has +W thing:/b"+ref("", "role"))},
			[]string{"u:a READ thing:/a yes", "u:r READ thing:/a yes", "u:a WRITE thing:/b no"}},
		{"one level deep, also when two refer to each other", shelf{
			"n:p": importing(``, "a: u:a has +R thing:/a"+ref("", "b"), "b: u:b has +R thing:/b"+ref("", "a", "c"), "c: u:c has +R thing:/c")},
			[]string{"u:a READ thing:/b yes", "u:b READ thing:/a yes", "u:b READ thing:/c yes", "u:c READ thing:/a yes", "u:a READ thing:/c yes", "u:c READ thing:/b yes"}},
		{"one level deep, without what comes in between", shelf{
			"n:p": importing(``, "a: u:a has "+ref("", "b"), "b:  has +R thing:/b"+ref("", "c"), "c:  has +R thing:/c")},
			[]string{"u:a READ thing:/b yes", "u:a READ thing:/c no"}},
		{"a revoke is taken over and cannot be removed", shelf{
			"n:roles": importing(``, "r:  has +R thing:/; -R thing:/secret"), "n:p": importing(`"n:roles":{}`, "x: u:a has +R thing:/secret"+ref("", "n:roles/r"))},
			[]string{"u:a READ thing:/secret no", "u:a READ thing:/attributes yes"}},
		{"what a reference does not find adds nothing, and takes nothing away", shelf{
			"n:roles": importing(``, "r: u:r has +R thing:/a"), "n:p": importing(`"n:roles":{},"n:gone":{}`, "x: u:a has +W thing:/b"+ref("", "n:roles/none", "n:gone/r"))},
			[]string{"u:a WRITE thing:/b yes", "u:a READ thing:/a no"}},
		{"an entry that is importable never is not found", shelf{
			"n:roles": importing(``, `r: u:r has +R thing:/a | "importable":"never"`), "n:p": importing(`"n:roles":{}`, "x: u:a has +W thing:/b"+ref("", "n:roles/r"))},
			[]string{"u:a WRITE thing:/b yes", "u:a READ thing:/a no", "u:r READ thing:/a no"}},
		{"an explicit one is found when it is imported", shelf{
			"n:roles": importing(``, `r:  has +R thing:/a | "importable":"explicit"`, `s:  has +R thing:/s | "importable":"explicit"`),
			"n:p":     importing(`"n:roles":{"entries":["r"]}`, "x: u:a has "+ref("", "n:roles/r", "n:roles/s"))},
			[]string{"u:a READ thing:/a yes", "u:a READ thing:/s no"}},
		{"the vehicles of the documentation", shelf{
			"n:roles": importing(``, "driver:  has +R thing:/features/fuel | "+onlySubjects),
			"n:west":  importing(`"n:roles":{}`, "driver: u:alice has "+ref("", "n:roles/driver")),
			"n:p":     importing(`"n:west":{"transitiveImports":["n:roles"]}`, "driver: u:charlie has "+ref("", "n:west/driver"), "owner: u:fleet has +RW policy:/")},
			[]string{"u:alice READ thing:/features/fuel yes", "u:charlie READ thing:/features/fuel yes", "u:fleet READ thing:/features/fuel no"}},
		{"and without transitiveImports", shelf{
			"n:roles": importing(``, "driver:  has +R thing:/features/fuel | "+onlySubjects),
			"n:west":  importing(`"n:roles":{}`, "driver: u:alice has "+ref("", "n:roles/driver")),
			"n:p":     importing(`"n:west":{}`, "driver: u:charlie has "+ref("", "n:west/driver"))},
			[]string{"u:alice READ thing:/features/fuel no", "u:charlie READ thing:/features/fuel no"}},
		{"four levels", shelf{
			"n:d": importing(``, "r:  has +R thing:/a"), "n:c": importing(`"n:d":{}`, "r: u:c has "+ref("", "n:d/r")),
			"n:b": importing(`"n:c":{"transitiveImports":["n:d"]}`, "r: u:b has "+ref("", "n:c/r")),
			"n:p": importing(`"n:b":{"transitiveImports":["n:c"]}`, "r: u:p has "+ref("", "n:b/r"))},
			[]string{"u:p READ thing:/a yes", "u:b READ thing:/a yes", "u:c READ thing:/a yes"}},
	} {
		t.Run(c.name, func(t *testing.T) { asked(t, c.shelf.resolve(t, "n:p", nil), c.asks...) })
	}
}

func TestFirstReferenceGivesTheSubject(t *testing.T) {
	subject := func(expiry string) string {
		return `{"subjects":{"u:a":{"type":"` + expiry[:4] + `","expiry":"` + expiry + `"}},"resources":{}}`
	}
	m := modelOf(t, "n:p", `{"entries":{"first":`+subject("2031-01-01T00:00:00Z")+`,"second":`+subject("2032-01-01T00:00:00Z")+
		`,"x":{"references":[{"entry":"second"},{"entry":"first"}],"subjects":{"u:a":{"type":"own"}},"resources":{"thing:/":{"grant":["READ"],"revoke":[]}}}}}`)
	for _, c := range []struct{ now, kind string }{{"2030-01-01T00:00:00Z", "2032"}, {"2031-06-01T00:00:00Z", "2032"}, {"2033-01-01T00:00:00Z", "own"}} {
		now, _ := time.Parse(time.RFC3339, c.now)
		e, err := Resolve(m, ResolveOptions{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		got, _ := e.Resolved().Get(pointer(t, "/entries/x/subjects/u:a/type"))
		if kind, _ := got.Text(); kind != c.kind {
			t.Errorf("%s: %s", c.now, got)
		}
	}
}

func TestSubjectsExpire(t *testing.T) {
	m := modelOf(t, "n:p", `{"entries":{"a":{"subjects":{"u:stays":{"type":""},"u:first":{"type":"","expiry":"2030-01-01T00:00:00Z"},"u:second":{"type":"","expiry":"2031-01-01T00:00:00Z"}},
		"resources":{"thing:/":{"grant":["READ"],"revoke":[]}},"namespaces":["y","z"]}}}`)
	first := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	second := first.AddDate(1, 0, 0)
	for _, c := range []struct {
		name  string
		now   time.Time
		until time.Time
		asks  []string
	}{
		{"no time", time.Time{}, first, []string{"u:first READ thing:/ yes", "u:second READ thing:/ yes"}},
		{"before", first.Add(-time.Nanosecond), first, []string{"u:stays READ thing:/ yes", "u:first READ thing:/ yes", "u:second READ thing:/ yes"}},
		{"when the first expires", first, second, []string{"u:stays READ thing:/ yes", "u:first READ thing:/ no", "u:second READ thing:/ yes"}},
		{"when the second expires", second, time.Time{}, []string{"u:stays READ thing:/ yes", "u:first READ thing:/ no", "u:second READ thing:/ no"}},
	} {
		e, err := Resolve(m, ResolveOptions{Now: c.now})
		if err != nil {
			t.Fatal(err)
		}
		asked(t, e, c.asks...)
		if !e.Until().Equal(c.until) || !e.For("x").Until().Equal(c.until) || !e.For("y").Until().Equal(c.until) {
			t.Errorf("%s: until %s", c.name, e.Until())
		}
	}
}

func TestNamespacesOfEntries(t *testing.T) {
	e := shelf{"n:p": importing(`"n:i":{}`, "all: u:all has +R thing:/", `none: u:none has +R thing:/ | "namespaces":[]`, `acme: u:acme has +R thing:/ | "namespaces":["com.acme"]`,
		`below: u:below has +R thing:/ | "namespaces":["com.acme.*"]`, `both: u:both has +R thing:/ | "namespaces":["com.acme","com.acme.*"]`, `revoked: u:all has -R thing:/a | "namespaces":["org"]`),
		"n:i": importing(``, `x: u:imported has +R thing:/ | "namespaces":["org"]`)}.resolve(t, "n:p", nil)
	for _, c := range []struct {
		namespace string
		may       []string
	}{
		{"com.acme", []string{"u:all", "u:none", "u:acme", "u:both"}},
		{"com.acme.x", []string{"u:all", "u:none", "u:below", "u:both"}},
		{"com.acme.x.y", []string{"u:all", "u:none", "u:below", "u:both"}},
		{"com.acmex", []string{"u:all", "u:none"}},
		{"com", []string{"u:all", "u:none"}},
		{"org", []string{"u:none", "u:imported"}},
		{"", []string{"u:all", "u:none"}},
	} {
		for _, who := range []string{"u:all", "u:none", "u:acme", "u:below", "u:both", "u:imported"} {
			if got := e.For(c.namespace).Whole(Subjects{who}, Read, Thing, nil); got != slices.Contains(c.may, who) {
				t.Errorf("%s in %q: %t", who, c.namespace, got)
			}
		}
		by := e.For(c.namespace)
		if again := e.For(c.namespace); again != by || by.For("other") != by {
			t.Errorf("%q: made again", c.namespace)
		}
	}
	if e.For("com.acme.x") != e.For("com.acme.y.z") || e.For("com") != e.For("net") {
		t.Error("not shared where the same entries count")
	}
	asked(t, e, "u:acme READ thing:/ yes", "u:imported READ thing:/ yes", "u:all READ thing:/ no") // without For all count
	if plain := enforcer(t, "u:a has +R thing:/"); plain.For("x") != plain {
		t.Error("made another one without need")
	}
	for i := range 3 * keptNamespaces {
		if e.For(fmt.Sprint("n", i)).Whole(Subjects{"u:acme"}, Read, Thing, nil) {
			t.Fatal("read it")
		}
	}
	if n := len(*e.namespaces.of.Load()); n > keptNamespaces {
		t.Errorf("%d are kept", n)
	}
}

func TestNamespacesOfReferencesComeTogether(t *testing.T) {
	e := shelf{"n:p": importing(``, `a:  has +R thing:/ | "namespaces":["com.acme"],"allowedAdditions":["subjects","namespaces"]`,
		`x: u:x has  | "references":[{"entry":"a"}],"namespaces":["org"]`, `y: u:y has  | "references":[{"entry":"a"}]`,
		`b:  has +R thing:/ | "namespaces":["com.acme"],"allowedAdditions":["subjects"]`, `z: u:z has  | "references":[{"entry":"b"}],"namespaces":["org"]`)}.resolve(t, "n:p", nil)
	asked(t, e.For("com.acme"), "u:x READ thing:/ yes", "u:y READ thing:/ yes", "u:z READ thing:/ yes")
	asked(t, e.For("org"), "u:x READ thing:/ yes", "u:y READ thing:/ no", "u:z READ thing:/ no")
}

func TestNamespaceRootPolicies(t *testing.T) {
	s := shelf{
		"org.acme:root": importing(`"org.acme:more":{}`, "reader: u:reader has +R thing:/", `explicit: u:explicit has +R thing:/ | "importable":"explicit"`, `never: u:never has +R thing:/ | "importable":"never"`,
			`ref: u:ref has  | "references":[{"import":"org.acme:more","entry":"role"}]`),
		"org.acme:more": importing(``, "role: u:role has +R thing:/"),
		"any:all":       importing(``, "reader: u:any has +R thing:/; -W thing:/"),
		"org.acme.x:p":  importing(``, "reader: u:own has +RW thing:/"),
		"org.acme:p":    importing(``, "reader: u:any has +W thing:/"),
		"com:p":         importing(``, "reader: u:own has +R thing:/"),
	}
	roots := Roots{"org.acme.*": {"org.acme:root", "org.acme:gone"}, "*": {"any:all", "org.acme:gone"}, "com.*": {"org.acme:root"}}
	if err := roots.Check(); err != nil {
		t.Fatal(err)
	}
	below := s.resolve(t, "org.acme.x:p", roots)
	asked(t, below, "u:own WRITE thing:/ yes", "u:reader READ thing:/ yes", "u:explicit READ thing:/ no", "u:never READ thing:/ no", "u:any READ thing:/ yes", "u:ref READ thing:/ yes", "u:role READ thing:/ yes")
	asked(t, s.resolve(t, "org.acme:p", roots), "u:reader READ thing:/ no", "u:any READ thing:/ yes", "u:any WRITE thing:/ no")
	asked(t, s.resolve(t, "com:p", roots), "u:reader READ thing:/ no", "u:own READ thing:/ yes")
	asked(t, s.resolve(t, "any:all", roots), "u:any READ thing:/ yes")
	if _, ok := s.resolve(t, "any:all", roots).Resolved().Get(pointer(t, "/entries/nsimported-any:all-reader")); ok {
		t.Error("a root Policy is merged into itself")
	}
	if got := s.resolve(t, "any:all", roots).Sources(); !slices.Equal(got, []string{"any:all", "org.acme:gone"}) {
		t.Errorf("%v", got)
	}
	if got := below.Sources(); !slices.Equal(got, []string{"org.acme.x:p", "org.acme:root", "org.acme:more", "org.acme:gone", "any:all"}) {
		t.Errorf("%v", got)
	}
	for _, at := range []string{"/entries/reader/subjects/u:own", "/entries/nsimported-org.acme:root-reader/subjects/u:reader", "/entries/nsimported-org.acme:root-imported-org.acme:more-role/subjects/u:role", "/entries/nsimported-any:all-reader"} {
		if _, ok := below.Resolved().Get(pointer(t, at)); !ok {
			t.Errorf("no %s in %s", at, below.Resolved())
		}
	}
}

func TestRootsAreInTheOrderOfTheirPatterns(t *testing.T) {
	r := Roots{"*": {"a:any", "a:twice"}, "org.*": {"a:org"}, "org.acme.*": {"a:below", "a:twice"}, "org.acme.x": {"a:exact", "a:second"}, "org.acme": {"a:other"}}
	for namespace, want := range map[string]string{
		"org.acme.x": "a:exact a:second a:below a:twice a:org a:any", "org.acme.y": "a:below a:twice a:org a:any", "org.acme": "a:other a:org a:any a:twice", "org": "a:any a:twice", "": "a:any a:twice", "orgx.y": "a:any a:twice"} {
		if got := strings.Join(r.For(namespace), " "); got != want {
			t.Errorf("%q: %s", namespace, got)
		}
	}
	for _, wrong := range []Roots{{"": nil}, {"org.": nil}, {".*": nil}, {"o*": nil}, {"**": nil}, {"1a": nil}, {"org": {"noid"}}, {"org": {""}}} {
		if wrong.Check() == nil {
			t.Errorf("%v is right", wrong)
		}
	}
}

func TestResolvedPolicy(t *testing.T) {
	got := shelf{"n:p": importing(`"n:i":{"entries":["e"]}`, `x: u:x has +R thing:/a; -W thing:/b | "references":[{"import":"n:i","entry":"e"}]`),
		"n:i": importing(``, `e: u:e has +W thing:/a/ | "importable":"explicit","allowedAdditions":["subjects","resources"],"namespaces":["com"]`)}.resolve(t, "n:p", nil).Resolved().String()
	want := `{"policyId":"n:p","imports":{"n:i":{"entries":["e"]}},"entries":{` +
		`"x":{"subjects":{"u:e":{"type":"t"},"u:x":{"type":"t"}},"resources":{"thing:/a":{"grant":["WRITE","READ"],"revoke":[]},"thing:/b":{"grant":[],"revoke":["WRITE"]}},` +
		`"namespaces":["com"],"importable":"implicit","allowedAdditions":["subjects","resources"],"references":[{"import":"n:i","entry":"e"}]},` +
		`"imported-n:i-e":{"subjects":{"u:e":{"type":"t"}},"resources":{"thing:/a":{"grant":["WRITE"],"revoke":[]}},"namespaces":["com"],"importable":"explicit","allowedAdditions":["subjects","resources"]}}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	m, err := ParseResolved("n:p", parsed(t, want))
	if err != nil {
		t.Fatal(err)
	}
	e, failed := Resolve(m, ResolveOptions{})
	if failed != nil {
		t.Fatal(failed)
	}
	asked(t, e, "u:e READ thing:/a yes", "u:x WRITE thing:/a yes", "u:x READ thing:/b no")
	if got := e.Explain(Subjects{"u:e"}, Write, Thing, pointer(t, "/a")).Here; len(got) != 2 || got[1].Entry != "imported-n:i-e" || got[1].Via != "" {
		t.Errorf("%v", got)
	}
	if _, err := ParseResolved("n:p", parsed(t, `{"entries":{"imported-x":1}}`)); codeOf(err) != "json.format.invalid" {
		t.Error(err)
	}
	if Nobody.Resolved().String() != "{}" {
		t.Error(Nobody.Resolved())
	}
}
