package broker

import (
	"bytes"
	"sync"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

// envelope prints a message into memory of just its size, as it may wait for
// somebody.
func envelope(m *protocol.Message) []byte {
	room := envelopeRoom.Get().(*[]byte)
	text := m.AppendJSON((*room)[:0])
	out := bytes.Clone(text)
	if *room = text; cap(text) <= 64<<10 {
		envelopeRoom.Put(room)
	}
	return out
}

var envelopeRoom = sync.Pool{New: func() any {
	room := make([]byte, 0, 1<<10)
	return &room
}}
