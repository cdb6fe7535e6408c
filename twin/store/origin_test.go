package store

import (
	"os"
	"testing"
	"time"
)

// putFrom makes one change of an entity that comes from elsewhere.
func putFrom(t testing.TB, s *Store, k Key, next string, o Origin) {
	t.Helper()
	tx, err := s.Begin(k)
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 1)
	revision := tx.PutFrom(k, []byte(next), text(next), o)
	if got := tx.Get(k).Revision; got != revision {
		t.Errorf("it says revision %d, and is at %d", revision, got)
	}
	tx.Commit(nil, nil, func(err error) { told <- err })
	if err := <-told; err != nil {
		t.Fatal(err)
	}
}

func TestAnEntityFromElsewhereGoesOnFromItsOrigin(t *testing.T) {
	created := time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC)
	modified := created.Add(time.Hour)
	dir := t.TempDir()
	s := open(t, dir, Options{})
	begun := time.Now().UTC()
	mustChange(t, s, thing("was here"), "one")
	mustChange(t, s, thing("was here"), "-")
	for id, o := range map[string]Origin{
		"all":       {62, created, modified},
		"revision":  {Revision: 63},
		"times":     {Created: created, Modified: modified},
		"modified":  {Modified: modified},
		"later":     {7, begun.AddDate(1, 0, 0), begun.AddDate(2, 0, 0)},
		"backwards": {7, modified, created},
		"nothing":   {},
		"was here":  {50, created, modified},
	} {
		putFrom(t, s, thing(id), "text", o)
	}
	putFrom(t, s, thing("all"), "again", Origin{500, time.Time{}, time.Time{}}) // not new any more
	check := func(when string) {
		t.Helper()
		for id, want := range map[string]struct {
			revision          uint64
			created, modified time.Time // zero: lately
		}{
			"all":       {63, created, time.Time{}},
			"revision":  {63, time.Time{}, time.Time{}},
			"times":     {1, created, modified},
			"modified":  {1, modified, modified},
			"later":     {7, time.Time{}, time.Time{}},
			"backwards": {7, created, created},
			"nothing":   {1, time.Time{}, time.Time{}},
			"was here":  {3, time.Time{}, time.Time{}},
		} {
			e := view(t, s, thing(id))
			lately := func(at time.Time) bool { return !at.Before(begun) && !at.After(time.Now().UTC()) }
			if e.Revision != want.revision || !(e.Created.Equal(want.created) || want.created.IsZero() && lately(e.Created)) ||
				!(e.Modified.Equal(want.modified) || want.modified.IsZero() && lately(e.Modified)) {
				t.Errorf("%s: %s is at revision %d, created %v, modified %v", when, id, e.Revision, e.Created, e.Modified)
			}
		}
	}
	check("at once")
	// What a start reads of the journal alone.
	killed := t.TempDir()
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = open(t, dir, Options{})
	check("after reopening")
	closeStore(t, s)
	s = open(t, killed, Options{})
	check("after a kill")
	mustChange(t, s, thing("all"), "+more")
	wantText(t, s, thing("all"), "againmore", 64)
	closeStore(t, s)
	s = open(t, killed, Options{})
	wantText(t, s, thing("all"), "againmore", 64)
}
