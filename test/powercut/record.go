package powercut

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// recording is a run of the program under load, over several lives of it.
type recording struct {
	trace   trace
	ports   map[port]any
	units   []*unit
	byID    map[string]*unit
	clients []*client
	base    string // the folder in which the data folder is made
	disk    *disk  // as it is at the end of what was recorded so far
	at      int    // how far that is
}

// lives are how the program ends, each time under load.
var lives = []struct {
	name string
	end  func(*testing.T, *harness.Broker, *trace)
}{
	{"killed", kill},
	{"stopped", func(_ *testing.T, b *harness.Broker, _ *trace) { b.Stop() }},
	{"killed", kill},
}

// kill ends the program with SIGKILL, between system calls: strace may miss one
// that is under way then. So it is held until it does nothing any more.
func kill(t *testing.T, b *harness.Broker, tr *trace) {
	t.Helper()
	b.Signal(syscall.SIGSTOP)
	deadline := time.Now().Add(harness.Patience)
	for seen, quiet := int64(-1), 0; quiet < 10; time.Sleep(10 * time.Millisecond) {
		if now := tr.lines.Load(); now == seen && held(b.PID()) {
			quiet++
		} else {
			seen, quiet = now, 0
		}
		if time.Now().After(deadline) {
			t.Fatal("the program goes on after SIGSTOP")
		}
	}
	b.Kill()
}

// held says whether all threads of a process are stopped.
func held(pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, path := range threads {
		text, readErr := os.ReadFile(path)
		_, state, _ := strings.Cut(string(text), ") ")
		if readErr != nil || state == "" || !strings.Contains("tT", state[:1]) {
			return false
		}
	}
	return err == nil && len(threads) > 0
}

// record runs the program under strace. changes is how many acknowledgements
// each life lasts for.
func record(t *testing.T, random *rand.Rand, changes int64) *recording {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal("strace is missing: install it")
	}
	// strace shows where links lead to.
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{ports: make(map[port]any), byID: make(map[string]*unit), base: base, disk: newDisk(base)}
	pipe := filepath.Join(t.TempDir(), "trace")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	r.clients = cast(random)
	var b *harness.Broker
	for life, how := range lives {
		read := make(chan error, 1)
		go func() { read <- r.read(pipe) }()
		switch {
		case b == nil:
			tracer := []string{strace, "-D", "-f", "--seccomp-bpf", "-qq", "-y", "-s", "67108864", "-e", "signal=none", "-e", "trace=" + traced, "-o", pipe}
			b = harness.Start(t, harness.Options{Config: config, Dir: filepath.Join(base, "data"), Prepare: func(cmd *exec.Cmd) {
				cmd.Args = append(append(tracer[:len(tracer):len(tracer)], cmd.Path), cmd.Args[1:]...)
				cmd.Path = strace
			}})
		default:
			if life == len(lives)-1 {
				if err := os.WriteFile(b.ConfigFile(), []byte(retained), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			b.Restart()
		}
		begun := time.Now()
		acks := r.load(t, life, b, changes, how.end)
		select {
		case err := <-read:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(harness.Patience):
			t.Fatal("strace does not end")
		}
		if err := r.catchUp(t.TempDir()); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s after %d acknowledgements in %v; the trace has %d moments", how.name, acks, time.Since(begun).Round(time.Millisecond), len(r.trace.moments))
	}
	if err := r.trace.listen(r.ports, r.byID); err != nil {
		t.Fatal(err)
	}
	var bytes int64
	syncs, segments := 0, 0
	for _, m := range r.trace.moments {
		c := m.call
		switch {
		case !m.begin || c.failed:
		case c.name == "fdatasync" && strings.Contains(c.args[0].text, "/journal/"):
			syncs++
		case c.name == "pwrite64":
			bytes += c.result
		case c.name == "renameat" && strings.Contains(string(c.args[1].bytes()), "/journal/"):
			segments++
		}
	}
	t.Logf("%d MiB were written, the journal synced %d times; %d segments were made", bytes>>20, syncs, segments)
	return r
}

// cast are the clients.
func cast(random *rand.Rand) []*client {
	few, many := []kind{small, group, cycle}, []kind{small, small, small, small, cycle, cycle, group, group}
	clients := []*client{
		{name: "one", qos: 1, kind: few, window: 1},
		{name: "three", qos: 1, kind: few, window: 3},
		{name: "many", qos: 1, kind: many, window: 20},
		{name: "large", qos: 1, kind: []kind{large, large, large, large, large, large}, window: 8},
		{name: "once", qos: 2, kind: many, window: 15},
		{name: "largeonce", qos: 2, kind: []kind{large, large, small, group}, window: 8},
	}
	for i, c := range clients {
		c.version, c.byID = mqttraw.V311+byte(i%2), make(map[uint16]*change)
		c.random = rand.New(rand.NewPCG(random.Uint64(), 0))
	}
	return clients
}

// read takes what strace writes into the pipe.
func (r *recording) read(pipe string) error {
	f, err := os.Open(pipe)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.trace.read(f)
}

// load lets the clients work until there are so many acknowledgements, then
// ends the program.
func (r *recording) load(t *testing.T, life int, b *harness.Broker, changes int64, end func(*testing.T, *harness.Broker, *trace)) int64 {
	t.Helper()
	l := &load{life: life, address: b.MQTT(), over: make(chan struct{}), goal: changes, reached: make(chan struct{}), ports: r.ports}
	var running sync.WaitGroup
	var look []*unit
	for _, c := range r.clients {
		had := len(c.units)
		was := c.units
		if c.renew(life); had == 0 || c.units[0] != was[0] {
			for _, u := range c.units {
				r.units = append(r.units, u)
				for _, id := range u.ids {
					r.byID[id] = u
				}
			}
		}
		for _, u := range c.units {
			if u.kind != large {
				look = append(look, u)
			}
		}
	}
	for _, c := range r.clients {
		running.Go(func() { c.run(l) })
	}
	for _, k := range []*looker{{name: "events"}, {name: "asking", asks: true}} {
		running.Go(func() {
			if err := k.run(l, look); err != nil && !l.ended() {
				t.Errorf("%s: %v", k.name, err)
			}
		})
	}
	select {
	case <-l.reached:
	case <-time.After(5 * harness.Patience):
		t.Errorf("after %v there are %d acknowledgements of %d", 5*harness.Patience, l.acks.Load(), changes)
	}
	close(l.over)
	end(t, b, &r.trace)
	running.Wait()
	for _, c := range r.clients {
		if c.problem != nil {
			t.Error(c.problem)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	return l.acks.Load()
}

// catchUp brings the model of the disk to the end of what was recorded, and
// makes sure that the trace has everything that happened to the files: with
// all of it the model holds what the files hold.
func (r *recording) catchUp(dir string) error {
	for ; r.at < len(r.trace.moments); r.at++ {
		if err := r.disk.apply(r.trace.moments[r.at]); err != nil {
			return err
		}
	}
	m := &image{frozen: r.disk.freeze(), extent: all, sealed: &sealed{dir: dir, has: make(map[string]bool)}}
	model := filepath.Join(dir, "model")
	if err := m.write(model); err != nil {
		return err
	}
	return same(model, r.base)
}

// same compares two folders.
func same(model, real string) error {
	seen := make(map[string]bool)
	for _, root := range []string{model, real} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			name, _ := filepath.Rel(root, path)
			if err != nil || d.IsDir() || d.Type() == fs.ModeSocket || seen[name] {
				return err
			}
			seen[name] = true
			want, err := os.ReadFile(filepath.Join(real, name))
			if err != nil {
				return err
			}
			got, err := os.ReadFile(filepath.Join(model, name))
			if err == nil && !bytes.Equal(got, want) {
				at := 0
				for at < min(len(got), len(want)) && got[at] == want[at] {
					at++
				}
				err = fmt.Errorf("it differs from byte %d on; the model has %d bytes, the file %d", at, len(got), len(want))
			}
			if err != nil {
				return fmt.Errorf("the trace does not say all that happened to %s: %w", name, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
