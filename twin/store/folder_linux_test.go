package store

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// as runs fn as another user sees the files. Only root can do that.
func as(t *testing.T, uid int, fn func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		fn()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The thread, which is another user's now, ends with this goroutine.
		runtime.LockOSThread()
		if _, err := unix.SetfsuidRetUid(uid); err != nil {
			t.Error(err)
			return
		}
		fn()
	}()
	<-done
}

const nobody = 65534

func TestAFolderThatCannotBeUsedIsNamedWithWhatToDo(t *testing.T) {
	root := os.Geteuid() == 0
	tests := []struct {
		name string
		make func(t *testing.T, dir string)
		root bool // needs another user's files
		want string
	}{
		{"the folder cannot be written", func(t *testing.T, dir string) { chmod(t, dir, 0o555); chmod(t, filepath.Join(dir, lockName), 0o444) }, false, "must belong to the user"},
		{"the folder is somebody else's", func(t *testing.T, dir string) { chmod(t, dir, 0o700) }, true, "must belong to the user"},
		{"the journal is somebody else's", func(t *testing.T, dir string) {
			chown(t, dir, nobody)
			chown(t, filepath.Join(dir, lockName), nobody)
			chmod(t, filepath.Join(dir, "journal"), 0o700)
		}, true, "must belong to the user"},
		{"state.db is somebody else's", func(t *testing.T, dir string) {
			chown(t, dir, nobody)
			chown(t, filepath.Join(dir, lockName), nobody)
			chown(t, filepath.Join(dir, "journal"), nobody)
			chmod(t, filepath.Join(dir, stateName), 0o600)
		}, true, "must belong to the user"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.root && !root {
				t.Skip("only root can make files of two users")
			}
			dir := t.TempDir()
			chmod(t, filepath.Dir(dir), 0o755)
			s := open(t, dir, Options{})
			mustChange(t, s, thing("a"), "kept")
			closeStore(t, s)
			test.make(t, dir)
			var err error
			as(t, nobody, func() { _, err = Open(dir, testKinds(), Options{}) })
			if err == nil || !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), dir) {
				t.Fatalf("got %v", err)
			}
			chmod(t, dir, 0o755)
			if root {
				s = open(t, dir, Options{})
				wantText(t, s, thing("a"), "kept", 1)
			}
		})
	}
}

func TestAFolderThatCannotBeWrittenIsVerified(t *testing.T) {
	dir := t.TempDir()
	chmod(t, filepath.Dir(dir), 0o755)
	s := open(t, dir, Options{})
	mustChange(t, s, thing("a"), "kept")
	closeStore(t, s)
	for _, path := range []string{filepath.Join(dir, "journal"), dir} {
		chmod(t, path, 0o555)
		defer chmod(t, path, 0o755)
	}
	for _, name := range filesOf(t, dir) {
		chmod(t, filepath.Join(dir, name), 0o444)
	}
	var err error
	var is Verified
	as(t, nobody, func() { is, err = Verify(dir, testKinds(), Watch{}) })
	if err != nil || is.Findings > 0 || is.Entities != 1 {
		t.Fatalf("%+v, %v", is, err)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func chown(t *testing.T, path string, uid int) {
	t.Helper()
	if err := os.Chown(path, uid, -1); err != nil {
		t.Fatal(err)
	}
}
