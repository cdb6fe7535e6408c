//go:build linux || darwin || freebsd

package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const lockName = "lock"

// lockSize is more than what is ever written into a lock file.
const lockSize = 64

// lockDir locks the data folder for this process. The lock goes with the
// process, however it ends; the file's content is for people.
func lockDir(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f, dir, syscall.LOCK_EX); err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.Size() > lockSize {
		// Not to be written over: it may be somebody's only copy.
		f.Close()
		return nil, errors.Join(err, fmt.Errorf("%w: %s is not a lock file but something else that got its name: move it away", ErrDamaged, path))
	}
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
		if err != nil && !full(err) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
	}
	return f, nil
}

// lockToRead locks the data folder against a process that would write to it,
// without writing anything: a backup has no lock file (nil), and may be on a
// medium that cannot be written.
func lockToRead(dir string) (*os.File, error) {
	f, err := os.Open(filepath.Join(dir, lockName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return f, flock(f, dir, syscall.LOCK_SH)
}

// flock takes the lock, or closes the file and says who has it.
func flock(f *os.File, dir string, how int) error {
	err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if err == nil {
		return nil
	}
	defer f.Close()
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	who := "another process"
	if text, err := io.ReadAll(io.LimitReader(f, 32)); err == nil {
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			who = fmt.Sprintf("process %d", pid)
		}
	}
	return fmt.Errorf("%w: %s is used by %s: stop that one, or give this one a folder of its own (data_dir)", ErrLocked, dir, who)
}
