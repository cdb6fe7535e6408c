package broker

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/broker/session"
)

// proof is who a connection's client was proved to be. That may change while it
// is connected: its groups do, a token is renewed, a certificate is revoked.
type proof struct {
	mu       sync.Mutex
	identity *auth.Identity
	ends     *time.Timer // ends the connection with the proof
	over     bool        // the connection has ended

	overruled map[string]bool // filters that are written down as an administrator's

	trust   func() *auth.Trust   // of the listener; nil: it asks for no certificates
	tls     *tls.ConnectionState // nil: without
	method  string               // of enhanced authentication; "": without
	pending bool                 // an AUTH packet with the data was asked for
}

// Why connections are ended by what is known of their clients.
var (
	errExpired = packets.Code{Code: 0xA0, Reason: "maximum connect time: what proved who the client is has expired"}
	errRevoked = packets.Code{Code: 0x98, Reason: "administrative action: the client would not be let in any more"}
)

// tlsState is what is known of a connection with TLS, nil of another.
func tlsState(c net.Conn) *tls.ConnectionState {
	if ws, ok := c.(*webConn); ok {
		c = ws.Conn
	}
	secure, ok := c.(*tls.Conn)
	if !ok {
		return nil
	}
	state := secure.ConnectionState()
	return &state
}

// entered is called when the client has its session: from now on the connection
// ends with what proved who the client is.
func (b *Broker) entered(conn *connection) {
	b.mu.Lock()
	conn.entered = conn.session
	b.mu.Unlock()
	b.recognize(conn, conn.session) // what is configured may have changed since it was let in
}

// Recognize looks at all clients again, after the configuration of auth has
// changed. Who would not be let in any more is disconnected, and its session
// ends; so do the sessions of users that are away and not there any more. Who
// has other subjects now acts under them from the next message on.
func (b *Broker) Recognize() {
	type one struct {
		conn    *connection
		session *session.Conn
	}
	var all []one
	b.mu.Lock()
	for conn := range b.connections {
		if conn.entered != nil {
			all = append(all, one{conn, conn.entered})
		}
	}
	b.mu.Unlock()
	for _, c := range all {
		b.recognize(c.conn, c.session)
	}
	if n := b.sessions.RecognizeAway(); n > 0 {
		b.log.Info("sessions were ended: their clients, which are away, would not be let in any more", "sessions", n)
	}
}

// shown is what a client has shown of itself beside its identity, and whom it is
// held against.
type shown struct {
	trust func() *auth.Trust
	chain []*x509.Certificate
}

func (k *proof) held() shown {
	if k.tls == nil {
		return shown{}
	}
	return shown{k.trust, k.tls.PeerCertificates}
}

// again says who somebody is by what is configured now; false: it would not be
// let in any more. That a proof has expired meanwhile is not looked at.
func (b *Broker) again(was *auth.Identity, held shown) (*auth.Identity, bool) {
	id, ok := b.cfg.Auth.Again(was)
	if !ok || held.trust == nil {
		return id, ok
	}
	at := time.Now()
	if ended := id.Expires; !ended.IsZero() && at.After(ended) {
		at = ended
	}
	trust := held.trust()
	return id, trust == nil || trust.Still(held.chain, at) == nil
}

// knownAs is a peer that was proved to be somebody, and is that for as long as
// it is not found out again to be somebody else.
func (b *Broker) knownAs(p session.Peer, id *auth.Identity, held shown) session.Peer {
	p.Username, p.Subjects, p.Admin, p.Expires, p.Integration = id.Username, id.Subjects, id.Admin, id.Expires, id.Integration
	p.Again = func(was *session.Peer) (*session.Peer, bool) {
		now, ok := b.again(id, held)
		if !ok {
			return nil, false
		}
		peer := b.knownAs(*was, now, held)
		return &peer, true
	}
	return p
}

func (b *Broker) recognize(conn *connection, c *session.Conn) {
	k := &conn.proof
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return
	}
	id, ok := b.again(k.identity, k.held())
	if !ok {
		p := c.Peer()
		b.log.Warn("client disconnected: it would not be let in any more", "client", p.ClientID, "identity", p.Identity, "remote", p.Remote)
		c.DropWill() // it may not publish any more
		c.SetExpiry(0)
		c.Disconnect(errRevoked, errRevoked)
		return
	}
	b.know(conn, c, id)
	b.overrules(conn, c)
}

// know takes over who the client is; the lock of the proof is held.
func (b *Broker) know(conn *connection, c *session.Conn, id *auth.Identity) {
	k := &conn.proof
	p := c.Peer()
	if !slices.Equal(id.Subjects, p.Subjects) || id.Admin != p.Admin || !id.Expires.Equal(p.Expires) ||
		id.Username != p.Username || !slices.Equal(id.Integration, p.Integration) {
		now := b.knownAs(conn.peer, id, k.held())
		c.Know(&now)
	}
	if k.ends != nil {
		k.ends.Stop()
		k.ends = nil
	}
	if !id.Expires.IsZero() {
		k.ends = time.AfterFunc(time.Until(id.Expires), func() { c.Disconnect(errExpired, errExpired) })
	}
	k.identity = id
}

// leave stops what runs by the clock.
func (k *proof) leave() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	if k.ends != nil {
		k.ends.Stop()
	}
}

// challenge asks a client that began enhanced authentication without data for
// them (MQTT 5.0 section 4.12), and gives what it answers.
func challenge(cl *mqtt.Client, method string) ([]byte, *refusal) {
	err := cl.WritePacket(packets.Packet{
		ProtocolVersion: 5, FixedHeader: packets.FixedHeader{Type: packets.Auth}, ReasonCode: packets.CodeContinueAuthentication.Code,
		Properties: packets.Properties{AuthenticationMethod: method},
	})
	if err != nil {
		return nil, because(packets.ErrUnspecifiedError, "the client went away while it authenticated")
	}
	fh := new(packets.FixedHeader)
	if err := cl.ReadFixedHeader(fh); err != nil {
		return nil, because(packets.ErrUnspecifiedError, "the client went away while it authenticated")
	}
	pk, err := cl.ReadPacket(fh)
	if err != nil || fh.Type != packets.Auth || pk.ReasonCode != packets.CodeContinueAuthentication.Code || pk.Properties.AuthenticationMethod != method {
		return nil, because(packets.ErrProtocolViolation, "protocol error: an AUTH packet that continues was expected")
	}
	return pk.Properties.AuthenticationData, nil
}

// renew takes an AUTH packet of a client that is connected (MQTT 5.0 section
// 4.12.1). A code says why the client is to be disconnected.
func (b *Broker) renew(conn *connection, pk *packets.Packet) *packets.Code {
	k := &conn.proof
	begins := pk.ReasonCode == packets.CodeReAuthenticate.Code
	goesOn := pk.ReasonCode == packets.CodeContinueAuthentication.Code && k.pending
	if k.method == "" || pk.Properties.AuthenticationMethod != k.method || !begins && !goesOn {
		return &packets.ErrProtocolViolation
	}
	k.pending = false
	if begins && len(pk.Properties.AuthenticationData) == 0 {
		k.pending = true
		conn.session.Control(authPacket(packets.CodeContinueAuthentication.Code, k.method))
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	id, no := b.cfg.Auth.Renew(b.ctx, k.identity, conn.peer.Remote, pk.Properties.AuthenticationData)
	if no != nil {
		b.countRefused(conn.session.Peer(), &refusal{packets.Code{Code: no.Code, Reason: no.Reason}, no.Cause})
		return &packets.Code{Code: no.Code, Reason: no.Reason}
	}
	b.know(conn, conn.session, id)
	conn.session.Control(authPacket(packets.CodeSuccess.Code, k.method))
	return nil
}

// authPacket is an AUTH packet (MQTT 5.0 section 3.15).
func authPacket(code byte, method string) []byte {
	pk := packets.Packet{
		ProtocolVersion: 5, FixedHeader: packets.FixedHeader{Type: packets.Auth}, ReasonCode: code,
		Properties: packets.Properties{AuthenticationMethod: method},
	}
	var out bytes.Buffer
	_ = pk.AuthEncode(&out) // writes to memory
	return out.Bytes()
}
