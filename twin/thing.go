package twin

import (
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// Thing is a Thing as it is after an event, for those who are told more of it
// than what changed.
type Thing struct {
	Event    *protocol.Message
	Value    *jsondoc.Value // nil: the Thing is deleted
	Metadata *jsondoc.Value // nil: it has none
	Created  time.Time      // zero: not known
}

// ThingAfter is the Thing after one of the outcome's events. It knows nothing of
// the events of Policies.
func (o *Outcome) ThingAfter(event *protocol.Message) Thing {
	for i := range o.Things {
		if o.Things[i].Event == event {
			return o.Things[i]
		}
	}
	return Thing{Event: event}
}

// keepAfter keeps what the Thing is after the change, for the outcome.
func (w *writing) keepAfter(next document, e store.Entry, at time.Time) {
	thing := Thing{Event: &w.event, Value: next.Value, Metadata: next.metadata, Created: e.Created}
	if e.State == nil {
		thing.Created = at
		if was := w.origin.Created; !was.IsZero() && was.Before(at) {
			thing.Created = was
		}
	}
	w.things[0] = thing
	w.outcome.Things = w.things[:]
}
