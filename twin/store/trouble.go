package store

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// trouble is what keeps changes from being stored, for those who ask, and for
// the log, which is told when it begins and when it ends, and once a minute in
// between.
type trouble struct {
	mu     sync.Mutex
	since  time.Time // zero: there is none
	said   time.Time // when refusals were last logged
	lost   uint64    // records refused since it began
	hidden uint64    // of these, since refusals were last logged

	snapshot atomic.Pointer[error] // why state.db could not be written last
	repeated time.Time             // when that was last logged; only the snapshot writer's
}

// sayEvery is how often the log repeats that there is trouble.
const sayEvery = time.Minute

// remembered is how long the failure of a write counts as what is wrong now,
// when nothing has been written since.
const remembered = 10 * time.Second

// Trouble says why changes cannot be stored at the moment, or nil: a full disk,
// one that does not answer, or one that failed. It looks at the free space.
func (s *Store) Trouble() error {
	if err := s.broken(); err != nil {
		return err
	}
	if err := s.roomFor(0); err != nil {
		return err
	}
	if stalled := s.Stalled(); stalled > max(s.o.Patience, promptly) {
		return fmt.Errorf("%w: the disk has not answered a write to %s for %v", ErrBusy, s.dir, stalled.Round(time.Second))
	}
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stuck != nil && !q.noRoom && (q.records > 0 || time.Since(q.stuckAt) < remembered) {
		return q.stuck
	}
	if q.unstored >= q.maxChanged {
		if cause := s.trouble.cause(); cause != nil {
			return q.behind(s, cause)
		}
	}
	return nil
}

// note keeps why the committer cannot write; noRoom: because of the free space
// that there is.
func (q *queue) note(cause error, noRoom bool) {
	q.mu.Lock()
	q.stuck, q.noRoom, q.stuckAt = cause, noRoom, time.Now()
	q.mu.Unlock()
}

// behind is the refusal of a change that memory has no room for; the queue is
// locked.
func (q *queue) behind(s *Store, cause error) error {
	err := fmt.Errorf("%w: more than %d bytes of changes (store.memory) have to be written to %s first", ErrBusy, q.maxChanged, s.state.path)
	if cause != nil {
		return fmt.Errorf("%w, which fails: %w", err, cause)
	}
	return err
}

// cause is why state.db could not be written last, nil if it could.
func (t *trouble) cause() error {
	if err := t.snapshot.Load(); err != nil {
		return *err
	}
	return nil
}

// unwritten notes that state.db could not be written, and is tried again.
func (t *trouble) unwritten(s *Store, cause error) {
	t.snapshot.Store(&cause)
	if time.Since(t.repeated) >= sayEvery {
		t.repeated = time.Now()
		s.o.Logger.Error("snapshot failed, will be tried again", "file", s.state.path, "error", cause)
	}
}

// written notes that state.db is up to date.
func (t *trouble) written(s *Store) {
	if t.snapshot.Swap(nil) != nil {
		t.repeated = time.Time{}
		s.o.Logger.Info("the snapshot can be written again", "file", s.state.path)
	}
}

// began notes that a write failed, and is tried again.
func (t *trouble) began(s *Store, cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.since.IsZero() {
		return
	}
	t.since, t.lost, t.hidden, t.said = time.Now(), 0, 0, time.Time{}
	s.o.Logger.Warn("the journal cannot be written, waiting", "error", cause, "patience", s.o.Patience)
}

// refused notes that records were refused.
func (t *trouble) refused(s *Store, records uint64, cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() { // a write that hangs is not tried again
		t.since, t.lost, t.hidden, t.said = time.Now(), 0, 0, time.Time{}
	}
	t.lost += records
	t.hidden += records
	if time.Since(t.said) < sayEvery {
		return
	}
	s.o.Logger.Error("changes refused", "records", t.hidden, "error", cause)
	t.said, t.hidden = time.Now(), 0
}

// ended notes that a batch is on disk.
func (t *trouble) ended(s *Store) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() {
		return
	}
	s.o.Logger.Info("the journal can be written again", "after", time.Since(t.since).Round(time.Millisecond), "refused", t.lost)
	t.since = time.Time{}
}

// errFileSync is how bbolt's error begins when it could not sync a file that it
// has made longer, errFileSize when it could not make it longer. It hides the
// error number in both.
const (
	errFileSync = "file sync error"
	errFileSize = "file resize error"
)

// noRoomLeft is ErrDiskFull with what said so, and what to do.
func (s *Store) noRoomLeft(err error) error {
	if errors.Is(err, ErrDiskFull) {
		return err
	}
	return fmt.Errorf("%w: %s: %w: make room (or lift the quota or limit) or move data_dir", ErrDiskFull, s.dir, err)
}
