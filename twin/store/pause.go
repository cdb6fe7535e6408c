//go:build !linux

package store

import "time"

// pause waits for as long as a sync would.
func pause(d time.Duration) { time.Sleep(d) }
