package store

import "time"

// age is how long the journal has been in use, in all. Retention counts by it,
// and not by the clock: a machine without a battery wakes up in the year 1970
// or in 2099, and must not lose its history because of that. It is the time
// for which the store was open, taken from the system's monotonic clock. Time
// in which nothing ran does not count, because how long that was nobody can
// tell; so history is kept for at least as long as it should be.
//
// Each segment says how old the journal was when it was begun, and state.db
// how old it was last time. What a killed process had not noted is lost, which
// again keeps history longer.
type age struct {
	before  time.Duration // until the store was opened
	elapsed func() time.Duration
	noted   time.Duration // in state.db; only for the snapshot writer
}

func (a *age) now() time.Duration { return a.before + a.elapsed() }

// noteAgeEvery is how much older the journal gets before that alone is written
// down.
const noteAgeEvery = time.Hour

// sinceNow gives the time that has passed since it was called, whatever
// happens to the clock.
func sinceNow() func() time.Duration {
	begun := time.Now()
	return func() time.Duration { return time.Since(begun) }
}
