package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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

// Change is what one rule made of a message, or of an element of an array in
// it.
type Change struct {
	// Message is a merge at the root of one Thing, which asks for no response;
	// of a rule with the format "ditto" it is the envelope, whatever that asks
	// for.
	Message *protocol.Message
	Create  *Create // nil: the Thing must exist; else with what it may be created
	Rule    int     // index of the rule
	Relay   Relay   // what Rules.Relay says for the topic
	Ditto   bool    // the message was an envelope
	Reply   *Reply  // of an envelope: the topic of its responses; nil: where they go without a mapping
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
	formatCBOR
	formatBytes
	formatDitto
)

// hasInside says whether pointers lead into payloads of the format.
func (f format) hasInside() bool { return f == formatJSON || f == formatCBOR }

// rule is one compiled mapping.
type rule struct {
	config     *RuleConfig
	number     int
	topic      string // the pattern as configured, for error messages
	pattern    pattern
	format     format
	thing      template
	each       *jsondoc.Pointer // nil: the payload is not taken apart
	when       *expression      // nil: always
	whenFirst  bool             // the condition does not look at the payload, which is read only where it holds
	uses       uses             // what the rule's expressions look at
	headers    []headerLine
	create     *creation // nil: the Thing must exist
	lines      []line
	set        node      // the lines as a tree
	clashes    bool      // lines may turn out to lead to the same place
	keepsNulls bool      // a null in the payload deletes; else it is skipped
	reply      *template // of the format "ditto"; nil: responses go where they go without
	relay      Relay
}

// Matches says whether any rule takes in messages of the topic.
func (r *Rules) Matches(topic string) bool {
	var room [8]int32
	return len(r.index.find(topic, room[:0])) > 0
}

// Name is what error messages call a rule.
func (r *Rules) Name(rule int) string { return r.rules[rule].name() }

// Names are what error messages call the rules that take in messages of the
// topic, in their order.
func (r *Rules) Names(topic string) []string {
	var names []string
	for _, hit := range r.index.find(topic, nil) {
		names = append(names, r.rules[hit].name())
	}
	return names
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

// maxChanges is how many changes may be made of one message: they are applied
// together, and nobody else's meanwhile.
const maxChanges = 1000

// maxMade is how many bytes they may have together, besides four times those of
// the message: with "each", every one may have a part that all have in common.
const maxMade = 16 << 20

// Map gives the changes that the message asks for, in the order in which they
// are to be applied, all of them or none. Every rule whose pattern fits the
// topic applies, in the order of the configuration, and each gives one change,
// or with "each" one for each element, or none when its condition does not hold
// or nothing that it points to is in the payload; so several changes may be of
// one Thing. matched without changes and without an error is a message that had
// nothing to say. An empty payload with the retain flag is one of these: it
// takes back what was retained on its topic (MQTT 5.0 section 3.3.1.3).
//
// An error is what the first rule that cannot make sense of the message says;
// then nothing of it is to be applied. It has Ditto's code for a payload that
// cannot be mapped (connectivity:message.mapping.failed), or for an ID that is
// none (things:id.invalid), and names the rule. What is wrong with an envelope
// is said as the Ditto Protocol says it; then the changes are that envelope, as
// far as it was understood, for the response.
func (r *Rules) Map(in *Input) (changes []Change, matched bool, err *protocol.Error) {
	return r.run(in, nil)
}

// run is Map; it tells the trace, if there is one, what happens.
func (r *Rules) run(in *Input, trace *Trace) (changes []Change, matched bool, err *protocol.Error) {
	var room [8]int32
	hits := r.index.find(in.Topic, room[:0])
	if len(hits) == 0 {
		return nil, false, nil
	}
	trace.found(r, hits)
	if len(in.Payload) == 0 && in.Retain {
		return nil, true, nil
	}
	relay := r.relay(hits)
	m := newMessage(in)
	defer m.done()
	m.trace = trace
	for _, hit := range hits {
		rule := &r.rules[hit]
		more, err := rule.apply(m, changes)
		if err == nil && len(more) > maxChanges {
			err = rule.refuse("there are more than the %d changes that one message may make", maxChanges)
			err.Status = 413
		}
		m.tracing.ended(len(changes), more, err)
		if err != nil {
			by := *err
			by.By = rule.name()
			return envelopeOf(more, changes), true, &by
		}
		changes = more
	}
	for i := range changes {
		changes[i].Relay = relay
	}
	return changes, true, nil
}

// envelopeOf is the envelope among changes, for the response to it; nil when
// there is none.
func envelopeOf(lists ...[]Change) []Change {
	for _, changes := range lists {
		for i := range changes {
			if changes[i].Ditto {
				return changes[i : i+1]
			}
		}
	}
	return nil
}

// applied is a change with all that it points to, allocated at once.
type applied struct {
	change  [1]Change
	message protocol.Message
}

// apply adds the rule's changes.
func (r *rule) apply(m *message, changes []Change) ([]Change, *protocol.Error) {
	if !r.pattern.matchTopic(m.in.Topic, m.caps[:]) {
		return changes, nil // cannot be: the index found it by the same levels
	}
	m.fault, m.hasVariables, m.whole = "", false, nil
	m.tracing = m.trace.begin(r, m)
	if r.format == formatDitto {
		change, err := r.envelope(m)
		if change == nil {
			return changes, err
		}
		return append(changes, *change), err
	}
	if r.whenFirst {
		m.document, m.value = nil, nil
		if yes, err := r.applies(m); err != nil || !yes {
			return changes, err
		}
		m.hasVariables = false
	}
	document, err := r.read(m)
	if err != nil {
		return nil, err
	}
	m.document = document
	if r.each != nil {
		return r.applyEach(m, changes)
	}
	return r.applyTo(m, document, changes)
}

// applyTo adds the change that a payload asks for, if it does.
func (r *rule) applyTo(m *message, payload *jsondoc.Value, changes []Change) ([]Change, *protocol.Error) {
	m.value = payload
	if r.when != nil && !r.whenFirst {
		if yes, err := r.applies(m); err != nil || !yes {
			return changes, err
		}
	}
	id, err := r.thingID(m)
	if err != nil {
		return nil, err
	}
	m.thing = id
	patch, err := r.patch(m, payload)
	if err == nil && m.fault != "" {
		err = r.refuse("%s", m.fault)
	}
	if patch == nil || err != nil {
		return changes, err
	}
	made := &applied{}
	made.message.Topic = protocol.Topic{
		Namespace: id.Namespace, Name: id.Name,
		Group: protocol.Things, Channel: protocol.Twin, Criterion: protocol.Commands,
		Action: protocol.ActionMerge,
	}
	made.message.Headers.Set("response-required", noResponse)
	for i := range r.headers {
		if err := r.header(m, &made.message.Headers, &r.headers[i]); err != nil {
			return nil, err
		}
	}
	made.message.Value = patch
	m.made += patch.Size()
	change := &made.change[0]
	change.Message, change.Rule = &made.message, r.number
	if r.create != nil {
		if change.Create, err = r.createWith(m); err != nil {
			return nil, err
		}
	}
	if most := maxMade + 4*len(m.in.Payload); m.made > most {
		err := r.refuse("what is made of this message has more than %d bytes", most)
		err.Status = 413
		return nil, err
	}
	if changes == nil {
		return made.change[:], nil
	}
	return append(changes, *change), nil
}

// applyEach adds a change for each element of an array.
func (r *rule) applyEach(m *message, changes []Change) ([]Change, *protocol.Error) {
	array, ok := lookup(m.document, *r.each)
	m.tracing.array(m.document, *r.each, ok)
	switch {
	case !ok || array.IsNull():
		return changes, nil // like a value that is not there
	case array.Kind() != jsondoc.KindArray:
		return nil, r.refuse("each element of %s is wanted, but it is a JSON %s and not an array", *r.each, array.Kind())
	case len(changes)+array.Len() > maxChanges:
		err := r.refuse("%d elements of %s are more than the %d changes that one message may make", array.Len(), *r.each, maxChanges)
		err.Status = 413
		return nil, err
	}
	changes = slices.Grow(changes, array.Len())
	n := 0
	for element := range array.Elements() {
		m.hasVariables = false
		m.tracing.element(*r.each, n, element)
		var err *protocol.Error
		if changes, err = r.applyTo(m, element, changes); err != nil {
			err.Message = strings.TrimSuffix(err.Message, ".") + fmt.Sprintf(" (element %d of %s).", n, *r.each)
			return nil, err
		}
		n++
	}
	return changes, nil
}

// applies says whether the rule's condition holds.
func (r *rule) applies(m *message) (bool, *protocol.Error) {
	q, quickly := r.when.quickly(m)
	yes, err := q.truth, error(nil)
	if !quickly || q.kind != quickBool {
		yes, err = r.when.holds(r.variables(m), &m.steps)
	}
	m.tracing.when(r, yes, err)
	if err != nil {
		return false, r.refuse("when: %v", err)
	}
	return yes, nil
}

// headerLine is a line of "headers".
type headerLine struct {
	name  string
	value constant
}

// header sets a header; one whose placeholders have no value is left out.
func (r *rule) header(m *message, headers *protocol.Headers, line *headerLine) *protocol.Error {
	if line.value.fixed != nil {
		headers.Set(line.name, line.value.fixed)
		m.tracing.header(r, line, nil, true, m)
		return nil
	}
	text, ok := line.value.appendTo(nil, m)
	m.tracing.header(r, line, text, ok, m)
	switch {
	case m.fault != "":
		return r.refuse("%s", m.fault)
	case !ok:
		return nil
	}
	m.made += len(text)
	value, err := jsondoc.Parse(text, jsondoc.Limits{})
	if err != nil {
		return r.refuse("the header %s is not acceptable JSON: %v", line.name, err)
	}
	headers.Set(line.name, value)
	return nil
}

var noResponse = jsondoc.Bool(false)

// thingID is the ID of the Thing that the message is about.
func (r *rule) thingID(m *message) (protocol.ThingID, *protocol.Error) {
	text, missing := r.thing.text(m)
	m.tracing.template("thing", r.config.Thing, text, missing, m)
	if missing != "" {
		return protocol.ThingID{}, r.unfilled(m, "the thing's ID", missing)
	}
	id, err := protocol.ParseThingID(text)
	if err != nil {
		return protocol.ThingID{}, r.refuseID(text, err)
	}
	return id, nil
}

// unfilled is the error of something that needs a placeholder without a value.
func (r *rule) unfilled(m *message, what, missing string) *protocol.Error {
	if m.fault != "" {
		return r.refuse("%s", m.fault)
	}
	return r.refuse("%s needs {{ %s }}, which this message does not have%s", what, missing, m.adviseEach(missing))
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
	refusal := r.refuse("it makes the ID %s, which is not one%s", excerpt([]byte(id), 2*protocol.MaxIDLength), adviseID(id))
	var of *protocol.Error
	if errors.As(err, &of) {
		refusal.Status, refusal.Code, refusal.Description, refusal.Href = of.Status, of.Code, of.Description, of.Href
	}
	return refusal
}
