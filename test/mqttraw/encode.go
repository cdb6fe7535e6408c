package mqttraw

import "encoding/binary"

// AppendLength appends a variable byte integer (MQTT 5 section 1.5.5).
func AppendLength(dst []byte, n int) []byte {
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}

func appendString(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
	return append(dst, s...)
}

func appendBytes(dst, b []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(b)))
	return append(dst, b...)
}

// AppendFrame appends a packet from its first byte and its body, whatever they
// are: the way to forge one.
func AppendFrame(dst []byte, first byte, body []byte) []byte {
	dst = AppendLength(append(dst, first), len(body))
	return append(dst, body...)
}

// Will is the message that a broker sends when the connection is lost.
type Will struct {
	Topic   string
	Payload []byte
	QoS     byte
	Retain  bool
	Props   *Properties // MQTT 5 only
}

// AppendConnect appends a CONNECT packet (section 3.1). A user name or password
// is sent when it is not empty.
func AppendConnect(dst []byte, o *Options) []byte {
	body := make([]byte, 0, 128)
	body = append(appendString(body, "MQTT"), o.version())
	var flags byte
	if o.Clean {
		flags |= 0x02
	}
	if w := o.Will; w != nil {
		flags |= 0x04 | w.QoS<<3
		if w.Retain {
			flags |= 0x20
		}
	}
	if o.Password != "" {
		flags |= 0x40
	}
	if o.Username != "" {
		flags |= 0x80
	}
	body = binary.BigEndian.AppendUint16(append(body, flags), o.KeepAlive)
	if o.version() == V5 {
		p := Properties{}
		if o.Props != nil {
			p = *o.Props
		}
		if o.ReceiveMaximum != 0 {
			p.ReceiveMaximum = o.ReceiveMaximum
		}
		if o.SessionExpiry != 0 {
			p.SessionExpiry = o.SessionExpiry
		}
		body = appendProperties(body, &p)
	}
	body = appendString(body, o.ClientID)
	if w := o.Will; w != nil {
		if o.version() == V5 {
			body = appendProperties(body, w.Props)
		}
		body = appendBytes(appendString(body, w.Topic), w.Payload)
	}
	if o.Username != "" {
		body = appendString(body, o.Username)
	}
	if o.Password != "" {
		body = appendString(body, o.Password)
	}
	return AppendFrame(dst, CONNECT<<4, body)
}

// Publish is an outgoing PUBLISH. ID is sent whenever QoS is above nought, even
// when it is 0; nothing is checked.
type Publish struct {
	Topic   string
	Payload []byte
	QoS     byte
	ID      uint16
	Dup     bool
	Retain  bool
	Props   *Properties // MQTT 5 only
}

// AppendPublish appends a PUBLISH packet (section 3.3).
func AppendPublish(dst []byte, version byte, p *Publish) []byte {
	first := PUBLISH<<4 | p.QoS<<1
	if p.Dup {
		first |= 0x08
	}
	if p.Retain {
		first |= 0x01
	}
	n := 2 + len(p.Topic) + len(p.Payload)
	if p.QoS > 0 {
		n += 2
	}
	var room [128]byte
	props := room[:0]
	if version == V5 {
		props = appendProperties(props, p.Props)
		n += len(props)
	}
	dst = appendString(AppendLength(append(dst, first), n), p.Topic)
	if p.QoS > 0 {
		dst = binary.BigEndian.AppendUint16(dst, p.ID)
	}
	dst = append(dst, props...)
	return append(dst, p.Payload...)
}

// AppendAck appends a PUBACK, PUBREC, PUBREL or PUBCOMP. A reason other than 0
// is sent, which only MQTT 5 knows.
func AppendAck(dst []byte, typ byte, id uint16, reason byte) []byte {
	first := typ << 4
	if typ == PUBREL {
		first |= 0x02
	}
	if reason == 0 {
		return append(dst, first, 2, byte(id>>8), byte(id))
	}
	return append(dst, first, 3, byte(id>>8), byte(id), reason)
}

// Subscription is one filter of a SUBSCRIBE with its options.
type Subscription struct {
	Filter            string
	QoS               byte
	NoLocal           bool // MQTT 5
	RetainAsPublished bool // MQTT 5
	RetainHandling    byte // MQTT 5: 0, 1, 2
}

// AppendSubscribe appends a SUBSCRIBE packet (section 3.8).
func AppendSubscribe(dst []byte, version byte, id uint16, props *Properties, subs ...Subscription) []byte {
	body := binary.BigEndian.AppendUint16(make([]byte, 0, 64), id)
	if version == V5 {
		body = appendProperties(body, props)
	}
	for _, s := range subs {
		o := s.QoS
		if s.NoLocal {
			o |= 0x04
		}
		if s.RetainAsPublished {
			o |= 0x08
		}
		o |= s.RetainHandling << 4
		body = append(appendString(body, s.Filter), o)
	}
	return AppendFrame(dst, SUBSCRIBE<<4|0x02, body)
}

// AppendUnsubscribe appends an UNSUBSCRIBE packet (section 3.10).
func AppendUnsubscribe(dst []byte, version byte, id uint16, filters ...string) []byte {
	body := binary.BigEndian.AppendUint16(make([]byte, 0, 64), id)
	if version == V5 {
		body = append(body, 0)
	}
	for _, f := range filters {
		body = appendString(body, f)
	}
	return AppendFrame(dst, UNSUBSCRIBE<<4|0x02, body)
}

// AppendPing appends a PINGREQ packet.
func AppendPing(dst []byte) []byte { return append(dst, PINGREQ<<4, 0) }

// AppendDisconnect appends a DISCONNECT packet (section 3.14); reason and
// properties are MQTT 5's.
func AppendDisconnect(dst []byte, version, reason byte, props *Properties) []byte {
	if version != V5 || reason == 0 && props == nil {
		return append(dst, DISCONNECT<<4, 0)
	}
	return AppendFrame(dst, DISCONNECT<<4, appendProperties([]byte{reason}, props))
}
