package policy

import (
	"testing"
	"time"
)

func TestExplain(t *testing.T) {
	s := shelf{
		"n:p": importing(`"n:roles":{},"n:other":{}`, "own: u:a, u:b has +R thing:/; +R thing:/a", "secret: u:b, g:x has -R thing:/a/secret", "part: u:c has +W thing:/features/lamp",
			`ref: u:d has  | "references":[{"import":"n:roles","entry":"role"}]`, `here: u:e has +R thing:/ | "namespaces":["com","org.*"]`,
			"odd: u:f has +X thing:/a", "even: u:g has -X thing:/a", "policy: u:b has +R policy:/; -R policy:/entries/own/resources/thing:/a"),
		"n:roles": importing(``, "role:  has +R message:/"),
		"n:other": importing(``, "late: u:late has -R thing:/"),
	}
	text := s["n:p"][:len(s["n:p"])-2] + `,"late":{"subjects":{"u:late":{"type":"","expiry":"2020-01-01T00:00:00Z"}},"resources":{"thing:/a":{"grant":["READ"],"revoke":[]}}}}}`
	e, err := Resolve(modelOf(t, "n:p", text), ResolveOptions{Load: s.load(t), Now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		who  Subjects
		what Permission
		of   Resource
		path string
		want string
	}{
		{Subjects{"u:a"}, Read, Thing, "/", "READ on thing:/ is granted: entry 'own' of Policy 'n:p' grants READ on thing:/ to u:a."},
		{Subjects{"u:a"}, Read, Thing, "/a/b", "READ on thing:/a/b is granted: entry 'own' of Policy 'n:p' grants READ on thing:/a to u:a."},
		{Subjects{"u:b", "u:a"}, Read, Thing, "/", "READ on thing:/ is granted for a part: entry 'own' of Policy 'n:p' grants READ on thing:/ to u:a, u:b; entry 'secret' of Policy 'n:p' revokes READ on thing:/a/secret from u:b."},
		{Subjects{"u:a", "g:x"}, Read, Thing, "/a/secret/x", "READ on thing:/a/secret/x is not granted: entry 'secret' of Policy 'n:p' revokes READ on thing:/a/secret from g:x."},
		{Subjects{"u:c"}, Write, Thing, "/features", "WRITE on thing:/features is granted for a part: nothing is said about it itself to these subjects; entry 'part' of Policy 'n:p' grants WRITE on thing:/features/lamp to u:c."},
		{Subjects{"u:c"}, Write, Thing, "/attributes", "WRITE on thing:/attributes is not granted: nothing is said about it itself to these subjects."},
		{nil, Write, Thing, "/", "WRITE on thing:/ is not granted: nothing is said about it itself to these subjects."},
		{Subjects{"u:d"}, Read, Message, "/inbox", "READ on message:/inbox is granted: entry 'role' of Policy 'n:roles' grants READ on message:/ to u:d (by way of 'ref')."},
		{Subjects{"u:late"}, Read, Thing, "/a", "READ on thing:/a is not granted: entry 'late' of Policy 'n:other' revokes READ on thing:/ from u:late (by way of 'imported-n:other-late'); entry 'late' of Policy 'n:p' grants READ on thing:/a to u:late, but the subject expired at 2020-01-01T00:00:00Z."},
		{Subjects{"u:f", "u:g"}, Execute, Thing, "/a", "EXECUTE on thing:/a is not granted: entry 'even' of Policy 'n:p' revokes EXECUTE on thing:/a from u:g."},
		{Subjects{"u:f", "u:g"}, Execute, Thing, "/", "EXECUTE on thing:/ is granted for a part: nothing is said about it itself to these subjects; entry 'odd' of Policy 'n:p' grants EXECUTE on thing:/a to u:f."},
		{Subjects{"u:b"}, Read, Policy, "/entries/own/resources/thing:/a", "READ on policy:/entries/own/resources/thing:/a is not granted: entry 'policy' of Policy 'n:p' revokes READ on policy:/entries/own/resources/thing:/a from u:b."},
		{Subjects{"u:e"}, Read, Thing, "/", "READ on thing:/ is granted: entry 'here' of Policy 'n:p' grants READ on thing:/ to u:e."},
	} {
		if got := e.Explain(c.who, c.what, c.of, pointer(t, c.path)).String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	const elsewhere = "READ on thing:/ is not granted: nothing is said about it itself to these subjects; entry 'here' of Policy 'n:p' grants READ on thing:/ to u:e, but it counts only in com, org.*."
	if got := e.For("net").Explain(Subjects{"u:e"}, Read, Thing, nil).String(); got != elsewhere {
		t.Errorf("got  %s\nwant %s", got, elsewhere)
	}
	if got := e.For("com").Explain(Subjects{"u:e"}, Read, Thing, nil); !got.Whole || len(got.LeftOut) > 0 {
		t.Errorf("%s", got)
	}
	if got := Nobody.Explain(Subjects{"u:e"}, Read, Thing, nil); got.Whole || got.Some || len(got.Here) > 0 {
		t.Errorf("%s", got)
	}
}
