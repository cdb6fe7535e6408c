package broker

import (
	"net"
	"strconv"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/broker/topics"
)

// admit says who the client is, or why it is not let in.
func (b *Broker) admit(cl *mqtt.Client, conn *connection, pk *packets.Packet) (session.Peer, *refusal) {
	p := session.Peer{
		ClientID: cl.ID,
		Username: string(pk.Connect.Username),
		Remote:   cl.Net.Remote,
		Listener: cl.Net.Listener,
		Version:  pk.ProtocolVersion,
		GivenID:  pk.Connect.ClientIdentifier == "",
	}
	if b.stopped.Load() {
		return p, &refusal{packets.ErrServerShuttingDown, "stopping"}
	}
	if !b.cfg.Auth.TakesClientID(p.ClientID) {
		return p, because(packets.ErrClientIdentifierNotValid, "client identifier not valid: it looks like a subject of Policies")
	}
	k := &conn.proof
	k.tls, k.method = tlsState(conn.Conn), pk.Properties.AuthenticationMethod
	data := pk.Properties.AuthenticationData
	if k.method != "" && len(data) == 0 && b.cfg.Auth.TakesMethod(k.method) {
		var no *refusal
		if data, no = challenge(cl, k.method); no != nil {
			return p, no
		}
	}
	id, no := b.cfg.Auth.Connect(b.ctx, &auth.Request{
		ClientID: p.ClientID, OwnID: func(proof string) bool { return p.GivenID || b.sessions.GaveID(p.ClientID, proof) },
		HasUsername: pk.Connect.UsernameFlag, Username: p.Username,
		HasPassword: pk.Connect.PasswordFlag, Password: pk.Connect.Password,
		TLS: k.tls, Remote: p.Remote, AuthMethod: k.method, AuthData: data,
	})
	if no != nil {
		return p, &refusal{packets.Code{Code: no.Code, Reason: no.Reason}, no.Cause}
	}
	k.identity = id
	p.Identity, p.GivenID = id.Proof, id.ChosenID == ""
	p = b.knownAs(p, id, k.held())
	if b.cfg.Auth.IDByAdmin(id) {
		b.audit.Overruled(&p, "connect", "the client identifier "+p.ClientID)
	}
	return p, nil
}

// refusal says why a client is not let in: what it is told, and what the log
// says, which may be more.
type refusal struct {
	code  packets.Code
	cause string
}

func because(code packets.Code, reason string) *refusal {
	code.Reason = reason
	return &refusal{code, reason}
}

// anothersSession is the answer to a client whose identifier somebody else has,
// or had last and has not given up. That the identifier is taken is no secret
// from those who may connect; to be refused for good rather than to push each
// other out in turn is what 0x87 says (MQTT 5.0 section 3.2.2.2).
var anothersSession = packets.Code{Code: packets.ErrNotAuthorized.Code,
	Reason: "not authorized: the session of this client identifier belongs to another identity"}

// turnAway tells a client that it is not let in, and gives the error that makes
// mochi go no further.
func (b *Broker) turnAway(cl *mqtt.Client, conn *connection, p *session.Peer, r *refusal) error {
	b.countRefused(p, r)
	_ = conn.SetDeadline(time.Now().Add(connectWithin)) // it may have waited for longer than it had
	_ = b.server.SendConnack(cl, r.code, false, &packets.Properties{})
	return r.code
}

// countRefused counts a client that is not let in, and tells who it says that it
// is, and why not.
func (b *Broker) countRefused(p *session.Peer, r *refusal) {
	who := *p
	who.Username = auth.ShownName(p.Username)
	b.metrics.connectionsRefused.Inc()
	b.audit.TurnedAway(&who, r.cause)
	say, hidden := b.turnedAway.mayLog(hostOf(p.Remote), time.Now())
	if !say {
		return
	}
	b.log.Warn("client refused", "client", p.ClientID, "username", who.Username, "remote", p.Remote,
		"code", r.code.Code, "reason", r.cause, "not_logged_before", hidden)
	why := r.cause
	if r.code.Code == auth.CodeBadUserOrPass {
		why = r.code.Reason // who may read this topic need not know which users there are
	}
	b.tellTurnedAway(&who, map[string]any{"code": r.code.Code, "message": why}, hidden)
}

// refusedByServer counts a client that mochi turns away before anybody here is
// asked, as there are as many clients as may be.
func (b *Broker) refusedByServer(cl *mqtt.Client, code byte) {
	conn, ok := cl.Net.Conn.(*connection)
	if !ok || conn.client != nil || code != packets.ErrServerBusy.Code && code != packets.Err3ServerUnavailable.Code {
		return
	}
	p := &session.Peer{
		ClientID: cl.ID, Username: string(cl.Properties.Username), Remote: cl.Net.Remote,
		Listener: cl.Net.Listener, Version: cl.Properties.ProtocolVersion,
	}
	b.countRefused(p, because(packets.ErrServerBusy, "limits.clients: as many clients are connected as may be"))
}

// tellTurnedAway publishes for operators who was not let in, as often as the log
// says it. Addresses are told where not everybody can read it.
func (b *Broker) tellTurnedAway(who *session.Peer, told map[string]any, hidden int) {
	told["action"], told["listener"], told["not_told_before"] = "connect", who.Listener, hidden
	if who.Username != "" {
		told["username"] = who.Username
	}
	if b.live.Load().ACL != nil {
		told["remote"] = hostOf(who.Remote)
	}
	b.tellRefused(who, told)
}

// hostOf is an address without its port.
func hostOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}

// connectionID is what mochi calls the connection. It differs for each, so that
// mochi never takes one client for another's successor.
func (b *Broker) connectionID(client string) string {
	return client + "\x00" + strconv.FormatUint(b.serial.Add(1), 36)
}

// takeWill checks the will as the publish that it is, and keeps it (MQTT 5.0
// section 3.1.3.2). The answer to one that could never be sent is a refusal.
func (b *Broker) takeWill(p session.Peer, pk *packets.Packet) (*session.Will, *refusal) {
	if !pk.Connect.WillFlag {
		return nil, nil
	}
	topic := pk.Connect.WillTopic
	if err := topics.ValidName(topic); err != nil {
		return nil, because(packets.ErrTopicNameInvalid, "will: "+err.Error())
	}
	m := message(topic, pk.Connect.WillPayload, pk.Connect.WillQos, pk.Connect.WillRetain, &pk.Connect.WillProperties)
	m.From = p.ClientID
	if err := b.mayPublish(&p, topic); err != nil {
		return nil, because(packets.ErrNotAuthorized, "will: "+err.Message)
	}
	m.Expires = time.Time{} // it counts from when the will is sent (MQTT 5.0 section 3.1.3.2.4)
	return &session.Will{
		Message: m,
		Expiry:  time.Duration(pk.Connect.WillProperties.MessageExpiryInterval) * time.Second,
		Delay:   time.Duration(pk.Connect.WillProperties.WillDelayInterval) * time.Second,
		Peer:    p,
	}, nil
}

// willAfterProof is how long after what proved who a client was has expired its
// will is still sent: the connection ends at that moment, and that is what the
// will is there to tell of. With a longer delay nobody could act in its name.
const willAfterProof = time.Minute

// publishWill sends a will that is due on the way of every publish, in its
// client's name, under the subjects that it has by now. Who would not be let in
// any more says nothing.
func (b *Broker) publishWill(w *session.Will) {
	now, ok := w.Peer.Now()
	if !ok {
		b.log.Warn("a will is not sent: its client would not be let in any more", "client", w.Peer.ClientID, "identity", w.Peer.Identity)
		b.audit.Refused(&w.Peer, "publish", w.Message.Topic, "the will's client would not be let in any more")
		return
	}
	w.Peer = *now
	if ended := w.Peer.Expires; !ended.IsZero() && time.Since(ended) > willAfterProof {
		b.log.Warn("a will is not sent: what proved who its client was has expired long before", "client", w.Peer.ClientID, "identity", w.Peer.Identity, "expired", ended)
		b.audit.Refused(&w.Peer, "publish", w.Message.Topic, "the will is due long after the proof of its client's identity has expired")
		return
	}
	b.metrics.wills.Inc()
	m := w.Message
	if w.Expiry > 0 {
		m.Expires = time.Now().Add(w.Expiry)
	}
	b.route(&inbound{peer: &w.Peer, message: m, retain: m.Retain, ownReply: b.replyTopic(w.Peer.ClientID)})
}
