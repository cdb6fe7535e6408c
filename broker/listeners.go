package broker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"
)

// endpoint is an open listener.
type endpoint interface {
	// serve hands each connection to connect, on a goroutine of its own, until
	// the endpoint is closed.
	serve(connect func(listener string, c net.Conn))
	address() string
	close()
}

// open begins to listen. Errors name the address and the usual fix. refused is
// told of web pages that may not connect, failed of handshakes of WebSockets.
func open(l Listener, refused func(listener string, r *http.Request), failed func(listener, remote, cause string)) (endpoint, error) {
	u, err := url.Parse(l.Address)
	if err != nil {
		return nil, fmt.Errorf("listener %s: %w", l.Address, err)
	}
	secure := u.Scheme == "tls" || u.Scheme == "wss"
	if secure && l.TLS == nil {
		return nil, fmt.Errorf("listener %s: needs a certificate and key (tls: {cert, key})", l.Address)
	}
	sock, err := net.Listen("tcp", u.Host)
	if err != nil {
		return nil, fmt.Errorf("listener %s: %w%s", l.Address, err, fix(err, u.Port()))
	}
	bound := *u
	bound.Host = sock.Addr().String()
	if secure {
		sock = tls.NewListener(sock, l.TLS)
	}
	switch u.Scheme {
	case "tcp", "tls":
		return &socket{listen: sock, url: bound.String()}, nil
	case "ws", "wss":
		return newWebSocket(sock, bound, newOrigins(l.Origins, secure), refused, failed), nil
	}
	_ = sock.Close()
	return nil, fmt.Errorf("listener %s: the scheme must be tcp, tls, ws or wss", l.Address)
}

// fix is the advice that goes with an error of listening.
func fix(err error, port string) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf("; another program has port %s: stop it, or choose another port with --listen or listeners[].address", port)
	case errors.Is(err, os.ErrPermission):
		return fmt.Sprintf("; port %s needs a privilege: choose one above 1023, or give the program CAP_NET_BIND_SERVICE", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "; this machine does not have that address: use 0.0.0.0 for all of its own"
	}
	return ""
}

// socket takes connections of MQTT over TCP or TLS.
type socket struct {
	listen net.Listener
	url    string
}

func (s *socket) address() string { return s.url }
func (s *socket) close()          { _ = s.listen.Close() }

func (s *socket) serve(connect func(string, net.Conn)) {
	for {
		c, err := s.listen.Accept()
		switch {
		case err == nil:
			go connect(s.url, c)
		case errors.Is(err, net.ErrClosed):
			return
		default: // out of file descriptors, or the client went away: go on, but do not spin
			time.Sleep(10 * time.Millisecond)
		}
	}
}
