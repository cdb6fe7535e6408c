package mqttraw

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
)

func one(b byte) *byte { return &b }

// every has each property once, whatever packet it belongs to.
func every() *Properties {
	return &Properties{
		PayloadFormat: 1, MessageExpiry: 60, ContentType: "application/json", ResponseTopic: "r/1",
		CorrelationData: []byte{0, 1, 2}, SubscriptionIDs: []int{1, 268435455}, SessionExpiry: 3600,
		AssignedClientID: "c-1", ServerKeepAlive: 30, AuthMethod: "SCRAM", AuthData: []byte("x"),
		ProblemInfo: one(0), WillDelay: 5, ResponseInfo: 1, ResponseInfoText: "info", ServerReference: "other",
		ReasonString: "because", ReceiveMaximum: 10, TopicAliasMax: 11, TopicAlias: 12, MaximumQoS: one(1),
		RetainAvailable: one(0), User: [][2]string{{"a", "1"}, {"a", "2"}}, MaximumPacket: 1 << 20,
		WildcardSub: one(1), SubscriptionID: one(0), SharedSub: one(1),
	}
}

func TestPropertiesSurviveEncodingAndDecoding(t *testing.T) {
	want := every()
	r := &reader{b: appendProperties(nil, want)}
	got := decodeProperties(r)
	if r.err != nil || len(r.b) != 0 {
		t.Fatalf("decode: %v, %d bytes left", r.err, len(r.b))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if v, ok := got.UserValue("a"); v != "1" || !ok {
		t.Errorf("first user property a: %q, %t", v, ok)
	}
}

func TestFramesAreCutOffWherePacketsEnd(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 20000)
	var all []byte
	all = AppendAck(all, PUBACK, 0x1234, 0)
	all = AppendPublish(all, V311, &Publish{Topic: "a/b", Payload: long, QoS: 1, ID: 7})
	all = AppendPing(all)
	var want [][]byte
	for rest := all; len(rest) > 0; {
		_, body, n, err := Next(rest)
		if err != nil || n == 0 {
			t.Fatalf("%d bytes left: n %d, %v", len(rest), n, err)
		}
		want = append(want, body)
		rest = rest[n:]
	}
	if len(want) != 3 || len(want[1]) != 2+3+2+len(long) {
		t.Fatalf("%d frames", len(want))
	}
	// However the bytes come in, the same frames come out.
	var got [][]byte
	var buf []byte
	for _, b := range all {
		buf = append(buf, b)
		_, body, n, err := Next(buf)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			got = append(got, bytes.Clone(body))
			buf = buf[n:]
		}
	}
	if len(buf) != 0 || len(got) != 3 || !bytes.Equal(got[1], want[1]) {
		t.Errorf("byte by byte: %d frames, %d bytes left", len(got), len(buf))
	}
}

func TestFrameWithFiveLengthBytesIsRefused(t *testing.T) {
	if _, _, _, err := Next([]byte{0x30, 0xff, 0xff, 0xff, 0xff, 0x01}); err == nil {
		t.Error("no error")
	}
}

// What we encode is read by another codec, mochi's, as it was meant.
func TestEncodedPacketsMeanTheSameToAnotherCodec(t *testing.T) {
	decode := func(t *testing.T, version byte, frame []byte, f func(*packets.Packet, []byte) error) packets.Packet {
		t.Helper()
		first, body, n, err := Next(frame)
		if err != nil || n != len(frame) {
			t.Fatalf("frame of %d bytes: n %d, %v", len(frame), n, err)
		}
		p := packets.Packet{ProtocolVersion: version}
		if err := p.FixedHeader.Decode(first); err != nil {
			t.Fatal(err)
		}
		p.FixedHeader.Remaining = len(body)
		if err := f(&p, body); err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, version := range []byte{V311, V5} {
		o := Options{
			ClientID: "c", Version: version, Clean: true, KeepAlive: 9, Username: "u", Password: "p",
			ReceiveMaximum: 3, SessionExpiry: 4,
			Will: &Will{Topic: "w", Payload: []byte("gone"), QoS: 2, Retain: true, Props: &Properties{WillDelay: 8}},
		}
		p := decode(t, version, AppendConnect(nil, &o), (*packets.Packet).ConnectDecode)
		c := p.Connect
		if c.ClientIdentifier != "c" || !c.Clean || c.Keepalive != 9 || string(c.Username) != "u" ||
			string(c.Password) != "p" || c.WillTopic != "w" || string(c.WillPayload) != "gone" || c.WillQos != 2 || !c.WillRetain {
			t.Errorf("version %d: CONNECT %+v", version, c)
		}
		if version == V5 && (p.Properties.ReceiveMaximum != 3 || p.Properties.SessionExpiryInterval != 4 || c.WillProperties.WillDelayInterval != 8) {
			t.Errorf("CONNECT properties %+v, of the will %+v", p.Properties, c.WillProperties)
		}

		pub := &Publish{Topic: "a/b", Payload: []byte("x"), QoS: 2, ID: 513, Dup: true, Retain: true, Props: &Properties{ResponseTopic: "r"}}
		p = decode(t, version, AppendPublish(nil, version, pub), (*packets.Packet).PublishDecode)
		if p.TopicName != "a/b" || string(p.Payload) != "x" || p.FixedHeader.Qos != 2 || p.PacketID != 513 ||
			!p.FixedHeader.Dup || !p.FixedHeader.Retain || version == V5 && p.Properties.ResponseTopic != "r" {
			t.Errorf("version %d: PUBLISH %+v", version, p)
		}

		sub := AppendSubscribe(nil, version, 7, &Properties{SubscriptionIDs: []int{5}},
			Subscription{Filter: "a/#", QoS: 1}, Subscription{Filter: "b", QoS: 2, NoLocal: version == V5})
		p = decode(t, version, sub, (*packets.Packet).SubscribeDecode)
		if p.PacketID != 7 || len(p.Filters) != 2 || p.Filters[0].Filter != "a/#" || p.Filters[0].Qos != 1 ||
			p.Filters[1].Qos != 2 || p.Filters[1].NoLocal != (version == V5) {
			t.Errorf("version %d: SUBSCRIBE %+v", version, p)
		}

		p = decode(t, version, AppendUnsubscribe(nil, version, 8, "a/#", "b"), (*packets.Packet).UnsubscribeDecode)
		if p.PacketID != 8 || len(p.Filters) != 2 || p.Filters[1].Filter != "b" {
			t.Errorf("version %d: UNSUBSCRIBE %+v", version, p)
		}
	}
	p := decode(t, V5, AppendAck(nil, PUBREL, 9, 0x92), (*packets.Packet).PubrelDecode)
	if p.PacketID != 9 || p.ReasonCode != 0x92 || p.FixedHeader.Qos != 1 {
		t.Errorf("PUBREL %+v", p)
	}
	p = decode(t, V5, AppendDisconnect(nil, V5, 0x04, &Properties{SessionExpiry: 1}), (*packets.Packet).DisconnectDecode)
	if p.ReasonCode != 0x04 || p.Properties.SessionExpiryInterval != 1 {
		t.Errorf("DISCONNECT %+v", p)
	}
}

// And the other way round.
func TestPacketsOfAnotherCodecAreDecoded(t *testing.T) {
	encode := func(p packets.Packet, f func(*packets.Packet, *bytes.Buffer) error) *Packet {
		t.Helper()
		var buf bytes.Buffer
		if err := f(&p, &buf); err != nil {
			t.Fatal(err)
		}
		first, body, n, err := Next(buf.Bytes())
		if err != nil || n != buf.Len() {
			t.Fatalf("frame: n %d of %d, %v", n, buf.Len(), err)
		}
		got, err := Decode(p.ProtocolVersion, first, body)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	header := func(typ byte) packets.FixedHeader { return packets.FixedHeader{Type: typ} }
	got := encode(packets.Packet{ProtocolVersion: 5, FixedHeader: header(packets.Connack), SessionPresent: true,
		Properties: packets.Properties{AssignedClientID: "x", ReceiveMaximum: 5}}, (*packets.Packet).ConnackEncode)
	if !got.SessionPresent || got.Props.AssignedClientID != "x" || got.Props.ReceiveMaximum != 5 {
		t.Errorf("CONNACK %+v, %+v", got, got.Props)
	}
	got = encode(packets.Packet{ProtocolVersion: 4, PacketID: 3, TopicName: "a", Payload: []byte("y"),
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1, Dup: true, Retain: true}}, (*packets.Packet).PublishEncode)
	if got.Topic != "a" || got.ID != 3 || got.QoS != 1 || !got.Dup || !got.Retain || string(got.Payload) != "y" {
		t.Errorf("%s", got)
	}
	got = encode(packets.Packet{ProtocolVersion: 5, PacketID: 4, FixedHeader: header(packets.Puback), ReasonCode: 0x99,
		Properties: packets.Properties{ReasonString: "bad"}}, (*packets.Packet).PubackEncode)
	if got.ID != 4 || got.Reason != 0x99 || got.Props.ReasonString != "bad" {
		t.Errorf("%s, %+v", got, got.Props)
	}
	got = encode(packets.Packet{ProtocolVersion: 5, PacketID: 5, FixedHeader: header(packets.Suback), ReasonCodes: []byte{0, 0x87}}, (*packets.Packet).SubackEncode)
	if got.ID != 5 || !bytes.Equal(got.Reasons, []byte{0, 0x87}) {
		t.Errorf("%s", got)
	}
	got = encode(packets.Packet{ProtocolVersion: 4, FixedHeader: header(packets.Pingresp)}, (*packets.Packet).PingrespEncode)
	if got.Type != PINGRESP {
		t.Errorf("%s", got)
	}
}

func TestPacketsThatNoServerMaySendAreErrors(t *testing.T) {
	for _, c := range []struct {
		name    string
		version byte
		frame   []byte
		want    string
	}{
		{"publish at QoS 3", V311, []byte{0x36, 5, 0, 1, 'a', 0, 1}, "QoS 3"},
		{"publish with DUP at QoS 0", V311, []byte{0x38, 3, 0, 1, 'a'}, "DUP"},
		{"publish with packet id 0", V311, []byte{0x32, 5, 0, 1, 'a', 0, 0}, "packet id 0"},
		{"puback cut short", V311, []byte{0x40, 1, 0}, "too early"},
		{"puback with a reason in 3.1.1", V311, []byte{0x40, 3, 0, 1, 0}, "after its end"},
		{"pubrel without its flag", V311, []byte{0x60, 2, 0, 1}, "flags"},
		{"disconnect to 3.1.1", V311, []byte{0xe0, 0}, "3.1.1"},
		{"subscribe", V311, []byte{0x82, 0}, "not a packet"},
		{"unknown property", V5, []byte{0x40, 6, 0, 1, 0, 2, 0x7f, 0}, "unknown property"},
		{"properties longer than the packet", V5, []byte{0x40, 4, 0, 1, 0, 9}, "too early"},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, body, n, err := Next(c.frame)
			if err != nil || n != len(c.frame) {
				t.Fatalf("frame: %d, %v", n, err)
			}
			p, err := Decode(c.version, first, body)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want an error with %q", p, err, c.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(V311, AppendPublish(nil, V311, &Publish{Topic: "a/b", Payload: []byte("x"), QoS: 1, ID: 7}))
	f.Add(V5, AppendPublish(nil, V5, &Publish{Topic: "a/b", QoS: 2, ID: 7, Props: every()}))
	f.Add(V5, AppendAck(nil, PUBREC, 1, 0x99))
	f.Add(V5, []byte{0x20, 3, 1, 0, 0})
	f.Add(V5, []byte{0x90, 5, 0, 1, 0, 1, 0x87})
	f.Add(V5, AppendDisconnect(nil, V5, 0x93, &Properties{ReasonString: "too many"}))
	f.Add(V311, []byte{0x30, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, version byte, frame []byte) {
		first, body, n, err := Next(frame)
		if err != nil || n == 0 {
			return
		}
		if n > len(frame) || len(body) >= n {
			t.Fatalf("took %d of %d bytes for a body of %d", n, len(frame), len(body))
		}
		p, err := Decode(version, first, body)
		if err != nil || p.Type != PUBLISH {
			return
		}
		// A PUBLISH that was understood says the same when it is encoded again.
		again := AppendPublish(nil, version, &Publish{Topic: p.Topic, Payload: p.Payload, QoS: p.QoS, ID: p.ID, Dup: p.Dup, Retain: p.Retain, Props: p.Props})
		first, body, _, err = Next(again)
		if err != nil {
			t.Fatal(err)
		}
		q, err := Decode(version, first, body)
		if err != nil {
			t.Fatalf("%s: decoded once, but not when encoded again: %v", p, err)
		}
		if q.Topic != p.Topic || q.ID != p.ID || !bytes.Equal(q.Payload, p.Payload) {
			t.Fatalf("%s became %s", p, q)
		}
	})
}

func BenchmarkAppendPublish(b *testing.B) {
	p := &Publish{Topic: "ditto/org.acme/lamp-17/things/twin/commands/modify", Payload: bytes.Repeat([]byte("x"), 100), QoS: 1, ID: 7}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendPublish(dst[:0], V311, p)
	}
}

func BenchmarkNextOfAcks(b *testing.B) {
	var acks []byte
	for id := range 16 {
		acks = AppendAck(acks, PUBACK, uint16(id+1), 0)
	}
	b.ReportAllocs()
	for b.Loop() {
		for rest := acks; len(rest) > 0; {
			_, _, n, _ := Next(rest)
			rest = rest[n:]
		}
	}
}
