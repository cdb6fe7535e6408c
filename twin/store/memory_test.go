package store

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestColdEntitiesLeaveMemoryAndComeBack(t *testing.T) {
	s := open(t, t.TempDir(), Options{Memory: 200_000})
	body := strings.Repeat("x", 1000)
	for i := range 1000 {
		for {
			// More than the memory holds waits for the snapshot writer.
			if err := <-change(t, s, thing(fmt.Sprint("t", i)), fmt.Sprint(i, body)); err == nil {
				break
			}
		}
	}
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		wantText(t, s, thing(fmt.Sprint("t", i)), fmt.Sprint(i, body), 1)
	}
	st := s.Stats()
	if st.Memory > 400_000 || st.Evictions == 0 || st.CacheMisses == 0 {
		t.Fatalf("memory %d of %d, %d entities, %d evictions", st.Memory, 200_000, st.Entities, st.Evictions)
	}
	mustChange(t, s, thing("t0"), "+y")
	wantText(t, s, thing("t0"), "0"+body+"y", 2)
	for i := range 1000 {
		view(t, s, thing(fmt.Sprint("none", i)))
	}
	if n := s.Stats().Entities; n > st.Entities+1 {
		t.Fatalf("what does not exist takes up memory: %d entities, %d before", n, st.Entities)
	}
}

func TestManyGoroutinesOnFewEntities(t *testing.T) {
	// Counters, each changed in groups with others, in every order: no change
	// is lost, none deadlocks, while snapshots run and entities are evicted.
	dir := t.TempDir()
	o := Options{Memory: 10_000, SnapshotEvery: 10_000, SegmentSize: 1 << 20, SnapshotAfter: time.Millisecond}
	s := open(t, dir, o)
	const workers, rounds, entities = 8, 200, 20
	key := func(i int) Key { return thing(fmt.Sprint("counter", i%entities)) }
	var all, dones sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range rounds {
				keys := []Key{key(w + i), key(w * i), key(i * 7)}
				tx, err := s.Begin(keys...)
				if err != nil {
					t.Error(err)
					return
				}
				for _, k := range keys {
					tx.Put(k, []byte("x"), text("x"))
				}
				dones.Add(1)
				tx.Commit(nil, nil, func(err error) {
					if err != nil {
						t.Error(err)
					}
					dones.Done()
				})
				if i%10 == 0 {
					if _, err := s.View(key(i + 1)); err != nil {
						t.Error(err)
					}
					if _, err := s.Keys(things, "", "", 0); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	dones.Wait()
	total := func() (n uint64) {
		for i := range entities {
			n += view(t, s, key(i)).Revision
		}
		return n
	}
	if n := total(); n != workers*rounds*3 {
		t.Fatalf("%d changes, want %d", n, workers*rounds*3)
	}
	crash(t, s)
	s = open(t, dir, o)
	if n := total(); n != workers*rounds*3 {
		t.Fatalf("after a crash %d changes, want %d", n, workers*rounds*3)
	}
}

func TestGatheringWaitsForOthers(t *testing.T) {
	s := open(t, t.TempDir(), Options{Gather: 50 * time.Millisecond})
	var told []<-chan error
	for i := range 10 {
		told = append(told, change(t, s, thing(fmt.Sprint(i)), "x"))
	}
	for _, ch := range told {
		if err := <-ch; err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Stats().Commits; n > 2 {
		t.Fatalf("%d commits for what came at once", n)
	}
}
