package broker

import (
	"errors"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/twinbroker/twinbroker/broker/session"
)

// hook is how mochi hands over. Packets that the session answers are taken at
// OnPacketRead and leave mochi a packet that it ignores; so it keeps no session
// state, in-flight messages, subscriptions or retained messages of its own.
type hook struct {
	mqtt.HookBase
	broker *Broker
}

func (h *hook) ID() string { return "twinbroker" }

func (h *hook) Provides(event byte) bool {
	switch event {
	case mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnACLCheck,
		mqtt.OnSessionEstablish, mqtt.OnSessionEstablished,
		mqtt.OnPacketRead, mqtt.OnPacketEncode:
		return true
	}
	return false
}

// taken is what mochi goes on with: a PUBACK of a packet identifier that does
// not exist.
var taken = packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}}

// OnConnect decides whether the client is let in. It also takes from mochi what
// is the session's business: the client identifier's uniqueness, the session's
// expiry and the will.
func (h *hook) OnConnect(cl *mqtt.Client, pk packets.Packet) error {
	b := h.broker
	conn, ok := cl.Net.Conn.(*connection)
	if !ok {
		return errors.New("a connection that no listener of this broker took")
	}
	conn.client = cl
	if conn.emptyWill {
		pk.Connect.WillPayload = nil
	}
	peer, refused := b.admit(cl, conn, &pk)
	var will *session.Will
	if refused == nil {
		will, refused = b.takeWill(peer, &pk)
	}
	if refused != nil {
		return b.turnAway(cl, conn, &peer, refused)
	}
	terms := session.Terms{
		CleanStart:     pk.Connect.Clean,
		Expiry:         expiry(&pk),
		ReceiveMaximum: int(pk.Properties.ReceiveMaximum),
		MaxPacket:      int(pk.Properties.MaximumPacketSize),
		ProblemInfo:    pk.ProtocolVersion >= 5 && !(pk.Properties.RequestProblemInfoFlag && pk.Properties.RequestProblemInfo == 0),
		Will:           will,
	}
	cl.Properties.Will = mqtt.Will{}
	cl.Properties.Clean = false
	cl.Properties.Props.SessionExpiryInterval = neverExpires
	cl.Properties.Props.SessionExpiryIntervalFlag = true
	conn.peer, conn.terms, conn.ownReply = peer, terms, b.replyTopic(peer.ClientID)
	cl.ID = b.connectionID(cl.ID)
	return nil
}

// neverExpires is a session expiry of no end (MQTT 5.0 section 3.1.2.11.2).
const neverExpires = 0xFFFFFFFF

// expiry is how long the session outlives the connection.
func expiry(pk *packets.Packet) time.Duration {
	if pk.ProtocolVersion < 5 {
		if pk.Connect.Clean {
			return 0
		}
		return session.Forever
	}
	return expiryOf(pk.Properties.SessionExpiryInterval)
}

func expiryOf(seconds uint32) time.Duration {
	if seconds == neverExpires {
		return session.Forever
	}
	return time.Duration(seconds) * time.Second
}

// OnConnectAuthenticate has nothing left to ask: OnConnect answered.
func (h *hook) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }

// OnACLCheck is never asked about a message: those do not reach mochi.
func (h *hook) OnACLCheck(*mqtt.Client, string, bool) bool { return true }

// OnSessionEstablish makes the connection the owner of its client's session.
func (h *hook) OnSessionEstablish(cl *mqtt.Client, _ packets.Packet) {
	conn := cl.Net.Conn.(*connection) // OnConnect made sure
	conn.ours = true
	c, present := h.broker.sessions.Connect(conn.peer, conn.terms, &wire{client: cl, conn: conn})
	conn.session, conn.present = c, present
	conn.ours = false
	p := &conn.peer
	if c == nil { // OnPacketEncode tells the client, OnSessionEstablished ends the connection
		h.broker.countRefused(p, &refusal{anothersSession, anothersSession.Reason})
		return
	}
	h.broker.audit.Connected(p, present)
	h.broker.entered(conn)
	h.broker.log.Debug("client connected", "client", p.ClientID, "username", p.Username,
		"remote", p.Remote, "listener", p.Listener, "version", p.Version, "session_present", present)
}

// OnSessionEstablished is called when the CONNACK is out.
func (h *hook) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	if c := established(cl); c != nil {
		c.session.Start()
	} else {
		_ = cl.Net.Conn.Close() // reading ends
	}
}

// OnPacketEncode completes the CONNACK, the one packet of interest that mochi
// writes.
func (h *hook) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type != packets.Connack {
		return pk
	}
	if pk.ReasonCode != packets.CodeSuccess.Code {
		h.broker.refusedByServer(cl, pk.ReasonCode)
		if pk.ReasonCode >= packets.ErrUnspecifiedError.Code { // else it is one of MQTT 3 already
			pk.ReasonCode = returnCode(cl.Properties.ProtocolVersion, pk.ReasonCode)
		}
		return pk
	}
	c := established(cl)
	if c == nil { // mochi lets in whom OnSessionEstablish did not
		pk.SessionPresent = false
		pk.ReasonCode = returnCode(cl.Properties.ProtocolVersion, anothersSession.Code)
		pk.Properties = packets.Properties{ReasonString: anothersSession.Reason}
	} else {
		pk.SessionPresent = c.present
		pk.Properties.AuthenticationMethod = c.proof.method
		pk.Properties.MaximumPacketSize = uint32(h.broker.cfg.Limits.Packet)
		pk.Properties.TopicAliasMaximum = topicAliasMaximum
		pk.Properties.SessionExpiryInterval, pk.Properties.SessionExpiryIntervalFlag = 0, false // as the client asked
	}
	return pk
}

// OnPacketRead takes what the session answers.
func (h *hook) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	conn := established(cl)
	if conn == nil { // the CONNECT packet
		allowEmptyWill(cl, &pk)
		return pk, nil
	}
	conn.ours = true
	left, err := h.read(conn, pk)
	conn.ours = false
	return left, err
}

// read gives a packet to the session, and returns what is left for mochi.
func (h *hook) read(conn *connection, pk packets.Packet) (packets.Packet, error) {
	c, b := conn.session, h.broker
	switch pk.FixedHeader.Type {
	case packets.Publish:
		if code := b.receive(conn, &pk); code != nil {
			return pk, conn.end(*code)
		}
	case packets.Puback:
		c.Puback(pk.PacketID)
	case packets.Pubrec:
		c.Pubrec(pk.PacketID, pk.ReasonCode)
	case packets.Pubrel:
		if !c.Pubrel(pk.PacketID) {
			return pk, conn.end(packets.ErrProtocolViolation)
		}
	case packets.Pubcomp:
		c.Pubcomp(pk.PacketID)
	case packets.Subscribe:
		if code := b.subscribe(conn, &pk); code != nil {
			return pk, conn.end(*code)
		}
	case packets.Unsubscribe:
		if code := b.unsubscribe(conn, &pk); code != nil {
			return pk, conn.end(*code)
		}
	case packets.Disconnect:
		if pk.Properties.SessionExpiryIntervalFlag && pk.ProtocolVersion >= 5 {
			if pk.Properties.SessionExpiryInterval > 0 && c.Expiry() == 0 {
				return pk, conn.end(packets.ErrProtocolViolationZeroNonZeroExpiry)
			}
			c.SetExpiry(expiryOf(pk.Properties.SessionExpiryInterval))
		}
		if pk.ReasonCode == packets.CodeDisconnect.Code { // MQTT-3.1.2-10: with any other the will stays
			conn.normal = true
			c.DropWill()
		}
		return pk, nil
	case packets.Connect:
		return pk, conn.end(packets.ErrProtocolViolationSecondConnect)
	case packets.Auth:
		if code := b.renew(conn, &pk); code != nil {
			return pk, conn.end(*code)
		}
	default:
		return pk, nil // PINGREQ is mochi's
	}
	return taken, nil
}

// allowEmptyWill keeps from mochi that a will has no payload: it would refuse
// one (MQTT 5.0 section 3.1.3.4 has nothing against it).
func allowEmptyWill(cl *mqtt.Client, pk *packets.Packet) {
	conn, ok := cl.Net.Conn.(*connection)
	if ok && pk.FixedHeader.Type == packets.Connect && pk.Connect.WillFlag && len(pk.Connect.WillPayload) == 0 {
		conn.emptyWill = true
		pk.Connect.WillPayload = []byte{0}
	}
}

// returnCode is how a client of this version of MQTT is told a reason code of
// CONNACK (section 3.2.2.3 of both specifications). One of a version that there
// is not is told so in the words of 3.1.1: a bridge of mosquitto begins with a
// version of its own, and takes an ordinary one only after that answer.
func returnCode(version, reason byte) byte {
	switch {
	case version == 5:
		return reason
	case version > 5:
		return packets.Err3UnsupportedProtocolVersion.Code
	}
	switch reason {
	case packets.ErrUnsupportedProtocolVersion.Code:
		return packets.Err3UnsupportedProtocolVersion.Code
	case packets.ErrClientIdentifierNotValid.Code:
		return packets.Err3ClientIdentifierNotValid.Code
	case packets.ErrServerUnavailable.Code, packets.ErrServerBusy.Code, packets.ErrServerShuttingDown.Code,
		packets.ErrQuotaExceeded.Code, packets.ErrConnectionRateExceeded.Code, packets.ErrUnspecifiedError.Code,
		packets.ErrImplementationSpecificError.Code:
		return packets.Err3ServerUnavailable.Code
	case packets.ErrBadUsernameOrPassword.Code:
		return packets.ErrMalformedUsernameOrPassword.Code
	}
	return packets.Err3NotAuthorized.Code
}

// established is the connection of a client that was let in, or nil.
func established(cl *mqtt.Client) *connection {
	if c, ok := cl.Net.Conn.(*connection); ok && c.session != nil {
		return c
	}
	return nil
}
