package powercut

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// client publishes changes of its own units. Its session outlives the broker.
// At QoS 1 a change that is sent again may be applied again, so a client of
// QoS 1 takes new units after a restart; one of QoS 2 goes on.
type client struct {
	name    string
	version byte
	qos     byte
	kind    []kind // of its units
	window  int
	random  *rand.Rand
	units   []*unit
	lastID  uint16
	byID    map[uint16]*change // no packet identifier is used twice
	pending []*change          // sent and not completed, in order
	held    []*change          // received, the PUBREL is kept back
	conn    *mqttraw.Conn
	problem error
}

// port says which client a connection of one life of the broker is.
type port struct {
	life   int
	number int
}

// load is what all clients do in one life of the broker.
type load struct {
	life    int
	address string
	over    chan struct{} // closed before the broker is ended
	acks    atomic.Int64
	goal    int64
	reached chan struct{}
	mu      sync.Mutex
	ports   map[port]any // *client or *looker
}

func (l *load) ended() bool {
	select {
	case <-l.over:
		return true
	default:
		return false
	}
}

// dial connects and notes from which port.
func (l *load) dial(o mqttraw.Options, who any) (*mqttraw.Conn, error) {
	o.Timeout, o.SessionExpiry = harness.Patience, 0xFFFFFFFF
	conn, _, err := mqttraw.Dial(l.address, o)
	if err == nil {
		l.mu.Lock()
		l.ports[port{l.life, conn.NetConn().LocalAddr().(*net.TCPAddr).Port}] = who
		l.mu.Unlock()
	}
	return conn, err
}

// renew gives the client new units, if it cannot go on with those it has.
func (c *client) renew(life int) {
	if c.qos == 2 && len(c.units) > 0 {
		return
	}
	c.units, c.pending = nil, nil
	for i, k := range c.kind {
		c.units = append(c.units, newUnit(fmt.Sprintf("%s-%d-%d", c.name, life, i), k))
	}
}

// run publishes until the broker ends.
func (c *client) run(l *load) {
	if err := c.session(l); err != nil && !l.ended() {
		c.problem = fmt.Errorf("%s: %w", c.name, err)
	}
}

func (c *client) session(l *load) (err error) {
	if c.conn, err = l.dial(mqttraw.Options{ClientID: c.name, Version: c.version}, c); err != nil {
		return err
	}
	defer c.conn.Close()
	for _, ch := range c.pending {
		ch.again = true
		c.send(ch)
	}
	for {
		for len(c.pending) < c.window {
			u := c.units[c.random.IntN(len(c.units))]
			if c.lastID++; c.lastID == 0 {
				return errors.New("it has no packet identifier left")
			}
			ch := &change{unit: u, n: len(u.changes) + 1, client: c, id: c.lastID, acked: never, complete: never}
			u.changes, c.byID[ch.id] = append(u.changes, ch), ch
			c.pending = append(c.pending, ch)
			c.send(ch)
		}
		if err := c.conn.Flush(); err != nil {
			return err
		}
		packet, err := c.conn.ReadPacket()
		if err != nil {
			return err
		}
		if err := c.take(packet); err != nil {
			return err
		}
		if l.acks.Add(1) == l.goal {
			close(l.reached)
		}
	}
}

// send queues a publish, or its release.
func (c *client) send(ch *change) {
	if ch.released {
		c.conn.QueueAck(mqttraw.PUBREL, ch.id, 0)
		return
	}
	if ch.received {
		return // its PUBREL is kept back
	}
	topic, payload := ch.unit.message(ch.n)
	c.conn.Queue(&mqttraw.Publish{Topic: topic, Payload: []byte(payload), QoS: c.qos, ID: ch.id, Dup: ch.again})
}

// take works on an acknowledgement. Of those at QoS 2 some are released only
// much later.
func (c *client) take(packet *mqttraw.Packet) error {
	ch := c.byID[packet.ID]
	if ch == nil || packet.Reason != 0 && !(packet.Type == mqttraw.PUBCOMP && ch.again) {
		return fmt.Errorf("%s is the answer to %v", packet, ch)
	}
	switch packet.Type {
	case mqttraw.PUBACK, mqttraw.PUBCOMP:
		for i, p := range c.pending {
			if p == ch {
				c.pending = append(c.pending[:i:i], c.pending[i+1:]...)
			}
		}
	case mqttraw.PUBREC:
		if ch.received {
			return nil
		}
		ch.received = true
		if c.random.IntN(2) == 0 {
			c.held = append(c.held, ch)
			if len(c.held) <= c.window/2 {
				return nil
			}
			i := c.random.IntN(len(c.held))
			ch = c.held[i]
			c.held = append(c.held[:i:i], c.held[i+1:]...)
		}
		ch.released = true
		c.send(ch)
	}
	return nil
}

// looker is told of changes: by events, or by answers to what it asks.
type looker struct {
	name string
	asks bool
}

func (k *looker) run(l *load, small []*unit) error {
	conn, err := l.dial(mqttraw.Options{ClientID: k.name, Version: mqttraw.V5, Clean: true}, k)
	if err != nil {
		return err
	}
	defer conn.Close()
	filter := "ditto/small/+/things/twin/events/#"
	if k.asks {
		filter = "ditto/_replies/#"
	}
	if _, err := conn.Subscribe(1, mqttraw.Subscription{Filter: filter}); err != nil {
		return err
	}
	for i := 0; ; i++ {
		if k.asks {
			name := small[i%len(small)].ids[0]
			topic := "ditto/small/" + name[len("small:"):] + "/things/twin/commands/retrieve"
			if err := conn.Publish(&mqttraw.Publish{Topic: topic, Payload: []byte(`{"path":"/","fields":"_revision"}`)}); err != nil {
				return err
			}
		}
		if _, err := conn.ReadPacket(); err != nil {
			return err
		}
	}
}
