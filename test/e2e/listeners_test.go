package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/twinbroker/twinbroker/test/harness"
)

// webStream is a WebSocket as a stream of bytes.
type webStream struct {
	net.Conn
	ws   *websocket.Conn
	rest io.Reader
}

func (w *webStream) Read(p []byte) (int, error) {
	for {
		if w.rest == nil {
			_, r, err := w.ws.NextReader()
			if err != nil {
				return 0, err
			}
			w.rest = r
		}
		n, err := w.rest.Read(p)
		if err == io.EOF {
			w.rest, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (w *webStream) Write(p []byte) (int, error) {
	// In two messages: packets need not be aligned with them.
	for _, part := range [][]byte{p[:len(p)/2], p[len(p)/2:]} {
		if err := w.ws.WriteMessage(websocket.BinaryMessage, part); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// openWeb opens a WebSocket the way a page of that origin does ("": no browser).
func openWeb(address, origin string, conf *tls.Config) (net.Conn, int, error) {
	d := websocket.Dialer{Subprotocols: []string{"mqtt"}, HandshakeTimeout: harness.Patience, TLSClientConfig: conf}
	header := http.Header{}
	if origin != "" {
		header.Set("Origin", origin)
	}
	ws, r, err := d.Dial(address, header)
	status := 0
	if r != nil {
		status = r.StatusCode
	}
	if err != nil {
		return nil, status, err
	}
	if ws.Subprotocol() != "mqtt" {
		return nil, status, fmt.Errorf("the subprotocol is %q", ws.Subprotocol())
	}
	return &webStream{Conn: ws.NetConn(), ws: ws}, status, nil
}

func TestWebSocketListenersTakeClientsAndPagesThatMayConnect(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Listeners: true, Config: harness.Anonymous + `
listeners:
  - address: tcp://127.0.0.1:0
  - address: ws://127.0.0.1:0/mqtt
  - address: ws://127.0.0.1:0
    origins: ["https://app.example.org"]
`})
	strict, listed := b.URLs()[1], b.URLs()[2]
	host := func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return u.Host
	}
	for _, c := range []struct {
		name, address, origin string
		status                int
	}{
		{"no browser", strict, "", 101},
		{"a page of the same origin", strict, "http://" + host(strict), 101},
		{"a page of the same host by its other name", strict, "http://localhost", 403},
		{"a page of the same origin behind a proxy with TLS", strict, "https://" + host(strict), 101},
		{"a page with capitals in its origin", listed, "HTTPS://App.Example.org:443", 101},
		{"a page of a host that begins so", listed, "https://app.example.org.evil.example", 403},
		{"a page that names a user", listed, "https://app.example.org@evil.example", 403},
		{"a page of another host", strict, "http://evil.example", 403},
		{"a page of another port", strict, "http://127.0.0.1:1", 403},
		{"a page without an origin of its own", strict, "null", 403},
		{"a page of the listed origin", listed, "https://app.example.org", 101},
		{"a page of the listed host by another scheme", listed, "http://app.example.org", 403},
		{"a page that is not listed", listed, "https://evil.example", 403},
		{"another path", "ws://" + host(strict) + "/other", "", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, status, err := openWeb(c.address, c.origin, nil)
			if status != c.status {
				t.Fatalf("status %d, want %d: %v", status, c.status, err)
			}
			if c.status != 101 {
				return
			}
			a := &app{Client: harness.Dial5(t, b, harness.Connect{Conn: conn}), t: t}
			a.Subscribe("ditto/_replies/#")
			a.must("web:"+strings.ReplaceAll(c.name, " ", "-"), "create", "/", `{"attributes":{"long":"`+strings.Repeat("x", 50_000)+`"}}`)
		})
	}
	t.Run("MQTT 3.1.1", func(t *testing.T) {
		newApp(t, b, 4, harness.Connect{URL: strict}).must("web:v3", "create", "/", "{}")
	})
}

// authority signs certificates for a test.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir(), pool: x509.NewCertPool()}
	a.cert, a.key = a.sign(t, "ca")
	a.pool.AddCert(a.cert)
	return a
}

// file is the path of a PEM file: NAME.crt, NAME.key.
func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// sign makes a certificate for this machine, and its files.
func (a *authority) sign(t *testing.T, name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spec := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: a.cert == nil,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := spec, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, spec, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for suffix, block := range map[string]*pem.Block{".crt": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "EC PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(a.file(name+suffix), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// client is how a client of the authority connects; with a name, it has a
// certificate.
func (a *authority) client(t *testing.T, name string) *tls.Config {
	t.Helper()
	conf := &tls.Config{RootCAs: a.pool, MinVersion: tls.VersionTLS12}
	if name != "" {
		a.sign(t, name)
		pair, err := tls.LoadX509KeyPair(a.file(name+".crt"), a.file(name+".key"))
		if err != nil {
			t.Fatal(err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf
}

func TestTLSListenersShowACertificateAndAskForOne(t *testing.T) {
	t.Parallel()
	ca, strangers := newAuthority(t), newAuthority(t)
	ca.sign(t, "server")
	pair := "cert: " + ca.file("server.crt") + ", key: " + ca.file("server.key")
	b := harness.Start(t, harness.Options{Listeners: true, Config: harness.Anonymous + `
listeners:
  - {address: "tls://127.0.0.1:0", tls: {` + pair + `}}
  - {address: "tls://127.0.0.1:0", tls: {` + pair + `, client_ca: ` + ca.file("ca.crt") + `, client_auth: require}}
  - {address: "tls://127.0.0.1:0", tls: {` + pair + `, client_ca: ` + ca.file("ca.crt") + `, client_auth: request}}
  - {address: "wss://127.0.0.1:0/mqtt", tls: {` + pair + `}}
`})
	urls := b.URLs()
	foreign := strangers.client(t, "stranger")
	foreign.RootCAs = ca.pool
	for n, c := range []struct {
		name, url string
		conf      *tls.Config
		in        bool
	}{
		{"a client that trusts the certificate", urls[0], ca.client(t, ""), true},
		{"a client that does not", urls[0], strangers.client(t, ""), false},
		{"a client without the certificate that is required", urls[1], ca.client(t, ""), false},
		{"a client with the certificate that is required", urls[1], ca.client(t, "device"), true},
		{"a client with somebody else's certificate", urls[1], foreign, false},
		{"a client without the certificate that is asked for", urls[2], ca.client(t, ""), true},
		{"a client with somebody else's where one is asked for", urls[2], foreign, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := strings.TrimPrefix(c.url, "tls://")
			d := net.Dialer{Timeout: harness.Patience}
			conn, err := tls.DialWithDialer(&d, "tcp", address, c.conf)
			if err == nil {
				var c5 *harness.Client5
				if c5, err = harness.TryDial5(t, b, harness.Connect{Conn: conn}); err == nil {
					a := &app{Client: c5, t: t}
					a.Subscribe("ditto/_replies/#")
					a.must(fmt.Sprintf("tls:%d", n), "create", "/", "{}")
				}
			}
			if err == nil != c.in {
				t.Errorf("MQTT 5: %v", err)
			}
			if _, err := harness.TryDial3(t, b, harness.Connect{URL: c.url, TLS: c.conf}); err == nil != c.in {
				t.Errorf("MQTT 3.1.1: %v", err)
			}
		})
	}
	t.Run("a page over wss", func(t *testing.T) {
		conn, _, err := openWeb(urls[3], "https://"+strings.TrimSuffix(strings.TrimPrefix(urls[3], "wss://"), "/mqtt"), ca.client(t, ""))
		if err != nil {
			t.Fatal(err)
		}
		harness.Dial5(t, b, harness.Connect{Conn: conn})
	})
	t.Run("things with --ca, --cert and --key", func(t *testing.T) {
		ca.sign(t, "person")
		address := "mqtts://" + strings.TrimPrefix(urls[1], "tls://")
		with := []string{"things", "put", "tls:person", "{}", "--url", address, "--ca", ca.file("ca.crt")}
		if r := harness.Run(t, with...); r.Code != 1 || strings.Count(r.Stderr, "\n") != 1 {
			t.Errorf("without a certificate: status %d: %s", r.Code, r.Stderr)
		}
		if r := harness.Run(t, append(with, "--cert", ca.file("person.crt"), "--key", ca.file("person.key"))...); r.Code != 0 || r.Stdout != "created tls:person\n" {
			t.Errorf("with one: status %d: %s", r.Code, r.Stderr)
		}
		if r := harness.Run(t, "things", "get", "tls:person", "--url", address); r.Code != 1 || !strings.Contains(r.Stderr, "certificate") {
			t.Errorf("without trust: status %d: %s", r.Code, r.Stderr)
		}
	})
}
