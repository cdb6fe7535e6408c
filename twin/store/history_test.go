package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

var background = context.Background()

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
	begun, goOn := make(chan struct{}, 1000), make(chan struct{})
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentSize: 200 << 10, Retention: -1, QueueRecords: 1 << 20, hooks: hooks{beforeCommit: func([]*Tx) error {
		begun <- struct{}{}
		<-goOn
		return nil
	}}})
	const entities, rounds = 100, 40
	for round := range rounds {
		for i := range entities {
			tx, err := s.Begin(thing(fmt.Sprint(i)))
			if err != nil {
				t.Fatal(err)
			}
			next := text(fmt.Sprint(round, strings.Repeat("x", 500)))
			tx.Put(thing(fmt.Sprint(i)), []byte(next), next)
			tx.Commit(nil, nil, nil)
		}
		if round > 0 {
			goOn <- struct{}{}
		}
		<-begun
	}
	close(goOn)
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

func TestARestoredMomentKeepsOriginsAndHistory(t *testing.T) {
	dest := t.TempDir() + "/backup"
	s := open(t, t.TempDir(), Options{SegmentSize: 1, Retention: -1})
	from := Origin{Revision: 57, Created: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Modified: time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)}
	arrive := func(id string) {
		t.Helper()
		tx, err := s.Begin(thing(id))
		if err != nil {
			t.Fatal(err)
		}
		tx.PutFrom(thing(id), []byte("from there"), text("from there"), from)
		told := make(chan error, 1)
		tx.Commit(nil, nil, func(err error) { told <- err })
		if err := <-told; err != nil {
			t.Fatal(err)
		}
	}
	arrive("still")
	arrive("changed")
	for i := range 100 {
		mustChange(t, s, thing("changed"), fmt.Sprint(i))
	}
	moment := view(t, s, thing("changed"))
	still := view(t, s, thing("still"))
	mustChange(t, s, thing("still"), "later")
	arrive("later")
	takeBackup(t, s, dest, BackupOptions{})
	to, _ := restoreTo(t, dest, RestoreOptions{UntilSequence: moment.Seq})
	r := open(t, to, Options{})
	for range 2 {
		if e := view(t, r, thing("still")); e != still {
			t.Errorf("%+v\nwant %+v", e, still)
		}
		if e := view(t, r, thing("changed")); e != moment {
			t.Errorf("%+v\nwant %+v", e, moment)
		}
		if e := view(t, r, thing("later")); e != (Entry{}) {
			t.Errorf("what came after the moment has left %+v", e)
		}
		for i := range 100 {
			e, err := r.HistoryAt(background, thing("changed"), uint64(58+i))
			if err != nil || e.State != text(fmt.Sprint(i)) || !e.Created.Equal(from.Created) {
				t.Fatalf("revision %d: %+v, %v", 58+i, e, err)
			}
		}
		closeStore(t, r)
		r = open(t, to, Options{})
	}
}
