package policy

// Alike is the Enforcer of another Policy, whose entries are the same, in the
// same words: what the two decide with is there once. It is false where more
// than the entries matters: imports, namespaces, subjects that expire.
func (e *Enforcer) Alike(id string) (*Enforcer, bool) {
	if e.model == nil || len(e.sources) != 1 || e.namespaced || !e.until.IsZero() || len(e.model.Imports) > 0 {
		return nil, false
	}
	if id == e.model.ID {
		return e, true
	}
	model := *e.model
	model.ID = id
	other := &Enforcer{
		model: &model, entries: e.entries, sources: []string{id},
		nodes: e.nodes, kids: e.kids, rules: e.rules, subjects: e.subjects,
		keys: e.keys, alike: e.model.ID,
	}
	if e.alike != "" {
		other.alike = e.alike
	}
	return other, true
}
