package broker

import (
	"strings"

	"github.com/twinbroker/twinbroker/broker/acl"
	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/broker/topics"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Administrators are sent everything that they subscribe to. What they use that
// for is a subscription, not each event, so that is what the audit log has: once
// when it is made, and once for each connection on which it goes on.

// onlyByAdmin says whether a subscription of an administrator may bring it what
// its own subjects would not be sent. Of one Thing or Policy its Policy says it,
// as it is now; of more than one nobody knows before, so it may.
func (b *Broker) onlyByAdmin(p *session.Peer, filter string) bool {
	_, plain := topics.SplitShared(filter)
	if b.reachesEvents(plain) && !b.maySeeAll(p, plain) {
		return true
	}
	below := topics.Within(plain, b.cfg.Root)
	return !below && b.live.Load().ACL.Subscribe(p.ACL(), plain) == acl.ByAdmin
}

// reachesEvents says whether events of Things or Policies match a filter.
func (b *Broker) reachesEvents(filter string) bool {
	if topics.Within(filter, b.replies) { // what is below is each client's own
		return false
	}
	return topics.Overlap(filter, b.cfg.Root+"/+/+/things/+/events/#") || topics.Overlap(filter, b.cfg.Root+"/+/+/policies/events/#")
}

// maySeeAll says whether a filter is for one Thing, or one Policy, and the client
// may READ all of it.
func (b *Broker) maySeeAll(p *session.Peer, filter string) bool {
	levels := strings.Split(strings.TrimPrefix(filter, b.cfg.Root+"/"), "/")
	if !topics.Within(filter, b.cfg.Root) || len(levels) < 3 || strings.ContainsAny(levels[0]+levels[1], "+#") {
		return false
	}
	name, err := protocol.UnescapeName(levels[1])
	if err != nil {
		return true // nothing has that topic
	}
	id, of := levels[0]+":"+name, levels[2]
	whole := func(access func(string) (*policy.Enforcer, error), what policy.Resource) bool {
		by, err := access(id)
		return err == nil && by.Whole(p.Subjects, policy.Read, what, nil)
	}
	return (of == "policies" || whole(b.twin.Access, policy.Thing)) &&
		(of == "things" || whole(b.twin.PolicyAccess, policy.Policy))
}

// overrules writes down the subscriptions of a connection that are an
// administrator's, if they were not yet; the lock of the proof is held.
func (b *Broker) overrules(conn *connection, c *session.Conn) {
	k, p := &conn.proof, c.Peer()
	if !p.Admin {
		k.overruled = nil
		return
	}
	for _, filter := range c.Filters() {
		if !k.overruled[filter] && b.onlyByAdmin(p, filter) {
			b.overrulesBy(conn, filter)
		}
	}
}

// subscribedByAdmin writes down a subscription that an administrator makes, if it
// is one because of that.
func (b *Broker) subscribedByAdmin(conn *connection, filter string) {
	if !b.onlyByAdmin(conn.session.Peer(), filter) {
		return
	}
	conn.proof.mu.Lock()
	defer conn.proof.mu.Unlock()
	b.overrulesBy(conn, filter)
}

// overrulesBy writes down one of them.
func (b *Broker) overrulesBy(conn *connection, filter string) {
	k := &conn.proof
	if k.overruled == nil {
		k.overruled = map[string]bool{}
	}
	k.overruled[filter] = true
	b.audit.Overruled(conn.session.Peer(), "subscribe", filter)
}
