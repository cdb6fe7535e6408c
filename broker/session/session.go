package session

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinbroker/twinbroker/broker/acl"
	"github.com/twinbroker/twinbroker/broker/topics"
)

// Anonymous is the Identity of clients that have proved nothing.
const Anonymous = "anonymous"

// Peer is who a connection belongs to.
type Peer struct {
	ClientID string
	Username string
	Subjects []string // what authentication made of it, as Ditto's policies name them
	Remote   string   // network address
	Listener string
	Version  byte // of MQTT: 3, 4 (3.1.1) or 5
	// Identity is what proved who it is: "user:ann". A session belongs to it.
	Identity string
	Admin    bool      // one of its subjects may see and repair everything
	Expires  time.Time // when the proof ends, and the connection with it; zero: never
	// Integration are the subjects that its token gives for Policies; nil
	// without a token.
	Integration []string
	// Again says who somebody that was let in as that peer is by what is configured
	// now; ok is false when it would not be let in any more. nil: it stays who it
	// is. See Now.
	Again func(was *Peer) (now *Peer, ok bool)
	// GivenID: the broker has made up its identifier.
	GivenID bool
	asks    *acl.Client
}

// ACL is the peer as the rules for topics know it.
func (p *Peer) ACL() *acl.Client {
	if p.asks == nil { // a peer that has no session, as of a will that is not taken yet
		return p.aclClient()
	}
	return p.asks
}

// Now is who the peer is by what is configured now; false: it would not be let in
// any more.
func (p *Peer) Now() (*Peer, bool) {
	if p.Again == nil {
		return p, true
	}
	now, ok := p.Again(p)
	if !ok {
		return nil, false
	}
	now.asks = now.aclClient()
	return now, true
}

// aclClient makes the client that rules are asked about. A user name that
// nobody has proved is none.
func (p *Peer) aclClient() *acl.Client {
	c := &acl.Client{ID: p.ClientID, Subjects: p.Subjects, Admin: p.Admin}
	if p.Identity != Anonymous {
		c.Username = p.Username
	}
	return c
}

// mayTheSame says whether two peers have the same rights.
func (p *Peer) mayTheSame(other *Peer) bool {
	return p.Admin == other.Admin && p.Username == other.Username && p.Identity == other.Identity &&
		slices.Equal(p.Subjects, other.Subjects)
}

// Session is what the broker knows of a client across connections (MQTT 5.0
// section 4.1).
type Session struct {
	id    string
	epoch uint64 // tells this session from others of the same client, also across restarts
	reg   *Registry
	owner string               // the Identity that it belongs to; written under the registry's lock and the session's
	who   atomic.Pointer[Peer] // the client that is connected, or was last

	mu     sync.Mutex
	conn   *Conn // nil while the client is away
	expiry time.Duration
	ended  bool
	timer  *time.Timer // ends the session, or sends its will, while the client is away
	visits uint64      // connections so far: a timer of an earlier absence counts for nothing
	subs   map[string]*Subscription
	own    ownTopic
	order  uint64

	atMostOnce queue // QoS 0
	assured    queue // QoS 1 and 2, not sent yet
	flights    map[uint16]*flight
	sent       []*flight // flights in the order in which they were first sent
	lastID     uint16

	received  map[uint16]*receipt // inbound QoS 2, until PUBREL
	journaled bool                // Receipts knows, or will know, of some of it
	will      *Will               // of a client that is gone, while its delay runs
}

// flight is a delivery of QoS 1 or 2 that was sent and is not acknowledged.
type flight struct {
	delivery
	id       uint16
	released bool // PUBREC is in: what is owed now is the PUBREL
	done     bool
	conn     *Conn // on which it was sent last
}

// ownTopic remembers whether the session subscribes to a topic that only it
// ever receives, so that a reply costs no walk over its subscriptions.
type ownTopic struct {
	topic string
	valid bool
	ok    bool
	qos   byte
	ids   []int
}

// ID is the client identifier.
func (s *Session) ID() string { return s.id }

// Peer is who is connected now; ok is false when nobody is.
func (s *Session) Peer() (p Peer, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return Peer{}, false
	}
	return *s.conn.Peer(), true
}

// Subscription is one topic filter that a session subscribed to.
type Subscription struct {
	Session           *Session
	Filter            string // as subscribed, share prefix included
	ID                int    // subscription identifier, 0: none
	QoS               byte
	NoLocal           bool
	RetainAsPublished bool

	chosen uint64 // atomic: when a message last went to it, of a shared subscription
}

// push queues a delivery and wakes the writer. It says whether the delivery was
// taken; what is not taken is counted as dropped.
func (s *Session) push(d delivery) bool {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return false
	}
	c := s.conn
	taken := true
	switch {
	case d.qos == 0 && c == nil:
		taken = false // nobody is there, and nothing is owed
		s.mu.Unlock()
		return taken
	case d.qos == 0 && !d.free && s.full(&s.atMostOnce), d.qos > 0 && !d.free && s.full(&s.assured):
		taken = false
	default:
		s.order++
		d.order = s.order
		if d.qos == 0 {
			s.atMostOnce.push(d)
		} else {
			s.assured.push(d)
		}
	}
	s.mu.Unlock()
	if !taken {
		s.reg.dropped(s, d.qos)
		return false
	}
	if c != nil {
		c.owe()
	}
	return true
}

func (s *Session) full(q *queue) bool {
	return q.count >= s.reg.opts.QueueMessages || q.bytes >= s.reg.opts.QueueBytes
}

// Reply delivers a message on a topic that is this session's alone, if one of
// its subscriptions matches, and only then makes it; it says whether one does.
// Nobody else gets it.
func (s *Session) Reply(topic string, make func() *Message) bool {
	s.mu.Lock()
	if !s.own.valid || s.own.topic != topic {
		s.own = s.lookup(topic)
	}
	own := s.own
	s.mu.Unlock()
	if !own.ok {
		return false
	}
	m := make()
	return s.push(delivery{msg: m, qos: min(m.QoS, own.qos), ids: own.ids, checked: forGood})
}

func (s *Session) lookup(topic string) ownTopic {
	own := ownTopic{topic: topic, valid: true}
	for _, sub := range s.subs {
		group, filter := topics.SplitShared(sub.Filter)
		if group != "" || !topics.Match(filter, topic) {
			continue
		}
		own.ok = true
		own.qos = max(own.qos, sub.QoS)
		if sub.ID > 0 {
			own.ids = append(own.ids, sub.ID)
		}
	}
	return own
}

// nextID finds a packet identifier that no flight uses; 0: all are in use.
func (s *Session) nextID() uint16 {
	for range 65535 {
		s.lastID++
		if s.lastID == 0 {
			s.lastID = 1
		}
		if _, used := s.flights[s.lastID]; !used {
			return s.lastID
		}
	}
	return 0
}

// landed takes an acknowledged flight out. The list of what was sent gives up
// its acknowledged flights when they are the most of it: a client may leave one
// unacknowledged for ever and go on with the others.
func (s *Session) landed(f *flight) {
	f.done = true
	f.msg = nil
	delete(s.flights, f.id)
	for len(s.sent) > 0 && s.sent[0].done {
		s.sent[0] = nil
		s.sent = s.sent[1:]
	}
	if len(s.sent) > 64 && len(s.sent) > 2*len(s.flights) {
		s.sent = slices.DeleteFunc(s.sent, func(f *flight) bool { return f.done })
	}
}
