package policy

// Alike is the Enforcer of another Policy, whose entries are the same, in the
// same words: what the two decide with is there once. It is false where more
// than the entries matters: imports, namespaces, subjects that expire.
func (e *Enforcer) Alike(id string) (*Enforcer, bool) {
	if e.model == nil || len(e.sources) != 1 || e.namespaced || !e.until.IsZero() || len(e.model.Imports) > 0 {
		return nil, false
	}
	if id == e.id {
		return e, true
	}
	return &Enforcer{id, e.rulebook}, true
}

// another says whether the entries are those of another Policy that says the
// same.
func (e *Enforcer) another() bool { return e.model != nil && e.id != e.model.ID }
