package store

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Histogram counts observations: Counts[i] those up to Bounds[i], not
// cumulated; the last count those beyond all bounds.
type Histogram struct {
	Bounds []float64
	Counts []uint64
	Sum    float64
	Count  uint64
}

// Stats is what a store says about itself. Numbers that only grow count from
// Open on.
type Stats struct {
	Commits       uint64    // transactions that reached the disk
	Records       uint64    // records in them
	Bytes         uint64    // their size as encoded
	CommitSeconds Histogram // from taking a batch to having it on disk
	SyncSeconds   Histogram // of this, waiting for the disk to sync; not of the first commit to a file that was opened
	BatchRecords  Histogram // records a batch
	Refused       uint64    // sequence numbers refused because the disk could not take them
	Retries       uint64    // commits tried again
	Busy          uint64    // Begins turned away because the queue stayed full

	QueueRecords int // waiting or being committed
	QueueBytes   int64

	Stuck  bool // changes cannot be stored; Trouble says why
	Full   bool // because there is no room
	Failed bool // a sync failed: nothing can be stored any more

	LastSeq          uint64 // on disk
	CoveredSeq       uint64 // up to here the snapshot file makes the journal unnecessary
	SnapshotLag      int64  // bytes of journal behind that
	Snapshots        uint64 // passes of the snapshot writer
	SnapshotEntities uint64 // entities that it wrote
	SnapshotSeconds  float64
	SnapshotErrors   uint64
	SnapshotBehind   float64 // seconds for which at most it has been behind

	Entities     int64 // in memory
	Memory       int64 // bytes that they are counted for
	Unstored     int64 // of these, bytes that the snapshot file does not have
	CacheHits    uint64
	CacheMisses  uint64
	Evictions    uint64
	Receipts     int // clients with QoS 2 receipts
	Segments     int // journal files
	JournalBytes int64
	StateBytes   int64
	Deleted      uint64    // journal files that retention deleted
	Forgotten    uint64    // tombstones that were removed
	FreeBytes    int64     // on the file system; negative: not known
	FirstSeq     uint64    // the oldest sequence number still in the journal
	Oldest       time.Time // when that was written; zero: not known
}

var (
	secondBounds = []float64{.0002, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5}
	batchBounds  = []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000}
)

// counters are kept as things happen.
type counters struct {
	busy, retries, refused          atomic.Uint64
	snapshots, snapshotEntities     atomic.Uint64
	snapshotErrors, segmentsDeleted atomic.Uint64
	forgotten                       atomic.Uint64
	snapshotNanos                   atomic.Int64
	mu                              sync.Mutex
	commits, records, bytes         uint64
	commitSeconds, batchRecords     Histogram
	syncSeconds                     Histogram
}

func (c *counters) init() {
	c.commitSeconds = Histogram{Bounds: secondBounds, Counts: make([]uint64, len(secondBounds)+1)}
	c.syncSeconds = Histogram{Bounds: secondBounds, Counts: make([]uint64, len(secondBounds)+1)}
	c.batchRecords = Histogram{Bounds: batchBounds, Counts: make([]uint64, len(batchBounds)+1)}
}

func (h *Histogram) observe(x float64) {
	i := 0
	for i < len(h.Bounds) && x > h.Bounds[i] {
		i++
	}
	h.Counts[i]++
	h.Sum += x
	h.Count++
}

func (h Histogram) clone() Histogram {
	h.Counts = append([]uint64(nil), h.Counts...)
	return h
}

func (c *counters) committed(records int, bytes int64, took, synced time.Duration) {
	c.mu.Lock()
	c.commits++
	c.records += uint64(records)
	c.bytes += uint64(bytes)
	c.commitSeconds.observe(took.Seconds())
	if synced > 0 {
		c.syncSeconds.observe(synced.Seconds())
	}
	c.batchRecords.observe(float64(records))
	c.mu.Unlock()
}

// Stats gives the numbers of now.
func (s *Store) Stats() Stats {
	c := &s.counters
	c.mu.Lock()
	st := Stats{
		Commits: c.commits, Records: c.records, Bytes: c.bytes,
		CommitSeconds: c.commitSeconds.clone(), BatchRecords: c.batchRecords.clone(),
		SyncSeconds: c.syncSeconds.clone(),
	}
	c.mu.Unlock()
	st.Refused, st.Retries, st.Busy = c.refused.Load(), c.retries.Load(), c.busy.Load()
	q := &s.queue
	q.mu.Lock()
	st.QueueRecords, st.QueueBytes, st.Unstored, st.LastSeq = q.records, q.bytes, q.unstored, q.committed
	q.mu.Unlock()
	trouble := s.Trouble()
	st.Stuck, st.Full = trouble != nil, errors.Is(trouble, ErrDiskFull)
	st.Failed = s.broken() != nil
	st.CoveredSeq, st.SnapshotLag = s.snapshots.covered.Load(), s.snapshots.pending.Load()
	st.Snapshots, st.SnapshotEntities = c.snapshots.Load(), c.snapshotEntities.Load()
	st.SnapshotSeconds = time.Duration(c.snapshotNanos.Load()).Seconds()
	st.SnapshotErrors, st.SnapshotBehind = c.snapshotErrors.Load(), s.lag.seconds(s.o.Clock())
	st.Entities, st.Memory = s.table.count.Load(), s.table.memory.Load()
	st.CacheHits, st.CacheMisses, st.Evictions = s.table.hits.Load(), s.table.misses.Load(), s.table.evictions.Load()
	s.receipts.mu.Lock()
	st.Receipts = len(s.receipts.clients)
	s.receipts.mu.Unlock()
	st.Segments, st.JournalBytes = s.journal.segments()
	st.FirstSeq = s.journal.oldest()
	st.Oldest = s.horizon.oldest(s.journal.dir, st.FirstSeq)
	st.StateBytes, _ = fileSize(s.state.path)
	st.Deleted, st.Forgotten = c.segmentsDeleted.Load(), c.forgotten.Load()
	st.FreeBytes, _ = s.hooks.free(s.journal.dir)
	return st
}
