package broker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/twinbroker/twinbroker/broker/session"
)

// connection is a client's network connection as mochi reads from it. It
// carries what belongs to it here, so that a packet finds its session without a
// look-up.
type connection struct {
	net.Conn
	client   *mqtt.Client // set when the CONNECT packet is in
	peer     session.Peer // set when the client was let in, like terms
	terms    session.Terms
	ownReply string        // its reply topic
	session  *session.Conn // set when it owns its client's session
	entered  *session.Conn // the same, under the broker's lock
	proof    proof         // who the client is
	present  bool          // the session is an earlier one that goes on
	normal   bool          // a DISCONNECT took the will back

	emptyWill bool // the will has no payload
	ours      bool // our own code works on a packet, not mochi's

	ending  sync.Mutex
	hurried bool                  // writes have a deadline that is not to be renewed
	closed  bool                  // reading has ended
	until   time.Time             // when reading ends, once finish was called
	cause   atomic.Pointer[error] // why it ends, if the broker ends it
}

// end disconnects the client because of a packet, and gives the error that makes
// mochi read no further.
func (c *connection) end(code packets.Code) error {
	c.session.Disconnect(code, code)
	<-c.session.Gone() // mochi closes the connection next, and the client is to be told first
	return packets.ErrRejectPacket
}

// connect serves one connection until it ends. It is the listeners' callback.
func (b *Broker) connect(listener string, raw net.Conn) {
	conn := &connection{Conn: raw}
	b.mu.Lock()
	conn.proof.trust = b.trusts[listener]
	if b.stopped.Load() { // and Stop may be waiting already
		b.mu.Unlock()
		_ = raw.Close()
		return
	}
	b.running.Add(1)
	b.connections[conn] = struct{}{}
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.connections, conn)
		b.mu.Unlock()
		b.running.Done()
	}()
	b.metrics.connections.Inc()
	_ = raw.SetDeadline(time.Now().Add(connectWithin)) // mochi sets its own once the CONNECT packet is in
	if !b.shakeHands(listener, raw) {
		return
	}
	err := b.establish(listener, conn)
	conn.proof.leave()
	if conn.client != nil {
		b.server.Clients.Delete(conn.client.ID)
	}
	if cause := conn.cause.Load(); cause != nil {
		err = *cause
	} else if code := (packets.Code{}); conn.session != nil && errors.As(err, &code) && code.Code >= packets.ErrUnspecifiedError.Code {
		_ = conn.end(code) // mochi could not take a packet, and the client is to be told (MQTT 5.0 section 4.13)
	}
	if conn.session != nil {
		conn.session.Detach()
	}
	conn.leave()
	if conn.session != nil {
		p := conn.session.Peer()
		b.log.Log(context.Background(), b.gravity(err), "client disconnected",
			"client", p.ClientID, "remote", p.Remote, "normal", conn.normal, "cause", err)
		return
	}
	b.log.Log(context.Background(), b.gravity(err), "connection ended before a client was let in",
		"remote", raw.RemoteAddr().String(), "cause", err)
}

// establish lets mochi read the connection to its end. mochi's decoder panics on
// some packets that end too early; they end their own connection only. A panic
// of ours, which may hold locks, goes on.
func (b *Broker) establish(listener string, conn *connection) (err error) {
	defer func() {
		if conn.ours {
			return
		}
		if p := recover(); p != nil {
			b.log.Debug("mochi cannot decode a packet", "remote", conn.RemoteAddr().String(), "panic", p)
			err = packets.ErrMalformedPacket
		}
	}()
	return b.server.EstablishConnection(listener, conn)
}

// finish ends writing, and soon reading: the client is told, and closes. What is
// still read until then is not lost on a client that has said goodbye.
func (c *connection) finish() {
	c.ending.Lock()
	defer c.ending.Unlock()
	if !c.until.IsZero() {
		return
	}
	c.until = time.Now().Add(lingerFor)
	_ = c.Conn.SetDeadline(c.until)
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// Close ends reading; mochi calls it. The client may still have to be told why,
// so writing is ended, and the socket closed, by connect: see leave.
func (c *connection) Close() error {
	c.ending.Lock()
	c.closed = true
	c.ending.Unlock()
	return c.SetReadDeadline(time.Now())
}

// SetDeadline is how mochi renews the keep-alive with each packet that it reads.
// It must not give time to a connection that is at its end. mochi gives a client
// one and a half times its keep-alive, rounded down to seconds; but it may take
// all of that (MQTT-3.1.2-22).
func (c *connection) SetDeadline(t time.Time) error {
	c.ending.Lock()
	defer c.ending.Unlock()
	if c.client != nil && c.client.State.Keepalive%2 == 1 {
		t = t.Add(500 * time.Millisecond)
	}
	switch {
	case c.closed || !c.until.IsZero():
		return nil
	case c.hurried:
		return c.SetReadDeadline(t)
	}
	return c.Conn.SetDeadline(t)
}

// hurry gives all writes until then.
func (c *connection) hurry(deadline time.Time) {
	c.ending.Lock()
	defer c.ending.Unlock()
	c.hurried = true
	if c.until.IsZero() {
		_ = c.SetWriteDeadline(deadline)
	}
}

// lingerFor is how long a connection that the broker has ended is still read
// from.
const lingerFor = 500 * time.Millisecond

// leave closes the socket. What the client has sent and nobody read is read
// first, as the TCP reset that closing would be then can reach the client before
// it has read what it was told last.
func (c *connection) leave() {
	_ = c.Close()
	c.finish()
	raw := c.Conn
	if ws, ok := raw.(*webConn); ok {
		raw = ws.Conn
	}
	_ = raw.SetReadDeadline(c.until)
	_, _ = io.Copy(io.Discard, raw)
	_ = raw.Close()
}

// connectWithin is how long a connection may take to its CONNECT packet.
const connectWithin = 10 * time.Second

// gravity is how loudly the end of a connection is logged: a packet that breaks
// the protocol, or is too large, is somebody's mistake, and counted.
func (b *Broker) gravity(cause error) slog.Level {
	var code packets.Code
	if !errors.As(cause, &code) {
		return slog.LevelDebug // the network, or a plain goodbye
	}
	switch code.Code {
	case packets.ErrMalformedPacket.Code, packets.ErrProtocolViolation.Code, packets.ErrPacketTooLarge.Code,
		packets.ErrTopicAliasInvalid.Code, packets.ErrReceiveMaximum.Code:
		b.metrics.protocolErrors.Inc()
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// wire writes packets to a connection under the lock that mochi takes for what
// it writes itself (CONNACK, PINGRESP).
type wire struct {
	client *mqtt.Client
	conn   *connection
}

// Write sends whole packets.
func (w *wire) Write(p []byte) error {
	w.client.Lock()
	defer w.client.Unlock()
	_, err := w.conn.Write(p)
	return err
}

// Hurry makes writes fail that have not ended by the deadline.
func (w *wire) Hurry(deadline time.Time) { w.conn.hurry(deadline) }

// Close ends the connection.
func (w *wire) Close(cause error) {
	w.conn.cause.CompareAndSwap(nil, &cause)
	w.conn.finish()
}
