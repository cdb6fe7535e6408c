package harness

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long a test waits for what has to happen. It is far beyond
// what anything takes, so that a busy machine fails no test.
const Patience = 20 * time.Second

// Anonymous is the line of a configuration that lets every client in.
const Anonymous = "auth: {anonymous: [\"anonymous:local\"]}\n"

// Options say how a broker is started. The zero value is a broker without a
// configuration file on an empty folder.
type Options struct {
	Config    string   // text of the configuration file; empty: none. Clients without credentials get in only with Anonymous
	Dir       string   // folder of the data; empty: a temporary one
	Args      []string // further arguments of serve
	Env       []string // further environment, KEY=value
	Listeners bool     // the configuration (or Args) says where to listen; otherwise it is one free port
	HTTP      bool     // the configuration (or Args) says the address of health and metrics; otherwise it is a free port
	// Prepare changes how the process is started; nil: not at all. It is called
	// before each start.
	Prepare func(*exec.Cmd)
}

// Broker is a running twinbroker.
type Broker struct {
	t       testing.TB
	options Options
	config  string // path of the configuration file

	cmd    *exec.Cmd
	out    *lines // of its standard output
	log    *lines // of its standard error, over all starts
	exited chan struct{}
	code   int
	mqtt   []string
	http   string
}

// Start builds and starts a broker and waits until it is ready. It is stopped
// when the test ends.
func Start(t testing.TB, o Options) *Broker {
	t.Helper()
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), "data")
	}
	b := &Broker{t: t, options: o, log: newLines()}
	if o.Config != "" {
		b.config = WriteFile(t, "twinbroker.yaml", o.Config)
	}
	t.Cleanup(b.end)
	b.start()
	return b
}

// WriteFile writes a file into a folder of the test's own and returns its path.
func WriteFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (b *Broker) arguments() []string {
	args := []string{"serve", "--data-dir", b.options.Dir}
	if b.config != "" {
		args = append(args, "-c", b.config)
	}
	if !b.options.Listeners {
		args = append(args, "--listen", "tcp://127.0.0.1:0")
	}
	if !b.options.HTTP {
		args = append(args, "--http", "127.0.0.1:0")
	}
	return append(args, b.options.Args...)
}

func (b *Broker) start() {
	b.t.Helper()
	b.cmd = command(b.t, b.options.Env, b.arguments()...)
	if b.options.Prepare != nil {
		b.options.Prepare(b.cmd)
	}
	b.out, b.exited = newLines(), make(chan struct{})
	stdout, err := b.cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	stderr, err := b.cmd.StderrPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		b.t.Fatalf("starting twinbroker: %v", err)
	}
	go func() {
		var read sync.WaitGroup
		read.Go(func() { b.out.read(stdout) })
		read.Go(func() { b.log.read(stderr) })
		read.Wait()
		_ = b.cmd.Wait()
		b.code = b.cmd.ProcessState.ExitCode()
		close(b.exited)
	}()
	line, err := b.out.wait("twinbroker ready ", b.exited)
	if err != nil {
		b.t.Fatalf("twinbroker %s does not get ready: %v\n%s", strings.Join(b.arguments(), " "), err, b.log.text())
	}
	for _, field := range strings.Fields(line) {
		switch key, value, _ := strings.Cut(field, "="); key {
		case "mqtt":
			b.mqtt = strings.Split(value, ",")
		case "http":
			b.http = value
		}
	}
}

// MQTT is the host:port of the first listener.
func (b *Broker) MQTT() string {
	_, host, _ := strings.Cut(b.mqtt[0], "://")
	host, _, _ = strings.Cut(host, "/")
	return host
}

// URLs are all listeners as the ready line names them, tcp://127.0.0.1:1883.
func (b *Broker) URLs() []string { return b.mqtt }

// URL is the listener with that scheme.
func (b *Broker) URL(scheme string) string {
	b.t.Helper()
	for _, u := range b.mqtt {
		if strings.HasPrefix(u, scheme+"://") {
			return u
		}
	}
	b.t.Fatalf("no listener %s:// among %v", scheme, b.mqtt)
	return ""
}

// HTTP is the base of the addresses of health and metrics, http://127.0.0.1:8080,
// or "off".
func (b *Broker) HTTP() string { return b.http }

// Dir is the folder of the data.
func (b *Broker) Dir() string { return b.options.Dir }

// ConfigFile is the path of the configuration file, "" without one.
func (b *Broker) ConfigFile() string { return b.config }

// PID is the number of the process.
func (b *Broker) PID() int { return b.cmd.Process.Pid }

// Log is what was written to standard error, over all starts.
func (b *Broker) Log() string { return b.log.text() }

// WaitLog waits for a line of the log that contains text and returns it.
func (b *Broker) WaitLog(text string) string {
	b.t.Helper()
	line, err := b.log.wait(text, nil)
	if err != nil {
		b.t.Fatalf("log: %v", err)
	}
	return line
}

// Kill ends the process with SIGKILL and waits until it is gone.
func (b *Broker) Kill() {
	b.t.Helper()
	b.Signal(syscall.SIGKILL)
	b.wait()
}

// Stop ends the process with SIGTERM and waits for it; the test fails when its
// status is not 0.
func (b *Broker) Stop() {
	b.t.Helper()
	b.Signal(syscall.SIGTERM)
	if code := b.wait(); code != 0 {
		b.t.Errorf("twinbroker ended with status %d after SIGTERM, want 0", code)
	}
}

// Signal sends a signal to the process.
func (b *Broker) Signal(s syscall.Signal) {
	b.t.Helper()
	if err := b.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		b.t.Errorf("signal %v: %v", s, err)
	}
}

// Wait waits until the process ends by itself and returns its status, -1 after
// a signal that it did not handle.
func (b *Broker) Wait() int {
	b.t.Helper()
	return b.wait()
}

func (b *Broker) wait() int {
	b.t.Helper()
	select {
	case <-b.exited:
	case <-time.After(Patience):
		_ = b.cmd.Process.Signal(syscall.SIGQUIT) // shows its goroutines
		select {
		case <-b.exited:
		case <-time.After(Patience):
			_ = b.cmd.Process.Kill()
		}
		b.t.Fatalf("twinbroker did not end within %v", Patience)
	}
	return b.code
}

// Running says whether the process has not ended yet.
func (b *Broker) Running() bool {
	select {
	case <-b.exited:
		return false
	default:
		return true
	}
}

// Restart starts the program on the same folder again, after Stop, Kill or its
// own end; one that still runs is stopped first. It gets new ports.
func (b *Broker) Restart() {
	b.t.Helper()
	if b.Running() {
		b.Stop()
	}
	b.start()
}

// end is what is done when the test is over.
func (b *Broker) end() {
	if b.cmd != nil && b.cmd.Process != nil {
		if b.Running() {
			b.Stop()
		}
		if log := b.Log(); strings.Contains(log, "DATA RACE") || strings.Contains(log, "panic:") {
			b.t.Errorf("twinbroker reported a data race or a panic")
		}
	}
	if b.t.Failed() {
		b.t.Logf("log of twinbroker:\n%s", b.Log())
	}
}

// lines collects what a process writes, for whoever waits for some of it.
type lines struct {
	mu      sync.Mutex
	all     []string
	changed chan struct{}
}

func newLines() *lines { return &lines{changed: make(chan struct{})} }

func (l *lines) read(r io.Reader) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			l.mu.Lock()
			l.all = append(l.all, strings.TrimSuffix(line, "\n"))
			close(l.changed)
			l.changed = make(chan struct{})
			l.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}

// wait returns the first line that contains text. It gives up when the process has ended or Patience is over.
func (l *lines) wait(text string, ended <-chan struct{}) (string, error) {
	deadline := time.After(Patience)
	for over := false; ; {
		l.mu.Lock()
		for _, line := range l.all {
			if strings.Contains(line, text) {
				l.mu.Unlock()
				return line, nil
			}
		}
		changed := l.changed
		l.mu.Unlock()
		if over {
			return "", fmt.Errorf("it ended without a line that contains %q", text)
		}
		select {
		case <-changed:
		case <-ended:
			over = true // what it wrote last has been read by now
		case <-deadline:
			return "", fmt.Errorf("no line that contains %q within %v", text, Patience)
		}
	}
}
