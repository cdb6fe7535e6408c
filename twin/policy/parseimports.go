package policy

import (
	"slices"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

func (p *parsing) imports(v *jsondoc.Value) *protocol.Error {
	if v.IsNull() {
		return nil
	}
	p.m.Imports = make([]Import, 0, v.Len())
	return p.members(v, "imported Policies", func(id string, v *jsondoc.Value) *protocol.Error {
		if err := protocol.CheckPolicyID(id); err != nil {
			return err
		}
		i := Import{Policy: id}
		if err := p.imported(&i, v); err != nil {
			return err
		}
		p.m.Imports = append(p.m.Imports, i)
		return nil
	})
}

func (p *parsing) imported(i *Import, v *jsondoc.Value) *protocol.Error {
	return p.members(v, "what is imported of a Policy", func(name string, v *jsondoc.Value) (err *protocol.Error) {
		i.written = true
		switch {
		case v.IsNull() && (name == memberEntries || name == memberTransitive):
		case name == memberEntries:
			labels, err := p.texts(v, "labels of entries")
			if err != nil {
				return err
			}
			there := make(map[string]bool, len(labels))
			for _, label := range labels {
				if err := protocol.CheckLabel(p.here(), label); err != nil {
					return err
				}
				if !there[label] {
					there[label] = true
					i.Entries = append(i.Entries, label)
				}
			}
		case name == memberTransitive:
			if i.Transitive, err = p.texts(v, "IDs of Policies"); err != nil {
				return protocol.PolicyImportInvalid(p.here(), err.Description)
			}
			for _, id := range i.Transitive {
				if err := protocol.CheckPolicyID(id); err != nil {
					return err
				}
			}
		default:
			return p.stranger()
		}
		return nil
	})
}

func (p *parsing) references(e *Entry, v *jsondoc.Value) *protocol.Error {
	if v.Kind() != jsondoc.KindArray {
		return protocol.JSONFormatInvalid(p.here(), "an array of references to entries")
	}
	for element := range v.Elements() {
		if element.Kind() != jsondoc.KindObject {
			return protocol.PolicyEntryInvalid(p.here(), "A reference is an object with 'entry', and 'import' for one of another Policy.")
		}
		var ref Reference
		err := p.members(element, "a reference", func(name string, v *jsondoc.Value) (err *protocol.Error) {
			switch name {
			case memberEntry:
				if ref.Entry, err = p.text(v, "the label of an entry"); err == nil {
					err = protocol.CheckLabel(p.here(), ref.Entry)
				}
			case memberImport:
				if ref.Import, err = p.text(v, "the ID of a Policy (leave it out for an entry of this one)"); err == nil {
					err = protocol.CheckPolicyID(ref.Import)
				}
			default:
				err = p.stranger()
			}
			return err
		})
		if err != nil {
			return err
		}
		if ref.Entry == "" {
			return protocol.JSONFieldMissing(p.here(memberEntry).String())
		}
		e.References = append(e.References, ref)
	}
	return nil
}

// checkImports refuses a Policy that imports itself, or too many others.
func (m *Model) checkImports() *protocol.Error {
	if len(m.Imports) > MaxImports {
		return protocol.PolicyImportsTooLarge(m.ID, len(m.Imports), MaxImports)
	}
	for i := range m.Imports {
		at := jsondoc.Pointer{memberImports, m.Imports[i].Policy}
		if m.Imports[i].Policy == m.ID {
			return protocol.PolicyImportInvalid(at, "A Policy cannot import itself.")
		}
		if slices.Contains(m.Imports[i].Transitive, m.ID) {
			return protocol.PolicyImportInvalid(append(at, memberTransitive), "A Policy cannot import itself by way of others: its own ID '"+m.ID+"' must not be there.")
		}
	}
	return nil
}

// checkReferences refuses references that lead nowhere.
func (m *Model) checkReferences() *protocol.Error {
	labels := make(map[string]*Entry, len(m.Entries))
	for i := range m.Entries {
		labels[m.Entries[i].Label] = &m.Entries[i]
	}
	for i := range m.Entries {
		e := &m.Entries[i]
		at := jsondoc.Pointer{memberEntries, e.Label, memberReferences}
		seen := make(map[Reference]bool, len(e.References))
		for _, ref := range e.References {
			switch target := labels[ref.Entry]; {
			case seen[ref]:
				return protocol.PolicyEntryInvalid(at, "The entry '"+ref.Entry+"' is referred to twice.")
			case ref.Import != "" && !m.imports(ref.Import):
				return protocol.PolicyImportInvalid(at, "There is no import of the Policy '"+ref.Import+"'. Add it before referring to its entries.")
			case ref.Import != "":
			case target == e:
				return protocol.PolicyEntryInvalid(at, "An entry cannot refer to itself.")
			case target == nil:
				return protocol.PolicyEntryInvalid(at, "There is no entry '"+ref.Entry+"' in this Policy.")
			case target.Importable == Never:
				return protocol.PolicyEntryInvalid(at, "The entry '"+ref.Entry+"' is importable 'never', so nothing can refer to it.")
			}
			seen[ref] = true
		}
	}
	return nil
}

func (m *Model) imports(id string) bool {
	return slices.ContainsFunc(m.Imports, func(i Import) bool { return i.Policy == id })
}
