package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// BackupSegment describes a segment of the journal, up to a record.
type BackupSegment struct {
	// First is the number that the segment is named after; Before that of the
	// last record before it, Last that of its last one. Between Before and
	// First there is nothing but refused numbers.
	First  uint64 `json:"first"`
	Before uint64 `json:"before"`
	Last   uint64 `json:"last"`
	// From and To are the times of its first and last record.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Size is what the records take; the file may be larger, but nothing is
	// behind that.
	Size int64 `json:"size"`
	// Ending is what the segment says about itself: the number of its last
	// transaction and a checksum over all records. Two files of one name are
	// the same if it is the same.
	Ending string `json:"ending"`
	// Open: the store may have written more to it since.
	Open bool `json:"open,omitempty"`
	// SHA256 of the file, in a backup.
	SHA256 string `json:"sha256,omitempty"`
}

// name is that of the segment's file.
func (b *BackupSegment) name() string { return segmentName(b.First) }

// file is where a backup has the segment. One to which more may have been
// written by the next backup has a folder of its own, so that it does not get
// in the way then.
func (b *BackupSegment) file() string {
	if b.Open {
		return filepath.Join(fmt.Sprintf("%s%020d", openPrefix, b.Last), b.name())
	}
	return filepath.Join(segmentsDir, b.name())
}

const openPrefix = "open-"

// sameAs says whether two descriptions are of the same content.
func (b *BackupSegment) sameAs(other *BackupSegment) bool {
	return b.First == other.First && b.Size == other.Size && b.Ending == other.Ending
}

// describeSegment reads what a segment says about itself, without reading all
// of it. It must hold a record.
func describeSegment(path string) (d BackupSegment, err error) {
	if d.First, err = segmentFirst(filepath.Base(path)); err != nil {
		return d, fmt.Errorf("%s: %w", path, err)
	}
	err = readSegment(path, func(c *bbolt.Cursor) error {
		end, err := decodeEnding(c.Bucket().Tx().Bucket(bucketMeta).Get(metaEnding))
		if err != nil {
			return err
		}
		d.Ending, d.Size = end.String(), c.Bucket().Tx().Size()
		read := func(k, text []byte) (seq uint64, r record, err error) {
			if len(k) != 8 {
				return 0, r, fmt.Errorf("%w: it holds no record", ErrDamaged)
			}
			seq = binary.BigEndian.Uint64(k)
			if r, err = decodeRecord(seq, text); err != nil {
				err = fmt.Errorf("%w: record %d: %w", ErrDamaged, seq, err)
			}
			return seq, r, err
		}
		seq, r, err := read(c.First())
		if err != nil {
			return err
		}
		d.From, d.Before = time.Unix(0, r.time).UTC(), seq-1
		if r.op == opGap {
			d.Before = r.prev.seq
		}
		if d.Last, r, err = read(c.Last()); err != nil {
			return err
		}
		d.To = time.Unix(0, r.time).UTC()
		return nil
	})
	return d, err
}

// describeImage verifies a segment that has been read while the store was still
// writing to it, and describes it.
func describeImage(first uint64, image []byte) (d BackupSegment, err error) {
	d.First, d.Size, d.Open = first, int64(len(image)), true
	pages, metas, err := openPages(bytes.NewReader(image), d.Size)
	if err != nil {
		return d, err
	}
	said, err := pages.verify(metas[0], first)
	if err != nil {
		return d, err
	}
	d.Ending = said.String()
	w, err := pages.walk(metas[0])
	if err != nil {
		return d, err
	}
	root, err := w.values(func(fn entryFunc) error { return w.tree(metas[0].root, nil, nil, 0, fn) })
	if err != nil {
		return d, err
	}
	scan := recordScan{fn: func(seq uint64, r *record) error {
		if d.Last == 0 {
			d.From, d.Before = time.Unix(0, r.time).UTC(), seq-1
			if r.op == opGap {
				d.Before = r.prev.seq
			}
		}
		d.Last, d.To = seq, time.Unix(0, r.time).UTC()
		return nil
	}}
	return d, w.bucket(root[string(bucketRecords)], func(_ uint32, key, value []byte) error { return scan.take(key, value) })
}

// String names the ending, for comparisons.
func (e ending) String() string { return fmt.Sprintf("%d-%d-%016x", e.txid, e.last, e.chain) }

// verifySegment reads a segment completely: its newest state must be whole,
// and be the one that is described.
func verifySegment(path string, d *BackupSegment) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	pages, metas, err := openPages(f, d.Size)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	said, err := pages.verify(metas[0], d.First)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if said.String() != d.Ending {
		return fmt.Errorf("%s: %w: it ends with %s, not with %s", path, ErrDamaged, said, d.Ending)
	}
	return nil
}
