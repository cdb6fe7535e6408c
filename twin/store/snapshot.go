package store

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
)

// A transaction of the snapshot writer holds at most this much, and the next
// one comes after a rest, so that its syncs never keep the journal's waiting
// for long.
const (
	snapshotEntities = 500
	snapshotBytes    = 1 << 20
	longestRest      = 250 * time.Millisecond
)

// When changes are about to wait for the writer there is no rest, and a
// transaction holds so many times as much, as each costs two syncs and all of
// the free list.
const whenUrgent = 8

// On a slow disk it holds less, down to this, so that it takes about so long.
const (
	fewestEntities = snapshotEntities / 16
	longWrite      = 100 * time.Millisecond
)

// snapshots writes changed entities into state.db, behind the journal.
type snapshots struct {
	wake    chan struct{}
	covered atomic.Uint64
	pending atomic.Int64 // bytes of journal since covered
	limit   int          // of entities in a transaction, as fast as the disk is

	mu      sync.Mutex
	asked   bool         // somebody wants this pass's result
	waiting []chan error // who wants the next pass's result
}

func (w *snapshots) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// grown notes that the journal has grown, and wakes the writer when there is
// enough for it to do.
func (w *snapshots) grown(s *Store, bytes int64) {
	s.lag.grown(s.o.Clock().UnixNano())
	if w.pending.Add(bytes) >= s.o.SnapshotEvery {
		w.nudge()
		return
	}
	s.queue.mu.Lock()
	much := s.queue.unstored >= s.queue.maxChanged/2
	s.queue.mu.Unlock()
	if much {
		w.nudge()
	}
}

// Snapshot brings state.db up to what is on disk when it is called.
func (s *Store) Snapshot() error {
	if err := s.down(); err != nil {
		return err
	}
	result := make(chan error, 1)
	s.snapshots.mu.Lock()
	s.snapshots.waiting = append(s.snapshots.waiting, result)
	s.snapshots.mu.Unlock()
	s.snapshots.nudge()
	select {
	case err := <-result:
		return err
	case <-s.snapshotsDone:
		return ErrClosed
	}
}

// snapshotLoop is the snapshot writer's goroutine.
func (s *Store) snapshotLoop() {
	defer close(s.snapshotsDone)
	w := &s.snapshots
	t := time.NewTicker(s.o.SnapshotAfter)
	defer t.Stop()
	for {
		select {
		case <-w.wake:
		case <-t.C:
		case <-s.committerDone:
			// The last pass: nothing is written any more.
			s.lastPass = s.pass()
			w.answer(s.lastPass)
			return
		}
		w.mu.Lock()
		asked := w.waiting
		w.waiting, w.asked = nil, len(asked) > 0
		w.mu.Unlock()
		err := s.pass()
		// What is old enough goes even when the pass failed: if the disk is
		// full, that may be what makes room.
		s.retain()
		for _, ch := range asked {
			ch <- err
		}
		if err == nil {
			s.trouble.written(s)
			continue
		}
		s.counters.snapshotErrors.Add(1)
		if fatal(err) {
			s.fail(fmt.Errorf("%s: %w", s.state.path, err))
			continue
		}
		s.trouble.unwritten(s, err)
		pause := time.NewTimer(s.hooks.snapshotRetry)
		select {
		case <-pause.C:
			w.nudge()
		case <-s.committerDone:
		}
		pause.Stop()
	}
}

func (w *snapshots) answer(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ch := range w.waiting {
		ch <- err
	}
	w.waiting = nil
}

// chosen is an entity together with the version of it that is being written.
type chosen struct {
	e *entity
	v *version
}

// receiptMark is the record up to which the receipts in memory say what the
// journal says. What a receipt does depends on those before it (an older epoch
// counts for nothing), so replay must not repeat any.
type receiptMark struct {
	mu  sync.Mutex
	seq uint64
}

// pass writes every entity that changed since the last pass and then says in
// state.db how far it covers the journal.
func (s *Store) pass() (err error) {
	if err := s.broken(); err != nil {
		return err
	}
	q := &s.queue
	begun := time.Now()
	bytes := s.snapshots.pending.Load()
	q.mu.Lock()
	target := q.committed
	list := q.dirty
	q.dirty = nil
	q.mu.Unlock()
	// Receipts are taken after target: they may be newer, never older.
	s.mark.mu.Lock()
	changed, mark := s.receipts.takeChanged(), s.mark.seq
	s.mark.mu.Unlock()
	age, noteAge := s.journal.age.now(), noteAgeEvery
	if s.closed.Load() {
		noteAge = time.Minute
	}
	if target == s.snapshots.covered.Load() && len(list) == 0 && len(changed) == 0 && age-s.journal.age.noted < noteAge {
		return nil
	}
	slices.SortFunc(list, func(a, b *entity) int { return compareKeys(a.key, b.key) })
	chunk := make([]chosen, 0, snapshotEntities)
	defer func() {
		if err != nil {
			s.receipts.putBack(changed)
			q.putBack(list, len(chunk))
		}
	}()
	written := 0
	for len(list) > 0 {
		chunk = s.choose(list, chunk)
		writing := time.Now()
		if err := s.writeChunk(chunk); err != nil {
			return err
		}
		took := time.Since(writing)
		if limit := s.snapshots.limit; len(chunk) > limit {
			s.snapshots.adapt(took * time.Duration(limit) / time.Duration(len(chunk)))
		} else {
			s.snapshots.adapt(took)
		}
		// What has been written must not be kept in memory by the rest of the list.
		clear(list[:len(chunk)])
		list = list[len(chunk):]
		written += len(chunk)
		clear(chunk)
		chunk = chunk[:0]
		s.table.evict(s.sleepBudget(), 8*snapshotEntities)
		if len(list) > 0 {
			s.rest(took)
		}
	}
	latest := s.clock.last.Load()
	err = s.state.update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if err := putNumber(meta, metaCovered, target); err != nil {
			return err
		}
		if err := putNumber(meta, metaTime, uint64(latest)); err != nil {
			return err
		}
		if err := putNumber(meta, metaReceipt, mark); err != nil {
			return err
		}
		if err := putNumber(meta, metaAge, uint64(age)); err != nil {
			return err
		}
		return writeReceipts(tx, changed)
	})
	if err != nil {
		return err
	}
	s.snapshots.covered.Store(target)
	s.journal.age.noted = age
	s.snapshots.pending.Add(-bytes)
	s.lag.caughtUp(begun, &s.snapshots)
	s.counters.snapshots.Add(1)
	s.counters.snapshotEntities.Add(uint64(written))
	s.counters.snapshotNanos.Add(int64(time.Since(begun)))
	return nil
}

// adapt takes less or more into the next transaction than into one that took
// this long.
func (w *snapshots) adapt(took time.Duration) {
	switch {
	case took > longWrite:
		w.limit = max(w.limit/2, fewestEntities)
	case took < longWrite/4:
		w.limit = min(w.limit*2, snapshotEntities)
	}
}

// rest leaves the disk to the journal for as long as the last transaction has
// kept it busy, unless somebody waits for the pass to end or it has fallen far
// behind.
func (s *Store) rest(took time.Duration) {
	w := &s.snapshots
	w.mu.Lock()
	asked := w.asked || len(w.waiting) > 0
	w.mu.Unlock()
	s.queue.mu.Lock()
	urgent := s.queue.urgent()
	s.queue.mu.Unlock()
	if asked || urgent || w.pending.Load() >= 4*s.o.SnapshotEvery {
		return
	}
	t := time.NewTimer(min(took, longestRest))
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.closing:
	}
}

// choose takes the next few entities and their versions of now, and waits
// until these versions are on disk. Versions that are refused meanwhile are
// chosen anew.
func (s *Store) choose(list []*entity, chunk []chosen) []chosen {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	var bytes int64
	most, mostBytes := s.snapshots.limit, int64(snapshotBytes)
	if most == snapshotEntities && q.urgent() {
		most, mostBytes = most*whenUrgent, mostBytes*whenUrgent
	}
	for _, e := range list {
		v := e.cur.Load()
		if len(chunk) >= most || bytes > mostBytes {
			break
		}
		bytes += v.cost
		e.writing.Store(true)
		e.dirty.Store(false)
		q.drifted(e, v)
		chunk = append(chunk, chosen{e, v})
	}
	for {
		var newest uint64
		again := false
		for i := range chunk {
			c := &chunk[i]
			if q.isRefused(c.v.seq) {
				c.v = c.e.cur.Load()
				again = true
			}
			newest = max(newest, c.v.seq)
		}
		if newest <= q.committed && !again || s.broken() != nil {
			return chunk
		}
		if !again {
			q.reached.Wait()
		}
	}
}

// writeChunk writes the chosen versions in one transaction.
func (s *Store) writeChunk(chunk []chosen) error {
	if err := s.broken(); err != nil {
		return err
	}
	err := s.state.update(func(tx *bbolt.Tx) error {
		var room []byte
		var bucket *bbolt.Bucket
		var kind Kind
		for _, c := range chunk {
			if c.v.seq == 0 {
				continue // its creation was refused
			}
			if bucket == nil || c.e.key.Kind != kind {
				kind = c.e.key.Kind
				bucket = tx.Bucket(s.state.buckets[kind])
				bucket.FillPercent = stateFill
			}
			// bbolt keeps the slice until the end of the transaction.
			if need := stateRoom(c.v); cap(room)-len(room) < need {
				room = make([]byte, 0, max(64<<10, need))
			}
			from := len(room)
			room = appendState(room, s.kinds[kind].Name, c.e.key.ID, c.v)
			if err := bucket.Put([]byte(c.e.key.ID), room[from:len(room):len(room)]); err != nil {
				return fmt.Errorf("write %s %q: %w", s.kinds[kind].Name, c.e.key.ID, err)
			}
			if c.v.state == nil {
				if err := listTombstone(s.kinds[kind], tx, c.v.seq, c.e.key); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	q := &s.queue
	q.mu.Lock()
	for _, c := range chunk {
		c.e.storedLive = c.v.state != nil
		c.e.writing.Store(false)
		cur := c.e.cur.Load()
		q.drifted(c.e, cur)
		if cur.seq == c.v.seq {
			q.count(c.e, 0)
		}
		// From here on memory may forget it.
		c.e.stored.Store(c.v.seq)
	}
	q.relax()
	q.mu.Unlock()
	for _, c := range chunk {
		s.table.offer(c.e)
	}
	return nil
}
