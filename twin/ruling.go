package twin

import (
	"strings"

	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// ruling is what a Thing that is changed again and again remembers of the last
// decision about it: the ID of its Policy and, where that says what others say,
// what it allows. (What another Policy allows is kept once for all its Things.)
type ruling struct {
	policyID string
	access   *keptAccess // nil: to be asked for
}

// rulingCost is about what it takes in memory, in bytes.
const rulingCost = 256

// policyID is that of the Policy that decides about a Thing.
func (d document) policyID() string {
	switch {
	case d.Value == nil:
		return ""
	case d.ruling != nil:
		return d.ruling.policyID
	}
	return policyIDOf(d.Value)
}

// Footprint is what the document takes in memory.
func (d document) Footprint() int {
	n := d.Size()
	if d.ruling != nil {
		n += rulingCost
	}
	return n
}

// accessOf finds what a Thing's Policy allows for it.
func (s *Service) accessOf(thingID string, d document) (access, error) {
	if r := d.ruling; r != nil && r.access != nil && r.access.upToDate() {
		return r.access.in(namespaceOf(thingID)), nil
	}
	return s.access(d.policyID(), namespaceOf(thingID), nil)
}

// rightsOf finds out what the sender may do to a Thing.
func (s *Service) rightsOf(thingID string, d document, sender *Sender) (rights, *protocol.Error) {
	a, err := s.accessOf(thingID, d)
	if err != nil {
		return rights{}, protocol.ThingUnavailable(thingID, err)
	}
	return rights{access: a, of: policy.Thing, who: sender.Subjects, admin: sender.Admin}, nil
}

// rule finds out what the sender may do to the Thing as it is, by its Policy, and
// remembers it for the Thing as it will be.
func (w *writing) rule(cur document) *protocol.Error {
	if r := cur.ruling; r != nil && r.access != nil && len(w.with()) == 0 && r.access.upToDate() {
		w.setRights(r.access.in(namespaceOf(w.id)))
		w.ruling = r
		return nil
	}
	id := cur.policyID()
	if err := w.findRights(id); err != nil {
		return err
	}
	if w.ruling = cur.ruling; w.ruling == nil || w.ruling.access != nil || w.rights.alike != nil {
		w.ruling = &ruling{strings.Clone(id), w.rights.alike}
	}
	return nil
}

// remember is the ruling for the Thing after the change: none, where its Policy
// may be another one.
func (w *writing) remember() *ruling {
	if p := w.change.path; len(p) == 0 || p[0] == memberPolicyID {
		return nil
	}
	return w.ruling
}
