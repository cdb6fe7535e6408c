package broker

import (
	"sync"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// told is what a publication tells of an event, in the view of its subjects. It
// may be kept for long, as a retained message or for a client that is away; it
// goes out for as long as its subjects may READ all that was told.
type told struct {
	b        *Broker
	message  *session.Message
	event    protocol.Message
	thing    *jsondoc.Value // which was looked at, too; nil: it was not
	subjects policy.Subjects
	then     Reader // who might read the event when it happened

	mu         sync.Mutex
	now        Reader
	generation uint64 // of the rights that now was found in
	withdrawn  bool
}

// told has a message looked at again before it is sent when rights have changed.
func (b *Broker) told(m *session.Message, e *protocol.Message, thing *jsondoc.Value, subjects policy.Subjects, by Reader) *session.Message {
	m.Of = &told{b: b, message: m, event: *e, thing: thing, subjects: subjects, then: by, now: by, generation: b.sessions.Rights()}
	return m
}

// View is the message, for those who may have its topic.
func (t *told) View(who *session.Peer) *session.Message {
	if !t.b.mayReceive(who, t.message) {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if generation, by := t.b.sessions.Rights(), t.now; t.generation < generation {
		t.mu.Unlock() // the twin may take its time
		by = t.b.readerNow(&t.event, by)
		t.mu.Lock()
		if by != t.now {
			t.now, t.withdrawn = by, !t.readableBy(by)
		}
		t.generation = max(t.generation, generation)
	}
	if t.withdrawn {
		return nil
	}
	return t.message
}

// readableBy says whether the subjects may still READ what they might.
func (t *told) readableBy(now Reader) bool {
	part := cut(&t.event, t.then, t.subjects, policy.Thing)
	if part == nil {
		return false
	}
	again := cut(part, now, t.subjects, policy.Thing)
	if again == nil || part.Value != nil && !jsondoc.Equal(part.Value, again.Value) {
		return false
	}
	if t.thing == nil {
		return true
	}
	was, some := t.then.View(t.subjects, policy.Thing, nil, t.thing)
	if !some {
		return true
	}
	is, some := now.View(t.subjects, policy.Thing, nil, was)
	return some && jsondoc.Equal(was, is)
}
