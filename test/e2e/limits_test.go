package e2e

import (
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

func TestTheNumberOfClientsCanBeLimited(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + "limits: {clients: 2}\n"})
	first := harness.Dial5(t, b, harness.Connect{})
	watch := harness.Dial3(t, b, harness.Connect{})
	watch.Subscribe("$SYS/twinbroker/refused")
	if c, err := harness.TryDial5(t, b, harness.Connect{}); err == nil || c.Connack == nil || c.Connack.ReasonCode != 0x89 && c.Connack.ReasonCode != 0x97 {
		t.Errorf("a third client: %v", err)
	}
	if _, ack, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: mqttraw.V311, Clean: true, ClientID: "fourth", Username: "ann", Password: "x"}); err == nil || ack.Reason != 3 {
		t.Errorf("a fourth client, by 3.1.1: %+v %v, want 3 (server unavailable)", ack, err)
	}
	if n := metric(t, b, "twinbroker_connections_refused_total"); n != 2 {
		t.Errorf("%v are counted", n)
	}
	b.WaitLog(`msg="client refused" client=fourth username=ann`)
	for range 2 {
		if m := watch.Wait("$SYS/twinbroker/refused"); !strings.Contains(m.Payload, "limits.clients") {
			t.Errorf("operators are told %s", m.Payload)
		}
	}
	first.Disconnect()
	waitMetric(t, b, "twinbroker_clients_connected", func(n float64) bool { return n == 1 })
	harness.Dial5(t, b, harness.Connect{})
}

func TestAPacketBeyondTheLimitEndsItsConnection(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + "limits: {packet_size: 20KiB, message_size: 10KiB}\n"})
	for _, version := range []byte{mqttraw.V5, mqttraw.V311} {
		c, ack, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: version, Clean: true, ClientID: "large"})
		if err != nil {
			t.Fatal(err)
		}
		if version == mqttraw.V5 && (ack.Props == nil || ack.Props.MaximumPacket != 20<<10) {
			t.Errorf("the CONNACK does not tell the Maximum Packet Size: %+v", ack.Props)
		}
		if err := c.Publish(&mqttraw.Publish{Topic: "a", QoS: 1, ID: 1, Payload: make([]byte, 19<<10)}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Await(mqttraw.PUBACK, 1); err != nil {
			t.Errorf("version %d: a packet within the limit: %v", version, err)
		}
		_ = c.Publish(&mqttraw.Publish{Topic: "a", QoS: 1, ID: 2, Payload: make([]byte, 21<<10)})
		p, err := c.ReadPacket()
		if version == mqttraw.V5 && (err != nil || p.Type != mqttraw.DISCONNECT || p.Reason != 0x95) {
			t.Errorf("answered with %v, %v; want DISCONNECT with 0x95 (packet too large)", p, err)
		} else if version == mqttraw.V311 && err == nil {
			t.Errorf("answered with %v, want the connection ended", p)
		}
	}
}

func TestAPacketThatBreaksTheProtocolEndsItsConnectionOnly(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	other := harness.Dial5(t, b, harness.Connect{})
	publish := func(p *mqttraw.Publish) []byte { return mqttraw.AppendPublish(nil, mqttraw.V5, p) }
	for _, c := range []struct {
		name   string
		packet []byte
		reason byte // 0: it only ends
	}{
		{"a type that is reserved", []byte{0x00, 0x00}, 0},
		{"flags that are wrong", []byte{0x80, 0x00}, 0x81},
		{"QoS 3", []byte{0x36, 0x07, 0, 1, 'a', 0, 1, 0, 'x'}, 0},
		{"a length that is none", []byte{0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}, 0x81},
		{"a packet that ends too early", []byte{0x32, 0x02, 0, 9}, 0x81},
		{"a topic with a wildcard", publish(&mqttraw.Publish{Topic: "a/#", QoS: 1, ID: 1}), 0x82},
		{"no topic and no alias", publish(&mqttraw.Publish{QoS: 1, ID: 1}), 0x82},
		{"an alias without a meaning", publish(&mqttraw.Publish{QoS: 1, ID: 1, Props: &mqttraw.Properties{TopicAlias: 7}}), 0x94},
		{"an alias beyond the maximum", publish(&mqttraw.Publish{Topic: "a", QoS: 1, ID: 1, Props: &mqttraw.Properties{TopicAlias: 60000}}), 0x94},
		{"a second CONNECT", mqttraw.AppendConnect(nil, &mqttraw.Options{Version: mqttraw.V5, ClientID: "again"}), 0x82},
		{"a subscription to nothing", []byte{0x82, 0x03, 0, 1, 0}, 0x82},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, _, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: mqttraw.V5, Clean: true, ClientID: "wrong"})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.WriteRaw(c.packet); err != nil {
				t.Fatal(err)
			}
			if err := conn.Flush(); err != nil {
				t.Fatal(err)
			}
			p, err := conn.ReadPacket()
			switch {
			case c.reason == 0 && (err != nil || p.Type == mqttraw.DISCONNECT):
			case err != nil || p.Type != mqttraw.DISCONNECT || p.Reason != c.reason:
				t.Errorf("answered with %v, %v; want DISCONNECT with %#x", p, err, c.reason)
			}
			if p, err := conn.ReadPacket(); err == nil {
				t.Errorf("answered also with %v", p)
			}
		})
	}
	mustPublish(t, other, "a", "still here", 1)
}
