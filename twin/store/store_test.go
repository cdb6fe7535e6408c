package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// text is a State that is its text, and a change is the whole next text; a
// change "+x" appends x.
type text string

func (t text) AppendTo(dst []byte) []byte { return append(dst, t...) }
func (t text) Size() int                  { return len(t) }

const (
	things   Kind = 1
	policies Kind = 2
)

func textKind(name string) KindSpec {
	return KindSpec{
		Name:   name,
		Decode: func(b []byte) (State, error) { return text(b), nil },
		Apply: func(cur State, change []byte) (State, error) {
			switch {
			case string(change) == "-":
				return nil, nil
			case change[0] == '+':
				if cur == nil {
					return nil, errors.New("nothing to append to")
				}
				return cur.(text) + text(change[1:]), nil
			default:
				return text(change), nil
			}
		},
	}
}

func testKinds() map[Kind]KindSpec {
	return map[Kind]KindSpec{things: textKind("thing"), policies: textKind("policy")}
}

func open(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, testKinds(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func thing(id string) Key { return Key{things, id} }

// change makes one change and gives the channel on which its fate arrives.
func change(t testing.TB, s *Store, k Key, change string) <-chan error {
	t.Helper()
	told := make(chan error, 1)
	tx, err := s.Begin(k)
	if err != nil {
		told <- err
		return told
	}
	next, err := testKinds()[k.Kind].Apply(tx.Get(k).State, []byte(change))
	if err != nil {
		t.Fatal(err)
	}
	tx.Put(k, []byte(change), next)
	tx.Commit(nil, nil, func(err error) { told <- err })
	return told
}

func mustChange(t testing.TB, s *Store, k Key, text string) {
	t.Helper()
	if err := <-change(t, s, k, text); err != nil {
		t.Fatalf("change %v: %v", k, err)
	}
}

func view(t testing.TB, s *Store, k Key) Entry {
	t.Helper()
	e, err := s.View(k)
	if err != nil {
		t.Fatalf("view %v: %v", k, err)
	}
	return e
}

func wantText(t testing.TB, s *Store, k Key, want string, revision uint64) {
	t.Helper()
	e := view(t, s, k)
	got := "(none)"
	if e.State != nil {
		got = string(e.State.(text))
	}
	if got != want || e.Revision != revision {
		t.Fatalf("%s is %.40q at revision %d, want %.40q at %d", k.ID, got, e.Revision, want, revision)
	}
}

func TestWhatWasStoredIsThereAfterReopening(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	mustChange(t, s, thing("a"), "one")
	mustChange(t, s, thing("a"), "+two")
	mustChange(t, s, Key{policies, "a"}, "p")
	before := view(t, s, thing("a"))
	closeStore(t, s)

	s = open(t, dir, Options{})
	wantText(t, s, thing("a"), "onetwo", 2)
	wantText(t, s, Key{policies, "a"}, "p", 1)
	wantText(t, s, thing("b"), "(none)", 0)
	if after := view(t, s, thing("a")); after != before {
		t.Fatalf("after reopening %+v, before %+v", after, before)
	}
}

func TestRevisionsGoOnAfterDeletionAndOverRestarts(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	mustChange(t, s, thing("a"), "one")
	mustChange(t, s, thing("a"), "-")
	wantText(t, s, thing("a"), "(none)", 2)
	closeStore(t, s)
	s = open(t, dir, Options{})
	wantText(t, s, thing("a"), "(none)", 2)
	mustChange(t, s, thing("a"), "again")
	wantText(t, s, thing("a"), "again", 3)
	closeStore(t, s)
	s = open(t, dir, Options{})
	wantText(t, s, thing("a"), "again", 3)
}

func TestTwoChangesOfOneEntityInOneTx(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	k := thing("a")
	tx, err := s.Begin(k, Key{policies, "a"}, k)
	if err != nil {
		t.Fatal(err)
	}
	tx.Put(k, []byte("x"), text("x"))
	tx.Put(Key{policies, "a"}, []byte("p"), text("p"))
	if got := tx.Get(k); got.Revision != 1 || got.State != text("x") {
		t.Fatalf("the Tx does not see its own change: %+v", got)
	}
	if e := view(t, s, k); e.Revision != 0 {
		t.Fatalf("an uncommitted change is visible: %+v", e)
	}
	if r := tx.Put(k, []byte("+y"), text("xy")); r != 2 {
		t.Fatalf("revision %d, want 2", r)
	}
	told := make(chan error, 1)
	tx.Commit(nil, []byte("headers"), func(err error) { told <- err })
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	crash(t, s)
	s = open(t, dir, Options{})
	wantText(t, s, k, "xy", 2)
	wantText(t, s, Key{policies, "a"}, "p", 1)
	mustChange(t, s, k, "+z")
	wantText(t, s, k, "xyz", 3)
}

// crash ends a store without its last snapshot.
func crash(t testing.TB, s *Store) {
	t.Helper()
	s.failed.CompareAndSwap(nil, &downError{errors.New("crashed by the test")})
	s.Close()
}

func TestResultsComeInOrder(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	var got []string
	over := make(chan struct{})
	note := func(what string) func(error) {
		return func(err error) {
			if err != nil {
				what += ": " + err.Error()
			}
			got = append(got, what)
		}
	}
	begun, batches := 0, 0
	s.OnBatch(func() { begun++ }, func() { batches++ })
	tx, _ := s.Begin(thing("a"))
	tx.Put(thing("a"), []byte("1"), text("1"))
	tx.Commit(nil, nil, note("first"))
	s.After(view(t, s, thing("a")).Seq, note("read"))
	tx, _ = s.Begin(thing("a"))
	tx.Put(thing("a"), []byte("2"), text("2"))
	tx.Commit(nil, nil, note("second"))
	tx, _ = s.Begin(thing("a"))
	tx.Commit(nil, nil, func(err error) { note("looked")(err); close(over) })
	<-over
	if want := "first read second looked"; strings.Join(got, " ") != want {
		t.Fatalf("came as %q, want %q", got, want)
	}
	ran := false
	s.After(1, func(err error) { ran = err == nil })
	if !ran {
		t.Fatal("After of a number on disk did not run at once")
	}
	closeStore(t, s)
	if batches == 0 || begun != batches {
		t.Fatalf("OnBatch: %d batches begun, %d ended", begun, batches)
	}
}

func TestTimeNeverGoesBack(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return at }
	s := open(t, dir, Options{Clock: clock})
	mustChange(t, s, thing("a"), "1")
	first := view(t, s, thing("a")).Modified
	mustChange(t, s, thing("b"), "1")
	second := view(t, s, thing("b")).Modified
	if !second.After(first) {
		t.Fatalf("%v does not come after %v", second, first)
	}
	for i, end := range []func(){func() { crash(t, s) }, func() { closeStore(t, s) }} {
		end()
		at = at.Add(-24 * time.Hour)
		s = open(t, dir, Options{Clock: clock})
		k := thing(fmt.Sprint("c", i))
		mustChange(t, s, k, "1")
		third := view(t, s, k).Modified
		if !third.After(second) {
			t.Fatalf("restart %d: %v does not come after %v", i, third, second)
		}
		second = third
	}
}

func TestASecondProcessIsTurnedAway(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, Options{})
	_, err := Open(dir, testKinds(), Options{})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("got %v", err)
	}
}

func TestAfterCloseNothingIsTaken(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	closeStore(t, s)
	if _, err := s.Begin(thing("a")); !errors.Is(err, ErrClosed) {
		t.Fatalf("Begin: %v", err)
	}
	if _, err := s.View(thing("a")); !errors.Is(err, ErrClosed) {
		t.Fatalf("View: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("second Close: %v", err)
	}
}
