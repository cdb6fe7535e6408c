package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
)

// envelope is a message of the Ditto Protocol as a client reads it.
type envelope struct {
	Topic     string          `json:"topic"`
	Headers   map[string]any  `json:"headers"`
	Path      string          `json:"path"`
	Value     json.RawMessage `json:"value"`
	Status    int             `json:"status"`
	Revision  uint64          `json:"revision"`
	Timestamp string          `json:"timestamp"`
}

func read(t testing.TB, m harness.Message) envelope {
	t.Helper()
	var e envelope
	if err := json.Unmarshal([]byte(m.Payload), &e); err != nil {
		t.Fatalf("no envelope on %s: %v\n%s", m.Topic, err, m.Payload)
	}
	return e
}

func (e *envelope) correlation() string {
	s, _ := e.Headers["correlation-id"].(string)
	return s
}

// wantError checks that an answer is the error with that code.
func (e *envelope) wantError(t testing.TB, status int, code, correlation string) {
	t.Helper()
	var v struct {
		Status         int
		Error, Message string
	}
	_ = json.Unmarshal(e.Value, &v)
	if e.Status != status || v.Status != status || v.Error != code || v.Message == "" {
		t.Errorf("answered with %d %s, want %d %s", e.Status, e.Value, status, code)
	}
	if !strings.HasSuffix(e.Topic, "/errors") {
		t.Errorf("the error's topic is %s", e.Topic)
	}
	if e.correlation() != correlation {
		t.Errorf("the error's correlation-id is %q, want %q", e.correlation(), correlation)
	}
}

// sameJSON says whether two texts are the same JSON; "" is none.
func sameJSON(a, b string) bool {
	if a == "" || b == "" {
		return a == b
	}
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// wantValue checks a value: want is JSON, or "" for none.
func wantValue(t testing.TB, what string, got json.RawMessage, want string) {
	t.Helper()
	if !sameJSON(string(got), want) {
		t.Errorf("%s has value %s, want %s", what, orNone(string(got)), orNone(want))
	}
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// app is a client that speaks the Ditto Protocol, with its own reply topic.
type app struct {
	harness.Client
	t testing.TB
}

var correlations atomic.Int64

// newApp connects and subscribes to the client's own replies.
func newApp(t testing.TB, b *harness.Broker, version byte, o harness.Connect) *app {
	t.Helper()
	a := &app{Client: harness.Dial(t, b, version, o), t: t}
	a.Subscribe("ditto/_replies/#")
	return a
}

// in is the app for a subtest.
func (a *app) in(t testing.TB) *app {
	a.In(t)
	return &app{Client: a.Client, t: t}
}

// topicOf is "ns/name" of a Thing ID.
func topicOf(id string) string { return strings.Replace(id, ":", "/", 1) }

// escaped is what a name looks like in an MQTT topic.
var escaped = strings.NewReplacer("%", "%25", "+", "%2B", "#", "%23")

// command sends a command on its topic and waits for the answer. value is
// JSON, or "" for none; more is further members of the envelope.
func (a *app) command(id, action, path, value string, more ...string) envelope {
	a.t.Helper()
	correlation := fmt.Sprintf("c-%d", correlations.Add(1))
	members := append([]string{fmt.Sprintf(`"path":%q,"headers":{"correlation-id":%q}`, path, correlation)}, more...)
	if value != "" {
		members = append(members, `"value":`+value)
	}
	topic := "ditto/" + escaped.Replace(topicOf(id)) + "/things/twin/commands/" + action
	err := a.Publish(topic, "{"+strings.Join(members, ",")+"}", 1)
	if refused := (*harness.Refused)(nil); err != nil && !errors.As(err, &refused) {
		a.t.Fatalf("publishing to %s: %v", topic, err)
	}
	e := a.answer(correlation)
	if (err != nil) != (e.Status >= 400) && a.Version() == 5 {
		a.t.Errorf("acknowledged with %v, answered with status %d", err, e.Status)
	}
	return e
}

// answer waits for the answer with that correlation-id.
func (a *app) answer(correlation string) envelope {
	a.t.Helper()
	for {
		if e := read(a.t, a.Wait("ditto/_replies/#")); e.correlation() == correlation {
			return e
		}
	}
}

// must sends a command that has to succeed.
func (a *app) must(id, action, path, value string, more ...string) envelope {
	a.t.Helper()
	e := a.command(id, action, path, value, more...)
	if e.Status < 200 || e.Status > 299 {
		a.t.Fatalf("%s of %s%s: %d %s", action, id, path, e.Status, e.Value)
	}
	return e
}

// state is a Thing and its revision; "" and 0 when there is none.
func (a *app) state(id string) (thing string, revision uint64) {
	a.t.Helper()
	e := a.command(id, "retrieve", "/", "", `"fields":"thingId,policyId,definition,attributes,features,_revision"`)
	if e.Status == 404 {
		return "", 0
	}
	var v map[string]json.RawMessage
	if err := json.Unmarshal(e.Value, &v); err != nil {
		a.t.Fatalf("retrieve of %s: %v: %s", id, err, e.Value)
	}
	if err := json.Unmarshal(v["_revision"], &revision); err != nil {
		a.t.Fatalf("retrieve of %s: no _revision: %s", id, e.Value)
	}
	delete(v, "_revision")
	text, err := json.Marshal(v)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(text), revision
}

// wantTime checks a timestamp: a point in time, and of now.
func wantTime(t testing.TB, text string) {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if age := time.Since(at); err != nil || age < -time.Minute || age > 10*time.Minute {
		t.Errorf("timestamp %q: %v", text, err)
	}
}
