package session

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/twinbroker/twinbroker/broker/topics"
)

// Options are what a Registry needs to know.
type Options struct {
	QueueMessages  int // deliveries that wait for one session, for QoS 0 and for QoS 1 and 2 each
	QueueBytes     int // and their bytes
	ReceiveMaximum int // inbound publishes of one connection that may be unacknowledged
	SendMaximum    int // the most deliveries that are unacknowledged, whatever the client says
	Receipts       Receipts
	// Publish sends a will on the way of every publish, in the name of its client.
	Publish func(*Will)
	// May says whether a client may receive a message that is not of a Signal;
	// it is asked for each candidate, so that of a shared group somebody is
	// chosen who may.
	May func(*Peer, *Message) bool
	Now func() time.Time
	Log *slog.Logger
}

// Registry holds the sessions and their subscriptions.
type Registry struct {
	opts     Options
	counters Counters

	mu       sync.Mutex
	sessions map[string]*Session
	epoch    uint64            // the last one given
	over     map[string]uint64 // epochs of ended sessions whose receipts are being forgotten
	closed   bool

	rights atomic.Uint64 // counts how often the rights of clients have changed

	subs   topics.Filters[subscriber, *Subscription]
	gather gatherer
	turns  atomic.Uint64 // counts the messages to shared groups
	warn   sync.Map      // session ID → *atomic.Int64, unix seconds of the last warning of a full queue
}

// subscriber keys the subscriptions: a session may have a filter for itself and
// the same filter in groups.
type subscriber struct {
	session *Session
	group   string
}

// NewRegistry makes an empty registry.
func NewRegistry(o Options) *Registry {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.May == nil {
		o.May = func(*Peer, *Message) bool { return true }
	}
	r := &Registry{opts: o, sessions: map[string]*Session{}, over: map[string]uint64{}}
	r.rights.Store(1)
	return r
}

// Subscriptions is the number of subscriptions of all sessions.
func (r *Registry) Subscriptions() int { return r.subs.Len() }

// Sessions is the number of sessions, and of those that are connected.
func (r *Registry) Sessions() (all, connected int) {
	for _, s := range r.list() {
		all++
		if _, ok := s.Peer(); ok {
			connected++
		}
	}
	return all, connected
}

func (r *Registry) list() []*Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*Session, 0, len(r.sessions))
	for _, s := range r.sessions {
		all = append(all, s)
	}
	return all
}

// Connect makes the connection that owns the client's session from now on. An
// earlier connection of the same client is ended with "session taken over"
// (0x8E), and Connect waits until a publish that its reader has in hand is
// handled, so that the client's publishes keep their order. present says that an
// earlier session goes on (MQTT 5.0 section 3.2.2.1.1). The caller sends the
// CONNACK and then calls Conn.Start, and calls Conn.Detach when the connection
// has ended, whether it was started or not. The connection is nil where the
// session, be it connected or away, belongs to another Identity; then nothing
// has changed.
func (r *Registry) Connect(p Peer, t Terms, w Wire) (c *Conn, present bool) {
	if t.ReceiveMaximum <= 0 || t.ReceiveMaximum > r.opts.SendMaximum {
		t.ReceiveMaximum = r.opts.SendMaximum
	}
	c = &Conn{
		peer: p, terms: t, wire: w, open: map[uint16]*Slot{},
		wake: make(chan struct{}, 1), gone: make(chan struct{}), handling: make(chan struct{}, 1),
	}
	c.peer.asks = c.peer.aclClient()
	c.known.Store(&c.peer)
	c.live.Store(true)
	c.Handling() // whoever takes over from this one waits for its predecessors too

	r.mu.Lock()
	s := r.sessions[p.ClientID]
	if s != nil && s.owner != p.Identity {
		r.mu.Unlock()
		return nil, false
	}
	var before *Conn
	var will *Will
	var over uint64
	var left []delivery
	if s != nil {
		var keep bool
		before, keep, will = s.takeOver(!t.CleanStart)
		if !keep {
			over, left = r.forgetLocked(s)
			s = nil
		}
	}
	present = s != nil
	if s == nil {
		var stale uint64
		s, stale = r.newSessionLocked(p.ClientID, t.CleanStart)
		over = max(over, stale)
	}
	s.attach(c)
	closed := r.closed
	r.mu.Unlock()

	if before != nil {
		before.Handling()
		before.Handled()
	}
	r.forgetReceipts(p.ClientID, over) // after the last publish that may have one
	c.Handled()
	r.handOver(left)
	if will != nil {
		s.publishWill(will)
	}
	if closed {
		c.Disconnect(packets.ErrServerShuttingDown, packets.ErrServerShuttingDown)
	}
	return c, present
}

// newSessionLocked makes a session. What QoS 2 has received before a restart is
// taken over, unless the client starts clean; stale is then the epoch up to
// which receipts are to be forgotten.
func (r *Registry) newSessionLocked(id string, clean bool) (s *Session, stale uint64) {
	s = &Session{
		id: id, reg: r,
		subs: map[string]*Subscription{}, flights: map[uint16]*flight{}, received: map[uint16]*receipt{},
	}
	r.sessions[id] = s
	var known uint64
	var ids []uint16
	if rc := r.opts.Receipts; rc != nil {
		known, ids = rc.Known(id)
	}
	if known > r.over[id] && !clean {
		s.epoch, s.journaled = known, true
		for _, pid := range ids {
			s.received[pid] = &receipt{complete: true, journaled: true, recovered: true}
		}
		return s, 0
	}
	// An epoch is larger than all before it, also those of an earlier process.
	r.epoch = max(r.epoch+1, uint64(r.opts.Now().UnixNano()), known+1)
	s.epoch = r.epoch
	if known > r.over[id] {
		r.over[id] = known
		stale = known
	}
	return s, stale
}

// forgetReceipts forgets what QoS 2 has received in a client's sessions up to
// that epoch; 0: there is nothing to forget.
func (r *Registry) forgetReceipts(client string, epoch uint64) {
	if epoch == 0 || r.opts.Receipts == nil {
		return
	}
	r.opts.Receipts.Forget(client, epoch, func(error) { // an epoch that is over stays without effect anyway
		r.mu.Lock()
		if r.over[client] == epoch {
			delete(r.over, client)
		}
		r.mu.Unlock()
	})
}

// attach makes c the session's connection.
func (s *Session) attach(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.sess = s
	s.owner = c.peer.Identity
	c.room = sync.NewCond(&s.mu)
	s.conn, s.expiry = c, c.terms.Expiry
	s.actAs(&c.peer)
	s.visits++
	s.will = nil
	s.stopTimer()
	c.resend = slices.DeleteFunc(slices.Clone(s.sent), func(f *flight) bool { return f.done })
}

func (s *Session) stopTimer() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// takeOver ends the present connection, if there is one, in favour of a new one.
// It says whether the session can go on, and returns the will that waited for the
// session's end.
func (s *Session) takeOver(wanted bool) (old *Conn, keep bool, will *Will) {
	s.mu.Lock()
	old = s.conn
	keep = wanted && !s.ended && s.expiry > 0
	if !keep {
		will = s.will
	}
	s.will = nil
	if old != nil {
		// Its own will is sent when it has ended, as a goodbye may be on the way.
		if w := old.terms.Will; w != nil && w.Delay > 0 && keep {
			old.terms.Will = nil
		}
		old.detachLocked()
		s.conn = nil
	}
	s.mu.Unlock()
	if old != nil {
		old.Disconnect(packets.ErrSessionTakenOver, packets.ErrSessionTakenOver)
	}
	return old, keep, will
}

// forgetLocked takes a session out of the registry. The caller is to forget the
// client's receipts up to an epoch, 0 where there are none, and to hand over
// what is left for others of the session's shared groups.
func (r *Registry) forgetLocked(s *Session) (over uint64, left []delivery) {
	if r.sessions[s.id] == s {
		delete(r.sessions, s.id)
		r.warn.Delete(s.id)
	}
	s.mu.Lock()
	s.ended = true
	s.stopTimer()
	subs := s.subs
	s.subs = map[string]*Subscription{}
	s.own = ownTopic{}
	for _, f := range s.sent {
		if f.shared != nil && !f.done && f.qos == 1 { // at QoS 2 the client may have it: MQTT-4.8.2-5
			left = append(left, f.delivery)
		}
	}
	for s.assured.len() > 0 {
		if d := s.assured.pop(); d.shared != nil {
			left = append(left, d)
		}
	}
	s.atMostOnce.clear()
	s.assured.clear()
	s.flights, s.sent = map[uint16]*flight{}, nil
	if s.journaled {
		over = s.epoch
		r.over[s.id] = over
	}
	s.mu.Unlock()
	for _, sub := range subs {
		group, filter := topics.SplitShared(sub.Filter)
		r.subs.Remove(filter, subscriber{s, group})
	}
	return over, left
}

// end ends a session if its client has not come back since that visit.
func (r *Registry) end(s *Session, visit uint64) {
	r.mu.Lock()
	s.mu.Lock()
	if s.conn != nil || s.ended || s.visits != visit {
		s.mu.Unlock()
		r.mu.Unlock()
		return
	}
	due := s.will
	s.will = nil
	s.mu.Unlock()
	over, left := r.forgetLocked(s)
	r.mu.Unlock()
	r.forgetReceipts(s.id, over)
	r.handOver(left)
	if due != nil {
		s.publishWill(due)
	}
}

// Close ends all connections with code, and stops all that runs by the clock.
// Wills are not sent: the clients did not fail.
func (r *Registry) Close(code packets.Code) {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	for _, s := range r.list() {
		s.mu.Lock()
		c := s.conn
		s.stopTimer()
		if c != nil {
			c.terms.Will = nil
		}
		s.mu.Unlock()
		if c != nil {
			c.Disconnect(code, code)
		}
	}
	for _, s := range r.list() {
		s.mu.Lock()
		c := s.conn
		s.mu.Unlock()
		if c != nil {
			<-c.gone
		}
	}
}

// Pending is the number of inbound publishes of all clients that are not
// acknowledged yet.
func (r *Registry) Pending() int {
	n := 0
	for _, s := range r.list() {
		s.mu.Lock()
		if s.conn != nil {
			n += len(s.conn.slots)
		}
		s.mu.Unlock()
	}
	return n
}

// Waiting says whether any client that is connected has deliveries waiting
// that were not written to it yet.
func (r *Registry) Waiting() bool {
	for _, s := range r.list() {
		s.mu.Lock()
		waiting := s.conn != nil && s.atMostOnce.len()+s.assured.len() > 0
		s.mu.Unlock()
		if waiting {
			return true
		}
	}
	return false
}
