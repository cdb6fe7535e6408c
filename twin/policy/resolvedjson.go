package policy

import (
	"slices"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Resolved is the Policy with all that it was put together from, as JSON: its
// own entries with what they refer to, and the imported ones under the labels
// "imported-<Policy ID>-<label>" and "nsimported-<Policy ID>-<label>". Of two
// entries that would have the same label the first is there (Ditto's page
// basic-policy, "Effective policy view").
func (e *Enforcer) Resolved() *jsondoc.Value {
	return e.ResolvedFor(func(string, string) bool { return true })
}

// ResolvedFor is Resolved without what comes from other Policies and is not to
// be seen: sees is asked about the entry in which it is written. What an entry
// has from others by references is asked about piece by piece.
func (e *Enforcer) ResolvedFor(sees func(policyID, label string) bool) *jsondoc.Value {
	if e.model == nil {
		return jsondoc.Object()
	}
	whole := Model{ID: e.id, Imports: e.model.Imports}
	seen := map[string]bool{}
	visible := func(from *place) bool { return from.policy == e.model.ID || sees(from.policy, from.label) }
	for _, entry := range e.entries {
		if !seen[entry.label] && visible(entry.at) {
			whole.Entries = append(whole.Entries, entry.entry(visible))
		}
		seen[entry.label] = true
	}
	return whole.JSON()
}

// entry is the resolved entry as one of a Policy, with what is to be seen of it.
func (e *resolved) entry(visible func(*place) bool) Entry {
	out := Entry{Label: e.label, Namespaces: e.namespaces, Importable: e.importable,
		AllowedAdditions: e.allowed, References: e.references}
	for _, s := range e.subjects {
		if visible(s.from) {
			out.Subjects = append(out.Subjects, *s.Subject)
		}
	}
	at := map[string]int{}
	for _, p := range e.resources {
		if !visible(p.from) {
			continue
		}
		key := p.Key()
		i, ok := at[key]
		if !ok {
			at[key] = len(out.Resources)
			out.Resources = append(out.Resources, *p.Permissions)
			continue
		}
		there := &out.Resources[i]
		there.Grant, there.Revoke = union(there.Grant, p.Grant), union(there.Revoke, p.Revoke)
	}
	return out
}

func union(a, b []Permission) []Permission {
	out := slices.Clone(a)
	for _, what := range b {
		if !slices.Contains(out, what) {
			out = append(out, what)
		}
	}
	return out
}
