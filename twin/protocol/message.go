package protocol

import (
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Message is a Ditto Protocol envelope.
type Message struct {
	Topic     Topic
	Headers   Headers
	Path      jsondoc.Pointer
	Value     *jsondoc.Value // nil: none
	Status    int            // 0: none
	Revision  uint64         // 0: none
	Timestamp time.Time      // zero: none
	Fields    string
	Extra     *jsondoc.Value // nil: none
}

// ParseMessage parses an envelope.
func ParseMessage(payload []byte, outer *Topic, lim jsondoc.Limits) (*Message, error) {
	panic("being written")
}

// AppendJSON appends the envelope as JSON.
func (m *Message) AppendJSON(dst []byte) []byte { panic("being written") }
