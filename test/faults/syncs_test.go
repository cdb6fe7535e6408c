//go:build linux && (amd64 || arm64)

package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/twinbroker/twinbroker/test/harness"
)

const roleSyncs = "syncs"

// verdict is what becomes of a sync.
type verdict int

const (
	through verdict = iota // it is done
	hang                   // it waits until there is another verdict
	fail                   // it is not done, and reports an I/O error
)

// syncs decides about the syncs of a broker, over all of its starts.
type syncs struct {
	t testing.TB

	mu      sync.Mutex
	about   string // in the file's path; only these are decided about
	verdict verdict
	waiting []held
	reached chan struct{} // closed when a sync waits or has failed
}

// held is a sync that waits.
type held struct {
	listener int
	id       uint64
}

// startWithSyncs starts a broker whose syncs the test decides about. All of
// them go through at first.
func startWithSyncs(t testing.TB, o harness.Options) (*harness.Broker, *syncs) {
	t.Helper()
	s := &syncs{t: t, reached: make(chan struct{})}
	o.Prepare = s.prepare
	return harness.Start(t, o), s
}

// set decides about the syncs of the files with this text in their path from
// now on, those that wait included. What is returned is closed when the first
// of them waits or has failed.
func (s *syncs) set(v verdict, about string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verdict, s.about, s.reached = v, about, make(chan struct{})
	if v != hang {
		for _, h := range s.waiting {
			s.replyLocked(h.listener, h.id)
		}
		s.waiting = nil
	}
	return s.reached
}

// prepare has the program started by a process that puts the filter around it
// first, and takes over the filter's listener.
func (s *syncs) prepare(cmd *exec.Cmd) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(ends[1]), "listener")
	cmd.Args = append([]string{cmd.Path}, cmd.Args...)
	cmd.Path, err = os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd.Env = append(cmd.Env, role+"="+roleSyncs)
	cmd.ExtraFiles = []*os.File{theirs}
	go func() {
		defer unix.Close(ends[0])
		listener, err := receiveFile(ends[0])
		if err != nil {
			return // the broker could not be started; whoever waits for it says so
		}
		s.serve(listener)
	}()
	s.t.Cleanup(func() { theirs.Close() })
}

// receiveFile takes an open file out of a socket.
func receiveFile(socket int) (int, error) {
	room := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, make([]byte, 1), room, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, err
	}
	messages, err := unix.ParseSocketControlMessage(room[:n])
	if err != nil || len(messages) != 1 {
		return 0, fmt.Errorf("no file came (%v)", err)
	}
	files, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(files) != 1 {
		return 0, fmt.Errorf("no file came (%v)", err)
	}
	return files[0], nil
}

// notification and response are the kernel's struct seccomp_notif and struct
// seccomp_notif_resp (linux/seccomp.h).
type notification struct {
	id           uint64
	pid, flags   uint32
	nr           int32
	arch         uint32
	instruction  uint64
	fd, arg2     uint64
	arg3, arg4   uint64
	arg5, unused uint64
}

type response struct {
	id           uint64
	value        int64
	error, flags int32
}

// serve answers the syncs of one process until it has ended.
func (s *syncs) serve(listener int) {
	defer func() {
		s.mu.Lock()
		left := s.waiting[:0]
		for _, h := range s.waiting {
			if h.listener != listener {
				left = append(left, h)
			}
		}
		s.waiting = left
		unix.Close(listener)
		s.mu.Unlock()
	}()
	for {
		poll := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, -1); err != nil && err != unix.EINTR {
			return
		}
		if poll[0].Revents&unix.POLLIN == 0 {
			if poll[0].Revents != 0 {
				return // everybody under the filter is gone
			}
			continue
		}
		var n notification
		if err := control(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)); err != nil {
			continue // the thread was interrupted; it asks again
		}
		path, _ := os.Readlink(filepath.Join("/proc", strconv.Itoa(int(n.pid)), "fd", strconv.Itoa(int(n.fd))))
		s.decide(listener, n.id, path)
	}
}

func (s *syncs) decide(listener int, id uint64, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verdict == through || !strings.Contains(path, s.about) {
		reply(listener, response{id: id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE})
		return
	}
	if s.verdict == hang {
		s.waiting = append(s.waiting, held{listener, id})
	} else {
		s.replyLocked(listener, id)
	}
	select {
	case <-s.reached:
	default:
		close(s.reached)
	}
}

func (s *syncs) replyLocked(listener int, id uint64) {
	if s.verdict == fail {
		reply(listener, response{id: id, error: -int32(unix.EIO)})
		return
	}
	reply(listener, response{id: id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE})
}

// reply lets a sync go on. One whose thread has been interrupted meanwhile is
// asked about again.
func reply(listener int, r response) {
	_ = control(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r))
}

func control(fd int, request uintptr, argument unsafe.Pointer) error {
	_, _, err := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(argument))
	if err != 0 {
		return err
	}
	return nil
}

// filterSyncs is the process that puts the filter around itself, gives its
// listener away, and becomes the program in args.
func filterSyncs(args []string) {
	runtime.LockOSThread() // the filter is the thread's, and the new program's only thread is this one
	err := func() error {
		listener, err := installFilter()
		if err != nil {
			return err
		}
		if err := unix.Sendmsg(3, []byte{0}, unix.UnixRights(listener), nil, 0); err != nil {
			return err
		}
		unix.Close(listener)
		unix.Close(3)
		env := os.Environ()
		for i, e := range env {
			if strings.HasPrefix(e, role+"=") {
				env = append(env[:i], env[i+1:]...)
				break
			}
		}
		return syscall.Exec(args[0], args, env)
	}()
	fmt.Fprintln(os.Stderr, "filter for syncs:", err)
	os.Exit(1)
}

// installFilter makes fsync and fdatasync of this thread, and of all that comes
// of it, ask the listener.
func installFilter() (int, error) {
	architecture := map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[runtime.GOARCH]
	const load, equal, give = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	filter := []unix.SockFilter{
		{Code: load, K: 4}, // seccomp_data.arch
		{Code: equal, K: architecture, Jf: 4},
		{Code: load, K: 0}, // seccomp_data.nr
		{Code: equal, K: unix.SYS_FSYNC, Jt: 1},
		{Code: equal, K: unix.SYS_FDATASYNC, Jf: 1},
		{Code: give, K: unix.SECCOMP_RET_USER_NOTIF},
		{Code: give, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	for _, flags := range []uintptr{unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER} {
		fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program)))
		if errno == 0 {
			return int(fd), nil
		}
		if !errors.Is(errno, unix.EINVAL) { // a kernel that does not know the first flag
			return 0, errno
		}
	}
	return 0, unix.EINVAL
}
