package kill

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// publish is one that is not completed.
type publish struct {
	stream   *stream
	n        int
	id       uint16
	released bool // its PUBREC is in: what is sent again is the PUBREL
	again    bool // it was sent on an earlier connection
}

// client is an MQTT client that keeps its session over the broker's end and its
// own, and only one goroutine at a time uses it.
type client struct {
	name     string
	version  byte
	random   *rand.Rand
	streams  []*stream
	window   int // publishes that it has unacknowledged
	lastID   uint16
	pending  []*publish // in the order in which they were first sent
	amnesia  bool       // it sends what was received again, under a new identifier, to be found out
	last     *publish   // the last one at QoS 2 that was acknowledged
	conn     *mqttraw.Conn
	problems []string
	drops    int // connections that it cut itself
}

// load is one run of all clients against one life of the broker.
type load struct {
	address string
	killed  chan struct{} // closed before the broker is killed
	finish  bool          // publish nothing new, and end when all is completed
	acks    atomic.Int64
	goal    int64         // of acks
	reached chan struct{} // closed when they are there
}

// begin lets the clients publish. goal is a number of acknowledgements to wait
// for.
func begin(address string, clients []*client, goal int64) (l *load, running *sync.WaitGroup) {
	l = &load{address: address, killed: make(chan struct{}), goal: goal, reached: make(chan struct{}), finish: goal == 0}
	running = &sync.WaitGroup{}
	for _, c := range clients {
		running.Go(func() { c.run(l) })
	}
	return l, running
}

// await waits until goal is reached.
func (l *load) await() error {
	select {
	case <-l.reached:
		return nil
	case <-time.After(harness.Patience):
		return fmt.Errorf("after %v there are %d acknowledgements of %d", harness.Patience, l.acks.Load(), l.goal)
	}
}

func (l *load) over() bool {
	select {
	case <-l.killed:
		return true
	default:
		return false
	}
}

func (c *client) problem(format string, args ...any) {
	c.problems = append(c.problems, c.name+": "+fmt.Sprintf(format, args...))
}

// run publishes until the broker is killed, or everything is completed.
func (c *client) run(l *load) {
	for {
		err := c.session(l)
		switch {
		case err == nil:
			return
		case errors.Is(err, errDropped):
			c.drops++
			continue
		case !l.over():
			c.problem("the connection ended though the broker lives: %v", err)
		}
		return
	}
}

var errDropped = errors.New("dropped by the client itself")

// session is one connection.
func (c *client) session(l *load) error {
	conn, _, err := mqttraw.Dial(l.address, mqttraw.Options{
		ClientID: c.name, Version: c.version, SessionExpiry: 0xFFFFFFFF, Timeout: harness.Patience,
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	c.conn = conn
	for _, p := range c.pending {
		p.again = true
		c.send(p)
	}
	if c.amnesia && c.last != nil {
		c.send(&publish{stream: c.last.stream, n: c.last.n, id: c.newID()})
	}
	for {
		for !l.finish && len(c.pending) < c.window {
			s := c.streams[c.random.IntN(len(c.streams))]
			s.sent++
			p := &publish{stream: s, n: s.sent, id: c.newID()}
			c.pending = append(c.pending, p)
			c.send(p)
		}
		if err := conn.Flush(); err != nil {
			return err
		}
		if len(c.pending) == 0 {
			return nil
		}
		if !l.finish && c.random.IntN(2000) == 0 {
			if c.random.IntN(2) == 0 {
				_ = conn.Reset()
			}
			return errDropped
		}
		packet, err := conn.ReadPacket()
		if err != nil {
			return err
		}
		c.take(packet)
		if l.acks.Add(1) == l.goal {
			close(l.reached)
		}
	}
}

// newID is a packet identifier that no publish under way has.
func (c *client) newID() uint16 {
	for {
		c.lastID++
		if c.lastID != 0 && c.find(c.lastID) < 0 {
			return c.lastID
		}
	}
}

func (c *client) find(id uint16) int {
	for i, p := range c.pending {
		if p.id == id {
			return i
		}
	}
	return -1
}

// send queues a publish, or its release.
func (c *client) send(p *publish) {
	if p.released {
		c.conn.QueueAck(mqttraw.PUBREL, p.id, 0)
		return
	}
	s := p.stream
	c.conn.Queue(&mqttraw.Publish{
		Topic: s.topic(), Payload: s.payload(p.n), QoS: s.thing.qos, ID: p.id, Dup: p.again,
	})
}

// take works on an acknowledgement.
func (c *client) take(packet *mqttraw.Packet) {
	i := c.find(packet.ID)
	if i < 0 {
		c.problem("%s answers no publish", packet)
		return
	}
	p := c.pending[i]
	if packet.Reason != 0 && !(packet.Type == mqttraw.PUBCOMP && packet.Reason == 0x92 && p.again) {
		c.problem("change %d of %s: %s", p.n, p.stream.thing.id(), packet)
	}
	switch {
	case packet.Type == mqttraw.PUBACK && p.stream.thing.qos == 1:
		c.acknowledged(p)
		c.pending = append(c.pending[:i:i], c.pending[i+1:]...)
	case packet.Type == mqttraw.PUBREC && p.stream.thing.qos == 2 && !p.released:
		c.acknowledged(p)
		c.last = p
		p.released = true
		c.send(p)
	case packet.Type == mqttraw.PUBCOMP && p.released:
		c.pending = append(c.pending[:i:i], c.pending[i+1:]...)
	default:
		c.problem("%s is not what change %d of %s waits for", packet, p.n, p.stream.thing.id())
	}
}

// acknowledged notes that a change is stored. Acknowledgements come in the order
// of the publishes (MQTT-4.6.0-2), whatever their quality of service.
func (c *client) acknowledged(p *publish) {
	for _, before := range c.pending {
		if before == p {
			break
		}
		if !before.released {
			c.problem("change %d of %s is acknowledged before change %d of %s, which was sent first", p.n, p.stream.thing.id(), before.n, before.stream.thing.id())
			break
		}
	}
	if p.n != p.stream.acked+1 {
		c.problem("change %d of %s is acknowledged after change %d", p.n, p.stream.thing.id(), p.stream.acked)
	}
	p.stream.acked = p.n
}
