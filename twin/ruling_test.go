package twin

import (
	"testing"

	"github.com/twinbroker/twinbroker/twin/store"
)

// What is remembered of a Thing's Policy is what the Thing says, whichever way it
// got another one.
func TestAThingRemembersThePolicyThatItHas(t *testing.T) {
	const id, other = "org.acme:t", "org.acme:other"
	w := newWorld(t, Options{})
	w.provision(other, everything(w.sender.Subjects[0]))
	w.must(id, "create", "/", `{"attributes":{"a":1}}`)
	check := func(want string) {
		t.Helper()
		for i := range 3 {
			w.must(id, "modify", "/attributes/a", `2`) // which remembers it the second time
			e, err := w.Store().View(store.Key{Kind: kindThing, ID: id})
			if err != nil {
				t.Fatal(err)
			}
			d := documentOf(e)
			if d.policyID() != want || policyIDOf(d.Value) != want || i > 0 && (d.ruling() == nil || d.ruling().policyID != want) {
				t.Errorf("remembered is %+v, it has %q, want %q", d.ruling(), policyIDOf(d.Value), want)
			}
		}
	}
	check(id)
	for _, c := range []struct{ action, path, value, want string }{
		{"modify", "/policyId", `"org.acme:other"`, other},
		{"merge", "/", `{"policyId":"org.acme:t","attributes":{"b":1}}`, id},
		{"merge", "/policyId", `"org.acme:other"`, other},
		{"merge", "/", `{"attributes":{"b":2}}`, other},
		{"merge", "/", `{"\u0070olicyId":"org.acme:t"}`, id},
		{"merge", "/", `{"attributes":{"{{ /a/ }}":null},"policyId":"org.acme:other"}`, other},
		{"modify", "/", `{"policyId":"org.acme:t","attributes":{"a":1}}`, id},
		{"modify", "/", `{"attributes":{"a":3}}`, id},
		{"merge", "/", `{"attributes":{"a":3}}`, id},
	} {
		w.must(id, c.action, c.path, c.value)
		e, _ := w.Store().View(store.Key{Kind: kindThing, ID: id})
		if got := documentOf(e).policyID(); got != c.want {
			t.Errorf("after %s of %s %s: %q", c.action, c.path, c.value, got)
		}
		check(c.want)
	}
}

// A Thing asks again when its Policy says something else, or is another one, also
// where it remembers what that allowed.
func TestARulingHoldsAsLongAsThePolicyIsAsItWas(t *testing.T) {
	for _, alike := range []bool{true, false} {
		w := newWorld(t, Options{})
		for _, id := range []string{"a:one", "a:two", "a:three"} {
			w.must(id, "create", "/", `{"attributes":{"a":1}}`)
			w.must(id, "modify", "/attributes/a", `2`)
		}
		const id = "a:three"
		mine := everything(w.sender.Subjects[0])
		if !alike {
			mine = mine[:len(mine)-1] + "," + grants("more", "user:else", "READ", "thing:/") + "}"
			w.provision(id, mine)
		}
		w.must(id, "modify", "/attributes/a", `3`)
		e, err := w.Store().View(store.Key{Kind: kindThing, ID: id})
		if err != nil {
			t.Fatal(err)
		}
		if r := documentOf(e).ruling(); r == nil || (r.access != nil) != alike || (r.kept.Value() != nil) == alike {
			t.Fatalf("the Thing remembers %+v: nothing is tested", r)
		}
		try := func() string {
			if o := w.send(command(id, "modify", "/attributes/a", `4`)); o.Err != nil {
				return o.Err.Code
			}
			return ""
		}
		for _, step := range []struct{ policy, want string }{
			{"", ""},
			{everything("user:another"), "things:attribute.notmodifiable"},
			{mine, ""},
		} {
			if step.policy != "" {
				w.provision(id, step.policy)
			}
			if got := try(); got != step.want {
				t.Errorf("by the Policy %s: %q, want %q", step.policy, got, step.want)
			}
		}
	}
}
