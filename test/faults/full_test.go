//go:build linux

package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// fullness is a way in which there is no room for a change, and back.
type fullness struct {
	name  string
	start func(t *testing.T, config string) *harness.Broker
	full  func(b *harness.Broker)
	room  func(b *harness.Broker)
	cause []string // words that every refusal has to have, besides the data folder

	fillsFileSystem bool // it is not a property of the process
}

// diskSize holds the first files, and what one test writes.
const diskSize = 160 << 20

func ways(t *testing.T) []fullness {
	var small disk
	return []fullness{{
		name: "a file system without room",
		start: func(t *testing.T, config string) *harness.Broker {
			small = smallDisks(t, diskSize)[0]
			return harness.Start(t, harness.Options{Config: config, Dir: filepath.Join(small.dir, "data")})
		},
		full:  func(*harness.Broker) { small.fill(1 << 20) },
		room:  func(*harness.Broker) { small.empty() },
		cause: []string{"disk is full", "make room"},

		fillsFileSystem: true,
	}, {
		name: "files that may not grow",
		start: func(t *testing.T, config string) *harness.Broker {
			return harness.Start(t, harness.Options{Config: config})
		},
		full:  func(b *harness.Broker) { limitFiles(t, b, 1) },
		room:  func(b *harness.Broker) { limitFiles(t, b, noLimit) },
		cause: []string{"disk is full", "file too large"},
	}}
}

func eachWay(t *testing.T, run func(t *testing.T, way fullness)) {
	for _, way := range ways(t) {
		t.Run(way.name, func(t *testing.T) { run(t, way) })
	}
}

// Within store.patience a full disk is only waited for: what was sent is
// acknowledged when there is room.
func TestWhatIsHeldWithinPatienceIsAcknowledgedWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, way fullness) {
		b := way.start(t, patient)
		w := newThing(t, b, "lamp")
		way.full(b)
		type sender struct {
			c   *mqttraw.Conn
			n   int
			ack byte
		}
		var senders []sender
		for i, version := range []byte{mqttraw.V311, mqttraw.V5} {
			for qos, ack := range []byte{1: mqttraw.PUBACK, 2: mqttraw.PUBREC} {
				if qos == 0 {
					continue
				}
				s := sender{raw(t, b, version, fmt.Sprint("held-", version, "-", qos)), 1 + 2*i + qos - 1, ack}
				senders = append(senders, s)
				must(t, s.c.Publish(w.publish(s.n, byte(qos))))
			}
		}
		awaitMetric(t, b, "twinbroker_publishes_pending", 4)
		awaitMetric(t, b, "twinbroker_store_retries_total", 3)
		awaitAiling(t, b, append(way.cause, b.Dir())...)
		for _, s := range senders {
			silent(t, s.c)
		}
		w.quiet()
		bystander(t, b)
		way.room(b)
		for _, s := range senders {
			if p := await(t, s.c, s.ack, uint16(s.n)); p.Reason != 0 {
				t.Errorf("held, then refused: %s", p)
			}
		}
		for n := range 4 {
			w.event(n + 1)
		}
		awaitReady(t, b)
		if n := metric(t, b, "twinbroker_store_refused_total"); n != 0 {
			t.Errorf("%v changes refused", n)
		}
	})
}

// After store.patience changes are refused, in each protocol's own words, and
// nothing else is; what was refused has changed nothing.
func TestAfterPatienceChangesAreRefusedAndNothingElse(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, way fullness) {
		b := way.start(t, impatient)
		w := newThing(t, b, "lamp")
		other := newThing(t, b, "other")
		must(t, w.c.Publish(w.topic(), number(1), 1))
		w.event(1)
		way.full(b)
		words := append([]string{b.Dir()}, way.cause...)

		five := harness.Dial5(t, b, harness.Connect{})
		five.Subscribe("ditto/_replies/#")
		for qos := byte(1); qos <= 2; qos++ {
			refusedFive(t, five, w, int(qos)+1, qos, words)
		}
		refusedThree(t, b, w, 4, words)
		told := w.c.Drain("$SYS/twinbroker/refused")
		if len(told) != 3 {
			t.Errorf("%d refusals on $SYS/twinbroker/refused, want 3: %v", len(told), told)
		}
		for _, m := range told {
			if !contains(m.Payload, words) || !strings.Contains(m.Payload, `"status":503`) {
				t.Errorf("on $SYS/twinbroker/refused: %s", m.Payload)
			}
		}
		awaitAiling(t, b, words...)
		bystander(t, b)
		w.want(1, 1)
		other.want(0, 0)
		if a := other.ask("retrieve", `"fields":"thingId"`); string(a.Value) != `{"thingId":"f:other"}` {
			t.Errorf("a retrieve while the disk is full: %d %s", a.Status, a.Value)
		}
		w.quiet()
		for name, least := range map[string]float64{
			`twinbroker_refused_total{error="things:thing.unavailable"}`: 3,
			"twinbroker_store_refused_total":                             3,
			"twinbroker_store_retries_total":                             1,
			"twinbroker_store_stuck":                                     1,
			"twinbroker_store_full":                                      1,
		} {
			if n := metric(t, b, name); n < least {
				t.Errorf("%s is %v, want %v", name, n, least)
			}
		}
		for text, most := range map[string]int{"the journal cannot be written, waiting": 1, "changes refused": 1} {
			if n := strings.Count(b.Log(), text); n != most {
				t.Errorf("the log says %d times %q, want %d", n, text, most)
			}
		}

		way.room(b)
		must(t, five.Publish(w.topic(), number(5), 2))
		w.event(2)
		w.want(5, 2)
		awaitReady(t, b)
		b.WaitLog("the journal can be written again")
		for _, end := range []func(){b.Kill, b.Stop} {
			end()
			b.Restart()
			w.follow(b)
			w.want(5, 2)
		}
	})
}

// refusedFive has an MQTT 5 client refused.
func refusedFive(t *testing.T, c *harness.Client5, w *thing, n int, qos byte, words []string) {
	t.Helper()
	var refused *harness.Refused
	err := c.Send(&paho.Publish{
		Topic: w.topic(), Payload: []byte(number(n)), QoS: qos,
		Properties: &paho.PublishProperties{ResponseTopic: "ditto/_replies/changes"},
	})
	if !errors.As(err, &refused) || refused.Code != 0x83 || !contains(refused.Reason, words) {
		t.Errorf("QoS %d: %v, want it refused with 0x83 and %q", qos, err, words)
	}
	m := c.Wait("ditto/_replies/changes")
	a := parse(t, m)
	if !strings.HasSuffix(a.Topic, "/errors") || a.Status != 503 || a.Headers.Correlation != fmt.Sprint("n-", n) {
		t.Errorf("QoS %d: the error is %s", qos, m.Payload)
	}
	var e struct {
		Status                      int
		Error, Message, Description string
	}
	must(t, json.Unmarshal(a.Value, &e))
	if e.Status != 503 || e.Error != "things:thing.unavailable" || !contains(e.Description, words) {
		t.Errorf("QoS %d: the error says %s", qos, a.Value)
	}
}

// refusedThree has an MQTT 3.1.1 client refused, which knows no refusal: what it
// sent is not acknowledged, and its connection is closed.
func refusedThree(t *testing.T, b *harness.Broker, w *thing, n int, words []string) {
	t.Helper()
	c := raw(t, b, mqttraw.V311, fmt.Sprint("three-", n))
	must(t, c.Publish(w.publish(n, 1)))
	for _, p := range closed(t, c) {
		if p.Type == mqttraw.PUBACK {
			t.Errorf("MQTT 3.1.1: %s for what was refused", p)
		}
	}
}
