package session

import "time"

// Will is what a client wants published when it goes without saying so (MQTT
// 5.0 section 3.1.2.5).
type Will struct {
	Message *Message
	Delay   time.Duration
	Expiry  time.Duration // of the message, from when it is sent; 0: none
	Peer    Peer          // in whose name
}

// publishWill sends a will in the name of its client as that is known by now: it
// may have other rights than when it connected.
func (s *Session) publishWill(w *Will) {
	if who := s.who.Load(); who != nil && who.Identity == w.Peer.Identity {
		w.Peer = *who
	}
	s.reg.opts.Publish(w)
}

// DropWill takes the will back: the client said goodbye (MQTT 5.0 section
// 3.14.4). That may be read when its next connection has already taken over.
func (c *Conn) DropWill() {
	c.sess.mu.Lock()
	defer c.sess.mu.Unlock()
	c.terms.Will = nil
}

// Detach tells that the connection has ended. Its will is due unless it was
// dropped. The session goes on for its expiry.
func (c *Conn) Detach() {
	s, r := c.sess, c.sess.reg
	s.mu.Lock()
	if c.detached { // taken over before; what is left is the will
		due := c.terms.Will
		s.mu.Unlock()
		c.stopWriter()
		if due != nil {
			s.publishWill(due)
		}
		return
	}
	c.detachLocked()
	s.conn = nil
	s.atMostOnce.clear() // nothing is owed at QoS 0
	due, visit := c.terms.Will, s.visits
	switch {
	case due != nil && due.Delay > 0 && s.expiry > 0:
		s.will, due = due, nil
		w := s.will
		s.timer = time.AfterFunc(min(w.Delay, s.expiry), func() { s.sendWill(w, visit) })
	case s.expiry > 0 && s.expiry != Forever:
		s.timer = time.AfterFunc(s.expiry, func() { r.end(s, visit) })
	}
	ends := s.expiry == 0
	s.mu.Unlock()
	c.stopWriter()
	if ends {
		r.end(s, visit)
	}
	if due != nil {
		s.publishWill(due)
	}
}

// sendWill sends a delayed will, unless the client has come back since that
// visit, and lets the rest of the session's expiry run.
func (s *Session) sendWill(w *Will, visit uint64) {
	r := s.reg
	s.mu.Lock()
	if s.will != w || s.visits != visit || s.ended {
		s.mu.Unlock()
		return
	}
	s.will = nil
	if rest := s.expiry - w.Delay; s.expiry != Forever && rest > 0 {
		s.timer = time.AfterFunc(rest, func() { r.end(s, visit) })
	}
	over := s.expiry <= w.Delay
	s.mu.Unlock()
	s.publishWill(w)
	if over {
		r.end(s, visit)
	}
}

// SetExpiry changes how long the session outlives the connection, as a
// DISCONNECT may (MQTT 5.0 section 3.14.2.2.2).
func (c *Conn) SetExpiry(d time.Duration) {
	c.sess.mu.Lock()
	defer c.sess.mu.Unlock()
	c.terms.Expiry = d
	if c.sess.conn == c {
		c.sess.expiry = d
	}
}

// Expiry is what was agreed for the session.
func (c *Conn) Expiry() time.Duration {
	c.sess.mu.Lock()
	defer c.sess.mu.Unlock()
	return c.terms.Expiry
}

func (c *Conn) detachLocked() {
	c.detached = true
	c.room.Broadcast()
}

func (c *Conn) stopWriter() {
	c.live.Store(false)
	c.wakeUp()
}
