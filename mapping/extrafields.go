package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/placeholder"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/rql"
)

// The fields of a Thing that can be told with its signals (Ditto's
// ThingFieldSelector). The first ones have nothing below them.
const (
	fieldThingID   = "thingId"
	fieldNamespace = "_namespace"
	fieldRevision  = "_revision"
	fieldCreated   = "_created"
	fieldModified  = "_modified"
	fieldMetadata  = "_metadata"
)

var (
	plainFields = []string{fieldThingID, "policyId", "definition", fieldNamespace, fieldRevision, fieldCreated, fieldModified}
	deepFields  = []string{"attributes", "features", fieldMetadata}
)

// extraFields are the fields of its Thing that a signal is told with.
type extraFields struct {
	selector jsondoc.Selector // where nothing is to be filled in
	special  []string         // those of its fields that are not in the Thing's JSON
	fields   []template       // where something is: each field by itself
}

// parseExtraFields reads a field selector, such as
//
//	attributes(location,owner),features/{{ feature:id }}/properties/unit,_revision
//
// A field may have placeholders of the signal (Ditto's page
// "basic-placeholders", scope signal enrichment).
func parseExtraFields(text string) (*extraFields, error) {
	selector, err := jsondoc.ParseSelector(text)
	if err != nil {
		var wrong *jsondoc.SelectorError
		if errors.As(err, &wrong) {
			return nil, fmt.Errorf("field selector at character %d: %s", wrong.Character(), wrong.Problem)
		}
		return nil, err
	}
	if selector.IsEmpty() {
		return nil, errors.New("names no field: write one such as attributes/location, or several with commas between them")
	}
	x := &extraFields{selector: selector}
	for _, p := range selector.Pointers() {
		if err := checkField(text, p); err != nil {
			return nil, err
		}
	}
	if !strings.Contains(text, "{{") {
		x.special = specialOf(selector)
		return x, nil
	}
	for _, p := range selector.Pointers() {
		field, err := parseTemplate(p.String(), &scope{captures: &pattern{}, signal: true})
		if err != nil {
			return nil, err
		}
		x.fields = append(x.fields, field)
	}
	return x, nil
}

// checkField checks that there is such a field in a Thing, as far as that is
// known before there is a signal.
func checkField(text string, p jsondoc.Pointer) error {
	first := p[0]
	for _, name := range deepFields {
		if first == name {
			return nil
		}
	}
	for _, name := range plainFields {
		if first == name && len(p) > 1 {
			return fieldError(text, first, fmt.Sprintf("%s has nothing below it", name))
		}
		if first == name {
			return nil
		}
	}
	switch {
	case strings.Contains(first, "{{"):
		return nil
	case first == "_policy":
		return fieldError(text, first, "_policy is not told with signals: a Policy is not part of its Things and changes by itself; retrieve the Thing with this field")
	case strings.TrimSpace(first) != first:
		return fieldError(text, first, fmt.Sprintf("the field %q begins or ends with white space, which is part of its name: write the commas without", first))
	}
	return fieldError(text, first, fmt.Sprintf("a Thing has no field %q: there are %s, %s/…", first, strings.Join(plainFields, ", "), strings.Join(deepFields, "/…, ")))
}

// fieldError tells what is wrong with the field that begins with a name.
func fieldError(text, name, problem string) error {
	at := 0
	for depth, i := 0, 0; i < len(text); i++ {
		begins := i == 0 || text[i-1] == ','
		if depth == 0 && begins && strings.HasPrefix(strings.TrimPrefix(text[i:], "/"), name) {
			at = i
			break
		}
		switch text[i] {
		case '(':
			depth++
		case ')':
			depth--
		}
	}
	e := jsondoc.SelectorError{Text: text, Offset: at}
	return fmt.Errorf("field selector at character %d: %s", e.Character(), problem)
}

// specialOf are the fields of a selector that are not in a Thing's JSON.
func specialOf(s jsondoc.Selector) []string {
	var names []string
	for _, p := range s.Pointers() {
		if strings.HasPrefix(p[0], "_") {
			names = append(names, p[0])
		}
	}
	return names
}

// of gives the fields of the Thing, nil where it has none of them. Of one that
// is not there any longer these are those that the signal knows itself.
func (x *extraFields) of(signal *protocol.Message, thing *Thing) *jsondoc.Value {
	selector, special := x.selector, x.special
	if x.fields != nil {
		selector = x.filled(signal)
		if special = specialOf(selector); selector.IsEmpty() {
			return nil
		}
	}
	whole := thing.Value
	if whole == nil {
		whole = jsondoc.Object(jsondoc.Member{Name: fieldThingID, Value: jsondoc.String(signal.Topic.EntityID())})
	}
	if len(special) > 0 {
		members := listOf(whole)
		for i, name := range special {
			if v := specialField(name, signal, thing); v != nil && !slices.Contains(special[:i], name) {
				members = append(members, jsondoc.Member{Name: name, Value: v})
			}
		}
		whole = jsondoc.Object(members...)
	}
	if picked := whole.Select(selector); picked.Len() > 0 {
		return picked
	}
	return nil
}

// specialField is a field that is not in a Thing's JSON, nil where it is not
// known.
func specialField(name string, signal *protocol.Message, thing *Thing) *jsondoc.Value {
	switch name {
	case fieldNamespace:
		return jsondoc.String(signal.Topic.Namespace)
	case fieldRevision:
		if signal.Revision > 0 {
			return jsondoc.Int(int64(signal.Revision))
		}
	case fieldModified:
		if !signal.Timestamp.IsZero() {
			return jsondoc.String(string(protocol.AppendTime(nil, signal.Timestamp)))
		}
	case fieldCreated:
		if !thing.Created.IsZero() {
			return jsondoc.String(string(protocol.AppendTime(nil, thing.Created)))
		}
	case fieldMetadata:
		return thing.Metadata
	}
	return nil
}

// filled is the selector for one signal. A field with a placeholder that has
// no value is left out, as in Ditto, and so is one that leads nowhere then.
func (x *extraFields) filled(signal *protocol.Message) jsondoc.Selector {
	pointers := make([]jsondoc.Pointer, 0, len(x.fields))
	filling := signalTexts{message: signal, signal: signalOf(signal)}
	for i := range x.fields {
		text, ok := filling.text(&x.fields[i])
		if !ok {
			continue
		}
		if p, err := jsondoc.ParsePointer(text); err == nil && len(p) > 0 && checkField(text, p) == nil {
			pointers = append(pointers, p)
		}
	}
	return jsondoc.NewSelector(pointers...)
}

// signalTexts fills in placeholders of a signal.
type signalTexts struct {
	message *protocol.Message
	signal  rql.Signal
}

// text is the filled-in template; false when a placeholder has no value.
func (s *signalTexts) text(t *template) (string, bool) {
	var b strings.Builder
	for i := range t.parts {
		text, ok := s.part(&t.parts[i])
		if !ok {
			return "", false
		}
		b.WriteString(text)
	}
	return b.String(), true
}

func (s *signalTexts) part(p *part) (string, bool) {
	switch p.source {
	case fromSignal:
		return s.signal.Placeholder(p.text)
	case fromHeader:
		return s.message.Headers.Get(p.name)
	case fromTime:
		return string(p.moment.appendTo(nil, time.Now())), true
	case fromPipeline:
		var room [placeholder.MaxInputs]placeholder.Value
		inputs := room[:0]
		for i := range p.pipeline.Inputs {
			text, ok := s.part(&p.pipeline.Inputs[i])
			inputs = append(inputs, placeholder.Value{Text: text, OK: ok})
		}
		text, ok, err := p.pipeline.Run(inputs)
		return text, ok && err == nil
	}
	return p.text, true
}

// signalPlaceholder finds the placeholders of a signal; ok is false when it is
// none of them.
func signalPlaceholder(prefix, name string) (p part, ok bool, err error) {
	switch {
	case rql.IsPlaceholder(prefix + ":" + name):
		return part{source: fromSignal}, true, nil
	case prefix == "request" && name == "subjectId":
		return part{source: fromHeader, name: protocol.HeaderOriginator}, true, nil
	case prefix == "header" && name != "":
		return part{source: fromHeader, name: name}, true, nil
	case prefix == "time":
		moment, err := parseMoment(name)
		return part{source: fromTime, moment: moment}, err == nil, err
	}
	return part{}, false, nil
}
