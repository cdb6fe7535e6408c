package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
)

// backedUp is what store backup said.
type backedUp struct {
	sequence      uint64
	files, copied int
	bytes         int64
	snapshot      bool
}

// backup runs store backup on a broker's folder; it has to succeed.
func backup(t testing.TB, data, to string, args ...string) backedUp {
	t.Helper()
	r := harness.Run(t, append([]string{"store", "backup", "--data-dir", data, to}, args...)...)
	if r.Code != 0 {
		t.Fatalf("store backup: status %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	var b backedUp
	// backup up to record 2 in dest: 1 journal files, 40 KiB in all; copied a snapshot and 1 journal files, 45056 bytes, in 4ms; removed 0
	head, tail, _ := strings.Cut(r.Stdout, "; copied ")
	if _, err := fmt.Sscanf(head[strings.Index(head, "record "):], "record %d in", &b.sequence); err != nil {
		t.Fatalf("store backup says %q: %v", r.Stdout, err)
	}
	if _, err := fmt.Sscanf(head[strings.Index(head, to)+len(to):], ": %d journal files", &b.files); err != nil {
		t.Fatalf("store backup says %q: %v", r.Stdout, err)
	}
	tail, b.snapshot = strings.CutPrefix(tail, "a snapshot and ")
	if _, err := fmt.Sscanf(tail, "%d journal files, %d bytes,", &b.copied, &b.bytes); err != nil {
		t.Fatalf("store backup says %q: %v", r.Stdout, err)
	}
	return b
}

// restore runs store restore to a new folder, which it returns.
func restore(t testing.TB, from string, args ...string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "restored")
	r := harness.Run(t, append([]string{"store", "restore", from, "--to", to}, args...)...)
	if r.Code != 0 || !strings.Contains(r.Stdout, "verified") {
		t.Fatalf("store restore: status %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	return to
}

// reopen starts a broker on a restored folder and connects to it.
func reopen(t testing.TB, dir string) *app {
	t.Helper()
	return newApp(t, harness.Start(t, harness.Options{Dir: dir}), 5, harness.Connect{})
}

// truth is what events told of each Thing: its values by revision, and when.
type truth struct {
	value map[uint64]string
	when  map[uint64]time.Time
}

func TestBackupsUnderLoadAndTheirMoments(t *testing.T) {
	t.Parallel()
	const clients, backups = 20, 2
	b := harness.Start(t, harness.Options{})
	watch := newApp(t, b, 5, harness.Connect{Receive: 1000})
	watch.Subscribe("ditto/backup/+/things/twin/events/#")
	dest := filepath.Join(t.TempDir(), "backup")
	id := func(n int) string { return fmt.Sprint("backup:thing-", n) }
	for n := range clients {
		watch.must(id(n), "create", "/", `{"attributes":{"n":0}}`)
	}
	var acknowledged [clients]atomic.Uint64 // revisions
	var total atomic.Uint64
	stop := make(chan struct{})
	var load sync.WaitGroup
	for n := range clients {
		c := harness.Dial(t, b, byte(4+n%2), harness.Connect{})
		load.Go(func() {
			for revision := uint64(2); ; revision++ {
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond): // leaves some of the machine to the others
				}
				topic := "ditto/" + topicOf(id(n)) + "/things/twin/commands/modify"
				if err := c.Publish(topic, fmt.Sprintf(`{"path":"/attributes/n","value":%d,"headers":{"response-required":false}}`, revision), byte(1+n%2)); err != nil {
					t.Error(err)
					return
				}
				acknowledged[n].Store(revision)
				total.Add(1)
			}
		})
	}
	seen := map[string]*truth{}
	var moments []time.Time
	var least [backups][clients]uint64
	var restored [backups]string
	for i := range backups {
		for until := uint64(i+1) * 300; total.Load() < until && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		for n := range clients {
			least[i][n] = acknowledged[n].Load()
		}
		said := backup(t, b.Dir(), dest)
		if i == 0 != said.snapshot || said.copied < 1 || said.copied > 2 { // the segment that is written, perhaps the one after it
			t.Errorf("backup %d: %+v", i, said)
		}
		restored[i] = restore(t, dest)
	}
	close(stop)
	load.Wait()
	for i, dir := range restored {
		a := reopen(t, dir)
		for n, want := range least[i] {
			thing, revision := a.state(id(n))
			if revision < want || !strings.Contains(thing, fmt.Sprintf(`"n":%d`, revision)) && revision > 1 {
				t.Errorf("backup %d has %s at revision %d, acknowledged was %d", i, thing, revision, want)
			}
		}
	}
	before := backup(t, b.Dir(), dest)
	watch.must(id(0), "modify", "/attributes/last", "true")
	if said := backup(t, b.Dir(), dest); said.sequence != before.sequence+1 || said.copied < 1 || said.copied > 2 || said.snapshot {
		t.Errorf("one more change: %+v, before %+v", said, before)
	}
	if said := backup(t, b.Dir(), dest); said.copied != 0 || said.bytes != 0 {
		t.Errorf("once more: %+v", said)
	}
	for range int(total.Load()) + clients + 1 {
		e := read(t, watch.Wait("ditto/backup/+/things/twin/events/#"))
		name, _, _ := strings.Cut(strings.TrimPrefix(e.Topic, "backup/"), "/")
		at, err := time.Parse(time.RFC3339Nano, e.Timestamp)
		if err != nil {
			t.Fatal(err)
		}
		one := seen["backup:"+name]
		if one == nil {
			one = &truth{map[uint64]string{}, map[uint64]time.Time{}}
			seen["backup:"+name] = one
		}
		one.value[e.Revision], one.when[e.Revision] = string(e.Value), at
	}
	for i := range 2 { // early, and late
		one := seen[id(i)]
		moments = append(moments, one.when[uint64(len(one.when)*(2*i+1)/4)+1])
	}
	for _, moment := range moments {
		a := reopen(t, restore(t, dest, "--until", moment.Format(time.RFC3339Nano)))
		for n := range clients {
			one, want := seen[id(n)], uint64(0)
			for revision, at := range one.when {
				if !at.After(moment) {
					want = max(want, revision)
				}
			}
			thing, revision := a.state(id(n))
			var got struct {
				Attributes struct{ N uint64 }
			}
			if thing != "" {
				if err := json.Unmarshal([]byte(thing), &got); err != nil {
					t.Fatal(err)
				}
			}
			if revision != want || want > 1 && strconv.FormatUint(got.Attributes.N, 10) != one.value[want] {
				t.Errorf("at %v %s is %s at revision %d, want %d with %s", moment, id(n), thing, revision, want, one.value[want])
			}
		}
	}
}

// The file that a backup writes to is a pipe that nobody reads: so it is in
// the middle when it is killed.
func TestABackupThatIsKilled(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + "limits: {message_size: 8MiB, thing_size: 8MiB}\n"})
	a := newApp(t, b, 5, harness.Connect{})
	dest := filepath.Join(t.TempDir(), "backup")
	large := `{"attributes":{"text":"` + strings.Repeat("x", 5<<20) + `"}}`
	a.must("killed:one", "create", "/", "{}")
	first := backup(t, b.Dir(), dest)
	for i := range 2 { // more than is read from a segment that is being written
		a.must(fmt.Sprint("killed:more-", i), "create", "/", large)
	}
	names, err := os.ReadDir(filepath.Join(b.Dir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	pipe := "" // for the oldest segment that the backup does not have
	for _, n := range names {
		path := filepath.Join(dest, "segments", n.Name())
		if _, err := os.Stat(path); err != nil && pipe == "" && filepath.Ext(path) == ".db" {
			pipe = path + ".tmp"
		}
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	stuck := harness.Spawn(t, "store", "backup", "--data-dir", b.Dir(), dest)
	end, err := os.Open(pipe) // waits until the verb writes there
	if err != nil {
		t.Fatal(err)
	}
	a.must("killed:meanwhile", "create", "/", `{"attributes":{"n":1}}`)
	if r := harness.Run(t, "store", "backup", "--data-dir", b.Dir(), dest); r.Code != 1 || !strings.Contains(r.Stderr, "another") {
		t.Errorf("a second one at once: status %d: %s", r.Code, r.Stderr)
	}
	stuck.End(syscall.SIGKILL)
	_ = end.Close()
	b.WaitLog("a backup was not finished")
	if before, _ := reopen(t, restore(t, dest)).state("killed:more-0"); before != "" {
		t.Error("the backup that was killed counts")
	}
	if err := os.Remove(pipe); err != nil {
		t.Fatal(err)
	}
	if again := backup(t, b.Dir(), dest); again.copied < 1 || again.sequence <= first.sequence {
		t.Errorf("%+v after %+v", again, first)
	}
	after := reopen(t, restore(t, dest))
	for _, id := range []string{"killed:one", "killed:meanwhile"} {
		if thing, _ := after.state(id); thing == "" {
			t.Errorf("%s is missing", id)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dest, "*", "*.tmp")); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestTheSocketOfTheVerbs(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	a := newApp(t, b, 5, harness.Connect{})
	a.must("socket:one", "create", "/", "{}")
	socket := filepath.Join(b.Dir(), "twinbroker.sock")
	private := func() {
		t.Helper()
		info, err := os.Lstat(socket)
		if err != nil || info.Mode() != os.ModeSocket|0o600 {
			t.Fatalf("the socket: %v, %v", info, err)
		}
	}
	status := func(args ...string) harness.Result {
		return harness.Run(t, append([]string{"status", "--data-dir", b.Dir()}, args...)...)
	}
	private()
	if r := status(); r.Code != 0 || !strings.Contains(r.Stdout, b.URLs()[0]) || !strings.Contains(r.Stdout, fmt.Sprint(b.PID())) {
		t.Errorf("status: %d %s%s", r.Code, r.Stdout, r.Stderr)
	}
	var said struct {
		PID   int
		MQTT  []string
		HTTP  string
		Store struct{ LastSequence, Records uint64 }
	}
	if r := status("-o", "json"); json.Unmarshal([]byte(r.Stdout), &said) != nil || said.PID != b.PID() || said.MQTT[0] != b.URLs()[0] || said.HTTP != b.HTTP() || said.Store.LastSequence == 0 {
		t.Errorf("status in JSON: %d %s%s", r.Code, r.Stdout, r.Stderr)
	}
	t.Run("another user", func(t *testing.T) { refusedAsNobody(t, b) })

	b.Kill()
	private() // a dead one
	if r := status(); r.Code != 1 || r.Stdout != "" || !strings.Contains(r.Stderr, "no broker runs") || !strings.Contains(r.Stderr, b.Dir()) {
		t.Errorf("status of a dead one: %d %s%s", r.Code, r.Stdout, r.Stderr)
	}
	dest := filepath.Join(t.TempDir(), "backup")
	if stopped := backup(t, b.Dir(), dest); stopped.sequence != said.Store.LastSequence || !stopped.snapshot {
		t.Errorf("backup of the stopped folder: %+v", stopped)
	}
	b.Restart()
	private()
	if r := status(); r.Code != 0 || !strings.Contains(r.Stdout, fmt.Sprint(b.PID())) {
		t.Errorf("status after the restart: %d %s%s", r.Code, r.Stdout, r.Stderr)
	}
	if same := backup(t, b.Dir(), dest); same.copied != 0 {
		t.Errorf("backup of the running broker: %+v", same)
	}
	if r := harness.Run(t, "store", "backup", "--data-dir", b.Dir(), filepath.Join(b.Dir(), "backup")); r.Code != 1 || !strings.Contains(r.Stderr, "elsewhere") {
		t.Errorf("backup into the data: %d %s", r.Code, r.Stderr)
	}
	if r := harness.Run(t, "store", "restore", dest, "--data-dir", b.Dir()); r.Code != 1 || !strings.Contains(r.Stderr, "not empty") {
		t.Errorf("restore over the data: %d %s", r.Code, r.Stderr)
	}
	b.Stop()
	if _, err := os.Lstat(socket); !os.IsNotExist(err) {
		t.Errorf("after a clean stop the socket is there: %v", err)
	}
	if r := harness.Run(t, "store", "backup", "--data-dir", filepath.Join(t.TempDir(), "nothing"), dest); r.Code != 1 || !strings.Contains(r.Stderr, "no data") {
		t.Errorf("backup of nothing: %d %s", r.Code, r.Stderr)
	}
}

// refusedAsNobody runs verbs as a user who can see the folder, but is not its
// owner.
func refusedAsNobody(t *testing.T, b *harness.Broker) {
	if os.Getuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	open, err := os.MkdirTemp("", "nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(open) })
	program := filepath.Join(open, "twinbroker")
	text, err := os.ReadFile(harness.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, text, 0o755); err != nil {
		t.Fatal(err)
	}
	for dir := b.Dir(); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"status"}, {"store", "backup", filepath.Join(open, "backup")}, {"store", "export"}, {"store", "import"}} {
		cmd := exec.Command(program, append(args, "--data-dir", b.Dir())...)
		cmd.Dir = open
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "permission denied") || !strings.Contains(string(out), "twinbroker.sock") {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}
