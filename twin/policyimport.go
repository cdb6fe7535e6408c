package twin

import (
	"slices"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// mayImport says whether the sender may have the Policy import what the change
// says, and refer to it (Ditto's page basic-policy, "Policy imports"; its
// PolicyImportsPreEnforcer): it must be allowed to READ all entries that come
// with an import, and the ones that are referred to.
func (w *policyWriting) mayImport(after *policy.Model) *protocol.Error {
	for i := range after.Imports {
		one := &after.Imports[i]
		switch w.place.is {
		case resPolicy, resImports:
		case resImport, resImportEntries:
			if one.Policy != w.place.at[1] {
				continue
			}
		default:
			continue
		}
		if w.change.op == opDelete {
			continue
		}
		if err := w.mayImportOne(one); err != nil {
			return err
		}
	}
	for i := range after.Entries {
		entry := &after.Entries[i]
		switch w.place.is {
		case resPolicy, resEntries:
		case resEntry, resReferences:
			if entry.Label != w.place.label() {
				continue
			}
		default:
			continue
		}
		for _, ref := range entry.References {
			if ref.Import == "" {
				continue
			}
			if err := w.mayReferTo(entry.Label, ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// mayImportInto is mayImport for a Policy that is made with a Thing.
func (w *writing) mayImportInto(id string, m *policy.Model) *protocol.Error {
	of := &policyWriting{writing: writing{s: w.s, cmd: w.cmd, id: id}, place: policyPlace{is: resPolicy}}
	of.change.op = opPut
	err := of.mayImport(m)
	w.readTo = max(w.readTo, of.readTo)
	w.rights.overruled = w.rights.overruled || of.rights.overruled
	return err
}

// imported is another Policy, and what the sender may do to it.
func (w *policyWriting) imported(id string) (*policy.Model, rights, *protocol.Error) {
	e, err := w.s.store.View(store.Key{Kind: kindPolicy, ID: id})
	if err != nil {
		return nil, rights{}, protocol.PolicyUnavailable(id, err)
	}
	may, refused := w.s.rightsToPolicy(id, &w.cmd.Sender, nil)
	if refused != nil {
		return nil, may, refused
	}
	w.readTo = max(w.readTo, e.Seq, may.seq)
	doc := documentOf(e).Value
	if doc == nil {
		return nil, may, protocol.ImportedPolicyNotFound(id, "it")
	}
	m, refused := policy.Parse(id, doc)
	return m, may, refused
}

func (w *policyWriting) mayImportOne(one *policy.Import) *protocol.Error {
	m, may, err := w.imported(one.Policy)
	if err != nil {
		return err
	}
	for i := range m.Entries {
		e := &m.Entries[i]
		if e.Importable != policy.Implicit && !slices.Contains(one.Entries, e.Label) {
			continue
		}
		if !w.maySee(&may, e.Label) {
			return protocol.ImportedPolicyNotFound(one.Policy, "all its entries that come with the import")
		}
	}
	return nil
}

// maySee says whether the sender may READ an entry of another Policy.
func (w *policyWriting) maySee(may *rights, label string) bool {
	sees := may.whole(policy.Read, jsondoc.Pointer{memberEntries, label})
	w.rights.overruled = w.rights.overruled || may.overruled
	return sees
}

func (w *policyWriting) mayReferTo(label string, ref policy.Reference) *protocol.Error {
	m, may, err := w.imported(ref.Import)
	if err != nil {
		return err
	}
	at := jsondoc.Pointer{memberEntries, label, memberReferences}
	entry, ok := m.Entry(ref.Entry)
	switch {
	case !w.maySee(&may, ref.Entry):
		return protocol.ImportedPolicyNotFound(ref.Import, "the entry '"+ref.Entry+"' that is referred to")
	case !ok:
		return protocol.PolicyImportInvalid(at, "The Policy '"+ref.Import+"' has no entry '"+ref.Entry+"'.")
	case entry.Importable == policy.Never:
		return protocol.PolicyImportInvalid(at, "The entry '"+ref.Entry+"' of the Policy '"+ref.Import+"' is importable 'never'.")
	}
	return nil
}
