package broker

import (
	"sync"
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
	all := &gathering{left: len(changes)}
	for i := range changes {
		cmd := &twin.Command{Message: changes[i].Message, Sender: sender(in.peer), MustExist: changes[i].Create == nil}
		if changes[i].Create != nil {
			cmd.Create = &twin.Create{Policy: *changes[i].Create}
		}
		if i == len(changes)-1 { // the publish counts as received when its last change is stored
			cmd.Receipt = receiptOf(in)
		}
		b.twin.Handle(cmd, func(out *twin.Outcome) {
			b.tell(out.Events)
			if !all.add(out.Err) {
				return
			}
			if all.err != nil {
				b.refuseMapped(in, all.err, relay)
				return
			}
			b.ackMapped(in, relay)
		})
	}
}

// gathering waits for the outcomes of all changes of one message.
type gathering struct {
	mu   sync.Mutex
	left int
	err  *protocol.Error // the first
}

// add notes an outcome and says whether it was the last.
func (g *gathering) add(err *protocol.Error) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = err
	}
	g.left--
	return g.left == 0
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
