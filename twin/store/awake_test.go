package store

import (
	"fmt"
	"strings"
	"testing"
)

// sheet is a state that knows whether it is folded.
type sheet struct {
	text
	folded bool
}

func (s sheet) Fold() State { return sheet{s.text, true} }

func (s sheet) Unfolded() int {
	if s.folded {
		return 0
	}
	return 5 * s.Size()
}

func TestStatesThatAreLeftAloneAreFolded(t *testing.T) {
	s := open(t, t.TempDir(), Options{Memory: 2 << 20}) // room for some 40 unfolded ones of 1,000 bytes
	body := text(strings.Repeat("x", 1000))
	put := func(k Key) {
		t.Helper()
		tx, err := s.Begin(k)
		if err != nil {
			t.Fatal(err)
		}
		tx.Put(k, []byte(body), sheet{text: body})
		done := make(chan error, 1)
		tx.Commit(nil, nil, func(err error) { done <- err })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	unfolded := func() (n int) {
		for i := range 200 {
			if v := s.table.glance(thing(fmt.Sprint(i))); v != nil && !v.state.(sheet).folded {
				n++
			}
		}
		return n
	}
	hot := thing("hot")
	put(hot)
	for i := range 200 {
		put(thing(fmt.Sprint(i)))
		if view(t, s, hot).State.(sheet).folded {
			t.Fatalf("what is looked at again and again was folded, after %d others", i)
		}
	}
	if n := unfolded(); n == 0 || n > 60 {
		t.Fatalf("%d of 200 states are unfolded", n)
	}
	st := s.Stats()
	for i := range 200 {
		if e := view(t, s, thing(fmt.Sprint(i))); e.Revision != 1 || e.State.Size() != 1000 {
			t.Fatalf("state %d is %d bytes at revision %d", i, e.State.Size(), e.Revision)
		}
	}
	if now := s.Stats(); now.Memory != st.Memory {
		t.Fatalf("%d bytes are counted, %d before", now.Memory, st.Memory)
	}
}
