package broker

import (
	"sync"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// event is an event on its way to those who may READ it. Subscribers who may
// read the same of it share one message, encoded once.
type event struct {
	b  *Broker
	of policy.Resource

	mu         sync.Mutex
	message    protocol.Message
	by         Reader
	generation uint64  // of the rights that by was found in
	views      []view  // those asked for so far; there are few
	room       [2]view // for them
	// whole is what those get who may READ all of it. Until somebody asks for
	// it, it has no payload, and stands for whatever anybody gets.
	whole session.Message
}

// view is what those see of an event who may READ the same.
type view struct {
	key     string
	message *session.Message // nil: nothing
}

// newEvent makes a message of an event, of which by says who may read it as
// things are now.
func (b *Broker) newEvent(topic string, m *protocol.Message, by Reader) *session.Message {
	of := policy.Thing
	if m.Topic.Group == protocol.Policies {
		of = policy.Policy
	}
	// The message is copied, as it lies in the memory of the whole outcome, which
	// need not be kept for as long as the event waits for somebody.
	e := &event{b: b, of: of, message: *m, by: by, generation: b.sessions.Rights()}
	e.views = e.room[:0]
	e.whole = session.Message{Topic: topic, QoS: 2, Of: e, Props: session.Properties{ContentType: dittoContent}}
	return &e.whole
}

// View is what a client may have of the event by the rights of now.
func (e *event) View(who *session.Peer) *session.Message {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.renew()
	if who.Admin {
		return e.encodedWhole()
	}
	key := e.by.ViewKey(who.Subjects, e.of)
	if key == "" {
		return nil
	}
	for i := range e.views {
		if e.views[i].key == key {
			return e.views[i].message
		}
	}
	seen := view{key: key}
	switch part := cut(&e.message, e.by, who.Subjects, e.of); part {
	case nil:
	case &e.message:
		seen.message = e.encodedWhole()
	default:
		seen.message = e.encode(part)
	}
	e.views = append(e.views, seen)
	return seen.message
}

// renew finds out who may read the event as things are now, if rights have
// changed since. It lets go of the lock meanwhile: the twin may take its time.
func (e *event) renew() {
	generation, by := e.b.sessions.Rights(), e.by
	if e.generation >= generation {
		return
	}
	e.mu.Unlock()
	by = e.b.readerNow(&e.message, by)
	e.mu.Lock()
	if e.generation < generation {
		if by != e.by {
			e.by, e.views = by, nil // what was made is kept by those for whom it waits
		}
		e.generation = generation
	}
}

func (e *event) encodedWhole() *session.Message {
	if e.whole.Payload == nil {
		e.b.metrics.encodings.Inc()
		e.whole.Payload = envelope(&e.message)
	}
	return &e.whole
}

func (e *event) encode(m *protocol.Message) *session.Message {
	encoded := e.b.encode(e.whole.Topic, m)
	encoded.Of = e
	return encoded
}
