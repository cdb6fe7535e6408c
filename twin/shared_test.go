package twin

import (
	"fmt"
	"testing"

	"github.com/twinbroker/twinbroker/twin/policy"
)

// placedID is the ID of one of the Things of placeThings.
func placedID(i int) string { return fmt.Sprint("org.acme:t", i) }

// placeThings puts so many Things with that Policy in place.
func (w *world) placeThings(n int, policyID string) {
	w.t.Helper()
	got := make(chan *Outcome, n)
	for i := range n {
		e, err := w.ReadEntity(fmt.Appendf(nil, `{"thingId":"%s","policyId":"%s","attributes":{"n":%d}}`, placedID(i), policyID, i))
		if err != nil {
			w.t.Fatal(err)
		}
		w.PutEntity(e, w.sender, Refuse, func(_ Placed, o *Outcome) { got <- o })
	}
	for range n {
		if o := <-got; o.Err != nil {
			w.t.Fatal(o.Err)
		}
	}
}

// A Policy that many Things share is changed by one change, and every later
// message to any of them sees it: reads, changes, and who is told of events.
func TestEveryMessageSeesAChangeOfAPolicyThatManyThingsShare(t *testing.T) {
	const shared = "org.acme:shared"
	w := newWorld(t, Options{})
	w.provision(shared, "{"+grants("all", "user:ann", "READ WRITE", "thing:/", "policy:/")+"}")
	w.placeThings(manyThings, shared)
	may := func(who string) (reads, writes, told int) {
		t.Helper()
		for i := range manyThings {
			id := placedID(i)
			by, err := w.Access(id)
			if err != nil {
				t.Fatal(err)
			}
			if by.Some(policy.Subjects{who}, policy.Read, policy.Thing, nil) {
				told++
			}
			if i%10 != 0 { // a command costs more than asking
				continue
			}
			if o := w.as(who, command(id, "retrieve", "/attributes/n", "")); o.Err == nil {
				reads++
			}
			if i%100 == 0 {
				if o := w.as(who, command(id, "modify", "/attributes/n", fmt.Sprint(i+1))); o.Err == nil {
					writes++
				}
			}
		}
		return reads, writes, told
	}
	check := func(when, who string, all bool) {
		t.Helper()
		reads, writes, told := may(who)
		want := [3]int{}
		if all {
			want = [3]int{manyThings / 10, manyThings / 100, manyThings}
		}
		if got := [3]int{reads, writes, told}; got != want {
			t.Errorf("%s, %s reads, writes and is told of %v Things, not %v", when, who, got, want)
		}
	}
	check("before", "user:bob", false)
	before := w.Store().Stats().LastSeq
	o := w.mustPolicy(shared, "modify", "/entries/bob", `{"subjects":{"user:bob":{"type":"x"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]}}}`)
	if n := w.Store().Stats().LastSeq - before; n != 1 || len(o.Events) != 1 {
		t.Errorf("the change is %d records and %d events", n, len(o.Events))
	}
	check("when he may", "user:bob", true)
	w.mustPolicy(shared, "delete", "/entries/bob", "")
	check("when he may not any more", "user:bob", false)
}
