package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// verified gives what Verify says about a folder.
func verified(t testing.TB, dir string) (Verified, []Finding) {
	t.Helper()
	var found []Finding
	is, err := Verify(dir, testKinds(), Watch{Found: func(f Finding) { found = append(found, f) }})
	if err != nil {
		t.Fatal(err)
	}
	if is.Findings != len(found) {
		t.Fatalf("%d findings told, %d counted", len(found), is.Findings)
	}
	return is, found
}

// mustBeSound: nothing is wrong, and the receipts are those of the journal.
func mustBeSound(t testing.TB, dir string) Verified {
	t.Helper()
	is, err := Verify(dir, testKinds(), Watch{
		Found: func(f Finding) { t.Error(f) },
		Noted: func(f Finding) {
			if strings.HasPrefix(f.Where, "receipts") {
				t.Error(f)
			}
		},
	})
	if err != nil || t.Failed() {
		t.Fatal(err)
	}
	return is
}

func TestAFolderInGoodOrderIsVerified(t *testing.T) {
	for seed := range uint64(2) {
		for _, keep := range []time.Duration{-1, time.Nanosecond} {
			w := populate(t, seed, 96<<10, keep)
			is := mustBeSound(t, w.dir)
			if n := is.Entities + is.Deleted; n != uint64(len(w.newest)) || is.Compared == 0 {
				t.Fatalf("%d entities, want %d; %+v", n, len(w.newest), is)
			}
			if keep < 0 && (is.First != 1 || is.Unknown > 0 || is.Compared != uint64(len(w.newest))) {
				t.Fatalf("%+v", is)
			}
		}
	}
}

func TestBackupsAndWhatIsRestoredOfThemAreVerified(t *testing.T) {
	w := populate(t, 5, 128<<10, -1)
	s := open(t, w.dir, Options{SegmentSize: 128 << 10, Retention: -1})
	mustChange(t, s, thing("last"), "x") // into a segment that is still being written
	backup := filepath.Join(t.TempDir(), "backup")
	takeBackup(t, s, backup, BackupOptions{})
	closeStore(t, s)
	is := mustBeSound(t, backup)
	if is.Records < uint64(len(w.records)) || is.Entities == 0 || is.Unknown > 0 {
		t.Fatalf("%+v", is)
	}
	if _, err := Inspect(backup, testKinds(), Watch{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Compact(backup, testKinds(), Watch{}); err == nil {
		t.Fatal("a backup was changed")
	}
	for _, at := range []time.Duration{0, is.To.Sub(is.From) / 2} {
		o := RestoreOptions{Partial: true}
		if at > 0 {
			o.Until = is.From.Add(at)
		}
		to, _ := restoreTo(t, backup, o)
		if _, found := verified(t, to); len(found) > 0 {
			t.Fatal(found)
		}
	}
	m, err := ReadManifest(backup)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(backup, m.Segments[1].file())
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("xxxxx"), []byte("xxxxy"))
	if err := os.WriteFile(path, text, 0); err != nil {
		t.Fatal(err)
	}
	if _, found := verified(t, backup); len(found) == 0 || found[0].File != path {
		t.Fatalf("%v", found)
	}
	into := filepath.Join(t.TempDir(), "new")
	saved, err := Repair(backup, into, testKinds(), time.Now, Watch{})
	if err != nil || len(saved.Lost) == 0 || saved.Rebuilt != 1 {
		t.Fatalf("%+v, %v", saved, err)
	}
	mustBeSound(t, into)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, found := verified(t, backup); len(found) == 0 || found[0].File != path || found[0].What != "it is missing" {
		t.Fatalf("%v", found)
	}
}

func TestFoldersOfEarlierFormatsAreVerifiedAndRepaired(t *testing.T) {
	for format := 1; format < journalFormat; format++ {
		for _, how := range []string{"closed", "killed", "cut"} {
			t.Run(fmt.Sprint("format ", format, ", ", how), func(t *testing.T) {
				dir := filepath.Join(unpack(t, format, how), how)
				before := mustBeSound(t, dir)
				into := filepath.Join(t.TempDir(), "new")
				saved, err := Repair(dir, into, testKinds(), time.Now, Watch{})
				if err != nil || !saved.Clean() {
					t.Fatalf("%+v, %v", saved, err)
				}
				after := mustBeSound(t, into)
				if after.Records != before.Records || after.Last != before.Last {
					t.Fatalf("%+v, was %+v", after, before)
				}
				s := open(t, into, Options{})
				for _, id := range []string{"new", "other"} {
					mustChange(t, s, thing(id), "x")
				}
				closeStore(t, s)
				mustBeSound(t, into)
			})
		}
	}
}
