package store

import (
	"errors"
	"os"
	"path/filepath"
)

// makeDir makes a folder, and those above it, where they are not there yet, and
// makes their names durable: syncing what is in a folder does not promise that
// the folder itself is found again.
func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, os.ErrNotExist) && dir != filepath.Dir(dir) {
		if err := makeDir(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o700)
	}
	if err == nil {
		return syncDir(filepath.Dir(dir))
	}
	if info, statErr := os.Stat(dir); statErr == nil && info.IsDir() {
		return nil
	}
	return err
}
