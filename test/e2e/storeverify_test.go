package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// dataFolder is the folder of a broker that has stored a few Things and stopped.
func dataFolder(t *testing.T) (*harness.Broker, string) {
	t.Helper()
	b := harness.Start(t, harness.Options{})
	url := "mqtt://" + b.MQTT()
	for i := range 5 {
		for _, value := range []string{`{"attributes":{"n":1}}`, `{"attributes":{"n":2.50}}`} {
			if r := harness.Run(t, "things", "put", "--url", url, fmt.Sprint("org.acme:lamp-", i), value); r.Code != 0 {
				t.Fatal(r.Stderr)
			}
		}
	}
	if r := harness.Run(t, "things", "delete", "--url", url, "org.acme:lamp-4"); r.Code != 0 {
		t.Fatal(r.Stderr)
	}
	return b, b.Dir()
}

func TestTheStoreIsLookedAfter(t *testing.T) {
	t.Parallel()
	b, dir := dataFolder(t)
	for _, verb := range []string{"verify", "stat", "compact"} {
		if r := harness.Run(t, "store", verb, "--data-dir", dir); r.Code != 1 || !strings.Contains(r.Stderr, fmt.Sprint("process ", b.PID())) || strings.Count(r.Stderr, "\n") != 1 {
			t.Errorf("%s beside a broker: status %d: %q", verb, r.Code, r.Stderr)
		}
	}
	b.Stop()

	r := harness.Run(t, "store", "verify", "--data-dir", dir)
	if r.Code != 0 || !strings.Contains(r.Stdout, "4 Things and Policies") && !strings.Contains(r.Stdout, "nothing is wrong\n") {
		t.Fatalf("verify: status %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	var is struct {
		Findings, Records, Deleted int
		Found                      []struct{ File, What string }
	}
	asJSON := func(code int, args ...string) string {
		t.Helper()
		r := harness.Run(t, append(args, "-o", "json")...)
		if err := json.Unmarshal([]byte(r.Stdout), &is); err != nil || r.Code != code {
			t.Fatalf("%v: status %d, %v\n%s%s", args, r.Code, err, r.Stdout, r.Stderr)
		}
		return r.Stdout
	}
	asJSON(0, "store", "verify", "--data-dir", dir)
	if is.Findings != 0 || is.Records < 11 || is.Deleted == 0 {
		t.Errorf("verify: %+v", is)
	}
	if text := asJSON(0, "store", "stat", "--data-dir", dir); !strings.Contains(text, "org.acme:lamp-1") || !strings.Contains(text, `"delete": 1`) {
		t.Errorf("stat: %s", text)
	}
	if r := harness.Run(t, "store", "stat", "--data-dir", dir); r.Code != 0 || !strings.Contains(r.Stdout, "LARGEST") {
		t.Errorf("stat: status %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	if r := harness.Run(t, "store", "compact", "--data-dir", dir); r.Code != 0 || !strings.Contains(r.Stdout, "state.db: ") {
		t.Errorf("compact: status %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}

	// The only segment goes bad where a record is.
	segments, err := filepath.Glob(filepath.Join(dir, "journal", "*.db"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	text, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), "2.50", "9.50", -1))
	if err := os.WriteFile(segments[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	r = harness.Run(t, "store", "verify", "--data-dir", dir)
	if r.Code != 1 || !strings.Contains(r.Stdout, segments[0]+": record ") || !strings.Contains(r.Stderr, "--repair --into") {
		t.Fatalf("verify of damage: status %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	asJSON(1, "store", "verify", "--data-dir", dir)
	if is.Findings == 0 || len(is.Found) != is.Findings || is.Found[0].File != segments[0] {
		t.Errorf("%+v", is)
	}
	for _, args := range [][]string{{"--repair"}, {"--into", "x"}, {"--repair", "--into", dir}, {"-o", "xml"}} {
		if r := harness.Run(t, append([]string{"store", "verify", "--data-dir", dir}, args...)...); r.Code != 1 || strings.Count(r.Stderr, "\n") != 1 {
			t.Errorf("%v: status %d: %q", args, r.Code, r.Stderr)
		}
	}
	into := filepath.Join(t.TempDir(), "saved")
	r = harness.Run(t, "store", "verify", "--data-dir", dir, "--repair", "--into", into)
	if r.Code != 1 || !strings.Contains(r.Stdout, "lost: records ") || !strings.Contains(r.Stderr, "is in good order") {
		t.Fatalf("repair: status %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	again := harness.Start(t, harness.Options{Dir: into})
	// state.db had what the journal lost.
	r = harness.Run(t, "things", "get", "--url", "mqtt://"+again.MQTT(), "org.acme:lamp-1", "/attributes/n")
	if r.Stdout != "2.50\n" {
		t.Errorf("%q %q", r.Stdout, r.Stderr)
	}
}
