package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// envelope makes a change of a message that is a Ditto Protocol envelope. An
// error of the envelope itself is the protocol's own, not the mapping's.
func (r *rule) envelope(m *message) (*Change, *protocol.Error) {
	// The message holds on to its payload, which belongs to the caller.
	command, err := protocol.ParseMessage(append([]byte(nil), m.in.Payload...), nil, jsondoc.Limits{})
	change := &Change{Message: command, Rule: r.number, Ditto: true}
	if r.reply != nil {
		change.Reply = &Reply{rule: r, in: *m.in, caps: m.caps}
		change.Reply.in.Payload = nil // the caller's
	}
	if change.Reply != nil && command != nil {
		change.Reply.request = command.Topic
	}
	if err != nil {
		return change, protocol.AsError(err)
	}
	if r.when != nil {
		document, err := jsondoc.Parse(m.in.Payload, jsondoc.Limits{})
		if err != nil {
			return change, protocol.JSONInvalid(err) // cannot be: it was parsed
		}
		m.document, m.value = document, document
		if yes, err := r.applies(m); err != nil || !yes {
			if err != nil {
				return change, err
			}
			return nil, nil
		}
	}
	if err := r.enforce(m, command); err != nil {
		return change, err
	}
	for i := range r.headers {
		h := &r.headers[i]
		if _, isSet := command.Headers.Get(h.name); isSet {
			continue
		}
		if err := r.header(m, &command.Headers, h); err != nil {
			return change, err
		}
	}
	return change, nil
}

// enforce refuses an envelope for another Thing than the one that its topic is
// for (Ditto's source enforcement).
func (r *rule) enforce(m *message, command *protocol.Message) *protocol.Error {
	if len(r.thing.parts) == 0 {
		return nil
	}
	allowed, missing := r.thing.text(m)
	m.tracing.template("thing", r.config.Thing, allowed, missing, m)
	if missing != "" {
		return r.unfilled(m, "the thing's ID", missing)
	}
	t := &command.Topic
	// A name that is the placeholder addresses any Thing, or none: what is
	// searched for, or a list of them.
	if t.Group == protocol.Things && t.Name != protocol.Placeholder && t.EntityID() == allowed {
		return nil
	}
	addressed := t.EntityID()
	if t.Group != protocol.Things {
		addressed = t.Group.String() + " " + addressed
	}
	return &protocol.Error{
		Status: 400,
		Code:   "connectivity:connection.id.enforcement.failed",
		Message: fmt.Sprintf("A message on the topic %q may address the thing %s only, not %s: %s.",
			m.in.Topic, excerpt([]byte(allowed), 2*protocol.MaxIDLength), excerpt([]byte(addressed), 2*protocol.MaxIDLength), r.name()),
		Description: "Send it on the topic that belongs to that thing, or change the mapping's thing.",
	}
}

// Reply says which topic the responses to an envelope go to.
type Reply struct {
	rule    *rule
	in      Input
	caps    [maxCaptures]string
	request protocol.Topic
}

// Topic is the topic for a response: the rule's template, in which {{ topic:… }}
// and {{ header:… }} are the response's, and everything else is as in the
// message that is responded to. The error says why there is none.
func (p *Reply) Topic(response *protocol.Message) (string, error) {
	m := newMessage(&p.in)
	defer m.done()
	m.caps, m.reply, m.response = p.caps, p, response
	m.thing = protocol.ThingID{Namespace: response.Topic.Namespace, Name: response.Topic.Name}
	text, missing := p.rule.reply.text(m)
	switch {
	case m.fault != "":
		return "", errors.New(m.fault)
	case missing != "":
		return "", fmt.Errorf("its topic needs {{ %s }}, which this response does not have", missing)
	}
	if err := checkTopicText(text); err != nil {
		return "", fmt.Errorf("its topic would be %q: it %w", text, err)
	}
	return strings.Clone(text), nil
}

// topicParts are Ditto's placeholders of a Ditto Protocol topic.
var topicParts = []string{"full", "namespace", "entityName", "group", "channel", "criterion", "action", "subject", "action-subject"}

// responsePlaceholder finds the placeholders of a response: its topic and its
// headers. ok is false when it is none of them.
func responsePlaceholder(prefix, name string) (p part, ok bool, err error) {
	switch prefix {
	case "topic":
		if !slices.Contains(topicParts, name) {
			return part{}, false, fmt.Errorf("topic: has %s", strings.Join(topicParts, ", "))
		}
		return part{source: fromResponseTopic, name: name}, true, nil
	case "header":
		return part{source: fromResponseHeader, name: name}, true, nil
	}
	return part{}, false, nil
}

// appendResponseTopic appends a part of the response's topic; false when it
// has none. The topic of an error has no action: there it is the request's.
func (p *Reply) appendResponseTopic(dst []byte, t *protocol.Topic, name string) ([]byte, bool) {
	last := t
	if t.Criterion == protocol.Errors {
		last = &p.request
	}
	text := topicPart(t, last, name)
	return append(dst, text...), text != ""
}

// topicPart is a part of a topic, "" when it has none; its action is that of
// last.
func topicPart(t, last *protocol.Topic, name string) string {
	isSubject := last.Criterion == protocol.Messages || last.Criterion == protocol.Acks
	switch name {
	case "full":
		return t.String()
	case "namespace":
		return t.Namespace
	case "entityName":
		return t.Name
	case "group":
		return t.Group.String()
	case "channel":
		return t.Channel.String()
	case "criterion":
		return t.Criterion.String()
	case "action":
		if !isSubject {
			return last.Action
		}
	case "subject":
		if isSubject {
			return last.Action
		}
	case "action-subject":
		return last.Action
	}
	return ""
}
