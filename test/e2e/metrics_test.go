package e2e

import (
	"bufio"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
)

// get fetches a page of the broker's HTTP port.
func get(t testing.TB, url string) (status int, body string) {
	t.Helper()
	client := http.Client{Timeout: harness.Patience}
	r, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// metric is a figure of /metrics, named with its labels; 0 when it is not there.
func metric(t testing.TB, b *harness.Broker, name string) float64 {
	t.Helper()
	status, body := get(t, b.HTTP()+"/metrics")
	if status != 200 {
		t.Fatalf("/metrics: status %d", status)
	}
	for in := bufio.NewScanner(strings.NewReader(body)); in.Scan(); {
		if value, ok := strings.CutPrefix(in.Text(), name+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	return 0
}

// waitMetric asks for a figure until it is as it has to become.
func waitMetric(t testing.TB, b *harness.Broker, name string, is func(float64) bool) {
	t.Helper()
	for deadline := time.Now().Add(harness.Patience); ; time.Sleep(5 * time.Millisecond) { // a page is asked for, it does not tell
		n := metric(t, b, name)
		if is(n) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is %v", name, n)
		}
	}
}

func TestHealthAndMetricsAreServed(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	for path, want := range map[string]int{"/health/live": 200, "/health/ready": 200, "/metrics": 200, "/api/2/things": 501, "/ws/2": 501, "/": 404} {
		status, body := get(t, b.HTTP()+path)
		if status != want {
			t.Errorf("%s: status %d, want %d: %.100s", path, status, want, body)
		}
		if strings.HasPrefix(path, "/health") && strings.TrimSpace(body) != `{"status":"up"}` {
			t.Errorf("%s: %s", path, body)
		}
	}
	a := newApp(t, b, 5, harness.Connect{})
	a.must("metrics:a", "create", "/", "{}")
	for _, c := range []struct {
		name string
		want float64
	}{
		{"twinbroker_clients_connected", 1}, {"twinbroker_subscriptions", 1}, {"twinbroker_commands_total", 1}, {"twinbroker_events_total", 1},
		{"twinbroker_responses_total", 1}, {`twinbroker_publishes_received_total{qos="1"}`, 1}, {"twinbroker_publishes_pending", 0},
	} {
		if got := metric(t, b, c.name); got != c.want {
			t.Errorf("%s is %v, want %v", c.name, got, c.want)
		}
	}
	if n := metric(t, b, "twinbroker_store_records_total"); n < 1 {
		t.Errorf("twinbroker_store_records_total is %v", n)
	}
}
