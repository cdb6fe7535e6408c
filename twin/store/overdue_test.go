package store

import (
	"errors"
	"testing"
	"time"
)

// While a write hangs, what comes behind it is refused after Options.Patience;
// the write itself is acknowledged when it comes back, and so is what was
// computed from it. The revisions run on as if the rest had never been.
func TestWhatWaitsBehindAWriteThatHangsIsRefused(t *testing.T) {
	dir := t.TempDir()
	inside, hang := make(chan struct{}, 10), make(chan struct{})
	hanging := true
	s := open(t, dir, Options{Patience: 50 * time.Millisecond, hooks: hooks{
		beforeCommit: func([]*Tx) error {
			if hanging { // only the committer asks
				inside <- struct{}{}
				<-hang
				hanging = false
			}
			return nil
		},
	}})
	a, b := thing("a"), thing("b")
	under := change(t, s, a, "under way")
	<-inside
	seen := view(t, s, a)
	read := make(chan error, 1)
	s.After(seen.Seq, func(err error) { read <- err })
	for range 3 { // each time anew, as long as it hangs
		behind, besides := change(t, s, a, "+lost"), change(t, s, b, "lost")
		lost := view(t, s, a)
		depends := make(chan error, 1)
		s.After(lost.Seq, func(err error) { depends <- err })
		for name, ch := range map[string]<-chan error{"behind": behind, "besides": besides, "read": depends} {
			if err := <-ch; !errors.Is(err, ErrBusy) {
				t.Fatalf("%s: %v, want that the store is busy", name, err)
			}
		}
		late := make(chan error, 1)
		s.After(lost.Seq, func(err error) { late <- err })
		if err := <-late; !errors.Is(err, ErrRefused) {
			t.Fatalf("late question about a refused number: %v", err)
		}
		wantText(t, s, a, "under way", 1)
		wantText(t, s, b, "(none)", 0)
	}
	if err := s.Trouble(); !errors.Is(err, ErrBusy) {
		t.Fatalf("trouble: %v", err)
	}
	select {
	case err := <-under:
		t.Fatalf("told %v of what is still being written", err)
	case err := <-read:
		t.Fatalf("told %v to who read what is still being written", err)
	default:
	}
	close(hang)
	if err := errors.Join(<-under, <-read); err != nil {
		t.Fatal(err)
	}
	mustChange(t, s, a, "+on")
	mustChange(t, s, b, "made")
	if err := s.Trouble(); err != nil {
		t.Fatalf("trouble: %v", err)
	}
	if st := s.Stats(); st.Refused != 6 || st.QueueRecords != 0 || st.QueueBytes != 0 {
		t.Fatalf("%+v", st)
	}
	for _, end := range []func(testing.TB, *Store){crash, closeStore} {
		end(t, s)
		s = open(t, dir, Options{})
		wantText(t, s, a, "under wayon", 2)
		wantText(t, s, b, "made", 1)
	}
}

// A write that hangs and then fails for good takes what it holds with it.
func TestAWriteThatHangsMayStillBeRefused(t *testing.T) {
	inside, hang := make(chan struct{}, 10), make(chan error, 10)
	s := open(t, t.TempDir(), Options{Patience: 50 * time.Millisecond, hooks: hooks{
		beforeCommit: func([]*Tx) error { inside <- struct{}{}; return <-hang },
	}})
	under := change(t, s, thing("a"), "x")
	<-inside
	if err := <-change(t, s, thing("a"), "+lost"); !errors.Is(err, ErrBusy) {
		t.Fatal(err)
	}
	hang <- enospc
	if err := <-under; !errors.Is(err, ErrDiskFull) {
		t.Fatal(err)
	}
	wantText(t, s, thing("a"), "(none)", 0)
	told := change(t, s, thing("a"), "again")
	hang <- nil
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	wantText(t, s, thing("a"), "again", 1)
}
