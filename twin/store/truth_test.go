package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// truth is what a folder was given, record by record.
type truth struct {
	dir     string
	records map[uint64]made
	newest  map[Key]made
}

// made is what one record made of an entity.
type made struct {
	key      Key
	seq      uint64
	revision uint64
	state    State // nil: deleted
}

// populate fills a folder with groups, deletions, receipts, refusals and
// restarts, over several segments. It is closed in good order.
func populate(t testing.TB, seed uint64, segment int64, keep time.Duration) *truth {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 1))
	w := &truth{dir: t.TempDir(), records: make(map[uint64]made), newest: make(map[Key]made)}
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { at = at.Add(time.Second); return at }
	disk := newBreaker()
	o := Options{SegmentSize: segment, SnapshotEvery: 1 << 40, Retention: keep, Clock: clock, Patience: time.Millisecond, hooks: hooks{beforeCommit: disk.check}}
	for life := range 3 {
		s, err := Open(w.dir, testKinds(), o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 120 {
			if i == 40 {
				disk.set(enospc)
				w.commit(t, s, rnd, true)
				disk.mend()
			}
			w.commit(t, s, rnd, false)
			if i%50 == 49 {
				if err := s.Snapshot(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if life == 1 {
			crash(t, s)
		} else if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *truth) commit(t testing.TB, s *Store, rnd *rand.Rand, refused bool) {
	t.Helper()
	keys := make([]Key, 1+rnd.IntN(1+rnd.IntN(5)))
	for i := range keys {
		keys[i] = Key{Kind(1 + rnd.IntN(2)), fmt.Sprint("e", rnd.IntN(40))}
	}
	tx, err := s.Begin(keys...)
	if err != nil {
		t.Fatal(err)
	}
	var all []made
	for _, k := range keys {
		cur := tx.Get(k).State
		change := fmt.Sprint(rnd.Uint64(), strings.Repeat("x", rnd.IntN(600)))
		switch n := rnd.IntN(10); {
		case cur != nil && n == 0:
			change = "-"
		case cur != nil && n < 7 && cur.Size() < 4000:
			change = "+" + change[:8]
		}
		next, err := testKinds()[k.Kind].Apply(cur, []byte(change))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, made{key: k, revision: tx.Put(k, []byte(change), next), state: next})
	}
	var r *Receipt
	client := fmt.Sprint("client", rnd.IntN(4))
	if rnd.IntN(3) == 0 {
		r = &Receipt{Client: client, Epoch: 1, PacketID: uint16(1 + rnd.IntN(9))}
	}
	told := make(chan error, 1)
	tx.Commit(r, []byte("headers"), func(err error) { told <- err })
	if err := <-told; (err != nil) != refused {
		t.Fatalf("refused: %v", err)
	}
	if refused {
		return
	}
	seq := view(t, s, keys[len(keys)-1]).Seq - uint64(len(keys)) + 1
	for i, m := range all {
		m.seq = seq + uint64(i)
		w.records[m.seq], w.newest[m.key] = m, m
	}
	if rnd.IntN(4) == 0 {
		s.Release(Receipt{Client: client, Epoch: 1, PacketID: uint16(1 + rnd.IntN(9))}, func(err error) { told <- err })
		if err := <-told; err != nil {
			t.Fatal(err)
		}
	}
}

// check compares every entity with the truth; those that except says yes to
// may differ.
func (w *truth) check(t testing.TB, s *Store, except func(k Key, is Entry) bool) {
	t.Helper()
	for k, want := range w.newest {
		is, err := s.View(k)
		if errors.Is(err, ErrDamaged) {
			continue // that is said, too
		}
		if err != nil {
			t.Fatalf("view %v: %v", k, err)
		}
		if (is.Revision != want.revision || is.State != want.state || is.Seq != want.seq) && !except(k, is) {
			t.Fatalf("%v is %.40v at revision %d (record %d), want %.40v at %d (record %d)", k, is.State, is.Revision, is.Seq, want.state, want.revision, want.seq)
		}
	}
}

func nowhere(Key, Entry) bool { return false }
