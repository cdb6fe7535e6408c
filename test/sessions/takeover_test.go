package sessions

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// juggler is a client that publishes changes and receives messages over
// connections that keep being taken over by its own next one.
type juggler struct {
	t       *testing.T
	w       *twin
	pending []*juggled
	sent    int
	id      uint16
	seen    map[string]bool   // payloads of deliveries that are complete
	held    map[uint16]string // QoS 2 deliveries between PUBREC and PUBREL
	doubled []string
}

type juggled struct {
	p        *mqttraw.Publish
	released bool
}

// carry works on one connection: publishes to many, and answers what comes, until
// stop says so.
func (j *juggler) carry(c *mqttraw.Conn, many int, stop func(packets int) bool) error {
	for _, one := range j.pending {
		j.send(c, one)
	}
	for packets := 0; ; packets++ {
		for j.sent < many && len(j.pending) < 40 {
			j.sent++
			j.id = j.id%60000 + 1
			one := &juggled{p: j.w.change(j.sent, 2, j.id)}
			j.pending = append(j.pending, one)
			j.send(c, one)
			one.p.Dup = true // from now on
		}
		if err := c.Flush(); err != nil {
			return err
		}
		if stop(packets) {
			return nil
		}
		p, err := c.ReadPacket()
		if err != nil {
			return err
		}
		j.take(c, p)
	}
}

func (j *juggler) send(c *mqttraw.Conn, one *juggled) {
	if one.released {
		c.QueueAck(mqttraw.PUBREL, one.p.ID, 0)
		return
	}
	c.Queue(one.p)
}

func (j *juggler) take(c *mqttraw.Conn, p *mqttraw.Packet) {
	j.t.Helper()
	switch p.Type {
	case mqttraw.PUBREC:
		for _, one := range j.pending {
			if one.p.ID == p.ID && !one.released {
				one.released = true
				j.send(c, one)
				return
			}
		}
		j.t.Errorf("%s answers no publish", p)
	case mqttraw.PUBCOMP:
		for i, one := range j.pending {
			if one.p.ID == p.ID {
				j.pending = append(j.pending[:i:i], j.pending[i+1:]...)
				return
			}
		}
	case mqttraw.PUBLISH:
		switch p.QoS {
		case 1:
			j.seen[string(p.Payload)] = true
			c.QueueAck(mqttraw.PUBACK, p.ID, 0)
		case 2:
			if _, known := j.held[p.ID]; !known {
				j.held[p.ID] = string(p.Payload)
				if j.seen[string(p.Payload)] {
					j.doubled = append(j.doubled, string(p.Payload))
				}
				j.seen[string(p.Payload)] = true
			}
			c.QueueAck(mqttraw.PUBREC, p.ID, 0)
		}
	case mqttraw.PUBREL:
		delete(j.held, p.ID)
		c.QueueAck(mqttraw.PUBCOMP, p.ID, 0)
	}
}

func TestManyTakeoversWhilePublishingAndReceiving(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	each(t, func(t *testing.T, version byte) {
		const changes, messages, rounds = 800, 800, 40
		w := newTwin(t, b, fmt.Sprint("juggled-", version))
		j := &juggler{t: t, w: w, seen: map[string]bool{}, held: map[uint16]string{}}
		c := dial(t, b, lasting(w.name, version))
		subscribe(t, c, "juggle/"+w.name, 2)

		sender := harness.Dial5(t, b, harness.Connect{})
		var sending sync.WaitGroup
		sending.Go(func() {
			for n := range messages {
				if err := sender.Publish("juggle/"+w.name, fmt.Sprint(n), byte(1+n%2)); err != nil {
					t.Error(err)
				}
			}
		})
		for round := range rounds {
			err := j.carry(c, changes*(round+1)/rounds, func(packets int) bool { return packets == 7*round%50+1 })
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			old := c
			c = dial(t, b, lasting(w.name, version)) // while the old one is in the middle of it
			if reason := ended(t, old); version == mqttraw.V5 && reason != 0x8E {
				t.Fatalf("round %d: taken over with %#x, want 0x8E", round, reason)
			}
		}
		sending.Wait()
		must(t, j.carry(c, changes, func(int) bool { return len(j.pending) == 0 && len(j.seen) == messages && len(j.held) == 0 }))
		w.want(changes, changes)
		for revision := 2; revision <= changes+1; revision++ {
			w.event(revision)
		}
		if len(j.doubled) > 0 {
			t.Errorf("%d messages at QoS 2 came twice: %v …", len(j.doubled), j.doubled[0])
		}
	})
}

// Several connections that fight for a client identifier at once leave one
// winner, and nobody else notices.
func TestConnectionsThatFightForOneClientIdentifier(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	other := watchFrom(t, b)
	w := newTwin(t, b, "fought")
	const fighters, rounds = 8, 25
	var fighting sync.WaitGroup
	for i := range fighters {
		fighting.Go(func() {
			for n := range rounds {
				o := lasting("fought", mqttraw.V311+byte(n%2))
				o.Timeout, o.Clean = harness.Patience, n%7 == 0
				c, _, err := mqttraw.Dial(b.MQTT(), o)
				if err != nil {
					continue // another one was faster
				}
				c.Queue(w.change(1000*i+n, byte(n%3), uint16(1+i)))
				_ = c.Flush() // nor need this one get through
				if n%5 == 0 {
					_ = c.Reset()
				}
				defer c.Close()
			}
		})
	}
	fighting.Wait()
	other.undisturbed()
	c := dial(t, b, lasting("fought", mqttraw.V5))
	must(t, c.Publish(w.change(7, 1, 99)))
	if p := await(t, c, mqttraw.PUBACK, 99); p.Reason != 0 {
		t.Error(p)
	}
	awaitMetric(t, b, "twinbroker_clients_connected", exactly(3))
	n, changes := w.look()
	if n != 7 {
		t.Errorf("in the end there is %d", n)
	}
	for revision := 2; revision <= changes; revision++ {
		w.event(revision)
	}
}

func TestSharedSubscriptionsWithMembersThatComeAndGo(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	sender := harness.Dial5(t, b, harness.Connect{})
	const many = 600
	var mu sync.Mutex
	got := map[int]int{}
	changed := make(chan struct{}, 1)
	member := func(name string, version byte, leaveAfter int) {
		c := dial(t, b, mqttraw.Options{ClientID: name, Version: version, Clean: true})
		subscribe(t, c, "$share/workers/jobs/#", 1)
		go func() {
			defer c.Close()
			for n := 0; n != leaveAfter; n++ {
				p, err := c.ReadPacket()
				if err != nil {
					return
				}
				if n+1 == leaveAfter {
					return // in the middle of it, unacknowledged
				}
				job, err := strconv.Atoi(string(p.Payload))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				got[job]++
				mu.Unlock()
				select {
				case changed <- struct{}{}:
				default:
				}
				if c.Ack(mqttraw.PUBACK, p.ID, 0) != nil {
					return
				}
			}
		}()
	}
	member("stays", mqttraw.V5, -1)
	member("stays too", mqttraw.V311, -1)
	for n := range many {
		if n%50 == 0 {
			member(fmt.Sprint("leaves ", n), mqttraw.V311+byte(n/50%2), 1+n%30)
		}
		say(t, sender, "jobs/x", strconv.Itoa(n), 1)
	}
	for {
		mu.Lock()
		missing := []string{}
		for n := range many {
			if got[n] == 0 {
				missing = append(missing, strconv.Itoa(n))
			}
		}
		mu.Unlock()
		if len(missing) == 0 {
			break
		}
		if _, err := waitFor(changed); err != nil {
			t.Fatalf("jobs that nobody got: %s", strings.Join(missing, " "))
		}
	}
	twice := 0
	for _, n := range got {
		if n > 1 {
			twice++
		}
	}
	if twice > many/10 { // those that were under way to one who left, at most
		t.Errorf("%d jobs were done twice", twice)
	}
}

var errNothing = errors.New("nothing comes")
