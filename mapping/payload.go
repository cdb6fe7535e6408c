package mapping

import (
	"bytes"
	"unicode/utf8"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

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
			return nil, r.refuse("the payload %s is not a number as JSON writes them", excerpt(text))
		}
		return n, nil
	}
	if m.payload == nil {
		v, err := jsondoc.Parse(m.in.Payload, jsondoc.Limits{})
		if err != nil {
			return nil, r.refuse("the payload %s is not JSON: %v", excerpt(m.in.Payload), err)
		}
		m.payload = v
	}
	return m.payload, nil
}

// excerpt is the beginning of a payload, quoted, for an error message.
func excerpt(payload []byte) string {
	const most = 40
	if len(payload) <= most {
		return quote(payload)
	}
	return quote(payload[:most]) + "…"
}

func quote(text []byte) string {
	return string(jsondoc.String(string(bytes.ToValidUTF8(text, []byte("\uFFFD")))).AppendTo(nil))
}
