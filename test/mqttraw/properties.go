package mqttraw

import (
	"encoding/binary"
	"fmt"
)

// Properties are the properties of one MQTT 5 packet (section 2.2.2.2). The
// zero value of a field means that it is not sent; where nought has a meaning
// of its own, the field is a pointer. Raw is appended as it is, for properties
// that are wrong on purpose.
type Properties struct {
	PayloadFormat    byte   // 0x01
	MessageExpiry    uint32 // 0x02
	ContentType      string // 0x03
	ResponseTopic    string // 0x08
	CorrelationData  []byte // 0x09
	SubscriptionIDs  []int  // 0x0B
	SessionExpiry    uint32 // 0x11
	AssignedClientID string // 0x12
	ServerKeepAlive  uint16 // 0x13
	AuthMethod       string // 0x15
	AuthData         []byte // 0x16
	ProblemInfo      *byte  // 0x17
	WillDelay        uint32 // 0x18
	ResponseInfo     byte   // 0x19
	ResponseInfoText string // 0x1A
	ServerReference  string // 0x1C
	ReasonString     string // 0x1F
	ReceiveMaximum   uint16 // 0x21
	TopicAliasMax    uint16 // 0x22
	TopicAlias       uint16 // 0x23
	MaximumQoS       *byte  // 0x24
	RetainAvailable  *byte  // 0x25
	User             [][2]string
	MaximumPacket    uint32 // 0x27
	WildcardSub      *byte  // 0x28
	SubscriptionID   *byte  // 0x29: subscription identifiers available
	SharedSub        *byte  // 0x2A
	Raw              []byte
}

// UserValue is the first user property of that name, and whether there is one.
func (p *Properties) UserValue(name string) (string, bool) {
	if p != nil {
		for _, u := range p.User {
			if u[0] == name {
				return u[1], true
			}
		}
	}
	return "", false
}

// appendProperties writes the length and the properties; nil is an empty list.
func appendProperties(dst []byte, p *Properties) []byte {
	if p == nil {
		return append(dst, 0)
	}
	var room [256]byte
	body := p.appendTo(room[:0])
	dst = AppendLength(dst, len(body))
	return append(dst, body...)
}

func (p *Properties) appendTo(b []byte) []byte {
	b = propByte(b, 0x01, p.PayloadFormat)
	b = prop4(b, 0x02, p.MessageExpiry)
	b = propString(b, 0x03, p.ContentType)
	b = propString(b, 0x08, p.ResponseTopic)
	if p.CorrelationData != nil {
		b = appendBytes(append(b, 0x09), p.CorrelationData)
	}
	for _, id := range p.SubscriptionIDs {
		b = AppendLength(append(b, 0x0B), id)
	}
	b = prop4(b, 0x11, p.SessionExpiry)
	b = propString(b, 0x12, p.AssignedClientID)
	b = prop2(b, 0x13, p.ServerKeepAlive)
	b = propString(b, 0x15, p.AuthMethod)
	if p.AuthData != nil {
		b = appendBytes(append(b, 0x16), p.AuthData)
	}
	b = propFlag(b, 0x17, p.ProblemInfo)
	b = prop4(b, 0x18, p.WillDelay)
	b = propByte(b, 0x19, p.ResponseInfo)
	b = propString(b, 0x1A, p.ResponseInfoText)
	b = propString(b, 0x1C, p.ServerReference)
	b = propString(b, 0x1F, p.ReasonString)
	b = prop2(b, 0x21, p.ReceiveMaximum)
	b = prop2(b, 0x22, p.TopicAliasMax)
	b = prop2(b, 0x23, p.TopicAlias)
	b = propFlag(b, 0x24, p.MaximumQoS)
	b = propFlag(b, 0x25, p.RetainAvailable)
	for _, u := range p.User {
		b = appendString(appendString(append(b, 0x26), u[0]), u[1])
	}
	b = prop4(b, 0x27, p.MaximumPacket)
	b = propFlag(b, 0x28, p.WildcardSub)
	b = propFlag(b, 0x29, p.SubscriptionID)
	b = propFlag(b, 0x2A, p.SharedSub)
	return append(b, p.Raw...)
}

func propByte(b []byte, id, v byte) []byte {
	if v == 0 {
		return b
	}
	return append(b, id, v)
}

func propFlag(b []byte, id byte, v *byte) []byte {
	if v == nil {
		return b
	}
	return append(b, id, *v)
}

func prop2(b []byte, id byte, v uint16) []byte {
	if v == 0 {
		return b
	}
	return binary.BigEndian.AppendUint16(append(b, id), v)
}

func prop4(b []byte, id byte, v uint32) []byte {
	if v == 0 {
		return b
	}
	return binary.BigEndian.AppendUint32(append(b, id), v)
}

func propString(b []byte, id byte, v string) []byte {
	if v == "" {
		return b
	}
	return appendString(append(b, id), v)
}

// decodeProperties reads a property list off the reader; nil when it is empty.
func decodeProperties(r *reader) *Properties {
	n := r.length()
	if n == 0 || r.err != nil {
		return nil
	}
	in := reader{b: r.take(n), err: r.err}
	p := &Properties{}
	for in.err == nil && len(in.b) > 0 {
		p.decodeOne(&in)
	}
	if in.err != nil {
		r.err = in.err
	}
	return p
}

func (p *Properties) decodeOne(r *reader) {
	switch id := r.u8(); id {
	case 0x01:
		p.PayloadFormat = r.u8()
	case 0x02:
		p.MessageExpiry = r.u32()
	case 0x03:
		p.ContentType = r.str()
	case 0x08:
		p.ResponseTopic = r.str()
	case 0x09:
		p.CorrelationData = append([]byte{}, r.bytes()...)
	case 0x0B:
		p.SubscriptionIDs = append(p.SubscriptionIDs, r.length())
	case 0x11:
		p.SessionExpiry = r.u32()
	case 0x12:
		p.AssignedClientID = r.str()
	case 0x13:
		p.ServerKeepAlive = r.u16()
	case 0x15:
		p.AuthMethod = r.str()
	case 0x16:
		p.AuthData = append([]byte{}, r.bytes()...)
	case 0x17:
		p.ProblemInfo = r.flag()
	case 0x18:
		p.WillDelay = r.u32()
	case 0x19:
		p.ResponseInfo = r.u8()
	case 0x1A:
		p.ResponseInfoText = r.str()
	case 0x1C:
		p.ServerReference = r.str()
	case 0x1F:
		p.ReasonString = r.str()
	case 0x21:
		p.ReceiveMaximum = r.u16()
	case 0x22:
		p.TopicAliasMax = r.u16()
	case 0x23:
		p.TopicAlias = r.u16()
	case 0x24:
		p.MaximumQoS = r.flag()
	case 0x25:
		p.RetainAvailable = r.flag()
	case 0x26:
		p.User = append(p.User, [2]string{r.str(), r.str()})
	case 0x27:
		p.MaximumPacket = r.u32()
	case 0x28:
		p.WildcardSub = r.flag()
	case 0x29:
		p.SubscriptionID = r.flag()
	case 0x2A:
		p.SharedSub = r.flag()
	default:
		if r.err == nil {
			r.err = fmt.Errorf("unknown property 0x%02x", id)
		}
	}
}
