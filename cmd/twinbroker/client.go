package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// clientFlags say which broker a verb talks to, and as whom.
type clientFlags struct {
	url, ca, cert, key, root string
	proof                    clientProof
	timeout                  time.Duration
}

func (f *clientFlags) add(cmd *cobra.Command) {
	p := cmd.PersistentFlags()
	p.StringVar(&f.url, "url", "mqtt://127.0.0.1:1883", "the broker: mqtt://host:port, or mqtts:// with TLS")
	f.proof.add(p)
	p.StringVar(&f.ca, "ca", "", "file with the certificates (PEM) to trust instead of the system's")
	p.StringVar(&f.cert, "cert", "", "file with the client's certificate (PEM)")
	p.StringVar(&f.key, "key", "", "file with the client's key (PEM)")
	p.StringVar(&f.root, "root", "ditto", "root of the Ditto Protocol's topics (topics.root)")
	p.DurationVar(&f.timeout, "timeout", 10*time.Second, "how long to wait for the broker")
}

// client is an MQTT 5 client that speaks the Ditto Protocol.
type client struct {
	mqtt    *paho.Client
	root    string
	timeout time.Duration
	replies chan *protocol.Message
	events  chan *protocol.Message
	failed  chan error
}

// dial connects; the error says what to look at.
func (f *clientFlags) dial(ctx context.Context) (*client, error) {
	c := &client{root: f.root, timeout: f.timeout, replies: make(chan *protocol.Message, 1024), events: make(chan *protocol.Message, 1024), failed: make(chan error, 1)}
	replyRoot := f.root + "/_replies/"
	err := f.login(ctx, c, func(p *paho.Publish) {
		msg, err := protocol.ParseMessage(p.Payload, nil, jsondoc.Limits{})
		if err != nil {
			c.fail(fmt.Errorf("the broker sent what is no Ditto Protocol message on %s: %w", p.Topic, err))
			return
		}
		if strings.HasPrefix(p.Topic, replyRoot) {
			c.replies <- msg
		} else {
			c.events <- msg
		}
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	if err := c.subscribe(ctx, replyRoot+"#"); err != nil {
		return nil, err
	}
	return c, nil
}

// login connects a client that gives what it receives to a function.
func (f *clientFlags) login(ctx context.Context, c *client, received func(*paho.Publish)) error {
	cp := &paho.Connect{CleanStart: true, KeepAlive: 30} // the broker gives it an identifier: auth.client_ids may have none for it
	if err := f.proof.fill(cp); err != nil {
		return err
	}
	conn, err := f.connect(ctx)
	if err != nil {
		return err
	}
	c.mqtt = paho.NewClient(paho.ClientConfig{
		Conn: packets.NewThreadSafeConn(conn), // paho writes a packet in parts, and its pings between them
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			received(p.Packet)
			return true, nil
		}},
		OnServerDisconnect: func(d *paho.Disconnect) {
			reason := ""
			if d.Properties != nil {
				reason = ": " + d.Properties.ReasonString
			}
			c.fail(fmt.Errorf("the broker ended the connection (code %#x%s)", d.ReasonCode, reason))
		},
		OnClientError: func(err error) { c.fail(fmt.Errorf("connection to %s: %w", f.url, err)) },
	})
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	ack, err := c.mqtt.Connect(ctx, cp)
	if err != nil {
		if ack != nil && ack.Properties != nil && ack.Properties.ReasonString != "" {
			return fmt.Errorf("%s does not let this client in: %s", f.url, ack.Properties.ReasonString)
		}
		return fmt.Errorf("%s: %w%s", f.url, err, f.closedUnheard(err))
	}
	return nil
}

// closedUnheard is what may be behind a connection that the broker closed
// without an answer.
func (f *clientFlags) closedUnheard(err error) string {
	var network *net.OpError
	switch {
	case !errors.Is(err, io.EOF) && !errors.As(err, &network):
		return ""
	case strings.HasPrefix(f.url, "mqtt:"), strings.HasPrefix(f.url, "tcp:"):
		return " (the broker closed the connection without an answer: does the port need TLS, mqtts://?)"
	}
	return " (the broker closed the connection without an answer: if it is about a certificate, --cert and --key, its log says why)"
}

func (f *clientFlags) connect(ctx context.Context) (net.Conn, error) {
	u, err := url.Parse(f.url)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("--url %q: an address like mqtt://127.0.0.1:1883 is needed", f.url)
	}
	secure, port := false, "1883"
	switch u.Scheme {
	case "mqtt", "tcp":
	case "mqtts", "tls", "ssl":
		secure, port = true, "8883"
	default:
		return nil, fmt.Errorf("--url %q: the scheme must be mqtt or mqtts", f.url)
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), port)
	}
	d := net.Dialer{Timeout: f.timeout}
	if !secure {
		conn, err := d.DialContext(ctx, "tcp", host)
		if err != nil {
			return nil, fmt.Errorf("no broker answers at %s: %w (is twinbroker running? name another with --url)", f.url, err)
		}
		return conn, nil
	}
	conf := &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	if f.ca != "" {
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca %s: no certificate in PEM form in it", f.ca)
		}
	}
	if f.cert != "" || f.key != "" {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, fmt.Errorf("--cert, --key: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	conn, err := (&tls.Dialer{NetDialer: &d, Config: conf}).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.url, err)
	}
	return conn, nil
}

func (c *client) fail(err error) {
	select {
	case c.failed <- err:
	default: // the first is told
	}
}

// close says goodbye.
func (c *client) close() { _ = c.mqtt.Disconnect(&paho.Disconnect{}) }

func (c *client) subscribe(ctx context.Context, filter string) error {
	return c.subscribeWith(ctx, paho.SubscribeOptions{Topic: filter, QoS: 1})
}

func (c *client) subscribeWith(ctx context.Context, options paho.SubscribeOptions) error {
	ack, err := c.mqtt.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{options}})
	if err != nil {
		if ack != nil && ack.Properties != nil && ack.Properties.ReasonString != "" {
			return errors.New(ack.Properties.ReasonString)
		}
		return fmt.Errorf("subscribing to %s: %w", options.Topic, err)
	}
	return nil
}

// send publishes a message of the Ditto Protocol, with a correlation ID if it
// has none.
func (c *client) send(ctx context.Context, m *protocol.Message) error {
	if m.Headers.CorrelationID() == "" {
		m.Headers.SetString("correlation-id", random())
	}
	topic := string(m.Topic.AppendMQTT([]byte(c.root + "/")))
	_, err := c.mqtt.Publish(ctx, &paho.Publish{Topic: topic, QoS: 1, Payload: m.AppendJSON(nil)})
	if err != nil && ctx.Err() == nil {
		return nil // refused: the error's envelope says more than the reason code, and is on its way
	}
	if err != nil {
		return fmt.Errorf("%s: the command is not acknowledged: %w", topic, err)
	}
	return nil
}

// ask sends a command and waits for its response. A refusal is an error with
// the broker's own words.
func (c *client) ask(ctx context.Context, m *protocol.Message) (*protocol.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if err := c.send(ctx, m); err != nil {
		return nil, err
	}
	return c.answer(ctx, m.Headers.CorrelationID())
}

// answer waits for the next response to the command of the correlation ID.
func (c *client) answer(ctx context.Context, correlation string) (*protocol.Message, error) {
	for {
		select {
		case r := <-c.replies:
			if r.Headers.CorrelationID() != correlation {
				continue
			}
			if r.Topic.Criterion == protocol.Errors {
				return nil, refusal(r)
			}
			return r, nil
		case err := <-c.failed:
			return nil, err
		case <-ctx.Done():
			return nil, fmt.Errorf("no answer within %s", c.timeout)
		}
	}
}

// refusedError is a refusal in the broker's own words.
type refusedError struct{ code, text string }

func (e *refusedError) Error() string { return e.text }

// refusal is an error envelope in one line.
func refusal(r *protocol.Message) error {
	text := func(name string) string {
		if r.Value == nil {
			return ""
		}
		v, ok := r.Value.Member(name)
		if !ok {
			return ""
		}
		s, _ := v.Text()
		return s
	}
	e := &refusedError{code: text("error")}
	e.text = fmt.Sprintf("%s (%d %s)", text("message"), r.Status, e.code)
	if d := text("description"); d != "" {
		e.text += "\n" + d
	}
	return e
}

func random() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
