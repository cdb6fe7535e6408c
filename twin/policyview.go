package twin

import (
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// The header policy-view (Ditto's page basic-policy, "Effective policy view").
// With "resolved" a retrieve of a Policy gives all that it comes to: its own
// entries with what they refer to, and those of imported and namespace root
// Policies, as far as the sender may READ them in the Policies that they come
// from. Such an answer has no entity tag, and if-match and if-none-match do not
// count: the Policy's revision does not tell when one of the others changes.

// viewAsked says whether the resolved view is asked for.
func viewAsked(h *protocol.Headers) (resolved bool, err *protocol.Error) {
	view, ok := h.Get(protocol.HeaderPolicyView)
	switch {
	case !ok || strings.EqualFold(view, "original"):
		return false, nil
	case strings.EqualFold(view, "resolved"):
		return true, nil
	}
	return false, protocol.PolicyViewInvalid(view)
}

// resolve is the Policy with all that it comes to; e then depends on the other
// Policies as well. One that cannot be put together is shown as it is written.
func (r *policyReading) resolve(e *store.Entry, doc *jsondoc.Value) (*jsondoc.Value, *protocol.Error) {
	if r.rights.ID() == "" {
		return doc, nil
	}
	others := map[string]*rights{} // to the other Policies, by their IDs
	var refused *protocol.Error
	whole := r.rights.ResolvedFor(func(id, label string) bool {
		other := others[id]
		if other == nil {
			to, err := r.s.rightsToPolicy(id, &r.cmd.Sender, nil)
			if err != nil {
				refused = err
			}
			e.Seq = max(e.Seq, to.seq)
			other = &to
			others[id] = other
		}
		sees := refused == nil && other.some(policy.Read, jsondoc.Pointer{memberEntries, label})
		r.rights.overruled = r.rights.overruled || other.overruled
		return sees
	})
	return whole, refused
}
