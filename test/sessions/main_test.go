package sessions

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

func TestMain(m *testing.M) { harness.Main(m) }

// slow makes each sync of the disk take so long that publishes are seen pending.
const slow = "TWINBROKER_BENCH_SYNC_DELAY=30ms"

// dial connects a raw client.
func dial(t testing.TB, b *harness.Broker, o mqttraw.Options) *mqttraw.Conn {
	t.Helper()
	c, _ := join(t, b, o)
	return c
}

// join is dial that says whether an earlier session goes on.
func join(t testing.TB, b *harness.Broker, o mqttraw.Options) (c *mqttraw.Conn, present bool) {
	t.Helper()
	o.Timeout = harness.Patience
	c, ack, err := mqttraw.Dial(b.MQTT(), o)
	if err != nil {
		t.Fatalf("connecting %s: %v", o.ClientID, err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, ack.SessionPresent
}

// lasting is a client whose session lasts.
func lasting(id string, version byte) mqttraw.Options {
	o := mqttraw.Options{ClientID: id, Version: version}
	if version == mqttraw.V5 {
		o.SessionExpiry = 0xFFFFFFFF
	}
	return o
}

// each runs a test with both versions of MQTT.
func each(t *testing.T, run func(t *testing.T, version byte)) {
	t.Run("MQTT 5", func(t *testing.T) { run(t, mqttraw.V5) })
	t.Run("MQTT 3.1.1", func(t *testing.T) { run(t, mqttraw.V311) })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// next is the next packet, which has to be of that type.
func next(t testing.TB, c *mqttraw.Conn, typ byte) *mqttraw.Packet {
	t.Helper()
	p, err := c.ReadPacket()
	if err != nil {
		t.Fatalf("waiting for %s: %v", mqttraw.TypeName(typ), err)
	}
	if p.Type != typ {
		t.Fatalf("waiting for %s: got %s", mqttraw.TypeName(typ), p)
	}
	return p
}

// await skips packets up to that one.
func await(t testing.TB, c *mqttraw.Conn, typ byte, id uint16) *mqttraw.Packet {
	t.Helper()
	p, err := c.Await(typ, id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func subscribe(t testing.TB, c *mqttraw.Conn, filter string, qos byte) {
	t.Helper()
	codes, err := c.Subscribe(65000, mqttraw.Subscription{Filter: filter, QoS: qos})
	if err != nil || codes[0] != qos {
		t.Fatalf("subscribing to %s: %x, %v", filter, codes, err)
	}
}

// ended waits until the broker has closed the connection, and gives the reason
// of its DISCONNECT; 0: there was none.
func ended(t testing.TB, c *mqttraw.Conn) (reason byte) {
	t.Helper()
	for {
		p, err := c.ReadPacket()
		var late net.Error
		switch {
		case err == nil && p.Type == mqttraw.DISCONNECT:
			reason = p.Reason
		case err == nil:
		case errors.As(err, &late) && late.Timeout():
			t.Fatal("the broker does not close the connection")
		default:
			if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
				t.Fatalf("the connection ended with %v", err)
			}
			return reason
		}
	}
}

// bystander is a client that must not notice anything.
type bystander struct {
	t testing.TB
	c harness.Client
}

func watchFrom(t testing.TB, b *harness.Broker) *bystander {
	t.Helper()
	c := harness.Dial5(t, b, harness.Connect{})
	c.Subscribe("bystander/#")
	return &bystander{t, c}
}

// undisturbed publishes to itself.
func (b *bystander) undisturbed() {
	b.t.Helper()
	for qos := range byte(3) {
		must(b.t, b.c.Publish("bystander/"+b.c.ID(), "well", qos))
		b.c.Wait("bystander/" + b.c.ID())
	}
}

// twin is a Thing that a test changes.
type twin struct {
	t    testing.TB
	c    *harness.Client5
	name string
}

// newTwin creates a Thing and follows its events.
func newTwin(t testing.TB, b *harness.Broker, name string) *twin {
	t.Helper()
	w := &twin{t, nil, name}
	w.follow(b)
	if status, _ := w.ask("create", `"value":{}`); status != 201 {
		t.Fatalf("creating %s: %d", name, status)
	}
	w.event(1)
	return w
}

// follow connects the client that looks, again after a restart.
func (w *twin) follow(b *harness.Broker) {
	w.t.Helper()
	w.c = harness.Dial5(w.t, b, harness.Connect{})
	w.c.Subscribe("ditto/_replies/#", "ditto/s/"+w.name+"/things/twin/events/#")
}

func (w *twin) topic() string { return "ditto/s/" + w.name + "/things/twin/commands/modify" }

// number is a change that sets n.
func number(n int) []byte {
	return fmt.Appendf(nil, `{"path":"/attributes/n","value":%d,"headers":{"response-required":false}}`, n)
}

// change is a publish that sets n.
func (w *twin) change(n int, qos byte, id uint16) *mqttraw.Publish {
	return &mqttraw.Publish{Topic: w.topic(), Payload: number(n), QoS: qos, ID: id}
}

func again(p *mqttraw.Publish) *mqttraw.Publish {
	q := *p
	q.Dup = true
	return &q
}

func (w *twin) ask(action, more string) (status int, value json.RawMessage) {
	w.t.Helper()
	m := w.c.Request("ditto/s/"+w.name+"/things/twin/commands/"+action, `{"path":"/",`+more+`}`, 1, "ditto/_replies/look")
	var e struct {
		Status int
		Value  json.RawMessage
	}
	must(w.t, json.Unmarshal([]byte(m.Payload), &e))
	return e.Status, e.Value
}

// look gives n and the Thing's revision.
func (w *twin) look() (n, revision int) {
	w.t.Helper()
	status, value := w.ask("retrieve", `"fields":"attributes,_revision"`)
	var d struct {
		Revision   int `json:"_revision"`
		Attributes struct{ N int }
	}
	must(w.t, json.Unmarshal(value, &d))
	if status != 200 {
		w.t.Fatalf("retrieving %s: %d", w.name, status)
	}
	return d.Attributes.N, d.Revision
}

// want checks n and how often the Thing was changed.
func (w *twin) want(n, changes int) {
	w.t.Helper()
	if got, revision := w.look(); got != n || revision != changes+1 {
		w.t.Errorf("n is %d after %d changes, want %d after %d", got, revision-1, n, changes)
	}
}

// event waits for the event of a revision, which has to be the next one.
func (w *twin) event(revision int) {
	w.t.Helper()
	m := w.c.Wait("ditto/s/" + w.name + "/things/twin/events/#")
	var e struct{ Revision int }
	must(w.t, json.Unmarshal([]byte(m.Payload), &e))
	if e.Revision != revision {
		w.t.Fatalf("an event of revision %d, want %d", e.Revision, revision)
	}
}

// metric is the value of a figure of /metrics, labels included in its name.
func metric(t testing.TB, b *harness.Broker, name string) float64 {
	t.Helper()
	r, err := http.Get(b.HTTP() + "/metrics")
	must(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			must(t, err)
			return f
		}
	}
	t.Fatalf("/metrics has no %s", name)
	return 0
}

// eventually waits for what nobody tells of, by asking again and again.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(harness.Patience)
	for !so() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("after %v it is not so that %s", harness.Patience, what)
		}
	}
}

// awaitMetric waits until a figure of /metrics fits.
func awaitMetric(t testing.TB, b *harness.Broker, name string, fits func(float64) bool) {
	t.Helper()
	eventually(t, name+" is as it should be", func() bool { return fits(metric(t, b, name)) })
}

func atLeast(n float64) func(float64) bool { return func(v float64) bool { return v >= n } }
func exactly(n float64) func(float64) bool { return func(v float64) bool { return v == n } }
