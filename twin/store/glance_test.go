package store

import (
	"errors"
	"testing"
	"time"
)

// Who glances at what is not in memory leaves memory as it is.
func TestAGlanceKeepsNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	mustChange(t, s, thing("a"), "one")
	closeStore(t, s)
	s = open(t, dir, Options{})
	before := s.table.count.Load()
	for range 2 {
		e, err := s.Glance(thing("a"))
		if err != nil || e.Revision != 1 || e.State == nil {
			t.Fatalf("%+v, %v", e, err)
		}
	}
	if e, err := s.Glance(thing("none")); err != nil || e.Revision != 0 {
		t.Errorf("of nothing: %+v, %v", e, err)
	}
	if _, err := s.Glance(Key{Kind: 99, ID: "a"}); err == nil {
		t.Error("of an unknown kind")
	}
	if n := s.table.count.Load(); n != before {
		t.Errorf("%d are in memory, not %d", n, before)
	}
	mustChange(t, s, thing("a"), "two")
	if e, err := s.Glance(thing("a")); err != nil || e.Revision != 2 {
		t.Errorf("of what was changed: %+v, %v", e, err)
	}
}

// A count grows with each change, also with one that the disk refused: then what
// was computed from it meanwhile is no more.
func TestAWatchCountsChangesAndWhatIsTakenBack(t *testing.T) {
	refuse := false
	o := Options{Patience: 50 * time.Millisecond}
	o.hooks.beforeCommit = func([]*Tx) error {
		if refuse {
			return errors.New("no")
		}
		return nil
	}
	kind := textKind("watched")
	kind.Watched = true
	s, err := Open(t.TempDir(), map[Kind]KindSpec{things: kind}, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	count := s.Watch(thing("a"))
	mustChange(t, s, thing("a"), "one")
	if n := count.Load(); n != 1 {
		t.Errorf("after a change it is %d", n)
	}
	refuse = true
	told := change(t, s, thing("a"), "two")
	if n := count.Load(); n != 2 {
		t.Errorf("as soon as a change is to be seen it is %d", n)
	}
	if err := <-told; err == nil {
		t.Fatal("the change was not refused")
	}
	if n := count.Load(); n != 3 || view(t, s, thing("a")).Revision != 1 {
		t.Errorf("when it was taken back it is %d, at revision %d", n, view(t, s, thing("a")).Revision)
	}
	view(t, s, thing("b"))
	if n := count.Load(); n != 3 {
		t.Errorf("a look counts: %d", n)
	}
}
