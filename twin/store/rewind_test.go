package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// ledger is what became of each entity, as the store said it.
type ledger struct {
	mu  sync.Mutex
	all map[string][]Entry // by entity, one for each revision
}

func (l *ledger) note(id string, e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = make(map[string][]Entry)
	}
	l.all[id] = append(l.all[id], e)
}

// at gives what there was when only what chosen says was there.
func (l *ledger) at(chosen func(Entry) bool) map[string]Entry {
	out := make(map[string]Entry)
	for id, list := range l.all {
		var newest Entry
		for _, e := range list {
			if chosen(e) {
				newest = e
			}
		}
		if newest.State != nil {
			out[id] = newest
		}
	}
	return out
}

// write makes a change and notes the version that it leads to.
func (l *ledger) write(t testing.TB, s *Store, text string, keys ...Key) {
	tx, err := s.Begin(keys...)
	if err != nil {
		t.Error(err)
		return
	}
	told := make(chan error, 1)
	var next []Entry
	for _, k := range keys {
		before := tx.Get(k)
		var state State
		change := text
		if text == "-" && before.State == nil {
			change = "made"
		}
		if state, err = testKinds()[k.Kind].Apply(before.State, []byte(change)); err != nil {
			t.Error(err)
		}
		revision := tx.Put(k, []byte(change), state)
		e := Entry{State: state, Revision: revision, Modified: tx.Time(), Created: before.Created}
		if before.State == nil && state != nil {
			e.Created = e.Modified
		}
		next = append(next, e)
	}
	// The numbers are known once it is in the queue; nobody else can change
	// these entities before they have been read.
	first := uint64(0)
	tx.Commit(nil, nil, func(err error) { first = tx.first; told <- err })
	if err := <-told; err != nil {
		t.Error(err)
	}
	for i := range next {
		next[i].Seq = first + uint64(i)
		l.note(keys[i].ID, next[i])
	}
}

func (l *ledger) random(t testing.TB, s *Store, rnd *rand.Rand, name string, changes int) {
	for range changes {
		k := thing(fmt.Sprintf("%s-%02d", name, rnd.IntN(12)))
		text := fmt.Sprint("text ", rnd.Uint64())
		switch {
		case rnd.IntN(20) == 0:
			text = "-"
		case rnd.IntN(3) > 0 && view(t, s, k).State != nil:
			text = "+" + fmt.Sprint(rnd.IntN(1000))
		}
		if rnd.IntN(5) == 0 && text[0] != '+' {
			l.write(t, s, text, k, thing(name+"-together"))
			continue
		}
		l.write(t, s, text, k)
	}
}

// Several change things at once, so that times and numbers are not in one
// order; the store is opened anew in between, and snapshots are written.
func TestAnyMomentOfTheJournalCanBeRestored(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	dir, dest := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	var l ledger
	s := open(t, dir, small())
	for round := range 3 {
		var writers sync.WaitGroup
		for w := range 4 {
			mine := rand.New(rand.NewPCG(rnd.Uint64(), rnd.Uint64()))
			writers.Go(func() { l.random(t, s, mine, fmt.Sprint("writer-", w), 100) })
		}
		writers.Wait()
		if round == 1 {
			crash(t, s)
			s = open(t, dir, small())
		}
		if round < 2 {
			takeBackup(t, s, dest, BackupOptions{})
			if err := s.Snapshot(); err != nil {
				t.Fatal(err)
			}
		}
	}
	backup := takeBackup(t, s, dest, BackupOptions{})
	wantAll(t, s, l.at(func(Entry) bool { return true }))
	var versions []Entry
	for _, list := range l.all {
		versions = append(versions, list...)
	}
	group := func(seq uint64) uint64 { // the record before that of an unfinished group
		for _, e := range l.all {
			for _, v := range e {
				for _, other := range versions {
					if v.Seq == seq && other.Seq == seq+1 && other.Modified.Equal(v.Modified) {
						return seq - 1
					}
				}
			}
		}
		return seq
	}
	for i := range 12 {
		v := versions[rnd.IntN(len(versions))]
		o, name := RestoreOptions{UntilSequence: v.Seq}, fmt.Sprint("record ", v.Seq)
		last := group(v.Seq)
		chosen := func(e Entry) bool { return e.Seq <= last }
		if i%2 == 0 {
			o, name = RestoreOptions{Until: v.Modified}, "time "+stamp(v.Modified)
			chosen = func(e Entry) bool { return !e.Modified.After(v.Modified) }
		}
		t.Run(name, func(t *testing.T) {
			to, report := restoreTo(t, dest, o)
			r := open(t, to, Options{})
			wantAll(t, r, l.at(chosen))
			if got := r.Stats(); got.LastSeq != report.Sequence || got.FirstSeq != 1 {
				t.Errorf("from %d to %d, reported %+v", got.FirstSeq, got.LastSeq, report)
			}
			// Deleted ones go on with their revisions.
			for id, list := range l.all {
				n := uint64(0)
				for _, e := range list {
					if chosen(e) {
						n = e.Revision
					}
				}
				if e := view(t, r, thing(id)); e.Revision != n {
					t.Errorf("%s is at revision %d, want %d", id, e.Revision, n)
				}
			}
			// The journal alone says the same: without the snapshot it is
			// replayed from its first record.
			closeStore(t, r)
			if err := os.Remove(filepath.Join(to, stateName)); err != nil {
				t.Fatal(err)
			}
			r = open(t, to, Options{})
			wantAll(t, r, l.at(chosen))
			mustChange(t, r, thing("later"), "x")
		})
	}
	if _, err := Restore(context.Background(), dest, filepath.Join(t.TempDir(), "x"), testKinds(), RestoreOptions{UntilSequence: backup.Sequence}); err != nil {
		t.Error(err)
	}
}

// Where the early journal is gone, what a moment was is put together from the
// snapshot and from the records that hold a full state. Each entity is either
// what it was, or named as lost.
func TestAMomentWithoutTheJournalFromItsBeginning(t *testing.T) {
	rnd := rand.New(rand.NewPCG(21, 22))
	s := open(t, t.TempDir(), small())
	var l ledger
	for i := range 30 { // of these, some are changed once more, and some not
		l.write(t, s, fmt.Sprint("early ", i), thing(fmt.Sprintf("early-%02d", i)))
	}
	l.random(t, s, rnd, "one", 200)
	s.sealAndForget(t)
	begin := s.journal.first
	for range 40 {
		l.write(t, s, "late", thing(fmt.Sprintf("early-%02d", rnd.IntN(30))))
		l.random(t, s, rnd, "one", 8)
	}
	dest := filepath.Join(t.TempDir(), "backup")
	backup := takeBackup(t, s, dest, BackupOptions{})
	if backup.Segments[0].First != begin {
		t.Fatalf("the journal begins with %d, not with %d", backup.Segments[0].First, begin)
	}
	restored := 0
	for range 8 {
		o := RestoreOptions{UntilSequence: begin + rnd.Uint64N(backup.Sequence-begin), Partial: true}
		to, report := restoreTo(t, dest, o)
		want := l.at(func(e Entry) bool { return e.Seq <= report.Sequence })
		for _, lost := range report.Lost {
			changed := false // after the moment, or in part before it
			for _, e := range l.all[lost.ID] {
				changed = changed || e.Seq >= begin
			}
			if !changed {
				t.Errorf("%s is lost, and nothing had happened to it", lost.ID)
			}
			delete(want, lost.ID)
		}
		restored += len(want)
		wantAll(t, open(t, to, Options{}), want)
	}
	if restored < 100 {
		t.Errorf("only %d are restored of all moments", restored)
	}
}

func TestAMomentThatCannotBeRestored(t *testing.T) {
	o := small()
	s := open(t, t.TempDir(), o)
	mustChange(t, s, thing("untouched"), "early")
	mustChange(t, s, thing("changed"), "early")
	mustChange(t, s, thing("deleted"), "early")
	mustChange(t, s, thing("created"), "early")
	mustChange(t, s, thing("created"), "-")
	s.sealAndForget(t)
	mustChange(t, s, thing("other"), "in time")
	moment := view(t, s, thing("other"))
	mustChange(t, s, thing("changed"), "late")
	mustChange(t, s, thing("deleted"), "-")
	mustChange(t, s, thing("created"), "late")
	mustChange(t, s, thing("new"), "late")
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	dest := filepath.Join(t.TempDir(), "backup")
	backup := takeBackup(t, s, dest, BackupOptions{})
	if backup.Segments[0].First != moment.Seq {
		t.Fatalf("the journal begins with %d, not %d", backup.Segments[0].First, moment.Seq)
	}
	try := func(o RestoreOptions) (string, RestoreReport, error) {
		to := filepath.Join(t.TempDir(), "restored")
		report, err := Restore(context.Background(), dest, to, testKinds(), o)
		return to, report, err
	}
	to, report, err := try(RestoreOptions{Until: moment.Modified})
	if !errors.Is(err, ErrLost) || len(report.Lost) != 2 || report.Lost[0].ID != "changed" || report.Lost[1].ID != "deleted" || !strings.Contains(err.Error(), `"changed"`) {
		t.Fatalf("%v, %+v", err, report.Lost)
	}
	if left, err := os.ReadDir(to); err != nil || len(left) > 1 {
		t.Fatalf("it left %v, %v", left, err)
	}
	to, report, err = try(RestoreOptions{UntilSequence: moment.Seq, Partial: true})
	if err != nil || len(report.Lost) != 2 || report.Entities != 2 {
		t.Fatalf("%v, %+v", err, report)
	}
	r := open(t, to, Options{})
	wantText(t, r, thing("untouched"), "early", 1)
	wantText(t, r, thing("other"), "in time", 1)
	wantText(t, r, thing("created"), "(none)", 2) // it had been deleted then
	wantText(t, r, thing("changed"), "(none)", 1)
	wantText(t, r, thing("new"), "(none)", 0)
	mustChange(t, r, thing("changed"), "again")
	wantText(t, r, thing("changed"), "again", 2)

	for _, c := range []struct {
		o    RestoreOptions
		says string
	}{
		{RestoreOptions{Until: moment.Modified.Add(-1)}, stamp(moment.Modified)},
		{RestoreOptions{UntilSequence: moment.Seq - 1}, stamp(moment.Modified)},
		{RestoreOptions{Until: backup.Made.Add(time.Hour)}, stamp(backup.Made)},
		{RestoreOptions{UntilSequence: backup.Sequence + 1}, fmt.Sprint(backup.Sequence)},
		{RestoreOptions{Until: moment.Modified, UntilSequence: moment.Seq}, "not by both"},
	} {
		if _, _, err := try(c.o); err == nil || errors.Is(err, ErrLost) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v gives %v, want that it says %q", c.o, err, c.says)
		}
	}
}

// sealAndForget has the snapshot cover everything and deletes the journal up to
// here.
func (s *Store) sealAndForget(t *testing.T) {
	t.Helper()
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	sealed := make(chan error)
	s.aside <- func() { sealed <- s.seal() }
	if err := <-sealed; err != nil {
		t.Fatal(err)
	}
	if _, err := s.journal.retain(s.snapshots.covered.Load(), 0, 0); err != nil {
		t.Fatal(err)
	}
}

func TestARestoreNeedsAnEmptyFolder(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	mustChange(t, s, thing("a"), "x")
	dest := filepath.Join(t.TempDir(), "backup")
	takeBackup(t, s, dest, BackupOptions{})
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, to string)
		says    string // "": it works
	}{
		{"not there", func(t *testing.T, to string) { _ = os.Remove(to) }, ""},
		{"empty", func(*testing.T, string) {}, ""},
		{"a file system's own", func(t *testing.T, to string) { mkdir(t, filepath.Join(to, "lost+found")) }, ""},
		{"with a file", func(t *testing.T, to string) { write(t, filepath.Join(to, "x"), "") }, `"x"`},
		{"with data", func(t *testing.T, to string) { closeStore(t, open(t, to, Options{})) }, `"journal"`},
		{"in use", func(t *testing.T, to string) {
			f, err := lockDir(to)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
		}, "in use"},
		{"broken off while it was copied", func(t *testing.T, to string) { mkdir(t, filepath.Join(to, restoreName, "journal")) }, ""},
		{"broken off at its end", func(t *testing.T, to string) {
			mkdir(t, filepath.Join(to, restoreName))
			mkdir(t, filepath.Join(to, "journal"))
			write(t, filepath.Join(to, stateName), "")
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := t.TempDir()
			c.prepare(t, to)
			if strings.HasPrefix(c.name, "broken off") {
				if _, err := Open(to, testKinds(), Options{}); err == nil || !strings.Contains(err.Error(), "restore") {
					t.Errorf("half a restore can be opened: %v", err)
				}
			}
			_, err := Restore(context.Background(), dest, to, testKinds(), RestoreOptions{})
			if c.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				wantText(t, open(t, to, Options{}), thing("a"), "x", 1)
			} else if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want that it says %q", err, c.says)
			}
		})
	}
	if _, err := Restore(context.Background(), t.TempDir(), t.TempDir(), testKinds(), RestoreOptions{}); err == nil || !strings.Contains(err.Error(), "no backup") {
		t.Errorf("got %v", err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

// Receipts come with a whole backup, but not with an earlier moment.
func TestReceiptsOfARestore(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	receive := func(client string, id uint16) {
		tx, err := s.Begin()
		if err != nil {
			t.Fatal(err)
		}
		told := make(chan error, 1)
		tx.Commit(&Receipt{client, 1, id}, nil, func(err error) { told <- err })
		if err := <-told; err != nil {
			t.Fatal(err)
		}
	}
	receive("one", 7)
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	receive("two", 8)
	mustChange(t, s, thing("a"), "x")
	dest := filepath.Join(t.TempDir(), "backup")
	report := takeBackup(t, s, dest, BackupOptions{})
	for _, o := range []RestoreOptions{{}, {UntilSequence: report.Sequence}} {
		to, _ := restoreTo(t, dest, o)
		r := open(t, to, Options{})
		_, one := r.Receipts("one")
		_, two := r.Receipts("two")
		if whole := o.UntilSequence == 0; (len(one) == 1) != whole || (len(two) == 1) != whole {
			t.Errorf("%+v has the receipts %v and %v", o, one, two)
		}
	}
}
