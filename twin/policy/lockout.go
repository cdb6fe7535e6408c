package policy

import "slices"

// SomebodyMayWrite says whether the Policy grants somebody to change itself,
// for good: WRITE on policy:/, to a subject that does not expire and from whom
// it is not revoked there. One of which that is not so could not be repaired.
// References within the Policy are followed. Of a Policy with imports it is not
// asked: what they bring may change at any time.
//
// Source: Ditto's page basic-policy, "Policy imports".
func (m *Model) SomebodyMayWrite() bool {
	if len(m.Imports) > 0 {
		return true
	}
	r := &resolving{}
	entries, err := r.whole(m)
	if err != nil {
		return false
	}
	granted, revoked := map[string]bool{}, map[string]bool{}
	for _, e := range entries {
		var grant, revoke bool
		for _, p := range e.resources {
			if p.Resource == Policy && len(p.Path) == 0 {
				grant = grant || slices.Contains(p.Grant, Write)
				revoke = revoke || slices.Contains(p.Revoke, Write)
			}
		}
		for _, s := range e.subjects {
			if grant && s.Expiry.IsZero() {
				granted[s.ID] = true
			}
			if revoke {
				revoked[s.ID] = true
			}
		}
	}
	for id := range granted {
		if !revoked[id] {
			return true
		}
	}
	return false
}
