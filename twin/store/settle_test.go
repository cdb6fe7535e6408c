package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// lastCommit makes a folder with one segment, ended as told, and gives the
// segment and where the last commit of changes has written to it, besides the
// meta pages.
func lastCommit(t *testing.T, o Options, end func(testing.TB, *Store)) (dir, segment string, pages []int) {
	t.Helper()
	dir = t.TempDir()
	var s *Store
	var before, after []byte
	fail := o.hooks.beforeSnapshot
	o.hooks = hooks{
		beforeSnapshot: fail,
		beforeCommit:   func([]*Tx) error { before = head(t, s.journal.path); return nil },
		afterCommit:    func([]*Tx) error { after = head(t, s.journal.path); return nil },
	}
	s = open(t, dir, o)
	for i := range 60 {
		mustChange(t, s, thing(fmt.Sprint("t", i%9)), strings.Repeat(fmt.Sprint(i, " "), 200))
	}
	segment = s.journal.path
	end(t, s)
	for at := 2 * imagePage; at < len(after); at += imagePage {
		if at >= len(before) || !bytes.Equal(before[at:at+imagePage], after[at:at+imagePage]) {
			pages = append(pages, at)
		}
	}
	if len(pages) < 2 {
		t.Fatalf("the last commit wrote pages %v", pages)
	}
	return dir, segment, pages
}

// rot changes a page.
func rot(t *testing.T, path string, at int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, imagePage)
	if _, err := f.ReadAt(page, int64(at)); err != nil {
		t.Fatal(err)
	}
	for i := pageHeader + 8; i < len(page); i += 16 {
		page[i] ^= 0x10
	}
	if _, err := f.WriteAt(page, int64(at)); err != nil {
		t.Fatal(err)
	}
}

// warnings keeps what is logged.
type warnings struct{ strings.Builder }

func (w *warnings) logger() *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func TestOnlyAnUnfinishedCommitIsGivenUp(t *testing.T) {
	noSnapshot := Options{hooks: hooks{beforeSnapshot: func() error { return enospc }}}
	closeWithoutSnapshot := func(t testing.TB, s *Store) {
		if err := s.Close(); !errors.Is(err, enospc) {
			t.Fatal(err)
		}
	}
	crashAfterSnapshot := func(t testing.TB, s *Store) {
		if err := s.Snapshot(); err != nil {
			t.Fatal(err)
		}
		crash(t, s)
	}
	tests := []struct {
		name   string
		o      Options
		end    func(testing.TB, *Store)
		damage func(t *testing.T, dir, segment string, pages []int)
		gone   bool // the last change is given up; else Open fails
	}{
		{"the power failed", Options{}, crash, func(*testing.T, string, string, []int) {}, true},
		{"closed in good order", Options{}, closeStore, nil, false},
		{"closed in good order, although no snapshot could be written", noSnapshot, closeWithoutSnapshot, nil, false},
		{"the snapshot file covers it", Options{}, crashAfterSnapshot, nil, false},
		{"the snapshot file holds an entry of it", Options{}, crashAfterSnapshot, func(t *testing.T, dir, _ string, _ []int) {
			edit(t, filepath.Join(dir, stateName), func(tx *bbolt.Tx) error {
				if err := putNumber(tx.Bucket(bucketMeta), metaReceipt, 0); err != nil {
					return err
				}
				return putNumber(tx.Bucket(bucketMeta), metaCovered, 0)
			})
		}, false},
		{"more is damaged than that commit wrote", Options{}, crash, func(t *testing.T, _, segment string, pages []int) {
			size, err := fileSize(segment)
			if err != nil {
				t.Fatal(err)
			}
			for at := 2 * imagePage; at < int(size); at += imagePage {
				rot(t, segment, at)
			}
		}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			// Each page that the last commit wrote in turn.
			found := 0
			for n := 0; ; n++ {
				dir, segment, pages := lastCommit(t, test.o, test.end)
				if n == len(pages) {
					break
				}
				rot(t, segment, pages[n])
				if test.damage != nil {
					test.damage(t, dir, segment, pages)
				}
				before := head(t, segment)
				var log warnings
				s, err := Open(dir, testKinds(), Options{Logger: log.logger()})
				if test.gone {
					if err != nil {
						t.Fatalf("page at %d: %v", pages[n], err)
					}
					wantText(t, s, thing("t4"), strings.Repeat("58 ", 200), 7)
					wantText(t, s, thing("t5"), strings.Repeat("50 ", 200), 6)
					if text := log.String(); !strings.Contains(text, segment) || !strings.Contains(text, "kept=59 given_up_from=60") {
						t.Fatalf("logged: %s", text)
					}
					mustChange(t, s, thing("t5"), "new")
					closeStore(t, s)
					s = open(t, dir, Options{})
					wantText(t, s, thing("t5"), "new", 7)
					closeStore(t, s)
					continue
				}
				if err == nil {
					// After a good end the page that leads to the records is
					// there twice: then nothing may be missing.
					wantText(t, s, thing("t5"), strings.Repeat("59 ", 200), 7)
					closeStore(t, s)
					continue
				}
				found++
				if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), segment) {
					t.Fatalf("page at %d: %v", pages[n], err)
				}
				if !bytes.Equal(before, head(t, segment)) {
					t.Fatalf("page at %d: the file was changed", pages[n])
				}
			}
			if !test.gone && found == 0 {
				t.Fatal("not found out")
			}
		})
	}
}

func TestAStateOfRecordsThatWereWrittenAtDifferentTimesIsNotWhole(t *testing.T) {
	_, segment, _ := lastCommit(t, Options{}, closeStore)
	swap := func(other byte) {
		edit(t, segment, func(tx *bbolt.Tx) error {
			b := tx.Bucket(bucketRecords)
			key := [8]byte{7: 30}
			was, err := decodeRecord(30, b.Get(key[:]))
			if err != nil {
				return err
			}
			was.change = append(bytes.Clone(was.change), other)
			text, sum := appendRecord(nil, &was, nil)
			sealRecord(text, sum, &key)
			if err := b.Put(key[:], text); err != nil {
				return err
			}
			end, err := decodeEnding(tx.Bucket(bucketMeta).Get(metaEnding))
			if err != nil {
				return err
			}
			return putEnding(tx, end.last, end.chain)
		})
	}
	swap('!')
	swap('?') // … so the state before is of the same kind
	for range 2 {
		_, err := Open(filepath.Dir(filepath.Dir(segment)), testKinds(), Options{})
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "not those that were written") {
			t.Fatalf("got %v", err)
		}
	}
}

// failing is a disk that cannot read one place.
type failing struct {
	io.ReaderAt
	at int64
}

var errMedium = errors.New("input/output error")

func (f failing) ReadAt(p []byte, at int64) (int, error) {
	if at <= f.at && f.at < at+int64(len(p)) {
		return 0, errMedium
	}
	return f.ReaderAt.ReadAt(p, at)
}

func TestWhatCannotBeReadNowIsNotTakenForDamage(t *testing.T) {
	_, segment, pages := lastCommit(t, Options{}, crash)
	whole := head(t, segment)
	first, err := segmentFirst(filepath.Base(segment))
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range append(pages, 0, imagePage) {
		p, metas, err := openPages(failing{bytes.NewReader(whole), int64(at)}, int64(len(whole)))
		if err == nil {
			_, err = p.verify(metas[0], first)
		}
		if !errors.Is(err, errMedium) || errors.Is(err, ErrDamaged) {
			t.Fatalf("page at %d: %v", at, err)
		}
	}
}

func TestTheFirstCommitAfterOpeningIsSyncedTwiceAndOthersOnce(t *testing.T) {
	dir := t.TempDir()
	disk := newBreaker()
	var s *Store
	var twice []bool
	o := Options{hooks: hooks{
		beforeCommit: disk.check,
		afterCommit:  func([]*Tx) error { twice = append(twice, !s.journal.db.NoSync); return nil },
	}}
	s = open(t, dir, o)
	want := func(want ...bool) {
		t.Helper()
		if fmt.Sprint(twice) != fmt.Sprint(want) {
			t.Fatalf("got %v, want %v", twice, want)
		}
		twice = nil
	}
	mustChange(t, s, thing("a"), "1")
	mustChange(t, s, thing("a"), "2")
	want(false, false) // a file that was just made has no leftovers
	crash(t, s)
	s = open(t, dir, o)
	mustChange(t, s, thing("a"), "3")
	mustChange(t, s, thing("a"), "4")
	want(true, false)
	disk.set(enospc)
	told := change(t, s, thing("a"), "5")
	<-disk.tried
	disk.mend()
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	mustChange(t, s, thing("a"), "6")
	want(true, false)
}

// FuzzPages has the reader of bbolt's format meet what is no such file.
func FuzzPages(f *testing.F) {
	for _, records := range []uint64{0, 3, 40} {
		f.Add(smallSegment(f, records))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, metas, err := openPages(bytes.NewReader(text), int64(len(text)))
		if err != nil {
			return
		}
		for _, m := range metas {
			// Whatever the checksum of the meta page is for.
			for _, root := range []uint64{m.root, m.root + 1, 2, 3, 4} {
				m.root = root
				if _, err := p.verify(m, 1); err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrFormat) {
					t.Fatalf("%v", err)
				}
			}
		}
	})
}

// smallSegment is a segment with small pages.
func smallSegment(t testing.TB, records uint64) []byte {
	t.Helper()
	o := segmentOptions(0)
	o.PageSize = smallestPage
	path := filepath.Join(t.TempDir(), segmentName(1))
	db, err := createFile(path, o, func(tx *bbolt.Tx) error {
		meta, err1 := tx.CreateBucket(bucketMeta)
		b, err2 := tx.CreateBucket(bucketRecords)
		if err := errors.Join(err1, err2, putNumber(meta, metaFormat, journalFormat), putNumber(meta, metaFirst, 1)); err != nil {
			return err
		}
		var chain uint64
		for seq := range records {
			key := [8]byte{7: byte(seq + 1)}
			text, sum := appendRecord(nil, &record{op: opChange, kind: things, id: "a", revision: seq + 1, change: bytes.Repeat([]byte("x"), int(seq*3))}, nil)
			sealRecord(text, sum, &key)
			chain = link(chain, text)
			if err := b.Put(key[:], text); err != nil {
				return err
			}
		}
		return putEnding(tx, records, chain)
	})
	if err != nil {
		t.Fatal(err)
	}
	size := seal(db, path)
	text := head(t, path)
	if int64(len(text)) != size {
		t.Fatalf("%d bytes, %d expected", len(text), size)
	}
	return text
}

func TestPagesOfAnySizeAreRead(t *testing.T) {
	for _, records := range []uint64{0, 3, 40} {
		text := smallSegment(t, records)
		p, metas, err := openPages(bytes.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		if end, err := p.verify(metas[0], 1); err != nil || end.last != records {
			t.Fatalf("%d records: %+v, %v", records, end, err)
		}
		// The other meta page is where the size of a page says.
		clear(text[:100])
		if _, metas, err = openPages(bytes.NewReader(text), int64(len(text))); err != nil || len(metas) != 1 || metas[0].at != smallestPage {
			t.Fatalf("%d records: %+v, %v", records, metas, err)
		}
	}
}
