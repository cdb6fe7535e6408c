package protocol

import (
	"strconv"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Message is a Ditto Protocol message: the envelope and what is in it.
type Message struct {
	Topic     Topic
	Headers   Headers
	Path      jsondoc.Pointer
	Value     *jsondoc.Value // nil: none
	Status    int            // 0: none
	Revision  uint64         // 0: none
	Timestamp time.Time      // zero: none
	Fields    string         // the field selector, as it came
	Extra     *jsondoc.Value // nil: none
}

// parsed is a message with room for the headers that most have.
type parsed struct {
	Message
	room [3]header
}

// ParseMessage reads an envelope. outer is what the MQTT topic says already,
// or nil; the envelope's topic may then be missing, and must not say anything
// else. The payload must not be changed afterwards: the message holds on to
// it.
//
// The error is an [*Error]. With it comes as much of the message as was
// understood, for [Error.Response]; it may be nil.
func ParseMessage(payload []byte, outer *Topic, lim jsondoc.Limits) (*Message, error) {
	p := new(parsed)
	m := &p.Message
	m.Headers.list = p.room[:0:len(p.room)]
	if outer != nil {
		m.Topic = *outer
	}
	lim.Folded = true // each member is looked at once
	envelope, err := jsondoc.Parse(payload, lim)
	if err != nil {
		return m, JSONInvalid(err)
	}
	if envelope.Kind() != jsondoc.KindObject {
		return m, JSONWrongKind("", envelope.Kind(), jsondoc.KindObject)
	}
	var problem *Error
	note := func(e *Error) {
		if problem == nil {
			problem = e
		}
	}
	var topicSeen, pathSeen bool
	// All members are looked at even after a problem, so that the error finds
	// its way back with the headers that stand behind it.
	for name, v := range envelope.View().Members() {
		switch name {
		case "topic":
			topicSeen = true
			note(m.parseTopic(v, outer))
		case "headers":
			note(m.parseHeaders(v))
		case "path":
			pathSeen = true
			note(m.parsePath(v))
		case "value":
			m.Value = v.Value()
		default:
			note(m.parseRare(name, v.Value()))
		}
	}
	if problem != nil {
		return m, problem
	}
	if !topicSeen && outer == nil {
		return m, JSONFieldMissing("/topic")
	}
	if !pathSeen {
		return m, JSONFieldMissing("/path")
	}
	return m, nil
}

func (m *Message) parseTopic(v jsondoc.View, outer *Topic) *Error {
	s, ok := v.Text(nil)
	if !ok {
		return JSONWrongKind("/topic", v.Kind(), jsondoc.KindString)
	}
	t, err := ParseTopic(s)
	if err != nil {
		return AsError(err)
	}
	if outer != nil && t != *outer {
		return TopicContradiction(s, outer.String())
	}
	m.Topic = t
	return nil
}

func (m *Message) parseHeaders(v jsondoc.View) *Error {
	switch v.Kind() {
	case jsondoc.KindNull:
	case jsondoc.KindObject:
		m.Headers.parse(v)
	default:
		return JSONWrongKind("/headers", v.Kind(), jsondoc.KindObject)
	}
	return nil
}

func (m *Message) parsePath(v jsondoc.View) *Error {
	s, ok := v.Text(nil)
	if !ok {
		return JSONWrongKind("/path", v.Kind(), jsondoc.KindString)
	}
	p, err := jsondoc.ParsePointer(s)
	if err != nil {
		return PointerInvalid(s, err)
	}
	m.Path = p
	return nil
}

// parseRare reads the members that most messages do not have. Members that
// the Ditto Protocol does not know are passed over, as in Ditto.
func (m *Message) parseRare(name string, v *jsondoc.Value) *Error {
	var ok bool
	switch name {
	case "status":
		var i int64
		if i, ok = v.Int(); !ok || i < 100 || i > 599 {
			return JSONWrongKind("/status", v.Kind(), jsondoc.KindNumber)
		}
		m.Status = int(i)
	case "revision":
		var i int64
		if i, ok = v.Int(); !ok || i < 0 {
			return JSONWrongKind("/revision", v.Kind(), jsondoc.KindNumber)
		}
		m.Revision = uint64(i)
	case "timestamp":
		s, isText := v.Text()
		t, err := time.Parse(time.RFC3339Nano, s)
		if !isText || err != nil {
			return JSONWrongKind("/timestamp", v.Kind(), jsondoc.KindString)
		}
		m.Timestamp = t
	case "fields":
		if m.Fields, ok = v.Text(); !ok && !v.IsNull() {
			return JSONWrongKind("/fields", v.Kind(), jsondoc.KindString)
		}
	case "extra":
		if v.Kind() != jsondoc.KindObject {
			return JSONWrongKind("/extra", v.Kind(), jsondoc.KindObject)
		}
		m.Extra = v
	}
	return nil
}

// AppendJSON appends the envelope as JSON, its members in Ditto's order.
func (m *Message) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"topic":"`...)
	if m.Topic.isPlain() {
		dst = m.Topic.AppendTo(dst)
	} else {
		quoted := jsondoc.AppendString(nil, m.Topic.String())
		dst = append(dst, quoted[1:len(quoted)-1]...)
	}
	dst = append(dst, `","headers":`...)
	dst = m.Headers.AppendJSON(dst)
	dst = append(dst, `,"path":`...)
	dst = appendPath(dst, m.Path)
	if m.Value != nil {
		dst = append(dst, `,"value":`...)
		dst = m.Value.AppendTo(dst)
	}
	if m.Extra != nil {
		dst = append(dst, `,"extra":`...)
		dst = m.Extra.AppendTo(dst)
	}
	if m.Status != 0 {
		dst = append(dst, `,"status":`...)
		dst = strconv.AppendInt(dst, int64(m.Status), 10)
	}
	if m.Revision != 0 {
		dst = append(dst, `,"revision":`...)
		dst = strconv.AppendUint(dst, m.Revision, 10)
	}
	if !m.Timestamp.IsZero() {
		dst = append(dst, `,"timestamp":"`...)
		dst = AppendTime(dst, m.Timestamp)
		dst = append(dst, '"')
	}
	if m.Fields != "" {
		dst = append(dst, `,"fields":`...)
		dst = jsondoc.AppendString(dst, m.Fields)
	}
	return append(dst, '}')
}

// appendPath writes the path in place when it needs no JSON escapes.
func appendPath(dst []byte, p jsondoc.Pointer) []byte {
	for _, name := range p {
		if !isPlain(name) {
			return jsondoc.AppendString(dst, p.String())
		}
	}
	dst = append(dst, '"')
	dst = p.AppendTo(dst)
	return append(dst, '"')
}

func (t *Topic) isPlain() bool {
	return isPlain(t.Namespace) && isPlain(t.Name) && isPlain(t.Action)
}

// isPlain says whether s stands in a JSON string as it is.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7F {
			return false
		}
	}
	return true
}

// AppendTime appends a point in time the way Ditto prints it (Java's
// Instant): in UTC, with a fraction of no, three, six or nine digits.
func AppendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(dst, time.RFC3339Nano)
	}
	hour, minute, second := t.Clock()
	dst = append(appendDigits(dst, year, 4), '-')
	dst = append(appendDigits(dst, int(month), 2), '-')
	dst = append(appendDigits(dst, day, 2), 'T')
	dst = append(appendDigits(dst, hour, 2), ':')
	dst = append(appendDigits(dst, minute, 2), ':')
	dst = appendDigits(dst, second, 2)
	if ns := t.Nanosecond(); ns != 0 {
		digits := 9
		for ns%1000 == 0 {
			ns /= 1000
			digits -= 3
		}
		dst = appendDigits(append(dst, '.'), ns, digits)
	}
	return append(dst, 'Z')
}

// appendDigits appends a number with exactly so many digits.
func appendDigits(dst []byte, n, digits int) []byte {
	var room [9]byte
	for i := digits - 1; i >= 0; i-- {
		room[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, room[:digits]...)
}
