package broker

import (
	"time"

	"github.com/twinbroker/twinbroker/mapping"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// mapped makes twin changes of a message that mappings take in. It is relayed
// when its changes are stored, in the order in which its client sent it.
func (b *Broker) mapped(in *inbound) {
	m := in.message
	if len(m.Payload) > b.cfg.Limits.Message {
		b.refuse(in, tooLarge(len(m.Payload), b.cfg.Limits.Message), nil)
		return
	}
	b.metrics.mapped.Inc()
	rules := b.live.Load().Rules
	relay := rules.Relay(m.Topic)
	changes, _, err := rules.Map(&mapping.Input{
		Topic: m.Topic, Payload: m.Payload,
		Client: in.peer.ClientID, Username: in.peer.Username, Now: time.Now(),
	})
	if err != nil {
		b.refuseMapped(in, err, relay)
		return
	}
	if len(changes) == 0 {
		b.metrics.mappedToNothing.Inc()
		b.ackMapped(in, relay)
		return
	}
	cmds := make([]*twin.Command, len(changes))
	for i := range changes {
		cmds[i] = &twin.Command{Message: changes[i].Message, Sender: sender(in.peer), MustExist: changes[i].Create == nil}
		if changes[i].Create != nil {
			cmds[i].Create = &twin.Create{Policy: *changes[i].Create}
		}
	}
	cmds[len(cmds)-1].Receipt = receiptOf(in)
	b.twin.HandleTogether(cmds, func(out *twin.Outcome) {
		if out.Unknown {
			in.abandon()
			return
		}
		b.tell(out.Events)
		if out.Err != nil {
			b.refuseMapped(in, out.Err, relay)
			return
		}
		b.ackMapped(in, relay)
	})
}

func (b *Broker) ackMapped(in *inbound, relay mapping.Relay) {
	if relay == mapping.RelayNever {
		in.ack(nil)
		return
	}
	in.ack(func() { b.relay(in.message, in.retain) })
}

func (b *Broker) refuseMapped(in *inbound, err *protocol.Error, relay mapping.Relay) {
	if relay == mapping.RelayAlways {
		b.relay(in.message, in.retain)
	}
	b.refuse(in, err, nil)
}
