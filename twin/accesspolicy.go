package twin

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// What a command on a Thing asks of Policies besides the one that decides about
// it: of the one that a Thing is given, the one that is copied, and the one that
// is made with it.
//
// Who gives a Thing a Policy that is there must be allowed to READ that, and who
// makes a Thing must be allowed by it to WRITE all of the Thing. Ditto asks
// the first on creation only, and takes any ID of a Policy later, also of one
// that is not there; here it is asked always, so that no Thing is lost by a
// slip.

// made are Policies that are about to be stored, by their IDs: they count
// already for what is stored with them.
type made map[string]document

// notMade takes back what was said of Policies that were to be made.
func (s *Service) notMade(policies made) {
	for id := range policies {
		s.policyUnchanged(id)
	}
}

// with are the Policies that are made together with what the command makes.
func (w *writing) with() made {
	if w.group != nil {
		return w.group.made
	}
	return w.made
}

// policyRights finds out what the sender may do to a Policy.
func (w *writing) policyRights(policyID string) (rights, *protocol.Error) {
	may, err := w.s.rightsOver(policyID, w.id, &w.cmd.Sender, w.with())
	w.readTo = max(w.readTo, may.seq)
	return may, err
}

// seePolicy is what the sender may READ of a Policy.
func (w *writing) seePolicy(id string) (*jsondoc.Value, *protocol.Error) {
	may, err := w.policyRights(id)
	if err != nil {
		return nil, err
	}
	e, failed := w.s.store.View(store.Key{Kind: kindPolicy, ID: id})
	if failed != nil {
		return nil, protocol.ThingUnavailable(w.id, failed)
	}
	w.readTo = max(w.readTo, e.Seq)
	doc, ok := w.with()[id]
	if !ok {
		doc = documentOf(e)
	}
	if doc.Value == nil || !may.some(policy.Read, nil) {
		return nil, protocol.PolicyNotFound(id)
	}
	v, _ := may.see(nil, doc.Value)
	return v, nil
}

// seeThing is what the sender may READ of another Thing.
func (w *writing) seeThing(id string) (*jsondoc.Value, *protocol.Error) {
	e, err := w.s.store.View(store.Key{Kind: kindThing, ID: id})
	if err != nil {
		return nil, protocol.ThingUnavailable(id, err)
	}
	w.readTo = max(w.readTo, e.Seq)
	doc := documentOf(e)
	thing := doc.Value
	if thing == nil {
		return nil, protocol.ThingNotFound(id)
	}
	may, refused := w.s.rightsTo(id, doc.policyID(), &w.cmd.Sender, w.with())
	w.readTo = max(w.readTo, may.seq)
	switch {
	case refused != nil:
		return nil, refused
	case !may.some(policy.Read, nil):
		return nil, protocol.ThingNotFound(id)
	}
	thing, _ = may.see(nil, thing)
	return thing, nil
}

// mayMakePolicy finds out whether the sender may make the Policy together with
// the Thing: it must be allowed by it to WRITE it (Ditto's
// PolicyCommandEnforcement), unless its header allow-policy-lockout says that it
// means it.
func (w *writing) mayMakePolicy(id string, v *jsondoc.Value) *protocol.Error {
	m, err := policy.Parse(id, v)
	if err != nil {
		return protocol.PolicyInvalid(w.id, err.Message+" "+err.Description)
	}
	if err := w.mayImportInto(id, m); err != nil {
		return err
	}
	if w.group == nil {
		w.made = made{id: newDocument(v)}
	} else {
		w.group.made[id] = newDocument(v)
	}
	may, err := w.policyRights(id)
	if err != nil {
		return err
	}
	defer func() { w.rights.overruled = w.rights.overruled || may.overruled }()
	lockout, _ := w.cmd.Message.Headers.Get(protocol.HeaderAllowPolicyLockout)
	if lockout == "true" || may.whole(policy.Write, nil) {
		return nil
	}
	return protocol.ThingPolicyRefused(w.id, id)
}

// mayCreate finds out whether the sender may make the Thing, by the Policy that
// it gets: it must be allowed to WRITE all of it. Where the configuration of a
// mapping says by which Policy the Thing is made, it is the operator who makes
// it, with what the configuration gives it, and the sender must be allowed to
// WRITE what its message says. (In Ditto it is a connection that makes Things so,
// by a template and subjects of its own.)
func (w *writing) mayCreate(byMapping bool) *protocol.Error {
	if err := w.findRights(w.parts.policyID); err != nil {
		return err
	}
	r := &w.rights
	switch {
	case r.Whole(r.who, policy.Write, r.of, nil):
		return nil
	case byMapping && r.wholeLeaves(policy.Write, w.change.path, w.change.value, nil):
		return nil
	case r.overrule():
		return nil
	}
	return protocol.ThingNotMakeable(w.id, w.parts.policyID)
}

// mayChangePolicy finds out whether the Thing may get the Policy that it names
// after the change, if that is another one. From then on it is that which
// decides.
func (w *writing) mayChangePolicy(cur, next document) *protocol.Error {
	if w.placed || cur.Value == nil || next.Value == nil || w.at != resThing && w.at != resPolicyID {
		return nil
	}
	to := next.policyID()
	if to == cur.policyID() {
		return nil
	}
	may, err := w.policyRights(to)
	if err != nil {
		return err
	}
	if !may.there || !may.some(policy.Read, nil) {
		return protocol.PolicyNotFound(to)
	}
	w.rights.overruled = w.rights.overruled || may.overruled
	return w.findRights(to)
}

// seePolicyOf is what may be READ of the Policy of a Thing, as that is or was;
// nil where that is nothing. It depends on what stands at seq.
func (s *Service) seePolicyOf(thingID, policyID string, v *jsondoc.Value, to *rights) (_ *jsondoc.Value, seq uint64, _ *protocol.Error) {
	sender := Sender{Subjects: to.who, Admin: to.admin}
	may, err := s.rightsOver(policyID, thingID, &sender, nil)
	if err != nil || v == nil || !may.some(policy.Read, nil) {
		return nil, may.seq, err
	}
	v, _ = may.see(nil, v)
	to.overruled = to.overruled || may.overruled
	return v, may.seq, nil
}
