package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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
func small() Options { return Options{SegmentSize: 96 << 10, Retention: -1} }

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
	want := all(t, s)

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
	want = all(t, s)
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

func TestABackupIsRefused(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	mustChange(t, s, thing("a"), "x")
	other := open(t, t.TempDir(), Options{})
	mustChange(t, other, thing("b"), "y")
	mustChange(t, other, thing("b"), "y")
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, dest string)
		says    string
	}{
		{"a folder with something else", func(t *testing.T, dest string) { write(t, filepath.Join(dest, "thesis.txt"), "text") }, `"thesis.txt"`},
		{"a data folder", func(t *testing.T, dest string) { closeStore(t, open(t, dest, Options{})) }, `"journal"`},
		{"a backup of another store", func(t *testing.T, dest string) { takeBackup(t, other, dest, BackupOptions{}) }, "another store"},
		{"a backup of a newer program", func(t *testing.T, dest string) { write(t, filepath.Join(dest, manifestName), `{"format":2}`) }, "format 2"},
		{"a broken manifest", func(t *testing.T, dest string) { write(t, filepath.Join(dest, manifestName), `{`) }, "damaged"},
		{"a folder that another backup is written to", func(t *testing.T, dest string) {
			f, err := lockDir(dest)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
		}, "another process"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dest := t.TempDir()
			c.prepare(t, dest)
			before := filesIn(t, dest)
			_, err := TakeBackup(context.Background(), dest, streamOf(s), BackupOptions{})
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), dest) {
				t.Fatalf("got %v, want that it says %q", err, c.says)
			}
			after := filesIn(t, dest)
			for name, text := range before {
				if after[name] != text {
					t.Errorf("%s is not what it was", name)
				}
			}
		})
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// filesIn gives all files of a folder.
func filesIn(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, dir)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryDamagedFileOfABackupIsNamed(t *testing.T) {
	s := open(t, t.TempDir(), small())
	rnd := rand.New(rand.NewPCG(7, 8))
	fill(t, s, rnd, 10, 200)
	dest := filepath.Join(t.TempDir(), "backup")
	report := takeBackup(t, s, dest, BackupOptions{})
	whole := filesIn(t, dest)
	for _, name := range slices.Sorted(maps.Keys(whole)) {
		if filepath.Base(name) == lockName {
			continue
		}
		damages := map[string]string{"cut off": whole[name][:len(whole[name])/2], "emptied": "", "missing": "-", "a bit flipped": flip(rnd, whole[name])}
		for kind, damaged := range damages {
			t.Run(name[1:]+" "+kind, func(t *testing.T) {
				path := dest + name
				if damaged == "-" {
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
				} else {
					write(t, path, damaged)
				}
				defer write(t, path, whole[name])
				for _, o := range []RestoreOptions{{}, {Until: report.Time}} {
					to := filepath.Join(t.TempDir(), "restored")
					_, err := Restore(context.Background(), dest, to, testKinds(), o)
					if filepath.Base(name) == manifestName && kind == "a bit flipped" && err == nil {
						continue // a digit of a time, or of what is not compared
					}
					if err == nil || !strings.Contains(err.Error(), filepath.Base(name)) && filepath.Base(name) != manifestName {
						t.Errorf("got %v", err)
					}
					left, err := filepath.Glob(filepath.Join(to, "[^l]*"))
					if err != nil || len(left) != 0 {
						t.Errorf("it left %v, %v", left, err)
					}
				}
			})
		}
	}
}

func flip(rnd *rand.Rand, s string) string {
	b := []byte(s)
	b[rnd.IntN(len(b))] ^= 1 << rnd.IntN(8)
	return string(b)
}

// Damage of the store itself gets into no backup.
func TestADamagedSegmentIsNotBackedUp(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small())
	fill(t, s, rand.New(rand.NewPCG(9, 1)), 10, 300)
	list, err := listSegments(filepath.Join(dir, "journal"))
	if err != nil || len(list) < 3 {
		t.Fatal(list, err)
	}
	info, err := describeSegment(list[1].path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(list[1].path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pages, metas, err := openPages(f, info.Size)
	if err != nil {
		t.Fatal(err)
	}
	places := recordAt(t, pages, metas[0], info.Last)
	for _, at := range places {
		if _, err := f.WriteAt([]byte{0xff, 0xfe}, at); err != nil {
			t.Fatal(err)
		}
	}
	dest := filepath.Join(t.TempDir(), "backup")
	_, err = TakeBackup(context.Background(), dest, streamOf(s), BackupOptions{})
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), list[1].path[len(list[1].path)-12:]) {
		t.Fatalf("got %v", err)
	}
	if _, err := ReadManifest(dest); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("there is a backup nevertheless", err)
	}
}

// recordAt finds where a record's text stands in its file, also on pages that
// are not used any more.
func recordAt(t testing.TB, p *pageFile, m metaPage, seq uint64) (places []int64) {
	t.Helper()
	w, err := p.walk(m)
	if err != nil {
		t.Fatal(err)
	}
	root, err := w.values(func(fn entryFunc) error { return w.tree(m.root, nil, nil, 0, fn) })
	if err != nil {
		t.Fatal(err)
	}
	var found []byte
	err = w.bucket(root[string(bucketRecords)], func(_ uint32, key, value []byte) error {
		if binary.BigEndian.Uint64(key) == seq {
			found = bytes.Clone(value)
		}
		return nil
	})
	if err != nil || found == nil {
		t.Fatalf("record %d is not there: %v", seq, err)
	}
	whole := make([]byte, p.size)
	if _, err := p.r.ReadAt(whole, 0); err != nil {
		t.Fatal(err)
	}
	for from := 0; ; {
		i := bytes.Index(whole[from:], found)
		if i < 0 {
			return places
		}
		from += i + 1
		places = append(places, int64(from+11))
	}
}
