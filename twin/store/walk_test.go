package store

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// walked gives what a walk shows, as "id=text@revision".
func walked(t testing.TB, s *Store, kind Kind) []string {
	t.Helper()
	var out []string
	err := s.Walk(kind, func(e *Standing) error {
		out = append(out, fmt.Sprintf("%s=%s@%d", e.ID, e.Text, e.Revision))
		if e.Created.IsZero() || e.Modified.Before(e.Created) {
			t.Errorf("%s was created %v and modified %v", e.ID, e.Created, e.Modified)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAWalkShowsWhatThereIsInOrder(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	want := map[string]string{}
	set := func(id, text string, revision int) {
		mustChange(t, s, thing(id), text)
		want[id] = fmt.Sprintf("%s=%s@%d", id, text, revision)
	}
	check := func(when string) {
		t.Helper()
		ids := slices.Sorted(maps.Keys(want))
		lines := make([]string, len(ids))
		for i, id := range ids {
			lines[i] = want[id]
		}
		if got := walked(t, s, things); !slices.Equal(got, lines) {
			t.Errorf("%s:\n%v\nwant\n%v", when, got, lines)
		}
	}
	check("nothing")
	set("b", "one", 1)
	mustChange(t, s, Key{policies, "c"}, "not a thing")
	check("in memory only")
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	check("in the file")
	set("a", "before it", 1)
	set("b", "two", 2)
	set("c", "behind it", 1)
	check("newer in memory than in the file")
	mustChange(t, s, thing("b"), "-")
	delete(want, "b")
	check("deleted in memory")
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	check("deleted in the file")
	set("b", "three", 4)
	check("made again")
	closeStore(t, s)
	s = open(t, dir, Options{})
	check("after reopening")
	if got := walked(t, s, policies); !slices.Equal(got, []string{"c=not a thing@1"}) {
		t.Errorf("of another kind: %v", got)
	}
}

// More than one step, with what is in memory before, between and behind what
// is in the file.
func TestAWalkInSeveralStepsMissesNothing(t *testing.T) {
	s := open(t, t.TempDir(), Options{Memory: 1 << 20})
	const n = 2*walkEntities + 100
	var want []string
	put := func(i int) {
		id := fmt.Sprintf("t%06d", i)
		change(t, s, thing(id), "text of "+id)
		want = append(want, fmt.Sprintf("%s=text of %s@1", id, id))
	}
	for i := 3; i < n-3; i++ {
		if i%1000 != 7 {
			put(i)
		}
	}
	mustChange(t, s, thing("t000004"), strings.Repeat("long", walkBytes/4))
	want[1] = "t000004=" + strings.Repeat("long", walkBytes/4) + "@2"
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if i < 3 || i >= n-3 || i%1000 == 7 {
			put(i)
		}
	}
	slices.Sort(want)
	if got := walked(t, s, things); !slices.Equal(got, want) {
		t.Errorf("%d entities, want %d", len(got), len(want))
	}
}

func TestAWalkShowsNothingThatIsNotOnDisk(t *testing.T) {
	hold := make(chan struct{})
	var o Options
	o.hooks.beforeCommit = func(batch []*Tx) error {
		<-hold
		return errors.New("no")
	}
	o.Patience = 1
	s := open(t, t.TempDir(), o)
	told := change(t, s, thing("a"), "refused")
	got := make(chan []string)
	go func() { got <- walked(t, s, things) }()
	close(hold)
	if err := <-told; err == nil {
		t.Fatal("the change was not refused")
	}
	if shown := <-got; len(shown) > 0 {
		t.Errorf("shown %v", shown)
	}
}

func TestAWalkEndsWithTheFirstError(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	mustChange(t, s, thing("a"), "one")
	mustChange(t, s, thing("b"), "one")
	enough := errors.New("enough")
	n := 0
	if err := s.Walk(things, func(*Standing) error { n++; return enough }); !errors.Is(err, enough) || n != 1 {
		t.Errorf("%v after %d", err, n)
	}
	closeStore(t, s)
	if err := s.Walk(things, func(*Standing) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("of a closed store: %v", err)
	}
}

func TestAWalkGoesOnPastWhatIsDamaged(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	for _, id := range []string{"a", "b", "c", "d"} {
		mustChange(t, s, thing(id), "one of "+id)
	}
	closeStore(t, s)
	s = open(t, dir, Options{}) // nothing is in memory
	path := filepath.Join(dir, stateName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, strings.ReplaceAll(string(text), "one of b", "one of x")) // in place
	mustChange(t, s, thing("c"), "two")
	var got []string
	err = s.Walk(things, func(e *Standing) error {
		got = append(got, fmt.Sprintf("%s=%s@%d", e.ID, e.Text, e.Revision))
		if damaged := errors.Is(e.Damage, ErrDamaged); damaged != (e.ID == "b") || damaged && !strings.Contains(e.Damage.Error(), path) {
			t.Errorf("%s: %v", e.ID, e.Damage)
		}
		return nil
	})
	if err != nil || !slices.Equal(got, []string{"a=one of a@1", "b=@0", "c=two@2", "d=one of d@1"}) {
		t.Errorf("%v, %v", got, err)
	}
}
