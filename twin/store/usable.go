package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// usable adds to an error of opening a data folder what can be done about it,
// where the folder is to blame and not what is in it.
func usable(dir string, err error) error {
	switch {
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: the file system is mounted read-only: mount it for writing, or name another folder (data_dir)", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: the data folder %s and all that is in it must belong to the user that runs the program (number %d): change their owner, or name another folder (data_dir)", err, dir, os.Geteuid())
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w: the data folder has to be a folder: name another one (data_dir)", err)
	}
	return err
}
