package broker

import (
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/twinbroker/twinbroker/broker/session"
)

// inbound is a publish on its way in: a client's, or its will.
type inbound struct {
	peer     *session.Peer
	session  *session.Session // nil for a will
	slot     *session.Slot    // nil for a will
	message  *session.Message
	retain   bool
	ownReply string // the client's own reply topic
	anyway   func() // what is done with the message also when it is refused, in the order of the client's publishes; or nil
}

// ack completes the publish; then runs first, in the order of the client's
// publishes.
func (in *inbound) ack(then func()) {
	switch {
	case in.slot != nil:
		in.slot.Ack(then)
	case then != nil:
		then()
	}
}

// refuse completes the publish with a reason code and text; fault says that it
// is not the message's own.
func (in *inbound) refuse(code byte, reason string, fault bool) {
	switch {
	case in.slot != nil:
		in.slot.Refuse(code, reason, fault, in.anyway)
	case in.anyway != nil:
		in.anyway()
	}
}

// abandon ends a publish of which nobody can say whether it is stored: the
// client is told nothing and disconnected, and sends it again when it comes back.
func (in *inbound) abandon() {
	if in.slot != nil {
		in.slot.Abandon()
	}
}

// receive takes a PUBLISH packet. A code says why the client is to be
// disconnected (MQTT 5.0 section 4.13); what is wrong with the message itself is
// refused on its way.
func (b *Broker) receive(conn *connection, pk *packets.Packet) *packets.Code {
	if code := pk.PublishValidate(topicAliasMaximum); code != packets.CodeSuccess {
		return &code
	}
	if pk.Properties.TopicAliasFlag {
		pk.TopicName = conn.client.State.TopicAliases.Inbound.Set(pk.Properties.TopicAlias, pk.TopicName)
		if pk.TopicName == "" {
			return &packets.ErrTopicAliasInvalid // never given a meaning
		}
	}
	if b.stopped.Load() {
		return nil // unacknowledged; the client is told when what it sent before is acknowledged
	}
	b.metrics.received[pk.FixedHeader.Qos].Inc()
	conn.session.Handling()
	defer conn.session.Handled()
	slot, verdict := conn.session.Accept(pk.PacketID, pk.FixedHeader.Qos, pk.FixedHeader.Dup)
	switch verdict {
	case session.Exceeded:
		return &packets.ErrReceiveMaximum
	case session.Repeated:
		b.metrics.repeated.Inc()
		return nil
	case session.Closed:
		return nil
	}
	m := message(pk.TopicName, pk.Payload, pk.FixedHeader.Qos, pk.FixedHeader.Retain, &pk.Properties)
	m.From = conn.peer.ClientID
	b.route(&inbound{
		peer: conn.session.Peer(), session: conn.session.Session(), slot: slot,
		message: m, retain: pk.FixedHeader.Retain, ownReply: conn.ownReply,
	})
	return nil
}

// message makes an application message of a publish or a will.
func message(topic string, payload []byte, qos byte, retain bool, p *packets.Properties) *session.Message {
	m := &session.Message{Topic: topic, Payload: payload, QoS: qos, Retain: retain}
	m.Props = session.Properties{
		UTF8:          p.PayloadFormatFlag && p.PayloadFormat == 1,
		ContentType:   p.ContentType,
		ResponseTopic: p.ResponseTopic,
		Correlation:   p.CorrelationData,
		User:          p.User,
	}
	if p.MessageExpiryInterval > 0 {
		m.Expires = time.Now().Add(time.Duration(p.MessageExpiryInterval) * time.Second)
	}
	return m
}
