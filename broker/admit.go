package broker

import (
	"strconv"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/broker/topics"
)

// admit says who the client is, or why it is not let in. Until users,
// certificates and tokens can be configured, credentials are not looked at:
// everybody is anonymous, where that is allowed.
func (b *Broker) admit(cl *mqtt.Client, pk *packets.Packet) (session.Peer, *packets.Code) {
	anonymous := b.live.Load().Anonymous
	p := session.Peer{
		ClientID: cl.ID,
		Username: string(pk.Connect.Username),
		Subjects: anonymous,
		Remote:   cl.Net.Remote,
		Listener: cl.Net.Listener,
		Version:  pk.ProtocolVersion,
	}
	if b.stopped.Load() {
		return p, &packets.ErrServerShuttingDown
	}
	if pk.ProtocolVersion >= 5 && pk.Properties.AuthenticationMethod != "" { // MQTT-4.12.0-1
		return p, &packets.ErrBadAuthenticationMethod
	}
	if len(anonymous) == 0 {
		refused := packets.ErrNotAuthorized
		refused.Reason = "not authorized: anonymous clients are not let in (auth.anonymous in the broker's configuration, or --anonymous)"
		return p, &refused
	}
	return p, nil
}

// connectionID is what mochi calls the connection. It differs for each, so that
// mochi never takes one client for another's successor.
func (b *Broker) connectionID(client string) string {
	return client + "\x00" + strconv.FormatUint(b.serial.Add(1), 36)
}

// takeWill checks the will as the publish that it is, and keeps it (MQTT 5.0
// section 3.1.3.2). The answer to one that could never be sent is a refusal.
func (b *Broker) takeWill(p session.Peer, pk *packets.Packet) (*session.Will, *packets.Code) {
	if !pk.Connect.WillFlag {
		return nil, nil
	}
	topic := pk.Connect.WillTopic
	if err := topics.ValidName(topic); err != nil {
		refused := packets.ErrTopicNameInvalid
		refused.Reason = "will: " + err.Error()
		return nil, &refused
	}
	m := message(topic, pk.Connect.WillPayload, pk.Connect.WillQos, pk.Connect.WillRetain, &pk.Connect.WillProperties)
	m.From = p.ClientID
	if err := b.mayPublish(topic); err != nil {
		refused := packets.ErrNotAuthorized
		refused.Reason = "will: " + err.Message
		return nil, &refused
	}
	m.Expires = time.Time{} // it counts from when the will is sent (MQTT 5.0 section 3.1.3.2.4)
	return &session.Will{
		Message: m,
		Expiry:  time.Duration(pk.Connect.WillProperties.MessageExpiryInterval) * time.Second,
		Delay:   time.Duration(pk.Connect.WillProperties.WillDelayInterval) * time.Second,
		Peer:    p,
	}, nil
}

// publishWill sends a will that is due on the way of every publish, in its
// client's name.
func (b *Broker) publishWill(w *session.Will) {
	b.metrics.wills.Inc()
	m := w.Message
	if w.Expiry > 0 {
		m.Expires = time.Now().Add(w.Expiry)
	}
	b.route(&inbound{peer: &w.Peer, message: m, retain: m.Retain, ownReply: b.replyTopic(w.Peer.ClientID)})
}
