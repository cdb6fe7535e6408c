package store

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
)

// spare is the segment that comes next, made ready while the present one is
// being written: a file of full size whose blocks the file system has already
// given out and written. A commit then changes no more than the contents of
// blocks, and its sync need not wait for the file system's own journal, nor
// for whatever else is in that. Measured on ext4: a third less time for a
// commit of one record, and far fewer that take tens of milliseconds. On an SD
// card it also saves most of what a small commit writes.
type spare struct {
	path  string
	wake  chan struct{}
	ready atomic.Bool
	done  chan struct{} // closed when the goroutine has ended
	busy  stopwatch     // with a sync
}

const spareName = "next" + temporarySuffix

// Zeros are written in steps, each synced and followed by a rest as long as it
// took, so that a commit never waits for more than one of them.
const spareStep = 128 << 10

// spareRetry is how long after a failure, or when there was no room, the next
// attempt comes.
const spareRetry = time.Minute

func (sp *spare) init(dir string) {
	sp.path = filepath.Join(dir, spareName)
	sp.wake, sp.done = make(chan struct{}, 1), make(chan struct{})
}

// want asks for a spare segment. It does not wait.
func (sp *spare) want() {
	if sp.ready.Load() {
		return
	}
	select {
	case sp.wake <- struct{}{}:
	default:
	}
}

// take gives the spare segment the name under which a segment is made, if
// there is one. Only the committer calls it.
func (sp *spare) take(as string) bool {
	if !sp.ready.Load() {
		return false
	}
	err := os.Rename(sp.path, as)
	sp.ready.Store(false)
	return err == nil
}

// spareLoop is the goroutine that makes spare segments.
func (s *Store) spareLoop() {
	sp := &s.journal.spare
	defer close(sp.done)
	defer os.Remove(sp.path)
	for {
		select {
		case <-sp.wake:
		case <-s.closing:
			return
		}
		if sp.ready.Load() || s.hooks.noSpare {
			continue
		}
		err := s.makeSpare()
		if err == nil {
			sp.ready.Store(true)
			continue
		}
		os.Remove(sp.path)
		if errors.Is(err, ErrClosed) {
			return
		}
		// Commits go on without; only they are slower.
		level := slog.LevelWarn
		if full(err) {
			level = slog.LevelDebug
		}
		s.o.Logger.Log(context.Background(), level, "no segment was made ready in advance, will be tried again", "error", err, "in", spareRetry)
		t := time.NewTimer(spareRetry)
		select {
		case <-t.C:
		case <-s.closing:
			t.Stop()
			return
		}
	}
}

// makeSpare makes an empty bbolt file of the size of a segment, without holes.
func (s *Store) makeSpare() error {
	j := &s.journal
	// It must not take what the journal itself may need soon.
	if free, err := s.hooks.free(j.dir); err == nil && free >= 0 && free < 4*j.size {
		return syscall.ENOSPC
	}
	if err := os.Remove(j.spare.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	db, err := bbolt.Open(j.spare.path, 0o600, segmentOptions(0))
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	f, err := os.OpenFile(j.spare.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = s.zeros(f)
	return errors.Join(err, f.Close())
}

// zeros writes from the end of the file to a segment's size.
func (s *Store) zeros(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	step := make([]byte, spareStep)
	t := time.NewTimer(0)
	defer t.Stop()
	for at := info.Size(); at < s.journal.size; {
		begun := time.Now()
		n, err := f.WriteAt(step[:min(spareStep, s.journal.size-at)], at)
		if err != nil {
			return err
		}
		s.journal.spare.busy.start()
		err = f.Sync()
		s.journal.spare.busy.stop()
		if err != nil {
			return err
		}
		at += int64(n)
		t.Reset(time.Since(begun))
		select {
		case <-t.C:
		case <-s.closing:
			return ErrClosed
		}
	}
	return nil
}
