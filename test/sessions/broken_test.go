package sessions

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

func frame(first byte, body string) []byte { return mqttraw.AppendFrame(nil, first, []byte(body)) }

// A packet that breaks the protocol ends its own connection, and nothing else.
func TestABrokenPacketEndsItsOwnConnectionOnly(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	other := watchFrom(t, b)
	const both, five, three = 0, mqttraw.V5, mqttraw.V311
	for _, row := range []struct {
		name    string
		version byte
		packet  []byte
	}{
		{"a packet type that is none", both, frame(0x00, "")},
		{"a length of five bytes", both, []byte{0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}},
		{"a packet that is larger than allowed", both, []byte{0x30, 0xFF, 0xFF, 0xFF, 0x7F}},
		{"a PUBLISH at QoS 3", both, frame(0x36, "\x00\x01a\x00\x01")},
		{"a PUBLISH at QoS 0 that is a duplicate", both, frame(0x38, "\x00\x01a")},
		{"a PUBLISH whose topic ends beyond it", both, frame(0x30, "\x00\x09a")},
		{"a PUBLISH of nothing", both, frame(0x30, "")},
		{"a PUBLISH without a packet identifier", both, frame(0x32, "\x00\x01a")},
		{"a PUBLISH with the packet identifier 0", both, frame(0x32, "\x00\x01a\x00\x00\x00")},
		{"a PUBLISH to a wildcard", both, frame(0x30, "\x00\x03a/+\x00")},
		{"a PUBLISH to a topic that is no UTF-8", both, frame(0x30, "\x00\x02\xC3\x28\x00")},
		{"a PUBLISH to a topic with a NUL", both, frame(0x30, "\x00\x02a\x00\x00")},
		{"a PUBLISH to no topic", three, frame(0x30, "\x00\x00")},
		{"a PUBLISH to no topic, without an alias", five, frame(0x30, "\x00\x00\x00")},
		{"a PUBLISH to an alias that nobody has given", five, frame(0x30, "\x00\x00\x03\x23\x00\x05")},
		{"a PUBLISH to the alias 0", five, frame(0x30, "\x00\x01a\x03\x23\x00\x00")},
		{"a PUBLISH to an alias that is too large", five, frame(0x30, "\x00\x01a\x03\x23\xFF\xFF")},
		{"a PUBLISH with a subscription identifier", five, frame(0x30, "\x00\x01a\x02\x0B\x05")},
		{"a PUBLISH with a property of CONNECT", five, frame(0x30, "\x00\x01a\x05\x11\x00\x00\x00\x05")},
		{"a PUBLISH with properties that end beyond it", five, frame(0x30, "\x00\x01a\x09\x23")},
		{"a PUBLISH with a property that is none", five, frame(0x30, "\x00\x01a\x02\x7F\x00")},
		{"a PUBACK that ends early", both, frame(0x40, "\x00")},
		{"a PUBREL with wrong flags", both, frame(0x60, "\x00\x01")},
		{"a PUBREL that ends early", both, frame(0x62, "\x00")},
		{"a SUBSCRIBE to nothing", both, frame(0x82, "\x00\x01")},
		{"a SUBSCRIBE with wrong flags", both, frame(0x80, "\x00\x01\x00\x00\x01a\x00")},
		{"a SUBSCRIBE that ends behind a filter", three, frame(0x82, "\x00\x01\x00\x01a")},
		{"a SUBSCRIBE that ends behind a filter, of MQTT 5", five, frame(0x82, "\x00\x01\x00\x00\x01a")},
		{"a SUBSCRIBE that ends within a filter", both, frame(0x82, "\x00\x01\x00\x00\x09a")},
		{"a SUBSCRIBE at QoS 3", both, frame(0x82, "\x00\x01\x00\x00\x01a\x03")},
		{"a SUBSCRIBE with the subscription identifier 0", five, frame(0x82, "\x00\x01\x02\x0B\x00\x00\x01a\x00")},
		{"a SUBSCRIBE with retain handling 3", five, frame(0x82, "\x00\x01\x00\x00\x01a\x30")},
		{"a shared subscription with No Local", five, frame(0x82, "\x00\x01\x00\x00\x0A$share/g/a\x04")},
		{"an UNSUBSCRIBE from nothing", both, frame(0xA2, "\x00\x01")},
		{"an UNSUBSCRIBE that ends early", both, frame(0xA2, "\x00")},
		{"a CONNACK", both, frame(0x20, "\x00\x00")},
		{"a SUBACK", both, frame(0x90, "\x00\x01\x00")},
		{"a PINGREQ with flags", both, frame(0xC1, "")},
		{"a second CONNECT", both, mqttraw.AppendConnect(nil, &mqttraw.Options{ClientID: "x"})},
		{"an AUTH", both, frame(0xF0, "")},
		{"a DISCONNECT that gives a session without expiry one", five, frame(0xE0, "\x00\x05\x11\x00\x00\x00\x05")},
		{"half a packet, and the end", both, []byte{0x30, 0x20, 0x00}},
	} {
		each(t, func(t *testing.T, version byte) {
			if row.version != both && row.version != version {
				return
			}
			t.Run(row.name, func(t *testing.T) {
				c := dial(t, b, mqttraw.Options{ClientID: "broken", Version: version, Clean: true})
				must(t, c.WriteRaw(row.packet))
				if strings.HasSuffix(row.name, "the end") {
					must(t, c.NetConn().(*net.TCPConn).CloseWrite())
				}
				reason := ended(t, c)
				if version == mqttraw.V311 && reason != 0 || reason != 0 && reason < 0x80 {
					t.Errorf("disconnected with %#x", reason)
				}
			})
		})
	}
	t.Run("a PUBREL before its PUBREC", func(t *testing.T) {
		slowly := harness.Start(t, harness.Options{Env: []string{slow}})
		w := newTwin(t, slowly, "hasty")
		c := dial(t, slowly, mqttraw.Options{ClientID: "hasty", Version: mqttraw.V5, Clean: true})
		c.Queue(w.change(1, 2, 1))
		c.QueueAck(mqttraw.PUBREL, 1, 0)
		must(t, c.Flush())
		if reason := ended(t, c); reason != 0x82 {
			t.Errorf("disconnected with %#x, want 0x82", reason)
		}
		w.event(2)
	})
	other.undisturbed()
	if !b.Running() {
		t.Fatal("the broker has ended")
	}
}

// What the broker cannot even take for a client is closed too.
func TestABrokenConnectIsClosed(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	other := watchFrom(t, b)
	connect := mqttraw.AppendConnect(nil, &mqttraw.Options{ClientID: "x", Version: mqttraw.V5})
	for name, packet := range map[string][]byte{
		"another packet first":      mqttraw.AppendPing(nil),
		"HTTP":                      []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"half a CONNECT":            connect[:len(connect)/2],
		"another protocol":          frame(0x10, "\x00\x04HTTP\x05\x02\x00\x00\x00\x00\x00"),
		"another version":           frame(0x10, "\x00\x04MQTT\x07\x02\x00\x00\x00\x00\x00"),
		"a reserved flag":           frame(0x10, "\x00\x04MQTT\x04\x03\x00\x00\x00\x00"),
		"a will at QoS 3":           frame(0x10, "\x00\x04MQTT\x04\x1E\x00\x00\x00\x01x\x00\x01w\x00\x01w"),
		"an authentication method":  mqttraw.AppendConnect(nil, &mqttraw.Options{ClientID: "x", Version: mqttraw.V5, Props: &mqttraw.Properties{AuthMethod: "X"}}),
		"no identifier, to be kept": mqttraw.AppendConnect(nil, &mqttraw.Options{Version: mqttraw.V311}),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", b.MQTT())
			must(t, err)
			defer c.Close()
			_, err = c.Write(packet)
			must(t, err)
			must(t, c.(*net.TCPConn).CloseWrite())
			must(t, c.SetReadDeadline(time.Now().Add(harness.Patience)))
			buf := make([]byte, 100)
			n := 0
			for err == nil {
				var more int
				more, err = c.Read(buf[n:])
				n += more
			}
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Error("it stays open")
			}
			if n > 0 && (buf[0] != 0x20 || buf[3] == 0) {
				t.Errorf("answered with % x", buf[:n])
			}
		})
	}
	other.undisturbed()
}

// Connections that never say who they are keep nobody out, and do not keep the
// broker from stopping.
func TestAFloodOfHalfOpenConnections(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	other := watchFrom(t, b)
	const many = 400
	var half []net.Conn
	for i := range many {
		c, err := net.Dial("tcp", b.MQTT())
		must(t, err)
		defer c.Close()
		if i%2 == 0 {
			_, err = c.Write([]byte{0x10, 0xFF, 0xFF, 0x3F, 0x00}) // of a CONNECT that is a megabyte, they say
			must(t, err)
		}
		half = append(half, c)
		if i%50 == 0 {
			other.undisturbed()
			must(t, dial(t, b, mqttraw.Options{Version: mqttraw.V5, Clean: true}).Disconnect())
		}
	}
	awaitMetric(t, b, "twinbroker_connections_total", atLeast(many))
	other.undisturbed()
	start := time.Now()
	b.Stop()
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("the stop took %v", d)
	}
	for _, c := range half {
		must(t, c.SetReadDeadline(time.Now().Add(harness.Patience)))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Fatal("a half-open connection was answered")
		}
	}
}

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	each(t, func(t *testing.T, version byte) {
		t.Parallel()
		o := mqttraw.Options{ClientID: fmt.Sprint("alive ", version), Version: version, Clean: true, KeepAlive: 1}
		c := dial(t, b, o)
		start := time.Now()
		for range 4 { // a client that pings stays
			<-time.After(500 * time.Millisecond)
			must(t, c.Ping())
		}
		silent := time.Now()
		ended(t, c)
		if d := time.Since(silent); d < 1300*time.Millisecond || d > 10*time.Second {
			t.Errorf("closed %v after the last packet, and %v in all; want one and a half seconds", d, time.Since(start))
		}
	})
}
