//go:build linux || darwin || freebsd

package store

import (
	"os"
	"syscall"
)

// freeSpace gives the bytes that an ordinary process may still write.
func freeSpace(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return -1, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// onDisk gives what the file system gives for a file, which may have holes.
func onDisk(f *os.File) int64 {
	var st syscall.Stat_t
	if syscall.Fstat(int(f.Fd()), &st) != nil {
		return 0
	}
	return st.Blocks * 512
}
