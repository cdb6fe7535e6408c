//go:build !(linux || darwin || freebsd)

package store

import (
	"os"
	"path/filepath"
)

const lockName = "lock"

// lockDir leaves it to bbolt to lock state.db on systems without flock.
func lockDir(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
}

// freeSpace cannot be known in one way on all other systems.
func freeSpace(string) (int64, error) { return -1, nil }
