package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// The buckets of a segment.
var (
	bucketMeta    = []byte("meta")
	bucketRecords = []byte("records")
)

// The keys of a meta bucket; their values are big-endian 64-bit numbers.
var (
	metaFormat  = []byte("format")
	metaFirst   = []byte("first")   // journal: the segment's first sequence number
	metaCovered = []byte("covered") // state.db: the journal is needed from the number after this
	metaTime    = []byte("time")    // state.db: no journalled time up to covered is later
	metaReceipt = []byte("receipt") // state.db: the receipts are those after this record
	metaAge     = []byte("age")     // how long the journal had been in use when this was written, in nanoseconds (age.go)
)

const segmentSuffix = ".db"

func segmentName(first uint64) string { return fmt.Sprintf("%020d%s", first, segmentSuffix) }

// segmentFirst reads a segment's first sequence number out of its name.
func segmentFirst(name string) (uint64, error) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != 20 {
		return 0, errors.New("not the name of a journal segment (20 digits and " + segmentSuffix + ")")
	}
	return strconv.ParseUint(digits, 10, 64)
}

func segmentOptions(size int64) *bbolt.Options {
	return &bbolt.Options{
		Timeout:         time.Second,
		NoFreelistSync:  true,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: int(size),
		NoStatistics:    true,
	}
}

// createSegment makes an empty segment. It gets its name only once it is whole
// and synced, so no crash leaves half of one. It is made of the spare one if
// that is ready: filled.
func createSegment(dir string, first uint64, size int64, age time.Duration, sp *spare) (db *bbolt.DB, path string, filled bool, err error) {
	path = filepath.Join(dir, segmentName(first))
	if err := os.Remove(path + temporarySuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, "", false, err
	}
	filled = sp.take(path + temporarySuffix)
	db, err = createFile(path, segmentOptions(size), func(tx *bbolt.Tx) error {
		meta, err := tx.CreateBucket(bucketMeta)
		if err != nil {
			return err
		}
		if _, err := tx.CreateBucket(bucketRecords); err != nil {
			return err
		}
		if err := putNumber(meta, metaFormat, journalFormat); err != nil {
			return err
		}
		if err := putNumber(meta, metaFirst, first); err != nil {
			return err
		}
		if err := putNumber(meta, metaAge, uint64(age)); err != nil {
			return err
		}
		return putEnding(tx, 0, 0)
	})
	return db, path, filled, err
}

// createFile makes a bbolt file under a temporary name, or takes an empty one
// that is there, fills it, and gives it its own name.
func createFile(path string, o *bbolt.Options, fill func(*bbolt.Tx) error) (*bbolt.DB, error) {
	temporary := path + temporarySuffix
	db, err := bbolt.Open(temporary, 0o600, o)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	if err = db.Update(fill); err == nil {
		if err = os.Rename(temporary, path); err == nil {
			err = syncDir(filepath.Dir(path))
		}
	}
	if err != nil {
		db.Close()
		os.Remove(temporary)
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	return db, nil
}

const temporarySuffix = ".tmp"

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func putNumber(b *bbolt.Bucket, key []byte, n uint64) error {
	return b.Put(key, binary.BigEndian.AppendUint64(nil, n))
}

// number reads a number from a meta bucket.
func number(b *bbolt.Bucket, key []byte) (uint64, error) {
	if b == nil {
		return 0, errors.New("the meta bucket is missing")
	}
	v := b.Get(key)
	if len(v) != 8 {
		return 0, fmt.Errorf("meta entry %q is missing", key)
	}
	return binary.BigEndian.Uint64(v), nil
}

// checkFormat gives a file's format and refuses one that a newer program
// wrote.
func checkFormat(tx *bbolt.Tx, known uint64) (uint64, error) {
	format, err := number(tx.Bucket(bucketMeta), metaFormat)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return format, knownFormat(format, known)
}

func knownFormat(format, known uint64) error {
	if format > known {
		return fmt.Errorf("%w: it has format %d, this program knows formats up to %d: use the newer program, or restore a backup that this one made", ErrFormat, format, known)
	}
	return nil
}

// guarded runs what reads a bbolt file that may be damaged, and makes an error
// of the panic, or of the page fault behind the end of a truncated file, that
// may come of it.
func guarded(path string, fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %s: %v", ErrDamaged, path, p)
		}
	}()
	if err := fn(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// segmentTail is what a look at a segment finds.
type segmentTail struct {
	last uint64 // 0: it holds no record
	time int64  // of the last record
}

// readSegment opens a segment without changing it, checks what it says about
// itself, and gives its records to fn.
func readSegment(path string, fn func(*bbolt.Cursor) error) error {
	return guarded(path, func() error {
		size, err := fileSize(path)
		if err != nil {
			return err
		}
		if size == 0 {
			return fmt.Errorf("%w: the file is empty", ErrDamaged)
		}
		// bbolt's walk over a damaged tree could go on for ever.
		if err := verifyTree(path); err != nil {
			return err
		}
		o := segmentOptions(0)
		o.ReadOnly = true
		db, err := bbolt.Open(path, 0o600, o)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		defer db.Close()
		return db.View(func(tx *bbolt.Tx) error {
			if tx.Size() > size {
				return fmt.Errorf("%w: it is cut off: %d bytes are there, %d should be", ErrDamaged, size, tx.Size())
			}
			if _, err := checkFormat(tx, journalFormat); err != nil {
				return err
			}
			first, err := number(tx.Bucket(bucketMeta), metaFirst)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrDamaged, err)
			}
			if segmentName(first) != filepath.Base(path) {
				return fmt.Errorf("%w: it says that it begins with record %d", ErrDamaged, first)
			}
			records := tx.Bucket(bucketRecords)
			if records == nil {
				return fmt.Errorf("%w: it has no bucket of records", ErrDamaged)
			}
			return fn(records.Cursor())
		})
	})
}

// verifyWhole reads a segment that is not being written and says whether it
// is whole.
func verifyWhole(path string) error {
	first, err := segmentFirst(filepath.Base(path))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	err = withPages(path, func(p *pageFile, m metaPage) error {
		_, err := p.verify(m, first)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// verifyTree reads only what leads to the records.
func verifyTree(path string) error {
	return withPages(path, func(p *pageFile, m metaPage) error {
		w, err := p.walk(m)
		if err != nil {
			return err
		}
		root, err := w.values(func(fn entryFunc) error { return w.tree(m.root, nil, nil, 0, fn) })
		if err != nil || root[string(bucketRecords)] == nil {
			return err
		}
		w.unread = func(uint64) error { return nil }
		return w.bucket(root[string(bucketRecords)], func(uint32, []byte, []byte) error { return nil })
	})
}

// withPages opens the newest state of a file to be read page by page.
func withPages(path string, fn func(p *pageFile, m metaPage) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	p, metas, err := openPages(f, info.Size())
	if err != nil {
		return err
	}
	return fn(p, metas[0])
}

// scanSegment reads all records of a segment from the given number on, in
// order, and verifies them. before is the number that the record before the
// first one read must have; 0 where that is unknown.
func scanSegment(path string, from, before uint64, fn func(seq uint64, r *record) error) (tail segmentTail, err error) {
	if err := verifyWhole(path); err != nil {
		return tail, err
	}
	err = readSegment(path, func(c *bbolt.Cursor) error {
		tail, err = scanRecords(c, from, before, fn)
		return err
	})
	return tail, err
}

func scanRecords(c *bbolt.Cursor, from, before uint64, fn func(seq uint64, r *record) error) (segmentTail, error) {
	scan := recordScan{before: before, fn: fn}
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], from)
	for k, text := c.Seek(key[:]); k != nil; k, text = c.Next() {
		if err := scan.take(k, text); err != nil {
			return scan.tail, err
		}
	}
	return scan.tail, nil
}

// recordScan verifies records that are given to it in order.
type recordScan struct {
	before uint64 // number of the record before the next one; 0: not known
	fn     func(seq uint64, r *record) error
	tail   segmentTail
	count  int
	chain  uint64
}

func (s *recordScan) take(k, text []byte) error {
	if len(k) != 8 {
		return fmt.Errorf("%w: a record has the key %x", ErrDamaged, k)
	}
	seq := binary.BigEndian.Uint64(k)
	r, err := decodeRecord(seq, text)
	if err != nil {
		return fmt.Errorf("%w: record %d: %w", ErrDamaged, seq, err)
	}
	if s.before != 0 && seq != s.before+1 && (r.op != opGap || r.prev.seq != s.before) {
		return fmt.Errorf("%w: record %d follows record %d, what is between is missing", ErrDamaged, seq, s.before)
	}
	s.before = seq
	s.tail.last, s.tail.time = seq, r.time
	s.count++
	s.chain = link(s.chain, text)
	if s.fn != nil {
		if err := s.fn(seq, &r); err != nil {
			return fmt.Errorf("record %d: %w", seq, err)
		}
	}
	return nil
}

func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
