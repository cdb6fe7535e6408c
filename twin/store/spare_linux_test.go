package store

import (
	"os"
	"syscall"
	"testing"
)

// allocatedBytes is how much of the file is on disk.
func allocatedBytes(t *testing.T, path string) (int64, bool) {
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Blocks * 512, true
}
