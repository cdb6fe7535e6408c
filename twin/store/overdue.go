package store

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// overdue refuses what waits behind a write that the disk does not answer. The
// batch that is being written cannot be refused: it may be on disk. What came
// behind it is not, and its senders are not kept waiting for longer than
// Options.Patience.
type overdue struct {
	mu      sync.Mutex // held while what waits is refused
	timer   *time.Timer
	within  time.Duration
	journal stopwatch
}

// stopwatch knows how long something has been going on. Only one goroutine
// starts and stops it.
type stopwatch struct{ since atomic.Int64 }

var epoch = time.Now()

func (w *stopwatch) start() { w.since.Store(int64(time.Since(epoch)) + 1) }
func (w *stopwatch) stop()  { w.since.Store(0) }

// elapsed is 0 when nothing is going on.
func (w *stopwatch) elapsed() time.Duration {
	since := w.since.Load()
	if since == 0 {
		return 0
	}
	return time.Since(epoch) - time.Duration(since-1)
}

// Stalled says for how long the disk has not answered the oldest write that it
// was given; 0 when there is none.
func (s *Store) Stalled() time.Duration {
	return max(s.overdue.journal.elapsed(), s.state.busy.elapsed(), s.journal.spare.busy.elapsed())
}

// promptly is what a write may take at least, however little patience there is.
const promptly = 250 * time.Millisecond

// expect says that the committer is in the hands of the disk, and how long what
// comes meanwhile may wait.
func (s *Store) expect(within time.Duration) {
	within = max(within, promptly)
	if s.hooks.stalled > 0 {
		within = s.hooks.stalled
	}
	s.overdue.mu.Lock()
	s.overdue.within = within
	s.overdue.journal.start()
	if s.overdue.timer == nil {
		s.overdue.timer = time.AfterFunc(within, s.lose)
	} else {
		s.overdue.timer.Reset(within)
	}
	s.overdue.mu.Unlock()
}

// answered is the end of expect: from then on the queue is the committer's.
func (s *Store) answered() {
	s.overdue.timer.Stop()
	s.overdue.mu.Lock()
	s.overdue.journal.stop()
	s.overdue.mu.Unlock()
}

// lose refuses what waits behind the write under way, and again what comes
// after that, as long as the disk does not answer.
func (s *Store) lose() {
	o := &s.overdue
	o.mu.Lock()
	defer o.mu.Unlock()
	stalled := o.journal.elapsed()
	if stalled == 0 || stalled < o.within {
		return // it was answered, and what runs now is another one
	}
	cause := fmt.Errorf("%w: the disk has not answered a write to %s for %v", ErrBusy, s.journal.dir, stalled.Round(time.Millisecond))
	s.queue.note(cause, false)
	if lost := s.takeBack(nil); len(lost) > 0 {
		s.refused(lost, cause, true)
	}
	o.timer.Reset(max(s.o.Patience, promptly))
}

// takeBack undoes the batch, which the committer gave up, and everything that
// waits in the queue, because it may have been computed from it. No Tx is open
// meanwhile. The numbers are not used again, so that a result computed from a
// refused change can always be told from one computed from its successor; the
// next batch starts with a record that explains the gap.
func (s *Store) takeBack(batch []*Tx) []*Tx {
	q := &s.queue
	s.gate.Lock()
	defer s.gate.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	lost := append(batch, q.pending...)
	if len(lost) == 0 {
		return nil
	}
	clear(q.pending)
	q.pending = q.pending[:0]
	for i := len(lost) - 1; i >= 0; i-- {
		tx := lost[i]
		tx.undo(s)
		q.records -= len(tx.ends)
		q.bytes -= int64(len(tx.buf))
	}
	q.refused = join(q.refused, span{lost[0].first, lost[len(lost)-1].last()})
	s.anyRefused.Store(true)
	q.gap = q.next
	q.next++
	q.relax()
	q.reached.Broadcast()
	return lost
}

// refused counts what was taken back and has the teller say so. ahead: what was
// numbered before is still being written.
func (s *Store) refused(lost []*Tx, cause error, ahead bool) {
	n := lost[len(lost)-1].last() - lost[0].first + 1
	s.counters.refused.Add(n)
	s.trouble.refused(s, n, cause)
	s.tell <- told{batch: lost, err: cause, ahead: ahead}
}
