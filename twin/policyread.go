package twin

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// policyReading is a retrieve of a Policy or of a part of it.
type policyReading struct {
	s        *Service
	cmd      *Command
	done     func(*Outcome)
	id       string
	place    policyPlace
	fields   *jsondoc.Selector
	resolved bool // with all that it imports; see policyview.go
	matches  bool // it has if-match or if-none-match
	rights   rights
}

// retrievePolicy answers a retrieve of a Policy. An error that it returns
// depends on nothing that is stored.
func (s *Service) retrievePolicy(cmd *Command, done func(*Outcome)) (err *protocol.Error) {
	m := cmd.Message
	r := &policyReading{s: s, cmd: cmd, done: done, matches: m.Headers.Asks()&protocol.AsksMatch != 0}
	if r.id, err = policyID(m.Topic); err != nil {
		return err
	}
	if r.place, err = placeAt(m.Path); err != nil {
		return err
	}
	if r.place.is == resPolicy {
		if r.fields, err = parseFields(m.Fields); err != nil {
			return err
		}
		if r.resolved, err = viewAsked(&m.Headers); err != nil {
			return err
		}
	}
	moment, err := m.Headers.At()
	if err != nil {
		return err
	}
	if r.resolved && !moment.IsPresent() {
		return protocol.HeaderUnusable(protocol.HeaderPolicyView, "what a Policy came to in the past is not known")
	}
	e, verr := s.store.View(store.Key{Kind: kindPolicy, ID: r.id})
	if verr != nil {
		return protocol.PolicyUnavailable(r.id, verr)
	}
	if r.rights, err = s.rightsToPolicy(r.id, &cmd.Sender, nil); err != nil {
		return err
	}
	seq := max(e.Seq, r.rights.seq)
	if err := r.mayRead(e); err != nil {
		s.refuseAfter(seq, cmd, err, done)
		return nil
	}
	if !moment.IsPresent() {
		r.past(moment, e, seq)
		return nil
	}
	o := r.show(&e)
	s.tellAfter(max(seq, e.Seq), cmd, o, done)
	return nil
}

// mayRead: the sender must be allowed to READ something at the path. It is not
// told whether there is a Policy that it may not READ.
func (r *policyReading) mayRead(e store.Entry) *protocol.Error {
	if documentOf(e).Value == nil {
		return protocol.PolicyNotFound(r.id)
	}
	if r.rights.some(policy.Read, r.place.asked) {
		return nil
	}
	if !r.rights.some(policy.Read, nil) {
		return protocol.PolicyNotFound(r.id)
	}
	return r.place.notFound(r.id)
}

// show is the outcome of a retrieve of a Policy that is, or was, as e says. It
// depends on what stands at e.Seq in the journal.
func (r *policyReading) show(e *store.Entry) *Outcome {
	doc := documentOf(*e).Value
	tag := ""
	if !r.resolved {
		tag = r.place.shownTag(doc, e.Revision)
		if r.matches {
			if err := checkMatch(r.cmd.Message, tag); err != nil {
				return unread(r.cmd, err.ForPolicies())
			}
		}
	}
	value, err := r.value(e, doc)
	if err != nil {
		return refusal(r.cmd, err)
	}
	o := found(r.cmd, value)
	o.Overruled = r.rights.overruled
	if o.Response != nil {
		o.Response.Headers.Set(protocol.HeaderEntityRevision, jsondoc.Int(int64(e.Revision)))
		tellTag(o.Response, tag)
	}
	return o
}

// value is what the sender may READ of what stands at the place.
func (r *policyReading) value(e *store.Entry, doc *jsondoc.Value) (*jsondoc.Value, *protocol.Error) {
	if r.place.is == resPolicy {
		return r.whole(e, doc)
	}
	if outer, ok := r.place.parent(); ok {
		if _, there := doc.Get(outer.at); !there {
			return nil, outer.notFound(r.id)
		}
	}
	v, ok := doc.Get(r.place.at)
	if !ok {
		if v = r.place.otherwise(); v == nil {
			return nil, r.place.notFound(r.id)
		}
	}
	seen, _ := r.rights.see(r.place.asked, v)
	return seen, nil
}

// otherwise is what is answered where a part that may be left out is not
// there, nil where that is an error.
func (place *policyPlace) otherwise() *jsondoc.Value {
	switch place.is {
	case resSubjects, resResources, resImports, resEntries:
		return noMembers
	case resAllowedAdditions, resReferences, resImportEntries, resTransitiveImports:
		return jsondoc.Array()
	case resImportable:
		return implicit
	}
	return nil
}

// whole is what the sender may READ of the Policy, or the fields of it that are
// asked for.
func (r *policyReading) whole(e *store.Entry, doc *jsondoc.Value) (*jsondoc.Value, *protocol.Error) {
	if r.resolved {
		var err *protocol.Error
		if doc, err = r.resolve(e, doc); err != nil {
			return nil, err
		}
	}
	doc, _ = r.rights.see(nil, doc)
	if r.fields == nil {
		return doc, nil
	}
	var special []jsondoc.Member
	for _, p := range r.fields.Pointers() {
		if v := r.s.specialField(p[0], r.id, e, &r.rights); v != nil && !hasMember(special, p[0]) {
			special = append(special, jsondoc.Member{Name: p[0], Value: v})
		}
	}
	return withMembers(doc, special).Select(*r.fields), nil
}

func hasMember(members []jsondoc.Member, name string) bool {
	for _, m := range members {
		if m.Name == name {
			return true
		}
	}
	return false
}
