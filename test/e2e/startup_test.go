package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// taken is an address that somebody listens on.
func taken(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestAMistakeAtStartIsOneLineThatNamesTheFix(t *testing.T) {
	t.Parallel()
	running := harness.Start(t, harness.Options{})
	port := taken(t)
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	config := func(text string) []string { return []string{"-c", harness.WriteFile(t, "t.yaml", text)} }
	for _, c := range []struct {
		name string
		args []string
		env  []string
		says []string // in the line
	}{
		{"the MQTT port is taken", []string{"--listen", "tcp://" + port}, nil, []string{port, "address already in use", "--listen"}},
		{"the HTTP port is taken, and was asked for", []string{"--http", port}, nil, []string{port, "--http off"}},
		{"the data folder is in use", []string{"--data-dir", running.Dir()}, nil,
			[]string{running.Dir(), fmt.Sprint("process ", running.PID()), "data_dir"}},
		{"the data folder is a file", []string{"--data-dir", broken}, nil, []string{broken}},
		{"the configuration is not there", []string{"-c", "/does/not/exist.yaml"}, nil, []string{"/does/not/exist.yaml", "-c"}},
		{"the configuration is no YAML", config("data_dir: [\n"), nil, []string{"t.yaml:", "YAML"}},
		{"a key that is not known", config(harness.Anonymous + "data_dri: x\n"), nil, []string{"t.yaml:2", "data_dri", "data_dir"}},
		{"a value that is none", config("log:\n  level: loud\n"), nil, []string{"t.yaml:2", "log.level", "loud", "debug"}},
		{"a key of a later version", config("limits: {state_on_subscribe: 5}\n"), nil, []string{"t.yaml:1", "state_on_subscribe", "not supported yet"}},
		{"more than one mistake", config("a: 1\nb: 2\n"), nil, []string{"t.yaml:1", "1 more", "config check"}},
		{"a listener without a certificate", []string{"--listen", "tls://127.0.0.1:0"}, nil, []string{"tls://127.0.0.1:0", "certificate"}},
		{"an address that is none", []string{"--listen", "nonsense"}, nil, []string{"nonsense", "tcp://"}},
		{"a variable that is wrong", nil, []string{"TWINBROKER_LIMITS_CLIENTS=many"}, []string{"TWINBROKER_LIMITS_CLIENTS", "many"}},
		{"a flag that is not known", []string{"--prot"}, nil, []string{"--prot"}},
		{"an argument", []string{"quickly"}, nil, []string{"quickly"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			args := []string{"serve"}
			for _, standard := range [][]string{{"--data-dir", filepath.Join(t.TempDir(), "data")}, {"--listen", "tcp://127.0.0.1:0"}, {"--http", "off"}} {
				if !strings.Contains(strings.Join(c.args, " "), standard[0]) {
					args = append(args, standard...)
				}
			}
			r := harness.RunWith(t, c.env, "", append(args, c.args...)...)
			var lines []string
			for line := range strings.Lines(r.Stderr) {
				if !strings.Contains(line, "level=INFO") { // a notice of what holds
					lines = append(lines, line)
				}
			}
			if r.Code != 1 || r.Stdout != "" || len(lines) != 1 || !strings.HasPrefix(lines[0], "twinbroker: ") || !strings.HasSuffix(lines[0], "\n") {
				t.Fatalf("status %d, standard output %q, standard error\n%s", r.Code, r.Stdout, r.Stderr)
			}
			for _, want := range c.says {
				if !strings.Contains(lines[0], want) {
					t.Errorf("it does not say %q: %s", want, lines[0])
				}
			}
		})
	}
	if !running.Running() {
		t.Error("the broker whose folder was wanted has gone")
	}
}

func TestWithoutAnyArgumentItRunsOnThisMachineOnly(t *testing.T) {
	// Not parallel: the default ports are there once.
	for _, address := range []string{"127.0.0.1:1883", "127.0.0.1:8080"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Skipf("somebody else has a default port: %v", err)
		}
		_ = l.Close()
	}
	v := harness.Spawn(t, "serve")
	if line := v.Line("twinbroker ready"); line != "twinbroker ready mqtt=tcp://127.0.0.1:1883 http=http://127.0.0.1:8080" {
		t.Errorf("it says %q", line)
	}
	r := harness.Run(t, "things", "put", "org.acme:lamp", "{}")
	if r.Code != 0 {
		t.Errorf("things: status %d: %s", r.Code, r.Stderr)
	}
	second := harness.Spawn(t, "serve", "--listen", "tcp://127.0.0.1:0")
	if line := second.Line("twinbroker ready"); !strings.HasSuffix(line, " http=off") {
		t.Errorf("with the default HTTP port taken it says %q", line)
	}
	if line := second.ErrorLine("level=WARN"); !strings.Contains(line, "--http") {
		t.Errorf("with the default HTTP port taken it warns %q", line)
	}
	for _, v := range []*harness.Verb{v, second} {
		if code := v.End(os.Interrupt); code != 0 {
			t.Errorf("interrupted, it ended with status %d", code)
		}
	}
}

func TestWithAFileClientsWithoutCredentialsAreRefusedUnlessItSaysOtherwise(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, config string
		args         []string
		in           bool
	}{
		{"a file that does not say", "log: {level: info}\n", nil, false},
		{"a file that lets nobody in", "auth: {anonymous: []}\n", nil, false},
		{"a file that lets them in", harness.Anonymous, nil, true},
		{"the flag", "log: {level: info}\n", []string{"--anonymous"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := harness.Start(t, harness.Options{Config: c.config, Args: c.args})
			c5, err := harness.TryDial5(t, b, harness.Connect{})
			if in := err == nil; in != c.in {
				t.Errorf("MQTT 5: %v", err)
			} else if !in && (c5.Connack == nil || c5.Connack.ReasonCode != 0x87 || !strings.Contains(c5.Connack.Properties.ReasonString, "auth.anonymous")) {
				t.Errorf("MQTT 5: refused with %v", c5.Connack)
			}
			if _, err := harness.TryDial3(t, b, harness.Connect{}); err == nil != c.in || err != nil && !strings.Contains(strings.ToLower(err.Error()), "not authorized") {
				t.Errorf("MQTT 3.1.1: %v", err)
			}
			if c.in == strings.Contains(b.Log(), "clients without credentials are refused") {
				t.Errorf("at the start it says\n%s", b.Log())
			}
		})
	}
}

func TestItStopsCleanlyOnSIGTERMAndSIGINT(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		b := harness.Start(t, harness.Options{})
		a := newApp(t, b, 5, harness.Connect{})
		c := a.Client.(*harness.Client5)
		a.must("stop:a", "create", "/", "{}")
		a.Subscribe("wills/#")
		harness.Dial5(t, b, harness.Connect{Will: &paho.WillMessage{Topic: "wills/x", QoS: 1}})
		b.Signal(signal)
		if code := b.Wait(); code != 0 {
			t.Errorf("%v: status %d", signal, code)
		}
		if d := <-c.Disconnected; d.ReasonCode != 0x8B {
			t.Errorf("%v: clients are disconnected with %#x, want 0x8B (server shutting down)", signal, d.ReasonCode)
		}
		b.Restart()
		if _, revision := newApp(t, b, 5, harness.Connect{}).state("stop:a"); revision != 1 {
			t.Errorf("%v: the Thing is not there any more", signal)
		}
	}
}

// accepted sends publishes to a broker that gathers them for a while, and
// returns when they have been taken and none is acknowledged.
func accepted(t *testing.T, b *harness.Broker, n int) *mqttraw.Conn {
	t.Helper()
	c, _, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: mqttraw.V5, Clean: true, ClientID: "accepted"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for i := range n {
		p := &mqttraw.Publish{Topic: "ditto/stop/a/things/twin/commands/modify", QoS: 1, ID: uint16(i + 1), Payload: []byte(`{"path":"/attributes/n","value":1}`)}
		if i == 0 {
			p.Payload = []byte(`{"path":"/","value":{}}`)
		}
		if err := c.Publish(p); err != nil {
			t.Fatal(err)
		}
	}
	waitMetric(t, b, "twinbroker_publishes_pending", func(pending float64) bool { return pending == float64(n) })
	return c
}

func TestWhatWasAcceptedIsFinishedBeforeItStops(t *testing.T) {
	t.Parallel()
	const n = 50
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + "store: {sync: 3s}\n"})
	c := accepted(t, b, n)
	b.Signal(syscall.SIGTERM)
	for i := range n {
		if p, err := c.Await(mqttraw.PUBACK, uint16(i+1)); err != nil || p.Reason != 0 {
			t.Fatalf("publish %d: %v, %v", i+1, p, err)
		}
	}
	if p, err := c.ReadPacket(); err != nil || p.Type != mqttraw.DISCONNECT || p.Reason != 0x8B {
		t.Errorf("after the acknowledgements: %v, %v; want DISCONNECT with 0x8B", p, err)
	}
	if code := b.Wait(); code != 0 {
		t.Errorf("status %d", code)
	}
	b.Restart()
	if _, revision := newApp(t, b, 5, harness.Connect{}).state("stop:a"); revision != n {
		t.Errorf("the Thing is at revision %d, want %d", revision, n)
	}
}

func TestASecondSignalStopsAtOnce(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + "store: {sync: 1m}\n"})
	accepted(t, b, 1)
	b.Signal(syscall.SIGTERM)
	b.WaitLog("stopping")
	begin := time.Now()
	b.Signal(syscall.SIGINT)
	if code := b.Wait(); code != 1 {
		t.Errorf("status %d, want 1", code)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	b.Restart() // what it left behind is fit to go on with
}

func TestAChangedConfigurationIsTakenOverWhileItRuns(t *testing.T) {
	t.Parallel()
	const rule = "mappings: [{topic: \"t/{d}\", thing: \"reload:{{ d }}\", set: {/attributes/%s: \"\"}, create: {}}]\n"
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + fmt.Sprintf(rule, "one")})
	a := newApp(t, b, 5, harness.Connect{})
	write := func(text string) {
		t.Helper()
		next := b.ConfigFile() + ".next"
		if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, b.ConfigFile()); err != nil {
			t.Fatal(err)
		}
	}
	check := func(device, want string) {
		t.Helper()
		mustPublish(t, a, "t/"+device, "1", 1)
		wantValue(t, device, a.must("reload:"+device, "retrieve", "/attributes", "").Value, want)
	}
	check("a", `{"one":1}`)
	write(harness.Anonymous + fmt.Sprintf(rule, "two"))
	b.WaitLog("configuration taken over\" because=\"the file changed\"")
	check("b", `{"two":1}`)
	write(harness.Anonymous + "nonsense: 1\n")
	b.WaitLog("the configuration is not taken over")
	check("c", `{"two":1}`)
	write(harness.Anonymous + fmt.Sprintf(rule, "three") + "listeners: [{address: \"tcp://127.0.0.1:0\"}]\nlimits: {clients: 9}\n")
	b.Signal(syscall.SIGHUP)
	b.WaitLog("restart_needed_for")
	check("d", `{"three":1}`)
}
