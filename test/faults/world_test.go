//go:build linux

package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// impatient is a configuration that refuses soon; patient one that does not
// refuse while a test runs.
const (
	impatient = harness.Anonymous + "store: {patience: 300ms}\n"
	patient   = harness.Anonymous + "store: {patience: 10m}\n"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for what nobody tells of, by asking again and again.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
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

func get(t testing.TB, url string) (status int, body string) {
	t.Helper()
	client := http.Client{Timeout: harness.Patience}
	r, err := client.Get(url)
	must(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	must(t, err)
	return r.StatusCode, string(text)
}

// metric is a figure of /metrics, labels included in its name; 0 when it is not
// there.
func metric(t testing.TB, b *harness.Broker, name string) float64 {
	t.Helper()
	_, body := get(t, b.HTTP()+"/metrics")
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			must(t, err)
			return f
		}
	}
	return 0
}

func awaitMetric(t testing.TB, b *harness.Broker, name string, least float64) {
	t.Helper()
	eventually(t, fmt.Sprint(name, " is at least ", least), func() bool { return metric(t, b, name) >= least })
}

// awaitReady waits until /health/ready says that all is well.
func awaitReady(t testing.TB, b *harness.Broker) {
	t.Helper()
	eventually(t, "the broker is ready", func() bool { status, _ := get(t, b.HTTP()+"/health/ready"); return status == 200 })
}

// awaitAiling waits until /health/ready says that the store is not well, for a
// reason with these words.
func awaitAiling(t testing.TB, b *harness.Broker, words ...string) {
	t.Helper()
	var status int
	var body string
	defer func() {
		if t.Failed() {
			t.Logf("/health/ready: %d %s", status, body)
		}
	}()
	eventually(t, fmt.Sprintf("/health/ready says 503 and %q", words), func() bool {
		status, body = get(t, b.HTTP()+"/health/ready")
		if status != 503 {
			return false
		}
		var a struct{ Reasons map[string]string }
		must(t, json.Unmarshal([]byte(body), &a))
		return contains(a.Reasons["store"], words)
	})
}

func contains(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// thing is a Thing that a test changes, and the client that watches it.
type thing struct {
	t    testing.TB
	c    *harness.Client5
	name string
	seen int // revision of the last event
}

// newThing creates a Thing and follows its events.
func newThing(t testing.TB, b *harness.Broker, name string) *thing {
	t.Helper()
	w := &thing{t: t, name: name}
	w.follow(b)
	if e := w.ask("create", `"value":{}`); e.Status != 201 {
		t.Fatalf("creating %s: %+v", name, e)
	}
	w.event(0)
	return w
}

// follow connects the client that looks, again after a restart.
func (w *thing) follow(b *harness.Broker) {
	w.t.Helper()
	w.c = harness.Dial5(w.t, b, harness.Connect{})
	w.c.Subscribe("ditto/_replies/#", "$SYS/twinbroker/refused", "ditto/f/"+w.name+"/things/twin/events/#")
}

func (w *thing) topic() string { return "ditto/f/" + w.name + "/things/twin/commands/modify" }

// number is a change that sets n.
func number(n int) string {
	return fmt.Sprintf(`{"path":"/attributes/n","value":%d,"headers":{"correlation-id":"n-%d"}}`, n, n)
}

// answer is the envelope of a response.
type answer struct {
	Topic   string
	Headers struct {
		Correlation string `json:"correlation-id"`
	}
	Status   int
	Revision int
	Value    json.RawMessage
}

func parse(t testing.TB, m harness.Message) (a answer) {
	t.Helper()
	must(t, json.Unmarshal([]byte(m.Payload), &a))
	return a
}

func (w *thing) ask(action, more string) answer {
	w.t.Helper()
	return parse(w.t, w.c.Request("ditto/f/"+w.name+"/things/twin/commands/"+action, `{"path":"/",`+more+`}`, 1, "ditto/_replies/look"))
}

// want checks n and how often the Thing was changed.
func (w *thing) want(n, changes int) {
	w.t.Helper()
	a := w.ask("retrieve", `"fields":"attributes,_revision"`)
	var d struct {
		Revision   int `json:"_revision"`
		Attributes struct{ N int }
	}
	if a.Status != 200 {
		w.t.Fatalf("retrieving %s: %d %s", w.name, a.Status, a.Value)
	}
	must(w.t, json.Unmarshal(a.Value, &d))
	if d.Attributes.N != n || d.Revision != changes+1 {
		w.t.Errorf("n is %d after %d changes, want %d after %d", d.Attributes.N, d.Revision-1, n, changes)
	}
}

// event waits for the event of that change, which has to be the next one.
func (w *thing) event(change int) {
	w.t.Helper()
	e := parse(w.t, w.c.Wait("ditto/f/"+w.name+"/things/twin/events/#"))
	if e.Revision != change+1 {
		w.t.Fatalf("an event of revision %d, want %d", e.Revision, change+1)
	}
	w.seen = e.Revision
}

// quiet checks that no event has come.
func (w *thing) quiet() {
	w.t.Helper()
	if all := w.c.Drain("ditto/f/" + w.name + "/things/twin/events/#"); len(all) > 0 {
		w.t.Errorf("events of what is not stored: %v", all)
	}
}

// raw connects a client whose packets the test sends one by one.
func raw(t testing.TB, b *harness.Broker, version byte, id string) *mqttraw.Conn {
	t.Helper()
	c, _, err := mqttraw.Dial(b.MQTT(), lasting(version, id))
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func lasting(version byte, id string) mqttraw.Options {
	o := mqttraw.Options{ClientID: id, Version: version, Timeout: harness.Patience}
	if version == mqttraw.V5 {
		o.SessionExpiry = 3600
	}
	return o
}

// publish is one of a change that sets n.
func (w *thing) publish(n int, qos byte) *mqttraw.Publish {
	return &mqttraw.Publish{Topic: w.topic(), Payload: []byte(number(n)), QoS: qos, ID: uint16(n)}
}

func again(p *mqttraw.Publish) *mqttraw.Publish {
	q := *p
	q.Dup = true
	return &q
}

func await(t testing.TB, c *mqttraw.Conn, typ byte, id uint16) *mqttraw.Packet {
	t.Helper()
	p, err := c.Await(typ, id)
	if err != nil {
		t.Fatalf("waiting for the %s of %d: %v", mqttraw.TypeName(typ), id, err)
	}
	return p
}

// silent checks that nothing has come for a client: what it asks the broker
// itself for is answered first.
func silent(t testing.TB, c *mqttraw.Conn) {
	t.Helper()
	must(t, c.WriteRaw([]byte{mqttraw.PINGREQ << 4, 0}))
	p, err := c.ReadPacket()
	must(t, err)
	if p.Type != mqttraw.PINGRESP {
		t.Fatalf("%s came, want nothing", p)
	}
}

// closed reads to the end of the connection and gives what came before it.
func closed(t testing.TB, c *mqttraw.Conn) (last []*mqttraw.Packet) {
	t.Helper()
	for {
		p, err := c.ReadPacketWithin(harness.Patience)
		if err != nil {
			if timeout, ok := err.(interface{ Timeout() bool }); ok && timeout.Timeout() {
				t.Fatal("the connection is not closed")
			}
			return last
		}
		last = append(last, p)
	}
}

// bystander publishes to itself what is nobody's twin, at each QoS.
func bystander(t testing.TB, b *harness.Broker) {
	t.Helper()
	for _, version := range []byte{mqttraw.V311, mqttraw.V5} {
		c := harness.Dial(t, b, version, harness.Connect{})
		c.Subscribe("bystander/#")
		for qos := range byte(3) {
			must(t, c.Publish("bystander/"+c.ID(), "well", qos))
			c.Wait("bystander/" + c.ID())
		}
		must(t, c.PublishRetained("bystander/kept", "well", 1))
		c.Wait("bystander/kept")
		c.Disconnect()
	}
}
