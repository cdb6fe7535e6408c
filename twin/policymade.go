package twin

import (
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// policyMade is the event of a Policy that is made together with a Thing. In
// Ditto the Policy is made by a command of its own, with the headers of the one
// that makes the Thing but for if-match and if-none-match (ThingEnforcerActor,
// createPolicy).
func (w *writing) policyMade(id string, v *jsondoc.Value, revision uint64, at time.Time) *protocol.Message {
	parsed, _ := protocol.ParseThingID(id) // a Policy's ID has the same form
	m := &protocol.Message{
		Topic: protocol.Topic{Namespace: parsed.Namespace, Name: parsed.Name, Group: protocol.Policies,
			Criterion: protocol.Events, Action: protocol.ActionCreated},
		Headers: eventHeaders(w.cmd, protocol.ActionCreated),
		Value:   v, Revision: revision, Timestamp: at,
	}
	m.Headers.Delete(protocol.HeaderIfMatch)
	m.Headers.Delete(protocol.HeaderIfNoneMatch)
	m.Headers.SetString(protocol.HeaderContentType, protocol.ContentTypeJSON)
	m.Headers.Set(protocol.HeaderEntityRevision, jsondoc.Int(int64(revision)))
	return m
}
