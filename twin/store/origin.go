package store

import (
	"encoding/binary"
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

// origin is what a record says of an Origin besides the revision. It stands
// behind the pointers of an entity's first record: the times of creation and of
// the last change, 8 bytes each. The record's own time is the journal's, as in
// all others.
type origin struct{ created, modified int64 }

// noteOrigin has the record say where its entity came from.
func (p *put) noteOrigin(r *record) {
	if p.origin {
		r.flags |= flagOrigin
		r.origin = origin{p.next.created, p.next.modified}
	}
}

func appendOrigin(dst []byte, r *record) []byte {
	if r.flags&flagOrigin == 0 {
		return dst
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.origin.created))
	return binary.BigEndian.AppendUint64(dst, uint64(r.origin.modified))
}

// origin reads what appendOrigin wrote.
func (d *decoder) origin(r *record) {
	if r.flags&flagOrigin != 0 {
		r.origin.created = int64(d.uint64("time of creation"))
		r.origin.modified = int64(d.uint64("time of the last change"))
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

// originate gives the version that the record makes its times from elsewhere,
// if it has any.
func (r *record) originate(v *version) {
	if r.flags&flagOrigin != 0 {
		v.created, v.modified = r.origin.created, r.origin.modified
	}
}
