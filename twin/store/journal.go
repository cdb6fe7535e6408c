package store

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
)

// journalFormat is the format version of the journal's segments. Those of
// format 1 hold records of format 1, do not stand alone, and do not say how old
// the journal was.
const journalFormat = 2

// sealed is a segment that is not written any more.
type sealed struct {
	path        string
	first, last uint64
	age         time.Duration // of the journal when its last record was written, at most; 0: not looked up yet
	size        int64
}

// journal is the sequence of segments. Only the committer writes to it.
type journal struct {
	dir   string
	size  int64 // of a segment
	delay time.Duration
	hooks *hooks

	db     *bbolt.DB // the writable segment; nobody else reads or writes it through this
	path   string
	first  uint64
	last   uint64        // last record on disk
	chain  uint64        // over the segment's records up to there
	gap    uint64        // not 0: the next record must be one that explains why its number is this
	fresh  bool          // nothing has been committed since the segment was opened
	synced time.Duration // for the last commit's sync; 0: not known
	filled bool          // the file has its full size already, without holes
	spare  spare
	wrote  bool // something has been committed since finish could last have said so
	now    func() int64
	age    age
	format uint64        // of the writable segment, until upgrade has begun another one
	begins atomic.Uint64 // first, for everybody
	tail   atomic.Pointer[tail]

	retaining sync.Mutex // held while sealed segments are deleted

	mu    sync.Mutex
	old   []sealed
	bytes int64         // of the writable segment; others read it, and first
	begun time.Duration // how old the journal was when that was begun
	holds int           // whoever reads the old ones; none is deleted meanwhile
}

// append writes the batch in one transaction.
func (j *journal) append(batch []*Tx, bytes int64) error {
	tx, err := j.db.Begin(true)
	if err != nil {
		return err
	}
	used := tx.Size()
	full := used+bytes+bytes/4+64<<10 > j.size
	// A segment that was not made ready in advance is left as soon as there is
	// one that was.
	if (full || !j.filled && j.spare.ready.Load()) && j.last >= j.first {
		if err := tx.Rollback(); err != nil {
			return err
		}
		if err := j.rotate(j.start(batch)); err != nil {
			return err
		}
		if tx, err = j.db.Begin(true); err != nil {
			return err
		}
	}
	chain, err := j.fill(tx, batch)
	if err == nil {
		err = putEnding(tx, batch[len(batch)-1].last(), chain)
	}
	if err != nil {
		tx.Rollback()
		return err
	}
	used = tx.Size()
	txid := uint64(tx.ID())
	if j.hooks.beforeCommit != nil {
		if err := j.hooks.beforeCommit(batch); err != nil {
			tx.Rollback()
			return err
		}
	}
	j.wrote = true
	if err := j.commit(tx); err != nil {
		return err
	}
	if j.hooks.afterCommit != nil {
		if err := j.hooks.afterCommit(batch); err != nil {
			return err
		}
	}
	j.last, j.chain, j.gap = batch[len(batch)-1].last(), chain, 0
	j.tail.Load().reached(txid, j.last)
	if !j.filled || used > j.size/2 {
		j.spare.want()
	}
	j.mu.Lock()
	j.bytes = used
	j.mu.Unlock()
	return nil
}

// commit brings a transaction to disk with one sync; see the package's
// documentation for why one is enough. bbolt's own way, which is to sync
// between the other pages and the meta page too, is taken for the first
// transaction after a file was opened: bbolt may give it the number of one
// that was never finished and whose pages are still about, and by its number
// recovery tells a transaction's pages from others.
func (j *journal) commit(tx *bbolt.Tx) error {
	syncs := time.Duration(1)
	j.synced = 0
	if j.fresh {
		syncs = 2
	}
	j.db.NoSync = !j.fresh
	j.tail.Load().begin(uint64(tx.ID()))
	err := tx.Commit()
	if err != nil {
		if strings.HasPrefix(err.Error(), errFileSync) {
			// bbolt has grown the file, and hides the error's nature.
			err = fmt.Errorf("%w: %s: %w", errSync, j.path, err)
		}
		return err
	}
	begun := time.Now()
	if !j.fresh && syncsCommits {
		if err := j.db.Sync(); err != nil {
			return fmt.Errorf("%w: %s: %w", errSync, j.path, err)
		}
	}
	if j.delay > 0 {
		pause(syncs * j.delay)
	}
	if !j.fresh {
		j.synced = max(time.Since(begun), 1)
	}
	j.fresh = false
	return nil
}

// finish ends the writing in good order: one more transaction, which adds no
// record. From then on both states that recovery chooses from hold all that
// was acknowledged, so that damage can not be taken for a loss of power.
func (j *journal) finish() error {
	if !j.wrote {
		return nil
	}
	tx, err := j.db.Begin(true)
	if err != nil {
		return err
	}
	last := j.last
	if last < j.first {
		last = 0 // the first batch that was meant for this segment was refused
	}
	if err := putEnding(tx, last, j.chain); err != nil {
		tx.Rollback()
		return err
	}
	txid := uint64(tx.ID())
	if err := j.commit(tx); err != nil {
		return err
	}
	j.tail.Load().reached(txid, j.last)
	j.wrote = false
	return nil
}

// start is the number of the record that comes first when the batch is next.
func (j *journal) start(batch []*Tx) uint64 {
	if j.gap != 0 {
		return j.gap
	}
	return batch[0].first
}

// fill puts the batch's records into the transaction and gives the chain.
func (j *journal) fill(tx *bbolt.Tx, batch []*Tx) (uint64, error) {
	b := tx.Bucket(bucketRecords)
	if b == nil {
		return 0, fmt.Errorf("%w: %s has no bucket of records", ErrDamaged, j.path)
	}
	b.FillPercent = 0.95
	chain := j.chain
	var key [8]byte
	if j.gap != 0 {
		binary.BigEndian.PutUint64(key[:], j.gap)
		text, sum := appendRecord(nil, &record{op: opGap, time: j.now(), prev: pointer{seq: j.last}}, nil)
		sealRecord(text, sum, &key)
		chain = link(chain, text)
		if err := b.Put(key[:], text); err != nil {
			return 0, err
		}
	}
	for _, t := range batch {
		from := 0
		for i, r := range t.ends {
			binary.BigEndian.PutUint64(key[:], t.first+uint64(i))
			text, sum := t.buf[from:r.end:r.end], r.sum
			from = r.end
			if t.begins < j.first && t.leadsBack(i, j.first) {
				// It was encoded when the segment before was written.
				p := &t.puts[i]
				text, sum = withState(text, p.prev.far, p.next.created, p.next.state)
			}
			sealRecord(text, sum, &key)
			chain = link(chain, text)
			if err := b.Put(key[:], text); err != nil {
				return 0, err
			}
		}
	}
	return chain, nil
}

// rotate begins a new segment, whose records are those from first on.
func (j *journal) rotate(first uint64) error {
	age := j.age.now()
	db, path, filled, err := createSegment(j.dir, first, j.size, age, &j.spare)
	if err != nil {
		return err
	}
	old := sealed{path: j.path, first: j.first, last: j.last, age: age}
	old.size = seal(j.db, j.path)
	j.mu.Lock()
	j.old = append(j.old, old)
	j.bytes, j.first, j.begun = 0, first, age
	j.mu.Unlock()
	j.begin(db, path, filled)
	return nil
}

// create begins the journal's only segment, or its last one anew, which is
// empty.
func (j *journal) create(first uint64) error {
	age := j.age.now()
	db, path, filled, err := createSegment(j.dir, first, j.size, age, &j.spare)
	if err != nil {
		return err
	}
	j.mu.Lock()
	j.first, j.begun = first, age
	j.mu.Unlock()
	j.begin(db, path, filled)
	return nil
}

// begin makes a segment that has just been created the writable one.
func (j *journal) begin(db *bbolt.DB, path string, filled bool) {
	j.db, j.path = db, path
	j.chain, j.fresh, j.filled, j.wrote, j.format = 0, false, filled, false, journalFormat
	j.show(createdBy, j.first-1)
}

// createdBy is the transaction that makes a segment: bbolt's own two states of
// an empty file are 0 and 1.
const createdBy = 2

// seal closes a segment and gives back the space that it had got in advance.
// Neither can lose anything, so a failure of it is not a failure to commit.
func seal(db *bbolt.DB, path string) int64 {
	var used int64
	err := db.View(func(tx *bbolt.Tx) error {
		used = tx.Size()
		return nil
	})
	db.Close()
	if size, statErr := fileSize(path); err == nil && statErr == nil && size > used {
		_ = os.Truncate(path, used)
	}
	return used
}

// reopen opens the writable segment anew after a failed commit and finds out
// how far it goes.
func (j *journal) reopen() error {
	if err := j.db.Close(); err != nil {
		return err
	}
	return j.open(j.path, j.first)
}

// open makes the segment the writable one, and what it holds durable: a
// process that was killed may have left it unsynced, and the next transaction
// relies on it. It must have been verified before: bbolt's own walk over a
// damaged file could end the process.
func (j *journal) open(path string, first uint64) error {
	return guarded(path, func() error {
		db, err := bbolt.Open(path, 0o600, segmentOptions(j.size))
		if err != nil {
			return err
		}
		j.db, j.path, j.fresh = db, path, true
		size, err := fileSize(path)
		if err != nil {
			return err
		}
		j.filled = size >= j.size
		if err := db.Sync(); err != nil {
			return fmt.Errorf("%w: %w", errSync, err)
		}
		return db.View(func(tx *bbolt.Tx) error {
			j.mu.Lock()
			j.bytes, j.first = tx.Size(), first
			j.mu.Unlock()
			meta := tx.Bucket(bucketMeta)
			end, err := decodeEnding(meta.Get(metaEnding))
			if err != nil {
				return err
			}
			if j.format, err = number(meta, metaFormat); err != nil {
				return err
			}
			if j.format > 1 {
				age, err := number(meta, metaAge)
				if err != nil {
					return fmt.Errorf("%w: %w", ErrDamaged, err)
				}
				j.mu.Lock()
				j.begun = time.Duration(age)
				j.mu.Unlock()
			}
			if end.last != 0 {
				j.last = end.last
			}
			j.chain = end.chain
			j.show(end.txid, j.last)
			return nil
		})
	})
}

// segments gives how many there are and what they take.
func (j *journal) segments() (n int, bytes int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	bytes = j.bytes
	for _, old := range j.old {
		bytes += old.size
	}
	return len(j.old) + 1, bytes
}

// listSegments gives the journal's files in order and removes what a crash
// left half made.
func listSegments(dir string) ([]sealed, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []sealed
	for _, n := range names {
		path := filepath.Join(dir, n.Name())
		if filepath.Ext(n.Name()) == temporarySuffix {
			if err := os.Remove(path); err != nil {
				return nil, err
			}
			continue
		}
		first, err := segmentFirst(n.Name())
		if err != nil {
			return nil, fmt.Errorf("%s: %w: move it out of the journal's folder", path, err)
		}
		info, err := n.Info()
		if err != nil {
			return nil, err
		}
		list = append(list, sealed{path: path, first: first, size: info.Size()})
	}
	for i := range list[:max(len(list)-1, 0)] {
		list[i].last = list[i+1].first - 1
	}
	return list, nil
}

// oldest gives the first sequence number that the journal still has.
func (j *journal) oldest() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.old) > 0 {
		return j.old[0].first
	}
	return j.first
}
