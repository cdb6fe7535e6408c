package broker

import (
	"fmt"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/twinbroker/twinbroker/broker/acl"
	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/broker/topics"
)

// subscribe takes a SUBSCRIBE packet: each filter gets its answer, then the
// retained messages follow (MQTT 5.0 section 3.8.4). A code says why the client
// is to be disconnected.
func (b *Broker) subscribe(conn *connection, pk *packets.Packet) *packets.Code {
	if code := pk.SubscribeValidate(); code != packets.CodeSuccess {
		return &code
	}
	if ids := pk.Properties.SubscriptionIdentifier; len(ids) > 1 || len(ids) == 1 && ids[0] == 0 {
		return &packets.ErrProtocolViolation // MQTT 5.0 section 3.8.2.1.2
	}
	c := conn.session
	codes := make([]byte, len(pk.Filters))
	var retained []session.Subscription
	reason := ""
	for i, f := range pk.Filters {
		group, plain := topics.SplitShared(f.Filter)
		if f.NoLocal && group != "" {
			return &packets.ErrProtocolViolationInvalidSharedNoLocal
		}
		if f.RetainHandling > 2 { // MQTT 5.0 section 3.8.3.1
			return &packets.ErrProtocolViolation
		}
		code, why := b.maySubscribe(c.Peer(), plain, f.Filter, pk.Properties.User)
		if code != 0 {
			codes[i] = code
			reason = why
			b.refuseSubscription(c.Peer(), f.Filter, code, why)
			if conn.peer.Version < 5 {
				codes[i] = packets.ErrUnspecifiedError.Code
			}
			continue
		}
		sub := session.Subscription{
			Filter: f.Filter, QoS: min(f.Qos, 2), NoLocal: f.NoLocal,
			RetainAsPublished: f.RetainAsPublished, ID: f.Identifier,
		}
		added := c.Subscribe(sub)
		if c.Peer().Admin {
			b.subscribedByAdmin(conn, f.Filter)
		}
		codes[i] = sub.QoS
		if group == "" && (f.RetainHandling == 0 || f.RetainHandling == 1 && added) {
			retained = append(retained, sub)
		}
	}
	c.Suback(pk.PacketID, codes, reason)
	for _, sub := range retained {
		b.deliverRetained(c, sub)
	}
	return nil
}

// refuseSubscription counts a refusal, and tells the operators of it.
func (b *Broker) refuseSubscription(p *session.Peer, filter string, code byte, why string) {
	b.metrics.subscriptionsRefused.Inc()
	if code == packets.ErrNotAuthorized.Code {
		b.audit.Refused(p, "subscribe", filter, why)
	}
	b.tellRefused(p, map[string]any{"filter": filter, "code": code, "message": why})
	if say, hidden := b.refusals.mayLog(p.ClientID, time.Now()); say {
		b.log.Info("subscription refused", "client", p.ClientID, "filter", filter, "code", fmt.Sprintf("%#x", code), "reason", why, "not_logged_before", hidden)
	}
}

// maySubscribe is the one place that says whether a client can subscribe to a
// filter; code 0: yes. In the twin's trees everybody could be allowed something,
// and each message is decided upon by itself; elsewhere a rule must grant some of
// the topics. A shared subscription is what its filter is.
func (b *Broker) maySubscribe(p *session.Peer, filter, whole string, options []packets.UserProperty) (code byte, reason string) {
	if err := topics.ValidFilter(whole); err != nil {
		return packets.ErrTopicFilterInvalid.Code, err.Error()
	}
	if filter[0] != '+' && filter[0] != '#' && topics.CanReach(filter, b.cfg.State) {
		return packets.ErrImplementationSpecificError.Code,
			fmt.Sprintf("filter %q: this version does not publish the state tree %q yet; subscribe to %s/<namespace>/<name>/things/twin/events/#", whole, b.cfg.State, b.cfg.Root)
	}
	for _, u := range options {
		switch u.Key {
		case "filter", "namespaces", "extraFields":
			if topics.CanReach(filter, b.cfg.Root) {
				return packets.ErrImplementationSpecificError.Code,
					fmt.Sprintf("filter %q: this version does not support the subscription option %q yet", whole, u.Key)
			}
		}
	}
	if topics.CanReach(filter, b.cfg.Root) {
		return 0, ""
	}
	if b.live.Load().ACL.Subscribe(p.ACL(), filter) == acl.Refused {
		return packets.ErrNotAuthorized.Code, fmt.Sprintf("filter %q: no rule grants the client any topic of it", whole)
	}
	return 0, ""
}

// unsubscribe takes an UNSUBSCRIBE packet.
func (b *Broker) unsubscribe(conn *connection, pk *packets.Packet) *packets.Code {
	if code := pk.UnsubscribeValidate(); code != packets.CodeSuccess {
		return &code
	}
	codes := make([]byte, len(pk.Filters))
	for i, f := range pk.Filters {
		if !conn.session.Unsubscribe(f.Filter) {
			codes[i] = packets.CodeNoSubscriptionExisted.Code
		}
	}
	conn.session.Unsuback(pk.PacketID, codes)
	return nil
}
