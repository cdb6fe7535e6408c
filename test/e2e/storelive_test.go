package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// What an import changes is told like any other change, while other clients go
// on with theirs.
func TestAnImportIntoARunningBroker(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: "auth: {anonymous: [\"test:anonymous\"]}\nmappings:\n  - {topic: 'live/{device}', thing: 'live.a:{{ device }}', set: {/attributes/n: ''}}\n"})
	watcher := newApp(t, b, 5, harness.Connect{})
	watcher.Subscribe("ditto/import.a/+/things/twin/events/#")
	other := newApp(t, b, 5, harness.Connect{})
	other.must("live.a:lamp", "create", "/", `{}`)

	const n = 6000 // more than half of the watcher's queue
	lines := someLines(n)
	lines[0] = strings.Replace(lines[0], `{}`, `{"R":{"subjects":{"test:anonymous":{"type":"t"}},"resources":{"thing:/":{"grant":["READ"],"revoke":[]}},"importable":"implicit"}}`, 1)
	stop, stopped := make(chan struct{}), make(chan int)
	go func() {
		for i := 1; ; i++ {
			if err := other.Publish("live/lamp", fmt.Sprint(i), 1); err != nil {
				t.Errorf("another client's publish: %v", err)
				i = -1
			}
			select {
			case <-stop:
				stopped <- i
				return
			default:
			}
			if i < 0 {
				return
			}
		}
	}()
	text := strings.Join(lines, "") + "bad\n" + `{"thingId":"import.a:own"}` + "\n"
	r := store(t, "import", b.Dir(), text)
	close(stop)
	last := <-stopped
	if r.Code != 1 || !strings.HasPrefix(r.Stdout, fmt.Sprintf("imported up to line %d: %d created, 0 replaced, 0 unchanged, 0 skipped, 1 bad, in ", n+2, n+1)) ||
		!strings.HasPrefix(r.Stderr, fmt.Sprintf("line %d: json.invalid: ", n+1)) || !strings.Contains(r.Stderr, "1 lines were not taken in") {
		t.Errorf("%+v", r)
	}
	for i := range n - 1 {
		topic := fmt.Sprintf("ditto/import.a/t%06d/things/twin/events/created", i)
		if e := read(t, watcher.Wait("ditto/import.a/+/things/twin/events/#")); e.Topic != strings.TrimPrefix(topic, "ditto/") || e.Revision != uint64(1+i%200) {
			t.Fatalf("event %d is %+v, want one of %s", i, e, topic)
		}
	}
	watcher.Wait("ditto/import.a/own/things/twin/events/created")

	out := store(t, "export", b.Dir(), "")
	if out.Code != 0 || !strings.Contains(out.Stdout, lines[0]) || !strings.Contains(out.Stdout, strings.Join(lines[1:], "")) ||
		!strings.Contains(out.Stdout, fmt.Sprintf(`"attributes":{"n":%d}`, last)) || !strings.Contains(out.Stdout, `"subjects":{"test:anonymous"`) ||
		!strings.Contains(out.Stderr, fmt.Sprintf("exported 3 Policies and %d Things", n+1)) {
		t.Errorf("the export: status %d, %d bytes, %s", out.Code, len(out.Stdout), out.Stderr)
	}
	// Again, with something changed: only that is told.
	changed := strings.Replace(lines[7], `"x":6.50`, `"x":7`, 1)
	r = store(t, "import", b.Dir(), lines[1]+changed, "--on-conflict", "replace", "--subject", "user:ann")
	if r.Code != 0 || !strings.Contains(r.Stdout, "0 created, 1 replaced, 1 unchanged") {
		t.Errorf("%+v", r)
	}
	if e := read(t, watcher.Wait("ditto/import.a/+/things/twin/events/#")); e.Topic != "import.a/t000006/things/twin/events/modified" || e.Headers["ditto-originator"] != "user:ann" {
		t.Errorf("told of %+v", e)
	}
	if n := metric(t, b, `twinbroker_deliveries_dropped_total{qos="1"}`) + metric(t, b, `twinbroker_deliveries_dropped_total{qos="2"}`); n != 0 {
		t.Errorf("%v events were dropped", n)
	}
}

// A broker of an earlier version has a socket, and does not know what is asked
// of it. One of which only the lock is there may be starting.
func TestExportAndImportSayWhichBrokerDoesNotAnswer(t *testing.T) {
	t.Parallel()
	old := t.TempDir()
	if len(old) > 80 {
		t.Skip("the name of the temporary folder is too long for a socket")
	}
	l, err := net.Listen("unix", filepath.Join(old, "twinbroker.sock"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, `{"version":"v0.0.1"}`) })
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	b := harness.Start(t, harness.Options{})
	if err := os.Remove(filepath.Join(b.Dir(), "twinbroker.sock")); err != nil {
		t.Fatal(err)
	}
	for dir, says := range map[string]string{old: "version v0.0.1", b.Dir(): "twinbroker.sock"} {
		for _, verb := range []string{"export", "import"} {
			r := store(t, verb, dir, "{}")
			if r.Code != 1 || strings.Count(r.Stderr, "\n") != 1 || !strings.Contains(r.Stderr, says) {
				t.Errorf("%s: %+v", verb, r)
			}
		}
	}
}
