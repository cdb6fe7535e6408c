package store

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestWaitersComeOutByNumberThenByArrival(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var heap waiters
	var want []waiter
	for i := range 500 {
		w := waiter{seq: rnd.Uint64N(50), order: uint64(i)}
		heap.push(w)
		want = append(want, w)
	}
	slices.SortStableFunc(want, func(a, b waiter) int { return int(a.seq) - int(b.seq) })
	for i, w := range want {
		if got := heap.pop(); got.seq != w.seq || got.order != w.order {
			t.Fatalf("%d: got %d/%d, want %d/%d", i, got.seq, got.order, w.seq, w.order)
		}
	}
}
