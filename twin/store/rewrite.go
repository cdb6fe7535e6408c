package store

import (
	"encoding/binary"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// rewriteBatch is how many records go into one transaction of a segment that
// is made anew.
const rewriteBatch = 8192

// rewrite makes a segment of those records of another one that are kept. In
// the place of one that is not stands a record that says so; what comes after
// the last one that is kept is left out.
func (w *rewind) rewrite(d *BackupSegment) error {
	dir := filepath.Join(w.temporary, "journal")
	age, err := segmentAge(filepath.Join(w.from, d.file()))
	if err != nil {
		return err
	}
	db, path, _, err := createSegment(dir, d.First, d.Size, age, &spare{})
	if err != nil {
		return err
	}
	s := &segmentCopy{db: db, before: d.Before}
	err = readSegment(filepath.Join(w.from, d.file()), func(c *bbolt.Cursor) error {
		for k, text := c.First(); k != nil; k, text = c.Next() {
			seq := binary.BigEndian.Uint64(k)
			if seq > w.last {
				break
			}
			r, err := decodeRecord(seq, text)
			if err != nil {
				return err
			}
			if !w.keeps(seq, &r) {
				gap := &record{op: opGap, time: w.time, prev: pointer{seq: s.before}}
				var sum uint32
				text, sum = appendRecord(nil, gap, nil)
				sealRecord(text, sum, (*[8]byte)(k))
			}
			if err := s.put(seq, text); err != nil {
				return err
			}
		}
		// The second of two states that both have everything, as at the end
		// of a journal.
		for range 2 {
			if err := s.flush(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		if s.tx != nil {
			_ = s.tx.Rollback()
		}
		_ = db.Close()
		return err
	}
	seal(db, path)
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// segmentCopy fills a segment.
type segmentCopy struct {
	db     *bbolt.DB
	tx     *bbolt.Tx
	n      int
	before uint64 // the last record's number
	chain  uint64
}

func (s *segmentCopy) put(seq uint64, text []byte) (err error) {
	if s.tx == nil {
		if s.tx, err = s.db.Begin(true); err != nil {
			return err
		}
		s.n = 0
	}
	records := s.tx.Bucket(bucketRecords)
	records.FillPercent = 0.95
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], seq)
	if err := records.Put(key[:], text); err != nil {
		return err
	}
	s.before, s.chain = seq, link(s.chain, text)
	if s.n++; s.n == rewriteBatch {
		return s.flush()
	}
	return nil
}

// flush ends a transaction, one that adds nothing if there is none.
func (s *segmentCopy) flush() (err error) {
	if s.tx == nil {
		if s.tx, err = s.db.Begin(true); err != nil {
			return err
		}
	}
	if err := putEnding(s.tx, s.before, s.chain); err != nil {
		return err
	}
	tx := s.tx
	s.tx = nil
	return tx.Commit()
}
