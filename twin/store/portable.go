//go:build !(linux || darwin || freebsd)

package store

import (
	"os"
	"path/filepath"
)

const (
	lockName = "lock"
	lockSize = 64
)

// lockDir leaves it to bbolt to lock state.db on systems without flock.
func lockDir(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
}

// lockToRead leaves it to bbolt, too.
func lockToRead(string) (*os.File, error) { return nil, nil }

// freeSpace cannot be known in one way on all other systems.
func freeSpace(string) (int64, error) { return -1, nil }

// onDisk takes the size that a file says it has.
func onDisk(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}
