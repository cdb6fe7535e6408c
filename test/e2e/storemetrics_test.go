package e2e

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
)

var (
	metricInPage = regexp.MustCompile(`(?m)^# TYPE (twinbroker_\w+) (\w+)$`)
	metricInDoc  = regexp.MustCompile("(?m)^\\| `(twinbroker_\\w+)` \\|")
)

// What an operator finds in one place is in the other.
func TestEveryMetricIsDocumentedAndServed(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + "mappings: [{topic: refused, thing: a:b, set: {/attributes/a: /a}}]\n"})
	a := newApp(t, b, 5, harness.Connect{})
	a.must("metrics:all", "create", "/", "{}")
	_ = a.Publish("refused", "no JSON", 1)
	if r := a.command("metrics:all", "create", "/", "{}"); r.Status != 409 { // some appear with the first refusal
		t.Fatalf("creating it again: %+v", r)
	}
	_, page := get(t, b.HTTP()+"/metrics")
	doc, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	var served, documented []string
	for _, m := range metricInPage.FindAllStringSubmatch(page, -1) {
		served = append(served, m[1])
		if counts := strings.HasSuffix(m[1], "_total"); counts != (m[2] == "counter") {
			t.Errorf("%s is a %s", m[1], m[2])
		}
	}
	for _, m := range metricInDoc.FindAllStringSubmatch(string(doc), -1) {
		documented = append(documented, m[1])
	}
	for _, name := range served {
		if !slices.Contains(documented, name) {
			t.Errorf("docs/operating.md does not say what %s is", name)
		}
	}
	if _, err := os.Stat("/proc/self/io"); err != nil {
		served = append(served, "twinbroker_store_disk_written_bytes_total")
	}
	for _, name := range documented {
		if !slices.Contains(served, name) {
			t.Errorf("docs/operating.md has %s, /metrics does not", name)
		}
	}
}

func TestTheStoresMetricsSayWhatItDoes(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	b := harness.Start(t, harness.Options{})
	a := newApp(t, b, 5, harness.Connect{})
	if n := metric(t, b, "twinbroker_store_free_bytes"); n <= 0 {
		t.Errorf("before anything was written, free_bytes is %v", n)
	}
	for _, id := range []string{"metrics:a", "metrics:b", "metrics:c"} {
		a.must(id, "create", "/", "{}") // each with its Policy
	}
	check := func(name string, ok func(float64) bool) {
		t.Helper()
		if n := metric(t, b, "twinbroker_store_"+name); !ok(n) {
			t.Errorf("%s is %v", name, n)
		}
	}
	is := func(want float64) func(float64) bool { return func(n float64) bool { return n == want } }
	more := func(than float64) func(float64) bool { return func(n float64) bool { return n > than } }
	records := metric(t, b, "twinbroker_store_records_total")
	commits := metric(t, b, "twinbroker_store_commits_total")
	check("records_total", more(5))
	check("sequence", is(records))
	check("commit_seconds_count", is(commits))
	check("sync_seconds_count", is(commits))
	check("sync_seconds_sum", more(0))
	check("batch_records_count", is(commits))
	check("batch_records_sum", is(records))
	check("bytes_total", more(records*50))
	check("oldest_sequence", is(1))
	check("snapshot_lag_bytes", more(0))
	check("snapshot_lag_seconds", func(n float64) bool { return n > 0 && n <= time.Since(begun).Seconds() })
	check("unstored_bytes", more(0))
	check("memory_entities", is(6))
	check("oldest_timestamp_seconds", func(n float64) bool {
		return n >= float64(begun.UnixNano())/1e9-1 && n <= float64(time.Now().UnixNano())/1e9
	})
	for _, name := range []string{"stuck", "full", "failed", "queue_records", "queue_bytes", "segments_deleted_total"} {
		check(name, is(0))
	}
	oldest := metric(t, b, "twinbroker_store_oldest_timestamp_seconds")

	b.Restart()
	check("oldest_timestamp_seconds", is(oldest))
	check("snapshot_lag_bytes", is(0))
	check("snapshot_lag_seconds", is(0))
	check("records_total", is(0))

	b.Kill()
	b.Restart()
	check("oldest_timestamp_seconds", is(oldest))
}
