package twin

import (
	"fmt"
	"testing"
)

// BenchmarkWhetherAPolicyIsNamed is what it costs to find out that none of
// 100,000 Things has a Policy.
func BenchmarkWhetherAPolicyIsNamed(b *testing.B) {
	w := newWorld(b, Options{})
	w.provision("org.acme:shared", everything("user:ann"))
	w.placeThings(100_000, "org.acme:shared")
	for b.Loop() {
		if named, err := w.namesPolicy("org.acme:none"); named || err != nil {
			b.Fatal(named, err)
		}
	}
}

// placeThings puts so many Things with that Policy in place.
func (w *world) placeThings(n int, policyID string) {
	w.t.Helper()
	got := make(chan *Outcome, n)
	for i := range n {
		e, err := w.ReadEntity(fmt.Appendf(nil, `{"thingId":"org.acme:t%d","policyId":"%s","attributes":{"n":%d}}`, i, policyID, i))
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
