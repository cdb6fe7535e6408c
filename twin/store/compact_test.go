package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

func TestCompactGivesSpaceBackAndLosesNothing(t *testing.T) {
	w := populate(t, 3, 128<<10, -1)
	s := open(t, w.dir, Options{})
	for i := range 300 { // what will be a hole
		mustChange(t, s, thing(fmt.Sprint("big", i)), strings.Repeat("x", 20000))
	}
	for i := range 300 {
		mustChange(t, s, thing(fmt.Sprint("big", i)), "-")
	}
	closeStore(t, s)
	segments, err := filepath.Glob(filepath.Join(w.dir, "journal", "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segments[0], 8<<20); err != nil { // as if it had not been sealed
		t.Fatal(err)
	}
	before := mustBeSound(t, w.dir)
	half := filepath.Join(w.dir, stateName+temporarySuffix) // of one that was interrupted
	if err := os.WriteFile(half, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	is, err := Compact(w.dir, testKinds(), Watch{})
	if err != nil {
		t.Fatal(err)
	}
	if is.StateAfter > is.StateBefore/2 || is.JournalAfter > is.JournalBefore-6<<20 {
		t.Fatalf("%+v", is)
	}
	if size, err := fileSize(filepath.Join(w.dir, stateName)); err != nil || size != is.StateAfter {
		t.Fatal(size, err)
	}
	after := mustBeSound(t, w.dir)
	after.Bytes, before.Bytes = 0, 0
	if after != before {
		t.Fatalf("%+v\nwas %+v", after, before)
	}
	s = open(t, w.dir, Options{})
	w.check(t, s, nowhere)
	mustChange(t, s, thing("new"), "x")
	closeStore(t, s)
	mustBeSound(t, w.dir)
}

func TestCompactLeavesADamagedFolderAlone(t *testing.T) {
	w := populate(t, 3, 128<<10, -1)
	path := filepath.Join(w.dir, stateName)
	edit(t, path, func(tx *bbolt.Tx) error {
		b := tx.Bucket(kindBucket("thing"))
		k, v := b.Cursor().First()
		return b.Put(append([]byte(nil), k...), append([]byte{1}, v...))
	})
	before := contentsOf(t, w.dir)
	if _, err := Compact(w.dir, testKinds(), Watch{}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) {
		t.Fatalf("%v", err)
	}
	if string(before) != string(contentsOf(t, w.dir)) {
		t.Fatal("it was changed")
	}
}

func TestToolsLeaveAFolderInUseAlone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	mustChange(t, s, thing("a"), "x")
	for name, tool := range map[string]func() error{
		"verify":  func() error { _, err := Verify(dir, testKinds(), Watch{}); return err },
		"repair":  func() error { _, err := Repair(dir, t.TempDir(), testKinds(), time.Now, Watch{}); return err },
		"stat":    func() error { _, err := Inspect(dir, testKinds(), Watch{}); return err },
		"compact": func() error { _, err := Compact(dir, testKinds(), Watch{}); return err },
	} {
		if err := tool(); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty := t.TempDir()
	if _, err := Verify(empty, testKinds(), Watch{}); err == nil || !strings.Contains(err.Error(), "is no data folder") {
		t.Errorf("%v", err)
	}
	if _, err := Repair(dir, dir, testKinds(), time.Now, Watch{}); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("%v", err)
	}
}

func TestStatAccountsForEveryByte(t *testing.T) {
	w := populate(t, 3, 128<<10, -1)
	is, err := Inspect(w.dir, testKinds(), Watch{})
	if err != nil {
		t.Fatal(err)
	}
	sound := mustBeSound(t, w.dir)
	j, p := is.Journal, is.Journal.Parts
	if sum := p.Changes + p.States + p.Headers + p.Names + p.Records + p.Pages + p.Unused; sum != j.Bytes || p.Pages < 0 || p.Unused < 0 {
		t.Errorf("the parts are %d of %d bytes: %+v", sum, j.Bytes, p)
	}
	if s := is.State; s.Entries+s.Pages+s.Free != s.Bytes || s.Pages < 0 || s.Free < 0 || j.Bytes+s.Bytes != sound.Bytes {
		t.Errorf("%+v", s)
	}
	if is.State.Entities != sound.Entities || is.State.Deleted != sound.Deleted || j.Records != sound.Records || is.State.Clients != uint64(sound.Receipts) {
		t.Errorf("%+v, %+v", is, sound)
	}
	records := make(map[Key]uint64)
	var most uint64
	for _, m := range w.records {
		records[m.key]++
		most = max(most, records[m.key])
	}
	if b := is.Busiest; len(b) != mostNamed || b[0].Records != most || b[0].Records != max(records[thing(b[0].ID)], records[Key{policies, b[0].ID}]) {
		t.Errorf("%+v", is.Busiest)
	}
	largest := 0
	for _, m := range w.newest {
		if m.state != nil {
			largest = max(largest, m.state.Size())
		}
	}
	if l := is.Largest; len(l) != mostNamed || l[0].Bytes < int64(largest) || l[0].Bytes < l[9].Bytes {
		t.Errorf("%+v", is.Largest)
	}
	var sum uint64
	for _, n := range j.Operations {
		sum += n
	}
	if sum != j.Records || j.Operations["gap"] == 0 || j.Operations["delete"] == 0 || j.Operations["release"] == 0 {
		t.Errorf("%+v", j.Operations)
	}
}
