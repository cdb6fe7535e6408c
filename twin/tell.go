package twin

import (
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// tell makes the outcome of a change: the event, and the response if one is
// wanted.
func (w *writing) tell(before, after *jsondoc.Value, action string, status int, revision uint64, at time.Time) {
	m := w.cmd.Message
	value := w.change.value
	number := jsondoc.Int(int64(revision))
	w.event = protocol.Message{
		Topic: protocol.Topic{Namespace: m.Topic.Namespace, Name: m.Topic.Name,
			Group: protocol.Things, Channel: protocol.Twin, Criterion: protocol.Events, Action: action},
		Headers:   eventHeaders(w.cmd, action),
		Path:      m.Path,
		Value:     value,
		Revision:  revision,
		Timestamp: at,
	}
	w.event.Headers.Set(protocol.HeaderEntityRevision, number)
	if w.at == resThing {
		// Also where a merge of a part made the Thing.
		w.event.Path = nil
	}
	w.events[0] = &w.event
	w.outcome.Events = w.events[:]
	w.outcome.Before, w.outcome.After = before, after
	w.outcome.Access, w.outcome.Overruled = w.rights.Enforcer, w.rights.overruled
	if m.Headers.ResponseRequired() {
		if status != 201 {
			value = w.answer
		}
		w.outcome.Response = respond(w.cmd, w.event.Path, status, value)
		w.outcome.Response.Headers.Set(protocol.HeaderEntityRevision, number)
		tellTag(w.outcome.Response, w.changedTag(after, revision))
		typeResponse(&w.outcome.Response.Headers, action)
	}
}

// respond makes the response to a command that went well.
func respond(cmd *Command, path jsondoc.Pointer, status int, value *jsondoc.Value) *protocol.Message {
	resp := &protocol.Message{
		Topic:   cmd.Message.Topic,
		Headers: cmd.Message.Headers.Outward(),
		Path:    path,
		Status:  status,
		Value:   value,
	}
	resp.Headers.SetString(protocol.HeaderContentType, protocol.ContentTypeJSON)
	addOwn(&resp.Headers, cmd)
	return resp
}

// eventHeaders are those of the command that go out, and what Ditto adds. The
// reply-to is the sender's own business and stays behind.
func eventHeaders(cmd *Command, action string) protocol.Headers {
	h := cmd.Message.Headers.Outward()
	h.Delete(protocol.HeaderReplyTo)
	typeEvent(&h, action)
	addOwn(&h, cmd)
	return h
}

// addOwn adds what Ditto adds to whatever it sends out: in ditto-originator the
// first subject of the sender, and that nobody has to answer. (Where it is known
// what became of a Thing, entity-revision is its revision: with a response after
// the command, with an event after the change.)
func addOwn(h *protocol.Headers, cmd *Command) {
	if first := cmd.Sender.Subjects.First(); first != "" {
		h.SetString(protocol.HeaderOriginator, first)
	}
	h.Set(protocol.HeaderResponseRequired, no)
}

var no = jsondoc.Bool(false)

// record is what goes into the journal: the change, and the headers that are
// kept with it, in memory that begins with buf.
func (w *writing) record(buf []byte) (record, headers []byte) {
	buf = w.change.appendTo(buf)
	end := len(buf)
	buf = w.appendKept(buf)
	return buf[:end], buf[end:]
}

// appendKept appends the headers that are kept with the change, as a JSON
// object; nothing where there are none.
func (w *writing) appendKept(buf []byte) []byte {
	m := w.cmd.Message
	end := len(buf)
	for _, key := range w.s.history {
		before, sep := len(buf), byte(',')
		if before == end {
			sep = '{'
		}
		buf = append(buf, sep)
		buf = jsondoc.AppendString(buf, key)
		buf = append(buf, ':')
		var ok bool
		if key == protocol.HeaderOriginator {
			originator := w.cmd.Sender.Subjects.First()
			ok = originator != ""
			buf = jsondoc.AppendString(buf, originator)
		} else if key != protocol.HeaderCorrelationID || !w.cmd.correlated {
			buf, ok = m.Headers.AppendValue(buf, key)
		}
		if !ok {
			buf = buf[:before]
		}
	}
	if len(buf) == end {
		return buf
	}
	return append(buf, '}')
}
