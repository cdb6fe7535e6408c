package protocol

import (
	"encoding/hex"
	"math/rand/v2"
)

// Correlate gives the message a correlation-id, a random UUID, where it has
// none, so that what comes of it can be told from everything else: Ditto adds
// one to whatever comes in by a connection or a WebSocket (its
// InboundDispatchingSink.appendInternalHeaders and WebSocketRoute.buildSignal),
// and it goes out with responses, errors and events. It says whether it did.
func (h *Headers) Correlate() (made bool) {
	if made = h.find(HeaderCorrelationID) < 0; made {
		h.SetString(HeaderCorrelationID, randomUUID())
	}
	return made
}

// randomUUID is a UUID of version 4 (RFC 9562, section 5.4). It tells messages
// apart and guards nothing, so it need not be hard to guess.
func randomUUID() string {
	var b [16]byte
	for i, n := 0, rand.Uint64(); i < 8; i, n = i+1, n>>8 {
		b[i] = byte(n)
	}
	for i, n := 8, rand.Uint64(); i < 16; i, n = i+1, n>>8 {
		b[i] = byte(n)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	var text [36]byte
	at := 0
	for i, part := range [...][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			text[at] = '-'
			at++
		}
		at += hex.Encode(text[at:], part)
	}
	return string(text[:])
}
