package mapping

import (
	"bytes"
	"encoding/base64"
	"sync"
	"unicode/utf8"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// message is a message on its way through the rules: what templates and lines
// are filled in from, and room to write in, used again for the next one.
type message struct {
	in       *Input
	caps     [maxCaptures]string // what the pattern of the rule at hand took
	document *jsondoc.Value      // the whole, as the format of the rule at hand reads it
	value    *jsondoc.Value      // the payload: the whole, or an element of an array in it
	thing    protocol.ThingID    // what the rule at hand changes
	fault    string              // what a placeholder's function could not work with; "": nothing
	trace    *Trace              // nil unless somebody wants to know
	tracing  *RuleTrace          // of the rule at hand; nil likewise
	text     []byte              // room for a patch
	small    []byte              // room for a name or an ID

	reply    *Reply            // when the topic of a response is filled in
	response *protocol.Message // and that response

	json, cbor   *jsondoc.Value // the payload, once it is read as such
	variables    map[string]any // of the rule's expressions
	hasVariables bool
	whole        any // what they need of the document, once it is decoded; the same for all elements of "each"
	steps        int // that are left for all expressions
	made         int // the bytes of all changes
}

var messages = sync.Pool{New: func() any { return new(message) }}

func newMessage(in *Input) *message {
	m := messages.Get().(*message)
	m.in, m.steps = in, maxAllSteps
	return m
}

// done gives the message's room back.
func (m *message) done() {
	const most = 64 << 10 // of room that is kept
	if cap(m.text)+cap(m.small) > most {
		return
	}
	clear(m.variables)
	*m = message{text: m.text[:0], small: m.small[:0], variables: m.variables}
	messages.Put(m)
}

// read gives the whole payload as the rule's format reads it; JSON and CBOR
// are parsed once for all rules.
func (r *rule) read(m *message) (*jsondoc.Value, *protocol.Error) {
	payload := m.in.Payload
	switch r.format {
	case formatText:
		if !utf8.Valid(payload) {
			return nil, r.refuse("the payload is not text: it is not valid UTF-8%s", looksLike(payload))
		}
		return jsondoc.String(string(payload)), nil
	case formatNumber:
		return r.readNumber(payload)
	case formatBytes:
		return jsondoc.String(base64.StdEncoding.EncodeToString(payload)), nil
	case formatCBOR:
		if m.cbor == nil {
			v, err := decodeCBOR(payload)
			if err != nil {
				return nil, r.refuse("the payload is not CBOR that could be JSON: %v%s", err, looksLike(payload))
			}
			m.cbor = v
		}
		return m.cbor, nil
	}
	if m.json == nil {
		v, err := jsondoc.Parse(payload, jsondoc.Limits{})
		if err != nil {
			if len(payload) == 0 {
				return nil, r.refuse("the payload is empty, not JSON")
			}
			return nil, r.refuse("the payload %s is not JSON: %v%s", excerpt(payload, maxExcerpt), err, adviseJSON(payload, err))
		}
		m.json = v
	}
	return m.json, nil
}

// looksLike is advice for a payload that is something well-known instead.
func looksLike(payload []byte) string {
	for _, known := range []struct{ begin, name string }{
		{"\xFF\xD8\xFF", "a JPEG picture"}, {"\x89PNG\r\n\x1A\n", "a PNG picture"}, {"GIF8", "a GIF picture"},
		{"\x1F\x8B", "compressed by gzip"}, {"PK\x03\x04", "a ZIP file"}, {"<?xml", "XML"}, {"\xEF\xBB\xBF", "text that begins with a byte order mark"},
	} {
		if bytes.HasPrefix(payload, []byte(known.begin)) {
			return "; it looks like " + known.name
		}
	}
	return ""
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
