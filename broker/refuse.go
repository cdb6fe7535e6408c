package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// refusedTopic is where operators see what was refused.
const refusedTopic = "$SYS/twinbroker/refused"

// refuse ends a publish that is not applied. cmd is what is known of the
// command, or nil.
func (b *Broker) refuse(in *inbound, err *protocol.Error, cmd *protocol.Message) {
	b.refuseWith(in, err, cmd, ownReply(in, in.message.Props.Correlation), nil)
}

// refuseWith is refuse with the destination that the command asked for, and the
// error's envelope if there is one already. It is the one place that every
// refusal passes: counted, logged, published for operators, told to the client.
func (b *Broker) refuseWith(in *inbound, err *protocol.Error, cmd *protocol.Message, reply destination, envelope *protocol.Message) {
	b.metrics.refused.WithLabelValues(err.Code).Inc()
	if err.By != "" {
		b.metrics.mappedRefused.WithLabelValues(err.By, err.Code).Inc()
	}
	if err.Status >= 500 && b.store.Trouble() == nil {
		b.faults.note(time.Now(), reasonText(err))
	}
	b.publishRefusal(in, err)
	if err.Status == 401 || err.Status == 403 {
		b.audit.Refused(in.peer, "publish", refusedAt(in, cmd), err.Code)
	}
	if say, hidden := b.refusals.mayLog(in.peer.ClientID, time.Now()); say {
		log := b.log
		if err.By != "" {
			log = log.With("rule", err.By)
		}
		log.Warn("message refused", "client", in.peer.ClientID, "topic", in.message.Topic,
			"status", err.Status, "error", err.Code, "message", err.Message, "description", err.Description, "not_logged_before", hidden)
	}
	if envelope == nil {
		envelope = err.Response(cmd)
	}
	if cmd != nil && !cmd.Headers.ResponseRequired() {
		reply = ownReply(in, reply.correlation) // nobody waits at the other topic
	}
	b.respond(in, reply, envelope)
	in.refuse(reasonCode(err.Status), reasonText(err), err.Status >= 500)
}

// refusedAt is what was asked for, as far as it is known.
func refusedAt(in *inbound, cmd *protocol.Message) string {
	if cmd == nil || cmd.Topic.Name == "" {
		return in.message.Topic
	}
	return cmd.Topic.String() + " " + cmd.Path.String()
}

func (b *Broker) publishRefusal(in *inbound, err *protocol.Error) {
	told := map[string]any{
		"topic": in.message.Topic, "status": err.Status, "error": err.Code, "message": err.Message, "description": err.Description,
	}
	if err.By != "" {
		told["rule"] = err.By
	}
	b.tellRefused(in.peer, told)
}

// tellRefused publishes for operators what was refused.
func (b *Broker) tellRefused(p *session.Peer, told map[string]any) {
	b.sessions.PublishFunc(refusedTopic, func() *session.Message {
		told["time"] = time.Now().UTC().Format(time.RFC3339Nano)
		if p.ClientID != "" { // a handshake that failed has none
			told["client"] = p.ClientID
		}
		if p.Identity != "" && p.Identity != session.Anonymous {
			told["identity"] = p.Identity
		}
		payload, _ := json.Marshal(told) // texts and numbers: cannot fail
		return &session.Message{Topic: refusedTopic, Payload: payload, QoS: 0, Props: session.Properties{ContentType: "application/json"}}
	})
}

// reasonCode is the MQTT 5 reason code for a status.
func reasonCode(status int) byte {
	switch status {
	case 400:
		return 0x99 // payload format invalid
	case 401, 403:
		return 0x87 // not authorized
	case 413, 429:
		return 0x97 // quota exceeded
	}
	return 0x83 // implementation specific error
}

func reasonText(err *protocol.Error) string {
	text := err.Code + ": " + err.Message
	if err.Description != "" {
		text += " " + err.Description
	}
	return text
}

// refusals limits how often a client's refusals are logged: ten in a row, then
// one in ten seconds.
type refusals struct {
	mu      sync.Mutex
	clients map[string]*logBudget
}

type logBudget struct {
	left   int
	filled time.Time
	hidden int
}

const (
	logBurst    = 10
	logInterval = 10 * time.Second
	logClients  = 10_000 // clients remembered; beyond, the memory starts anew
)

// mayLog says whether to log this one, and how many were not since the last.
func (r *refusals) mayLog(client string, now time.Time) (say bool, hidden int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.clients == nil || len(r.clients) > logClients {
		r.clients = map[string]*logBudget{}
	}
	l := r.clients[client]
	if l == nil {
		l = &logBudget{left: logBurst, filled: now}
		r.clients[client] = l
	}
	if n := int(now.Sub(l.filled) / logInterval); n > 0 {
		l.left = min(logBurst, l.left+n)
		l.filled = l.filled.Add(time.Duration(n) * logInterval)
	}
	if l.left == 0 {
		l.hidden++
		return false, 0
	}
	l.left--
	hidden, l.hidden = l.hidden, 0
	return true, hidden
}

// asError is a parser's error as the protocol error that it is.
func asError(err error) *protocol.Error {
	var e *protocol.Error
	if errors.As(err, &e) {
		return e
	}
	return &protocol.Error{Status: 500, Code: "internalerror", Message: err.Error()}
}

// forbidden: what is published to the topic is the broker's own; instead says
// what a client can do.
func forbidden(why, topic, instead string) *protocol.Error {
	return &protocol.Error{
		Status: 403, Code: "messages:publish.notallowed",
		Message:     fmt.Sprintf("Nothing may be published to the topic %q: %s.", topic, why),
		Description: instead,
	}
}

// badReply: a topic that responses cannot go to.
func badReply(what, topic, why string) *protocol.Error {
	return &protocol.Error{
		Status: 400, Code: "messages:replyto.invalid",
		Message:     fmt.Sprintf("The %s %q cannot be answered to: %s.", what, topic, why),
		Description: "Name another topic, or none: then responses go to the client's own reply topic.",
	}
}

// TooLarge refuses a message that is to change a twin and has more bytes than
// the limit: in its payload, and in its user properties, which become headers.
func TooLarge(m *session.Message, limit int) *protocol.Error {
	size := len(m.Payload)
	for i := range m.Props.User {
		size += len(m.Props.User[i].Key) + len(m.Props.User[i].Val)
	}
	if size <= limit {
		return nil
	}
	return &protocol.Error{
		Status: 413, Code: "messages:toolarge",
		Message:     fmt.Sprintf("The message has %d bytes, more than the %d that a message which changes a twin may have.", size, limit),
		Description: "The limit is limits.message_size in the broker's configuration; user properties count.",
	}
}
