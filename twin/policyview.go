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
// Policies as well.
func (r *policyReading) resolve(e *store.Entry, doc *jsondoc.Value) (*jsondoc.Value, *protocol.Error) {
	m, err := policy.Parse(r.id, doc)
	if err != nil {
		return nil, err
	}
	sources := map[string]*rights{} // by the beginning of the labels of what comes from them
	note := func(prefix, id string) *protocol.Error {
		rights, err := r.s.rightsToPolicy(id, &r.cmd.Sender, nil)
		e.Seq = max(e.Seq, rights.seq)
		sources[prefix+id+"-"] = &rights
		return err
	}
	for i := range m.Imports {
		if err := note("imported-", m.Imports[i].Policy); err != nil {
			return nil, err
		}
	}
	for _, id := range r.s.roots.For(namespaceOf(r.id)) {
		if err := note("nsimported-", id); err != nil {
			return nil, err
		}
	}
	whole := r.rights.Resolved()
	entries, _ := whole.Member(memberEntries)
	kept := keeper{from: entries}
	for label, entry := range entries.Members() {
		if r.maySeeImported(sources, label) {
			kept.keep(label, entry, entry)
		} else {
			kept.drop()
		}
	}
	return whole.Overwrite(jsondoc.Pointer{memberEntries}, kept.object()), nil
}

// maySeeImported says of an entry that comes from another Policy whether the
// sender may READ something of it there.
func (r *policyReading) maySeeImported(sources map[string]*rights, label string) bool {
	for prefix, rights := range sources {
		if there, ok := strings.CutPrefix(label, prefix); ok {
			return rights.some(policy.Read, jsondoc.Pointer{memberEntries, there})
		}
	}
	return true
}
