package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// streamOf gives the backup stream of a store.
func streamOf(s *Store) func(Manifest) (io.ReadCloser, error) {
	return func(have Manifest) (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() { w.CloseWithError(s.Backup(context.Background(), w, have)) }()
		return r, nil
	}
}

func takeBackup(t testing.TB, s *Store, dir string, o BackupOptions) BackupReport {
	t.Helper()
	report, err := TakeBackup(context.Background(), dir, streamOf(s), o)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := ReadManifest(dir); err != nil || m.Sequence != report.Sequence {
		t.Fatalf("the manifest says %+v, %v", m, err)
	}
	return report
}

func restoreTo(t testing.TB, from string, o RestoreOptions) (string, RestoreReport) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "restored")
	report, err := Restore(context.Background(), from, to, testKinds(), o)
	if err != nil {
		t.Fatal(err)
	}
	return to, report
}

// all gives everything that a store holds.
func all(t testing.TB, s *Store) map[string]Entry {
	t.Helper()
	out := make(map[string]Entry)
	ids, err := s.Keys(things, "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		out[id] = view(t, s, thing(id))
	}
	return out
}

func wantAll(t testing.TB, s *Store, want map[string]Entry) {
	t.Helper()
	got := all(t, s)
	for id, w := range want {
		if g, ok := got[id]; !ok || g != w {
			t.Errorf("%s is %+v, want %+v", id, g, w)
		}
	}
	for id := range got {
		if _, ok := want[id]; !ok {
			t.Errorf("%s is there and should not be", id)
		}
	}
}

// small makes segments of a few dozen records, and nothing is deleted.
func small() Options {
	o := Options{SegmentSize: 96 << 10, Retention: -1}
	o.hooks.noSpare = true
	return o
}

// fill makes changes of some entities: creations, appendings, deletions.
func fill(t testing.TB, s *Store, rnd *rand.Rand, entities, changes int) {
	t.Helper()
	for range changes {
		k := thing(fmt.Sprintf("thing-%02d", rnd.IntN(entities)))
		what := "+" + strings.Repeat(string(rune('a'+rnd.IntN(26))), rnd.IntN(40)+1)
		switch view(t, s, k).State {
		case nil:
			what = "new" + what[1:]
		default:
			if rnd.IntN(30) == 0 {
				what = "-"
			} else if rnd.IntN(15) == 0 {
				what = strings.Repeat("long ", rnd.IntN(400)+1)
			}
		}
		mustChange(t, s, k, what)
	}
}

func TestABackupHoldsAllThatWasStoredAndOnlyNewSegmentsAreCopiedAgain(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	dir, dest := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	s := open(t, dir, small())
	fill(t, s, rnd, 20, 600)
	one := takeBackup(t, s, dest, BackupOptions{})
	if one.Copied < 3 || !one.Snapshot || one.Copied != len(one.Segments) {
		t.Fatalf("%+v", one)
	}
	before := all(t, s)
	to, restored := restoreTo(t, dest, RestoreOptions{})
	if restored.Sequence != one.Sequence || restored.Entities != int64(len(before)) || !restored.Time.Equal(one.Time) {
		t.Errorf("restored %+v, backed up %+v", restored, one)
	}
	wantAll(t, open(t, to, small()), before)

	// Nothing has changed.
	same := takeBackup(t, s, dest, BackupOptions{})
	if same.Copied != 0 || same.Snapshot || same.Bytes != 0 || same.Sequence != one.Sequence {
		t.Fatalf("%+v", same)
	}
	fill(t, s, rnd, 20, 3)
	two := takeBackup(t, s, dest, BackupOptions{})
	if two.Copied != 1 || two.Snapshot || two.Sequence != one.Sequence+3 || two.Bytes > 64<<10 {
		t.Fatalf("%+v", two)
	}
	before = all(t, s)
	to, _ = restoreTo(t, dest, RestoreOptions{})
	r := open(t, to, small())
	wantAll(t, r, before)
	// The restored store goes on in the same backup.
	fill(t, r, rnd, 20, 3)
	if three := takeBackup(t, r, dest, BackupOptions{}); three.Copied != 1 {
		t.Fatalf("%+v", three)
	}
	// The first store does not: the same numbers now mean something else.
	fill(t, s, rnd, 20, 3)
	if _, err := TakeBackup(context.Background(), dest, streamOf(s), BackupOptions{}); !errors.Is(err, ErrOtherBackup) || !strings.Contains(err.Error(), "empty folder") {
		t.Fatalf("got %v", err)
	}
	before = all(t, s)
	crash(t, s)
	wantAll(t, open(t, dir, small()), before)
}

func TestAnEmptyStoreIsBackedUpAndRestored(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	dest := t.TempDir()
	if r := takeBackup(t, s, dest, BackupOptions{}); r.Sequence != 0 || len(r.Segments) != 0 {
		t.Fatalf("%+v", r)
	}
	to, _ := restoreTo(t, dest, RestoreOptions{})
	r := open(t, to, Options{})
	mustChange(t, r, thing("a"), "x")
	closeStore(t, r)
	wantText(t, open(t, to, Options{}), thing("a"), "x", 1)
}

// While many change things, each backup has what had been acknowledged before
// it was asked for, and nothing that was not in the order of each thing.
func TestBackupsWhileChangesGoOn(t *testing.T) {
	o := small()
	o.SnapshotEvery, o.SnapshotAfter = 16<<10, 5*time.Millisecond
	dir, dest := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	s := open(t, dir, o)
	var acknowledged [8]atomic.Uint64
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range acknowledged {
		writers.Go(func() {
			k := thing(fmt.Sprint("writer-", w))
			for n := uint64(1); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				mustChange(t, s, k, fmt.Sprintf("value %d", n))
				acknowledged[w].Store(n)
				if n%4 == 0 {
					mustChange(t, s, thing(fmt.Sprintf("new-%d-%d", w, n)), "x")
				}
			}
		})
	}
	for i := range 6 {
		for s.Stats().LastSeq < uint64(i+1)*150 {
			time.Sleep(time.Millisecond)
		}
		var want [len(acknowledged)]uint64
		for w := range want {
			want[w] = acknowledged[w].Load()
		}
		report := takeBackup(t, s, dest, BackupOptions{})
		to, _ := restoreTo(t, dest, RestoreOptions{})
		r := open(t, to, Options{})
		if got := r.Stats().LastSeq; got != report.Sequence {
			t.Errorf("backup %d ends with %d, its manifest says %d", i, got, report.Sequence)
		}
		for w, least := range want {
			e := view(t, r, thing(fmt.Sprint("writer-", w)))
			if e.Revision < least || e.Revision > 0 && string(e.State.(text)) != fmt.Sprintf("value %d", e.Revision) {
				t.Errorf("backup %d has writer %d at %+v, acknowledged was %d", i, w, e, least)
			}
		}
		closeStore(t, r)
	}
	close(stop)
	writers.Wait()
	if st := s.Stats(); st.Snapshots == 0 || st.Refused != 0 {
		t.Errorf("%+v", st)
	}
}

// Entries of the snapshot file are read one after the other. What changes
// meanwhile, and gets into that file, must get into the backup's journal too.
func TestASnapshotThatChangesWhileItIsRead(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	large := strings.Repeat("large ", 10<<10)
	for i := range 60 {
		mustChange(t, s, thing(fmt.Sprintf("thing-%02d", i)), large)
	}
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	dest := filepath.Join(t.TempDir(), "backup")
	begun := false
	report, err := TakeBackup(context.Background(), dest, streamOf(s), BackupOptions{Progress: func(Progress) {
		if begun {
			return
		}
		begun = true
		mustChange(t, s, thing("thing-00"), "changed behind")
		mustChange(t, s, thing("thing-59"), "changed before")
		mustChange(t, s, thing("thing-58"), "-")
		mustChange(t, s, thing("thing-99"), "made")
		if err := s.Snapshot(); err != nil {
			t.Error(err)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if report.Sequence != 64 || !report.Snapshot || report.State.Covered != 60 {
		t.Fatalf("%+v, %+v", report, report.State)
	}
	to, _ := restoreTo(t, dest, RestoreOptions{})
	wantAll(t, open(t, to, Options{}), all(t, s))
}

func TestRetentionDeletesNothingThatABackupIsReading(t *testing.T) {
	o := small()
	o.MaxSize = 1 // as little as possible
	s := open(t, t.TempDir(), o)
	rnd := rand.New(rand.NewPCG(3, 4))
	fill(t, s, rnd, 10, 300)
	dest := filepath.Join(t.TempDir(), "backup")
	first := true
	report, err := TakeBackup(context.Background(), dest, streamOf(s), BackupOptions{Progress: func(Progress) {
		if first {
			first = false
			if err := s.Snapshot(); err != nil {
				t.Error(err)
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Segments) < 2 || s.Stats().Deleted != 0 {
		t.Fatalf("%d segments in the backup, %d deleted", len(report.Segments), s.Stats().Deleted)
	}
	mustChange(t, s, thing("a"), "x")
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	for s.Stats().Deleted == 0 { // it does so after it has answered
		time.Sleep(time.Millisecond)
	}

	// The backup keeps what the store has deleted, unless it is told not to.
	more := takeBackup(t, s, dest, BackupOptions{})
	if more.Segments[0].First != 1 || more.Removed != 0 {
		t.Errorf("%+v", more)
	}
	fill(t, s, rnd, 10, 400)
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	mustChange(t, s, thing("b"), "x")
	want := all(t, s)
	pruned := takeBackup(t, s, dest, BackupOptions{Prune: true})
	if pruned.Removed == 0 || pruned.Segments[0].First == 1 {
		t.Errorf("removed %d, it begins with %d", pruned.Removed, pruned.Segments[0].First)
	}
	wantOnlyWhatIsNamed(t, dest)
	to, _ := restoreTo(t, dest, RestoreOptions{})
	wantAll(t, open(t, to, Options{}), want)
}

// Whenever it is broken off, the backup that was there is there, and the next
// attempt completes.
func TestABackupThatIsBrokenOffLeavesTheOneBefore(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	s := open(t, t.TempDir(), small())
	dest := filepath.Join(t.TempDir(), "backup")
	broken := errors.New("the line is dead")
	attempts := 0
	var want map[string]Entry // of the last whole backup
	var whole BackupReport
	for round := range 3 {
		fill(t, s, rnd, 30, 200)
		if err := s.Snapshot(); err != nil {
			t.Fatal(err)
		}
		for limit := int64(100); ; limit = limit*2 + rnd.Int64N(3000) {
			cut := false
			report, err := TakeBackup(context.Background(), dest, func(have Manifest) (io.ReadCloser, error) {
				in, err := streamOf(s)(have)
				return &severed{in, limit, broken, &cut}, err
			}, BackupOptions{})
			if err == nil {
				whole, want = report, all(t, s)
				break
			}
			attempts++
			if !errors.Is(err, broken) {
				t.Fatalf("after %d bytes: %v", limit, err)
			}
			m, err := ReadManifest(dest)
			if round == 0 {
				if !errors.Is(err, os.ErrNotExist) {
					t.Fatalf("there is a backup: %v", err)
				}
				continue
			}
			if err != nil || m.Sequence != whole.Sequence {
				t.Fatalf("%+v, %v", m, err)
			}
			to, _ := restoreTo(t, dest, RestoreOptions{})
			r := open(t, to, Options{})
			wantAll(t, r, want)
			closeStore(t, r)
		}
	}
	if attempts < 10 {
		t.Errorf("only %d attempts were broken off", attempts)
	}
	wantOnlyWhatIsNamed(t, dest)
}

// wantOnlyWhatIsNamed checks that a backup's folder has the files that its
// manifest names, and no other.
func wantOnlyWhatIsNamed(t testing.TB, dest string) {
	t.Helper()
	m, err := ReadManifest(dest)
	if err != nil {
		t.Fatal(err)
	}
	files := filesIn(t, dest)
	for _, name := range []string{manifestName, lockName, m.State.File} {
		delete(files, "/"+name)
	}
	for i := range m.Segments {
		name := "/" + m.Segments[i].file()
		if int64(len(files[name])) != m.Segments[i].Size {
			t.Errorf("%s has %d bytes, named are %d", name, len(files[name]), m.Segments[i].Size)
		}
		delete(files, name)
	}
	for name := range files {
		t.Errorf("%s is no part of the backup", name)
	}
	open, err := filepath.Glob(filepath.Join(dest, openPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range open {
		if in, err := os.ReadDir(dir); err != nil || len(in) == 0 {
			t.Errorf("%s is empty, %v", dir, err)
		}
	}
}

// severed is a stream that ends after so many bytes.
type severed struct {
	io.ReadCloser
	left int64
	err  error
	cut  *bool
}

func (s *severed) Read(p []byte) (int, error) {
	if s.left <= 0 {
		*s.cut = true
		return 0, s.err
	}
	n, err := s.ReadCloser.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	return n, err
}
