package harness

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Client3 is an MQTT 3.1.1 client, by paho.mqtt.golang.
type Client3 struct {
	received
	Paho mqtt.Client
	id   string
	conn net.Conn
	lost chan struct{}
}

// Dial3 connects with MQTT 3.1.1.
func Dial3(t testing.TB, b *Broker, o Connect) *Client3 {
	t.Helper()
	c, err := TryDial3(t, b, o)
	if err != nil {
		t.Fatalf("connecting with MQTT 3.1.1: %v", err)
	}
	return c
}

// TryDial3 connects with MQTT 3.1.1.
func TryDial3(t testing.TB, b *Broker, o Connect) (*Client3, error) {
	t.Helper()
	c := &Client3{received: received{t: t, inbox: newInbox()}, id: o.name(t), lost: make(chan struct{})}
	address := o.URL
	if address == "" {
		address = "tcp://" + b.MQTT()
	}
	opts := mqtt.NewClientOptions().
		AddBroker(address).SetClientID(c.id).SetProtocolVersion(4).SetCleanSession(!o.Keep).
		SetAutoReconnect(false).SetConnectRetry(false).SetConnectTimeout(Patience).SetWriteTimeout(Patience).
		SetUsername(o.Username).SetPassword(o.Password).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			c.inbox.put(Message{Topic: m.Topic(), Payload: string(m.Payload()), QoS: m.Qos(), Retain: m.Retained(), Duplicate: m.Duplicate()})
		}).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) {
			c.inbox.end(err)
			close(c.lost)
		})
	if o.TLS != nil {
		opts.SetTLSConfig(o.TLS)
	} else if o.URL == "" {
		opts.SetCustomOpenConnectionFn(func(u *url.URL, _ mqtt.ClientOptions) (net.Conn, error) {
			conn, err := net.DialTimeout("tcp", u.Host, Patience)
			if err != nil {
				return nil, err
			}
			c.conn = droppable{conn}
			return c.conn, nil
		})
	}
	if o.Will != nil {
		opts.SetBinaryWill(o.Will.Topic, o.Will.Payload, o.Will.QoS, o.Will.Retain)
	}
	c.Paho = mqtt.NewClient(opts)
	if err := settle(c.Paho.Connect()); err != nil {
		return c, err
	}
	t.Cleanup(c.Disconnect)
	return c, nil
}

var errTimeout = fmt.Errorf("no acknowledgement within %v", Patience)

func settle(token mqtt.Token) error {
	if !token.WaitTimeout(Patience) {
		return errTimeout
	}
	return token.Error()
}

func (c *Client3) ID() string    { return c.id }
func (c *Client3) Version() byte { return 4 }

func (c *Client3) Subscribe(filters ...string) {
	c.t.Helper()
	for _, f := range filters {
		if code := c.SubscribeAt(f, 2); code > 2 {
			c.t.Fatalf("subscribing to %s: refused with %#x", f, code)
		}
	}
}

func (c *Client3) SubscribeAt(filter string, qos byte) byte {
	c.t.Helper()
	token := c.Paho.Subscribe(filter, qos, nil).(*mqtt.SubscribeToken)
	if err := settle(token); errors.Is(err, errTimeout) {
		c.t.Fatalf("subscribing to %s: %v", filter, err)
	}
	for _, code := range token.Result() { // of the one filter, which paho calls by another name when it is shared
		return code
	}
	c.t.Fatalf("subscribing to %s: %v", filter, token.Error())
	return 0
}

func (c *Client3) Unsubscribe(filters ...string) {
	c.t.Helper()
	if err := settle(c.Paho.Unsubscribe(filters...)); err != nil {
		c.t.Fatalf("unsubscribing from %v: %v", filters, err)
	}
}

func (c *Client3) Publish(topic, payload string, qos byte) error {
	return settle(c.Paho.Publish(topic, qos, false, payload))
}

func (c *Client3) PublishRetained(topic, payload string, qos byte) error {
	return settle(c.Paho.Publish(topic, qos, true, payload))
}

func (c *Client3) Drain(filter string) []Message {
	c.t.Helper()
	return c.drainAfter(c, filter)
}

func (c *Client3) Disconnect() {
	c.Paho.Disconnect(uint(Patience / time.Millisecond)) // as long as it takes to send the packet
	c.inbox.end(io.EOF)
}

func (c *Client3) Drop() {
	if c.conn == nil {
		c.t.Fatal("only a connection over TCP can be dropped")
	}
	_ = c.conn.Close()
	c.inbox.end(io.EOF)
	select {
	case <-c.lost:
	case <-time.After(Patience):
		c.t.Errorf("paho does not notice that its connection is gone")
	}
}

// droppable is a connection that looks cut from the other side when it is closed
// here; otherwise paho would not report it as lost.
type droppable struct{ net.Conn }

func (d droppable) Read(p []byte) (int, error) {
	n, err := d.Conn.Read(p)
	if errors.Is(err, net.ErrClosed) {
		err = io.EOF
	}
	return n, err
}

// Dial connects with MQTT 5 or, version 4, 3.1.1.
func Dial(t testing.TB, b *Broker, version byte, o Connect) Client {
	t.Helper()
	if version == 4 {
		return Dial3(t, b, o)
	}
	return Dial5(t, b, o)
}
