package twin

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// rights are what a sender may do to a Thing, or to a Policy: what the Policy
// allows, and everything for an administrator.
type rights struct {
	access
	of    policy.Resource
	who   policy.Subjects
	admin bool
	// overruled: the administrator was given what the Policy does not allow.
	overruled bool
}

// rightsTo finds out what the sender may do to a Thing that is, or is to be.
func (s *Service) rightsTo(thingID, policyID string, sender *Sender, with made) (rights, *protocol.Error) {
	a, err := s.access(policyID, namespaceOf(thingID), with)
	if err != nil {
		return rights{}, protocol.ThingUnavailable(thingID, err)
	}
	return rights{access: a, of: policy.Thing, who: sender.Subjects, admin: sender.Admin}, nil
}

// rightsOver finds out what the sender may do to a Policy, on behalf of a
// Thing.
func (s *Service) rightsOver(policyID, thingID string, sender *Sender, with made) (rights, *protocol.Error) {
	a, err := s.access(policyID, "", with)
	if err != nil {
		return rights{}, protocol.ThingUnavailable(thingID, err)
	}
	return rights{access: a, of: policy.Policy, who: sender.Subjects, admin: sender.Admin}, nil
}

// whole says whether the sender has the permission at the path and everywhere
// below.
func (r *rights) whole(what policy.Permission, p jsondoc.Pointer) bool {
	return r.Whole(r.who, what, r.of, p) || r.overrule()
}

// some says whether the sender has the permission at the path or anywhere
// below.
func (r *rights) some(what policy.Permission, p jsondoc.Pointer) bool {
	return r.Some(r.who, what, r.of, p) || r.overrule()
}

func (r *rights) overrule() bool {
	r.overruled = r.overruled || r.admin
	return r.admin
}

// readsAll says whether there is nothing at the path that the sender may not
// READ.
func (r *rights) readsAll(p jsondoc.Pointer) bool {
	return r.whole(policy.Read, p)
}

// see is what the sender may READ of what stands at a path. Of an object that is
// there is always something to be seen, if only that; so is the ID of the whole (Ditto's ThingCommandEnforcement has a list of what is shown to
// everybody who may READ something).
func (r *rights) see(p jsondoc.Pointer, v *jsondoc.Value) (*jsondoc.Value, bool) {
	if v == nil || r.readsAll(p) {
		return v, v != nil
	}
	seen, ok := r.View(r.who, r.of, p, v)
	if v.Kind() != jsondoc.KindObject {
		return seen, ok
	}
	if seen == nil {
		seen = jsondoc.Object()
	}
	switch {
	case len(p) > 0:
	case r.of == policy.Policy:
		seen = withID(seen, v, memberPolicyID)
	default:
		seen = withID(seen, v, memberThingID)
	}
	return seen, true
}

// withID is what is seen of a Thing or a Policy, with its ID.
func withID(seen, whole *jsondoc.Value, member string) *jsondoc.Value {
	if _, ok := seen.Member(member); ok {
		return seen
	}
	id, ok := whole.Member(member)
	if !ok {
		return seen
	}
	members := append(make([]jsondoc.Member, 0, seen.Len()+1), jsondoc.Member{Name: member, Value: id})
	for name, v := range seen.Members() {
		members = append(members, jsondoc.Member{Name: name, Value: v})
	}
	return jsondoc.Object(members...)
}

// seeMetadata is what the sender may READ of a Thing's metadata, which have its
// structure.
func (r *rights) seeMetadata(metadata *jsondoc.Value) *jsondoc.Value {
	if metadata == nil || r.readsAll(nil) {
		return metadata
	}
	seen, _ := r.View(r.who, r.of, nil, metadata)
	return seen
}

// hiddenTag is the entity tag of what is there and not to be seen. It is in no
// list of entity tags; only "*" is for it.
const hiddenTag = ","

// tag is tagOf what the sender may see: a hash of more than that would tell
// whether a guess at the rest is right. The revision of a Thing tells nothing.
func (r *rights) tag(thing *jsondoc.Value, revision uint64, at resource, p jsondoc.Pointer) string {
	switch {
	case thing == nil:
		return ""
	case at == resThing:
		return revisionTag(revision)
	}
	v, ok := thing.Get(p)
	if !ok {
		return ""
	}
	if !r.some(policy.Read, p) {
		return hiddenTag
	}
	if v, ok = r.see(p, v); !ok {
		return hiddenTag
	}
	return valueTag(v)
}

// readable says whether the sender may READ all that a command's conditions are
// about (Ditto's page basic-conditional-requests, "Permissions to execute a
// condition"). Where it may not, it is told so before anything else, as in
// Ditto.
func (r *rights) readable(fields []jsondoc.Pointer) *protocol.Error {
	for _, p := range fields {
		if !r.whole(policy.Read, p) {
			return protocol.ConditionNotReadable()
		}
	}
	return nil
}

// mayAsk is readable for the conditions in the headers of a command. One that
// makes the Thing is asked for none.
func (a *asked) mayAsk(cmd *Command, r *rights) *protocol.Error {
	if a.condition != nil && cmd.Message.Topic.Action != protocol.ActionCreate {
		if err := r.readable(a.condition.Fields()); err != nil {
			return err
		}
	}
	if a.live != nil {
		return r.readable(a.live.Fields())
	}
	return nil
}

// mayRead says whether the sender of a retrieve may READ anything at the path
// of a Thing. It is not told whether there is a Thing of which it may READ
// nothing.
func (r *rights) mayRead(cmd *Command, asked *asked, id string, at resource, p jsondoc.Pointer) *protocol.Error {
	if err := asked.mayAsk(cmd, r); err != nil {
		return err
	}
	if at == resThingID { // it is shown to whoever may READ something
		p = nil
	}
	switch {
	case r.some(policy.Read, p):
		return nil
	case len(p) == 0 || !r.some(policy.Read, nil):
		return protocol.ThingNotFound(id)
	}
	return at.notFound(id, p)
}

// mayWrite finds out whether the sender of a change may make it to the Thing as
// it is, and refuses it if not (Ditto's ThingCommandEnforcement).
func (w *writing) mayWrite(cur document) *protocol.Error {
	var err *protocol.Error
	if err = w.rule(cur); err != nil {
		return err
	}
	if err = w.mayAsk(); err != nil {
		return err
	}
	if w.maySet(cur) {
		return nil
	}
	if !w.rights.there {
		return protocol.ThingWithoutPolicy(w.id, cur.policyID())
	}
	return w.notModifiable()
}

// findRights finds out what the sender may do to the Thing by this Policy.
func (w *writing) findRights(policyID string) *protocol.Error {
	a, err := w.s.access(policyID, namespaceOf(w.id), w.with())
	if err != nil {
		return protocol.ThingUnavailable(w.id, err)
	}
	w.setRights(a)
	return nil
}

func (w *writing) setRights(a access) {
	w.rights = rights{access: a, of: policy.Thing, who: w.cmd.Sender.Subjects, admin: w.cmd.Sender.Admin, overruled: w.rights.overruled}
	w.readTo = max(w.readTo, a.seq)
}

// maySet says whether the sender may WRITE all that the change touches. A
// merge touches the leaves of its patch, anything else the path with all that
// is there.
func (w *writing) maySet(cur document) bool {
	r, path := &w.rights, w.change.path
	if w.change.op.merges() {
		value := w.change.value
		if n := len(path); n > 0 && jsondoc.IsPattern(path[n-1], value) {
			path = path[:n-1]
		}
		if r.Whole(r.who, policy.Write, r.of, path) {
			return w.mayReplaceAbove(cur, path)
		}
		if r.Some(r.who, policy.Write, r.of, path) && w.mayReplaceAbove(cur, path) {
			was, _ := cur.Get(path)
			if r.wholeLeaves(policy.Write, path, value, was) {
				return true
			}
		}
		return r.overrule()
	}
	return r.whole(policy.Write, path) && w.mayReplaceAbove(cur, path)
}

// mayReplaceAbove: something on the way to the path that is no object is
// replaced by one, so the sender must be allowed to WRITE that. Ditto does not
// ask for it.
func (w *writing) mayReplaceAbove(cur document, path jsondoc.Pointer) bool {
	r := &w.rights
	if len(path) == 0 || w.change.op == opDelete || r.Whole(r.who, policy.Write, r.of, nil) {
		return true
	}
	v := cur.View()
	for i, name := range path {
		if v.Kind() != jsondoc.KindObject {
			return r.whole(policy.Write, path[:i])
		}
		next, ok := v.Member(name)
		if !ok {
			break
		}
		v = next
	}
	return true
}

// wholeLeaves says whether the sender has the permission for each leaf of a
// patch for what is at the path; nil: nothing is. Where the patch puts an
// object in the place of something that is none, it must have it for that,
// which Ditto does not ask for; and where it removes by a pattern, for the
// object in which it does so.
func (r *rights) wholeLeaves(what policy.Permission, path jsondoc.Pointer, patch, was *jsondoc.Value) bool {
	switch {
	case patch.Kind() != jsondoc.KindObject:
		return r.whole(what, path)
	case was == nil && patch.Len() == 0, was != nil && was.Kind() != jsondoc.KindObject:
		return r.whole(what, path)
	}
	for name, part := range patch.Members() {
		if jsondoc.IsPattern(name, part) {
			if !r.whole(what, path) {
				return false
			}
			continue
		}
		var inner *jsondoc.Value
		if was != nil {
			inner, _ = was.Member(name)
		}
		if !r.wholeLeaves(what, append(path[:len(path):len(path)], name), part, inner) {
			return false
		}
	}
	return true
}

// notModifiable is the error for what the sender may not change.
func (w *writing) notModifiable() *protocol.Error {
	m := w.cmd.Message
	switch m.Topic.Action {
	case protocol.ActionModify:
	case protocol.ActionDelete:
		if w.at == resThing {
			return protocol.ThingNotDeletable(w.id)
		}
	default: // Ditto has one error for all merges
		return protocol.ThingNotModifiable(w.id)
	}
	return w.at.notModifiable(w.id, m.Path)
}

// notModifiable is the error for what is at the path of a Thing and may not be
// changed by the sender.
func (r resource) notModifiable(id string, p jsondoc.Pointer) *protocol.Error {
	switch r {
	case resPolicyID:
		return protocol.PolicyIDNotModifiable(id)
	case resDefinition:
		return protocol.DefinitionNotModifiable(id)
	case resAttributes:
		return protocol.AttributesNotModifiable(id)
	case resAttribute:
		return protocol.AttributeNotModifiable(id, p[1:])
	case resFeatures:
		return protocol.FeaturesNotModifiable(id)
	case resFeature:
		return protocol.FeatureNotModifiable(id, p[1])
	case resFeatureDefinition:
		return protocol.FeatureDefinitionNotModifiable(id, p[1])
	case resProperties:
		return protocol.FeaturePropertiesNotModifiable(id, p[1])
	case resProperty:
		return protocol.FeaturePropertyNotModifiable(id, p[1], p[3:])
	case resDesiredProperties:
		return protocol.FeatureDesiredPropertiesNotModifiable(id, p[1])
	case resDesiredProperty:
		return protocol.FeatureDesiredPropertyNotModifiable(id, p[1], p[3:])
	}
	return protocol.ThingNotModifiable(id)
}

// mayMigrate is mayWrite for a migration, which asks for all of the Thing.
func (w *writing) mayMigrate(cur document) *protocol.Error {
	if err := w.findRights(cur.policyID()); err != nil {
		return err
	}
	if err := w.mayAsk(); err != nil {
		return err
	}
	switch {
	case w.rights.whole(policy.Write, nil):
		return nil
	case !w.rights.there:
		return protocol.ThingWithoutPolicy(w.id, cur.policyID())
	}
	return protocol.ThingNotModifiable(w.id)
}

// mayAsk says whether the sender may READ what the command's conditions are
// about.
func (w *writing) mayAsk() *protocol.Error {
	if w.asked.what != 0 {
		if err := w.asked.mayAsk(w.cmd, &w.rights); err != nil {
			return err
		}
	}
	for _, c := range w.conditions {
		if err := w.rights.readable(c.filter.Fields()); err != nil {
			return err
		}
	}
	return nil
}

// readsTouched says whether the sender may READ all that its change touches.
func (w *writing) readsTouched(cur document) bool {
	r, path := &w.rights, w.change.path
	if r.Whole(r.who, policy.Read, r.of, path) || r.admin {
		return true
	}
	if !w.change.op.merges() || !r.Some(r.who, policy.Read, r.of, path) {
		return false
	}
	was, _ := cur.Get(path)
	return r.wholeLeaves(policy.Read, path, w.change.value, was)
}

// conflict refuses to make a Thing that is there. What its headers say is held
// against it only for who may READ something of it.
func (w *writing) conflict(tx *store.Tx, e store.Entry, cur document) {
	err := w.findRights(cur.policyID())
	if err == nil {
		err = protocol.ThingConflict(w.id)
		if w.rights.some(policy.Read, nil) && !w.goesOn(tx, e, cur) {
			return
		}
	}
	w.abort(tx, e, err)
}
