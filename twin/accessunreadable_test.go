package twin

import (
	"testing"

	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/store"
)

// force stores a Policy without a check, as an older version or a defect might
// have.
func (w *world) force(id, text string) {
	w.t.Helper()
	key := store.Key{Kind: kindPolicy, ID: id}
	tx, err := w.store.Begin(key)
	if err != nil {
		w.t.Fatal(err)
	}
	v := jsonText(w.t, text)
	put := change{op: opPut, value: v}
	tx.Put(key, put.appendTo(nil), newDocument(v))
	done := make(chan error, 1)
	tx.Commit(nil, nil, func(err error) { done <- err })
	if err := <-done; err != nil {
		w.t.Fatal(err)
	}
}

// What a Policy that cannot be read would revoke is not known, so whoever needs
// it is allowed nothing, until it is repaired.
func TestAPolicyThatCannotBeReadAllowsNothing(t *testing.T) {
	const broken = `{"policyId":"org.acme:base","entries":{"deny":{"subjects":{"user:ann":{"type":"x"}},"resources":{"thing:/attributes/secret":{"grant":[],"revoke":["SEE"]}}}}}`
	const sound = `{"deny":{"subjects":{"user:ann":{"type":"x"}},"resources":{"thing:/attributes/secret":{"grant":[],"revoke":["READ"]}}}}`
	ann := policy.Subjects{"user:ann"}
	for _, c := range []struct {
		name  string
		roots policy.Roots
		text  string
	}{
		{"imported", nil, `{"policyId":"org.acme:own","imports":{"org.acme:base":{}},"entries":` + everything("user:ann") + `}`},
		{"of the namespace", policy.Roots{"org.acme": {"org.acme:base"}}, `{"policyId":"org.acme:own","entries":` + everything("user:ann") + `}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{NamespacePolicies: c.roots})
			w.force("org.acme:base", broken)
			w.force("org.acme:own", c.text)
			if _, o := w.put(`{"thingId":"org.acme:t","policyId":"org.acme:own","attributes":{"secret":1}}`, Refuse); o.Err != nil {
				t.Fatal(o.Err)
			}
			for range 2 { // as it is found out, and as it is kept
				e, err := w.Access("org.acme:t")
				if err != nil || e.Some(ann, policy.Read, policy.Thing, nil) {
					t.Fatalf("allowed, or %v", err)
				}
			}
			if o := w.send(command("org.acme:t", "retrieve", "/attributes/secret", "")); o.Err == nil || o.Err.Status != 404 {
				t.Errorf("%v", o.Err)
			}
			if o := w.as("admin", command("org.acme:t", "retrieve", "/", "")); o.Err != nil {
				t.Errorf("an administrator: %v", o.Err)
			}
			w.provision("org.acme:base", sound)
			e, err := w.Access("org.acme:t")
			if err != nil || !e.Some(ann, policy.Read, policy.Thing, nil) || e.Whole(ann, policy.Read, policy.Thing, nil) {
				t.Errorf("repaired: %v", err)
			}
		})
	}
	t.Run("itself", func(t *testing.T) {
		w := newWorld(t, Options{})
		w.force("org.acme:base", broken)
		e, err := w.PolicyAccess("org.acme:base")
		if err != nil || e != policy.Nobody {
			t.Errorf("%v %v", e, err)
		}
	})
}

func TestTheCostOfAnEnforcerCounts(t *testing.T) {
	w := newWorld(t, Options{})
	w.provision("org.acme:p", everything("user:ann"))
	a, err := w.resolve("org.acme:p", nil)
	if err != nil {
		t.Fatal(err)
	}
	if doc := 4 * len(w.policy("org.acme:p")); a.cost < 2<<10+doc+a.enforcer.Size() {
		t.Errorf("%d, of which the document is %d and the Enforcer %d", a.cost, doc, a.enforcer.Size())
	}
}
