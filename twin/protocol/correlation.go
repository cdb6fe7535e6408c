package protocol

import (
	"math/rand/v2"
)

// Correlate gives the message a correlation-id, a random UUID, where it has
// none, so that what comes of it can be told from everything else: Ditto adds
// one to whatever comes in by a connection or a WebSocket (its
// InboundDispatchingSink.appendInternalHeaders and WebSocketRoute.buildSignal),
// and it goes out with responses, errors and events. It says whether it did.
func (h *Headers) Correlate() (made bool) {
	if made = h.find(HeaderCorrelationID) < 0; made {
		h.list = append(h.list, header{name: HeaderCorrelationID, text: randomUUID(), rule: correlationRule})
	}
	return made
}

var correlationRule = RuleOf(HeaderCorrelationID)

// randomUUID is a UUID of version 4 (RFC 9562, section 5.4). It tells messages
// apart and guards nothing, so it need not be hard to guess.
func randomUUID() string {
	const digits = "0123456789abcdef"
	high := rand.Uint64()&^(0xf<<12) | 4<<12
	low := rand.Uint64()&^(3<<62) | 2<<62
	var text [36]byte
	for at := range text {
		switch at {
		case 8, 13, 18, 23:
			text[at] = '-'
			continue
		}
		text[at] = digits[high>>60]
		high = high<<4 | low>>60
		low <<= 4
	}
	return string(text[:])
}
