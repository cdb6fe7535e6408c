package broker

import (
	"context"
	"errors"
	"log/slog"
	"net"
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
	present  bool          // the session is an earlier one that goes on
	broken   *packets.Code // why the broker ended it, if it did because of a packet
	normal   bool          // a DISCONNECT took the will back

	emptyWill bool // the will has no payload
}

// end disconnects the client because of a packet, and gives the error that makes
// mochi read no further.
func (c *connection) end(code packets.Code) error {
	c.broken = &code
	c.session.Disconnect(code, code)
	<-c.session.Gone() // mochi closes the connection next, and the client is to be told first
	return packets.ErrRejectPacket
}

// connect serves one connection until it ends. It is the listeners' callback.
func (b *Broker) connect(listener string, raw net.Conn) {
	b.mu.Lock()
	if b.stopped.Load() { // and Stop may be waiting already
		b.mu.Unlock()
		_ = raw.Close()
		return
	}
	b.running.Add(1)
	b.mu.Unlock()
	defer b.running.Done()
	conn := &connection{Conn: raw}
	b.metrics.connections.Inc()
	_ = raw.SetDeadline(time.Now().Add(connectWithin)) // mochi sets its own once the CONNECT packet is in
	err := b.server.EstablishConnection(listener, conn)
	_ = raw.Close()
	if conn.broken != nil {
		err = *conn.broken
	}
	if conn.client != nil {
		b.server.Clients.Delete(conn.client.ID)
	}
	if conn.session != nil {
		conn.session.Detach()
		p := conn.session.Peer()
		b.log.Log(context.Background(), b.gravity(err), "client disconnected",
			"client", p.ClientID, "remote", p.Remote, "normal", conn.normal, "cause", err)
		return
	}
	b.log.Log(context.Background(), b.gravity(err), "connection ended before a client was let in",
		"remote", raw.RemoteAddr().String(), "cause", err)
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
	conn   net.Conn
	hurry  atomic.Int64 // unix nanoseconds; 0: no deadline
}

// Write sends whole packets.
func (w *wire) Write(p []byte) error {
	w.client.Lock()
	defer w.client.Unlock()
	if d := w.hurry.Load(); d != 0 { // mochi renews deadlines with each packet it reads
		_ = w.conn.SetWriteDeadline(time.Unix(0, d))
	}
	_, err := w.conn.Write(p)
	return err
}

// Hurry makes writes fail that have not ended by the deadline.
func (w *wire) Hurry(deadline time.Time) {
	w.hurry.Store(deadline.UnixNano())
	_ = w.conn.SetWriteDeadline(deadline)
}

// Close ends the connection.
func (w *wire) Close(cause error) { w.client.Stop(cause) }
