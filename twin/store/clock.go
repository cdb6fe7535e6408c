package store

import (
	"sync/atomic"
	"time"
)

// clock gives the journal's time: the wall clock's, except that it never
// stands still and never goes back, not even over a restart with a wall clock
// that lost its battery.
type clock struct {
	now  func() time.Time
	last atomic.Int64
}

func (c *clock) next() int64 {
	for {
		last := c.last.Load()
		now := c.now().UnixNano()
		if now <= last {
			now = last + 1
		}
		if c.last.CompareAndSwap(last, now) {
			return now
		}
	}
}

// atLeast keeps later times above t.
func (c *clock) atLeast(t int64) {
	for {
		last := c.last.Load()
		if t <= last || c.last.CompareAndSwap(last, t) {
			return
		}
	}
}

func (c *clock) time() time.Time { return time.Unix(0, c.last.Load()).UTC() }
