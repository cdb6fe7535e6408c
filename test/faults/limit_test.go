//go:build linux

package faults

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/twinbroker/twinbroker/test/harness"
)

// limitFiles makes every write of the broker beyond that many bytes of a file
// fail (EFBIG).
func limitFiles(t testing.TB, b *harness.Broker, bytes uint64) {
	t.Helper()
	var was unix.Rlimit
	if err := unix.Prlimit(b.PID(), unix.RLIMIT_FSIZE, nil, &was); err != nil {
		t.Fatal(err)
	}
	was.Cur = min(bytes, was.Max) // who has lowered the other one cannot raise it again
	if err := unix.Prlimit(b.PID(), unix.RLIMIT_FSIZE, &was, nil); err != nil {
		t.Fatal(err)
	}
}

// noLimit is limitFiles' contrary.
const noLimit = unix.RLIM_INFINITY
