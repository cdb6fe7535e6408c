package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// Files that tools write anew are filled in large transactions without a sync,
// and synced once at the end: nothing relies on them before.
const rewriteBytes = 8 << 20

// stateWriter writes a state.db.
type stateWriter struct {
	path  string
	db    *bbolt.DB
	tx    *bbolt.Tx
	bytes int
}

// newStateWriter makes an empty state.db with buckets for these kinds.
func newStateWriter(path string, kinds *[256]*KindSpec) (*stateWriter, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	o := stateOptions()
	o.NoSync, o.NoFreelistSync, o.InitialMmapSize = true, true, 0
	db, err := bbolt.Open(path, 0o600, o)
	if err != nil {
		return nil, err
	}
	w := &stateWriter{path: path, db: db}
	if w.tx, err = db.Begin(true); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	names := [][]byte{bucketMeta, bucketReceipts, bucketTombstones}
	for _, spec := range kinds {
		if spec != nil {
			names = append(names, kindBucket(spec.Name))
		}
	}
	for _, name := range names {
		if _, err := w.tx.CreateBucket(name); err != nil {
			return nil, errors.Join(err, w.abandon())
		}
	}
	return w, nil
}

// put writes an entry. fill is how full pages are made: 1 for keys in order.
func (w *stateWriter) put(bucket, key, entry []byte, fill float64) error {
	if w.bytes += len(key) + len(entry) + 64; w.bytes > rewriteBytes {
		if err := w.commit(); err != nil {
			return err
		}
		w.bytes = 0
	}
	b := w.tx.Bucket(bucket)
	b.FillPercent = fill
	return b.Put(append([]byte(nil), key...), append([]byte(nil), entry...))
}

func (w *stateWriter) get(bucket, key []byte) []byte { return w.tx.Bucket(bucket).Get(key) }

func (w *stateWriter) commit() error {
	if err := w.tx.Commit(); err != nil {
		return err
	}
	var err error
	w.tx, err = w.db.Begin(true)
	return err
}

// finish says how far the file goes, brings it to disk and closes it. After
// that it has its free list on disk, as the store writes it.
func (w *stateWriter) finish(m stateMeta) error {
	meta := w.tx.Bucket(bucketMeta)
	err := errors.Join(
		putNumber(meta, metaFormat, stateFormat), putNumber(meta, metaCovered, m.covered),
		putNumber(meta, metaTime, uint64(m.latest)), putNumber(meta, metaReceipt, m.receipt), putNumber(meta, metaAge, uint64(m.age)), sealMeta(w.tx))
	if err == nil {
		w.db.NoFreelistSync = false
		err = w.tx.Commit()
	}
	if err == nil {
		// Twice, so that both of its states are complete.
		err = w.db.Update(func(tx *bbolt.Tx) error { return putNumber(tx.Bucket(bucketMeta), metaFormat, stateFormat) })
	}
	if err == nil {
		err = w.db.Sync()
	}
	return errors.Join(err, w.db.Close())
}

func (w *stateWriter) abandon() error {
	w.tx.Rollback()
	return errors.Join(w.db.Close(), os.Remove(w.path))
}

// segmentWriter writes a segment.
type segmentWriter struct {
	db          *bbolt.DB
	tx          *bbolt.Tx
	first, last uint64
	chain       uint64
	bytes       int
}

// newSegmentWriter begins a segment of that format. age is how long the journal
// had been in use when it was begun.
func newSegmentWriter(dir string, first, format uint64, age time.Duration) (*segmentWriter, error) {
	o := segmentOptions(0)
	o.NoSync = true
	db, err := bbolt.Open(filepath.Join(dir, segmentName(first)), 0o600, o)
	if err != nil {
		return nil, err
	}
	w := &segmentWriter{db: db, first: first}
	if w.tx, err = db.Begin(true); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	meta, err := w.tx.CreateBucket(bucketMeta)
	if err == nil {
		_, err = w.tx.CreateBucket(bucketRecords)
	}
	if err == nil {
		err = errors.Join(putNumber(meta, metaFormat, format), putNumber(meta, metaFirst, first))
	}
	if err == nil && format > 1 {
		err = putNumber(meta, metaAge, uint64(age))
	}
	if err != nil {
		w.tx.Rollback()
		return nil, errors.Join(err, db.Close())
	}
	return w, nil
}

// put writes a record, sealed, with its number.
func (w *segmentWriter) put(seq uint64, text []byte) error {
	if seq <= w.last {
		return fmt.Errorf("record %d comes after record %d", seq, w.last)
	}
	if w.bytes += len(text) + 64; w.bytes > rewriteBytes {
		if err := w.commit(); err != nil {
			return err
		}
		w.bytes = 0
	}
	b := w.tx.Bucket(bucketRecords)
	b.FillPercent = 0.95
	w.last, w.chain = seq, link(w.chain, text)
	return b.Put(binary.BigEndian.AppendUint64(nil, seq), append([]byte(nil), text...))
}

func (w *segmentWriter) commit() error {
	if err := putEnding(w.tx, w.last, w.chain); err != nil {
		return err
	}
	if err := w.tx.Commit(); err != nil {
		return err
	}
	var err error
	w.tx, err = w.db.Begin(true)
	return err
}

// finish brings the segment to disk and closes it. As after a good end, both
// of its states hold all records.
func (w *segmentWriter) finish() error {
	err := w.commit()
	if err == nil {
		err = w.commit()
	}
	w.tx.Rollback()
	if err == nil {
		err = w.db.Sync()
	}
	return errors.Join(err, w.db.Close())
}
