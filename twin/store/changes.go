package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Change is one revision of an entity, as the journal has it.
type Change struct {
	Revision uint64
	Seq      uint64
	Time     time.Time
	Headers  []byte // as given to Tx.Commit; nil: none
	Change   []byte // as given to Tx.Put
	Deleted  bool   // it deleted the entity
	Created  bool   // there was no such entity before it

	record *record
	of     *changes
}

// State gives the entity's state after the change; nil if that deleted it. It
// is made when it is asked for, which is cheap if it was asked for at the
// change before too. It must not be called any more when the next change has
// come. Its errors are those of HistoryAt.
func (c *Change) State() (State, error) { return c.of.state(c.record) }

// changes is what History goes through.
type changes struct {
	h     *historian
	page  []uint64 // sequence numbers of the next revisions, the next one last
	known uint64   // the revision that cur is the state of; 0: none
	cur   State
}

// changesAtOnce is how many revisions are looked up at a time: their numbers
// are what an iteration holds in memory.
const changesAtOnce = 1024

// History gives an entity's changes from one revision to another, both
// included, in this order. From 0 means from the oldest one that can be read;
// to 0, or beyond the newest one that there was when the iteration began,
// means up to that. Of an entity that has not changed within the journal that
// is kept there is a state, but no change. It reads while the store is written, and holds nothing up.
// An error ends it; the errors are those of HistoryAt, among them a
// *NotRetainedError if retention has overtaken it.
func (s *Store) History(ctx context.Context, k Key, from, to uint64) iter.Seq2[*Change, error] {
	return func(yield func(*Change, error) bool) {
		h, err := s.historian(ctx, k)
		if err != nil {
			yield(nil, err)
			return
		}
		defer h.close()
		if err := h.changes(from, to, yield); err != nil {
			yield(nil, err)
		}
	}
}

// changes gives the changes to yield until it has enough.
func (h *historian) changes(from, to uint64, yield func(*Change, error) bool) error {
	oldest, _, err := h.oldest()
	if err != nil {
		return err
	}
	switch {
	case from > h.top.revision:
		return fmt.Errorf("%s %q at revision %d: %w: the newest is %d", h.spec.Name, h.key.ID, from, ErrNotYet, h.top.revision)
	case from == 0 && h.top.seq < h.s.journal.oldest():
		return nil
	case from == 0:
		from = oldest
	case from < oldest:
		return h.goneOr(errGone)
	}
	if to == 0 || to > h.top.revision {
		to = h.top.revision
	}
	c := changes{h: h}
	for next := from; next <= to; next++ {
		if len(c.page) == 0 {
			if err := c.turn(next, min(to, next+changesAtOnce-1)); err != nil {
				return err
			}
		}
		seq := c.page[len(c.page)-1]
		c.page = c.page[:len(c.page)-1]
		at, err := h.record(seq)
		if err != nil {
			return h.goneOr(err)
		}
		r := at.record
		if !yield(&Change{
			Revision: r.revision, Seq: seq, Time: time.Unix(0, r.since()).UTC(), Headers: r.headers, Change: r.change,
			Deleted: r.flags&flagDeleted != 0, Created: r.flags&flagCreated != 0, record: r, of: &c,
		}, nil) {
			return nil
		}
	}
	return nil
}

// turn finds the records of some revisions.
func (c *changes) turn(from, to uint64) error {
	h := c.h
	var at step
	var err error
	if to == h.top.revision {
		at, err = h.record(h.top.seq)
		err = h.goneOr(err)
	} else {
		at, err = h.descend(func(r *record) bool { return r.revision >= to })
	}
	for err == nil {
		if at.revision <= to {
			c.page = append(c.page, at.seq)
		}
		if at.revision <= from {
			return nil
		}
		at, err = h.before(at)
	}
	if errors.Is(err, errBeforeFirst) {
		return h.broken(from)
	}
	return err
}

// state gives the state after a change.
func (c *changes) state(r *record) (State, error) {
	if c.known == r.revision {
		return c.cur, nil
	}
	var next State
	var err error
	if r.complete() || c.known != 0 && c.known == r.revision-1 {
		cur := c.cur
		if r.flags&flagCreated != 0 {
			cur = nil
		}
		next, err = c.h.apply(cur, r)
	} else {
		var p Past
		p, err = c.h.at(r.revision)
		next = p.State
	}
	if err != nil {
		return nil, err
	}
	c.known, c.cur = r.revision, next
	return next, nil
}
