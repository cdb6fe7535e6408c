//go:build unix

package auth

import (
	"os"
	"syscall"
)

// keepOwner gives a new file the owner of the one whose place it takes, so that
// root may edit the file of a broker that runs as somebody else. It changes
// nothing where it may not.
func keepOwner(f *os.File, file string) {
	info, err := os.Stat(file)
	if err != nil {
		return
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(s.Uid), int(s.Gid))
	}
}
