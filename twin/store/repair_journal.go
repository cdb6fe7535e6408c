package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// saveJournal writes the segments anew, or copies them, and applies what they
// hold.
func (r *repairer) saveJournal() error {
	for i := range r.segments {
		p := &r.segments[i]
		if i == 0 {
			r.last = p.first - 1
			if r.known {
				r.last = min(r.last, r.meta.covered)
			}
		}
		if err := r.prepare(p); err != nil {
			return err
		}
		if err := r.upTo(p); err != nil {
			return err
		}
		if err := r.save(p, i == len(r.segments)-1); err != nil {
			return err
		}
		p.saved = nil
		for _, path := range p.from {
			if size, err := fileSize(path); err == nil {
				r.progress(path, size)
			}
		}
	}
	if len(r.segments) == 0 && r.newest > 0 {
		r.last = r.newest
		r.is.Lost = append(r.is.Lost, Span{1, r.newest})
	}
	return nil
}

// prepare reads what there is of a segment that is not whole.
func (r *repairer) prepare(p *plan) error {
	if p.whole != "" {
		return nil
	}
	p.saved = &salvaged{records: make(map[uint64]savedRecord)}
	for _, path := range p.from {
		saved, err := salvageSegment(path)
		if err != nil {
			return err
		}
		r.tell(path, saved.damage...)
		p.format, p.age = max(p.format, saved.format), max(p.age, saved.age)
		for seq, rec := range saved.records {
			if seq < p.first || p.last != 0 && seq > p.last || saved.said.last != 0 && seq > saved.said.last {
				continue
			}
			if old, ok := p.saved.records[seq]; !ok || rec.inTree && !old.inTree {
				p.saved.records[seq] = rec
			}
		}
		p.saved.doubts = append(p.saved.doubts, saved.doubts...)
		p.saved.said.last = max(p.saved.said.last, saved.said.last)
	}
	return nil
}

// upTo makes good what is missing between the end of what has been written and
// the segment.
func (r *repairer) upTo(p *plan) error {
	to := p.first - 1
	if r.writer == nil {
		r.format = journalFormat
	}
	if r.last < to || r.more {
		first, err := r.firstOf(p)
		if err != nil {
			return err
		}
		if first.op == opGap && first.prev.seq < p.first {
			to = first.prev.seq // it explains the rest
		}
		if r.last < to {
			if err := r.gap(r.last+1, to); err != nil {
				return err
			}
		}
	}
	return r.endSegment()
}

// firstOf gives the first record of a segment; none if there is none.
func (r *repairer) firstOf(p *plan) (first record, err error) {
	if p.whole == "" {
		if all := p.saved.sequence(); len(all) > 0 {
			return decodeRecord(all[0], p.saved.records[all[0]].text)
		}
		return first, nil
	}
	enough := errors.New("enough")
	err = r.each(p, func(seq uint64, text []byte) error {
		first, err = decodeRecord(seq, bytes.Clone(text))
		return errors.Join(enough, err)
	})
	if errors.Is(err, enough) && !errors.Is(err, errRecord) {
		err = nil
	}
	return first, err
}

// each gives the records of a segment that is whole.
func (r *repairer) each(p *plan, fn func(seq uint64, text []byte) error) error {
	f, err := os.Open(p.whole)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := fileSize(p.whole)
	if err != nil {
		return err
	}
	pages, metas, err := openPages(f, size)
	if err != nil {
		return err
	}
	w, err := pages.walk(metas[0])
	if err != nil {
		return err
	}
	root, err := w.values(func(fn entryFunc) error { return w.tree(metas[0].root, nil, nil, 0, fn) })
	if err != nil {
		return err
	}
	return w.bucket(root[string(bucketRecords)], func(_ uint32, key, text []byte) error {
		return fn(binary.BigEndian.Uint64(key), text)
	})
}

// save writes one segment.
func (r *repairer) save(p *plan, newest bool) error {
	if p.whole != "" {
		r.is.Copied++
		if p.age > r.age {
			r.age = p.age
		}
		if err := copySegment(p.whole, filepath.Join(r.into, "journal", segmentName(p.first))); err != nil {
			return err
		}
		return r.each(p, r.take)
	}
	r.is.Rebuilt++
	r.format, r.age = journalFormat, max(r.age, p.age)
	if p.format != 0 {
		r.format = p.format
	}
	r.newest = max(r.newest, p.saved.said.last)
	doubts := slices.DeleteFunc(p.saved.doubts, func(d doubt) bool {
		_, found := p.saved.records[d.seq]
		return found
	})
	slices.SortFunc(doubts, func(a, b doubt) int { return cmp.Compare(a.seq, b.seq) })
	for _, seq := range p.saved.sequence() {
		if newest && p.limit != 0 && r.newest <= p.limit && seq > p.limit {
			break
		}
		for len(doubts) > 0 && doubts[0].seq < seq {
			if err := r.doubt(&doubts[0]); err != nil {
				return err
			}
			doubts = doubts[1:]
		}
		text := p.saved.records[seq].text
		rec, err := decodeRecord(seq, text)
		if err != nil {
			return err
		}
		if to := seq - 1; r.last < to {
			if rec.op == opGap {
				to = rec.prev.seq
			}
			if err := r.gap(r.last+1, to); err != nil {
				return err
			}
		}
		if err := r.write(seq, text); err != nil {
			return err
		}
		if err := r.take(seq, text); err != nil {
			return err
		}
	}
	for i := range doubts {
		if err := r.doubt(&doubts[i]); err != nil {
			return err
		}
	}
	return nil
}

// write puts a record into the segment that is being rebuilt, and begins one if
// there is none.
func (r *repairer) write(seq uint64, text []byte) (err error) {
	if r.writer == nil {
		if r.writer, err = newSegmentWriter(filepath.Join(r.into, "journal"), seq, r.format, r.age); err != nil {
			return err
		}
	}
	return r.writer.put(seq, text)
}

// gap says by a record that these records are lost. The first record of a
// segment stands for the number that it has its name from.
func (r *repairer) gap(from, to uint64) error {
	if from > to {
		return nil
	}
	r.is.Lost = append(r.is.Lost, Span{from, to})
	for r.last < to {
		seq := to
		if r.writer == nil {
			seq = from
		}
		if _, err := r.appendAt(seq, &record{op: opGap, flags: flagLost, time: r.latest, prev: pointer{seq: r.last}}, nil); err != nil {
			return err
		}
	}
	r.more = false
	return nil
}

// append adds a record of the repair's own at the journal's end.
func (r *repairer) append(rec *record, state State) (uint64, error) {
	if err := r.endJournal(); err != nil {
		return 0, err
	}
	return r.appendAt(r.last+1, rec, state)
}

func (r *repairer) appendAt(seq uint64, rec *record, state State) (uint64, error) {
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], seq)
	text, sum := appendRecord(nil, rec, state)
	sealRecord(text, sum, &key)
	r.last = seq
	return seq, r.write(seq, text)
}

// endJournal brings the journal up to the highest number that was given out,
// and ends the last group.
func (r *repairer) endJournal() error {
	if r.more {
		r.newest = max(r.newest, r.last+1)
	}
	if r.newest > r.last {
		if err := r.gap(r.last+1, r.newest); err != nil {
			return err
		}
	}
	return nil
}

// endSegment closes the segment that is being rebuilt, if there is one.
func (r *repairer) endSegment() error {
	if r.writer == nil {
		return nil
	}
	err := r.writer.finish()
	r.writer = nil
	return err
}

// take applies a record to what is known of its entity.
func (r *repairer) take(seq uint64, text []byte) error {
	rec, err := decodeRecord(seq, text)
	if err != nil {
		return err
	}
	r.is.Records++
	r.last, r.more = seq, rec.flags&flagMore != 0
	r.latest = max(r.latest, rec.time)
	if rec.flags&flagReceipt != 0 && seq > r.meta.receipt {
		r.open.note(rec.op, rec.receipt)
	}
	if rec.op != opChange {
		return nil
	}
	spec := r.kinds[rec.kind]
	if spec == nil {
		return fmt.Errorf("%w: record %d: %q is of kind %d, which this program does not know", ErrFormat, seq, rec.id, rec.kind)
	}
	k := Key{rec.kind, rec.id}
	cur, err := r.load(k)
	if err != nil || seq <= cur.seq {
		if seq == cur.seq && r.old[k] == seq {
			delete(r.old, k) // no newer one is missing: the journal would have it
		}
		return err
	}
	next := &version{revision: rec.revision, seq: seq, base: cur.base, far: cur.far, created: cur.created, modified: rec.time}
	switch {
	case rec.flags&flagDeleted != 0:
	case rec.flags&flagState != 0:
		next.state, err = spec.Decode(bytes.Clone(rec.state))
	case rec.flags&flagCreated != 0:
		next.state, err = spec.Apply(nil, bytes.Clone(rec.change))
	case rec.follows(cur):
		next.state, err = spec.Apply(cur.state, bytes.Clone(rec.change))
	default:
		err = errRecord
	}
	if err == nil && (next.state == nil) != (rec.flags&flagDeleted != 0) {
		err = errRecord
	}
	if err != nil {
		r.wounds[k] = wound{rec.revision, seq, max(rec.base.seq, r.wounds[k].base), "a change before is lost"}
		return nil
	}
	delete(r.wounds, k)
	switch {
	case rec.created != 0:
		next.created = rec.created
	case cur.state == nil:
		next.created = rec.time
	}
	rec.originate(next)
	if rec.complete() {
		next.base = seq
	}
	if !rec.follows(cur) {
		next.far = rec.far.seq
	}
	if rec.revision%farEvery == 0 {
		next.far = seq
	}
	return r.store(k, next)
}

// doubt takes a damaged record's word for whose it was, as far as that fits.
func (r *repairer) doubt(d *doubt) error {
	spec := r.kinds[d.record.kind]
	if d.record.op != opChange || spec == nil {
		return nil
	}
	k := Key{d.record.kind, d.record.id}
	cur, err := r.load(k)
	if err != nil {
		return err
	}
	seq, revision := cur.seq, cur.revision
	if w, ok := r.wounds[k]; ok {
		seq, revision = w.seq, w.revision
	}
	// What came before it must be the entity's last record, or one that is lost
	// as well: else it is the name that is damaged.
	said, before := d.record.revision, d.record.prev.seq
	switch {
	case seq == 0 || d.seq <= seq:
		return nil
	case before == seq:
		said = revision + 1
	case before < seq || before <= r.last && !r.isLost(before) || said <= revision+1 || said-revision > d.seq-seq:
		return nil
	}
	r.wounds[k] = wound{said, d.seq, d.record.base.seq, fmt.Sprintf("record %d is damaged", d.seq)}
	return nil
}

func (r *repairer) isLost(seq uint64) bool {
	return slices.ContainsFunc(r.is.Lost, func(s Span) bool { return s.First <= seq && seq <= s.Last })
}
