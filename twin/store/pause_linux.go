package store

import (
	"syscall"
	"time"
)

// pause blocks the thread for as long as a sync would. A timer of the runtime
// overshoots by up to a millisecond, and lets the processor go at once, which
// a sync does not.
func pause(d time.Duration) {
	left := syscall.NsecToTimespec(int64(d))
	for syscall.Nanosleep(&left, &left) == syscall.EINTR {
	}
}
