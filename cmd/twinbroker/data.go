package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/store"
)

// openService opens the data. A signal ends the program meanwhile as well: there
// is nothing to finish yet, and what is being read may be large, or on a disk
// that does not answer. The service is nil then.
func openService(dir string, o twin.Options, signals <-chan os.Signal) (*twin.Service, error) {
	type opened struct {
		service *twin.Service
		err     error
	}
	done := make(chan opened, 1)
	go func() {
		service, err := twin.Open(dir, o)
		done <- opened{service, err}
	}()
	select {
	case o := <-done:
		return o.service, o.err
	case s := <-signals:
		o.Store.Logger.Info("stopped before the data was open", "signal", s.String(), "data_dir", dir)
		return nil, nil
	}
}

// closeService closes the data, unless the disk does not answer for as long as
// it may take. That there was no room to save how far the snapshot goes is worth
// a warning only: everything acknowledged is in the journal.
func closeService(service *twin.Service, patience time.Duration, log *slog.Logger) error {
	stalled := make(chan struct{})
	defer whenStalled(service.Store(), patience, func() { close(stalled) })()
	closed := make(chan error, 1)
	go func() { closed <- service.Close() }()
	select {
	case err := <-closed:
		if errors.Is(err, store.ErrDiskFull) {
			log.Warn("there was no room to write the snapshot at the end; everything acknowledged is in the journal, and the next start reads it from there", "error", err)
			return nil
		}
		if err != nil {
			return fmt.Errorf("closing the store: %w", err)
		}
		return nil
	case <-stalled:
		return fmt.Errorf("closing the store: the disk has not answered for %v: what was acknowledged is safe, what was not may be stored or not", patience)
	}
}

// whenStalled runs fn once, when the disk has not answered for longer than
// patience. What it returns ends the watch.
func whenStalled(s *store.Store, patience time.Duration, fn func()) (end func()) {
	patience = max(patience, leastPatience)
	over := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(stalledEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if s.Stalled() > patience {
					fn()
					return
				}
			case <-over:
				return
			}
		}
	}()
	return func() {
		close(over)
		<-done
	}
}

const (
	stalledEvery  = 50 * time.Millisecond
	leastPatience = time.Second
)
