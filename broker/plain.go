package broker

import (
	"time"

	"github.com/twinbroker/twinbroker/broker/session"
)

// plain is ordinary publish and subscribe.
func (b *Broker) plain(in *inbound) {
	b.relay(in.message, in.retain)
	in.ack(nil)
}

// relay gives a message to the subscribers of its topic, and keeps it when it
// is to be retained (MQTT 5.0 section 3.3.1.3).
func (b *Broker) relay(m *session.Message, retain bool) {
	if retain {
		b.keeping.Lock() // so that what is kept is what every subscriber has seen last
		defer b.keeping.Unlock()
		if len(m.Payload) == 0 {
			b.retained.Delete(m.Topic)
		} else {
			b.retained.Set(m.Topic, m)
		}
	}
	b.sessions.Publish(m)
}

// deliverRetained gives a new subscription the retained messages that it
// reaches; none of them comes behind a newer one.
func (b *Broker) deliverRetained(c *session.Conn, sub session.Subscription) {
	b.keeping.RLock()
	defer b.keeping.RUnlock()
	c.Retained(sub, b.retainedFor(sub.Filter))
}

// retainedFor are the retained messages that a filter reaches; what has expired
// goes.
func (b *Broker) retainedFor(filter string) []*session.Message {
	now := time.Now()
	found := b.retained.Match(filter)
	live := found[:0]
	for _, m := range found {
		if !m.Expires.IsZero() && !now.Before(m.Expires) {
			b.retained.Delete(m.Topic)
			continue
		}
		live = append(live, m)
	}
	return live
}
