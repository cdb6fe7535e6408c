package broker

import (
	"strings"
	"unicode/utf8"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/broker/topics"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// command takes a Ditto Protocol message, from its own topic below the root or
// as a whole envelope from the root itself.
func (b *Broker) command(in *inbound) {
	m := in.message
	if err := TooLarge(m, b.cfg.Limits.Message); err != nil {
		b.refuseCommand(in, err, nil)
		return
	}
	b.metrics.commands.Inc()
	var outer *protocol.Topic
	if len(m.Topic) > len(b.cfg.Root) {
		t, err := b.dittoTopic(m.Topic)
		if err != nil {
			msg, _ := protocol.ParseMessage(m.Payload, nil, jsondoc.Limits{}) // for the headers
			if msg != nil {
				msg.Topic = t
			}
			b.refuseCommand(in, err, msg)
			return
		}
		outer = &t
	}
	msg, err := protocol.ParseMessage(m.Payload, outer, jsondoc.Limits{})
	if err != nil {
		b.refuseCommand(in, asError(err), msg)
		return
	}
	if outer == nil {
		if err := forged(msg.Topic); err != nil {
			b.refuseCommand(in, err, msg)
			return
		}
	}
	addProperties(msg, m)
	reply, refused := b.replyTo(in, msg)
	if refused != nil {
		b.refuse(in, refused, msg)
		return
	}
	cmd := &twin.Command{Message: msg, Sender: sender(in.peer), Receipt: receiptOf(in)}
	b.twin.Handle(cmd, func(out *twin.Outcome) { b.outcome(in, msg, reply, out) })
}

// refuseCommand is refuse for what was sent as a command: as far as it was
// understood, the error finds its way back as the response would have.
func (b *Broker) refuseCommand(in *inbound, err *protocol.Error, cmd *protocol.Message) {
	if cmd == nil {
		cmd = &protocol.Message{}
	}
	addProperties(cmd, in.message)
	reply, unusable := b.replyTo(in, cmd)
	if unusable != nil {
		reply = ownReply(in, reply.correlation)
	}
	b.refuseWith(in, err, cmd, reply, nil)
}

// addProperties makes headers of MQTT 5 properties where the envelope does not
// set them.
func addProperties(msg *protocol.Message, m *session.Message) {
	p := &m.Props
	if len(p.Correlation) > 0 && msg.Headers.CorrelationID() == "" && utf8.Valid(p.Correlation) {
		msg.Headers.SetString("correlation-id", string(p.Correlation))
	}
	// That the packet holds JSON, or an envelope, says nothing of the value in it.
	describesValue := p.ContentType != "" && p.ContentType != protocol.ContentTypeJSON && p.ContentType != protocol.ContentTypeDitto
	if describesValue && msg.Headers.ContentType() == "" {
		msg.Headers.SetString("content-type", p.ContentType)
	}
	if len(p.User) == 0 {
		return
	}
	msg.Headers.AddMissing(len(p.User), func(yield func(string, string) bool) {
		for _, u := range p.User {
			if u.Key != "" && !yield(u.Key, u.Val) {
				return
			}
		}
	})
}

// destination is where the responses to a command go.
type destination struct {
	topic       string // an ordinary topic, or one of the client's own reply topics
	own         bool   // only the client's own session gets it
	correlation []byte // MQTT 5 Correlation Data, returned as it came
}

// replyTo finds where responses go: to the MQTT 5 Response Topic, else to the
// envelope's reply-to header, else to the client's own reply topic. One that
// would let a client act through its responses is refused.
func (b *Broker) replyTo(in *inbound, msg *protocol.Message) (destination, *protocol.Error) {
	d := destination{correlation: in.message.Props.Correlation}
	topic, what := in.message.Props.ResponseTopic, "response topic"
	if topic == "" {
		topic, what = msg.Headers.ReplyTo(), "header reply-to"
	}
	switch {
	case topic == "":
		return ownReply(in, d.correlation), nil
	case topics.ValidName(topic) != nil:
		return d, badReply(what, topic, topics.ValidName(topic).Error())
	case topics.Within(topic, b.replies):
		d.topic, d.own = topic, true
		return d, nil
	case topic[0] == '$', topics.Within(topic, b.cfg.Root), topics.Within(topic, b.cfg.State):
		return d, badReply(what, topic, "it lies in a tree that is the broker's own")
	case b.live.Load().Rules.Matches(topic):
		return d, badReply(what, topic, "a mapping takes in what is published there")
	}
	if err := b.granted(in.peer, topic); err != nil {
		return d, err
	}
	d.topic = topic
	return d, nil
}

// ownReply is the client's own reply topic.
func ownReply(in *inbound, correlation []byte) destination {
	return destination{topic: in.ownReply, own: true, correlation: correlation}
}

// replyTopic is a client's own reply topic: its identifier is one level,
// percent-encoded, the slash too.
func (b *Broker) replyTopic(client string) string {
	return b.replies + "/" + strings.ReplaceAll(protocol.EscapeName(client), "/", "%2F")
}

// sender is the peer as the twin knows it.
func sender(p *session.Peer) twin.Sender {
	s := twin.Sender{Client: p.ClientID, Subjects: p.Subjects, Admin: p.Admin}
	if len(p.Integration) > 0 {
		s.Token = &twin.Token{Subjects: p.Integration, Expires: p.Expires}
	}
	return s
}

// receiptOf is what the journal keeps of a QoS 2 publish.
func receiptOf(in *inbound) *store.Receipt {
	if in.slot == nil {
		return nil
	}
	client, epoch, id, ok := in.slot.Receipt()
	if !ok {
		return nil
	}
	return &store.Receipt{Client: client, Epoch: epoch, PacketID: id}
}
