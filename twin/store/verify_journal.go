package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"
)

const lossOfRecords = "if state.db does not cover it, the program does not start; else the history has a hole"

// segment reads one segment completely.
func (c *checker) segment(i int) error {
	seg := &c.list[i]
	c.path = seg.path
	defer c.progress(seg.path, seg.size)
	f, err := os.Open(seg.path)
	if err != nil {
		return err
	}
	defer f.Close()
	p, metas, err := openPages(f, seg.size)
	if seg.size == 0 {
		err = fmt.Errorf("%w: the file is empty", ErrDamaged)
	}
	if err != nil {
		return c.salvage(seg, err)
	}
	m := metas[0]
	_, err = p.verify(m, seg.first)
	if err != nil && i == len(c.list)-1 && len(metas) == 2 && metas[1].txid+1 == m.txid && errors.Is(err, ErrDamaged) {
		// As at start: a commit that was not finished.
		if older, damage := p.verify(metas[1], seg.first); damage == nil && c.newest <= max(older.last, seg.first-1) {
			c.watch.noted(Finding{File: seg.path, What: fmt.Sprintf("its last commit was not finished when the power failed (%v)", err), Consequence: "nobody was told that it was stored; the next start gives it up"})
			m, err = metas[1], nil
		}
	}
	switch {
	case errors.Is(err, ErrFormat):
		c.found(Finding{File: seg.path, What: err.Error(), Consequence: "this program does not start with it"})
		return nil
	case err != nil:
		return c.salvage(seg, err)
	}
	c.halves(seg.path, p, metas, i == len(c.list)-1)
	w, err := p.walk(m)
	if err != nil {
		return err
	}
	root, err := w.values(func(fn entryFunc) error { return w.tree(m.root, nil, nil, 0, fn) })
	if err != nil {
		return err
	}
	return w.bucket(root[string(bucketRecords)], func(_ uint32, key, text []byte) error {
		return c.record(binary.BigEndian.Uint64(key), text)
	})
}

// salvage reads what can be read of a damaged segment, and goes on with that.
func (c *checker) salvage(seg *sealed, cause error) error {
	if !errors.Is(cause, ErrDamaged) {
		return cause
	}
	c.found(Finding{File: seg.path, What: cause.Error(), Consequence: lossOfRecords})
	saved, err := salvageSegment(seg.path)
	if err != nil {
		return err
	}
	for _, err := range saved.damage {
		if err.Error() != cause.Error() {
			c.found(Finding{File: seg.path, What: err.Error(), Consequence: lossOfRecords})
		}
	}
	for _, d := range saved.doubts {
		f := Finding{File: seg.path, Where: fmt.Sprintf("record %d", d.seq), What: d.err.Error(), Consequence: lossOfRecords}
		if spec := c.kinds[d.record.kind]; d.record.op == opChange && spec != nil {
			f.What += fmt.Sprintf(" (it says that it takes %s %q to revision %d)", spec.Name, d.record.id, d.record.revision)
		}
		c.found(f)
	}
	for _, seq := range saved.sequence() {
		// Others belong elsewhere or to nobody.
		if seq < seg.first || seg.last != 0 && seq > seg.last || saved.said.last != 0 && seq > saved.said.last {
			continue
		}
		if err := c.record(seq, saved.records[seq].text); err != nil {
			return err
		}
	}
	return nil
}

// record takes the next record of the journal.
func (c *checker) record(seq uint64, text []byte) error {
	r, err := decodeRecord(seq, text)
	if err != nil {
		return err
	}
	c.is.Records++
	c.follow(seq, &r)
	at := time.Unix(0, r.time).UTC()
	if c.is.First == 0 {
		c.is.First, c.is.From = seq, at
	}
	c.is.Last, c.is.To = seq, at
	if r.flags&flagReceipt != 0 && seq <= c.meta.receipt {
		c.replayed.note(r.op, r.receipt)
	}
	if r.op == opChange {
		c.change(seq, &r)
	}
	return nil
}

func (c *checker) wrong(seq uint64, what, consequence string) {
	c.found(Finding{File: c.path, Where: fmt.Sprintf("record %d", seq), What: what, Consequence: consequence})
}

// follow checks that the record is the next one.
func (c *checker) follow(seq uint64, r *record) {
	before := c.scan.before
	gap := r.op == opGap
	explained := gap && (before == 0 || r.prev.seq == before)
	switch {
	case before != 0 && seq <= before:
		c.wrong(seq, fmt.Sprintf("it follows record %d", before), lossOfRecords)
	case before != 0 && seq != before+1 && !explained:
		to := seq - 1
		if gap {
			to = r.prev.seq
		}
		c.wrong(seq, fmt.Sprintf("records %d to %d before it are missing", before+1, to), "these changes cannot be read any more")
	}
	if c.scan.more && r.op != opChange && !gap {
		c.wrong(seq, fmt.Sprintf("the group of record %d ends without its last record", before), "a change of several Things is there in part")
	}
	if gap && r.flags&flagLost != 0 {
		c.watch.noted(Finding{File: c.path, Where: fmt.Sprintf("record %d", seq), What: fmt.Sprintf("an earlier repair could not save records %d to %d", r.prev.seq+1, seq), Consequence: "the history has a hole there"})
		c.lost = append(c.lost, span{r.prev.seq + 1, seq})
	}
	if !c.scan.more && !c.scan.torn {
		c.scan.group = seq
	}
	c.scan.torn = gap && r.flags&flagLost != 0 || seq != before+1
	c.scan.before, c.scan.more = seq, r.flags&flagMore != 0
}

// missing says whether a record explains why this one is not there.
func (c *checker) missing(seq uint64) bool {
	for _, s := range c.lost {
		if s.first <= seq && seq <= s.last {
			return true
		}
	}
	return false
}

// change checks a change against what came before it, and state.db's entry
// against it.
func (c *checker) change(seq uint64, r *record) {
	spec := c.kinds[r.kind]
	if spec == nil {
		c.wrong(seq, fmt.Sprintf("%q is of kind %d, which this program does not know", r.id, r.kind), "this program does not start with it")
		return
	}
	name := fmt.Sprintf("%s %q", spec.Name, r.id)
	h := c.hash(Key{r.kind, r.id})
	s := c.known[h]
	broken := r.prev.seq != 0 && c.missing(r.prev.seq) && r.prev.seq > s.seq && r.revision > s.revision
	switch {
	case broken:
	case s.seq != 0 && (r.prev.seq != s.seq || r.revision != s.revision+1):
		c.wrong(seq, fmt.Sprintf("it takes %s from revision %d (record %d) to %d, but the one before is %d (record %d)", name, r.revision-1, r.prev.seq, r.revision, s.revision, s.seq), "its history cannot be read through this record")
		broken = true
	case s.seq != 0 && (r.base.seq > s.base || r.base.seq == 0):
		c.wrong(seq, fmt.Sprintf("of %s: it names record %d as its base, and the last complete one is %d", name, r.base.seq, s.base), "its history cannot be read through this record")
	case s.seq != 0 && r.far.seq > s.base:
		c.wrong(seq, fmt.Sprintf("of %s: it names record %d as its far record, and the last complete one is %d", name, r.far.seq, s.base), "its history cannot be read through this record")
	case s.seq == 0 && r.flags&flagOrigin == 0 && (r.prev.seq == 0) != (r.revision == 1):
		c.wrong(seq, fmt.Sprintf("it makes revision %d of %s out of record %d", r.revision, name, r.prev.seq), "its history cannot be read through this record")
	case s.seq == 0 && r.prev.seq >= c.is.First:
		c.wrong(seq, fmt.Sprintf("the record of %s before it, %d, is not there or is something else's", name, r.prev.seq), "its history cannot be read through this record")
		broken = true
	}
	if s.seq != 0 && (r.time < s.time || r.time == s.time && s.seq < c.scan.group) {
		c.wrong(seq, fmt.Sprintf("of %s: it is not later than record %d", name, s.seq), "its history cannot be searched by time")
	}
	base := max(s.base, r.base.seq)
	if r.complete() {
		base = seq
	}
	state, sure := c.after(h, s, seq, r, spec, name, broken)
	s.seq, s.revision, s.base, s.time = seq, r.revision, base, r.time
	if s.stored == seq {
		c.against(&s, r, state, sure, name)
	}
	c.known[h] = s
}

// after gives the entity's state after the record, if that can be told.
func (c *checker) after(h uint64, s standing, seq uint64, r *record, spec *KindSpec, name string, broken bool) (next State, sure bool) {
	cur, sure := c.held[h]
	switch {
	case broken:
		cur, sure = nil, false
	case sure:
	case s.stored != 0 && s.stored == r.prev.seq:
		cur, sure = c.stored(Key{r.kind, r.id}, spec)
	case r.prev.seq == 0:
		sure = true
	}
	var err error
	change := bytes.Clone(r.change)
	switch {
	case r.flags&flagDeleted != 0:
		sure = true
	case r.flags&flagState != 0:
		if next, err = spec.Decode(bytes.Clone(r.state)); err == nil && sure && len(change) > 0 {
			applied, failed := spec.Apply(cur, change)
			if failed != nil || applied == nil || !bytes.Equal(applied.AppendTo(nil), next.AppendTo(nil)) {
				c.wrong(seq, fmt.Sprintf("of %s: its change does not lead to the state that stands beside it", name), "history shows one or the other")
			}
		}
		sure = true
	case r.flags&flagCreated != 0:
		next, err = spec.Apply(nil, change)
		sure = true
	case sure:
		next, err = spec.Apply(cur, change)
	default:
		c.drop(h)
		return nil, false
	}
	if err != nil || (next == nil) != (r.flags&flagDeleted != 0) {
		c.wrong(seq, fmt.Sprintf("its change cannot be applied to %s: %v", name, err), "the state from here on is not known")
		c.drop(h)
		return nil, false
	}
	c.hold(h, next)
	return next, sure
}

// heldBytes bounds the states that are kept. What does not fit is not known
// until a record says all of it again.
const heldBytes = 64 << 20

func (c *checker) hold(h uint64, s State) {
	c.drop(h)
	if c.bytes += stateCost(s) + 64; c.bytes > heldBytes {
		for other := range c.held { // any: which are needed again is not known
			if c.drop(other); c.bytes < heldBytes/2 {
				break
			}
		}
	}
	c.held[h] = s
}

func (c *checker) drop(h uint64) {
	if s, ok := c.held[h]; ok {
		c.bytes -= stateCost(s) + 64
		delete(c.held, h)
	}
}
