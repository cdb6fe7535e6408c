package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// folder makes a data folder with three segments, of which a snapshot covers
// the first, and gives its segments.
func folder(t *testing.T) (string, []string) {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentSize: 96 << 10})
	for i := 0; ; i++ {
		mustChange(t, s, thing(fmt.Sprint("t", i%50)), strings.Repeat(fmt.Sprint(i, " "), 200))
		n := s.Stats().Segments
		if n == 2 && s.Stats().Snapshots == 0 {
			if err := s.Snapshot(); err != nil {
				t.Fatal(err)
			}
		}
		if n == 4 {
			break
		}
	}
	crash(t, s)
	segments, err := filepath.Glob(filepath.Join(dir, "journal", "*.db"))
	if err != nil || len(segments) != 4 {
		t.Fatal(segments, err)
	}
	return dir, segments
}

// edit changes a bbolt file the way that only a wrong program would.
func edit(t *testing.T, path string, fn func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bbolt.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if filepath.Base(path) == stateName {
			return sealMeta(tx)
		}
		end, err := decodeEnding(tx.Bucket(bucketMeta).Get(metaEnding))
		if err != nil {
			return err
		}
		return putEnding(tx, end.last, end.chain)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamageIsFoundAndNamed(t *testing.T) {
	flip := func(text []byte) []byte {
		out := append([]byte(nil), text...)
		out[len(out)/2] ^= 1
		return out
	}
	tests := []struct {
		name   string
		damage func(t *testing.T, dir string, segments []string) string // gives what the error must name
		is     error
	}{
		{"a bit of a record", func(t *testing.T, dir string, segments []string) string {
			var seq uint64
			edit(t, segments[2], func(tx *bbolt.Tx) error {
				b := tx.Bucket(bucketRecords)
				c := b.Cursor()
				c.First()
				k, v := c.Next()
				seq = be(k)
				return b.Put(append([]byte(nil), k...), flip(v))
			})
			return fmt.Sprintf("%s: damaged: record %d", segments[2], seq)
		}, ErrDamaged},
		{"a record at another's place", func(t *testing.T, dir string, segments []string) string {
			edit(t, segments[2], func(tx *bbolt.Tx) error {
				b := tx.Bucket(bucketRecords)
				c := b.Cursor()
				c.First()
				k, _ := c.Next()
				_, v := c.Next()
				return b.Put(append([]byte(nil), k...), append([]byte(nil), v...))
			})
			return segments[2]
		}, ErrDamaged},
		{"a record is missing", func(t *testing.T, dir string, segments []string) string {
			edit(t, segments[2], func(tx *bbolt.Tx) error {
				b := tx.Bucket(bucketRecords)
				c := b.Cursor()
				c.First()
				k, _ := c.Next()
				return b.Delete(append([]byte(nil), k...))
			})
			return segments[2]
		}, ErrDamaged},
		{"a segment is missing", func(t *testing.T, dir string, segments []string) string {
			if err := os.Remove(segments[2]); err != nil {
				t.Fatal(err)
			}
			return segments[3]
		}, ErrDamaged},
		{"the first segments are missing", func(t *testing.T, dir string, segments []string) string {
			for _, path := range segments[:3] {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			return segments[3]
		}, ErrDamaged},
		{"the journal is missing", func(t *testing.T, dir string, segments []string) string {
			for _, path := range segments {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			return "journal is empty"
		}, ErrDamaged},
		{"the journal ends before the snapshot", func(t *testing.T, dir string, segments []string) string {
			edit(t, filepath.Join(dir, stateName), func(tx *bbolt.Tx) error {
				return putNumber(tx.Bucket(bucketMeta), metaCovered, 1_000_000)
			})
			return "ends with record"
		}, ErrDamaged},
		{"two segments are swapped", func(t *testing.T, dir string, segments []string) string {
			for _, r := range [][2]string{{segments[1], dir + "/x"}, {segments[2], segments[1]}, {dir + "/x", segments[2]}} {
				if err := os.Rename(r[0], r[1]); err != nil {
					t.Fatal(err)
				}
			}
			return "it says that it begins with"
		}, ErrDamaged},
		{"a segment is cut off", func(t *testing.T, dir string, segments []string) string {
			if err := os.Truncate(segments[2], 12<<10); err != nil {
				t.Fatal(err)
			}
			return segments[2]
		}, ErrDamaged},
		{"the last segment is cut off", func(t *testing.T, dir string, segments []string) string {
			if err := os.Truncate(segments[3], 12<<10); err != nil {
				t.Fatal(err)
			}
			return segments[3]
		}, ErrDamaged},
		{"a segment is empty", func(t *testing.T, dir string, segments []string) string {
			if err := os.Truncate(segments[2], 0); err != nil {
				t.Fatal(err)
			}
			return segments[2]
		}, ErrDamaged},
		{"a segment is of zeros", func(t *testing.T, dir string, segments []string) string {
			if err := os.WriteFile(segments[2], make([]byte, 64<<10), 0o600); err != nil {
				t.Fatal(err)
			}
			return segments[2]
		}, ErrDamaged},
		{"pages of a segment are zeros", func(t *testing.T, dir string, segments []string) string {
			zero(t, segments[2])
			return segments[2]
		}, ErrDamaged},
		{"pages of the last segment are zeros", func(t *testing.T, dir string, segments []string) string {
			zero(t, segments[3])
			return segments[3]
		}, ErrDamaged},
		{"the snapshot file is missing", func(t *testing.T, dir string, segments []string) string {
			for _, path := range []string{segments[0], filepath.Join(dir, stateName)} {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			return stateName
		}, ErrDamaged},
		{"the snapshot file is empty", func(t *testing.T, dir string, segments []string) string {
			if err := os.Truncate(filepath.Join(dir, stateName), 0); err != nil {
				t.Fatal(err)
			}
			return stateName
		}, ErrDamaged},
		{"the snapshot file is cut off", func(t *testing.T, dir string, segments []string) string {
			if err := os.Truncate(filepath.Join(dir, stateName), 16<<10); err != nil {
				t.Fatal(err)
			}
			return stateName
		}, ErrDamaged},
		{"an entry of the snapshot file", func(t *testing.T, dir string, segments []string) string {
			edit(t, filepath.Join(dir, stateName), func(tx *bbolt.Tx) error {
				b := tx.Bucket(kindBucket("thing"))
				return b.Put([]byte("t1"), flip(b.Get([]byte("t1"))))
			})
			return `state.db: damaged: thing "t1"`
		}, ErrDamaged},
		{"a newer segment", func(t *testing.T, dir string, segments []string) string {
			edit(t, segments[3], func(tx *bbolt.Tx) error {
				return putNumber(tx.Bucket(bucketMeta), metaFormat, journalFormat+1)
			})
			return segments[3]
		}, ErrFormat},
		{"a newer snapshot file", func(t *testing.T, dir string, segments []string) string {
			edit(t, filepath.Join(dir, stateName), func(tx *bbolt.Tx) error {
				return putNumber(tx.Bucket(bucketMeta), metaFormat, stateFormat+1)
			})
			return stateName
		}, ErrFormat},
		{"a stranger in the journal's folder", func(t *testing.T, dir string, segments []string) string {
			if err := os.WriteFile(filepath.Join(dir, "journal", "notes.txt"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return "notes.txt"
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, segments := folder(t)
			want := test.damage(t, dir, segments)
			s, err := Open(dir, testKinds(), Options{})
			if err == nil {
				// What the journal does not need is only read when asked for.
				defer s.Close()
				_, err = s.View(thing("t1"))
			}
			if err == nil {
				t.Fatal("not found out")
			}
			if test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), want) {
				t.Fatalf("got %v\nwant %v naming %s", err, test.is, want)
			}
		})
	}
}

// zero wipes pages in the middle of a file, its meta pages spared.
func zero(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := fileSize(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, size-2*4096), 2*4096); err != nil {
		t.Fatal(err)
	}
}

func be(key []byte) (n uint64) {
	for _, b := range key {
		n = n<<8 | uint64(b)
	}
	return n
}

func TestAnUndamagedFolderOpens(t *testing.T) {
	dir, _ := folder(t)
	s, err := Open(dir, testKinds(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
}

func TestHalfMadeFilesAreSweptAway(t *testing.T) {
	dir, segments := folder(t)
	for _, path := range []string{segments[3] + temporarySuffix, filepath.Join(dir, stateName) + temporarySuffix} {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(dir, testKinds(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	for _, path := range []string{segments[3], filepath.Join(dir, stateName)} {
		if _, err := os.Stat(path + temporarySuffix); err == nil {
			t.Fatal("still there")
		}
	}
}
