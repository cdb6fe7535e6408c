package protocol

import (
	"iter"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Headers are the headers of a message, in their order. Names are matched
// without regard to case and printed as they came; values are JSON values. The
// zero value has no headers and can be used.
type Headers struct {
	list []header
	asks Asks // found by Admit
}

type header struct {
	name  string         // as it came
	text  string         // the value, when value is nil
	value *jsondoc.Value // nil: a string, text
	rule  *HeaderRule    // nil: not looked up yet
}

// key is the name in lower case.
func (hd *header) key() string {
	for i := range len(hd.name) {
		if c := hd.name[i]; 'A' <= c && c <= 'Z' || c >= 0x80 {
			return strings.ToLower(hd.name)
		}
	}
	return hd.name
}

func (h *Headers) find(key string) int {
	for i := range h.list {
		if n := h.list[i].name; len(n) == len(key) && (n == key || strings.EqualFold(n, key)) {
			return i
		}
	}
	return -1
}

// Get is a header as text: a string's characters, the JSON text of any other
// value. False when there is no such header.
func (h *Headers) Get(key string) (string, bool) {
	i := h.find(key)
	if i < 0 {
		return "", false
	}
	return h.list[i].asText(), true
}

func (hd *header) asText() string {
	if hd.value == nil {
		return hd.text
	}
	if s, ok := hd.value.Text(); ok {
		return s
	}
	return hd.value.String()
}

func (hd *header) asValue() *jsondoc.Value {
	if hd.value == nil {
		return jsondoc.String(hd.text)
	}
	return hd.value
}

// Value is a header's JSON value, nil when there is no such header.
func (h *Headers) Value(key string) *jsondoc.Value {
	i := h.find(key)
	if i < 0 {
		return nil
	}
	return h.list[i].asValue()
}

// Set sets a header; one that is there already keeps its place and its
// spelling. Setting it to nil or to JSON's null deletes it.
func (h *Headers) Set(key string, v *jsondoc.Value) {
	if v == nil || v.IsNull() {
		h.Delete(key)
		return
	}
	h.set(key, "", v)
}

// SetString sets a header to a text.
func (h *Headers) SetString(key, text string) { h.set(key, text, nil) }

func (h *Headers) set(key, text string, v *jsondoc.Value) {
	if i := h.find(key); i >= 0 {
		h.list[i].text, h.list[i].value = text, v
		return
	}
	h.list = append(h.list, header{name: key, text: text, value: v})
}

// Delete takes a header out.
func (h *Headers) Delete(key string) {
	if i := h.find(key); i >= 0 {
		h.list = append(h.list[:i], h.list[i+1:]...)
	}
}

// Len is the number of headers.
func (h *Headers) Len() int { return len(h.list) }

// All goes through the headers in their order, with their names as they came.
func (h *Headers) All() iter.Seq2[string, *jsondoc.Value] {
	return func(yield func(string, *jsondoc.Value) bool) {
		for i := range h.list {
			if !yield(h.list[i].name, h.list[i].asValue()) {
				return
			}
		}
	}
}

// Clone is a copy that can be changed.
func (h *Headers) Clone() Headers {
	if len(h.list) == 0 {
		return Headers{}
	}
	// Room for what responses and events add.
	return Headers{list: append(make([]header, 0, len(h.list)+4), h.list...)}
}

// AppendJSON appends the headers as a JSON object.
func (h *Headers) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for i := range h.list {
		hd := &h.list[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = jsondoc.AppendString(dst, hd.name)
		dst = append(dst, ':')
		if hd.value == nil {
			dst = jsondoc.AppendString(dst, hd.text)
		} else {
			dst = hd.value.AppendTo(dst)
		}
	}
	return append(dst, '}')
}

// CorrelationID is the header correlation-id, "" when there is none.
func (h *Headers) CorrelationID() string {
	s, _ := h.Get(HeaderCorrelationID)
	return s
}

// ResponseRequired is the header response-required, true when there is none.
// Where it is false, nobody is told what went well; an error goes to the
// client's own reply topic (Ditto's page basic-acknowledgements). In what is
// sent out it is always false, as nobody has to answer that.
func (h *Headers) ResponseRequired() bool {
	s, ok := h.Get(HeaderResponseRequired)
	return !ok || s != "false"
}

// ReplyTo is the header reply-to, "" when there is none.
func (h *Headers) ReplyTo() string {
	s, _ := h.Get(HeaderReplyTo)
	return s
}

// ContentType is the header content-type, "" when there is none.
func (h *Headers) ContentType() string {
	s, _ := h.Get(HeaderContentType)
	return s
}

// parse reads the headers of an envelope; a null stands for no header,
// as in Ditto. Of two that differ only in case the last one counts.
func (h *Headers) parse(v jsondoc.View) {
	n := v.Len()
	if n > cap(h.list) {
		h.list = make([]header, 0, n)
	}
	places := h.places(n)
	for name, value := range v.Members() {
		if text, ok := value.Plain(); ok && isPlain(text) { // it is written again as it came
			places.set(name, text, nil)
		} else if value.Kind() != jsondoc.KindNull {
			places.set(name, "", value.Value())
		}
	}
}

// AddMissing sets those of n headers, names and texts, that are not set yet; of
// several with one name the first counts.
func (h *Headers) AddMissing(n int, all iter.Seq2[string, string]) {
	places := h.places(n)
	for name, text := range all {
		if places.find(name) < 0 {
			places.set(name, text, nil)
		}
	}
}

// places finds headers while many are set. A client may send tens of thousands
// in one message, which takes too long when each is looked for in the list.
type places struct {
	*Headers
	byKey map[string]int // nil where there are but a few
}

func (h *Headers) places(more int) places {
	const few = 32
	if len(h.list)+more <= few {
		return places{Headers: h}
	}
	p := places{h, make(map[string]int, len(h.list)+more)}
	for i := range h.list {
		p.byKey[h.list[i].key()] = i
	}
	return p
}

func (p *places) find(name string) int {
	if p.byKey == nil {
		return p.Headers.find(name)
	}
	one := header{name: name}
	if i, ok := p.byKey[one.key()]; ok {
		return i
	}
	return -1
}

func (p *places) set(name, text string, v *jsondoc.Value) {
	one := header{name: name, text: text, value: v}
	if i := p.find(name); i >= 0 {
		p.list[i].text, p.list[i].value = text, v
		return
	}
	if p.byKey != nil {
		p.byKey[one.key()] = len(p.list)
	}
	p.list = append(p.list, one)
}
