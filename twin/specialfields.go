package twin

import (
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
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
// in any Thing. If the Policy is asked for it stands at the end, whatever field
// of it is named, as far as it may be READ; e then also depends on the Policy.
func (s *Service) selectThing(id string, e *store.Entry, fields *jsondoc.Selector,
	may *rights, find policies) (*jsondoc.Value, *protocol.Error) {
	whole := documentOf(*e).Value
	thing, _ := may.see(nil, whole)
	if fields == nil {
		return thing, nil
	}
	var special []jsondoc.Member
	withPolicy := false
	for _, p := range fields.Pointers() {
		known := func(m jsondoc.Member) bool { return m.Name == p[0] }
		if p[0] == fieldPolicy {
			withPolicy = true
		} else if v := s.specialField(p[0], id, e, may); v != nil && !slices.ContainsFunc(special, known) {
			special = append(special, jsondoc.Member{Name: p[0], Value: v})
		}
	}
	selected := withMembers(thing, special).Select(*fields)
	if !withPolicy {
		return selected, nil
	}
	policyID := policyIDOf(whole)
	p, err := find(policyID)
	if err != nil {
		return nil, protocol.ThingUnavailable(id, err)
	}
	e.Seq = max(e.Seq, p.Seq)
	v, seq, refused := s.seePolicyOf(id, policyID, documentOf(p).Value, may)
	e.Seq = max(e.Seq, seq)
	if refused != nil {
		return nil, refused
	}
	if v != nil {
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
func (s *Service) specialField(name, id string, e *store.Entry, may *rights) *jsondoc.Value {
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
		return may.seeMetadata(documentOf(*e).metadata)
	case fieldLifecycle:
		return jsondoc.String("ACTIVE")
	}
	return nil
}
