package store

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// keptFolder is what must be read out of a kept folder; see test/testdata/README.md.
type keptFolder struct {
	Entities []struct {
		Kind      Kind
		ID        string
		Revisions []struct {
			Time    time.Time
			Change  string
			Headers string
			Text    *string
		}
	}
	Receipts []struct {
		Client    string
		Epoch     uint64
		PacketIDs []uint16
	}
}

// unpack unpacks one of the kept folders of a format, and what must be in it.
func unpack(t *testing.T, format int, how string) string {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("../../test/testdata/format-%d.tar.gz", format))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if !strings.HasPrefix(path, filepath.Join(dir, how)) {
			continue
		}
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o700)
		} else {
			var text []byte
			if text, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(path, text, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFoldersOfEachEarlierFormatOpen(t *testing.T) {
	for format := 1; format < journalFormat; format++ {
		for _, how := range []string{"closed", "killed", "cut"} {
			t.Run(fmt.Sprint("format ", format, ", ", how), func(t *testing.T) {
				dir := unpack(t, format, how)
				text, err := os.ReadFile(filepath.Join(dir, how+".json"))
				if err != nil {
					t.Fatal(err)
				}
				var want keptFolder
				if err := json.Unmarshal(text, &want); err != nil {
					t.Fatal(err)
				}
				want.outlives(t, filepath.Join(dir, how), how != "cut")
			})
		}
	}
}

// outlives opens a folder, finds in it what is expected, writes to it, and
// does both again after it was killed and after it was closed.
func (want *keptFolder) outlives(t *testing.T, dir string, complete bool) {
	before := bytesOf(t, dir)
	o := Options{SegmentSize: 96 << 10, Retention: -1}
	s := open(t, dir, o)
	want.check(t, s, complete, 1)
	crash(t, s)
	// Sealed segments stay as they are, and so does the last one, but that it
	// got sealed.
	for name, text := range bytesOf(t, dir) {
		if old, ok := before[name]; ok && strings.HasPrefix(name, "journal") && !bytes.HasPrefix(old, text) {
			t.Errorf("%s has changed", name)
		}
	}
	wantFormat(t, filepath.Join(dir, stateName), stateFormat)
	for i := range 2 {
		s = open(t, dir, o)
		want.check(t, s, complete, 9)
		var told []<-chan error
		for range 70 {
			for j := range want.Entities {
				e := &want.Entities[j]
				if !strings.Contains("busy reborn gone pair1", e.ID) {
					continue
				}
				k := Key{e.Kind, e.ID}
				next, how := fmt.Sprint("new ", i), fmt.Sprint("new ", i)
				if last := e.Revisions[len(e.Revisions)-1]; last.Text != nil && e.ID != "pair1" {
					how = "+!"
					next = *last.Text + "!"
				}
				told = append(told, change(t, s, k, how))
				r := e.Revisions[0]
				r.Time, r.Change, r.Headers, r.Text = view(t, s, k).Modified, how, "", &next
				e.Revisions = append(e.Revisions, r)
			}
		}
		for _, ch := range told {
			if err := <-ch; err != nil {
				t.Fatal(err)
			}
		}
		want.check(t, s, complete, 1+i*9)
		if i == 0 {
			crash(t, s)
		} else {
			closeStore(t, s)
		}
	}
	// Nothing of the earlier format is left behind.
	list, err := listSegments(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	wantFormat(t, list[len(list)-1].path, journalFormat)
	o.MaxSize, o.ForgetDeleted = 1, true
	s = open(t, dir, o)
	mustChange(t, s, thing("gone"), "-")
	mustChange(t, s, thing("last"), strings.Repeat("x", 100<<10))
	mustChange(t, s, thing("last"), strings.Repeat("x", 100<<10))
	for range 2 { // the second time the tombstone is in the file for sure
		if err := s.Snapshot(); err != nil {
			t.Fatal(err)
		}
		mustChange(t, s, thing("last"), "x")
	}
	if e := view(t, s, thing("gone")); e.Revision != 0 {
		t.Fatalf("a tombstone without a journal is still there: %+v", e)
	}
}

// check reads one in so many of the revisions, and all changes.
func (want *keptFolder) check(t *testing.T, s *Store, complete bool, part int) {
	t.Helper()
	for _, e := range want.Entities {
		k := Key{e.Kind, e.ID}
		top := uint64(len(e.Revisions))
		oldest, _, err := s.HistoryFrom(background, k)
		if err != nil || complete && oldest != 1 || oldest > top {
			t.Fatalf("%v can be read from %d of %d on, %v", k, oldest, top, err)
		}
		for i, r := range e.Revisions {
			if i%part > 0 && i+1 < len(e.Revisions) {
				continue
			}
			revision := uint64(i + 1)
			got, err := s.HistoryAt(background, k, revision)
			if revision < oldest {
				if !errors.Is(err, ErrNotRetained) {
					t.Fatalf("%v at %d, the oldest is %d: %v", k, revision, oldest, err)
				}
				continue
			}
			if err != nil || got.Revision != revision || !got.Modified.Equal(r.Time) || (got.State == nil) != (r.Text == nil) || r.Text != nil && string(got.State.(text)) != *r.Text {
				t.Fatalf("%v at %d: %+v, %v\nwant %v", k, revision, got, err, r.Text)
			}
			if revision == top {
				if now := view(t, s, k); now != got.Entry {
					t.Fatalf("%v is %+v, and at its last revision %+v", k, now, got)
				}
			}
		}
		next := oldest
		for c, err := range s.History(background, k, 0, 0) {
			if err != nil {
				t.Fatal(err)
			}
			r := e.Revisions[next-1]
			if c.Revision != next || string(c.Change) != r.Change || string(c.Headers) != r.Headers || !c.Time.Equal(r.Time) || c.Deleted != (r.Text == nil) {
				t.Fatalf("%v: %+v\nwant %d: %+v", k, c, next, r)
			}
			next++
		}
		if next != top+1 && (complete || next != oldest) {
			t.Fatalf("the history of %v ends before %d of %d", k, next, top)
		}
	}
	for _, r := range want.Receipts {
		epoch, ids := s.Receipts(r.Client)
		if epoch != r.Epoch || !slices.Equal(ids, r.PacketIDs) {
			t.Fatalf("receipts of %s: %d %v, want %d %v", r.Client, epoch, ids, r.Epoch, r.PacketIDs)
		}
	}
}

func wantFormat(t *testing.T, path string, want uint64) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.View(func(tx *bbolt.Tx) error {
		if got, err := number(tx.Bucket(bucketMeta), metaFormat); err != nil || got != want {
			t.Errorf("%s has format %d, %v, want %d", path, got, err, want)
		}
		return nil
	})
}

// bytesOf gives the content of all files of a folder, but for the lock.
func bytesOf(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == lockName {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil {
			all[name], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAFileOfANewerFormatIsRefusedAndLeftAlone(t *testing.T) {
	newer := func(t *testing.T, path string, format uint64) {
		edit(t, path, func(tx *bbolt.Tx) error { return putNumber(tx.Bucket(bucketMeta), metaFormat, format) })
	}
	for _, test := range []struct {
		name  string
		raise func(t *testing.T, dir string) (path string, known uint64)
	}{
		{"the segment being written", func(t *testing.T, dir string) (string, uint64) {
			segments, _ := filepath.Glob(filepath.Join(dir, "journal", "*.db"))
			path := segments[len(segments)-1]
			newer(t, path, 9)
			return path, journalFormat
		}},
		{"a sealed segment that has to be read", func(t *testing.T, dir string) (string, uint64) {
			segments, _ := filepath.Glob(filepath.Join(dir, "journal", "*.db"))
			path := segments[len(segments)-3]
			newer(t, path, 9)
			return path, journalFormat
		}},
		{"state.db", func(t *testing.T, dir string) (string, uint64) {
			path := filepath.Join(dir, stateName)
			newer(t, path, 9)
			return path, stateFormat
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(unpack(t, 1, "killed"), "killed")
			path, known := test.raise(t, dir)
			before := bytesOf(t, dir)
			_, err := Open(dir, testKinds(), Options{})
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("got %v", err)
			}
			for _, part := range []string{path, "format 9", fmt.Sprint("formats up to ", known), "use the newer program, or restore a backup"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if after := bytesOf(t, dir); !maps.EqualFunc(before, after, bytes.Equal) {
				t.Error("the folder has changed")
			}
		})
	}
}

func TestAnEarlierProgramIsKeptOutByTheFormatOfTheFiles(t *testing.T) {
	// Also when the upgrade came to nothing but itself.
	dir := filepath.Join(unpack(t, 1, "closed"), "closed")
	crash(t, open(t, dir, Options{}))
	segments, err := filepath.Glob(filepath.Join(dir, "journal", "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	wantFormat(t, segments[len(segments)-1], journalFormat)
	wantFormat(t, segments[0], 1)
	wantFormat(t, filepath.Join(dir, stateName), stateFormat)
}
