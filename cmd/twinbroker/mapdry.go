package main

import (
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/twinbroker/twinbroker/broker"
	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/broker/topics"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/recording"
	"github.com/twinbroker/twinbroker/mapping"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// dryRun says what a configuration makes of messages.
type dryRun struct {
	cfg *config.Config
	out bool // also what publications send
}

// dryResult is what came of one message.
type dryResult struct {
	entry     *recording.Entry
	elsewhere string         // why no mapping is shown the topic; "" when they are
	trace     *mapping.Trace // nil when none is
	nearest   []mapping.Near // when no pattern fits
	refused   *protocol.Error
	out       bool
	events    []told
}

// told is an event and what the publications make of it.
type told struct {
	event        *protocol.Message
	publications []mapping.PublicationTrace
}

// run tries one message. The error is of the trial, not of what came of it.
func (d *dryRun) run(e *recording.Entry) (*dryResult, error) {
	r := &dryResult{entry: e, out: d.out || e.Envelope != nil}
	if e.Envelope != nil {
		return r, d.envelope(r)
	}
	m := &e.Message
	if r.elsewhere = d.elsewhere(m.Topic); r.elsewhere != "" {
		return r, nil
	}
	if limit := d.cfg.Limits.MessageSize; limit > 0 && d.cfg.Rules.Matches(m.Topic) {
		if r.refused = broker.TooLarge(asReceived(m), int(min(limit, math.MaxInt))); r.refused != nil {
			return r, nil
		}
	}
	r.trace = d.cfg.Rules.Explain(d.input(m))
	switch {
	case len(r.trace.Rules) == 0:
		const most = 3
		r.nearest = d.cfg.Rules.Nearest(m.Topic, most)
	case r.trace.Err != nil:
		r.refused, r.trace.Changes = r.trace.Err, nil
	default:
		if r.refused = broker.AdmitEnvelopes(asReceived(m), r.trace.Changes); r.refused != nil {
			r.trace.Changes = nil
		} else if d.out && len(r.trace.Changes) > 0 {
			return r, d.apply(r, commandsOf(r.trace.Changes, m))
		} else {
			d.check(r, commandsOf(r.trace.Changes, m))
		}
	}
	return r, nil
}

// asReceived is a message as the broker has it.
func asReceived(m *recording.Message) *session.Message {
	p := session.Properties{ContentType: m.ContentType, ResponseTopic: m.ReplyTo, Correlation: []byte(m.Correlation)}
	for _, u := range m.Properties {
		p.User = append(p.User, packets.UserProperty{Key: u.Name, Val: u.Value})
	}
	return &session.Message{Topic: m.Topic, Payload: m.Payload, QoS: m.QoS, Retain: m.Retain, Props: p}
}

// elsewhere says who takes messages of a topic that no mapping is shown.
func (d *dryRun) elsewhere(topic string) string {
	if err := topics.ValidName(topic); err != nil {
		return fmt.Sprintf("nobody can publish to the topic %q: %v", topic, err)
	}
	switch {
	case topics.Within(topic, d.cfg.Topics.Root):
		return fmt.Sprintf("the topic %q is in the tree %s/…, which is the Ditto Protocol's: no mapping is shown it", topic, d.cfg.Topics.Root)
	case topics.Within(topic, d.cfg.Topics.State):
		return fmt.Sprintf("the topic %q is in the tree %s/…, which is the twins' state: no mapping is shown it", topic, d.cfg.Topics.State)
	case strings.HasPrefix(topic, "$"):
		return fmt.Sprintf("the topic %q begins with $, so it is the broker's own: no mapping is shown it", topic)
	}
	return ""
}

func (d *dryRun) input(m *recording.Message) *mapping.Input {
	in := &mapping.Input{
		Topic: m.Topic, Payload: m.Payload, Client: m.Client, Username: m.Username,
		Now: m.Time, QoS: m.QoS, Retain: m.Retain,
	}
	if in.Client == "" {
		in.Client = defaultClient
	}
	if m.ContentType != "" || m.ReplyTo != "" || m.Correlation != "" || len(m.Properties) > 0 {
		p := &mapping.Properties{ContentType: m.ContentType, ResponseTopic: m.ReplyTo, Correlation: []byte(m.Correlation)}
		for _, u := range m.Properties {
			p.User = append(p.User, mapping.UserProperty{Name: u.Name, Value: u.Value})
		}
		in.Properties = p
	}
	return in
}

// why says why nothing came of the message, "" when something did.
func (r *dryResult) why() string {
	switch {
	case r.elsewhere != "":
		return r.elsewhere
	case r.refused != nil:
		return strings.TrimSpace(r.refused.Message + " " + r.refused.Description)
	case r.trace != nil && len(r.trace.Rules) == 0:
		return fmt.Sprintf("no mapping takes messages of the topic %q: they are relayed to its subscribers and change no twin", r.entry.Message.Topic)
	case r.trace != nil && len(r.trace.Changes) == 0:
		return "the message has nothing to say: " + r.nothing()
	case !r.out:
		return ""
	case len(r.events) == 0:
		return "no event follows: nothing was changed"
	case len(r.sent()) == 0:
		return "no publication has anything to send"
	}
	return ""
}

// nothing says of each mapping why it has nothing to do.
func (r *dryResult) nothing() string {
	if len(r.entry.Message.Payload) == 0 && r.entry.Message.Retain {
		return "an empty payload with the retain flag takes back what was retained on the topic"
	}
	var all []string
	for i := range r.trace.Rules {
		t := &r.trace.Rules[i]
		all = append(all, fmt.Sprintf("mappings[%d] (%s): %s", t.Rule, t.Topic, nothingOf(t)))
	}
	return strings.Join(all, "; ")
}

// nothingOf says why a mapping has nothing to do.
func nothingOf(t *mapping.RuleTrace) string {
	elements, whens := 0, 0
	for _, s := range t.Steps {
		switch {
		case s.Key == "each" && s.Value == nil:
			return "there is no array for each: " + s.Why
		case s.Key == "each":
			elements++
		case s.Key == "when" && s.Why != "":
			whens++
		}
	}
	switch {
	case t.Each && elements == 0:
		return "the array of each is empty"
	case whens > 0 && whens >= elements:
		return "when does not hold"
	}
	return "no line of set has a value"
}

// sent is what the publications make, all of it.
func (r *dryResult) sent() []mapping.Out {
	var outs []mapping.Out
	for _, t := range r.events {
		for _, p := range t.publications {
			outs = append(outs, p.Outs...)
		}
	}
	return outs
}

// value is what came of the message as recordings expect it.
func (r *dryResult) value(cfg *config.Config, out bool) *jsondoc.Value {
	var o object
	if r.refused != nil {
		o.add("refused", refusedValue(r.refused))
		return o.value()
	}
	if r.trace != nil {
		if len(r.trace.Changes) == 0 {
			o.text("nothing", r.why())
			return o.value()
		}
		var changes []*jsondoc.Value
		for i := range r.trace.Changes {
			changes = append(changes, changeValue(cfg, &r.trace.Changes[i]))
		}
		o.add("changes", jsondoc.Array(changes...))
	} else if r.elsewhere != "" {
		o.text("nothing", r.elsewhere)
		return o.value()
	}
	if out {
		var list []*jsondoc.Value
		for _, sent := range r.sent() {
			list = append(list, outValue(cfg, &sent))
		}
		o.add("publications", jsondoc.Array(list...))
	}
	return o.value()
}

func changeValue(cfg *config.Config, c *mapping.Change) *jsondoc.Value {
	var o object
	o.text("mapping", cfg.Mappings[c.Rule].Topic)
	if c.Create != nil {
		var create object
		if c.Create.Policy != "" {
			create.text("policy", c.Create.Policy)
		}
		if c.Create.Initial != nil {
			for name, v := range c.Create.Initial.Members() {
				create.add(name, v)
			}
		}
		o.add("create", create.value())
	}
	o.add("message", envelopeValue(c.Message))
	return o.value()
}

func envelopeValue(m *protocol.Message) *jsondoc.Value {
	v, err := jsondoc.Parse(m.AppendJSON(nil), jsondoc.Limits{Depth: 2 * jsondoc.DefaultDepth})
	if err != nil {
		return jsondoc.String(err.Error())
	}
	return v
}

func refusedValue(err *protocol.Error) *jsondoc.Value {
	var o object
	o.add("status", jsondoc.Int(int64(err.Status)))
	o.text("error", err.Code)
	o.text("message", err.Message)
	if err.Description != "" {
		o.text("description", err.Description)
	}
	return o.value()
}

func outValue(cfg *config.Config, out *mapping.Out) *jsondoc.Value {
	var o object
	o.text("publication", cfg.Publications[out.Publication].Topic)
	if out.Err != nil {
		o.text("error", out.Err.Error())
		return o.value()
	}
	o.text("topic", out.Topic)
	if utf8.Valid(out.Payload) {
		o.text("payload", string(out.Payload))
	} else {
		o.text("payload_base64", base64.StdEncoding.EncodeToString(out.Payload))
	}
	o.add("qos", jsondoc.Int(int64(out.QoS)))
	o.add("retain", jsondoc.Bool(out.Retain))
	if out.ContentType != "" {
		o.text("content_type", out.ContentType)
	}
	if out.To != "" {
		o.text("to", out.To)
	}
	return o.value()
}

// object is a JSON object that is put together.
type object []jsondoc.Member

func (o *object) add(name string, v *jsondoc.Value) {
	*o = append(*o, jsondoc.Member{Name: name, Value: v})
}

func (o *object) text(name, text string) {
	o.add(name, jsondoc.String(strings.ToValidUTF8(text, "\uFFFD")))
}

func (o *object) value() *jsondoc.Value { return jsondoc.Object(*o...) }
