package store

import "fmt"

// recover brings memory to what the folder holds: the snapshot file, and on
// top of it the journal from the number after the one that the file covers.
func (s *Store) recover() error {
	list, err := listSegments(s.journal.dir)
	if err != nil {
		return err
	}
	state, meta, err := openState(s.dir, &s.kinds)
	if state != nil {
		s.state = state
	}
	if err != nil {
		return err
	}
	covered := meta.covered
	state.delay, state.hooks = s.o.SyncDelay, s.hooks
	s.journal.age = age{before: meta.age, elapsed: s.hooks.elapsed(), noted: meta.age}
	s.clock.atLeast(meta.latest)
	s.snapshots.covered.Store(covered)
	s.mark.seq = meta.receipt
	if err := s.receipts.read(state); err != nil {
		return err
	}
	if len(list) > 0 {
		if err := s.settle(&list[len(list)-1], meta); err != nil {
			return err
		}
	}
	last, err := s.replay(list, covered)
	if err != nil {
		return err
	}
	s.queue.next, s.queue.committed, s.teller.reached = max(last, s.journal.gap)+1, last, last
	s.journal.last, s.mark.seq = last, last
	if now := s.o.Clock().UnixNano(); now < s.clock.last.Load() {
		s.o.Logger.Warn("the clock is behind the journal's; changes carry the journal's time until it has caught up",
			"clock", s.o.Clock().UTC(), "journal", s.clock.time())
	}
	if len(list) == 0 {
		return s.journal.create(last + 1)
	}
	newest := list[len(list)-1]
	s.journal.old = list[:len(list)-1]
	if err := s.horizon.found(&newest); err != nil {
		return err
	}
	if err := s.journal.open(newest.path, newest.first); err != nil {
		return err
	}
	s.journal.age.before = max(meta.age, s.journal.begun)
	return s.upgrade()
}

// replay reads what the snapshot file does not cover, and all of the last
// segment, because that one is going to be written to. It gives the last
// sequence number.
func (s *Store) replay(list []sealed, covered uint64) (uint64, error) {
	if len(list) == 0 {
		if covered > 0 {
			return 0, fmt.Errorf("%w: %s is empty, but %s covers the journal up to record %d: bring the journal's newest files back, or restore a backup", ErrDamaged, s.journal.dir, s.state.path, covered)
		}
		return 0, nil
	}
	if first := list[0].first; first > covered+1 {
		return 0, fmt.Errorf("%w: the journal begins with %s, but %s covers it only up to record %d: bring back what is missing, or restore a backup", ErrDamaged, list[0].path, s.state.path, covered)
	}
	var last uint64 // 0: nothing read yet
	for i := range list {
		seg := &list[i]
		newest := i == len(list)-1
		if !newest && seg.last <= covered {
			continue
		}
		from := seg.first
		if !newest {
			from = max(from, covered+1)
		}
		before := last
		if before == 0 && from > 1 {
			// What comes before is not read. The number has to be the one that
			// follows unless the segment itself explains a gap.
			before = from - 1
		}
		tail, err := scanSegment(seg.path, from, before, func(seq uint64, r *record) error {
			if seq <= covered {
				return nil
			}
			return s.apply(seq, r)
		})
		if err != nil {
			return 0, err
		}
		if tail.last != 0 {
			last = tail.last
			s.clock.atLeast(tail.time)
		} else if last == 0 {
			last = before
		}
		if newest && tail.last == 0 && last+1 != seg.first {
			// The segment was made for a batch that began with a gap and was
			// never written.
			s.journal.gap = seg.first
		}
	}
	if last < covered {
		return 0, fmt.Errorf("%w: the journal ends with record %d, but %s covers it up to record %d: bring the journal's newest files back, or restore a backup", ErrDamaged, last, s.state.path, covered)
	}
	return last, nil
}

// apply takes over one record of the journal.
func (s *Store) apply(seq uint64, r *record) error {
	s.clock.atLeast(r.time)
	s.snapshots.pending.Add(int64(len(r.change) + len(r.state) + 64))
	s.lag.grown(r.time)
	if r.flags&flagReceipt != 0 && seq > s.mark.seq {
		s.receipts.note(r.op, r.receipt)
	}
	if r.op != opChange {
		return nil
	}
	spec := s.kinds[r.kind]
	if spec == nil {
		return fmt.Errorf("%w: %q is of kind %d, which this program does not know", ErrFormat, r.id, r.kind)
	}
	e := s.table.hold(Key{r.kind, r.id})
	defer s.table.release(e)
	if err := s.load(e); err != nil {
		return err
	}
	cur := e.cur.Load()
	if seq <= cur.seq {
		return nil // the snapshot file was ahead of what it covers
	}
	if !r.follows(cur) {
		return fmt.Errorf("%w: it takes %s %q from revision %d (record %d) to %d, but the one before is %d (record %d)",
			ErrDamaged, spec.Name, r.id, r.revision-1, r.prev.seq, r.revision, cur.revision, cur.seq)
	}
	next := &version{revision: r.revision, seq: seq, base: r.base.seq, far: cur.far, created: cur.created, modified: r.time}
	var err error
	switch {
	case r.flags&flagDeleted != 0:
	case r.flags&flagState != 0:
		next.state, err = spec.Decode(append([]byte(nil), r.state...))
	default:
		next.state, err = spec.Apply(cur.state, append([]byte(nil), r.change...))
	}
	if err != nil {
		return fmt.Errorf("%w: change of %s %q to revision %d: %w", ErrDamaged, spec.Name, r.id, r.revision, err)
	}
	if deleted := r.flags&flagDeleted != 0; deleted != (next.state == nil) {
		return fmt.Errorf("%w: change of %s %q to revision %d leaves no state", ErrDamaged, spec.Name, r.id, r.revision)
	}
	next.cost = stateCost(next.state)
	if cur.state == nil {
		next.created = r.time
	}
	r.originate(next)
	if r.complete() {
		next.base = seq
	}
	if r.revision%farEvery == 0 {
		next.far = seq
	}
	s.queue.mu.Lock()
	e.cur.Store(next)
	s.table.memory.Add(next.cost - cur.cost)
	s.queue.changed(e, cur, next)
	s.queue.mu.Unlock()
	s.table.stir(e, s.awakeBudget())
	return nil
}
