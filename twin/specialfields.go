package twin

import (
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// fieldPolicy is the special field that holds the Thing's Policy.
const fieldPolicy = "_policy"

// fieldLifecycle is a special field that Ditto gives too; its documentation
// does not know it.
const fieldLifecycle = "__lifecycle"

// policies finds a Policy as it is, or as it was at the moment that is looked
// at.
type policies func(id string) (store.Entry, error)

// currentPolicy finds a Policy as it is.
func (s *Service) currentPolicy(id string) (store.Entry, error) {
	return s.store.View(store.Key{Kind: kindPolicy, ID: id})
}

// selectThing is a Thing, or the fields of it that are asked for. Those that
// begin with an underscore are not part of it otherwise (Ditto's page
// basic-thing); _context, which is a field of what Ditto streams, is not there
// in any Thing. If the Policy is asked for it stands at the end, whole, as in
// Ditto, or is left out for those who may not read it; e then also depends on
// the Policy.
func (s *Service) selectThing(id string, e *store.Entry, thing *jsondoc.Value, fields *jsondoc.Selector,
	who policy.Subjects, find policies) (*jsondoc.Value, *protocol.Error) {
	if fields == nil {
		return thing, nil
	}
	var special []jsondoc.Member
	withPolicy := false
	for _, p := range fields.Pointers() {
		known := func(m jsondoc.Member) bool { return m.Name == p[0] }
		if p[0] == fieldPolicy {
			withPolicy = true
		} else if v := s.specialField(p[0], id, e); v != nil && !slices.ContainsFunc(special, known) {
			special = append(special, jsondoc.Member{Name: p[0], Value: v})
		}
	}
	selected := withMembers(thing, special).Select(*fields)
	if !withPolicy {
		return selected, nil
	}
	policyID := policyIDOf(thing)
	if !policy.Allows(policyID, who, policy.Read, policy.Policy, nil) {
		return selected, nil
	}
	p, err := find(policyID)
	if err != nil {
		return nil, protocol.ThingUnavailable(id, err)
	}
	e.Seq = max(e.Seq, p.Seq)
	if v := documentOf(p).Value; v != nil {
		selected = withMembers(selected, []jsondoc.Member{{Name: fieldPolicy, Value: v}})
	}
	return selected, nil
}

// withMembers is an object with more members at its end.
func withMembers(v *jsondoc.Value, more []jsondoc.Member) *jsondoc.Value {
	if len(more) == 0 {
		return v
	}
	members := make([]jsondoc.Member, 0, v.Len()+len(more))
	for name, member := range v.Members() {
		members = append(members, jsondoc.Member{Name: name, Value: member})
	}
	return jsondoc.Object(append(members, more...)...)
}

// specialField is a field of a Thing that is there only for those who ask for
// it, nil when there is none of this name.
func (s *Service) specialField(name, id string, e *store.Entry) *jsondoc.Value {
	switch name {
	case fieldRevision:
		return jsondoc.Int(int64(e.Revision))
	case fieldModified:
		return jsondoc.String(string(protocol.AppendTime(nil, e.Modified)))
	case fieldCreated:
		if e.Created.IsZero() { // not known
			return nil
		}
		return jsondoc.String(string(protocol.AppendTime(nil, e.Created)))
	case fieldNamespace:
		namespace, _, _ := strings.Cut(id, ":")
		return jsondoc.String(namespace)
	case fieldMetadata:
		return documentOf(*e).metadata
	case fieldLifecycle:
		return jsondoc.String("ACTIVE")
	}
	return nil
}
