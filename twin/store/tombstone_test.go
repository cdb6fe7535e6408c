package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// tombstonesOf counts the tombstones in state.db, and the entries of their
// list.
func tombstonesOf(t *testing.T, s *Store) (there, listed int) {
	t.Helper()
	err := s.state.db.View(func(tx *bbolt.Tx) error {
		for _, kind := range []Kind{things, policies} {
			tx.Bucket(s.state.buckets[kind]).ForEach(func(_, entry []byte) error {
				if isTombstone(entry) {
					there++
				}
				return nil
			})
		}
		return tx.Bucket(bucketTombstones).ForEach(func(_, _ []byte) error { listed++; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return there, listed
}

func TestATombstoneStaysUnlessTheStoreIsToldToForget(t *testing.T) {
	for _, forget := range []bool{false, true} {
		t.Run(fmt.Sprint("forget ", forget), func(t *testing.T) {
			dir := t.TempDir()
			o := Options{SegmentSize: 1, MaxSize: 1, ForgetDeleted: forget}
			s := open(t, dir, o)
			for _, id := range []string{"gone", "reborn", "twice"} {
				mustChange(t, s, thing(id), "x")
				mustChange(t, s, thing(id), "-")
			}
			if err := s.Snapshot(); err != nil {
				t.Fatal(err)
			}
			if there, listed := tombstonesOf(t, s); there != 3-int(s.Stats().Forgotten) || listed != there {
				t.Fatalf("%d tombstones, %d listed", there, listed)
			}
			// The journal still holds the last one's.
			if e := view(t, s, thing("twice")); e.Revision != 2 {
				t.Fatalf("forgotten while the journal knows it: %+v", e)
			}
			mustChange(t, s, thing("twice"), "x")
			mustChange(t, s, thing("twice"), "-")
			mustChange(t, s, thing("reborn"), "y")
			mustChange(t, s, thing("other"), "x")
			if err := s.Snapshot(); err != nil {
				t.Fatal(err)
			}
			first := uint64(1)
			if !forget {
				first = 3
			}
			for range 2 {
				reborn := view(t, s, thing("reborn"))
				if reborn.Revision != first || reborn.State != text("y") {
					t.Fatalf("made again: %+v, want revision %d", reborn, first)
				}
				gone := view(t, s, thing("gone"))
				_, err := s.HistoryAt(background, thing("gone"), 1)
				if forget && (gone.Revision != 0 || !errors.Is(err, ErrNeverExisted)) || !forget && (gone.Revision != 2 || !errors.Is(err, ErrNotRetained)) {
					t.Fatalf("deleted: %+v, %v", gone, err)
				}
				crash(t, s)
				s = open(t, dir, o)
			}
			mustChange(t, s, thing("gone"), "z")
			wantText(t, s, thing("gone"), "z", first)
			crash(t, s)
			s = open(t, dir, o)
			wantText(t, s, thing("gone"), "z", first)
		})
	}
}

// TestTombstonesGoWhileTheirEntitiesAreMadeAgain makes and deletes a few
// entities all the time, with a journal that holds next to nothing, so that
// tombstones are removed in every moment between a change and the one before.
// Replay finds fault with a change that does not follow what it is told to.
func TestTombstonesGoWhileTheirEntitiesAreMadeAgain(t *testing.T) {
	dir := t.TempDir()
	o := Options{SegmentSize: 1, MaxSize: 1, ForgetDeleted: true, Memory: 20_000, SnapshotEvery: 1}
	for round := range 3 {
		s := open(t, dir, o)
		over := make(chan struct{})
		var all sync.WaitGroup
		for w := range 3 {
			rnd := rand.New(rand.NewPCG(uint64(round), uint64(w)))
			all.Go(func() {
				for {
					select {
					case <-over:
						return
					default:
					}
					k := thing(fmt.Sprint(rnd.IntN(30)))
					tx, err := s.Begin(k)
					if err != nil {
						t.Error(err)
						return
					}
					e := tx.Get(k)
					if e.State == nil {
						text := text(fmt.Sprint(e.Revision + 1))
						tx.Put(k, []byte(text), text)
					} else {
						tx.Put(k, []byte("-"), nil)
					}
					done := make(chan error, 1)
					tx.Commit(nil, nil, func(err error) { done <- err })
					if err := <-done; err != nil {
						t.Error(err)
					}
				}
			})
		}
		deadline := time.Now().Add(10 * time.Second)
		for s.Stats().Forgotten < 50 && time.Now().Before(deadline) {
			if err := s.Snapshot(); err != nil {
				t.Fatal(err)
			}
		}
		close(over)
		all.Wait()
		if s.Stats().Forgotten < 50 {
			t.Fatalf("only %d tombstones were removed", s.Stats().Forgotten)
		}
		var before [30]Entry
		for i := range before {
			before[i] = view(t, s, thing(fmt.Sprint(i)))
		}
		crash(t, s)
		s = open(t, dir, o)
		for i := range before {
			after := view(t, s, thing(fmt.Sprint(i)))
			forgotten := before[i].State == nil && after == Entry{} // after we looked
			if after != before[i] && !forgotten {
				t.Fatalf("%d is %+v, was %+v", i, after, before[i])
			}
		}
		closeStore(t, s)
	}
}

func TestTombstonesAreKeptWhenTheyCannotBeRemoved(t *testing.T) {
	disk := newBreaker()
	o := Options{SegmentSize: 1, MaxSize: 1, hooks: hooks{beforeSnapshot: func() error { return disk.check(nil) }}}
	s := open(t, t.TempDir(), o)
	mustChange(t, s, thing("a"), "x")
	mustChange(t, s, thing("a"), "-")
	mustChange(t, s, thing("b"), "x")
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	disk.set(enospc)
	if err := s.forgetDeleted(); !errors.Is(err, enospc) {
		t.Fatalf("got %v", err)
	}
	wantText(t, s, thing("a"), "(none)", 2)
	disk.mend()
	// One that somebody holds is left for the next time.
	tx, err := s.Begin(thing("a"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.forgetDeleted(); err != nil || s.Stats().Forgotten != 0 {
		t.Fatalf("%d removed, %v", s.Stats().Forgotten, err)
	}
	tx.Abort()
	if err := s.forgetDeleted(); err != nil || s.Stats().Forgotten != 1 {
		t.Fatalf("%d removed, %v", s.Stats().Forgotten, err)
	}
	wantText(t, s, thing("a"), "(none)", 0)
	mustChange(t, s, thing("a"), "x")
	wantText(t, s, thing("a"), "x", 1)
}

// Of a kind that keeps them tombstones stay, whatever else is forgotten, also
// those that a program listed which knew nothing of that; and no tool misses them
// on the list.
func TestATombstoneOfAKindThatKeepsThemStays(t *testing.T) {
	keeping := testKinds()
	spec := keeping[policies]
	spec.KeepDeleted = true
	keeping[policies] = spec
	dir := t.TempDir()
	o := Options{SegmentSize: 1, MaxSize: 1, ForgetDeleted: true}
	policy := func(id string) Key { return Key{policies, id} }
	began := o
	began.ForgetDeleted = false
	s := open(t, dir, began) // an earlier program, which lists all
	for _, k := range []Key{policy("early"), thing("early"), policy("reborn")} {
		mustChange(t, s, k, "x")
		mustChange(t, s, k, "-")
	}
	closeStore(t, s)
	keep := func() *Store {
		s, err := Open(dir, keeping, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	s = keep()
	for _, k := range []Key{policy("late"), thing("late")} {
		mustChange(t, s, k, "x")
		mustChange(t, s, k, "-")
	}
	mustChange(t, s, policy("reborn"), "y")
	mustChange(t, s, policy("reborn"), "-")
	for range 2 { // the first covers the segment that the second deletes
		mustChange(t, s, thing("other"), "x")
		if err := s.Snapshot(); err != nil {
			t.Fatal(err)
		}
	}
	check := func(s *Store) {
		t.Helper()
		for id, revision := range map[string]uint64{"early": 2, "late": 2, "reborn": 4} {
			if e := view(t, s, policy(id)); e.Revision != revision || e.State != nil {
				t.Errorf("the deleted policy %s: %+v", id, e)
			}
		}
		for _, id := range []string{"early", "late"} {
			if e := view(t, s, thing(id)); e.Revision != 0 {
				t.Errorf("the deleted thing %s: %+v", id, e)
			}
		}
	}
	check(s)
	mustChange(t, s, policy("last"), "x") // which the journal still has
	mustChange(t, s, policy("last"), "-")
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	if there, listed := tombstonesOf(t, s); there != 4 || listed != 0 {
		t.Errorf("%d tombstones, %d listed", there, listed)
	}
	closeStore(t, s)

	sound := func(dir string) {
		t.Helper()
		is, err := Verify(dir, keeping, Watch{
			Found: func(f Finding) { t.Errorf("found: %+v", f) },
			Noted: func(f Finding) { t.Errorf("noted: %+v", f) },
		})
		if err != nil || is.Findings > 0 {
			t.Errorf("%d findings, %v", is.Findings, err)
		}
		if is.Deleted != 4 {
			t.Errorf("%d deleted ones are counted", is.Deleted)
		}
	}
	sound(dir)
	if is, err := Inspect(dir, keeping, Watch{}); err != nil || is.State.Deleted != 4 {
		t.Errorf("%v, %+v", err, is.State)
	}
	if _, err := Compact(dir, keeping, Watch{}); err != nil {
		t.Error(err)
	}
	sound(dir)
	repaired := dir + ".repaired"
	if _, err := Repair(dir, repaired, keeping, time.Now, Watch{}); err != nil {
		t.Fatal(err)
	}
	sound(repaired)
	dir = repaired
	s = keep()
	check(s)
	if _, listed := tombstonesOf(t, s); listed != 0 {
		t.Errorf("%d are listed after a repair", listed)
	}
}
