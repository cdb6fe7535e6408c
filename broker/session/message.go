package session

import (
	"encoding/binary"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Message is an application message on its way to clients. All recipients
// share it, so it does not change once it was handed to the registry.
type Message struct {
	Topic   string
	Payload []byte
	QoS     byte   // the most that a delivery may have; the subscription lowers it
	Retain  bool   // as it was published
	From    string // client identifier of the publisher, for No Local; empty: the broker itself
	Props   Properties
	Expires time.Time // zero: never (MQTT 5.0 section 3.3.2.3.3)
	Of      Signal    // nil: whoever may have the message has all of it
}

// Signal is what a message tells of where clients may not all have the same of
// it. Its methods may be called from any goroutine.
type Signal interface {
	// View gives the message as that client may have it by the rights of now,
	// nil when it may have nothing of it. Clients who may have the same share
	// one message.
	View(who *Peer) *Message
}

// Properties are those MQTT 5 properties of a publish that travel with it to
// the subscribers (MQTT 5.0 section 3.3.2.3).
type Properties struct {
	UTF8          bool // the payload format indicator
	ContentType   string
	ResponseTopic string
	Correlation   []byte
	User          []packets.UserProperty
}

// size is about what the message takes in a queue.
func (m *Message) size() int {
	n := len(m.Topic) + len(m.Payload) + len(m.Props.ContentType) + len(m.Props.ResponseTopic) + len(m.Props.Correlation)
	for _, u := range m.Props.User {
		n += len(u.Key) + len(u.Val)
	}
	if m.Of != nil {
		n += len(m.Payload) // which it holds too, in one form or another
	}
	return n + 64
}

func (m *Message) expired(now time.Time) bool {
	return !m.Expires.IsZero() && !now.Before(m.Expires)
}

const (
	propPayloadFormat       = 0x01
	propMessageExpiry       = 0x02
	propContentType         = 0x03
	propResponseTopic       = 0x08
	propCorrelation         = 0x09
	propSubscriptionID      = 0x0B
	propReasonString        = 0x1F
	propUser                = 0x26
	maxRemaining            = 268_435_455
	typePublish        byte = 3
)

// appendPublish appends the PUBLISH packet that delivers d to a client of the
// given protocol version (MQTT 5.0 section 3.3).
func appendPublish(dst []byte, d *delivery, version byte, id uint16, dup bool, now time.Time) []byte {
	m := d.msg
	var props int
	remaining := 2 + len(m.Topic) + len(m.Payload)
	if d.qos > 0 {
		remaining += 2
	}
	if version >= 5 {
		props = m.propertiesLen(d.ids)
		remaining += varintLen(props) + props
	}
	first := typePublish<<4 | d.qos<<1
	if d.retain {
		first |= 1
	}
	if dup {
		first |= 8
	}
	dst = append(dst, first)
	dst = appendVarint(dst, remaining)
	dst = appendString(dst, m.Topic)
	if d.qos > 0 {
		dst = binary.BigEndian.AppendUint16(dst, id)
	}
	if version >= 5 {
		dst = appendVarint(dst, props)
		dst = m.appendProperties(dst, d.ids, now)
	}
	return append(dst, m.Payload...)
}

func (m *Message) propertiesLen(ids []int) int {
	p := &m.Props
	n := 0
	if p.UTF8 {
		n += 2
	}
	if !m.Expires.IsZero() {
		n += 5
	}
	if p.ContentType != "" {
		n += 3 + len(p.ContentType)
	}
	if p.ResponseTopic != "" {
		n += 3 + len(p.ResponseTopic)
	}
	if len(p.Correlation) > 0 {
		n += 3 + len(p.Correlation)
	}
	for _, id := range ids {
		n += 1 + varintLen(id)
	}
	for _, u := range p.User {
		n += 5 + len(u.Key) + len(u.Val)
	}
	return n
}

func (m *Message) appendProperties(dst []byte, ids []int, now time.Time) []byte {
	p := &m.Props
	if p.UTF8 {
		dst = append(dst, propPayloadFormat, 1)
	}
	if !m.Expires.IsZero() {
		left := max(1, int64(m.Expires.Sub(now)/time.Second))
		dst = append(dst, propMessageExpiry)
		dst = binary.BigEndian.AppendUint32(dst, uint32(left))
	}
	if p.ContentType != "" {
		dst = appendString(append(dst, propContentType), p.ContentType)
	}
	if p.ResponseTopic != "" {
		dst = appendString(append(dst, propResponseTopic), p.ResponseTopic)
	}
	if len(p.Correlation) > 0 {
		dst = appendString(append(dst, propCorrelation), p.Correlation)
	}
	for _, id := range ids {
		dst = appendVarint(append(dst, propSubscriptionID), id)
	}
	for _, u := range p.User {
		dst = appendString(append(dst, propUser), u.Key)
		dst = appendString(dst, u.Val)
	}
	return dst
}

// appendAck appends a PUBACK, PUBREC, PUBREL or PUBCOMP (MQTT 5.0 sections 3.4
// to 3.7). The reason goes to MQTT 5 clients only.
func appendAck(dst []byte, kind byte, version byte, id uint16, code byte, reason string) []byte {
	first := kind << 4
	if kind == packets.Pubrel {
		first |= 2
	}
	if version < 5 || (code == 0 && reason == "") {
		return append(dst, first, 2, byte(id>>8), byte(id))
	}
	props := 0
	if reason != "" {
		props = 3 + len(reason)
	}
	remaining := 3
	if props > 0 {
		remaining += varintLen(props) + props
	}
	dst = append(dst, first)
	dst = appendVarint(dst, remaining)
	dst = append(dst, byte(id>>8), byte(id), code)
	if props > 0 {
		dst = appendVarint(dst, props)
		dst = appendString(append(dst, propReasonString), reason)
	}
	return dst
}

// appendSubscribed appends a SUBACK or UNSUBACK (MQTT 5.0 sections 3.9, 3.11).
// An UNSUBACK of MQTT 3 has no codes.
func appendSubscribed(dst []byte, kind byte, version byte, id uint16, codes []byte, reason string) []byte {
	if version < 5 && kind == packets.Unsuback {
		codes = nil
	}
	remaining := 2 + len(codes)
	props := 0
	if version >= 5 {
		if reason != "" {
			props = 3 + len(reason)
		}
		remaining += varintLen(props) + props
	}
	dst = append(dst, kind<<4)
	dst = appendVarint(dst, remaining)
	dst = binary.BigEndian.AppendUint16(dst, id)
	if version >= 5 {
		dst = appendVarint(dst, props)
		if reason != "" {
			dst = appendString(append(dst, propReasonString), reason)
		}
	}
	return append(dst, codes...)
}

// appendDisconnect appends a DISCONNECT, which only MQTT 5 servers send (MQTT
// 5.0 section 3.14).
func appendDisconnect(dst []byte, code byte, reason string) []byte {
	if reason == "" {
		return append(dst, packets.Disconnect<<4, 1, code)
	}
	props := 3 + len(reason)
	dst = append(dst, packets.Disconnect<<4)
	dst = appendVarint(dst, 1+varintLen(props)+props)
	dst = append(dst, code)
	dst = appendVarint(dst, props)
	return appendString(append(dst, propReasonString), reason)
}

func appendString[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
	return append(dst, s...)
}

func varintLen(n int) int {
	switch {
	case n < 1<<7:
		return 1
	case n < 1<<14:
		return 2
	case n < 1<<21:
		return 3
	}
	return 4
}

func appendVarint(dst []byte, n int) []byte {
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}
