package harness

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Result is what a verb of the program came to.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// command prepares the program with these arguments. It runs in a folder of its
// own, and without the settings of whoever runs the tests.
func command(t testing.TB, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(Binary(t), args...)
	cmd.Dir = t.TempDir()
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "TWINBROKER_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	// A program with the race detector would sleep for a second before it ends.
	cmd.Env = append(append(cmd.Env, "GORACE=atexit_sleep_ms=0"), env...)
	return cmd
}

// Run runs a verb to its end.
func Run(t testing.TB, args ...string) Result {
	t.Helper()
	return RunWith(t, nil, "", args...)
}

// RunWith runs a verb to its end, with further environment (KEY=value) and
// standard input.
func RunWith(t testing.TB, env []string, stdin string, args ...string) Result {
	t.Helper()
	return run(t, command(t, env, args...), stdin)
}

// RunIn runs a verb to its end, in that folder.
func RunIn(t testing.TB, dir string, args ...string) Result {
	t.Helper()
	cmd := command(t, nil, args...)
	cmd.Dir = dir
	return run(t, cmd, "")
}

func run(t testing.TB, cmd *exec.Cmd, stdin string) Result {
	t.Helper()
	args := cmd.Args[1:]
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("twinbroker %s: %v", strings.Join(args, " "), err)
	}
	overdue := time.AfterFunc(Patience, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	if !overdue.Stop() {
		t.Fatalf("twinbroker %s did not end within %v\n%s%s", strings.Join(args, " "), Patience, stdout.String(), stderr.String())
	}
	return Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
}

// Verb is a verb that runs until it is told to end.
type Verb struct {
	t      testing.TB
	cmd    *exec.Cmd
	out    *lines
	log    *lines
	exited chan struct{}
}

// Spawn starts a verb. It is killed when the test ends, if it still runs.
func Spawn(t testing.TB, args ...string) *Verb {
	t.Helper()
	return SpawnWith(t, func(*exec.Cmd) {}, args...)
}

// SpawnWith is Spawn of a process that prepare changes before it starts.
func SpawnWith(t testing.TB, prepare func(*exec.Cmd), args ...string) *Verb {
	t.Helper()
	v := &Verb{t: t, cmd: command(t, nil, args...), out: newLines(), log: newLines(), exited: make(chan struct{})}
	prepare(v.cmd)
	stdout, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := v.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatalf("twinbroker %s: %v", strings.Join(args, " "), err)
	}
	go func() {
		logged := make(chan struct{})
		go func() { v.log.read(stderr); close(logged) }()
		v.out.read(stdout)
		<-logged
		_ = v.cmd.Wait()
		close(v.exited)
	}()
	t.Cleanup(func() {
		_ = v.cmd.Process.Kill()
		<-v.exited
	})
	return v
}

// Line waits for a line of standard output that contains text.
func (v *Verb) Line(text string) string {
	v.t.Helper()
	line, err := v.out.wait(text, v.exited)
	if err != nil {
		v.t.Fatalf("%v\nstandard output:\n%s\nstandard error:\n%s", err, v.out.text(), v.log.text())
	}
	return line
}

// ErrorLine waits for a line of standard error that contains text.
func (v *Verb) ErrorLine(text string) string {
	v.t.Helper()
	line, err := v.log.wait(text, v.exited)
	if err != nil {
		v.t.Fatalf("standard error: %v\n%s", err, v.log.text())
	}
	return line
}

// End sends a signal and returns the status that the verb ends with.
func (v *Verb) End(s os.Signal) int {
	v.t.Helper()
	if err := v.cmd.Process.Signal(s); err != nil {
		v.t.Fatal(err)
	}
	return v.Wait()
}

// Wait returns the status that the verb ends with by itself.
func (v *Verb) Wait() int {
	v.t.Helper()
	select {
	case <-v.exited:
	case <-time.After(Patience):
		v.t.Fatalf("did not end within %v", Patience)
	}
	return v.cmd.ProcessState.ExitCode()
}

// Errors is what was written to standard error.
func (v *Verb) Errors() string { return v.log.text() }
