package store

import (
	"errors"
	"testing"
	"time"
)

// A batch may be refused just when a segment has been made for it. The segment
// then begins with the record that says so, under a higher number than its own.
func TestASegmentWhoseFirstBatchWasRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		size  int64
		goOn  bool // something is written after the refusal
		close bool // in good order
	}{
		{"the very first one", 0, true, false},
		{"the very first one, closed", 0, true, true},
		{"the very first one, and nothing more", 0, false, true},
		{"a later one", 64 << 10, true, false},
		{"a later one, closed", 64 << 10, true, true},
		{"a later one, and nothing more", 64 << 10, false, true},
		{"a later one, and nothing more, killed", 64 << 10, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			disk := newBreaker()
			s := open(t, dir, Options{SegmentSize: c.size, Patience: time.Millisecond, hooks: hooks{beforeCommit: disk.check}})
			want, revision := "(none)", uint64(0)
			if c.size != 0 {
				mustChange(t, s, thing("a"), "kept")
				want, revision = "kept", 1
			}
			disk.set(enospc)
			// Larger than what is left of a small segment.
			if err := <-change(t, s, thing("b"), string(make([]byte, 32<<10))); !errors.Is(err, ErrDiskFull) {
				t.Fatalf("got %v", err)
			}
			disk.mend()
			if c.goOn {
				mustChange(t, s, thing("a"), "written")
				want = "written"
				revision++
			}
			if c.close {
				closeStore(t, s)
			} else {
				crash(t, s)
			}
			s = open(t, dir, Options{})
			wantText(t, s, thing("a"), want, revision)
			mustChange(t, s, thing("a"), "on")
			crash(t, s)
			s = open(t, dir, Options{})
			wantText(t, s, thing("a"), "on", revision+1)
		})
	}
}
