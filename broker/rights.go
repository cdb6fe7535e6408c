package broker

import (
	"github.com/twinbroker/twinbroker/broker/acl"
	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/broker/topics"
	"github.com/twinbroker/twinbroker/mapping"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Both packages mean the same by who has proved nothing.
var _ = map[bool]struct{}{false: {}, session.Anonymous == auth.AnonymousProof: {}}

// granted says why a client may not publish to a topic by the rules for topics,
// or nil. In the Ditto tree Policies decide.
func (b *Broker) granted(p *session.Peer, topic string) *protocol.Error {
	if topics.Within(topic, b.cfg.Root) {
		return nil
	}
	switch b.live.Load().ACL.Publish(p.ACL(), topic) {
	case acl.Refused:
		return forbidden("no rule grants it to the client", topic, "Rules are in acl and acl_file of the broker's configuration.")
	case acl.ByAdmin:
		b.audit.Overruled(p, "publish", topic)
	}
	return nil
}

// mayReceive is the one place that says whether a client may have a message
// that is not an event. What is below the reply root never comes this way.
func (b *Broker) mayReceive(p *session.Peer, m *session.Message) bool {
	return topics.Within(m.Topic, b.cfg.Root) || b.live.Load().ACL.Receive(p.ACL(), m.Topic) != acl.Refused
}

// readerOf says who may read an event of an outcome; nil: everybody.
func (b *Broker) readerOf(out *twin.Outcome, event int) Reader {
	if by := out.AccessOf(event); by != nil {
		return by
	}
	if m := out.Events[event]; m.Topic.Group == protocol.Policies {
		return b.readerNow(m, policy.Nobody)
	}
	return nil
}

// readerNow says who may read an event as things are now, where before says who
// might until now. Of a Thing that is gone its Policy still decides. Where
// another Policy decides by now than the one that the event was told under, both
// do: the Thing, or the Policy, may be another one of the same name.
func (b *Broker) readerNow(m *protocol.Message, before Reader) Reader {
	id := m.Topic.EntityID()
	was := toldUnder(before)
	if m.Topic.Group == protocol.Policies {
		by := b.rightsNow(id, b.twin.PolicyAccess)
		switch {
		case by.ID() == "":
			return before // the Policy is gone, and that is what is told
		case b.isAnew(id, m):
			return bothRights{was, by}
		}
		return by
	}
	by := b.rightsNow(id, b.twin.Access)
	if was.ID() == "" {
		return by
	}
	anew := b.isAnew(was.ID(), m)
	if was.ID() == by.ID() && !anew {
		return by
	}
	if then := b.rightsNow(was.ID(), b.twin.PolicyAccess).For(m.Topic.Namespace); then.ID() != "" && !anew {
		if by.ID() == "" {
			return then
		}
		was = then
	}
	return bothRights{was, by}
}

// rightsNow asks the twin for rights; where it cannot say, nobody has any.
func (b *Broker) rightsNow(id string, of func(string) (*policy.Enforcer, error)) *policy.Enforcer {
	by, err := of(id)
	if err != nil {
		b.log.Warn("who may read an event cannot be found out: nobody gets it", "entity", id, "error", err)
		return policy.Nobody
	}
	return by
}

// isAnew says whether a Policy was made only after an event, which was told under
// one that had its ID before.
func (b *Broker) isAnew(policyID string, m *protocol.Message) bool {
	created, err := b.twin.PolicyCreated(policyID)
	return err != nil || created.After(m.Timestamp)
}

// changesRights says whether others may read other things than before, now that
// an event of an outcome has happened: what waits is looked at again then. Of a
// Thing that is deleted its Policy still decides.
func changesRights(out *twin.Outcome, e *protocol.Message) bool {
	whole := len(e.Path) == 0
	switch {
	case e.Topic.Group == protocol.Policies:
		return true
	case !whole && e.Path[0] != "policyId", whole && e.Topic.Action == protocol.ActionDeleted:
		return false
	case e.Topic.Action == protocol.ActionCreated:
		return e.Revision > 1 // there was one of that name before
	case e.Topic.Action == protocol.ActionMerged && e.Value.Kind() == jsondoc.KindObject && !names(e.Value, "policyId"):
		return false
	case out.Before != nil && out.After != nil:
		return policyOf(out.Before) != policyOf(out.After)
	}
	return true
}

// names says whether an object has a member.
func names(object *jsondoc.Value, member string) bool {
	_, ok := object.View().Member(member)
	return ok
}

func policyOf(thing *jsondoc.Value) string {
	id, _ := thing.Member("policyId")
	if id == nil {
		return ""
	}
	text, _ := id.Text()
	return text
}

// readable is what publications may tell of an event to their subjects; nil:
// all of it.
func readable(e *protocol.Message, after *twin.Thing, by Reader) mapping.Readable {
	if by == nil {
		return nil
	}
	return func(subjects []string, ofThing bool) (*protocol.Message, mapping.Thing) {
		part := cut(e, by, subjects, policy.Thing)
		if part == nil || !ofThing {
			return part, mapping.Thing{}
		}
		thing := mapping.Thing{Created: after.Created}
		if after.Value != nil {
			thing.Value, _ = by.View(subjects, policy.Thing, nil, after.Value)
			thing.Value = withIdentity(after.Value, thing.Value)
		}
		if after.Metadata != nil {
			thing.Metadata, _ = by.View(subjects, policy.Thing, nil, after.Metadata)
		}
		return part, thing
	}
}
