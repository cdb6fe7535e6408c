package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

var (
	// ErrNeverExisted: there is no trace of the entity.
	ErrNeverExisted = errors.New("it never existed")
	// ErrNotYet: the entity has not come to this revision yet, or was not made
	// yet at this time.
	ErrNotYet = errors.New("not yet")
	// ErrNotRetained: the journal that held this has been deleted.
	ErrNotRetained = errors.New("not retained any more")
)

// NotRetainedError says what is still there of an entity when something older
// was asked for. It is an ErrNotRetained.
type NotRetainedError struct {
	Kind   string
	ID     string
	Oldest uint64    // the oldest revision that can be read
	Since  time.Time // the time from which on the entity's state can be read
}

func (e *NotRetainedError) Error() string {
	return fmt.Sprintf("%s %q: %v: the oldest revision that can be read is %d, of %s", e.Kind, e.ID, ErrNotRetained, e.Oldest, e.Since.Format(time.RFC3339Nano))
}

// Is makes it an ErrNotRetained.
func (e *NotRetainedError) Is(target error) bool { return target == ErrNotRetained }

// Past is an entity as it was once.
type Past struct {
	Entry
	// Headers are what was kept with the change that made it so, as given to
	// Tx.Commit; nil: nothing, or the record is not there any more.
	Headers []byte
}

// HistoryAt gives an entity as it was at a revision, which is 1 or more: with
// its state, nil if that revision deleted it. Only what is on disk is given;
// for the newest changes it waits until they are. Created is not known (zero)
// for what a program wrote that used format 1, where the entity was deleted
// since. The error is, or wraps, ErrNeverExisted, ErrNotYet, a
// *NotRetainedError, the context's, or one of the store's.
func (s *Store) HistoryAt(ctx context.Context, k Key, revision uint64) (Past, error) {
	h, err := s.historian(ctx, k)
	if err != nil {
		return Past{}, err
	}
	defer h.close()
	return h.at(revision)
}

// HistoryAtTime gives an entity as it was at a time of the journal: its last
// revision that is not later. Its errors are those of HistoryAt.
func (s *Store) HistoryAtTime(ctx context.Context, k Key, at time.Time) (Past, error) {
	h, err := s.historian(ctx, k)
	if err != nil {
		return Past{}, err
	}
	defer h.close()
	// Times that Unix nanoseconds cannot express lie beyond all records.
	nanos := at.UnixNano()
	if year := at.UTC().Year(); year < 1678 {
		nanos = -1 << 63
	} else if year > 2261 {
		nanos = 1<<63 - 1
	}
	if nanos >= h.top.modified {
		return h.newest()
	}
	e, err := h.entry(func(r *record) bool { return r.since() > nanos })
	if errors.Is(err, errBeforeFirst) {
		return Past{}, fmt.Errorf("%s %q at %s: %w", h.spec.Name, k.ID, at.UTC().Format(time.RFC3339Nano), ErrNotYet)
	}
	return e, err
}

// HistoryFrom gives the oldest revision of an entity that can be read, and
// since when it has been its state. Its errors are those of HistoryAt.
func (s *Store) HistoryFrom(ctx context.Context, k Key) (revision uint64, since time.Time, err error) {
	h, err := s.historian(ctx, k)
	if err != nil {
		return 0, time.Time{}, err
	}
	defer h.close()
	return h.oldest()
}

// newest gives the entity as it is.
func (h *historian) newest() (Past, error) {
	p := Past{Entry: h.top.entry()}
	at, err := h.record(h.top.seq)
	switch {
	case err == nil:
		p.Headers = bytes.Clone(at.headers)
	case !errors.Is(err, errGone):
		return Past{}, err
	}
	return p, nil
}

// at gives the entity's state at a revision.
func (h *historian) at(revision uint64) (Past, error) {
	if revision == h.top.revision {
		return h.newest()
	}
	if revision > h.top.revision {
		return Past{}, fmt.Errorf("%s %q at revision %d: %w: the newest is %d", h.spec.Name, h.key.ID, revision, ErrNotYet, h.top.revision)
	}
	if revision == 0 {
		return Past{}, fmt.Errorf("%s %q at revision 0: %w: they begin with 1", h.spec.Name, h.key.ID, ErrNeverExisted)
	}
	e, err := h.entry(func(r *record) bool { return r.revision > revision })
	if errors.Is(err, errBeforeFirst) || err == nil && e.Revision != revision {
		return Past{}, h.broken(revision)
	}
	return e, err
}

// broken says that the way back does not pass a revision that it should.
func (h *historian) broken(revision uint64) error {
	return fmt.Errorf("%w: the records of %s %q do not lead to revision %d", ErrDamaged, h.spec.Name, h.key.ID, revision)
}

// entry gives the entity at the newest record that is not above, given that
// its last record is. above must hold for all records from some one on.
func (h *historian) entry(above func(*record) bool) (Past, error) {
	at, err := h.descend(above)
	if err != nil {
		return Past{}, err
	}
	// Back from there to a record that gives the state on its own.
	var changes []*record // newest first
	var target step
	for {
		if at, err = h.before(at); err != nil {
			return Past{}, err
		}
		if above(at.record) {
			continue
		}
		if target.record == nil {
			target = at
		}
		changes = append(changes, at.record)
		if at.complete() {
			break
		}
	}
	v := version{revision: target.revision, seq: target.seq, modified: target.since()}
	base := changes[len(changes)-1]
	v.created = h.created(base)
	for i := len(changes) - 1; i >= 0; i-- {
		if v.state, err = h.apply(v.state, changes[i]); err != nil {
			return Past{}, err
		}
	}
	// The record's text goes when the historian closes its files.
	return Past{v.entry(), bytes.Clone(target.headers)}, nil
}

// created gives the time at which an entity was made that has this complete
// record; 0 if that is not known.
func (h *historian) created(r *record) int64 {
	switch {
	case r.flags&flagOrigin != 0:
		return r.origin.created
	case r.flags&flagCreated != 0:
		return r.time
	case r.created != 0:
		return r.created
	case h.top.created != 0 && h.top.created <= r.time:
		return h.top.created
	}
	return 0
}

// apply makes the next state.
func (h *historian) apply(cur State, r *record) (next State, err error) {
	switch {
	case r.flags&flagDeleted != 0:
		return nil, nil
	case r.flags&flagState != 0:
		next, err = h.spec.Decode(r.state)
	default:
		next, err = h.spec.Apply(cur, r.change)
	}
	if err == nil && next == nil {
		err = errors.New("it leaves no state")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: change of %s %q to revision %d: %w", ErrDamaged, h.spec.Name, h.key.ID, r.revision, err)
	}
	return next, nil
}
