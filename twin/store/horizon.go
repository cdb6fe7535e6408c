package store

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// horizon knows when the oldest record was written that the journal still has.
// The writable segment cannot be read by others than the committer, so what it
// begins with is noted; of others it is looked up once.
type horizon struct {
	mu       sync.Mutex
	writable segmentBegin
	sealed   segmentBegin
}

// segmentBegin is what a segment begins with.
type segmentBegin struct {
	first uint64
	time  int64 // 0: not known, or it holds no record
}

// found notes what the writable segment begins with that was there at start.
func (h *horizon) found(seg *sealed) error {
	at, err := firstTime(seg.path)
	h.writable = segmentBegin{seg.first, at}
	return err
}

// wrote notes that a batch which begins at this time is in the segment.
func (h *horizon) wrote(first uint64, at int64) {
	h.mu.Lock()
	if h.writable.first != first || h.writable.time == 0 {
		h.writable = segmentBegin{first, at}
	}
	h.mu.Unlock()
}

// oldest gives the time of the first record of the oldest segment; none where
// there is no record, or it cannot be read.
func (h *horizon) oldest(dir string, first uint64) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.writable.time
	if first != h.writable.first {
		if h.sealed.first != first || h.sealed.time == 0 {
			found, err := firstTime(filepath.Join(dir, segmentName(first)))
			if err != nil {
				return time.Time{}
			}
			h.sealed = segmentBegin{first, found}
		}
		at = h.sealed.time
	}
	if at == 0 {
		return time.Time{}
	}
	return time.Unix(0, at)
}

// firstTime reads the time of a segment's first record; 0 where it has none.
func firstTime(path string) (at int64, err error) {
	err = readSegment(path, func(c *bbolt.Cursor) error {
		k, text := c.First()
		if k == nil {
			return nil
		}
		if len(k) != 8 {
			return fmt.Errorf("%w: a record has the key %x", ErrDamaged, k)
		}
		r, err := decodeRecord(binary.BigEndian.Uint64(k), text)
		at = r.time
		return err
	})
	return at, err
}
