package broker

import (
	"slices"
	"time"

	"github.com/twinbroker/twinbroker/mapping"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// mapped makes twin changes of a message that mappings take in. It is relayed
// when its changes are stored, in the order in which its client sent it.
func (b *Broker) mapped(in *inbound) {
	m := in.message
	rules := b.live.Load().Rules
	relay := rules.Relay(m.Topic)
	if err := TooLarge(m, b.cfg.Limits.Message); err != nil {
		if names := rules.Names(m.Topic); len(names) > 0 {
			err.By = names[0]
		}
		b.refuseMapped(in, err, relay, nil)
		return
	}
	b.metrics.mapped.Inc()
	changes, _, err := rules.Map(input(in, time.Now()))
	if err == nil {
		err = b.admitEnvelopes(in, changes)
		if err != nil {
			err = byRule(rules, changes, err, slices.IndexFunc(changes, func(c mapping.Change) bool { return c.Ditto }))
		}
	}
	if err != nil {
		b.refuseMapped(in, err, relay, changes)
		return
	}
	if len(changes) == 0 {
		b.metrics.mappedToNothing.Inc()
		b.ackMapped(in, relay)
		return
	}
	cmds := make([]*twin.Command, len(changes))
	for i := range changes {
		cmds[i] = &twin.Command{Message: changes[i].Message, Sender: sender(in.peer)}
		if changes[i].Ditto {
			continue
		}
		cmds[i].MustExist = changes[i].Create == nil
		if create := changes[i].Create; create != nil {
			cmds[i].Create = &twin.Create{Policy: create.Policy, Initial: create.Initial}
		}
	}
	cmds[len(cmds)-1].Receipt = receiptOf(in)
	done := func(out *twin.Outcome) {
		if out.Unknown {
			in.abandon()
			return
		}
		if out.Overruled {
			b.audit.Overruled(in.peer, "mapped message", m.Topic)
		}
		b.tell(in.peer, out)
		if out.Err != nil {
			b.refuseMapped(in, byRule(rules, changes, out.Err, slices.Index(cmds, out.Refused)), relay, changes)
			return
		}
		b.respondMapped(in, changes, out)
		b.ackMapped(in, relay)
	}
	if len(cmds) == 1 {
		b.twin.Handle(cmds[0], done)
		return
	}
	b.twin.HandleTogether(cmds, done)
}

// input is a publish as mappings see it.
func input(in *inbound, now time.Time) *mapping.Input {
	m := in.message
	i := &mapping.Input{
		Topic: m.Topic, Payload: m.Payload,
		Client: in.peer.ClientID, Username: in.peer.Username, Now: now,
		QoS: m.QoS, Retain: in.retain,
	}
	p := &m.Props
	if p.ContentType == "" && p.ResponseTopic == "" && len(p.Correlation) == 0 && len(p.User) == 0 && m.Expires.IsZero() {
		return i
	}
	i.Properties = &mapping.Properties{ContentType: p.ContentType, ResponseTopic: p.ResponseTopic, Correlation: p.Correlation}
	if !m.Expires.IsZero() {
		i.Properties.Expiry = max(m.Expires.Sub(now).Round(time.Second), time.Second)
	}
	for _, u := range p.User {
		i.Properties.User = append(i.Properties.User, mapping.UserProperty{Name: u.Key, Value: u.Val})
	}
	return i
}

// byRule is the error of changes that were not made, with the rule that the
// refused one came of; -1 for none of them.
func byRule(rules *mapping.Rules, changes []mapping.Change, err *protocol.Error, refused int) *protocol.Error {
	if refused < 0 {
		return err
	}
	return rules.Refused(err, &changes[refused])
}

func (b *Broker) ackMapped(in *inbound, relay mapping.Relay) {
	if relay == mapping.RelayNever {
		in.ack(nil)
		return
	}
	in.ack(func() { b.relay(in.message, in.retain) })
}

// refuseMapped refuses a message that mappings took in. The error finds its way
// back as the response to an envelope would have, if there is one.
func (b *Broker) refuseMapped(in *inbound, err *protocol.Error, relay mapping.Relay, changes []mapping.Change) {
	if relay == mapping.RelayAlways {
		in.anyway = func() { b.relay(in.message, in.retain) }
	}
	for i := range changes {
		if change := &changes[i]; change.Ditto {
			addProperties(change.Message, in.message)
			envelope := err.Response(change.Message)
			b.refuseWith(in, err, change.Message, b.replyToMapped(in, change, envelope), envelope)
			return
		}
	}
	b.refuse(in, err, nil)
}
