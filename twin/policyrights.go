package twin

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// policyRights are what a sender may do to a Policy: what it allows itself, and
// everything for an administrator (Ditto's PolicyCommandEnforcement).
type policyRights struct {
	access
	who   policy.Subjects
	admin bool
	// overruled: the administrator was given what the Policy does not allow.
	overruled bool
}

// rightsToPolicy finds out what the sender may do to a Policy as it is, or as
// it is to be.
func (s *Service) rightsToPolicy(id string, sender *Sender, with made) (policyRights, *protocol.Error) {
	a, err := s.access(id, namespaceOf(id), with)
	if err != nil {
		return policyRights{}, protocol.PolicyUnavailable(id, err)
	}
	return policyRights{access: a, who: sender.Subjects, admin: sender.Admin}, nil
}

// whole says whether the sender has the permission at the path and everywhere
// below.
func (r *policyRights) whole(what policy.Permission, p jsondoc.Pointer) bool {
	return r.Whole(r.who, what, policy.Policy, p) || r.overrule()
}

// some says whether the sender has the permission at the path or anywhere
// below.
func (r *policyRights) some(what policy.Permission, p jsondoc.Pointer) bool {
	return r.Some(r.who, what, policy.Policy, p) || r.overrule()
}

func (r *policyRights) overrule() bool {
	r.overruled = r.overruled || r.admin
	return r.admin
}

// see is what the sender may READ of an object at a path of the Policy. Its ID
// is shown to everybody who may READ something of it, and what is no object as
// it is.
func (r *policyRights) see(p jsondoc.Pointer, v *jsondoc.Value) *jsondoc.Value {
	if v.Kind() != jsondoc.KindObject || r.Whole(r.who, policy.Read, policy.Policy, p) || r.overrule() {
		return v
	}
	seen, _ := r.View(r.who, policy.Policy, p, v)
	if seen == nil {
		seen = noMembers
	}
	id, ok := v.Member(memberPolicyID)
	if len(p) > 0 || !ok {
		return seen
	}
	if _, ok := seen.Member(memberPolicyID); ok {
		return seen
	}
	members := append(make([]jsondoc.Member, 0, seen.Len()+1), jsondoc.Member{Name: memberPolicyID, Value: id})
	for name, part := range seen.Members() {
		members = append(members, jsondoc.Member{Name: name, Value: part})
	}
	return jsondoc.Object(members...)
}
