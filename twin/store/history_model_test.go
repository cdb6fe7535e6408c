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

// past is one revision of an entity, as it should be remembered.
type past struct {
	seq     uint64
	time    time.Time
	created time.Time
	change  string
	headers string
	text    string // "": deleted
}

// chronicle is all that ever happened, from revision 1 on.
type chronicle map[Key][]past

// work makes one group of changes at random, and waits for it. It says whether
// the group was stored.
func (c chronicle) work(t *testing.T, s *Store, rnd *rand.Rand) bool {
	t.Helper()
	keys := make([]Key, 1+rnd.IntN(3))
	for i := range keys {
		keys[i] = Key{things + Kind(rnd.IntN(2)), fmt.Sprint("id", rnd.IntN(1+rnd.IntN(12)))}
	}
	tx, err := s.Begin(keys...)
	if errors.Is(err, ErrBusy) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	headers := ""
	if rnd.IntN(3) == 0 {
		headers = fmt.Sprint("headers ", rnd.Uint64())
	}
	news := make(chronicle)
	var order []Key
	for range 1 + rnd.IntN(8) {
		k := keys[rnd.IntN(len(keys))]
		cur, created := "", time.Time{}
		e := tx.Get(k)
		if e.State != nil {
			cur, created = string(e.State.(text)), e.Created
		}
		p := past{time: tx.Time(), headers: headers, created: created}
		switch {
		case cur == "":
			p.text = fmt.Sprint(rnd.Uint32())
			p.change, p.created = p.text, p.time
		case rnd.IntN(30) == 0:
			p.change = "-"
		case len(cur) > 300:
			p.text = fmt.Sprint(rnd.Uint32())
			p.change = p.text
		default:
			p.change = "+" + fmt.Sprint(rnd.Uint32())
			p.text = cur + p.change[1:]
		}
		var next State
		if p.text != "" {
			next = text(p.text)
		}
		tx.Put(k, []byte(p.change), next)
		news[k] = append(news[k], p)
		order = append(order, k)
	}
	type fate struct {
		first uint64
		err   error
	}
	told := make(chan fate, 1)
	tx.Commit(nil, []byte(headers), func(err error) { told <- fate{tx.first, err} })
	f := <-told
	if f.err != nil {
		if !errors.Is(f.err, ErrDiskFull) {
			t.Fatal(f.err)
		}
		return false
	}
	for i, k := range order {
		p := news[k][0]
		news[k] = news[k][1:]
		p.seq = f.first + uint64(i)
		c[k] = append(c[k], p)
	}
	return true
}

// check reads one in so many of the revisions of every entity in every way,
// while nothing is being deleted.
func (c chronicle) check(t *testing.T, s *Store, part int) {
	t.Helper()
	kept := s.journal.oldest()
	for k, all := range c {
		top := len(all)
		oldest := slices.IndexFunc(all, func(p past) bool { return p.seq >= kept }) + 1
		if oldest == 0 {
			oldest = top // of which only the state is there
		}
		if rev, since, err := s.HistoryFrom(background, k); err != nil || int(rev) != oldest || !since.Equal(all[oldest-1].time) {
			t.Fatalf("%v can be read from revision %d of %v, %v\nwant %d of %v (journal from %d)", k, rev, since, err, oldest, all[oldest-1].time, kept)
		}
		for i, p := range all {
			if rand.IntN(part) > 0 {
				continue
			}
			rev := uint64(i + 1)
			e, err := s.HistoryAt(background, k, rev)
			last := i+1 == top || all[i+1].time != p.time // of a group
			at := e
			var atErr error
			if last {
				at, atErr = s.HistoryAtTime(background, k, p.time.Add(time.Duration(rand.Int64N(int64(all[min(i+1, top-1)].time.Sub(p.time))|1))))
			}
			if int(rev) < oldest {
				for _, err := range []error{err, atErr} {
					var gone *NotRetainedError
					if err == nil && !last {
						continue
					}
					if !errors.Is(err, ErrNotRetained) || !errors.As(err, &gone) || int(gone.Oldest) != oldest || !gone.Since.Equal(all[oldest-1].time) {
						t.Fatalf("%v at %d, the oldest is %d: %v", k, rev, oldest, err)
					}
				}
				continue
			}
			for _, e := range []Past{e, at} {
				p.check(t, k, rev, e.Entry)
				if p.seq >= kept && err == nil && atErr == nil && string(e.Headers) != p.headers {
					t.Fatalf("%v at %d: kept %q with it, want %q", k, rev, e.Headers, p.headers)
				}
			}
			if err != nil || atErr != nil {
				t.Fatalf("%v at %d: %v, %v", k, rev, err, atErr)
			}
		}
		if all[oldest-1].seq < kept {
			c.wantError(t, s, k, uint64(top), ErrNotRetained)
			for ch, err := range s.History(background, k, 0, 0) {
				t.Fatalf("%v has no record any more, and yet a change: %+v, %v", k, ch, err)
			}
		} else {
			for _, r := range [][2]int{{0, 0}, {oldest, top}, {oldest + rand.IntN(top-oldest+1), 0}, {max(oldest, top-5), top + 5}}[rand.IntN(min(part, 4)):] {
				c.checkRange(t, s, k, r[0], r[1], oldest)
			}
		}
		if oldest > 1 {
			c.wantError(t, s, k, 1, ErrNotRetained)
			c.wantError(t, s, k, uint64(oldest-1), ErrNotRetained)
		}
		c.wantError(t, s, k, uint64(top+1), ErrNotYet)
		if _, err := s.HistoryAt(background, k, uint64(top+1)); !errors.Is(err, ErrNotYet) {
			t.Fatalf("%v at %d of %d: %v", k, top+1, top, err)
		}
		_, err := s.HistoryAtTime(background, k, all[0].time.Add(-1))
		if want := map[bool]error{true: ErrNotYet, false: ErrNotRetained}[all[0].seq >= kept]; !errors.Is(err, want) {
			t.Fatalf("%v before it was: %v, want %v", k, err, want)
		}
	}
	if _, err := s.HistoryAt(background, thing("never"), 1); !errors.Is(err, ErrNeverExisted) {
		t.Fatalf("what never was: %v", err)
	}
}

func (p past) check(t *testing.T, k Key, revision uint64, e Entry) {
	t.Helper()
	got := ""
	if e.State != nil {
		got = string(e.State.(text))
	}
	if got != p.text || e.Revision != revision || e.Seq != p.seq || !e.Modified.Equal(p.time) || p.text != "" && !e.Created.Equal(p.created) {
		t.Fatalf("%v at %d is %+v\nwant %+v", k, revision, e, p)
	}
}

func (c chronicle) checkRange(t *testing.T, s *Store, k Key, from, to, oldest int) {
	t.Helper()
	all := c[k]
	next := max(from, oldest)
	if from == 0 {
		next = oldest
	}
	asks := rand.IntN(3) // for the state at each change, at some, at none
	for ch, err := range s.History(background, k, uint64(from), uint64(to)) {
		if err != nil {
			t.Fatalf("%v from %d to %d: %v", k, from, to, err)
		}
		p := all[next-1]
		if int(ch.Revision) != next || ch.Seq != p.seq || !ch.Time.Equal(p.time) || string(ch.Change) != p.change || string(ch.Headers) != p.headers ||
			ch.Deleted != (p.text == "") || ch.Created != (p.text != "" && (next == 1 || all[next-2].text == "")) {
			t.Fatalf("%v from %d to %d: %+v\nwant %d: %+v", k, from, to, ch, next, p)
		}
		if asks == 0 || asks == 1 && rand.IntN(4) == 0 {
			state, err := ch.State()
			if err != nil || (state == nil) != (p.text == "") || state != nil && string(state.(text)) != p.text {
				t.Fatalf("%v at %d is %v, %v\nwant %q", k, next, state, err, p.text)
			}
		}
		next++
	}
	if to == 0 || to > len(all) {
		to = len(all)
	}
	if next != to+1 {
		t.Fatalf("%v from %d to %d ended before %d", k, from, to, next)
	}
}

func (c chronicle) wantError(t *testing.T, s *Store, k Key, from uint64, want error) {
	t.Helper()
	for _, err := range s.History(background, k, from, 0) {
		if !errors.Is(err, want) {
			t.Fatalf("%v from %d: %v, want %v", k, from, err, want)
		}
		return
	}
	t.Fatalf("%v from %d: nothing, want %v", k, from, want)
}

// TestEveryRetainedRevisionCanBeRead works at random, with segments so small
// that a group may have one of its own, stops, crashes, refused commits and
// retention between, and remembers every revision. Whatever has a record in
// the journal that is left can be read, exactly; what is older is refused with
// the oldest revision that can.
func TestEveryRetainedRevisionCanBeRead(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 7))
			dir := t.TempDir()
			var broken atomic.Bool
			sizes := []int64{1, 90 << 10, 150 << 10}
			o := Options{
				SegmentSize: sizes[seed%3], Memory: 20_000, SnapshotEvery: 1 << 30, Patience: time.Millisecond, Retention: -1,
				ForgetDeleted: seed%2 == 0,
				hooks: hooks{beforeCommit: func([]*Tx) error {
					if broken.Load() {
						return enospc
					}
					return nil
				}},
			}
			s := open(t, dir, o)
			c := make(chronicle)
			for range 8 {
				part := 10
				for range 30 {
					if rnd.IntN(20) == 0 {
						broken.Store(true)
						if c.work(t, s, rnd) {
							t.Fatal("stored on a broken disk")
						}
						broken.Store(false)
					}
					c.work(t, s, rnd)
				}
				switch rnd.IntN(5) {
				case 0:
					closeStore(t, s)
					s = open(t, dir, o)
				case 1:
					crash(t, s)
					s = open(t, dir, o)
				case 2:
					// Retention leaves some segments.
					bound(s, s.Stats().JournalBytes*int64(rnd.IntN(4))/4)
					if err := s.Snapshot(); err != nil {
						t.Fatal(err)
					}
					bound(s, 0)
					c.forget(s)
					part = 2
				}
				c.check(t, s, part)
			}
			c.check(t, s, 1)
		})
	}
}

// bound sets what the journal may take.
func bound(s *Store, bytes int64) {
	s.journal.retaining.Lock()
	defer s.journal.retaining.Unlock()
	s.o.MaxSize = bytes
}

// forget drops what the store was allowed to forget.
func (c chronicle) forget(s *Store) {
	kept := s.journal.oldest()
	for k, all := range c {
		if last := all[len(all)-1]; s.o.ForgetDeleted && last.text == "" && last.seq < kept {
			delete(c, k)
		}
	}
}
