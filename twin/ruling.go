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
	access   *policy.Enforcer // nil: to be asked for
	from     source           // the Policy, as it was then
	seq      uint64           // its last change
}

// rulingCost is about what it takes in memory, in bytes.
const rulingCost = 192

// onceRuled is the ruling of a Thing that was changed once since it came into
// memory. Only the next time something is remembered: of many Things that take
// turns each is forgotten before that.
var onceRuled = &ruling{}

// given says what the Policy allows, if it is as it was.
func (r *ruling) given() (access, bool) {
	if r == nil || r.access == nil || !r.from.upToDate() {
		return access{}, false
	}
	return access{r.access, true, r.seq, r.from}, true
}

// policyID is that of the Policy that decides about a Thing.
func (d document) policyID() string {
	switch {
	case d.Value == nil:
		return ""
	case d.ruling != nil && d.ruling != onceRuled:
		return d.ruling.policyID
	}
	return policyIDOf(d.Value)
}

// Footprint is what the document takes in memory.
func (d document) Footprint() int {
	n := d.Size()
	if d.ruling != nil && d.ruling != onceRuled {
		n += rulingCost
	}
	return n
}

// accessOf finds what a Thing's Policy allows for it.
func (s *Service) accessOf(thingID string, d document) (access, error) {
	if a, ok := d.ruling.given(); ok {
		return a, nil
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
	if len(w.with()) == 0 {
		if a, ok := cur.ruling.given(); ok {
			w.setRights(a)
			w.ruling = cur.ruling
			return nil
		}
	}
	id := cur.policyID()
	if err := w.findRights(id); err != nil {
		return err
	}
	alike := w.rights.alike.count != nil
	switch r := cur.ruling; {
	case r == nil:
		w.ruling = onceRuled
	case r != onceRuled && r.access == nil && !alike:
		w.ruling = r
	default:
		w.ruling = &ruling{policyID: strings.Clone(id)}
		if alike {
			w.ruling.access, w.ruling.from, w.ruling.seq = w.rights.Enforcer, w.rights.alike, w.rights.seq
		}
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
