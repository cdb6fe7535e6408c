package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sort"
	"time"
)

// historian goes back along the records of one entity. There is no index:
// each record points to the one before it and to a complete one before it,
// which gives the state on its own and is at most fullEvery revisions away.
// Complete ones also point to the last one whose revision is a multiple of
// farEvery. So among n revisions one is found in about n/farEvery +
// farEvery/fullEvery + fullEvery steps, or, where each revision is in a segment
// of its own, and therefore complete, in n/farEvery + farEvery.
type historian struct {
	s    *Store
	ctx  context.Context
	key  Key
	spec *KindSpec
	top  *version // the newest version on disk, or newer than that
	open []*segmentFile
	// read counts the records that were read.
	read int
}

// since gives the time of the change: the record's, unless the entity came
// from elsewhere with its own.
func (r *record) since() int64 {
	if r.flags&flagOrigin != 0 {
		return r.origin.modified
	}
	return r.time
}

// step is a record on the way.
type step struct {
	*record
	seq uint64
}

// errGone: a record is older than what is retained.
var errGone = errors.New("older than the journal")

// errBeforeFirst: the entity's first record of all lies above.
var errBeforeFirst = errors.New("before the entity's first record")

// historian begins to read an entity's history, once its newest version is on
// disk.
func (s *Store) historian(ctx context.Context, k Key) (*historian, error) {
	if err := s.checkKey(k); err != nil {
		return nil, err
	}
	for {
		if err := s.down(); err != nil {
			return nil, err
		}
		v, err := s.newest(k)
		if err != nil {
			return nil, err
		}
		if v.seq == 0 {
			return nil, fmt.Errorf("%s %q: %w", s.kinds[k.Kind].Name, k.ID, ErrNeverExisted)
		}
		told := make(chan error, 1)
		s.After(v.seq, func(err error) { told <- err })
		select {
		case err = <-told:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err == nil {
			return &historian{s: s, ctx: ctx, key: k, spec: s.kinds[k.Kind], top: v}, nil
		}
		if down := s.down(); down != nil {
			return nil, down
		}
		// It was refused, so there is another newest version by now.
	}
}

// newest gives the newest version of an entity, which may not be on disk yet.
func (s *Store) newest(k Key) (*version, error) {
	if v := s.table.glance(k); v != nil {
		return v, nil
	}
	e := s.table.hold(k)
	defer s.table.release(e)
	if err := s.load(e); err != nil {
		return nil, err
	}
	return e.cur.Load(), nil
}

func (h *historian) close() {
	for _, g := range h.open {
		g.close()
	}
}

// descend goes back in long steps, and gives the oldest record so reached that
// is above.
func (h *historian) descend(above func(*record) bool) (step, error) {
	at, err := h.record(h.top.seq)
	if err != nil {
		return step{}, h.goneOr(err)
	}
	var tooFar uint64
	for {
		next := at
		if far := at.far.seq; far != 0 && far != tooFar {
			if next, err = h.record(far); err == nil && !above(next.record) || errors.Is(err, errGone) {
				tooFar, next, err = far, at, nil
			}
		}
		if next == at && err == nil && at.base.seq != 0 {
			if next, err = h.record(at.base.seq); err == nil && !above(next.record) || errors.Is(err, errGone) {
				return at, nil
			}
		}
		if err != nil {
			return step{}, err
		}
		if next == at {
			return at, nil
		}
		at = next
	}
}

// before goes one revision back.
func (h *historian) before(at step) (step, error) {
	if at.prev.seq == 0 {
		switch {
		case at.revision == 1:
			return step{}, errBeforeFirst
		case at.flags&flagOrigin != 0: // what came before is elsewhere
			return step{}, h.goneOr(errGone)
		}
		return step{}, h.broken(at.revision - 1)
	}
	prev, err := h.record(at.prev.seq)
	if err != nil {
		return step{}, h.goneOr(err)
	}
	if prev.revision+1 != at.revision {
		return step{}, h.broken(at.revision - 1)
	}
	return prev, nil
}

// goneOr makes of an error that something is not there any more one that says
// what is.
func (h *historian) goneOr(err error) error {
	if !errors.Is(err, errGone) {
		return err
	}
	oldest, since, err := h.oldest()
	if err != nil {
		return err
	}
	return &NotRetainedError{Kind: h.spec.Name, ID: h.key.ID, Oldest: oldest, Since: since}
}

// oldest gives the oldest revision whose state can be read, and its time.
func (h *historian) oldest() (uint64, time.Time, error) {
	revision, since := h.top.revision, h.top.modified
	// If there is no record of it any more, there is still its state.
	at, err := h.record(h.top.seq)
	if err == nil {
		at, err = h.descend(func(*record) bool { return true })
	}
	for err == nil {
		if at.complete() {
			revision, since = at.revision, at.since()
		}
		if at.prev.seq == 0 {
			break
		}
		at, err = h.record(at.prev.seq)
	}
	if err != nil && !errors.Is(err, errGone) {
		return 0, time.Time{}, err
	}
	return revision, time.Unix(0, since).UTC(), nil
}

// record reads one record of the entity; errGone if retention has deleted it.
func (h *historian) record(seq uint64) (step, error) {
	if err := h.ctx.Err(); err != nil {
		return step{}, err
	}
	if err := h.s.down(); err != nil {
		return step{}, err
	}
	text, path, err := h.text(seq)
	if err != nil {
		return step{}, err
	}
	h.read++
	r, err := decodeRecord(seq, text)
	if err != nil {
		return step{}, fmt.Errorf("%s: %w: record %d: %w", path, ErrDamaged, seq, err)
	}
	if r.op != opChange || r.kind != h.key.Kind || r.id != h.key.ID {
		return step{}, fmt.Errorf("%s: %w: record %d is not one of %s %q", path, ErrDamaged, seq, h.spec.Name, h.key.ID)
	}
	return step{&r, seq}, nil
}

// text finds the text of a record, and the file that it is in.
func (h *historian) text(seq uint64) ([]byte, string, error) {
	for again := false; ; again = true {
		path, t := h.s.journal.locate(seq)
		if path == "" {
			return nil, "", errGone
		}
		g, err := h.segment(path, t)
		if errors.Is(err, fs.ErrNotExist) && !again {
			continue // deleted a moment ago
		}
		if err != nil {
			return nil, path, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		text, err := g.record(seq)
		return text, path, err
	}
}

// segmentsOpen bounds how many files a historian keeps open.
const segmentsOpen = 4

// segment gives the opened segment.
func (h *historian) segment(path string, t *tail) (*segmentFile, error) {
	for i, g := range h.open {
		if g.path == path {
			copy(h.open[1:i+1], h.open[:i])
			h.open[0] = g
			return g, nil
		}
	}
	g, err := openSegmentFile(path, t)
	if err != nil {
		return nil, err
	}
	if len(h.open) == segmentsOpen {
		h.open[segmentsOpen-1].close()
		h.open = h.open[:segmentsOpen-1]
	}
	h.open = append([]*segmentFile{g}, h.open...)
	return g, nil
}

// locate says which file holds a record that is on disk, and its tail if it is
// the segment being written; "" if the record is older than the journal.
func (j *journal) locate(seq uint64) (string, *tail) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if t := j.tail.Load(); seq >= t.first {
		return t.path, t
	}
	i := sort.Search(len(j.old), func(i int) bool { return j.old[i].first > seq })
	if i == 0 {
		return "", nil
	}
	return j.old[i-1].path, nil
}
