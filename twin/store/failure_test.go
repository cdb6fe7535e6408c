package store

import (
	"errors"
	"io/fs"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// enospc is how a write without room fails.
var enospc = &fs.PathError{Op: "write", Path: "segment", Err: syscall.ENOSPC}

// breaker makes the disk fail while it is set.
type breaker struct {
	err   atomic.Pointer[error]
	tried chan struct{} // gets one for each commit that failed
}

func newBreaker() *breaker { return &breaker{tried: make(chan struct{}, 1000)} }

func (b *breaker) set(err error) { b.err.Store(&err) }
func (b *breaker) mend()         { b.err.Store(nil) }
func (b *breaker) check([]*Tx) error {
	if err := b.err.Load(); err != nil {
		b.tried <- struct{}{}
		return *err
	}
	return nil
}

func TestAFailedCommitIsUndoneAndWhatDependsOnItRefused(t *testing.T) {
	dir := t.TempDir()
	disk := newBreaker()
	s := open(t, dir, Options{Patience: 300 * time.Millisecond, hooks: hooks{beforeCommit: disk.check}})
	a, b, c := thing("a"), thing("b"), thing("c")
	mustChange(t, s, a, "kept")
	mustChange(t, s, b, "kept")
	disk.set(enospc)

	first := change(t, s, a, "+lost")
	<-disk.tried
	// All of these are computed from what will be refused, or wait behind it.
	second := change(t, s, a, "+more")
	third := change(t, s, c, "new")
	gone := change(t, s, b, "-")
	seen := view(t, s, a)
	if seen.Revision != 3 {
		t.Fatalf("a change is not visible at once: %+v", seen)
	}
	read := make(chan error, 1)
	s.After(seen.Seq, func(err error) { read <- err })
	absent := view(t, s, b)
	missing := make(chan error, 1)
	s.After(absent.Seq, func(err error) { missing <- err })

	for name, ch := range map[string]<-chan error{"first": first, "second": second, "third": third, "deletion": gone, "read": read, "404": missing} {
		if err := <-ch; !errors.Is(err, ErrDiskFull) {
			t.Errorf("%s: %v, want that the disk is full", name, err)
		}
	}
	wantText(t, s, a, "kept", 1)
	wantText(t, s, b, "kept", 1)
	wantText(t, s, c, "(none)", 0)
	if keys, err := s.Keys(things, "", "", 0); err != nil || strings.Join(keys, " ") != "a b" {
		t.Fatalf("keys %v, %v", keys, err)
	}

	disk.mend()
	mustChange(t, s, a, "+on")
	wantText(t, s, a, "kepton", 2)
	mustChange(t, s, c, "made")
	// The number was not used again: who still holds it is told the truth.
	late := make(chan error, 1)
	s.After(seen.Seq, func(err error) { late <- err })
	if err := <-late; !errors.Is(err, ErrRefused) {
		t.Fatalf("late question about a refused number: %v", err)
	}
	for _, end := range []func(testing.TB, *Store){crash, closeStore} {
		end(t, s)
		s = open(t, dir, Options{})
		wantText(t, s, a, "kepton", 2)
		wantText(t, s, b, "kept", 1)
		wantText(t, s, c, "made", 1)
	}
}

func TestAFullDiskIsWaitedFor(t *testing.T) {
	var free atomic.Int64
	asked := make(chan struct{}, 100)
	s := open(t, t.TempDir(), Options{Patience: time.Minute, hooks: hooks{
		free: func(string) (int64, error) {
			select {
			case asked <- struct{}{}:
			default:
			}
			return free.Load(), nil
		},
	}})
	told := change(t, s, thing("a"), "x")
	<-asked
	<-asked
	select {
	case err := <-told:
		t.Fatalf("told %v while the disk is full", err)
	default:
	}
	free.Store(1 << 30)
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Retries == 0 || st.Refused != 0 {
		t.Fatalf("%+v", st)
	}
}

func TestACommitThatFailedButIsOnDiskIsAcknowledged(t *testing.T) {
	dir := t.TempDir()
	before, after := newBreaker(), newBreaker()
	s := open(t, dir, Options{Patience: 100 * time.Millisecond, hooks: hooks{beforeCommit: before.check, afterCommit: after.check}})
	after.set(enospc)
	mustChange(t, s, thing("a"), "x")
	mustChange(t, s, thing("a"), "+y")
	// The same behind a gap.
	before.set(enospc)
	if err := <-change(t, s, thing("a"), "+lost"); !errors.Is(err, ErrDiskFull) {
		t.Fatal(err)
	}
	before.mend()
	mustChange(t, s, thing("a"), "+z")
	after.mend()
	mustChange(t, s, thing("a"), "+!")
	crash(t, s)
	s = open(t, dir, Options{})
	wantText(t, s, thing("a"), "xyz!", 4)
}

func TestWhenTheDiskStaysFullBeginIsRefusedToo(t *testing.T) {
	disk := newBreaker()
	disk.set(enospc)
	s := open(t, t.TempDir(), Options{Patience: 400 * time.Millisecond, QueueRecords: 2, hooks: hooks{beforeCommit: disk.check}})
	one := change(t, s, thing("a"), "x")
	two := change(t, s, thing("b"), "x")
	<-disk.tried
	// The queue is full. Whoever comes now waits until the others are refused,
	// and gets into the queue then.
	three := change(t, s, thing("c"), "x")
	for _, ch := range []<-chan error{one, two, three} {
		if err := <-ch; !errors.Is(err, ErrDiskFull) {
			t.Fatalf("got %v", err)
		}
	}
}

func TestAStuckDiskMakesBeginBusy(t *testing.T) {
	hang := make(chan struct{})
	inside := make(chan struct{}, 10)
	s := open(t, t.TempDir(), Options{Patience: 50 * time.Millisecond, QueueRecords: 1, hooks: hooks{
		beforeCommit: func([]*Tx) error { inside <- struct{}{}; <-hang; return nil },
	}})
	told := change(t, s, thing("a"), "x")
	<-inside
	if _, err := s.Begin(thing("b")); !errors.Is(err, ErrBusy) {
		t.Fatalf("got %v", err)
	}
	wantText(t, s, thing("a"), "x", 1)
	close(hang)
	if err := <-told; err != nil {
		t.Fatal(err)
	}
}

func TestAFailedSyncIsFatal(t *testing.T) {
	for _, failure := range []error{syscall.EIO, syscall.ENOSPC /* bare: from a sync */, &fs.PathError{Op: "write", Err: syscall.EIO}} {
		disk := newBreaker()
		last := make(chan error, 1)
		s := open(t, t.TempDir(), Options{OnFatal: func(err error) { last <- err }, hooks: hooks{beforeCommit: disk.check}})
		disk.set(failure)
		told := change(t, s, thing("a"), "x")
		if err := <-last; !errors.Is(err, failure) {
			t.Fatalf("OnFatal got %v", err)
		}
		if err := <-told; !errors.Is(err, ErrFailed) {
			t.Fatalf("told %v", err)
		}
		if _, err := s.Begin(thing("a")); !errors.Is(err, ErrFailed) {
			t.Fatalf("Begin: %v", err)
		}
		if err := s.Close(); !errors.Is(err, ErrFailed) {
			t.Fatalf("Close: %v", err)
		}
	}
}

func TestARealWriteFailureIsSurvived(t *testing.T) {
	// The journal's file may not grow any more: bbolt's own commit fails.
	dir := t.TempDir()
	s := open(t, dir, Options{Patience: 300 * time.Millisecond})
	mustChange(t, s, thing("a"), "kept")
	s.journal.db.MaxSize = 1
	big := strings.Repeat("x", 1<<20)
	// Each retry reopens the segment, which forgets the limit of this test.
	if err := <-change(t, s, thing("b"), big); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Retries == 0 {
		t.Fatal("bbolt's commit did not fail")
	}
	crash(t, s)
	s = open(t, dir, Options{})
	wantText(t, s, thing("a"), "kept", 1)
	wantText(t, s, thing("b"), big, 1)
}

func TestAGroupFailsAsAWhole(t *testing.T) {
	dir := t.TempDir()
	disk := newBreaker()
	s := open(t, dir, Options{Patience: 200 * time.Millisecond, hooks: hooks{beforeCommit: disk.check}})
	disk.set(enospc)
	tx, err := s.Begin(thing("a"), Key{policies, "a"})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 1)
	tx.Put(thing("a"), []byte("x"), text("x"))
	tx.Put(Key{policies, "a"}, []byte("p"), text("p"))
	tx.Put(thing("a"), []byte("y"), text("y"))
	tx.Commit(&Receipt{"c", 1, 7}, nil, func(err error) { told <- err })
	if err := <-told; !errors.Is(err, ErrDiskFull) {
		t.Fatal(err)
	}
	wantText(t, s, thing("a"), "(none)", 0)
	wantText(t, s, Key{policies, "a"}, "(none)", 0)
	if _, ids := s.Receipts("c"); ids != nil {
		t.Fatalf("receipt of a refused change: %v", ids)
	}
	disk.mend()
	closeStore(t, s)
	s = open(t, dir, Options{})
	wantText(t, s, thing("a"), "(none)", 0)
}

func TestTheSnapshotWriterRecovers(t *testing.T) {
	dir := t.TempDir()
	var fail atomic.Bool
	fail.Store(true)
	s := open(t, dir, Options{hooks: hooks{snapshotRetry: time.Millisecond, beforeSnapshot: func() error {
		if fail.Load() {
			return enospc
		}
		return nil
	}}})
	mustChange(t, s, thing("a"), "x")
	if err := s.Snapshot(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v", err)
	}
	fail.Store(false)
	mustChange(t, s, thing("b"), "x")
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.CoveredSeq != 2 || st.SnapshotErrors == 0 || st.Unstored != 0 {
		t.Fatalf("%+v", st)
	}
}
