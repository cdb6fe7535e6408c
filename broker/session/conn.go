package session

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Wire is the sending side of a connection.
type Wire interface {
	// Write sends whole packets. It is called by one goroutine at a time.
	Write(p []byte) error
	// Hurry makes a Write that is under way, and those to come, fail when they
	// have not ended by then.
	Hurry(deadline time.Time)
	// Close ends the connection; reads and writes under way fail.
	Close(cause error)
}

// Terms are what a client said in its CONNECT packet.
type Terms struct {
	CleanStart     bool
	Expiry         time.Duration // of the session after the connection; Forever: no end
	ReceiveMaximum int           // unacknowledged QoS 1 and 2 deliveries it takes
	MaxPacket      int           // bytes; 0: no limit
	ProblemInfo    bool          // wants reason strings
	Will           *Will
}

// Forever is the expiry of a session that never ends by itself.
const Forever = time.Duration(1<<63 - 1)

// Conn is one connection of a session.
type Conn struct {
	sess  *Session
	peer  Peer // as it was let in; who it is now, Peer says
	known atomic.Pointer[Peer]
	terms Terms
	wire  Wire
	wake  chan struct{}
	gone  chan struct{} // closed when the writer has ended
	start sync.Once
	live  atomic.Bool // cleared when the connection is let go

	gathered int // things since it was among those to be woken; under the gatherer's lock

	handling chan struct{} // full while the reader has a publish in hand

	// Below: under the session's lock.
	acks     []byte    // control packets that are ready to go
	resend   []*flight // what an earlier connection left unacknowledged
	window   int       // deliveries unacknowledged on this connection
	slots    []*Slot   // inbound publishes in order, until acknowledged
	open     map[uint16]*Slot
	room     *sync.Cond // signalled when a slot is freed
	quota    int        // inbound QoS 1 and 2 not completed
	draining bool
	closing  *ending
	detached bool
}

// ending says how the writer is to close the connection.
type ending struct {
	code   byte
	reason string
	cause  error
}

// Session is the session that the connection belongs to.
func (c *Conn) Session() *Session { return c.sess }

// Peer is who is at the other end, as is known now. What it points to does not
// change.
func (c *Conn) Peer() *Peer { return c.known.Load() }

// Know says who the client is from now on: its user name, under which subjects
// it acts, until when its proof lasts, and how that is found out again. The rest
// of who says nothing. What waits for it under other subjects is taken from it.
func (c *Conn) Know(who *Peer) {
	s := c.sess
	s.mu.Lock()
	defer s.mu.Unlock()
	p := *c.Peer()
	p.Username, p.Subjects, p.Admin, p.Expires, p.Integration, p.Again = who.Username, who.Subjects, who.Admin, who.Expires, who.Integration, who.Again
	p.asks = p.aclClient()
	c.known.Store(&p)
	if w := c.terms.Will; w != nil { // it is sent in the client's name, as it is then
		now := *w
		now.Peer = p
		c.terms.Will = &now
	}
	if s.conn == c {
		s.actAs(&p)
	}
}

// Start begins to write; it is called once the CONNACK is out.
func (c *Conn) Start() {
	c.start.Do(func() {
		go c.write()
		c.wakeUp()
	})
}

func (c *Conn) wakeUp() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// chunk is how much goes to the socket in one write.
const chunk = 64 << 10

// write is the connection's one writer. It ends when the connection does.
func (c *Conn) write() {
	defer close(c.gone)
	var buf []byte
	for range c.wake {
		for generation := c.sess.reg.rights.Load(); ; {
			var end *ending
			var stale bool
			buf, end, stale = c.take(buf[:0], generation)
			if len(buf) > 0 {
				if err := c.wire.Write(buf); err != nil {
					c.wire.Close(err)
					return
				}
			}
			if end != nil {
				c.wire.Close(end.cause)
				return
			}
			switch {
			case stale:
				c.recheck(generation) // and go on by the same rights, so that this comes to an end
			case len(buf) == 0:
				generation = 0
			default:
				generation = c.sess.reg.rights.Load()
			}
			if generation == 0 {
				break
			}
			if cap(buf) > 4*chunk {
				buf = nil // one large message should not keep its memory
			}
		}
		if !c.live.Load() {
			return
		}
	}
}

// ackBound is how many bytes of acknowledgements wait for a client that does not
// read them, before nothing more is read from it.
const ackBound = chunk

// hearable waits until the client reads what it is answered. It is called on
// the connection's reader, with the session's lock held.
func (c *Conn) hearable() {
	for len(c.acks) > ackBound && c.closing == nil && !c.detached {
		c.room.Wait()
	}
}

// take moves up to a chunk of what is owed into buf. end is set when nothing
// will follow; stale, when what comes next was let through by rights of before
// this generation.
func (c *Conn) take(buf []byte, generation uint64) (taken []byte, end *ending, stale bool) {
	s := c.sess
	now := s.reg.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(c.acks) > ackBound {
		c.room.Broadcast()
	}
	buf = append(buf, c.acks...)
	c.acks = c.acks[:0]
	if c.closing != nil {
		if c.peer.Version >= 5 && c.closing.code != 0 {
			buf = appendDisconnect(buf, c.closing.code, c.reason(c.closing.reason))
		}
		return buf, c.closing, false
	}
	if s.conn != c {
		return buf, nil, false
	}
	for len(buf) < chunk && len(c.resend) > 0 && c.window < c.terms.ReceiveMaximum {
		f := c.resend[0]
		if !f.done && !f.released && f.checked < generation {
			return buf, nil, true
		}
		c.resend = c.resend[1:]
		if f.done {
			continue
		}
		f.conn = c
		c.window++
		if f.released {
			buf = appendAck(buf, packets.Pubrel, c.peer.Version, f.id, 0, "")
			continue
		}
		before := len(buf)
		buf = appendPublish(buf, &f.delivery, c.peer.Version, f.id, true, now)
		if c.tooLarge(len(buf) - before) { // it takes less than its predecessor did
			buf = buf[:before]
			c.land(f)
		}
	}
	for len(buf) < chunk {
		q := s.next(c)
		if q == nil {
			break
		}
		if q.peek().checked < generation {
			return buf, nil, true
		}
		d := q.pop()
		if d.msg.expired(now) {
			s.reg.counters.Expired.Add(1)
			continue
		}
		var id uint16
		if d.qos > 0 {
			id = s.nextID()
		}
		before := len(buf)
		buf = appendPublish(buf, &d, c.peer.Version, id, false, now)
		if c.tooLarge(len(buf) - before) { // MQTT-3.1.2-25: act as if it had been sent
			buf = buf[:before]
			continue
		}
		s.reg.counters.Sent.Add(1)
		if d.qos > 0 {
			f := &flight{delivery: d, id: id, conn: c}
			s.flights[id] = f
			s.sent = append(s.sent, f)
			c.window++
		}
	}
	return buf, nil, false
}

// tooLarge says whether the client takes no packet of that size, and counts it.
func (c *Conn) tooLarge(size int) bool {
	if c.terms.MaxPacket == 0 || size <= c.terms.MaxPacket {
		return false
	}
	c.sess.reg.counters.TooLarge.Add(1)
	return true
}

// next is the queue whose turn it is: deliveries leave in the order in which
// they came, but QoS 0 does not wait for a client's window to open.
func (s *Session) next(c *Conn) *queue {
	assured := s.assured.len() > 0 && len(c.resend) == 0 && c.window < c.terms.ReceiveMaximum && len(s.flights) < 65535
	switch {
	case s.atMostOnce.len() > 0 && (!assured || s.atMostOnce.peek().order < s.assured.peek().order):
		return &s.atMostOnce
	case assured:
		return &s.assured
	}
	return nil
}

// reason is the text for a reason string, or nothing if the client wants none or
// its packets are too small for it (MQTT-3.4.2-2).
func (c *Conn) reason(text string) string {
	const around = 32 // of the packet, more than enough but for a SUBACK of many filters
	if !c.terms.ProblemInfo || c.terms.MaxPacket > 0 && len(text)+around > c.terms.MaxPacket {
		return ""
	}
	const most = 1024
	if len(text) > most {
		text = text[:most]
		for len(text) > 0 && text[len(text)-1]&0xC0 == 0x80 { // not in the middle of a character
			text = text[:len(text)-1]
		}
		text = text[:max(0, len(text)-1)]
	}
	return text
}

// Disconnect ends the connection: what is ready is sent, then a DISCONNECT with
// code and reason to an MQTT 5 client, within a second.
func (c *Conn) Disconnect(code packets.Code, cause error) {
	s := c.sess
	s.mu.Lock()
	if c.closing != nil {
		s.mu.Unlock()
		return
	}
	c.closing = &ending{code: code.Code, reason: code.Reason, cause: cause}
	c.room.Broadcast()
	s.mu.Unlock()
	c.wire.Hurry(time.Now().Add(time.Second))
	c.Start() // a connection that was never established has no writer yet
	c.wakeUp()
}

// Gone is closed when nothing is written any more: within a second of
// Disconnect.
func (c *Conn) Gone() <-chan struct{} { return c.gone }

// Control sends a whole control packet.
func (c *Conn) Control(p []byte) {
	s := c.sess
	s.mu.Lock()
	c.hearable()
	c.acks = append(c.acks, p...)
	s.mu.Unlock()
	c.wakeUp()
}

// Puback takes the client's PUBACK (MQTT 5.0 section 3.4).
func (c *Conn) Puback(id uint16) { c.acknowledged(id, func(f *flight) bool { return f.qos == 1 }) }

// Pubcomp takes the client's PUBCOMP (MQTT 5.0 section 3.7).
func (c *Conn) Pubcomp(id uint16) {
	c.acknowledged(id, func(f *flight) bool { return f.qos == 2 && f.released })
}

// acknowledged ends the flight if it is one that the packet may end. What still
// comes from a connection that was taken over counts for nothing: the delivery
// is under way again on the new one, and acknowledged there.
func (c *Conn) acknowledged(id uint16, fits func(*flight) bool) {
	s := c.sess
	s.mu.Lock()
	if f := s.flights[id]; f != nil && !c.detached && fits(f) {
		c.land(f)
	}
	s.mu.Unlock()
	c.wakeUp()
}

func (c *Conn) land(f *flight) {
	if f.conn == c {
		c.window--
	}
	c.sess.landed(f)
}

// Pubrec takes the client's PUBREC and answers it with a PUBREL, unless the
// code refuses the message (MQTT 5.0 section 3.5).
func (c *Conn) Pubrec(id uint16, code byte) {
	s := c.sess
	s.mu.Lock()
	c.hearable()
	f := s.flights[id]
	switch {
	case c.detached:
	case f == nil || f.qos != 2:
		c.acks = appendAck(c.acks, packets.Pubrel, c.peer.Version, id, packets.ErrPacketIdentifierNotFound.Code, "")
	case code >= 0x80:
		c.land(f)
	default:
		f.released = true
		f.msg = &Message{} // the client has it; what is owed is the release
		c.acks = appendAck(c.acks, packets.Pubrel, c.peer.Version, id, 0, "")
	}
	s.mu.Unlock()
	c.wakeUp()
}
