package store

import (
	"sync/atomic"
	"time"
)

// lag is since when the snapshot file has been behind the journal. It is an
// upper bound: after a pass it counts from when that began.
type lag struct{ since atomic.Int64 } // Unix nanoseconds; 0: it is not behind

// grown notes that there is journal of this time which the file does not cover.
func (l *lag) grown(at int64) { l.since.CompareAndSwap(0, at) }

// caughtUp notes that a pass which began then is over.
func (l *lag) caughtUp(begun time.Time, w *snapshots) {
	l.since.Store(0)
	if w.pending.Load() > 0 {
		l.grown(begun.UnixNano())
	}
}

// seconds is how long the file has been behind.
func (l *lag) seconds(now time.Time) float64 {
	since := l.since.Load()
	if since == 0 {
		return 0
	}
	return max(now.Sub(time.Unix(0, since)).Seconds(), 0)
}
