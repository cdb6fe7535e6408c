package broker

import (
	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/broker/topics"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// route sends a publish the way of its topic. Whatever way that is, the publish
// is completed once: acknowledged or refused.
func (b *Broker) route(in *inbound) {
	topic := in.message.Topic
	if err := b.reserved(topic); err != nil {
		b.refuse(in, err, nil)
		return
	}
	if err := b.granted(in.peer, topic); err != nil {
		b.refuse(in, err, nil)
		return
	}
	switch {
	case topics.Within(topic, b.cfg.Root):
		b.command(in)
	case b.live.Load().Rules.Matches(topic):
		b.mapped(in)
	default:
		b.plain(in)
	}
}

// reserved says that nobody publishes to a topic but the broker.
func (b *Broker) reserved(topic string) *protocol.Error {
	switch {
	case topic[0] == '$' && !isBridgeState(topic):
		return forbidden("topics that begin with $ are the broker's own", topic, "Choose a topic that does not begin with $.")
	case topics.Within(topic, b.replies):
		return forbidden("reply topics are for what the broker answers", topic, "Choose a topic outside '"+b.replies+"'.")
	case topics.Within(topic, b.cfg.State):
		return protocol.SignalUnsupported("Publishing to the state tree (topic '" + topic + "')")
	}
	return nil
}

// isBridgeState says whether a bridge of mosquitto tells by the topic whether it
// is connected: it publishes there, and has a will there, unless it was told not
// to. mosquitto itself lets bridges do so, and nothing else below $SYS.
func isBridgeState(topic string) bool {
	return topics.Match("$SYS/broker/connection/+/state", topic)
}

// dittoTopic reads the Ditto Protocol topic that a topic below the root is. It
// is the one place that keeps clients from sending what is not theirs to send.
func (b *Broker) dittoTopic(topic string) (protocol.Topic, *protocol.Error) {
	t, err := protocol.ParseMQTTTopic(topic[len(b.cfg.Root)+1:])
	if err != nil {
		return t, asError(err)
	}
	return t, forged(t)
}

// forged refuses a message whose topic only the broker may use.
func forged(t protocol.Topic) *protocol.Error {
	if clientsMay(t) {
		return nil
	}
	return forbidden("twin events, announcements and responses are the broker's to send", t.String(),
		"Clients send commands, messages, acknowledgements, search and streaming, and on the live channel events and errors too.")
}

// mayPublish says whether a will could be sent when it is due.
func (b *Broker) mayPublish(p *session.Peer, topic string) *protocol.Error {
	if err := b.reserved(topic); err != nil {
		return err
	}
	if err := b.granted(p, topic); err != nil {
		return err
	}
	if topics.Within(topic, b.cfg.Root) && len(topic) > len(b.cfg.Root) {
		_, err := b.dittoTopic(topic)
		return err
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
