package store

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// queue is what waits for the committer, and what the committer has reached.
// Its mutex is the innermost one: nothing else is locked while it is held.
type queue struct {
	maxRecords int
	maxBytes   int64
	maxChanged int64

	full atomic.Bool // a Begin has to look closer
	wake chan struct{}

	mu        sync.Mutex
	next      uint64 // the next sequence number
	committed uint64 // all up to here is on disk, but for refused numbers
	pending   []*Tx  // in the order of sequence numbers
	records   int    // pending or being committed
	bytes     int64
	since     time.Time     // when the first of pending came, if anybody gathers
	room      chan struct{} // closed when there is room again; nil: nobody waits
	reached   *sync.Cond    // committed moved, or the store went down
	refused   []span        // numbers that will never be on disk
	gap       uint64        // not 0: the next batch begins with this number, to explain what is missing
	stuck     error         // why nothing could be written, since stuckAt; nil when something was
	noRoom    bool          // stuck is about free space
	stuckAt   time.Time

	// What differs from the snapshot file.
	dirty    []*entity
	unstored int64                // bytes in memory that only the journal holds
	drift    map[*entity]struct{} // perhaps made or deleted since
}

// span is a range of sequence numbers, ends included.
type span struct{ first, last uint64 }

func (s span) has(seq uint64) bool { return s.first <= seq && seq <= s.last }

// join adds refused numbers to those refused before. Between one refusal and the
// next there is one number that nobody has: that of the record that explains
// the gap.
func join(spans []span, s span) []span {
	if n := len(spans); n > 0 && spans[n-1].last+2 >= s.first {
		spans[n-1] = span{min(spans[n-1].first, s.first), max(spans[n-1].last, s.last)}
		return spans
	}
	return append(spans, s)
}

// amid says whether one of the spans has the number.
func amid(spans []span, seq uint64) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.has(seq) })
}

func (q *queue) init(o *Options) {
	q.maxRecords, q.maxBytes, q.maxChanged = o.QueueRecords, o.QueueBytes, o.Memory-o.Memory/awakeShare
	q.wake = make(chan struct{}, 1)
	q.reached = sync.NewCond(&q.mu)
	q.drift = make(map[*entity]struct{})
}

// admit waits for room in the queue.
func (q *queue) admit(s *Store) error {
	if !q.full.Load() {
		return nil
	}
	var patience *time.Timer
	for {
		q.mu.Lock()
		if !q.isFull() || s.down() != nil {
			q.mu.Unlock()
			return nil
		}
		if q.room == nil {
			q.room = make(chan struct{})
		}
		room := q.room
		if q.unstored >= q.maxChanged {
			s.snapshots.nudge()
		}
		q.mu.Unlock()
		if patience == nil {
			patience = time.NewTimer(s.o.Patience)
			defer patience.Stop()
		}
		select {
		case <-room:
		case <-patience.C:
			q.mu.Lock()
			stillFull, stuck, behind := q.isFull(), q.stuck, q.unstored >= q.maxChanged
			waited := q.behind(s, s.trouble.cause())
			q.mu.Unlock()
			if !stillFull {
				return nil
			}
			s.counters.busy.Add(1)
			if behind {
				return waited
			}
			if stuck != nil {
				return stuck
			}
			return fmt.Errorf("%w: for %v there has been no room in the queue to the disk", ErrBusy, s.o.Patience)
		}
	}
}

// isFull says whether Begin has to wait; the queue is locked.
func (q *queue) isFull() bool {
	return q.records >= q.maxRecords || q.bytes >= q.maxBytes || q.unstored >= q.maxChanged
}

// urgent says whether changes are about to wait for the snapshot writer; the
// queue is locked.
func (q *queue) urgent() bool { return q.unstored >= q.maxChanged/4*3 }

// relax lets those in who wait, if there is room; the queue is locked.
func (q *queue) relax() {
	if q.isFull() {
		return
	}
	q.full.Store(false)
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

// push numbers the group and shows its changes.
func (q *queue) push(s *Store, tx *Tx) {
	q.mu.Lock()
	first := q.next
	q.next += uint64(len(tx.ends))
	tx.publish(s, first)
	idle := len(q.pending) == 0
	if idle && s.o.Gather > 0 {
		q.since = time.Now()
	}
	q.pending = append(q.pending, tx)
	q.records += len(tx.ends)
	q.bytes += int64(len(tx.buf))
	if q.isFull() {
		q.full.Store(true)
	}
	ring := idle || s.o.Gather > 0 && q.enough()
	q.mu.Unlock()
	if ring {
		q.ring()
	}
}

// enough says whether it is no use to gather any longer: those who would fill
// the other half of the queue wait for nothing else. The queue is locked.
func (q *queue) enough() bool {
	return q.records >= q.maxRecords/2 || q.bytes >= q.maxBytes/2
}

// ring wakes the committer.
func (q *queue) ring() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take gives the committer the next batch, whole groups of it, and the number
// that has to come before it if numbers are missing, else 0.
func (q *queue) take(into []*Tx) ([]*Tx, uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	gap := q.gap
	q.gap = 0
	records, bytes, n := 0, 0, 0
	for n < len(q.pending) && records < batchRecords && bytes < batchBytes {
		records += len(q.pending[n].ends)
		bytes += len(q.pending[n].buf)
		n++
	}
	into = append(into, q.pending[:n]...)
	rest := copy(q.pending, q.pending[n:])
	clear(q.pending[rest:])
	q.pending = q.pending[:rest]
	return into, gap
}

// A batch is cut off beyond this many records or bytes, so that what comes
// behind a burst need not wait for all of it.
const (
	batchRecords = 8192
	batchBytes   = 4 << 20
)

// finished notes that the batch is on disk.
func (q *queue) finished(batch []*Tx) {
	q.mu.Lock()
	q.committed = batch[len(batch)-1].last()
	for _, tx := range batch {
		q.records -= len(tx.ends)
		q.bytes -= int64(len(tx.buf))
	}
	q.stuck, q.noRoom = nil, false
	q.relax()
	q.reached.Broadcast()
	q.mu.Unlock()
}

// waiting says how many groups are pending, since when, and whether they are
// enough.
func (q *queue) waiting() (n int, since time.Time, enough bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pending), q.since, q.enough()
}

// isRefused says whether the number was refused; the queue is locked.
func (q *queue) isRefused(seq uint64) bool { return amid(q.refused, seq) }

// changed notes that the entity went from one version to another; the queue
// is locked. It happens together with the assignment of the sequence number,
// so whoever reads the number committed and then the list of changed entities
// finds in it everything that changed up to that number.
func (q *queue) changed(e *entity, from, to *version) {
	if !e.dirty.Load() {
		e.dirty.Store(true)
		q.dirty = append(q.dirty, e)
	}
	q.count(e, entityCost+int64(len(e.key.ID))+to.cost)
	if (from.state != nil) != (to.state != nil) {
		q.drifted(e, to)
	}
}

// count corrects what the entity contributes to unstored; the queue is locked.
func (q *queue) count(e *entity, bytes int64) {
	q.unstored += bytes - e.unstored
	e.unstored = bytes
}

// drifted notes whether the snapshot file and memory agree on the entity's
// existence, or may not; the queue is locked.
func (q *queue) drifted(e *entity, v *version) {
	if e.writing.Load() || (v.state != nil) != e.storedLive {
		q.drift[e] = struct{}{}
	} else {
		delete(q.drift, e)
	}
}

// putBack returns entities to the list of changed ones because a pass of the
// snapshot writer failed. The first few had been chosen already, and may be in
// the list again.
func (q *queue) putBack(list []*entity, chosen int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, e := range list {
		if i >= chosen || !e.dirty.Load() {
			e.dirty.Store(true)
			q.dirty = append(q.dirty, e)
		}
		if i < chosen {
			e.writing.Store(false)
			q.drifted(e, e.cur.Load())
		}
	}
}
