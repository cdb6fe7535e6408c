package twin

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// permissionCheck is one question of a checkPermissions command.
type permissionCheck struct {
	name string
	of   policy.Resource
	path jsondoc.Pointer
	id   string // of a Thing, or of a Policy where it is about one
	what []policy.Permission
}

// checkPermissions answers what the sender may do (Ditto's page
// basic-auth-checkpermissions): for each question whether it has all of the
// permissions at a path, and everywhere below. The answer about what is not
// there is no, and nobody needs a permission to ask.
func (s *Service) checkPermissions(cmd *Command, done func(*Outcome)) *protocol.Error {
	m := cmd.Message
	if m.Topic.Namespace != protocol.Placeholder || m.Topic.Name != protocol.Placeholder || len(m.Path) > 0 {
		return protocol.TopicPathUnknown(m.Topic, m.Path)
	}
	checks, err := permissionChecks(m.Value)
	if err != nil {
		return err
	}
	members := make([]jsondoc.Member, 0, len(checks))
	var seq uint64
	for i := range checks {
		has, at, err := s.hasPermissions(&checks[i], &cmd.Sender)
		if err != nil {
			return err
		}
		seq = max(seq, at)
		members = append(members, jsondoc.Member{Name: checks[i].name, Value: jsondoc.Bool(has)})
	}
	s.tellAfter(seq, cmd, found(cmd, jsondoc.Object(members...)), done)
	return nil
}

// permissionChecks reads the questions. They may stand in permissionChecks, as
// in Ditto's own JSON of the command.
func permissionChecks(v *jsondoc.Value) ([]permissionCheck, *protocol.Error) {
	if v == nil || v.Kind() != jsondoc.KindObject {
		return nil, protocol.JSONValueMissing("an object with a question for each name")
	}
	if inner, ok := v.Member("permissionChecks"); ok && inner.Kind() == jsondoc.KindObject {
		v = inner
	}
	checks := make([]permissionCheck, 0, v.Len())
	for name, one := range v.Members() {
		if one.Kind() != jsondoc.KindObject {
			return nil, protocol.JSONFormatInvalid(jsondoc.Pointer{name}, "an object with resource, entityId and hasPermissions")
		}
		c := permissionCheck{name: name}
		if err := c.read(one); err != nil {
			return nil, err
		}
		checks = append(checks, c)
	}
	return checks, nil
}

func (c *permissionCheck) read(v *jsondoc.Value) (err *protocol.Error) {
	for _, member := range [...]string{"resource", "entityId", "hasPermissions"} {
		at := jsondoc.Pointer{c.name, member}
		part, ok := v.Member(member)
		if !ok {
			return protocol.JSONFieldMissing(at.String())
		}
		text, isText := part.Text()
		switch {
		case member == "hasPermissions":
			if part.Kind() != jsondoc.KindArray || part.Len() == 0 {
				return protocol.JSONFormatInvalid(at, "an array of permissions")
			}
			for p := range texts(part) {
				c.what = append(c.what, policy.Permission(p))
			}
			if len(c.what) != part.Len() {
				return protocol.JSONFormatInvalid(at, "an array of permissions, each as a string")
			}
		case !isText:
			return protocol.JSONFormatInvalid(at, "a string")
		case member == "resource":
			if c.of, c.path, err = policy.ParseResource(text); err != nil {
				return err
			}
			switch c.of {
			case policy.Thing, policy.Message, policy.Policy:
			default:
				return protocol.JSONFormatInvalid(at, "a resource of a thing, a message or a policy, like 'thing:/features/lamp'")
			}
		default:
			c.id = text
		}
	}
	if c.of == policy.Policy {
		return protocol.CheckPolicyID(c.id)
	}
	if _, err := protocol.ParseThingID(c.id); err != nil {
		return protocol.AsError(err)
	}
	return nil
}

// hasPermissions is the answer to one question, which depends on what stands at
// seq.
func (s *Service) hasPermissions(c *permissionCheck, who *Sender) (has bool, seq uint64, _ *protocol.Error) {
	policyID, namespace := c.id, ""
	if c.of != policy.Policy {
		e, err := s.store.View(store.Key{Kind: kindThing, ID: c.id})
		if err != nil {
			return false, 0, protocol.ThingUnavailable(c.id, err)
		}
		seq = e.Seq
		thing := documentOf(e).Value
		if thing == nil {
			return false, seq, nil
		}
		policyID, namespace = policyIDOf(thing), namespaceOf(c.id)
	}
	a, err := s.access(policyID, namespace, nil)
	if err != nil {
		return false, 0, protocol.PolicyUnavailable(policyID, err)
	}
	seq = max(seq, a.seq)
	for _, what := range c.what {
		if !known(what) || !who.Admin && !a.Whole(who.Subjects, what, c.of, c.path) {
			return false, seq, nil
		}
	}
	return true, seq, nil
}

func known(what policy.Permission) bool {
	return what == policy.Read || what == policy.Write || what == policy.Execute
}
