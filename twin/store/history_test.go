package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var background = context.Background()

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
			for _, e := range []Entry{e, at} {
				p.check(t, k, rev, e)
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
					s.o.MaxSize = s.Stats().JournalBytes * int64(rnd.IntN(4)) / 4
					if err := s.Snapshot(); err != nil {
						t.Fatal(err)
					}
					s.o.MaxSize = 0
					c.forget(s)
					part = 2
				}
				c.check(t, s, part)
			}
			c.check(t, s, 1)
		})
	}
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

func TestAnOldRevisionOfManyIsFoundInFewSteps(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentSize: 2 << 20, Retention: -1})
	const revisions, group = 40_000, 80
	k := thing("a")
	n := 0
	for n < revisions {
		tx, err := s.Begin(k)
		if err != nil {
			t.Fatal(err)
		}
		for range group {
			n++
			text := text(fmt.Sprint("state ", n))
			tx.Put(k, []byte(text), text)
		}
		tx.Commit(nil, nil, nil)
		if n == revisions/2 {
			// Pointers come out of state.db and the journal as well.
			closeStore(t, s)
			s = open(t, dir, Options{SegmentSize: 2 << 20, Retention: -1})
		}
	}
	for _, r := range []uint64{1, 2, 63, 64, 65, 4095, 4096, 4097, 12_345, revisions/2 + 1, revisions - 1} {
		h, err := s.historian(background, k)
		if err != nil {
			t.Fatal(err)
		}
		e, err := h.at(r)
		if err != nil || e.State != text(fmt.Sprint("state ", r)) {
			t.Fatalf("revision %d: %+v, %v", r, e, err)
		}
		if most := revisions/farEvery + 2*fullEvery + farEvery/fullEvery + s.Stats().Segments; h.read > most {
			t.Errorf("revision %d took %d records, at most %d are enough", r, h.read, most)
		}
		h.close()
	}
	next := uint64(100)
	for c, err := range s.History(background, k, 100, 9000) {
		if err != nil || c.Revision != next {
			t.Fatalf("%+v, %v, want %d", c, err, next)
		}
		next++
	}
	if next != 9001 {
		t.Fatalf("ended at %d", next)
	}
}

func TestTheFirstRecordOfAnEntityInASegmentIsComplete(t *testing.T) {
	// Many entities, encoded long before the committer comes to them: what it
	// finds in the queue belongs to a segment that nobody knew of.
	var hold sync.Mutex
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentSize: 200 << 10, Retention: -1, QueueRecords: 1 << 20, hooks: hooks{beforeCommit: func([]*Tx) error {
		hold.Lock()
		defer hold.Unlock()
		return nil
	}}})
	const entities, rounds = 100, 40
	for round := range rounds {
		hold.Lock()
		for i := range entities {
			tx, err := s.Begin(thing(fmt.Sprint(i)))
			if err != nil {
				t.Fatal(err)
			}
			next := text(fmt.Sprint(round, strings.Repeat("x", 500)))
			tx.Put(thing(fmt.Sprint(i)), []byte(next), next)
			tx.Commit(nil, nil, nil)
		}
		hold.Unlock()
	}
	last := make(chan error, 1)
	s.After(view(t, s, thing(fmt.Sprint(entities-1))).Seq, func(err error) { last <- err })
	if err := <-last; err != nil {
		t.Fatal(err)
	}
	segments := s.Stats().Segments
	if segments < 3 {
		t.Fatalf("%d segments", segments)
	}
	closeStore(t, s)
	list, err := listSegments(s.journal.dir)
	if err != nil {
		t.Fatal(err)
	}
	late := 0
	for _, seg := range list {
		seen := make(map[string]bool)
		_, err := scanSegment(seg.path, 0, 0, func(seq uint64, r *record) error {
			if !seen[r.id] && !r.complete() {
				return fmt.Errorf("%s at %d is the first one of it", r.id, r.revision)
			}
			if !seen[r.id] && r.flags&flagState != 0 && string(r.state) != string(r.change) {
				return fmt.Errorf("%s at %d holds the state %q", r.id, r.revision, r.state)
			}
			if r.flags&flagState != 0 && r.revision%fullEvery != 0 {
				late++
			}
			seen[r.id] = true
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", seg.path, err)
		}
	}
	if late == 0 {
		t.Fatal("no record was completed")
	}
}

func TestHistoryIsReadWhileTheSegmentIsWritten(t *testing.T) {
	s := open(t, t.TempDir(), Options{SegmentSize: 1 << 20, Retention: time.Nanosecond, SnapshotEvery: 1 << 20})
	over := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			k := thing(fmt.Sprint(w))
			window := make(chan struct{}, 8)
			for {
				select {
				case <-over:
					return
				case window <- struct{}{}:
				}
				tx, err := s.Begin(k)
				if err != nil {
					t.Error(err)
					return
				}
				next := text(fmt.Sprint(tx.Get(k).Revision+1, " ", strings.Repeat("x", 100)))
				tx.Put(k, []byte(next), next)
				tx.Commit(nil, nil, func(error) { <-window })
			}
		})
	}
	deadline := time.Now().Add(2 * time.Second)
	reads := 0
	for time.Now().Before(deadline) {
		k := thing(fmt.Sprint(rand.IntN(4)))
		top := view(t, s, k).Revision
		if top == 0 {
			continue
		}
		r := 1 + rand.Uint64N(min(top, 200))
		r = top + 1 - r
		e, err := s.HistoryAt(background, k, r)
		if errors.Is(err, ErrNotRetained) {
			continue
		}
		if err != nil || e.State == nil || !strings.HasPrefix(string(e.State.(text)), fmt.Sprint(r, " ")) {
			t.Fatalf("%v at %d of %d: %+v, %v", k, r, top, e, err)
		}
		from := r
		for c, err := range s.History(background, k, r, 0) {
			if errors.Is(err, ErrNotRetained) {
				break
			}
			if err != nil || c.Revision != from {
				t.Fatalf("%v from %d: %+v, %v", k, from, c, err)
			}
			from++
		}
		reads++
	}
	close(over)
	writers.Wait()
	t.Logf("%d reads, %d records, %d segments deleted", reads, s.Stats().LastSeq, s.Stats().Deleted)
	if reads == 0 {
		t.Fatal("nothing was read")
	}
}

func TestAReaderWhoseStateIsOverwrittenBeginsAgain(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	for i := range 10 {
		mustChange(t, s, thing("a"), fmt.Sprint(i))
	}
	tail := s.journal.tail.Load()
	g, err := openSegmentFile(tail.path, tail)
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	var states []uint64
	err = g.read(func() error {
		states = append(states, g.txid)
		switch len(states) {
		case 1:
			// One transaction does not touch what is being read, two may.
			mustChange(t, s, thing("a"), "x")
			if !tail.holds(g.txid) {
				t.Error("one transaction is too much")
			}
			mustChange(t, s, thing("a"), "y")
			return ErrDamaged // whatever it found
		case 2:
			mustChange(t, s, thing("a"), "z")
		}
		_, err := g.seek(g.records, []byte{0, 0, 0, 0, 0, 0, 0, 5})
		return err
	})
	if err != nil || len(states) != 2 || states[1] <= states[0]+1 {
		t.Fatalf("read states %v, %v", states, err)
	}
	// Whoever is always too late keeps the next transaction from beginning.
	tries := 0
	late := make(chan (<-chan error), 1)
	err = g.read(func() error {
		if tries++; tries <= staleTries {
			mustChange(t, s, thing("a"), "x")
			mustChange(t, s, thing("a"), "x")
			return nil
		}
		late <- change(t, s, thing("a"), "x")
		return nil
	})
	if err != nil || tries != staleTries+1 {
		t.Fatalf("%d tries, %v", tries, err)
	}
	if err := <-<-late; err != nil {
		t.Fatal(err)
	}
}

func TestHistoryOfARefusedChangeIsNeverSeen(t *testing.T) {
	disk := newBreaker()
	s := open(t, t.TempDir(), Options{Patience: 200 * time.Millisecond, hooks: hooks{beforeCommit: disk.check}})
	mustChange(t, s, thing("a"), "kept")
	disk.set(enospc)
	lost := change(t, s, thing("a"), "lost")
	<-disk.tried
	e, err := s.HistoryAt(background, thing("a"), 1)
	if err != nil || e.State != text("kept") {
		t.Fatalf("%+v, %v", e, err)
	}
	if _, err = s.HistoryAt(background, thing("a"), 2); !errors.Is(err, ErrNotYet) {
		t.Fatalf("got %v", err)
	}
	if err := <-lost; !errors.Is(err, ErrDiskFull) {
		t.Fatal(err)
	}
	disk.set(enospc)
	change(t, s, thing("a"), "lost")
	ctx, cancel := context.WithCancel(background)
	cancel()
	if _, err := s.HistoryAt(ctx, thing("a"), 1); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestHistoryBeginsWhereAnEntityCameFromElsewhere(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentSize: 1, Retention: -1})
	made, changed := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	k := thing("moved")
	tx, err := s.Begin(k)
	if err != nil {
		t.Fatal(err)
	}
	tx.PutFrom(k, []byte("from there"), text("from there"), Origin{Revision: 57, Created: made, Modified: changed})
	tx.Commit(nil, nil, nil)
	for i := range 10 { // over a revision that is complete anyway
		mustChange(t, s, k, fmt.Sprint("here ", 58+i))
	}
	for range 2 {
		for r := uint64(57); r <= 67; r++ {
			e, err := s.HistoryAt(background, k, r)
			want := text(fmt.Sprint("here ", r))
			if r == 57 {
				want = "from there"
			}
			if err != nil || e.State != want || e.Revision != r || !e.Created.Equal(made) || (r == 57) != e.Modified.Equal(changed) {
				t.Fatalf("revision %d: %+v, %v", r, e, err)
			}
		}
		if e, err := s.HistoryAtTime(background, k, changed.Add(time.Hour)); err != nil || e.Revision != 57 {
			t.Fatalf("%+v, %v", e, err)
		}
		var gone *NotRetainedError
		for _, err := range []error{
			func() error { _, err := s.HistoryAt(background, k, 56); return err }(),
			func() error { _, err := s.HistoryAtTime(background, k, changed.Add(-1)); return err }(),
		} {
			if !errors.As(err, &gone) || gone.Oldest != 57 || !gone.Since.Equal(changed) {
				t.Fatalf("before it came: %v", err)
			}
		}
		next := uint64(57)
		for c, err := range s.History(background, k, 0, 0) {
			if err != nil || c.Revision != next || c.Created != (next == 57) || (next == 57) != c.Time.Equal(changed) {
				t.Fatalf("%+v, %v, want %d", c, err, next)
			}
			next++
		}
		crash(t, s)
		s = open(t, dir, Options{SegmentSize: 1, Retention: -1})
	}
}
