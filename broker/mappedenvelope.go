package broker

import (
	"fmt"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/broker/topics"
	"github.com/twinbroker/twinbroker/mapping"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// admitEnvelopes checks the envelopes among the changes as those in the Ditto
// tree are: clients send what clients may, and say where responses can go.
func (b *Broker) admitEnvelopes(in *inbound, changes []mapping.Change) *protocol.Error {
	if err := AdmitEnvelopes(in.message, changes); err != nil {
		return err
	}
	for i := range changes {
		if change := &changes[i]; change.Ditto && change.Reply == nil {
			if _, err := b.replyTo(in, change.Message); err != nil {
				return err
			}
		}
	}
	return nil
}

// AdmitEnvelopes checks the envelopes that mappings made of a message: clients
// send what clients may, and what several mappings make of one message must be
// such that it can be applied together. It adds the message's properties to
// their headers.
func AdmitEnvelopes(m *session.Message, changes []mapping.Change) *protocol.Error {
	for i := range changes {
		change := &changes[i]
		if !change.Ditto {
			continue
		}
		t := change.Message.Topic
		if err := forged(t); err != nil {
			return err
		}
		if len(changes) > 1 && !changesThing(&t) {
			return &protocol.Error{
				Status: 400, Code: "connectivity:message.mapping.failed",
				Message:     fmt.Sprintf("Several mappings take in the topic %q, and with others only an envelope can be applied that changes a thing, not '%s'.", m.Topic, t),
				Description: "Send it on a topic that one mapping alone takes in.",
			}
		}
		addProperties(change.Message, m)
	}
	return nil
}

// changesThing says whether a command is one of those that are applied together.
func changesThing(t *protocol.Topic) bool {
	if t.Group != protocol.Things || t.Channel != protocol.Twin || t.Criterion != protocol.Commands {
		return false
	}
	switch t.Action {
	case protocol.ActionCreate, protocol.ActionModify, protocol.ActionMerge, protocol.ActionDelete:
		return true
	}
	return false
}

// respondMapped sends the responses to envelopes. Alone, an envelope may have
// many; of those that are applied together each has one, in their order.
func (b *Broker) respondMapped(in *inbound, changes []mapping.Change, out *twin.Outcome) {
	responses := out.More
	if out.Response != nil {
		responses = append([]*protocol.Message{out.Response}, responses...)
	}
	for i := range changes {
		change := &changes[i]
		if !change.Ditto || len(responses) == 0 || len(changes) > 1 && !change.Message.Headers.ResponseRequired() {
			continue
		}
		these := responses
		if len(changes) > 1 {
			these = responses[:1]
		}
		for _, response := range these {
			b.respond(in, b.replyToMapped(in, change, response), response)
		}
		responses = responses[len(these):]
	}
}

// replyToMapped is where the response to an envelope goes: to the topic that
// its mapping says, in the requester's session alone; without one, where those
// to commands in the Ditto tree go. What cannot go there goes to the client's
// own reply topic.
func (b *Broker) replyToMapped(in *inbound, change *mapping.Change, response *protocol.Message) destination {
	own := ownReply(in, in.message.Props.Correlation)
	if change.Reply == nil {
		to, refused := b.replyTo(in, change.Message)
		if refused != nil {
			return own
		}
		return to
	}
	topic, err := change.Reply.Topic(response)
	if err == nil {
		err = b.mayReply(topic)
	}
	if err != nil {
		b.log.Warn("a response cannot go to the topic that its mapping says", "client", in.peer.ClientID,
			"mapping", change.Rule, "response", response.Topic.String(), "error", err)
		return own
	}
	return destination{topic: topic, own: true, correlation: own.correlation}
}

// mayReply says why a mapping's responses cannot go to a topic.
func (b *Broker) mayReply(topic string) error {
	if err := topics.ValidName(topic); err != nil {
		return err
	}
	if topic[0] == '$' || topics.Within(topic, b.cfg.Root) || topics.Within(topic, b.cfg.State) {
		return fmt.Errorf("topic %q: it lies in a tree that is the broker's own", topic)
	}
	return nil
}
