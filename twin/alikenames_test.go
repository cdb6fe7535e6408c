package twin

import (
	"fmt"
	"testing"
)

func TestNamesOfPoliciesAreFoundOrMissingNeverMistaken(t *testing.T) {
	const room, many = 1 << 20, 100_000
	n := newAlikeNames(room)
	if _, ok := n.get("a:none"); ok {
		t.Fatal("something is found in nothing")
	}
	id := func(i int) string { return fmt.Sprintf("org.acme:policy-%d", i) }
	for i := range many {
		n.put(id(i), alikeSlot{seq: uint64(i), was: uint32(i), book: uint16(i)})
		if got, ok := n.get(id(i)); !ok || got.seq != uint64(i) {
			t.Fatalf("what was put last is %+v, %v", got, ok)
		}
	}
	if size := len(n.slots) * alikeSlotSize; size > room {
		t.Errorf("%d bytes are taken", size)
	}
	found := 0
	for i := range 2 * many {
		got, ok := n.get(id(i))
		if !ok {
			continue
		}
		found++
		if got.seq != uint64(i) || got.was != uint32(i) || got.book != uint16(i) {
			t.Fatalf("%s is %+v", id(i), got)
		}
	}
	if found < len(n.slots)/2 {
		t.Errorf("%d are kept in %d slots", found, len(n.slots))
	}
	n.put(id(many), alikeSlot{seq: 1})
	n.put(id(many), alikeSlot{seq: 2})
	if got, _ := n.get(id(many)); got.seq != 2 {
		t.Errorf("put again it is %+v", got)
	}
	if n.forget(); len(n.slots) != 0 {
		t.Error("it does not forget")
	}
}

func TestNamesOfAFewPoliciesAreKept(t *testing.T) {
	n := newAlikeNames(1 << 20)
	for range 8 { // as it grows, some are asked for again
		for i := range 4000 {
			id := fmt.Sprintf("org.acme:policy-%d", i)
			if _, ok := n.get(id); !ok {
				n.put(id, alikeSlot{seq: uint64(i)})
			}
		}
	}
	missing := 0
	for i := range 4000 {
		if _, ok := n.get(fmt.Sprintf("org.acme:policy-%d", i)); !ok {
			missing++
		}
	}
	if missing > 40 {
		t.Errorf("%d of 4000 are missing in %d slots", missing, len(n.slots))
	}
}
