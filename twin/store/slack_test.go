package store

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

func TestSlackIsWaitedForWhileTheQueueIsHalfFull(t *testing.T) {
	hold := make(chan struct{})
	o := Options{QueueRecords: 4, Patience: time.Minute}
	o.hooks.beforeCommit = func([]*Tx) error { <-hold; return nil }
	s := open(t, t.TempDir(), o)
	var told []<-chan error
	for range 2 {
		told = append(told, change(t, s, thing("a"), "x"))
	}
	if err := s.AwaitSlack(t.Context()); err != nil {
		t.Fatalf("half full: %v", err)
	}
	told = append(told, change(t, s, thing("a"), "x"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.AwaitSlack(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("more than half full: %v", err)
	}
	waited := make(chan error, 1)
	go func() { waited <- s.AwaitSlack(t.Context()) }()
	close(hold)
	if err := <-waited; err != nil {
		t.Errorf("when it is over: %v", err)
	}
	for _, ch := range told {
		if err := <-ch; err != nil {
			t.Error(err)
		}
	}
	closeStore(t, s)
	if err := s.AwaitSlack(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("of a closed store: %v", err)
	}
}

// Who waits for a snapshot file that cannot be written is let through in the
// end: what he does then is told what is wrong.
func TestSlackIsNotWaitedForForEver(t *testing.T) {
	o := Options{Memory: 16 << 10, Patience: 50 * time.Millisecond}
	var mended atomic.Bool
	o.hooks.beforeSnapshot = func() error {
		if mended.Load() {
			return nil
		}
		return errors.New("no")
	}
	s := open(t, t.TempDir(), o)
	for i := 0; s.queue.slack(); i++ {
		mustChange(t, s, thing(string(rune('a'+i))), "x")
	}
	if err := s.AwaitSlack(t.Context()); err != nil {
		t.Errorf("%v", err)
	}
	mended.Store(true)
}
