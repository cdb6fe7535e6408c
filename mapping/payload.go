package mapping

import (
	"bytes"
	"sync"
	"unicode/utf8"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// message is a message on its way through the rules: what templates and lines
// are filled in from, and room to write in, used again for the next one.
type message struct {
	in      *Input
	caps    [maxCaptures]string // what the pattern of the rule at hand took
	payload *jsondoc.Value      // nil: not parsed as JSON yet
	thing   protocol.ThingID    // what the rule at hand changes
	fault   string              // what a placeholder's function could not work with; "": nothing
	text    []byte              // room for a patch
	small   []byte              // room for a name or an ID
}

var messages = sync.Pool{New: func() any { return new(message) }}

func newMessage(in *Input) *message {
	m := messages.Get().(*message)
	m.in = in
	return m
}

// done gives the message's room back.
func (m *message) done() {
	const most = 64 << 10 // of room that is kept
	if cap(m.text)+cap(m.small) > most {
		return
	}
	*m = message{text: m.text[:0], small: m.small[:0]}
	messages.Put(m)
}

// value is the payload as the rule's format reads it; JSON is parsed once for
// all rules. It is not looked into here.
func (r *rule) value(m *message) (*jsondoc.Value, *protocol.Error) {
	switch r.format {
	case formatText:
		if !utf8.Valid(m.in.Payload) {
			return nil, r.refuse("the payload is not text: it is not valid UTF-8")
		}
		return jsondoc.String(string(m.in.Payload)), nil
	case formatNumber:
		text := bytes.Trim(m.in.Payload, " \t\r\n")
		n, err := jsondoc.Number(string(text))
		if err != nil {
			return nil, r.refuse("the payload %s is not a number as JSON writes them", excerpt(text, maxExcerpt))
		}
		return n, nil
	}
	if m.payload == nil {
		v, err := jsondoc.Parse(m.in.Payload, jsondoc.Limits{})
		if err != nil {
			return nil, r.refuse("the payload %s is not JSON: %v", excerpt(m.in.Payload, maxExcerpt), err)
		}
		m.payload = v
	}
	return m.payload, nil
}

// maxExcerpt is how many bytes of a payload an error message shows.
const maxExcerpt = 40

// excerpt is the beginning of what a client sent, quoted, for an error message.
func excerpt(sent []byte, most int) string {
	if len(sent) <= most {
		return quote(sent)
	}
	return quote(sent[:most]) + "…"
}

func quote(text []byte) string {
	return string(jsondoc.String(string(bytes.ToValidUTF8(text, []byte("\uFFFD")))).AppendTo(nil))
}
