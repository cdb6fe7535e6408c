package store

import (
	"errors"
	"os"
	"time"
)

// retain deletes what is older than it has to be. It runs on the snapshot
// writer's goroutine.
func (s *Store) retain() {
	if s.broken() != nil {
		return
	}
	s.deleteSegments()
	if s.o.ForgetDeleted {
		if err := s.forgetDeleted(); err != nil {
			s.o.Logger.Error("tombstones cannot be removed, will be tried again", "file", s.state.path, "error", err)
		}
	}
}

// deleteSegments deletes the segments that retention does not keep. The
// committer does so too, when the disk is full: the snapshot writer may be
// waiting for it then.
func (s *Store) deleteSegments() {
	s.journal.retaining.Lock()
	defer s.journal.retaining.Unlock()
	n, err := s.journal.retain(s.snapshots.covered.Load(), s.o.Retention, s.o.MaxSize)
	if n > 0 {
		s.counters.segmentsDeleted.Add(uint64(n))
		s.o.Logger.Debug("journal segments deleted", "segments", n)
	}
	if err != nil {
		s.o.Logger.Error("old journal segments cannot be deleted", "error", err)
	}
}

// retain deletes segments that nothing needs: all that the snapshot covers
// and that are older than retention, and the oldest ones that it covers while
// all together take more than max.
func (j *journal) retain(covered uint64, retention time.Duration, max int64) (int, error) {
	total := int64(0)
	if _, bytes := j.segments(); max > 0 {
		total = bytes - max
	}
	deleted := 0
	for {
		j.mu.Lock()
		if len(j.old) == 0 {
			j.mu.Unlock()
			return deleted, nil
		}
		oldest := j.old[0]
		j.mu.Unlock()
		if oldest.last > covered {
			return deleted, nil
		}
		if total <= 0 && retention < 0 {
			return deleted, nil
		}
		if total <= 0 {
			sealedAt, err := j.sealedAt()
			if err != nil {
				return deleted, err
			}
			if j.age.now()-sealedAt <= retention {
				return deleted, nil
			}
		}
		if !j.forget() {
			return deleted, nil
		}
		if err := os.Remove(oldest.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			j.mu.Lock()
			j.old = append([]sealed{oldest}, j.old...)
			j.mu.Unlock()
			return deleted, err
		}
		total -= oldest.size
		deleted++
		// One after the other, so that a loss of power leaves no hole.
		if err := syncDir(j.dir); err != nil {
			return deleted, err
		}
	}
}

// forget takes the oldest segment off the list, unless somebody reads it.
// Nobody may be led to it any more when it goes.
func (j *journal) forget() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.holds > 0 {
		return false
	}
	j.old = j.old[1:]
	return true
}

// hold keeps segments from being deleted, also those that are sealed meanwhile,
// until release is called.
func (j *journal) hold() (release func()) {
	j.mu.Lock()
	j.holds++
	j.mu.Unlock()
	return func() {
		j.mu.Lock()
		j.holds--
		j.mu.Unlock()
	}
}

// sealedAt says how old the journal was when the last record of its oldest
// sealed segment was written, at most. The next segment says so; after those
// of format 1, which do not, the next one that does.
func (j *journal) sealedAt() (time.Duration, error) {
	j.mu.Lock()
	list, begun := append([]sealed(nil), j.old...), j.begun
	j.mu.Unlock()
	at := list[0].age
	for i := 1; at == 0 && i < len(list); i++ {
		var err error
		if at, err = segmentAge(list[i].path); err != nil {
			return 0, err
		}
	}
	if at == 0 {
		at = begun
	}
	j.mu.Lock()
	j.old[0].age = max(at, 1)
	j.mu.Unlock()
	return at, nil
}
