package mapping

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/placeholder"
)

// source is where a part of a template comes from.
type source uint8

const (
	fromText source = iota
	fromCapture
	fromTime
	fromClient
	fromUsername
	fromTopic
	fromMQTT
	fromHeader
	fromPayload
	fromWhole
	fromThingID
	fromThingName
	fromThingNamespace
	fromEventTopic
	fromResponseTopic
	fromResponseHeader
	fromSignal
	fromPipeline
	fromNamed
)

// Ditto's names of the placeholders, by what they are used for.
var (
	rulePlaceholders = map[string]source{
		"client:id":       fromClient,
		"client:username": fromUsername,
		"topic:full":      fromTopic,
		"source:address":  fromTopic, // Ditto's word for the topic that a message came in by
		"mqtt:topic":      fromTopic,
	}
	// What follows the Thing may name it.
	changePlaceholders = withThing(rulePlaceholders)

	publicationPlaceholders = map[string]source{
		"thing:id":        fromThingID,
		"thing:name":      fromThingName,
		"thing:namespace": fromThingNamespace,
	}
	// An event also has a Ditto Protocol topic.
	eventPlaceholders = withTopic(publicationPlaceholders)
)

// withTopic adds the placeholders of a Ditto Protocol topic. The full one has
// slashes and is left out: no level of an MQTT topic could hold it.
func withTopic(placeholders map[string]source) map[string]source {
	all := maps.Clone(placeholders)
	for _, name := range topicParts {
		if name != "full" {
			all["topic:"+name] = fromEventTopic
		}
	}
	return all
}

// withThing adds the placeholders of the Thing that is changed.
func withThing(placeholders map[string]source) map[string]source {
	all := maps.Clone(placeholders)
	maps.Copy(all, publicationPlaceholders)
	return all
}

// scope is what a template may use.
type scope struct {
	captures     *pattern
	placeholders map[string]source
	payload      bool // {{ payload:/pointer }}
	each         bool // {{ message:/pointer }}: the whole, of which the payload is an element
	message      bool // {{ time:… }}, {{ mqtt:… }} and {{ header:… }}: of the MQTT message
	response     bool // {{ topic:… }} and {{ header:… }} of the response that a reply goes with
	signal       bool // those of a signal: {{ feature:id }}, {{ topic:… }}, {{ header:… }}
	strict       bool // {name} is taken for a mistyped {{ name }}
	noBraces     bool // and so is each {…}, of whatever name

	named func(name string) error // of a Text: whether there is such a placeholder
}

// template is a text with placeholders.
type template struct {
	parts []part
}

type part struct {
	source   source
	text     string          // the text; else the placeholder's name, for error messages
	name     string          // what stands behind the colon
	capture  int             // of fromCapture
	pointer  jsondoc.Pointer // of fromPayload
	moment   *moment         // of fromTime
	pipeline *pipeline       // of fromPipeline
}

// parseTemplate parses "org.acme:{{ device }}".
func parseTemplate(s string, sc *scope) (template, error) {
	var t template
	for s != "" {
		before, inside, found := strings.Cut(s, "{{")
		if before != "" {
			if err := sc.checkText(before); err != nil {
				return template{}, err
			}
			t.parts = append(t.parts, part{text: before})
		}
		if !found {
			break
		}
		end := placeholder.End(inside)
		if end < 0 {
			return template{}, fmt.Errorf("has {{ without }} in %q", s)
		}
		p, err := sc.expression(strings.TrimSpace(inside[:end]))
		if err != nil {
			return template{}, err
		}
		t.parts = append(t.parts, p)
		s = inside[end+2:]
	}
	return t, nil
}

// checkText finds captures written with single braces.
func (sc *scope) checkText(text string) error {
	if !sc.strict {
		return nil
	}
	for _, name := range sc.captures.names {
		for _, form := range []string{"{" + name + "}", "{" + name + "...}"} {
			if strings.Contains(text, form) {
				return fmt.Errorf("has %s, which stands for itself here: write {{ %s }}", form, name)
			}
		}
	}
	if name := bracedName(text); sc.noBraces && name != "" {
		if _, known := sc.placeholders[name]; known {
			return fmt.Errorf("has {%s}, which stands for itself here: write {{ %s }}", name, name)
		}
		return fmt.Errorf("has {%s}, which stands for itself here; {{ %s }} would be a capture of path, which has none of this name: %s", name, name, sc.known())
	}
	return nil
}

// pipeline is a placeholder with functions behind it.
type pipeline = placeholder.Pipeline[part]

// expression parses what stands between the braces: a placeholder, and
// functions behind it or alone.
func (sc *scope) expression(text string) (part, error) {
	if !placeholder.HasFunctions(text) {
		return sc.placeholder(text)
	}
	p, err := placeholder.Parse(text, func(name string) (part, error) {
		found, err := sc.placeholder(name)
		if err != nil {
			err = errors.New(strings.TrimPrefix(err.Error(), "has "))
		}
		return found, err
	})
	if err != nil {
		return part{}, fmt.Errorf("has {{ %s }}: %w", text, err)
	}
	return part{source: fromPipeline, text: text, pipeline: p}, nil
}

// placeholder finds what one name stands for.
func (sc *scope) placeholder(name string) (part, error) {
	if sc.named != nil {
		if err := sc.named(name); err != nil {
			return part{}, fmt.Errorf("has {{ %s }}: %w", name, err)
		}
		return part{source: fromNamed, text: name, name: name}, nil
	}
	prefix, rest, hasPrefix := strings.Cut(name, ":")
	if !hasPrefix {
		if i := sc.captures.capture(name); i >= 0 {
			return part{source: fromCapture, text: name, capture: i}, nil
		}
		return part{}, fmt.Errorf("has {{ %s }}: there is no such capture; %s", name, sc.known())
	}
	if sc.response {
		if p, ok, err := responsePlaceholder(prefix, rest); ok || err != nil {
			if err != nil {
				err = fmt.Errorf("has {{ %s }}: %w", name, err)
			}
			p.text = name
			return p, err
		}
	}
	if sc.signal {
		if p, ok, err := signalPlaceholder(prefix, rest); ok || err != nil {
			if err != nil {
				err = fmt.Errorf("has {{ %s }}: %w", name, err)
			}
			p.text = name
			return p, err
		}
	}
	if from, ok := sc.placeholders[name]; ok {
		return part{source: from, text: name, name: rest}, nil
	}
	if sc.message {
		if p, ok, err := messagePlaceholder(prefix, rest); ok || err != nil {
			if err != nil {
				err = fmt.Errorf("has {{ %s }}: %w", name, err)
			}
			p.text = name
			return p, err
		}
	}
	if prefix == "payload" && !sc.signal || prefix == "message" && sc.each {
		if !sc.payload {
			return part{}, fmt.Errorf("has {{ %s }}: payload: is for mappings of format json or cbor", name)
		}
		pointer, err := jsondoc.ParsePointer(rest)
		if err != nil {
			return part{}, fmt.Errorf("has {{ %s }}: %w", name, err)
		}
		p := part{source: fromPayload, text: name, pointer: pointer}
		if prefix == "message" {
			p.source = fromWhole
		}
		return p, nil
	}
	return part{}, fmt.Errorf("has {{ %s }}: there is no such placeholder here; %s", name, sc.known())
}

// known lists what a template may use.
func (sc *scope) known() string {
	list := make([]string, 0, 12)
	list = append(list, sc.captures.names...)
	if sc.message {
		list = append(list, "time:now", "time:now_epoch_millis")
	}
	for _, name := range []string{"client:id", "client:username",
		"topic:full", "thing:id", "thing:name", "thing:namespace", "topic:action"} {
		if _, ok := sc.placeholders[name]; ok {
			list = append(list, name)
		}
	}
	if sc.signal {
		list = append(list, "feature:id", "thing:id", "thing:name", "thing:namespace", "topic:action", "resource:path", "header:<name>", "time:now")
	}
	if sc.message {
		list = append(list, "mqtt:<property>", "header:<user property>")
	}
	if sc.payload {
		list = append(list, "payload:/pointer")
	}
	if sc.each {
		list = append(list, "message:/pointer")
	}
	return "known are " + strings.Join(list, ", ")
}

// literal is the text of a template without placeholders.
func (t *template) literal() (string, bool) {
	switch {
	case len(t.parts) == 0:
		return "", true
	case len(t.parts) == 1 && t.parts[0].source == fromText:
		return t.parts[0].text, true
	}
	return "", false
}

// uses says whether the template needs the capture.
func (t *template) uses(capture int) bool { return usesCapture(t.parts, capture) }

func usesCapture(parts []part, capture int) bool {
	for i := range parts {
		p := &parts[i]
		if p.source == fromCapture && p.capture == capture ||
			p.source == fromPipeline && usesCapture(p.pipeline.Inputs, capture) {
			return true
		}
	}
	return false
}

// text is the filled-in template; missing names the placeholder that has no
// value, "" when all have one.
func (t *template) text(m *message) (text, missing string) {
	if s, ok := t.literal(); ok {
		return s, ""
	}
	if len(t.parts) == 1 && t.parts[0].source == fromCapture {
		return m.caps[t.parts[0].capture], ""
	}
	m.small, missing = t.appendTo(m.small[:0], m)
	return string(m.small), missing
}

func (t *template) appendTo(dst []byte, m *message) (out []byte, missing string) {
	for i := range t.parts {
		var ok bool
		if dst, ok = t.parts[i].appendTo(dst, m); !ok {
			return dst, t.parts[i].text
		}
	}
	return dst, ""
}

// appendTo appends what the part stands for; false when it has no value.
func (p *part) appendTo(dst []byte, m *message) ([]byte, bool) {
	switch p.source {
	case fromText:
		return append(dst, p.text...), true
	case fromCapture:
		return append(dst, m.caps[p.capture]...), true
	case fromTime:
		return p.moment.appendTo(dst, m.in.Now), true
	case fromClient:
		return append(dst, m.in.Client...), true
	case fromUsername:
		return append(dst, m.in.Username...), m.in.Username != ""
	case fromTopic:
		return append(dst, m.in.Topic...), true
	case fromPayload:
		return appendScalar(dst, m.value, p.pointer)
	case fromWhole:
		return appendScalar(dst, m.document, p.pointer)
	case fromMQTT:
		return m.in.appendMQTT(dst, p.name)
	case fromHeader:
		return m.in.appendHeader(dst, p.name)
	case fromResponseTopic:
		return m.reply.appendResponseTopic(dst, &m.response.Topic, p.name)
	case fromResponseHeader:
		text, ok := m.response.Headers.Get(p.name)
		return append(dst, text...), ok
	case fromThingID:
		return append(append(append(dst, m.thing.Namespace...), ':'), m.thing.Name...), true
	case fromThingName:
		return append(dst, m.thing.Name...), true
	case fromThingNamespace:
		return append(dst, m.thing.Namespace...), true
	}
	var room [placeholder.MaxInputs]placeholder.Value
	inputs := room[:0]
	for i := range p.pipeline.Inputs {
		text, ok := p.pipeline.Inputs[i].appendTo(nil, m)
		inputs = append(inputs, placeholder.Value{Text: string(text), OK: ok})
	}
	text, ok, err := p.pipeline.Run(inputs)
	if err != nil && m.fault == "" {
		m.fault = "{{ " + p.text + " }} cannot be filled in: " + err.Error()
	}
	return append(dst, text...), ok
}

// appendScalar appends the text of the scalar that the pointer finds.
func appendScalar(dst []byte, v *jsondoc.Value, p jsondoc.Pointer) ([]byte, bool) {
	v, ok := lookup(v, p)
	if !ok {
		return dst, false
	}
	switch v.Kind() {
	case jsondoc.KindString:
		s, _ := v.Text()
		return append(dst, s...), true
	case jsondoc.KindNumber, jsondoc.KindBool:
		return v.AppendTo(dst), true
	}
	return dst, false
}

// lookup follows a pointer through objects and, as RFC 6901 has it, into
// arrays by index; a payload is any JSON, while a Thing's arrays are values
// that nothing leads into.
func lookup(v *jsondoc.Value, p jsondoc.Pointer) (*jsondoc.Value, bool) {
	for _, name := range p {
		switch v.Kind() {
		case jsondoc.KindObject:
			next, ok := v.Member(name)
			if !ok {
				return nil, false
			}
			v = next
		case jsondoc.KindArray:
			next := element(v, name)
			if next == nil {
				return nil, false
			}
			v = next
		default:
			return nil, false
		}
	}
	return v, true
}

// element is the element of an array that the text counts to, nil if none.
func element(v *jsondoc.Value, index string) *jsondoc.Value {
	n, err := strconv.ParseUint(index, 10, 31)
	if err != nil || len(index) > 1 && index[0] == '0' {
		return nil
	}
	for e := range v.Elements() {
		if n == 0 {
			return e
		}
		n--
	}
	return nil
}
