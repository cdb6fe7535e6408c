package twin

import (
	"fmt"
	"testing"

	"github.com/twinbroker/twinbroker/twin/policy"
)

func TestPoliciesOfOneSenderAreDecidedByOneEnforcer(t *testing.T) {
	w := newWorld(t, Options{})
	ids := []string{"a:one", "a:two", "a:three", "a:four"}
	for _, id := range ids {
		w.must(id, "create", "/", `{}`)
	}
	who := policy.Subjects(w.sender.Subjects)
	stranger := policy.Subjects{"user:stranger"}
	may := func(id string, who policy.Subjects) bool {
		t.Helper()
		e, err := w.Access(id)
		if err != nil {
			t.Fatal(err)
		}
		if e.ID() != id {
			t.Errorf("%s is decided by the Policy %s", id, e.ID())
		}
		return e.Whole(who, policy.Write, policy.Thing, nil)
	}
	for range 2 {
		for _, id := range ids {
			if !may(id, who) || may(id, stranger) {
				t.Errorf("%s: who made it may %t, a stranger %t", id, may(id, who), may(id, stranger))
			}
		}
	}
	if n := len(w.alikes.known); n != 1 {
		t.Errorf("%d Enforcers are shared", n)
	}

	// What is shared is left when one of them says something else.
	o := w.send(policyCommand("a:three", "modify", "/entries/DEFAULT/subjects/user:stranger", `{"type":"x"}`, ""))
	if o.Err != nil {
		t.Fatal(o.Err)
	}
	for _, id := range ids {
		if want := id == "a:three"; may(id, stranger) != want {
			t.Errorf("%s: the stranger may: %t", id, !want)
		}
	}
}

func TestWhatIsRememberedOfPoliciesIsBounded(t *testing.T) {
	w := newWorld(t, Options{})
	for i := range 2*mostAlike + 10 {
		w.provision(fmt.Sprintf("p:%d", i), fmt.Sprintf(`{"A":{"subjects":{"user:%d":{"type":"x"}},"resources":{"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}}}`, i/2))
	}
	for i := range 2*mostAlike + 10 {
		e, err := w.PolicyAccess(fmt.Sprintf("p:%d", i))
		if err != nil {
			t.Fatal(err)
		}
		if who := (policy.Subjects{fmt.Sprintf("user:%d", i/2)}); !e.Whole(who, policy.Write, policy.Policy, nil) || e.ID() != fmt.Sprintf("p:%d", i) {
			t.Fatalf("p:%d is decided by %s", i, e.ID())
		}
	}
	if n := len(w.alikes.known); n > mostAlike {
		t.Errorf("%d are remembered", n)
	}
}
