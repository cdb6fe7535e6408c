package session

import (
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Receipts is where QoS 2 publishes that changed something on disk are
// remembered across restarts. A nil Receipts remembers nothing.
type Receipts interface {
	// Known returns the session epoch and the packet identifiers of the client's
	// publishes that were stored and not released; an epoch of 0: none.
	Known(client string) (epoch uint64, ids []uint16)
	// Release forgets one and then calls done.
	Release(client string, epoch uint64, id uint16, done func(error))
	// Forget drops those of the client's sessions up to that epoch, as they are
	// over, and then calls done.
	Forget(client string, epoch uint64, done func(error))
}

// receipt is an inbound QoS 2 publish before its PUBREL.
type receipt struct {
	complete  bool    // its PUBREC is out or may go out
	journaled bool    // Receipts knows it
	recovered bool    // from before a restart
	waiting   []*Slot // of the publish and its redeliveries
	conn      *Conn   // the one whose quota it counts against
}

// Slot is the place of one inbound publish in the line of acknowledgements of
// its connection. Exactly one of Ack and Refuse is called, once, on any
// goroutine.
type Slot struct {
	conn    *Conn
	id      uint16
	qos     byte
	done    bool
	code    byte
	reason  string
	fault   bool // not stored through the broker's own fault
	unknown bool // perhaps stored, perhaps not
	release func()
}

// Verdict is what becomes of an inbound publish.
type Verdict uint8

const (
	Fresh    Verdict = iota // process it
	Repeated                // it was processed before, or is being: nothing to do
	Exceeded                // more than the Receive Maximum: the client is to be disconnected (0x93)
	Closed                  // the connection has ended
)

// Handling says that the reader begins with a publish; it says Handled when the
// publish has gone its way. A connection that takes over waits in between.
func (c *Conn) Handling() { c.handling <- struct{}{} }

// Handled is the end of Handling.
func (c *Conn) Handled() { <-c.handling }

// Accept gives an inbound publish its slot. It blocks while a client that knows
// no Receive Maximum (MQTT 3, or QoS 0) has that many publishes under way.
func (c *Conn) Accept(id uint16, qos byte, dup bool) (*Slot, Verdict) {
	s := c.sess
	most := s.reg.opts.ReceiveMaximum
	s.mu.Lock()
	defer s.mu.Unlock()
	c.hearable()
	if qos == 1 && c.open[id] != nil {
		return nil, Repeated // joins the one that is under way
	}
	if qos == 2 {
		if r := s.received[id]; r != nil && !(r.recovered && !dup) {
			return nil, c.again(id, r)
		}
	}
	for (qos == 0 || c.peer.Version < 5) && len(c.slots) >= most && c.closing == nil && !c.detached {
		c.room.Wait()
	}
	switch {
	case c.closing != nil || c.detached:
		return nil, Closed
	case qos > 0 && c.quota >= most && c.peer.Version >= 5:
		return nil, Exceeded
	}
	slot := &Slot{conn: c, id: id, qos: qos}
	c.slots = append(c.slots, slot)
	switch qos {
	case 1:
		c.open[id] = slot
		c.quota++
	case 2:
		s.received[id] = &receipt{waiting: []*Slot{slot}, conn: c}
		c.quota++
	}
	return slot, Fresh
}

// again answers the redelivery of a QoS 2 publish that is known.
func (c *Conn) again(id uint16, r *receipt) Verdict {
	if c.closing != nil || c.detached {
		return Closed
	}
	for _, w := range r.waiting {
		if w.conn == c && !w.done {
			return Repeated // its PUBREC is still to come on this connection
		}
	}
	slot := &Slot{conn: c, id: id, qos: 2, done: r.complete}
	c.slots = append(c.slots, slot)
	if r.conn != c {
		r.conn = c
		c.quota++
	}
	if !r.complete {
		r.waiting = append(r.waiting, slot)
		return Repeated
	}
	c.drainLocked()
	c.wakeUp()
	return Repeated
}

// QoS is that of the publish.
func (s *Slot) QoS() byte { return s.qos }

// Receipt gives what the store must write down with the change of a QoS 2
// publish; ok is false for the other qualities of service.
func (s *Slot) Receipt() (client string, epoch uint64, id uint16, ok bool) {
	if s.qos != 2 {
		return "", 0, 0, false
	}
	sess := s.conn.sess
	sess.mu.Lock()
	if r := sess.received[s.id]; r != nil {
		r.journaled = true
	}
	sess.journaled = true
	sess.mu.Unlock()
	return sess.id, sess.epoch, s.id, true
}

// Ack completes the slot: the client is told of success when all its earlier
// publishes are complete too. then, if not nil, runs just before, in the same
// order.
func (s *Slot) Ack(then func()) { s.complete(0, "", false, then) }

// Refuse completes the slot with a reason code and text. fault says that the
// message was not stored through the broker's own fault: a client of MQTT 3,
// which knows no refusal, is then disconnected unacknowledged, so that it sends
// the message again. then is as for Ack.
func (s *Slot) Refuse(code byte, reason string, fault bool, then func()) {
	s.complete(code, reason, fault, then)
}

// Abandon completes the slot without a word, because nobody knows whether the
// message is stored: the client is disconnected unacknowledged, whatever its
// version, so that it sends the message again. What was received at QoS 2 stays
// as it is: if it is stored, its receipt is too.
func (s *Slot) Abandon() {
	sess := s.conn.sess
	sess.mu.Lock()
	s.done, s.unknown = true, true
	s.conn.drainLocked()
	sess.mu.Unlock()
	s.conn.wakeUp()
}

func (s *Slot) complete(code byte, reason string, fault bool, then func()) {
	sess := s.conn.sess
	sess.mu.Lock()
	s.set(code, reason, fault)
	s.release = then
	conns := []*Conn{s.conn}
	if s.qos == 2 {
		if r := sess.received[s.id]; r != nil && !r.complete {
			for _, w := range r.waiting {
				if w != s {
					w.set(code, reason, fault)
					conns = append(conns, w.conn)
				}
			}
			r.waiting, r.complete = nil, true
			if code >= 0x80 {
				delete(sess.received, s.id)
			}
		}
	}
	for _, c := range conns {
		c.drainLocked()
	}
	sess.mu.Unlock()
	for _, c := range conns {
		c.owe()
	}
}

func (s *Slot) set(code byte, reason string, fault bool) {
	s.done, s.code, s.reason, s.fault = true, code, reason, fault
}

// drainLocked acknowledges the completed slots at the head of the line. The
// session's lock is let go while a release runs; the flag keeps the order.
func (c *Conn) drainLocked() {
	if c.draining {
		return
	}
	c.draining = true
	for len(c.slots) > 0 && c.slots[0].done {
		slot := c.slots[0]
		c.slots[0] = nil
		c.slots = c.slots[1:]
		if slot.release != nil {
			c.sess.mu.Unlock()
			slot.release()
			c.sess.mu.Lock()
		}
		c.acknowledge(slot)
		c.room.Broadcast() // Accept and hearable wait for different things
	}
	c.draining = false
}

func (c *Conn) acknowledge(slot *Slot) {
	if slot.qos == 0 {
		return
	}
	if slot.unknown || slot.fault && c.peer.Version < 5 {
		c.failLocked("the broker cannot store the message")
		return
	}
	kind := packets.Puback
	if slot.qos == 2 {
		kind = packets.Pubrec
	} else {
		delete(c.open, slot.id)
	}
	if slot.qos == 1 || slot.code >= 0x80 {
		c.quota--
	}
	if c.detached || c.closing != nil {
		return
	}
	code, reason := slot.code, ""
	if code >= 0x80 {
		reason = c.reason(slot.reason)
		if c.peer.Version < 5 && slot.qos == 2 {
			// MQTT 3 completes the exchange: the identifier waits for its PUBREL.
			c.sess.received[slot.id] = &receipt{complete: true, conn: c}
			c.quota++
		}
	}
	c.acks = appendAck(c.acks, kind, c.peer.Version, slot.id, code, reason)
}

// failLocked ends the connection because of something that the client has to
// send again on the next one, as it cannot be told so otherwise.
func (c *Conn) failLocked(reason string) {
	if c.closing == nil {
		c.closing = &ending{code: packets.ErrImplementationSpecificError.Code, reason: reason, cause: packets.ErrServerUnavailable}
		c.wire.Hurry(time.Now().Add(time.Second))
		c.room.Broadcast()
	}
}

// Pubrel takes the client's PUBREL: the packet identifier is free again, and
// the PUBCOMP leaves when that is as durable as the publish was (MQTT 5.0
// section 3.6). It says false when there was no PUBREC yet to be released: the
// client breaks the protocol (section 4.3.3), and nothing is freed.
func (c *Conn) Pubrel(id uint16) bool {
	s := c.sess
	s.mu.Lock()
	c.hearable()
	if c.detached { // it comes again on the connection that took over
		s.mu.Unlock()
		return true
	}
	r := s.received[id]
	if r == nil {
		c.acks = appendAck(c.acks, packets.Pubcomp, c.peer.Version, id, packets.ErrPacketIdentifierNotFound.Code, "")
		s.mu.Unlock()
		c.wakeUp()
		return true
	}
	if !r.complete {
		s.mu.Unlock()
		return false
	}
	epoch, journaled := s.epoch, r.journaled && s.reg.opts.Receipts != nil
	s.mu.Unlock()
	if journaled {
		s.reg.opts.Receipts.Release(s.id, epoch, id, func(err error) { c.released(id, r, err) })
		return true
	}
	c.released(id, r, nil)
	return true
}

// released answers a PUBREL. When the release could not be written down there
// is no PUBCOMP: the client is disconnected, because only on a new connection
// does it send its PUBREL again (MQTT 5.0 section 4.4).
func (c *Conn) released(id uint16, r *receipt, err error) {
	s := c.sess
	s.mu.Lock()
	if err != nil {
		c.failLocked("the broker cannot store that the message was released: " + err.Error())
		s.mu.Unlock()
		c.wakeUp()
		return
	}
	if s.received[id] == r {
		delete(s.received, id)
	}
	if r.conn == c { // once, though the PUBREL may come twice
		r.conn = nil
		c.quota--
	}
	if c.closing == nil && !c.detached {
		c.acks = appendAck(c.acks, packets.Pubcomp, c.peer.Version, id, 0, "")
	}
	s.mu.Unlock()
	c.wakeUp()
}

// Pending is the number of publishes that are not acknowledged yet.
func (c *Conn) Pending() int {
	c.sess.mu.Lock()
	defer c.sess.mu.Unlock()
	return len(c.slots)
}
