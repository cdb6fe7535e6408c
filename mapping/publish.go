package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/placeholder"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// search goes through what one event tells, for the places that a
// publication's path fits.
type search struct {
	pub   *publication
	roots Roots
	event *protocol.Message
	thing Thing
	outs  []Out
	steps int      // that are left for all expressions
	tells *telling // of a payload that tells of the whole event

	looked   bool           // the publication's selection has been asked, or need not be
	unwanted bool           // and does not want the event
	extra    *jsondoc.Value // and this is to be told with it; nil: nothing
	filtered int            // publications that did not want it

	merge   bool // the event's value is a patch: null deletes, and objects tell a part
	caps    [maxCaptures]string
	unknown [maxCaptures]bool // captures below something that was deleted as a whole
	rest    []string          // the levels that the capture of the rest took
}

// content is what an event says of a place: its value, or that it is gone.
type content struct {
	value *jsondoc.Value // nil: gone
}

func (s *search) run() {
	s.merge, s.rest = s.event.Topic.Action == protocol.ActionMerged, nil
	s.unwanted, s.extra = false, nil
	told := content{value: s.event.Value}
	if s.event.Topic.Action == protocol.ActionDeleted {
		told.value = nil
	}
	levels := s.pub.path.levels
	for i := range min(len(levels), len(s.event.Path)) {
		if !s.take(&levels[i], s.event.Path[i]) {
			return
		}
	}
	switch {
	case len(s.event.Path) < len(levels):
		s.descend(len(s.event.Path), told)
	case s.pub.path.rest < 0:
		s.within(s.event.Path[len(levels):], told)
	default:
		s.rest = slices.Clip(s.event.Path[len(levels):]) // so that what is appended goes elsewhere
		s.leaves(told)
	}
}

// take matches one level and keeps what it captures.
func (s *search) take(l *level, name string) bool {
	captured, ok := l.match(name)
	if ok && l.capture >= 0 {
		s.caps[l.capture] = captured
	}
	return ok
}

// gone says whether the event tells that nothing is there any longer.
func (s *search) gone(c content) bool {
	return c.value == nil || s.merge && c.value.Kind() == jsondoc.KindNull
}

// descend looks into a value that the event has for a place above the path's
// end, of which levels are left from i on.
func (s *search) descend(i int, c content) {
	levels := s.pub.path.levels
	if i == len(levels) {
		if s.pub.path.rest >= 0 {
			s.leaves(c)
		} else {
			s.found(c)
		}
		return
	}
	l := &levels[i]
	isObject := c.value != nil && c.value.Kind() == jsondoc.KindObject
	switch {
	case !isObject && !s.gone(c) && !s.merge:
		return // replaced by something that has no inside: nothing is told of what was there
	case !isObject:
		if l.capture >= 0 {
			s.unknown[l.capture] = true
			defer func() { s.unknown[l.capture] = false }()
		}
		s.descend(i+1, content{})
	case l.capture < 0:
		if member, ok := c.value.Member(l.prefix); ok {
			s.descend(i+1, content{value: member})
		}
	default:
		for name, member := range c.value.Members() {
			if s.take(l, name) {
				s.descend(i+1, content{value: member})
			}
		}
	}
}

// within tells of a change at or below the path's end: further down it is the
// patch that leads there.
func (s *search) within(below jsondoc.Pointer, c content) {
	if len(below) > 0 {
		if s.gone(c) {
			c.value = jsondoc.Null()
		}
		c.value = jsondoc.Nest(below, c.value)
	}
	s.found(c)
}

// leaves gives the capture of the rest every leaf of the value in turn.
func (s *search) leaves(c content) {
	switch {
	case s.gone(c):
		if len(s.rest) == 0 { // all that the capture could take is gone, but not known by name
			s.unknown[s.pub.path.rest] = true
			s.found(content{})
			s.unknown[s.pub.path.rest] = false
			return
		}
		s.foundRest(content{})
	case c.value.Kind() == jsondoc.KindObject && c.value.Len() > 0:
		for name, member := range c.value.Members() {
			s.rest = append(s.rest, name)
			s.leaves(content{value: member})
			s.rest = s.rest[:len(s.rest)-1]
		}
	case len(s.rest) > 0 && !(s.merge && c.value.Kind() == jsondoc.KindObject): // an empty patch tells nothing
		s.foundRest(c)
	}
}

func (s *search) foundRest(c content) {
	for _, name := range s.rest {
		if strings.IndexByte(name, '/') >= 0 {
			s.fail(fmt.Errorf("the name %q has a slash in it, which a topic level cannot carry", name))
			return
		}
	}
	s.caps[s.pub.path.rest] = strings.Join(s.rest, "/")
	s.found(c)
}

// found makes the message for a place.
func (s *search) found(c content) {
	for i, needed := range s.pub.needs {
		if needed && s.unknown[i] {
			return
		}
	}
	if !s.wanted() {
		return
	}
	topic, err := s.topic()
	var to string
	if err == nil {
		to, err = s.text(&s.pub.to)
	}
	switch {
	case errors.Is(err, errNothing):
		return // also for to: "" would be everybody
	case err != nil:
		s.fail(err)
		return
	case to == "" && s.pub.config.To != "":
		s.fail(fmt.Errorf("to is %q, which is nobody with this event", s.pub.config.To))
		return
	}
	out := Out{
		Topic: topic, QoS: byte(s.pub.config.QoS), Retain: s.pub.config.Retain,
		To: to, Subjects: s.pub.config.Subjects, OfThing: s.pub.looks, Publication: s.pub.number,
	}
	switch s.pub.payload {
	case payloadEnvelope, payloadNormalized:
		if !s.tell(&out) {
			return
		}
	case payloadValue:
		if !s.gone(c) {
			out.Payload, out.ContentType = plain(c.value)
		}
	case payloadExpression:
		some, err := s.evaluate(&out, c)
		if err != nil {
			s.fail(err)
		}
		if !some {
			return
		}
	}
	s.outs = append(s.outs, out)
}

// telling is what a publication tells that has the whole event for its payload,
// and whom it has told.
type telling struct {
	payload     []byte
	contentType string
	first       place
	told        map[place]bool // besides it
}

// place is where a message goes.
type place struct{ topic, to string }

// tell gives a message the whole event for its payload, which all of them
// share; false where there is a message to the same place already.
func (s *search) tell(out *Out) bool {
	t, to := s.tells, place{out.Topic, out.To}
	switch {
	case t == nil:
		t = &telling{first: to}
		if s.pub.payload == payloadEnvelope {
			t.payload, t.contentType = s.envelope(), protocol.ContentTypeDitto
		} else {
			t.payload, t.contentType = normalized(s.event, s.extra), protocol.ContentTypeJSON
		}
		s.tells = t
	case to == t.first || t.told[to]:
		return false
	default:
		if t.told == nil {
			t.told = map[place]bool{}
		}
		t.told[to] = true
	}
	out.Payload, out.ContentType = t.payload, t.contentType
	return true
}

// fail tells that a message cannot be made.
func (s *search) fail(err error) {
	s.outs = append(s.outs, Out{
		Publication: s.pub.number,
		Err: fmt.Errorf("publications[%d] (%s) cannot tell the event at %s of %s: %w",
			s.pub.number, s.pub.config.Topic, s.event.Path, s.event.Topic.EntityID(), err),
	})
}

// plain is a value as a message carries it: a string as its text, all else as
// JSON.
func plain(v *jsondoc.Value) (payload []byte, contentType string) {
	if text, ok := v.Text(); ok {
		return []byte(text), textPlain
	}
	return v.AppendTo(make([]byte, 0, v.Size())), protocol.ContentTypeJSON
}

const textPlain = "text/plain"

// topic fills in the publication's topic; what is filled in must be able to
// stand there.
func (s *search) topic() (string, error) {
	var room [256]byte
	topic := room[:0]
	for i := range s.pub.topic.parts {
		p := &s.pub.topic.parts[i]
		text, err := s.part(p)
		if err != nil {
			return "", err
		}
		if p.source != fromText {
			isRest := s.pub.fillsMany(p)
			if err := checkFilled(p.text, text, isRest); err != nil {
				return "", err
			}
		}
		topic = append(topic, text...)
	}
	built := string(topic)
	switch {
	case len(built) > maxTopic:
		return "", fmt.Errorf("its topic would be longer than the %d bytes of an MQTT topic", maxTopic)
	case built[0] == '$' || s.roots.of(built) != "":
		return "", fmt.Errorf("its topic would be %q, in a tree that is not for publications", built)
	}
	return built, nil
}

// checkFilled checks what a placeholder puts into a topic.
func checkFilled(name, text string, isRest bool) error {
	switch {
	case isPlainLevel(text):
		return nil
	case text == "" || isRest && (strings.HasPrefix(text, "/") || strings.HasSuffix(text, "/") || strings.Contains(text, "//")):
		return fmt.Errorf("{{ %s }} would be an empty topic level", name)
	case !isRest && strings.IndexByte(text, '/') >= 0:
		return fmt.Errorf("{{ %s }} is %q, and a slash is no part of a topic level", name, text)
	case !utf8.ValidString(text):
		return errors.New("{{ " + name + " }} is not valid UTF-8")
	}
	if err := checkTopicText(text); err != nil {
		return fmt.Errorf("{{ %s }} is %q: it %w", name, text, err)
	}
	return nil
}

// isPlainLevel says whether a text is one level without any character that
// would have to be looked at twice, as nearly all are.
func isPlainLevel(text string) bool {
	for i := range len(text) {
		if c := text[i]; c == '/' || c == '+' || c == '#' || c == 0 || c >= 0x80 {
			return false
		}
	}
	return text != ""
}

// text fills in a template.
func (s *search) text(t *template) (string, error) {
	if text, ok := t.literal(); ok {
		return text, nil
	}
	var b strings.Builder
	for i := range t.parts {
		text, err := s.part(&t.parts[i])
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// part is what a part of a template stands for; an error when that is nothing.
func (s *search) part(p *part) (string, error) {
	topic := &s.event.Topic
	switch p.source {
	case fromCapture:
		return s.caps[p.capture], nil
	case fromThingID:
		return topic.EntityID(), nil
	case fromThingName:
		return topic.Name, nil
	case fromThingNamespace:
		return topic.Namespace, nil
	case fromEventTopic:
		text := topicPart(topic, topic, p.name)
		if text == "" {
			return "", fmt.Errorf("{{ %s }} has no value for this event", p.text)
		}
		return text, nil
	case fromPipeline:
		return s.pipeline(p)
	}
	return p.text, nil
}

func (s *search) pipeline(p *part) (string, error) {
	var room [placeholder.MaxInputs]placeholder.Value
	inputs := room[:0]
	for i := range p.pipeline.Inputs {
		text, err := s.part(&p.pipeline.Inputs[i])
		inputs = append(inputs, placeholder.Value{Text: text, OK: err == nil})
	}
	text, ok, err := p.pipeline.Run(inputs)
	switch {
	case err != nil:
		return "", fmt.Errorf("{{ %s }} cannot be filled in: %w", p.text, err)
	case !ok:
		return "", errNothing
	}
	return text, nil
}

// errNothing says that the functions of a placeholder leave nothing: what it
// is for is not wanted, as with fn:filter.
var errNothing = errors.New("has no value")
