package mqttraw

import (
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// newMochi runs a broker for the length of a test and returns its address.
func newMochi(t *testing.T) string {
	t.Helper()
	server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := server.AddHook(new(refuseMallory), nil); err != nil {
		t.Fatal(err)
	}
	l := listeners.NewTCP(listeners.Config{ID: "t", Address: "127.0.0.1:0"})
	if err := server.AddListener(l); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return l.Address()
}

// refuseMallory lets everyone in but the client of that name.
type refuseMallory struct{ auth.AllowHook }

func (*refuseMallory) OnConnectAuthenticate(cl *mqtt.Client, _ packets.Packet) bool {
	return cl.ID != "mallory"
}

func dial(t *testing.T, addr string, o Options) *Conn {
	t.Helper()
	c, _, err := Dial(addr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestPublishedMessagesComeToTheSubscriberOverARealBroker(t *testing.T) {
	addr := newMochi(t)
	for _, version := range []byte{V311, V5} {
		sub := dial(t, "tcp://"+addr, Options{ClientID: "sub", Version: version, Clean: true})
		if reasons, err := sub.Subscribe(1, Subscription{Filter: "a/#", QoS: 1}); err != nil || len(reasons) != 1 || reasons[0] != 1 {
			t.Fatalf("SUBACK %x, %v", reasons, err)
		}
		pub := dial(t, addr, Options{ClientID: "pub", Version: version, Clean: true})
		for id := uint16(1); id <= 3; id++ {
			pub.Queue(&Publish{Topic: "a/b", Payload: []byte{byte(id)}, QoS: 1, ID: id})
		}
		if err := pub.Flush(); err != nil {
			t.Fatal(err)
		}
		for id := uint16(1); id <= 3; id++ {
			if p, err := pub.ReadPacket(); err != nil || p.Type != PUBACK || p.ID != id {
				t.Fatalf("version %d: got %v, %v; want PUBACK %d", version, p, err, id)
			}
			p, err := sub.ReadPacket()
			if err != nil || p.Type != PUBLISH || p.Topic != "a/b" || p.Payload[0] != byte(id) {
				t.Fatalf("version %d: got %v, %v", version, p, err)
			}
			sub.QueueAck(PUBACK, p.ID, 0)
		}
		if err := sub.Flush(); err != nil {
			t.Fatal(err)
		}
		if _, err := sub.Unsubscribe(2, "a/#"); err != nil {
			t.Error(err)
		}
		if err := sub.Disconnect(); err != nil {
			t.Error(err)
		}
	}
}

func TestExactlyOnceHandshakeIsDoneStepByStep(t *testing.T) {
	c := dial(t, newMochi(t), Options{ClientID: "c", Version: V5, Clean: true})
	if err := c.Publish(&Publish{Topic: "a", QoS: 2, ID: 5}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Await(PUBREC, 5); err != nil {
		t.Fatal(err)
	}
	// Nothing is sent unasked: the broker hears no PUBREL and so says no more.
	if p, err := c.ReadPacketWithin(20 * time.Millisecond); err == nil {
		t.Fatalf("got %s", p)
	}
	if err := c.Ack(PUBREL, 5, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Await(PUBCOMP, 5); err != nil {
		t.Error(err)
	}
}

func TestAwaitKeepsWhatComesInBetween(t *testing.T) {
	c := dial(t, newMochi(t), Options{ClientID: "c", Clean: true})
	if _, err := c.Subscribe(1, Subscription{Filter: "a"}); err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(&Publish{Topic: "a", Payload: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	p, err := c.Await(PUBLISH, 0)
	if err != nil || string(p.Payload) != "x" {
		t.Fatalf("%v, %v", p, err)
	}
	if err := c.Publish(&Publish{Topic: "b", QoS: 1, ID: 2}); err != nil {
		t.Fatal(err)
	}
	if err := c.Ping(); err != nil {
		t.Fatal(err)
	}
	if p, err := c.ReadPacket(); err != nil || p.Type != PUBACK || p.ID != 2 {
		t.Errorf("kept: %v, %v; want PUBACK 2", p, err)
	}
}

func TestRefusedConnectIsAnErrorWithItsReason(t *testing.T) {
	_, ack, err := Dial(newMochi(t), Options{ClientID: "mallory", Version: V5, Clean: true})
	refused := new(RefusedError)
	if !errors.As(err, &refused) || refused.Reason != 0x86 || ack.Reason != 0x86 {
		t.Errorf("got %v, %+v", err, ack)
	}
}

func TestSessionPresentIsTold(t *testing.T) {
	addr := newMochi(t)
	o := Options{ClientID: "c", Version: V5, SessionExpiry: 60, ReceiveMaximum: 20, ReadBuffer: 4096}
	c, ack, err := Dial(addr, o)
	if err != nil || ack.SessionPresent {
		t.Fatalf("first: %+v, %v", ack, err)
	}
	defer c.Close()
	if _, err := c.Subscribe(1, Subscription{Filter: "a", QoS: 1}); err != nil {
		t.Fatal(err)
	}
	c2, ack, err := Dial(addr, o)
	if err != nil || !ack.SessionPresent {
		t.Fatalf("second: %+v, %v", ack, err)
	}
	if err := c2.Reset(); err != nil {
		t.Error(err)
	}
}

func TestReadingAFrameAllocatesNothing(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		defer far.Close()
		var acks []byte
		for id := range 1000 {
			acks = AppendAck(acks, PUBACK, uint16(id), 0)
		}
		for {
			if _, err := far.Write(acks); err != nil {
				return
			}
		}
	}()
	c, err := Open("pipe", Options{Dial: func(string) (net.Conn, error) { return near, nil }})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.ReadFrame(); err != nil {
		t.Fatal(err)
	}
	// A fill of the buffer sets a deadline, which costs the pipe a timer.
	if n := testing.AllocsPerRun(10000, func() {
		if _, _, err := c.ReadFrame(); err != nil {
			t.Fatal(err)
		}
	}); n >= 1 {
		t.Errorf("%v allocations for a frame", n)
	}
}

func TestConnectionThatIsRefusedNamesTheAddress(t *testing.T) {
	_, _, err := Dial("127.0.0.1:1", Options{Timeout: time.Second})
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}
