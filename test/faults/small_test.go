//go:build linux

package faults

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const roleMounts = "mounts"

// disk is a small file system.
type disk struct {
	t   testing.TB
	dir string // the way to it
}

// smallDisks makes small file systems, one for each size in bytes, each but the
// first mounted in the folder "journal" of the first. They are there until the
// test ends, whatever processes come and go.
func smallDisks(t testing.TB, sizes ...int64) []disk {
	t.Helper()
	at := t.TempDir()
	args := make([]string, len(sizes))
	for i, size := range sizes {
		args[i] = fmt.Sprintf("%s=%d", at, size)
		at = filepath.Join(at, "journal")
	}
	var keeper io.Closer
	var pid int
	var err error
	for _, flags := range []uintptr{syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, syscall.CLONE_NEWNS} {
		if pid, keeper, err = keepMounts(flags, args); err == nil {
			break
		}
	}
	if err != nil {
		t.Skipf("the kernel lets nobody but root mount a file system here, not even in a namespace: %v", err)
	}
	t.Cleanup(func() { keeper.Close() })
	disks := make([]disk, len(sizes))
	for i, arg := range args {
		path, _, _ := strings.Cut(arg, "=")
		disks[i] = disk{t, filepath.Join("/proc", strconv.Itoa(pid), "root", path)}
	}
	return disks
}

// keeper ends the process that holds the mounts.
type keeper struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

func (k keeper) Close() error {
	_ = k.stdin.Close()
	return k.cmd.Wait()
}

// keepMounts starts the process that holds the mounts and waits until it has
// them.
func keepMounts(flags uintptr, args []string) (int, io.Closer, error) {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), role+"="+roleMounts)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	if flags&syscall.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, nil, err
	}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	k := keeper{cmd, stdin}
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	if line != "ready\n" {
		k.Close()
		return 0, nil, fmt.Errorf("mounting: %s", strings.TrimSpace(line))
	}
	return cmd.Process.Pid, k, nil
}

// holdMounts is the process that holds the mounts: each argument is a folder and
// a size. It ends when its standard input does.
func holdMounts(args []string) {
	// Nothing of this is to be seen outside.
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	for _, arg := range args {
		path, size, _ := strings.Cut(arg, "=")
		if err == nil {
			err = os.MkdirAll(path, 0o700)
		}
		if err == nil {
			err = unix.Mount("tmpfs", path, "tmpfs", 0, "mode=0700,size="+size)
		}
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

func (d disk) filler() string { return filepath.Join(d.dir, "filler") }

// fill leaves so many bytes free, at most.
func (d disk) fill(leave int64) {
	d.t.Helper()
	f, err := os.OpenFile(d.filler(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for {
		var st unix.Statfs_t
		if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
			d.t.Fatal(err)
		}
		more := int64(st.Bavail)*int64(st.Bsize) - leave
		if more <= 0 {
			return
		}
		info, err := f.Stat()
		if err != nil {
			d.t.Fatal(err)
		}
		// The broker may be writing too, and be faster.
		if err := unix.Fallocate(int(f.Fd()), 0, info.Size(), more); err != nil && err != unix.ENOSPC {
			d.t.Fatal(err)
		}
	}
}

// empty gives back what fill took.
func (d disk) empty() {
	d.t.Helper()
	if err := os.Remove(d.filler()); err != nil {
		d.t.Fatal(err)
	}
}
