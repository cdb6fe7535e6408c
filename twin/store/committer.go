package store

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// commitLoop is the committer's goroutine: it takes all that is waiting into
// one transaction, again and again, and hands what is on disk to the teller.
func (s *Store) commitLoop() {
	defer close(s.tell)
	var spare []*Tx
	records := 0 // in the last batch
	for {
		select {
		case fn := <-s.aside:
			fn()
		default:
		}
		if n, since, _ := s.queue.waiting(); n > 0 {
			s.gather(since)
			s.mingle(records)
			batch, gap := s.queue.take(spare)
			records = 0
			for _, tx := range batch {
				records += len(tx.ends)
			}
			if gap != 0 {
				s.journal.gap = gap
			}
			s.commit(batch)
			select {
			case spare = <-s.spares:
			default:
				spare = nil
			}
			continue
		}
		select {
		case <-s.queue.wake:
		case fn := <-s.aside:
			fn()
		case <-s.closing:
			if n, _, _ := s.queue.waiting(); n == 0 {
				return
			}
		}
	}
}

// Where so many records came in the last batch more are on their way, and are
// waited for until there are enough of them, or for a moment.
const (
	manyRecords   = 16
	enoughRecords = 96
	aMoment       = 120 * time.Microsecond
)

// mingle lets those who are about to make a change do so, when there are many.
// On a fast disk a commit is over so soon that few would share the next one,
// and each commit costs some 24 KiB of pages, whatever is in it.
func (s *Store) mingle(last int) {
	if last < manyRecords {
		return
	}
	runtime.Gosched()
	if n, _, _ := s.queue.waiting(); n < enoughRecords {
		time.Sleep(aMoment)
	}
}

// gather waits until the first of those waiting has waited for
// Options.Gather, or enough have come.
func (s *Store) gather(since time.Time) {
	if s.o.Gather <= 0 {
		return
	}
	t := time.NewTimer(time.Until(since.Add(s.o.Gather)))
	defer t.Stop()
	for {
		if _, _, enough := s.queue.waiting(); enough {
			return
		}
		select {
		case <-t.C:
			return
		case <-s.closing:
			return
		case <-s.queue.wake:
		}
	}
}

// commit brings the batch to disk, however long that takes within
// Options.Patience, or refuses it.
func (s *Store) commit(batch []*Tx) {
	var records int
	var bytes int64
	for _, tx := range batch {
		records += len(tx.ends)
		bytes += int64(len(tx.buf))
	}
	if err := s.broken(); err != nil {
		s.refuse(batch, err)
		return
	}
	deadline := time.Now().Add(s.o.Patience)
	failed := false
	for {
		begun := time.Now()
		err := s.roomFor(bytes)
		noRoom := err != nil
		if err == nil {
			s.expect(time.Until(deadline))
			err = s.write(batch, bytes)
			s.answered()
		}
		if err == nil {
			s.counters.committed(records, bytes, time.Since(begun), s.journal.synced)
			s.horizon.wrote(s.journal.first, batch[0].time)
			break
		}
		if fatal(err) {
			s.fail(err)
			s.refuse(batch, s.broken())
			return
		}
		err = s.stuck(err)
		if !failed && errors.Is(err, ErrDiskFull) {
			failed = true
			s.deleteSegments() // what is due makes room
		}
		s.trouble.began(s, err)
		s.queue.note(err, noRoom)
		if !time.Now().Before(deadline) {
			s.refuse(batch, err)
			return
		}
		s.counters.retries.Add(1)
		t := time.NewTimer(min(retryAfter, time.Until(deadline)))
		select {
		case <-t.C:
		case <-s.closing:
			// Closing does not wait for an operator to make room.
			t.Stop()
			deadline = time.Now()
		}
	}
	s.trouble.ended(s)
	s.mark.mu.Lock()
	for _, tx := range batch {
		s.receipts.apply(tx)
	}
	s.mark.seq = batch[len(batch)-1].last()
	s.mark.mu.Unlock()
	s.queue.finished(batch)
	s.snapshots.grown(s, bytes)
	s.tell <- told{batch: batch}
}

// retryAfter is how long the committer waits before it tries again to write.
const retryAfter = 250 * time.Millisecond

// roomFor checks that the file system has room for a batch.
func (s *Store) roomFor(bytes int64) error {
	free, err := s.hooks.free(s.journal.dir)
	if err != nil || free < 0 {
		return nil // cannot be known: the write will tell
	}
	// A batch may be written with up to its own size of half-filled pages.
	if need := 2*bytes + s.hooks.reserve; free < need {
		return fmt.Errorf("%w: %s has %d bytes free, needed are %d: make room or move data_dir", ErrDiskFull, s.journal.dir, free, need)
	}
	return nil
}

// stuck is why the committer waits, in words for those who are refused because
// of it.
func (s *Store) stuck(err error) error {
	if full(err) {
		return s.noRoomLeft(err)
	}
	return fmt.Errorf("%w: %s: %w", ErrBusy, s.dir, err)
}

// full says whether an error means that there is no room.
func full(err error) bool {
	return errors.Is(err, ErrDiskFull) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		errors.Is(err, syscall.EFBIG) || strings.Contains(err.Error(), errFileSize)
}

// fatal says whether the process must not go on writing. After a failed sync
// the kernel may have dropped what was not written and tell the next sync that
// all is well, so nothing that depends on it can be trusted any more. bbolt
// gives a failed write as *fs.PathError and a failed sync as the bare error
// number, or as text when it has made the file longer.
func fatal(err error) bool {
	if errors.Is(err, errSync) || errors.Is(err, syscall.EIO) || strings.Contains(err.Error(), errFileSync) {
		return true
	}
	var path *fs.PathError
	if errors.As(err, &path) && path.Op == "sync" {
		return true
	}
	var number syscall.Errno
	return errors.As(err, &number) && path == nil
}

// errSync marks errors that came out of a sync.
var errSync = errors.New("sync failed")

// write appends the batch to the journal and syncs. When that fails it reopens
// the segment, which syncs it, and looks: bbolt may have got as far as its
// last page.
func (s *Store) write(batch []*Tx, bytes int64) error {
	err := s.journal.append(batch, bytes)
	if err == nil || fatal(err) {
		return err
	}
	if again := s.journal.reopen(); again != nil {
		return fmt.Errorf("%w: reopen the journal after %w: %w", errSync, err, again)
	}
	if s.journal.last == batch[len(batch)-1].last() {
		s.journal.gap = 0
		s.o.Logger.Warn("a commit failed, yet all of it is on disk", "error", err)
		return nil
	}
	return err
}

// refuse takes back the batch and everything behind it in the queue, and lets
// the teller say so.
func (s *Store) refuse(batch []*Tx, cause error) {
	s.refused(s.takeBack(batch), cause, false)
}

// fail takes the store down for good and says so.
func (s *Store) fail(err error) {
	if !s.failed.CompareAndSwap(nil, &downError{fmt.Errorf("%w: %w", ErrFailed, err)}) {
		return
	}
	s.queue.mu.Lock()
	s.queue.reached.Broadcast()
	if s.queue.room != nil {
		close(s.queue.room)
		s.queue.room = nil
	}
	s.queue.mu.Unlock()
	s.o.Logger.Error("the disk failed; what is not acknowledged may be lost", "error", err)
	if s.o.OnFatal != nil {
		s.o.OnFatal(err)
	}
}
