package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// model is what the store should hold.
type model struct {
	texts     map[Key]string
	revisions map[Key]uint64
}

// TestRandomWorkAgainstAModel changes entities at random, alone and in
// groups, with a memory so small that most are read from the snapshot file,
// segments so small that there are many, and stops, crashes, snapshots and
// failing commits between. The store holds exactly what the model says at
// every point where nothing is under way.
func TestRandomWorkAgainstAModel(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 42))
			dir := t.TempDir()
			var broken atomic.Bool
			o := Options{
				Memory: 40_000, SegmentSize: 256 << 10, SnapshotEvery: 32 << 10, Patience: 5 * time.Millisecond,
				Retention: time.Nanosecond,
				// What is refused because the disk is slow is not in the model.
				hooks: hooks{stalled: time.Minute, beforeCommit: func([]*Tx) error {
					if broken.Load() {
						return enospc
					}
					return nil
				}},
			}
			s := open(t, dir, o)
			m := model{make(map[Key]string), make(map[Key]uint64)}
			for range 60 {
				switch n := rnd.IntN(10); {
				case n == 0:
					closeStore(t, s)
					s = open(t, dir, o)
				case n == 1:
					crash(t, s)
					s = open(t, dir, o)
				case n == 2:
					if err := s.Snapshot(); err != nil {
						t.Fatal(err)
					}
				case n == 3:
					broken.Store(true)
					m.work(t, s, rnd, true)
					broken.Store(false)
				default:
					m.work(t, s, rnd, false)
				}
				m.compare(t, s)
			}
			closeStore(t, s)
			s = open(t, dir, o)
			m.compare(t, s)
			if st := s.Stats(); st.Memory > 3*o.Memory {
				t.Errorf("memory is %d, budget %d", st.Memory, o.Memory)
			}
		})
	}
}

func (m *model) work(t *testing.T, s *Store, rnd *rand.Rand, fails bool) {
	texts, revisions := make(map[Key]string), make(map[Key]uint64)
	var all []<-chan error
	for range 1 + rnd.IntN(60) {
		keys := make([]Key, 1+rnd.IntN(3))
		for i := range keys {
			keys[i] = Key{things + Kind(rnd.IntN(2)), fmt.Sprint("id", rnd.IntN(300))}
		}
		tx, err := s.Begin(keys...)
		if err != nil {
			if errors.Is(err, ErrBusy) || errors.Is(err, ErrDiskFull) {
				continue // the snapshot writer is behind, or the disk is broken
			}
			t.Fatal(err)
		}
		for range rnd.IntN(4) {
			k := keys[rnd.IntN(len(keys))]
			cur, ok := texts[k]
			if !ok {
				cur = m.texts[k]
			}
			rev := max(revisions[k], m.revisions[k])
			got := tx.Get(k)
			if !fails && (got.Revision != rev || (got.State == nil) != (cur == "") || cur != "" && string(got.State.(text)) != cur) {
				t.Fatalf("%v is %.40v at %d, want %.40q at %d", k, got.State, got.Revision, cur, rev)
			}
			next, change := "", "-"
			switch {
			case cur == "" || rnd.IntN(20) == 0 || len(cur) > 2000:
				next = fmt.Sprint(rnd.Uint64())
				change = next
			case rnd.IntN(20) > 0:
				change = "+" + fmt.Sprint(rnd.Uint64())
				next = cur + change[1:]
			}
			if cur == "" && next == "" {
				continue
			}
			var state State
			if next != "" {
				state = text(next)
			}
			texts[k], revisions[k] = next, tx.Put(k, []byte(change), state)
		}
		told, puts := make(chan error, 1), len(tx.puts)
		tx.Commit(nil, nil, func(err error) { told <- err })
		all = append(all, told)
		if fails {
			if err := <-told; err == nil && puts > 0 {
				t.Fatal("a commit on a broken disk was acknowledged")
			}
			clear(texts)
			clear(revisions)
		}
	}
	if fails {
		return
	}
	for _, told := range all {
		if err := <-told; err != nil {
			t.Fatal(err)
		}
	}
	for k, text := range texts {
		m.texts[k], m.revisions[k] = text, revisions[k]
	}
}

func (m *model) compare(t *testing.T, s *Store) {
	t.Helper()
	live := map[Kind][]string{}
	for k, want := range m.texts {
		e, err := s.View(k)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if e.State != nil {
			got = string(e.State.(text))
		}
		if got != want || e.Revision != m.revisions[k] {
			t.Fatalf("%v is %.40q at %d, want %.40q at %d", k, got, e.Revision, want, m.revisions[k])
		}
		if want != "" {
			live[k.Kind] = append(live[k.Kind], k.ID)
		}
	}
	for _, kind := range []Kind{things, policies} {
		slices.Sort(live[kind])
		got, err := s.Keys(kind, "", "", 0)
		if err != nil || !slices.Equal(got, live[kind]) {
			t.Fatalf("keys of kind %d: %v, %v\nwant %v", kind, got, err, live[kind])
		}
		var paged []string
		for after := ""; ; {
			page, err := s.Keys(kind, "id1", after, 7)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			paged = append(paged, page...)
			after = page[len(page)-1]
		}
		want := slices.DeleteFunc(live[kind], func(id string) bool { return id[:3] != "id1" })
		if !slices.Equal(paged, want) {
			t.Fatalf("pages of kind %d: %v\nwant %v", kind, paged, want)
		}
	}
}
