package twin

import (
	"strings"
	"sync/atomic"
	"weak"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// rulings are what a Thing in memory remembers of the last decision about it. All
// its versions share them until it may have got another Policy.
type rulings struct{ last atomic.Pointer[ruling] }

// ruling is the ID of a Thing's Policy, and what that allows: where it says what
// others say, as one that is its own, else as it is kept once for all its Things,
// for as long as it is.
type ruling struct {
	policyID string
	kept     weak.Pointer[keptAccess]

	access *policy.Enforcer // nil: it is in kept
	from   source           // the Policy, as it was then
	seq    uint64           // its last change
}

// rulingCost is about what it takes in memory, in bytes.
const rulingCost = 192

// changedOnce is in the place of the rulings of a Thing that was changed once
// since it came into memory. Of many Things that take turns each is forgotten
// before the next time.
var changedOnce = &rulings{}

// remember gives the document after a change what it remembers: nothing, where
// its Policy may be another one.
func (d *document) remember(cur document, c *change) {
	switch {
	case c.mayGivePolicy(), cur.rulings == changedOnce:
		d.rulings = new(rulings)
	case cur.rulings == nil:
		d.rulings = changedOnce
	default:
		d.rulings = cur.rulings
	}
}

// mayGivePolicy says whether the Thing may have another Policy after the change.
func (c *change) mayGivePolicy() bool {
	switch {
	case len(c.path) > 0:
		return c.path[0] == memberPolicyID
	case c.op == opMerge && c.value.Kind() == jsondoc.KindObject:
		_, ok := c.value.View().Member(memberPolicyID)
		return ok
	}
	return true
}

// remembers says whether it can remember anything.
func (d document) remembers() bool { return d.rulings != nil && d.rulings != changedOnce }

// ruling is the last one; nil where there was none.
func (d document) ruling() *ruling {
	if d.rulings == nil {
		return nil
	}
	return d.rulings.last.Load()
}

// policyID is that of the Policy that decides about a Thing.
func (d document) policyID() string {
	if d.Value == nil {
		return ""
	}
	if r := d.ruling(); r != nil {
		return r.policyID
	}
	return policyIDOf(d.Value)
}

// Footprint is what the document takes in memory.
func (d document) Footprint() int {
	n := d.Size()
	if d.remembers() {
		n += rulingCost
	}
	return n
}

// given says what the Policy allows, if it is as it was.
func (r *ruling) given(thingID string) (access, bool) {
	switch {
	case r == nil:
	case r.access != nil:
		return access{Enforcer: r.access, there: true, seq: r.seq, alike: r.from}, r.from.upToDate()
	default:
		if kept := r.kept.Value(); kept != nil && kept.upToDate() {
			kept.use()
			return kept.in(namespaceOf(thingID)), true
		}
	}
	return access{}, false
}

// accessOf finds what a Thing's Policy allows for it.
func (s *Service) accessOf(thingID string, d document) (access, error) {
	last := d.ruling()
	if a, ok := last.given(thingID); ok {
		return a, nil
	}
	id := d.policyID()
	a, err := s.access(id, namespaceOf(thingID), nil)
	if err == nil && d.remembers() {
		now := &ruling{policyID: strings.Clone(id)}
		if a.kept != nil {
			now.kept = weak.Make(a.kept)
		} else {
			now.access, now.from, now.seq = a.Enforcer, a.alike, a.seq
		}
		d.rulings.last.Store(now)
	}
	return a, err
}

// rightsOf finds out what the sender may do to a Thing.
func (s *Service) rightsOf(thingID string, d document, sender *Sender) (rights, *protocol.Error) {
	a, err := s.accessOf(thingID, d)
	if err != nil {
		return rights{}, protocol.ThingUnavailable(thingID, err)
	}
	return rights{access: a, of: policy.Thing, who: sender.Subjects, admin: sender.Admin}, nil
}

// rule finds out what the sender may do to the Thing as it is, by its Policy.
func (w *writing) rule(cur document) *protocol.Error {
	if len(w.with()) > 0 { // Policies that are not there yet
		return w.findRights(cur.policyID())
	}
	a, err := w.s.accessOf(w.id, cur)
	if err != nil {
		return protocol.ThingUnavailable(w.id, err)
	}
	w.setRights(a)
	return nil
}
