package session

import (
	"maps"
	"slices"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/twinbroker/twinbroker/broker/topics"
)

// Subscribe adds or replaces a subscription of the connection's session and
// says whether the filter is new to it. The filter must be valid.
func (c *Conn) Subscribe(sub Subscription) (added bool) {
	s := c.sess
	sub.Session = s
	group, filter := topics.SplitShared(sub.Filter)
	s.mu.Lock()
	if s.ended || c.detached || c.closing != nil {
		s.mu.Unlock()
		return false
	}
	_, had := s.subs[sub.Filter]
	s.subs[sub.Filter] = &sub
	s.own = ownTopic{}
	s.reg.subs.Add(filter, subscriber{s, group}, &sub)
	s.mu.Unlock()
	return !had
}

// Filters are those that the session is subscribed to, share prefix included.
func (c *Conn) Filters() []string {
	c.sess.mu.Lock()
	defer c.sess.mu.Unlock()
	return slices.Sorted(maps.Keys(c.sess.subs))
}

// Unsubscribe takes a subscription back and says whether there was one.
func (c *Conn) Unsubscribe(filter string) bool {
	s := c.sess
	group, f := topics.SplitShared(filter)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, had := s.subs[filter]; !had || c.detached || c.closing != nil {
		return false
	}
	delete(s.subs, filter)
	s.own = ownTopic{}
	s.reg.subs.Remove(f, subscriber{s, group})
	return true
}

// Suback answers a SUBSCRIBE, one code for each filter.
func (c *Conn) Suback(id uint16, codes []byte, reason string) {
	c.answer(packets.Suback, id, codes, reason)
}

// Unsuback answers an UNSUBSCRIBE, one code for each filter.
func (c *Conn) Unsuback(id uint16, codes []byte) { c.answer(packets.Unsuback, id, codes, "") }

func (c *Conn) answer(kind byte, id uint16, codes []byte, reason string) {
	c.sess.mu.Lock()
	c.hearable()
	if !c.detached && c.closing == nil {
		c.acks = appendSubscribed(c.acks, kind, c.peer.Version, id, codes, c.reason(reason))
	}
	c.sess.mu.Unlock()
	c.wakeUp()
}

// Retained delivers retained messages for a subscription that was just made.
// They are not counted against the queue's bound, as the broker keeps them
// anyway, unless many of earlier subscriptions wait already.
func (c *Conn) Retained(sub Subscription, messages []*Message) {
	s := c.sess
	s.mu.Lock()
	free := s.atMostOnce.free()+s.assured.free() < s.reg.opts.QueueMessages
	s.mu.Unlock()
	var ids []int
	if sub.ID > 0 {
		ids = []int{sub.ID}
	}
	generation := s.reg.rights.Load()
	for _, m := range messages {
		if m = s.view(m); m == nil {
			s.reg.counters.Withheld.Add(1)
			continue
		}
		s.push(delivery{msg: m, qos: min(m.QoS, sub.QoS), retain: true, ids: ids, free: free, checked: generation})
	}
}
