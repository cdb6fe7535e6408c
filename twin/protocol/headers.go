package protocol

import (
	"iter"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Headers are the headers of a message, in their order.
type Headers struct{ list []header }

type header struct {
	key   string
	value *jsondoc.Value
}

// Get is the header as text.
func (h *Headers) Get(key string) (string, bool) { panic("being written") }

// Value is the header's JSON value, nil when there is none.
func (h *Headers) Value(key string) *jsondoc.Value { panic("being written") }

// Set sets a header.
func (h *Headers) Set(key string, v *jsondoc.Value) { panic("being written") }

// SetString sets a header to a text.
func (h *Headers) SetString(key, text string) { panic("being written") }

// Delete takes a header out.
func (h *Headers) Delete(key string) { panic("being written") }

// Len is the number of headers.
func (h *Headers) Len() int { return len(h.list) }

// All goes through the headers in their order.
func (h *Headers) All() iter.Seq2[string, *jsondoc.Value] { panic("being written") }

// Clone is a copy that can be changed.
func (h *Headers) Clone() Headers { panic("being written") }

// CorrelationID is the header correlation-id.
func (h *Headers) CorrelationID() string { panic("being written") }

// ResponseRequired is the header response-required, true when absent.
func (h *Headers) ResponseRequired() bool { panic("being written") }

// ReplyTo is the header reply-to.
func (h *Headers) ReplyTo() string { panic("being written") }

// ContentType is the header content-type.
func (h *Headers) ContentType() string { panic("being written") }
