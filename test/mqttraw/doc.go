// Package mqttraw is an MQTT 3.1.1 and 5 client that does only what it is
// told: packet ids, DUP flags, acknowledgements and the pace of reading are
// the caller's, so that tests can send what no well-behaved client sends, and
// benchmarks pay for nothing that they do not ask for.
//
// It has three layers, each usable alone: the Append functions encode a packet
// onto a byte slice, Next cuts frames off received bytes and Decode reads one,
// and Conn is a connection with a buffered reader and a read deadline. The
// codec is our own, so that a mistake of the broker's codec cannot hide behind
// the same mistake here.
package mqttraw

// The packet types, MQTT 5 section 2.1.2.
const (
	CONNECT     byte = 1
	CONNACK     byte = 2
	PUBLISH     byte = 3
	PUBACK      byte = 4
	PUBREC      byte = 5
	PUBREL      byte = 6
	PUBCOMP     byte = 7
	SUBSCRIBE   byte = 8
	SUBACK      byte = 9
	UNSUBSCRIBE byte = 10
	UNSUBACK    byte = 11
	PINGREQ     byte = 12
	PINGRESP    byte = 13
	DISCONNECT  byte = 14
	AUTH        byte = 15
)

// The protocol levels that go into CONNECT.
const (
	V311 byte = 4
	V5   byte = 5
)

var typeNames = [...]string{
	"type 0", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP",
	"SUBSCRIBE", "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH",
}

// TypeName is the name that the specification gives to a packet type.
func TypeName(t byte) string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "no packet type"
}
