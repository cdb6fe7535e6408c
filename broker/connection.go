package broker

import (
	"net"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"

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
	normal   bool          // a DISCONNECT took the will back
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
	err := b.server.EstablishConnection(listener, conn)
	_ = raw.Close()
	if conn.client != nil {
		b.server.Clients.Delete(conn.client.ID)
	}
	if conn.session != nil {
		conn.session.Detach(conn.normal)
		p := conn.session.Peer()
		b.log.Debug("client disconnected", "client", p.ClientID, "remote", p.Remote, "normal", conn.normal, "cause", err)
		return
	}
	b.log.Debug("connection ended before a client was let in", "remote", raw.RemoteAddr().String(), "cause", err)
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
