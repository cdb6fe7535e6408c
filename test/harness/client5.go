package harness

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
)

// Connect says how a client connects. The zero value is a clean start with an
// identifier of its own and a session that ends with the connection.
type Connect struct {
	ID       string
	Keep     bool   // go on with an earlier session
	Expiry   uint32 // seconds that the session outlives the connection; MQTT 5 only, with 3.1.1 Keep means for ever
	Receive  uint16 // Receive Maximum; MQTT 5 only
	Username string
	Password string
	Will     *paho.WillMessage
	Delay    uint32      // of the will, in seconds; MQTT 5 only
	Conn     net.Conn    // instead of TCP to the broker; MQTT 5 only
	TLS      *tls.Config // for addresses with TLS
	URL      string      // instead of the broker's first listener
}

var serial atomic.Int64

func (c *Connect) name(t testing.TB) string {
	if c.ID == "" {
		return "client-" + strconv.FormatInt(serial.Add(1), 10)
	}
	return c.ID
}

// Client5 is an MQTT 5 client, by paho.golang.
type Client5 struct {
	received
	Paho    *paho.Client
	Connack *paho.Connack
	// Disconnected has the DISCONNECT packet that the broker sent.
	Disconnected chan *paho.Disconnect
	id           string
	conn         net.Conn
}

// Dial5 connects with MQTT 5.
func Dial5(t testing.TB, b *Broker, o Connect) *Client5 {
	t.Helper()
	c, err := TryDial5(t, b, o)
	if err != nil {
		t.Fatalf("connecting with MQTT 5: %v", err)
	}
	return c
}

// TryDial5 connects with MQTT 5. After a refusal the Client5 has the Connack
// and nothing else works.
func TryDial5(t testing.TB, b *Broker, o Connect) (*Client5, error) {
	t.Helper()
	conn := o.Conn
	if conn == nil {
		d := net.Dialer{Timeout: Patience}
		var err error
		if o.TLS != nil {
			conn, err = tls.DialWithDialer(&d, "tcp", b.MQTT(), o.TLS)
		} else {
			conn, err = d.Dial("tcp", b.MQTT())
		}
		if err != nil {
			return nil, err
		}
	}
	c := &Client5{received: received{t: t, inbox: newInbox()}, id: o.name(t), conn: packets.NewThreadSafeConn(conn), Disconnected: make(chan *paho.Disconnect, 1)}
	c.Paho = paho.NewClient(paho.ClientConfig{
		ClientID: c.id, Conn: c.conn, PacketTimeout: Patience,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			m := p.Packet
			got := Message{Topic: m.Topic, Payload: string(m.Payload), QoS: m.QoS, Retain: m.Retain, Duplicate: m.Duplicate()}
			if m.Properties != nil {
				got.Props = *m.Properties
			}
			c.inbox.put(got)
			return true, nil
		}},
		OnServerDisconnect: func(d *paho.Disconnect) {
			c.inbox.end(fmt.Errorf("disconnected by the broker: %#x", d.ReasonCode))
			select {
			case c.Disconnected <- d:
			default:
			}
		},
		OnClientError: func(err error) { c.inbox.end(err) },
	})
	cp := &paho.Connect{ClientID: c.id, CleanStart: !o.Keep, KeepAlive: 60, Properties: &paho.ConnectProperties{RequestProblemInfo: true}}
	if o.Expiry > 0 {
		cp.Properties.SessionExpiryInterval = &o.Expiry
	}
	if o.Receive > 0 {
		cp.Properties.ReceiveMaximum = &o.Receive
	}
	if o.Username != "" {
		cp.Username, cp.UsernameFlag = o.Username, true
	}
	if o.Password != "" {
		cp.Password, cp.PasswordFlag = []byte(o.Password), true
	}
	cp.WillMessage = o.Will
	if o.Delay > 0 {
		cp.WillProperties = &paho.WillProperties{WillDelayInterval: &o.Delay}
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	var err error
	c.Connack, err = c.Paho.Connect(ctx, cp)
	if err != nil {
		_ = conn.Close()
		return c, err
	}
	t.Cleanup(c.Disconnect)
	return c, nil
}

func (c *Client5) ID() string    { return c.id }
func (c *Client5) Version() byte { return 5 }

// SubscribeWith subscribes as it is told and returns the answer.
func (c *Client5) SubscribeWith(s *paho.Subscribe) (*paho.Suback, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	return c.Paho.Subscribe(ctx, s)
}

func (c *Client5) Subscribe(filters ...string) {
	c.t.Helper()
	for _, f := range filters {
		if code := c.SubscribeAt(f, 2); code > 2 {
			c.t.Fatalf("subscribing to %s: refused with %#x", f, code)
		}
	}
}

func (c *Client5) SubscribeAt(filter string, qos byte) byte {
	c.t.Helper()
	ack, err := c.SubscribeWith(&paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: qos}}})
	if ack != nil {
		return ack.Reasons[0]
	}
	c.t.Fatalf("subscribing to %s: %v", filter, err)
	return 0
}

func (c *Client5) Unsubscribe(filters ...string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if _, err := c.Paho.Unsubscribe(ctx, &paho.Unsubscribe{Topics: filters}); err != nil {
		c.t.Fatalf("unsubscribing from %v: %v", filters, err)
	}
}

// Refused is the refusal of a publish.
type Refused struct {
	Code   byte
	Reason string
}

func (r *Refused) Error() string { return fmt.Sprintf("refused with %#x: %s", r.Code, r.Reason) }

// Send publishes as it is told and waits for the acknowledgement. What the
// broker refused is a *Refused.
func (c *Client5) Send(p *paho.Publish) error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	r, err := c.Paho.Publish(ctx, p)
	if r != nil && r.ReasonCode >= 0x80 { // for QoS 2 paho calls it no error
		refused := &Refused{Code: r.ReasonCode}
		if r.Properties != nil {
			refused.Reason = r.Properties.ReasonString
		}
		return refused
	}
	return err
}

func (c *Client5) Publish(topic, payload string, qos byte) error {
	return c.Send(&paho.Publish{Topic: topic, Payload: []byte(payload), QoS: qos})
}

func (c *Client5) PublishRetained(topic, payload string, qos byte) error {
	return c.Send(&paho.Publish{Topic: topic, Payload: []byte(payload), QoS: qos, Retain: true})
}

// Request publishes with a Response Topic and new Correlation Data and returns
// the response. The topic has to be subscribed to.
func (c *Client5) Request(topic, payload string, qos byte, responseTopic string) Message {
	c.t.Helper()
	correlation := "request-" + strconv.FormatInt(serial.Add(1), 10)
	err := c.Send(&paho.Publish{
		Topic: topic, Payload: []byte(payload), QoS: qos,
		Properties: &paho.PublishProperties{ResponseTopic: responseTopic, CorrelationData: []byte(correlation)},
	})
	if refused := (*Refused)(nil); err != nil && !errors.As(err, &refused) {
		c.t.Fatalf("request on %s: %v", topic, err)
	}
	for {
		if m := c.Wait(responseTopic); m.Correlation() == correlation {
			return m
		}
	}
}

func (c *Client5) Drain(filter string) []Message {
	c.t.Helper()
	return c.drainAfter(c, filter)
}

func (c *Client5) Disconnect() {
	_ = c.Paho.Disconnect(&paho.Disconnect{})
	_ = c.conn.Close()
	c.inbox.end(io.EOF)
	c.finished()
}

func (c *Client5) Drop() {
	_ = c.conn.Close()
	c.inbox.end(io.EOF)
	c.finished()
}

// finished waits until paho has noticed.
func (c *Client5) finished() {
	select {
	case <-c.Paho.Done():
	case <-time.After(Patience):
		c.t.Errorf("paho does not end")
	}
}
