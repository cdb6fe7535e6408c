package harness

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
)

// Message is what a client received.
type Message struct {
	Topic     string
	Payload   string
	QoS       byte
	Retain    bool
	Duplicate bool
	Props     paho.PublishProperties // empty with MQTT 3.1.1
}

func (m Message) String() string {
	return fmt.Sprintf("%s (QoS %d, retain %v): %s", m.Topic, m.QoS, m.Retain, m.Payload)
}

// Correlation is the Correlation Data.
func (m Message) Correlation() string { return string(m.Props.CorrelationData) }

// User is the first user property of that name.
func (m Message) User(name string) string { return m.Props.User.Get(name) }

// inbox holds what has arrived and nobody has asked for yet, without a bound:
// a client of a test never keeps the broker waiting.
type inbox struct {
	mu      sync.Mutex
	waiting []Message
	changed chan struct{}
	closed  error
}

func newInbox() *inbox { return &inbox{changed: make(chan struct{})} }

func (i *inbox) put(m Message) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.waiting = append(i.waiting, m)
	i.notify()
}

func (i *inbox) end(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed == nil {
		i.closed = err
		i.notify()
	}
}

func (i *inbox) notify() {
	close(i.changed)
	i.changed = make(chan struct{})
}

// take removes and returns the first message that fits.
func (i *inbox) take(filter string, within time.Duration) (Message, error) {
	deadline := time.After(within)
	for {
		i.mu.Lock()
		for n, m := range i.waiting {
			if Matches(filter, m.Topic) {
				i.waiting = append(i.waiting[:n:n], i.waiting[n+1:]...)
				i.mu.Unlock()
				return m, nil
			}
		}
		changed, closed, others := i.changed, i.closed, len(i.waiting)
		i.mu.Unlock()
		if closed != nil {
			return Message{}, fmt.Errorf("no message on %s before the connection ended: %w", filter, closed)
		}
		select {
		case <-changed:
		case <-deadline:
			return Message{}, fmt.Errorf("no message on %s within %v (%d on other topics)", filter, within, others)
		}
	}
}

// drain removes and returns all that is there and fits.
func (i *inbox) drain(filter string) []Message {
	i.mu.Lock()
	defer i.mu.Unlock()
	var taken, left []Message
	for _, m := range i.waiting {
		if strings.HasPrefix(m.Topic, fences) {
			continue // another subscription's copy of one
		}
		if Matches(filter, m.Topic) {
			taken = append(taken, m)
		} else {
			left = append(left, m)
		}
	}
	i.waiting = left
	return taken
}

// Matches says whether a topic fits a filter (MQTT 5.0 section 4.7); written
// apart from the broker's own, so that both are not wrong in the same way.
func Matches(filter, topic string) bool {
	if rest, shared := strings.CutPrefix(filter, "$share/"); shared {
		_, filter, _ = strings.Cut(rest, "/")
	}
	if strings.HasPrefix(topic, "$") && !strings.HasPrefix(filter, "$") {
		return false
	}
	f, t := strings.Split(filter, "/"), strings.Split(topic, "/")
	for n, level := range f {
		switch {
		case level == "#":
			return true
		case n >= len(t), level != "+" && level != t[n]:
			return false
		}
	}
	return len(f) == len(t)
}

// Client is a connected MQTT client of either version, with what it received.
// All methods fail the test when something does not work.
type Client interface {
	// ID is the client identifier.
	ID() string
	// Version is 5 or 4 (3.1.1).
	Version() byte
	// Subscribe subscribes to each filter at QoS 2.
	Subscribe(filters ...string)
	// SubscribeAt subscribes to a filter and returns the answer's code.
	SubscribeAt(filter string, qos byte) byte
	Unsubscribe(filters ...string)
	// Publish publishes and waits for the acknowledgement; an error is a
	// refusal or a lost connection.
	Publish(topic, payload string, qos byte) error
	// PublishRetained is Publish with the retain flag.
	PublishRetained(topic, payload string, qos byte) error
	// Wait removes and returns the first message that fits the filter.
	Wait(filter string) Message
	// WaitWithin is Wait with another patience, and an error instead of a
	// failed test.
	WaitWithin(filter string, within time.Duration) (Message, error)
	// Drain makes sure that everything that was due to this client before has
	// arrived, then removes and returns all that fits the filter.
	Drain(filter string) []Message
	// In makes a subtest the one that fails, until it ends.
	In(t testing.TB)
	// Disconnect says goodbye; Drop ends the connection without it.
	Disconnect()
	Drop()
}

// received is what both kinds of client share.
type received struct {
	t      testing.TB
	inbox  *inbox
	drains int
}

func (r *received) Wait(filter string) Message {
	r.t.Helper()
	m, err := r.inbox.take(filter, Patience)
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

func (r *received) In(t testing.TB) {
	before := r.t
	t.Cleanup(func() { r.t = before })
	r.t = t
}

func (r *received) WaitWithin(filter string, within time.Duration) (Message, error) {
	return r.inbox.take(filter, within)
}

// fences are topics that only one client uses. A message published there comes
// back behind everything that was due to the client before.
const fences = "harness/fence/"

func fence(id string) string {
	return fences + strings.NewReplacer("/", "_", "+", "_", "#", "_", "$", "_").Replace(id)
}

// drainAfter is Drain for both kinds of client.
func (r *received) drainAfter(c Client, filter string) []Message {
	r.t.Helper()
	at := fence(c.ID())
	if r.drains == 0 {
		c.Subscribe(at + "/+")
	}
	r.drains++
	at += "/" + strconv.Itoa(r.drains)
	if err := c.Publish(at, "", 1); err != nil {
		r.t.Fatalf("drain: %v", err)
	}
	r.Wait(at)
	return r.inbox.drain(filter)
}
