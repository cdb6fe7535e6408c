package store

import (
	"context"
	"time"
)

// slackEvery is how often somebody who waits for slack looks for it.
const slackEvery = 2 * time.Millisecond

// AwaitSlack waits until the disk has no more than half of what it may be
// behind with: of the queue to it, and of the states in memory that the
// snapshot file does not have. Who brings much at once and calls it now and then
// leaves the other half to everybody else, so that their Begin does not wait on
// his account. It waits for no longer than Options.Patience: Begin knows what to
// say of a disk that is stuck. The error is the context's, or says why the store
// can take nothing any more.
func (s *Store) AwaitSlack(ctx context.Context) error {
	var tick *time.Ticker
	begun := time.Now()
	for {
		if err := s.down(); err != nil {
			return err
		}
		if s.queue.slack() || time.Since(begun) > s.o.Patience {
			return ctx.Err()
		}
		if tick == nil {
			tick = time.NewTicker(slackEvery)
			defer tick.Stop()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (q *queue) slack() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.records <= q.maxRecords/2 && q.bytes <= q.maxBytes/2 && q.unstored <= q.maxChanged/2
}
