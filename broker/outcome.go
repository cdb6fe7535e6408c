package broker

import (
	"fmt"
	"time"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/mapping"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// dittoContent is the media type of Ditto Protocol envelopes.
const dittoContent = "application/vnd.eclipse.ditto+json"

// outcome sends out what became of a command, now that it is on disk: events to
// the world, the response to where it is wanted, and the acknowledgement.
func (b *Broker) outcome(in *inbound, msg *protocol.Message, reply destination, out *twin.Outcome) {
	if out.Unknown {
		in.abandon()
		return
	}
	if out.Overruled {
		b.audit.Overruled(in.peer, "command", msg.Topic.String()+" "+msg.Path.String())
	}
	b.tell(in.peer, out)
	if out.Err != nil {
		b.refuseWith(in, out.Err, msg, reply, out.Response)
		return
	}
	if out.Response != nil {
		b.respond(in, reply, out.Response)
	}
	for _, m := range out.More {
		b.respond(in, reply, m)
	}
	in.ack(nil)
}

// respond sends a response or an error at the request's QoS. What nobody
// subscribed to is not even printed.
func (b *Broker) respond(in *inbound, to destination, response *protocol.Message) {
	b.metrics.responses.Inc()
	from := ""
	if !to.own {
		from = in.peer.ClientID // an ordinary publish in the requester's name
	}
	print := func() *session.Message {
		return &session.Message{
			Topic:   to.topic,
			Payload: envelope(response),
			QoS:     in.message.QoS,
			From:    from,
			Props:   session.Properties{ContentType: dittoContent, Correlation: to.correlation},
		}
	}
	switch {
	case !to.own:
		b.sessions.PublishFunc(to.topic, print)
	case in.session != nil: // a will's client is not there to be told
		in.session.Reply(to.topic, print)
	}
}

// tell publishes events under their own topics, and as the publications say.
// An event that nobody subscribed to is not even printed. who asked for what
// they tell of.
func (b *Broker) tell(who *session.Peer, out *twin.Outcome) {
	b.announce(out.Announcements)
	if out.Named { // before, others may have named them
		b.sessions.RightsChanged()
	}
	for _, e := range out.Policies {
		b.audit.PolicyMade(who, e)
		topic := b.topicOf(e)
		b.sessions.PublishFunc(topic, func() *session.Message {
			return b.newEvent(topic, e, b.readerNow(e, policy.Nobody))
		})
	}
	publications := b.live.Load().Publications
	for i, e := range out.Events {
		b.metrics.events.Inc()
		if changesRights(out, e) {
			b.sessions.RightsChanged()
		}
		if e.Topic.Group == protocol.Policies {
			b.audit.PolicyChanged(who, e)
		}
		topic, by := b.topicOf(e), b.readerOf(out, i)
		b.sessions.PublishFunc(topic, func() *session.Message {
			if by == nil {
				return b.encode(topic, e)
			}
			return b.newEvent(topic, e, by)
		})
		after := out.ThingAfter(e)
		outs, filtered := publications.ForReaders(e, mapping.Thing{Value: after.Value, Metadata: after.Metadata, Created: after.Created}, readable(e, &after, by))
		if filtered > 0 {
			b.metrics.publicationsFiltered.Add(float64(filtered))
		}
		for i := range outs {
			b.publish(e, &outs[i], by, &after)
		}
	}
}

// publish sends what a publication made of an event, which by says who may read.
func (b *Broker) publish(e *protocol.Message, out *mapping.Out, by Reader, after *twin.Thing) {
	if out.Err != nil {
		b.publicationFailed(e, out)
		return
	}
	b.metrics.published.Inc()
	message := func() *session.Message {
		m := &session.Message{
			Topic: out.Topic, Payload: out.Payload, QoS: out.QoS, Retain: out.Retain,
			Props: session.Properties{ContentType: out.ContentType},
		}
		if by == nil || len(out.Subjects) == 0 {
			return m
		}
		var thing *jsondoc.Value
		if out.OfThing {
			thing = after.Value
		}
		return b.told(m, e, thing, out.Subjects, by)
	}
	switch {
	case out.To != "":
		b.sessions.PublishTo(out.To, message())
	case out.Retain:
		b.relay(message(), true)
	default:
		b.sessions.PublishFunc(out.Topic, message)
	}
}

// publicationFailed counts an event that a publication has no topic for, and
// says so in the log, for each publication as often as for one client.
func (b *Broker) publicationFailed(e *protocol.Message, out *mapping.Out) {
	b.metrics.publicationsFailed.Inc()
	if say, hidden := b.refusals.mayLog(fmt.Sprintf("publications[%d]", out.Publication), time.Now()); say {
		b.log.Warn("an event could not be published", "publication", out.Publication, "entity", e.Topic.EntityID(), "error", out.Err, "not_logged_before", hidden)
	}
}

// encode makes the message that an event is.
func (b *Broker) encode(topic string, e *protocol.Message) *session.Message {
	b.metrics.encodings.Inc()
	return &session.Message{Topic: topic, Payload: envelope(e), QoS: 2, Props: session.Properties{ContentType: dittoContent}}
}

// topicOf is the MQTT topic of a signal.
func (b *Broker) topicOf(m *protocol.Message) string {
	buf := make([]byte, 0, 96)
	buf = append(buf, b.cfg.Root...)
	buf = append(buf, '/')
	return string(m.Topic.AppendMQTT(buf))
}
