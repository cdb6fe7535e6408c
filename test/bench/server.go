//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// server is a broker that runs as a process of its own.
type server struct {
	site
	ready  time.Duration // from the start of the process to its ready line
	cmd    *exec.Cmd
	stdout io.Closer
	stderr *bytes.Buffer
	lines  chan error // closed when standard output has ended
}

// start runs the command and waits for a line on standard output that has the
// word ready in it.
func start(addr, ready string, env []string, name string, args ...string) (*server, error) {
	s := &server{site: site{addr: addr}, cmd: exec.Command(name, args...), stderr: new(bytes.Buffer), lines: make(chan error, 1)}
	s.cmd.Stderr = s.stderr
	s.cmd.Env = append(os.Environ(), env...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.stdout = out
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	running.Store(s, true)
	seen := make(chan time.Duration, 1)
	go func() {
		defer close(s.lines)
		in := bufio.NewScanner(out)
		for in.Scan() {
			if strings.Contains(in.Text(), ready) && len(seen) == 0 {
				seen <- time.Since(began)
			}
		}
	}()
	select {
	case s.ready = <-seen:
		return s, nil
	case <-s.lines:
		err = errors.New("it ended before it was ready")
	case <-time.After(20 * time.Second):
		err = errors.New("it was not ready after 20 s")
	}
	s.kill()
	<-s.lines
	_ = s.cmd.Wait()
	running.Delete(s)
	return nil, fmt.Errorf("%s: %w: %s", name, err, tail(s.stderr.String()))
}

// running are the servers that were started and did not end yet.
var running sync.Map

// killAll ends all servers at once.
func killAll() {
	for s := range running.Range {
		_ = s.(*server).cmd.Process.Kill()
		_ = s.(*server).cmd.Wait()
	}
}

// stop asks the process to end, and kills it if it does not.
func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(20*time.Second, s.kill)
	defer kill.Stop()
	<-s.lines
	defer running.Delete(s)
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %s", s.cmd.Path, err, tail(s.stderr.String()))
	}
	return nil
}

// kill ends the process at once, and reading its output too: a child of it may
// still hold that open.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.stdout.Close()
}

func tail(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 2000 {
		s = "…" + s[len(s)-2000:]
	}
	return s
}

// freeAddress is a loopback address that nobody listened at a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// programs are the two sides, built.
type programs struct {
	broker, mochi string
	before        string // what the rows guarded… compare with; "": the broker
	pending       int    // baremochi's -pending
	buffer        int    // baremochi's -buffer
}

// build makes the binaries as the Makefile does.
func build(broker, dir string) (programs, error) {
	p := programs{broker: broker, mochi: filepath.Join(dir, "baremochi")}
	if err := goBuild(p.mochi, "./test/bench/baremochi"); err != nil {
		return p, err
	}
	if p.broker == "" {
		p.broker = filepath.Join(dir, "twinbroker")
		return p, goBuild(p.broker, "./cmd/twinbroker")
	}
	return p, nil
}

func goBuild(out, pkg string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, text)
	}
	return nil
}

func (p programs) startMochi() (*server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return start(addr, "baremochi ready", nil, p.mochi, "-listen", addr,
		"-pending", strconv.Itoa(p.pending), "-buffer", strconv.Itoa(p.buffer))
}

// benchConfig is, but for the rules, what serve does without a file.
const benchConfig = `data_dir: %q
listeners:
  - address: tcp://%s
http: {address: "off"}
auth: %s
log: {level: info, format: text}
%s`

// startBroker starts the broker on a folder, with these mappings and
// publications; "" for those of the telemetry row.
func (b *bench) startBroker(dir string, t traffic, env ...string) (*server, error) {
	auth := openAuth
	if t.guarded {
		users, err := b.usersFile()
		if err != nil {
			return nil, err
		}
		auth = fmt.Sprintf("{users_file: %q, admin_subjects: [\"user:bench-create\", \"user:bench-check\"]}", users)
	}
	rules := t.rules
	if rules == "" {
		rules = benchRules
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "bench.yaml")
	if err := writeConfig(file, filepath.Join(dir, "data"), addr, auth, rules); err != nil {
		return nil, err
	}
	program := b.programs.broker
	if t.before && b.programs.before != "" {
		program = b.programs.before
	}
	srv, err := start(addr, "twinbroker ready", env, program, "serve", "-c", file)
	if err == nil {
		if t.guarded {
			srv.owners = t.clients
		}
	}
	return srv, err
}

// openAuth lets every client in.
const openAuth = `{anonymous: ["anonymous:bench"]}`

func writeConfig(file, data, addr, auth, rules string) error {
	return os.WriteFile(file, fmt.Appendf(nil, benchConfig, data, addr, auth, rules), 0o600)
}

// startIdle starts the broker on an empty folder without any file.
func (p programs) startIdle(dir string) (*server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	web, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return start(addr, "twinbroker ready", nil, p.broker, "serve",
		"--data-dir", filepath.Join(dir, "data"), "--listen", "tcp://"+addr, "--http", web)
}

// anonymousMemory is RssAnon of a process, in bytes.
func anonymousMemory(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(text), "\n") {
		if v, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kb, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(v), " kB"))
			return kb << 10, err
		}
	}
	return 0, errors.New("no RssAnon in /proc: the kernel is older than 4.5")
}
