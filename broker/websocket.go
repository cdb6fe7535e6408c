package broker

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"
)

// webSocket takes connections of MQTT over WebSocket (MQTT 5.0 section 6).
type webSocket struct {
	listen  net.Listener
	server  *http.Server
	url     url.URL
	upgrade websocket.Upgrader
	connect func(string, net.Conn)
}

// newWebSocket serves at the URL's path, clients and those pages that may
// connect; refused is told of the others, failed of TLS handshakes.
func newWebSocket(listen net.Listener, at url.URL, pages *origins, refused func(listener string, r *http.Request), failed func(listener, remote, cause string)) *webSocket {
	w := &webSocket{listen: listen, url: at}
	w.upgrade = websocket.Upgrader{
		Subprotocols: []string{"mqtt", "mqttv3.1"},
		CheckOrigin: func(r *http.Request) bool {
			if pages.allow(r) {
				return true
			}
			refused(at.String(), r)
			return false
		},
	}
	mux := http.NewServeMux()
	path := at.Path
	if path == "" {
		path = "/"
	}
	mux.HandleFunc(path, w.take)
	w.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: log.New(handshakeLog{func(remote, cause string) { failed(at.String(), remote, cause) }}, "", 0)}
	return w
}

func (w *webSocket) address() string { return w.url.String() }

func (w *webSocket) close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // what was taken over as a WebSocket is not the server's any more
	_ = w.server.Shutdown(ctx)
	_ = w.listen.Close()
}

func (w *webSocket) serve(connect func(string, net.Conn)) {
	w.connect = connect
	_ = w.server.Serve(w.listen) // ends with ErrServerClosed
}

func (w *webSocket) take(rw http.ResponseWriter, r *http.Request) {
	c, err := w.upgrade.Upgrade(rw, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	w.connect(w.url.String(), &webConn{Conn: c.NetConn(), ws: c})
}

// webConn is a WebSocket connection as a stream of bytes: MQTT packets need not
// be aligned with messages.
type webConn struct {
	net.Conn // deadlines and addresses
	ws       *websocket.Conn
	message  io.Reader
}

var errText = errors.New("a text message, where MQTT over WebSocket needs binary ones")

func (c *webConn) Read(p []byte) (int, error) {
	for {
		if c.message == nil {
			kind, r, err := c.ws.NextReader()
			if err != nil {
				return 0, err
			}
			if kind != websocket.BinaryMessage {
				return 0, errText
			}
			c.message = r
		}
		n, err := c.message.Read(p)
		if err == io.EOF {
			c.message, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (c *webConn) Write(p []byte) (int, error) {
	if err := c.ws.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite says goodbye as WebSocket does and ends writing.
func (c *webConn) CloseWrite() error {
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(lingerFor))
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
