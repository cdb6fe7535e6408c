package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

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

// Nobody writes into a backup but the next one.
func TestABackupIsNoDataFolder(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	mustChange(t, s, thing("a"), "x")
	dest := filepath.Join(t.TempDir(), "backup")
	takeBackup(t, s, dest, BackupOptions{})
	before := filesIn(t, dest)
	_, err := Open(dest, testKinds(), Options{})
	if err == nil || !strings.Contains(err.Error(), dest+" is a backup") || !strings.Contains(err.Error(), "store restore") {
		t.Errorf("got %v", err)
	}
	if after := filesIn(t, dest); !maps.Equal(before, after) {
		t.Error("it is not what it was")
	}
	if exists(filepath.Join(dest, "journal")) {
		t.Error("it has a journal now")
	}
}
