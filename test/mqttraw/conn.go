package mqttraw

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// Options say how to connect. The zero value is an MQTT 3.1.1 client with a
// broker-given name, a session that stays (Clean false), and no keep alive.
type Options struct {
	ClientID       string
	Version        byte // V311 (also 0) or V5
	Clean          bool // clean session, clean start
	KeepAlive      uint16
	Username       string
	Password       string
	Will           *Will
	ReceiveMaximum uint16 // MQTT 5
	SessionExpiry  uint32 // MQTT 5
	Props          *Properties

	Timeout    time.Duration // of dialling and of each read; 10 s when 0
	ReadBuffer int           // size of the socket's receive buffer, to have a stalled reader felt soon
	Dial       func(addr string) (net.Conn, error)
}

func (o *Options) version() byte {
	if o.Version == 0 {
		return V311
	}
	return o.Version
}

// Connack is the broker's answer to CONNECT.
type Connack struct {
	SessionPresent bool
	Reason         byte
	Props          *Properties // nil when there are none
}

// RefusedError is returned by Dial when the broker answers CONNECT with a
// reason other than success; the Connack is returned beside it.
type RefusedError struct{ Reason byte }

func (e *RefusedError) Error() string { return fmt.Sprintf("connect refused: reason 0x%02x", e.Reason) }

// Conn is one connection. Reading and writing may happen on two goroutines;
// each of them is for one goroutine at a time.
type Conn struct {
	net     net.Conn
	r       *bufio.Reader
	out     []byte
	version byte
	timeout time.Duration
	body    []byte    // the last frame's body, used again
	kept    []*Packet // read while waiting for another
}

// Dial connects to "host:port" or "tcp://host:port" and makes the MQTT
// handshake.
func Dial(addr string, o Options) (*Conn, Connack, error) {
	c, err := Open(addr, o)
	if err != nil {
		return nil, Connack{}, err
	}
	ack, err := c.Handshake(o)
	if err != nil {
		_ = c.Close()
		return nil, ack, err
	}
	return c, ack, nil
}

// Open connects without sending anything.
func Open(addr string, o Options) (*Conn, error) {
	addr = strings.TrimPrefix(addr, "tcp://")
	timeout := o.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	dial := o.Dial
	if dial == nil {
		d := net.Dialer{Timeout: timeout}
		if o.ReadBuffer > 0 {
			// Before the connection is made: the window is announced then.
			d.Control = func(_, _ string, raw syscall.RawConn) error { return setReceiveBuffer(raw, o.ReadBuffer) }
		}
		dial = func(addr string) (net.Conn, error) { return d.Dial("tcp", addr) }
	}
	nc, err := dial(addr)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return &Conn{net: nc, r: bufio.NewReaderSize(nc, 64<<10), version: o.version(), timeout: timeout}, nil
}

// Handshake sends CONNECT and waits for CONNACK. An Options.Clean of false with
// an empty ClientID is sent as it is.
func (c *Conn) Handshake(o Options) (Connack, error) {
	if err := c.WriteRaw(AppendConnect(nil, &o)); err != nil {
		return Connack{}, err
	}
	p, err := c.ReadPacket()
	if err != nil {
		return Connack{}, fmt.Errorf("waiting for CONNACK: %w", err)
	}
	if p.Type != CONNACK {
		return Connack{}, fmt.Errorf("waiting for CONNACK: got %s", p)
	}
	ack := Connack{SessionPresent: p.SessionPresent, Reason: p.Reason, Props: p.Props}
	if p.Reason != 0 {
		return ack, &RefusedError{Reason: p.Reason}
	}
	return ack, nil
}

// Version is the protocol level that this connection speaks.
func (c *Conn) Version() byte { return c.version }

// NetConn is the connection beneath, for deadlines, half closes and the like.
func (c *Conn) NetConn() net.Conn { return c.net }

// WriteRaw writes what was queued, then these bytes.
func (c *Conn) WriteRaw(b []byte) error {
	c.out = append(c.out, b...)
	return c.Flush()
}

// Flush writes what was queued, in one write.
func (c *Conn) Flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.net.Write(c.out)
	c.out = c.out[:0]
	return err
}

// Queue encodes a PUBLISH behind what waits to be flushed.
func (c *Conn) Queue(p *Publish) { c.out = AppendPublish(c.out, c.version, p) }

// QueueAck encodes an acknowledgement behind what waits to be flushed.
func (c *Conn) QueueAck(typ byte, id uint16, reason byte) { c.out = AppendAck(c.out, typ, id, reason) }

// Publish sends a PUBLISH and waits for nothing.
func (c *Conn) Publish(p *Publish) error {
	c.Queue(p)
	return c.Flush()
}

// Ack sends a PUBACK, PUBREC, PUBREL or PUBCOMP.
func (c *Conn) Ack(typ byte, id uint16, reason byte) error {
	c.QueueAck(typ, id, reason)
	return c.Flush()
}

// Subscribe sends a SUBSCRIBE and waits for its SUBACK, whose reasons it
// returns. Packets that come before it are kept for ReadPacket.
func (c *Conn) Subscribe(id uint16, subs ...Subscription) ([]byte, error) {
	return c.SubscribeWith(id, nil, subs...)
}

// SubscribeWith is Subscribe with MQTT 5 properties.
func (c *Conn) SubscribeWith(id uint16, props *Properties, subs ...Subscription) ([]byte, error) {
	if err := c.WriteRaw(AppendSubscribe(nil, c.version, id, props, subs...)); err != nil {
		return nil, err
	}
	p, err := c.Await(SUBACK, id)
	if err != nil {
		return nil, err
	}
	return p.Reasons, nil
}

// Unsubscribe sends an UNSUBSCRIBE and waits for its UNSUBACK.
func (c *Conn) Unsubscribe(id uint16, filters ...string) ([]byte, error) {
	if err := c.WriteRaw(AppendUnsubscribe(nil, c.version, id, filters...)); err != nil {
		return nil, err
	}
	p, err := c.Await(UNSUBACK, id)
	if err != nil {
		return nil, err
	}
	return p.Reasons, nil
}

// Ping sends a PINGREQ and waits for the answer. A broker answers a
// connection's packets in order, so what it sent on the way here is kept.
func (c *Conn) Ping() error {
	if err := c.WriteRaw(AppendPing(nil)); err != nil {
		return err
	}
	_, err := c.Await(PINGRESP, 0)
	return err
}

// Await reads until a packet of that type and packet id has come, and keeps the
// others for ReadPacket, in their order.
func (c *Conn) Await(typ byte, id uint16) (*Packet, error) {
	for i, p := range c.kept {
		if p.Type == typ && p.ID == id {
			c.kept = append(c.kept[:i:i], c.kept[i+1:]...)
			return p, nil
		}
	}
	for {
		p, err := c.read()
		if err != nil {
			return nil, fmt.Errorf("waiting for %s of id %d: %w", TypeName(typ), id, err)
		}
		if p.Type == typ && p.ID == id {
			return p, nil
		}
		c.kept = append(c.kept, p)
	}
}

// ReadPacket is the next packet; it waits no longer than Options.Timeout. It
// does not answer it: an acknowledgement is the caller's.
func (c *Conn) ReadPacket() (*Packet, error) {
	if len(c.kept) > 0 {
		p := c.kept[0]
		c.kept = c.kept[1:]
		return p, nil
	}
	return c.read()
}

// ReadPacketWithin is ReadPacket with another time limit.
func (c *Conn) ReadPacketWithin(d time.Duration) (*Packet, error) {
	old := c.timeout
	c.timeout = d
	defer func() { c.timeout = old }()
	return c.ReadPacket()
}

func (c *Conn) read() (*Packet, error) {
	first, body, err := c.ReadFrame()
	if err != nil {
		return nil, err
	}
	p, err := Decode(c.version, first, body)
	if err != nil {
		return nil, err
	}
	p.Payload = append([]byte(nil), p.Payload...)
	return p, nil
}

// ReadFrame is the next frame, undecoded: its first byte, and its body, which
// is overwritten by the next call. Once the body buffer has grown, it allocates
// nothing. What Await kept is not seen by it.
func (c *Conn) ReadFrame() (first byte, body []byte, err error) {
	if c.r.Buffered() == 0 {
		// A deadline for each fill of the buffer, not for each packet.
		if err := c.net.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
			return 0, nil, err
		}
	}
	if first, err = c.r.ReadByte(); err != nil {
		return 0, nil, err
	}
	size := 0
	for shift := 0; ; shift += 7 {
		if shift == 28 {
			return 0, nil, errLength
		}
		b, err := c.r.ReadByte()
		if err != nil {
			return 0, nil, unexpectedEnd(err)
		}
		size |= int(b&0x7f) << shift
		if b&0x80 == 0 {
			break
		}
	}
	if cap(c.body) < size {
		c.body = make([]byte, size)
	}
	body = c.body[:size]
	if _, err := io.ReadFull(c.r, body); err != nil {
		return 0, nil, unexpectedEnd(err)
	}
	return first, body, nil
}

// Disconnect says goodbye, so that no will is sent, and closes.
func (c *Conn) Disconnect() error {
	err := c.WriteRaw(AppendDisconnect(nil, c.version, 0, nil))
	if e := c.Close(); err == nil {
		err = e
	}
	return err
}

// Close closes the connection without a DISCONNECT, as a crash does.
func (c *Conn) Close() error { return c.net.Close() }

// Reset closes the connection with a TCP reset: what was not read is thrown
// away on both sides.
func (c *Conn) Reset() error {
	if tcp, ok := c.net.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	return c.net.Close()
}
