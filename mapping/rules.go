package mapping

import (
	"errors"
	"fmt"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Relay says whether a message that rules took in also reaches those who
// subscribe to its topic.
type Relay uint8

// The answers of a rule's "relay".
const (
	RelayStored Relay = iota // after its changes are stored, and only then
	RelayAlways              // also when it was refused
	RelayNever               // not at all
)

// Input is an MQTT message that a client published.
type Input struct {
	Topic    string
	Payload  []byte // not kept
	Client   string // its client ID
	Username string // "" for a client without
	Now      time.Time
	QoS      byte
	Retain   bool
	// Properties are those of MQTT 5; nil for a message without any.
	Properties *Properties
}

// Change is what one rule made of a message.
type Change struct {
	Message *protocol.Message // a merge at the root of one Thing, which asks for no response
	Create  *string           // nil: the Thing must exist; else the ID of the Policy it may be created with, "" for its own
	Rule    int               // index of the rule
	Relay   Relay             // what Rules.Relay says for the topic
}

// Rules is the compiled list of mappings. It is immutable and may be used by
// many goroutines.
type Rules struct {
	rules []rule
	index index
}

// format is what a rule takes a payload for.
type format uint8

const (
	formatJSON format = iota
	formatText
	formatNumber
)

// rule is one compiled mapping.
type rule struct {
	number     int
	topic      string // the pattern as configured, for error messages
	pattern    pattern
	format     format
	thing      template
	create     *template
	policy     string // what create gives when it is the same for all
	lines      []line
	set        node // the lines as a tree
	clashes    bool // lines may turn out to lead to the same place
	keepsNulls bool // a null in the payload deletes; else it is skipped
	relay      Relay
}

// Matches says whether any rule takes in messages of the topic.
func (r *Rules) Matches(topic string) bool {
	var room [8]int32
	return len(r.index.find(topic, room[:0])) > 0
}

// Relay says what becomes of a message of the topic besides its changes. With
// several rules, one that says never outweighs one that says always, and that
// the default.
func (r *Rules) Relay(topic string) Relay {
	var room [8]int32
	return r.relay(r.index.find(topic, room[:0]))
}

func (r *Rules) relay(hits []int32) Relay {
	relay := RelayStored
	for _, hit := range hits {
		relay = max(relay, r.rules[hit].relay) // the constants are in the order of their weight
	}
	return relay
}

// Map gives the changes that the message asks for. Every rule whose pattern
// fits the topic applies, in the order of the configuration, and each gives
// one change, or none when nothing that it points to is in the payload.
// matched without changes and without an error is a message that had nothing
// to say. An error is what the first rule that cannot make sense of the
// message says; then there are no changes at all, as nothing of a refused
// message is applied.
//
// The error has Ditto's code for a payload that cannot be mapped
// (connectivity:message.mapping.failed), or for an ID that is none
// (things:id.invalid), and names the rule.
func (r *Rules) Map(in *Input) (changes []Change, matched bool, err *protocol.Error) {
	var room [8]int32
	hits := r.index.find(in.Topic, room[:0])
	if len(hits) == 0 {
		return nil, false, nil
	}
	relay := r.relay(hits)
	m := newMessage(in)
	defer m.done()
	for _, hit := range hits {
		made, err := r.rules[hit].apply(m)
		if err != nil {
			return nil, true, err
		}
		if made == nil {
			continue
		}
		made.change[0].Relay = relay
		if changes == nil {
			changes = made.change[:]
		} else {
			changes = append(changes, made.change[0])
		}
	}
	return changes, true, nil
}

// applied is a change with all that it points to, allocated at once.
type applied struct {
	change  [1]Change
	message protocol.Message
	policy  string
}

// apply gives the rule's change, nil when there is nothing to do.
func (r *rule) apply(m *message) (*applied, *protocol.Error) {
	if !r.pattern.matchTopic(m.in.Topic, m.caps[:]) {
		return nil, nil // cannot be: the index found it by the same levels
	}
	value, err := r.value(m)
	if err != nil {
		return nil, err
	}
	id, err := r.thingID(m)
	if err != nil {
		return nil, err
	}
	m.thing = id
	patch, err := r.patch(m, value)
	if err == nil && m.fault != "" {
		err = r.refuse("%s", m.fault)
	}
	if patch == nil || err != nil {
		return nil, err
	}
	made := &applied{}
	made.message.Topic = protocol.Topic{
		Namespace: id.Namespace, Name: id.Name,
		Group: protocol.Things, Channel: protocol.Twin, Criterion: protocol.Commands,
		Action: protocol.ActionMerge,
	}
	made.message.Headers.Set("response-required", noResponse)
	made.message.Value = patch
	change := &made.change[0]
	change.Message, change.Rule = &made.message, r.number
	if r.create != nil {
		if change.Create, err = r.createWith(m, made); err != nil {
			return nil, err
		}
	}
	return made, nil
}

var noResponse = jsondoc.Bool(false)

// thingID is the ID of the Thing that the message is about.
func (r *rule) thingID(m *message) (protocol.ThingID, *protocol.Error) {
	text, missing := r.thing.text(m)
	if missing != "" {
		if m.fault != "" {
			return protocol.ThingID{}, r.refuse("%s", m.fault)
		}
		return protocol.ThingID{}, r.refuse("the thing's ID needs {{ %s }}, which this message does not have", missing)
	}
	id, err := protocol.ParseThingID(text)
	if err != nil {
		return protocol.ThingID{}, r.refuseID(text, err)
	}
	return id, nil
}

// createWith is the ID of the Policy for a Thing that must be created.
func (r *rule) createWith(m *message, made *applied) (*string, *protocol.Error) {
	if _, ok := r.create.literal(); ok {
		return &r.policy, nil
	}
	var missing string
	if made.policy, missing = r.create.text(m); missing != "" {
		if m.fault != "" {
			return nil, r.refuse("%s", m.fault)
		}
		return nil, r.refuse("the policy's ID needs {{ %s }}, which this message does not have", missing)
	}
	if err := protocol.CheckPolicyID(made.policy); err != nil {
		return nil, r.refuseID(made.policy, err)
	}
	return &made.policy, nil
}

// name is how error messages call the rule.
func (r *rule) name() string { return fmt.Sprintf("mappings[%d] (%s)", r.number, r.topic) }

// refuse is the error of a message that the rule cannot make sense of.
func (r *rule) refuse(format string, args ...any) *protocol.Error {
	return &protocol.Error{
		Status:      400,
		Code:        "connectivity:message.mapping.failed",
		Message:     "The message cannot be mapped to a change of a twin: " + r.name() + ": " + fmt.Sprintf(format, args...) + ".",
		Description: "Send what the mapping expects on this topic, or change the mapping.",
	}
}

// refuseID is the error of an ID that breaks Ditto's rules.
func (r *rule) refuseID(id string, err error) *protocol.Error {
	refusal := r.refuse("it makes the ID %s, which is not one", excerpt([]byte(id), 2*protocol.MaxIDLength))
	var of *protocol.Error
	if errors.As(err, &of) {
		refusal.Status, refusal.Code, refusal.Description, refusal.Href = of.Status, of.Code, of.Description, of.Href
	}
	return refusal
}
