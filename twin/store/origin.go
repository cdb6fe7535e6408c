package store

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Origin is what an entity has from before it came here: it goes on counting
// from that revision, and keeps its times. Zero values say nothing.
type Origin struct {
	Revision          uint64
	Created, Modified time.Time
}

// PutFrom is Put for the first record of an entity that comes from elsewhere.
// The entity begins with the origin's revision and times; later ones than this
// Tx's count as that. Where the entity is not new, here or in this Tx, its own
// revision and times go on, and the origin says nothing.
func (tx *Tx) PutFrom(k Key, change []byte, next State, o Origin) uint64 {
	revision := tx.Put(k, change, next)
	p := &tx.puts[len(tx.puts)-1]
	if p.prev.revision > 0 || next == nil || o == (Origin{}) {
		return revision
	}
	v := p.next
	if o.Revision > 0 {
		v.revision = o.Revision
	}
	if !o.Modified.IsZero() {
		v.modified = min(v.modified, o.Modified.UnixNano())
	}
	v.created = v.modified
	if !o.Created.IsZero() {
		v.created = min(v.modified, o.Created.UnixNano())
	}
	p.origin = true
	return v.revision
}

// An entity's first record with an origin (flagOrigin) has the time of creation
// and that of the last change, 8 bytes each, behind the pointers, and a format
// number of its own, so that an earlier program refuses it rather than misread
// it. The record's own time is the journal's, as in all others.
const recordFormatOrigin = 2

// format is the record's first byte.
func (r *record) format() byte {
	if r.flags&flagOrigin != 0 {
		return recordFormatOrigin
	}
	return recordFormat
}

func appendOrigin(dst []byte, r *record) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.created))
	return binary.BigEndian.AppendUint64(dst, uint64(r.modified))
}

// checkFormat says whether the record, as far as it is decoded, is of this
// format.
func (r *record) checkFormat(format byte) error {
	if format != recordFormat && format != recordFormatOrigin {
		return fmt.Errorf("%w: record format %d, known are up to %d", errRecord, format, recordFormatOrigin)
	}
	if format != r.format() || r.flags&flagOrigin != 0 && (r.op != opChange || r.flags&flagCreated == 0) {
		return fmt.Errorf("%w: format %d does not go with operation %d and flags %#x", errRecord, format, r.op, uint8(r.flags))
	}
	return nil
}

// origin reads what appendOrigin wrote.
func (d *decoder) origin(r *record) {
	if r.flags&flagOrigin != 0 {
		r.created = int64(d.uint64("time of creation"))
		r.modified = int64(d.uint64("time of the last change"))
	}
}

// follows says whether the record may be the one after this version of its
// entity: its revision is the next one, or it begins the entity with another.
func (r *record) follows(v *version) bool {
	if r.flags&flagOrigin != 0 {
		return v.revision == 0 && r.prev.seq == 0 && r.revision > 0
	}
	return r.revision == v.revision+1 && r.prev.seq == v.seq
}

// times gives when the entity was created and last changed, as of this record,
// if it follows this version.
func (r *record) times(v *version) (created, modified int64) {
	switch {
	case r.flags&flagOrigin != 0:
		return r.created, r.modified
	case v.state == nil && r.flags&flagDeleted == 0:
		return r.time, r.time
	}
	return v.created, r.time
}
