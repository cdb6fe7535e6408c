package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// sums compares the files of a backup with what its manifest says of them.
func (c *checker) sums() error {
	m := c.layout.backup
	if m == nil {
		return nil
	}
	if err := c.sum(c.state, m.State.SHA256); err != nil {
		return err
	}
	for i := range m.Segments {
		if err := c.sum(filepath.Join(c.dir, m.Segments[i].file()), m.Segments[i].SHA256); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) sum(path, want string) error {
	if want == "" {
		return nil
	}
	_, is, err := hashFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // it is said to be missing already
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if is != want {
		c.found(Finding{File: path, What: fmt.Sprintf("its SHA-256 is %s, and should be %s", is, want), Consequence: "it is not what was backed up, and will not be restored"})
	}
	return nil
}
