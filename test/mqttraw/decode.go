package mqttraw

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

var (
	errLength   = errors.New("remaining length has more than four bytes")
	errShort    = errors.New("packet ends too early")
	errTrailing = errors.New("packet has bytes after its end")
)

// Next cuts the first frame off buf: its first byte, its body (a part of buf),
// and how many bytes it took. n is 0 when buf holds no whole frame yet. It
// allocates nothing.
func Next(buf []byte) (first byte, body []byte, n int, err error) {
	if len(buf) < 2 {
		return 0, nil, 0, nil
	}
	size, i := int(buf[1]&0x7f), 2
	for buf[i-1]&0x80 != 0 {
		if i == 5 {
			return 0, nil, 0, errLength
		}
		if i == len(buf) {
			return 0, nil, 0, nil
		}
		size |= int(buf[i]&0x7f) << (7 * (i - 1))
		i++
	}
	if len(buf)-i < size {
		return 0, nil, 0, nil
	}
	return buf[0], buf[i : i+size], i + size, nil
}

// Packet is a received packet. Which fields mean something depends on Type.
type Packet struct {
	Type           byte
	QoS            byte // PUBLISH
	Dup            bool // PUBLISH
	Retain         bool // PUBLISH
	SessionPresent bool // CONNACK
	Reason         byte // CONNACK, acknowledgements, DISCONNECT, AUTH
	ID             uint16
	Topic          string
	Payload        []byte
	Reasons        []byte // SUBACK, UNSUBACK
	Props          *Properties
}

func (p *Packet) String() string {
	switch p.Type {
	case PUBLISH:
		return fmt.Sprintf("PUBLISH qos %d id %d dup %t retain %t %s %q", p.QoS, p.ID, p.Dup, p.Retain, p.Topic, p.Payload)
	case CONNACK:
		return fmt.Sprintf("CONNACK reason 0x%02x, session present %t", p.Reason, p.SessionPresent)
	case SUBACK, UNSUBACK:
		return fmt.Sprintf("%s id %d reasons %x", TypeName(p.Type), p.ID, p.Reasons)
	default:
		return fmt.Sprintf("%s id %d reason 0x%02x", TypeName(p.Type), p.ID, p.Reason)
	}
}

// Decode reads a packet that a server sends from its frame. It is strict: what
// the specification forbids is an error, so that a test sees it. The packet
// shares the body's memory for its payload only.
func Decode(version, first byte, body []byte) (*Packet, error) {
	p := &Packet{Type: first >> 4}
	flags := first & 0x0f
	r := &reader{b: body}
	switch p.Type {
	case PUBLISH:
		p.QoS, p.Dup, p.Retain = flags>>1&3, flags&8 != 0, flags&1 != 0
		p.decodePublish(r, version)
		flags = 0
	case CONNACK:
		ack := r.u8()
		p.SessionPresent, p.Reason = ack&1 != 0, r.u8()
		if ack > 1 {
			r.fail("CONNACK flags 0x%02x", ack)
		}
		if version == V5 {
			p.Props = decodeProperties(r)
		}
	case PUBACK, PUBREC, PUBREL, PUBCOMP:
		if p.Type == PUBREL {
			flags ^= 0x02
		}
		p.ID = r.u16()
		if version == V5 {
			p.decodeReason(r)
		}
	case SUBACK, UNSUBACK:
		p.ID = r.u16()
		if version == V5 {
			p.Props = decodeProperties(r)
		}
		p.Reasons = append([]byte{}, r.b...)
		r.b = nil
	case DISCONNECT, AUTH:
		if version != V5 {
			r.fail("sent to a client of MQTT 3.1.1")
		}
		p.decodeReason(r)
	case PINGRESP:
	default:
		r.fail("not a packet that a server sends")
	}
	if flags != 0 {
		r.fail("reserved flags 0x%02x", first&0x0f)
	}
	if r.err == nil && len(r.b) > 0 {
		r.err = errTrailing
	}
	if r.err != nil {
		return nil, fmt.Errorf("%s: %w", TypeName(p.Type), r.err)
	}
	return p, nil
}

func (p *Packet) decodePublish(r *reader, version byte) {
	p.Topic = r.str()
	if p.QoS == 3 {
		r.fail("QoS 3")
	}
	if p.QoS == 0 && p.Dup {
		r.fail("DUP at QoS 0")
	}
	if p.QoS > 0 {
		if p.ID = r.u16(); p.ID == 0 {
			r.fail("packet id 0")
		}
	}
	if version == V5 {
		p.Props = decodeProperties(r)
	}
	p.Payload, r.b = r.b, nil
}

// decodeReason reads what MQTT 5 lets a packet leave out: reason, properties.
func (p *Packet) decodeReason(r *reader) {
	if len(r.b) > 0 {
		p.Reason = r.u8()
	}
	if len(r.b) > 0 {
		p.Props = decodeProperties(r)
	}
}

// reader takes values off the front of b until the first mistake.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) take(n int) []byte {
	if r.err != nil || n > len(r.b) {
		if r.err == nil {
			r.err = errShort
		}
		r.b = nil
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u8() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) flag() *byte { v := r.u8(); return &v }

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) bytes() []byte { return r.take(int(r.u16())) }
func (r *reader) str() string   { return string(r.bytes()) }

func (r *reader) length() int {
	n := 0
	for shift := 0; shift < 28; shift += 7 {
		b := r.u8()
		n |= int(b&0x7f) << shift
		if b&0x80 == 0 {
			return n
		}
	}
	if r.err == nil {
		r.err = errLength
	}
	return 0
}

// unexpectedEnd says more than EOF where a packet has begun.
func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
