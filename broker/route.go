package broker

import (
	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/broker/topics"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// route sends a publish the way of its topic. Whatever way that is, the publish
// is completed once: acknowledged or refused.
func (b *Broker) route(in *inbound) {
	if err := b.mayPublish(in.message); err != nil {
		b.refuse(in, err, nil)
		return
	}
	topic := in.message.Topic
	switch {
	case topics.Within(topic, b.cfg.Root):
		b.command(in)
	case b.cfg.Rules.Matches(topic):
		b.mapped(in)
	default:
		b.plain(in)
	}
}

// mayPublish is the one place that says whether a client may publish there at
// all; publishes and wills are asked alike.
func (b *Broker) mayPublish(m *session.Message) *protocol.Error {
	topic := m.Topic
	switch {
	case topic[0] == '$':
		return forbidden("topics that begin with $ are the broker's own", topic)
	case topics.Within(topic, b.replies):
		return forbidden("reply topics are for what the broker answers", topic)
	case topics.Within(topic, b.cfg.State):
		return notYet("publishing to the state tree", topic)
	case topics.Within(topic, b.cfg.Root) && len(topic) > len(b.cfg.Root):
		// A topic that is no Ditto Protocol topic is told so when it is parsed.
		t, err := protocol.ParseMQTTTopic(topic[len(b.cfg.Root)+1:])
		if err == nil && !clientsMay(t) {
			return forbidden("twin events, announcements and responses are the broker's to send", topic)
		}
	}
	return nil
}

// clientsMay says what kinds of Ditto Protocol messages clients send
// (protocol-specification-topic).
func clientsMay(t protocol.Topic) bool {
	switch t.Criterion {
	case protocol.Commands, protocol.Messages, protocol.Acks, protocol.Search, protocol.Streaming:
		return true
	case protocol.Events, protocol.Errors:
		return t.Channel == protocol.Live
	}
	return false
}
