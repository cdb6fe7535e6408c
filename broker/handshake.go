package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/twinbroker/twinbroker/broker/session"
)

// shakeHands makes the TLS handshake of a connection that has one, and says
// whether it went well. Whose certificate is not taken gets no CONNACK, only an
// alert of TLS, which many clients do not show: the reason stands in the log.
func (b *Broker) shakeHands(listener string, raw net.Conn) bool {
	secured, ok := raw.(*tls.Conn)
	if !ok {
		return true
	}
	err := secured.HandshakeContext(b.ctx)
	if err == nil {
		return true
	}
	b.handshakeFailed(listener, raw.RemoteAddr().String(), err)
	hearOut(secured.NetConn())
	return false
}

// hearOut closes a connection once the client has read what it was told: what
// it sent meanwhile is read, as the reset that closing would be can overtake
// the alert.
func hearOut(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		_ = c.SetReadDeadline(time.Now().Add(lingerFor))
		_, _ = io.Copy(io.Discard, c)
	}
	_ = c.Close()
}

// handshakeFailed counts a client that was turned away, and tells why, unless
// it just went away.
func (b *Broker) handshakeFailed(listener, remote string, err error) {
	if wentAway(err) {
		b.log.Debug("connection ended in its TLS handshake", "listener", listener, "remote", remote, "cause", err)
		return
	}
	b.handshakeRefused(listener, remote, handshakeCause(err))
}

func (b *Broker) handshakeRefused(listener, remote, cause string) {
	b.metrics.connectionsRefused.Inc()
	who := &session.Peer{Remote: remote, Listener: listener}
	b.audit.TurnedAway(who, cause)
	if say, hidden := b.turnedAway.mayLog(hostOf(remote), time.Now()); say {
		b.log.Warn("client refused", "listener", listener, "remote", remote, "reason", cause, "not_logged_before", hidden)
		b.tellTurnedAway(who, map[string]any{"message": cause}, hidden)
	}
}

// wentAway says whether a handshake failed for the network's sake, or because
// somebody only looked whether the port is open.
func wentAway(err error) bool {
	var network *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) ||
		errors.As(err, &network) && network.Op != "remote error" // which is the other side's alert
}

func handshakeCause(err error) string {
	var plain tls.RecordHeaderError
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &plain):
		return "TLS: the client does not speak TLS, which this listener needs"
	case errors.As(err, &untrusted) && len(untrusted.UnverifiedCertificates) > 0:
		return "TLS: the certificate of " + untrusted.UnverifiedCertificates[0].Subject.String() + ": " + untrusted.Err.Error()
	}
	return "TLS: " + strings.TrimPrefix(err.Error(), "tls: ")
}

// handshakeLog takes what net/http has to say of a listener, which are
// handshakes that failed.
type handshakeLog struct {
	refused func(remote, cause string)
}

// Write takes one line.
func (l handshakeLog) Write(line []byte) (int, error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "http: TLS handshake error from ")
	remote, cause, found := strings.Cut(text, ": ")
	if ok && found && strings.HasPrefix(cause, "tls: ") {
		l.refused(remote, "TLS: "+strings.TrimPrefix(cause, "tls: "))
	}
	return len(line), nil
}
