package policy

import (
	"slices"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// MaxImports is how many Policies a Policy may import.
const MaxImports = 10

// The members of a Policy's JSON.
const (
	memberPolicyID         = "policyId"
	memberImports          = "imports"
	memberEntries          = "entries"
	memberSubjects         = "subjects"
	memberResources        = "resources"
	memberNamespaces       = "namespaces"
	memberImportable       = "importable"
	memberAllowedAdditions = "allowedAdditions"
	memberReferences       = "references"
	memberTransitive       = "transitiveImports"
	memberGrant            = "grant"
	memberRevoke           = "revoke"
	memberType             = "type"
	memberExpiry           = "expiry"
	memberAnnouncement     = "announcement"
	memberImport           = "import"
	memberEntry            = "entry"
)

// Parse checks a Policy's JSON and gives its model. Entries and imports may be
// missing; policyId may be missing too and must otherwise be id, or anything
// if id is "". References must lead somewhere: to another entry of the Policy
// that is not importable "never", or to a Policy that it imports.
//
// Stricter than Ditto, permissions other than READ, WRITE and EXECUTE are
// refused: one that is misspelt would grant or, worse, revoke nothing. Members
// that mean nothing are accepted as there and listed in [Model.Strangers].
//
// The errors have Ditto's codes, policies:… for what is wrong in entries and
// imports and json.… where the JSON is of the wrong kind; each names the place.
func Parse(id string, v *jsondoc.Value) (*Model, *protocol.Error) {
	p := &parsing{m: &Model{ID: id}}
	if err := p.policy(v); err != nil {
		return nil, err
	}
	return p.m, nil
}

// ParseResolved reads what [Enforcer.Resolved] gives, also a part of it that
// somebody may READ: labels are those of imported entries too, and what it
// imports and refers to is in it already, so the model has neither. The errors
// are those of [Parse].
func ParseResolved(id string, v *jsondoc.Value) (*Model, *protocol.Error) {
	p := &parsing{m: &Model{ID: id}, resolved: true}
	if err := p.policy(v); err != nil {
		return nil, err
	}
	p.m.Imports = nil
	for i := range p.m.Entries {
		p.m.Entries[i].References = nil
	}
	return p.m, nil
}

// parsing is one run of Parse; at is the place that it has come to.
type parsing struct {
	m        *Model
	at       jsondoc.Pointer
	resolved bool
}

// here is the place, to be kept, or one below it.
func (p *parsing) here(names ...string) jsondoc.Pointer {
	return slices.Concat(p.at, names)
}

// below does f one step further down.
func (p *parsing) below(name string, f func() *protocol.Error) *protocol.Error {
	p.at = append(p.at, name)
	err := f()
	p.at = p.at[:len(p.at)-1]
	return err
}

// members does f for each member of what must be an object, below it.
func (p *parsing) members(v *jsondoc.Value, want string, f func(name string, v *jsondoc.Value) *protocol.Error) *protocol.Error {
	if v.Kind() != jsondoc.KindObject {
		return protocol.JSONFormatInvalid(p.here(), want+", as an object")
	}
	for name, member := range v.Members() {
		if err := p.below(name, func() *protocol.Error { return f(name, member) }); err != nil {
			return err
		}
	}
	return nil
}

func (p *parsing) stranger() *protocol.Error {
	p.m.Strangers = append(p.m.Strangers, p.here())
	return nil
}

// text is what must be a string.
func (p *parsing) text(v *jsondoc.Value, want string) (string, *protocol.Error) {
	s, ok := v.Text()
	if !ok {
		return "", protocol.JSONFormatInvalid(p.here(), want+", as a string")
	}
	return s, nil
}

// texts is what must be an array of strings.
func (p *parsing) texts(v *jsondoc.Value, want string) ([]string, *protocol.Error) {
	if v.Kind() != jsondoc.KindArray {
		return nil, protocol.JSONFormatInvalid(p.here(), "an array of "+want)
	}
	list := make([]string, 0, v.Len())
	for element := range v.Elements() {
		s, ok := element.Text()
		if !ok {
			return nil, protocol.JSONFormatInvalid(p.here(), "an array of "+want+", each as a string")
		}
		list = append(list, s)
	}
	return list, nil
}

func (p *parsing) policy(v *jsondoc.Value) *protocol.Error {
	err := p.members(v, "a Policy", func(name string, v *jsondoc.Value) *protocol.Error {
		switch name {
		case memberPolicyID:
			return p.id(v)
		case memberImports:
			return p.imports(v)
		case memberEntries:
			return p.entries(v)
		}
		return p.stranger()
	})
	if err != nil || p.resolved {
		return err
	}
	if err = p.m.checkImports(); err == nil {
		err = p.m.checkReferences()
	}
	return err
}

func (p *parsing) id(v *jsondoc.Value) *protocol.Error {
	id, err := p.text(v, "the ID of a Policy")
	switch {
	case err != nil:
		return err
	case p.m.ID == "":
		p.m.ID = id
		return protocol.CheckPolicyID(id)
	case id != p.m.ID:
		return protocol.PolicyIDNotSettable(id, p.m.ID)
	}
	return nil
}

func (p *parsing) entries(v *jsondoc.Value) *protocol.Error {
	if v.IsNull() {
		return nil
	}
	p.m.Entries = make([]Entry, 0, v.Len())
	return p.members(v, "the entries of a Policy", func(label string, v *jsondoc.Value) *protocol.Error {
		if err := protocol.CheckLabel(p.here(), label); err != nil && !p.resolved {
			return err
		}
		p.m.Entries = append(p.m.Entries, Entry{Label: label, Importable: Implicit})
		return p.entry(&p.m.Entries[len(p.m.Entries)-1], v)
	})
}

func (p *parsing) entry(e *Entry, v *jsondoc.Value) *protocol.Error {
	return p.members(v, "an entry", func(name string, v *jsondoc.Value) (err *protocol.Error) {
		if v.IsNull() && isEntryMember(name) { // as if it were not there, as in Ditto
			return nil
		}
		switch name {
		case memberSubjects:
			return p.subjects(e, v)
		case memberResources:
			return p.resources(e, v)
		case memberNamespaces:
			e.namespaced = true
			return p.namespaces(e, v)
		case memberImportable:
			return p.importable(e, v)
		case memberAllowedAdditions:
			return p.allowedAdditions(e, v)
		case memberReferences:
			return p.references(e, v)
		}
		return p.stranger()
	})
}

func isEntryMember(name string) bool {
	switch name {
	case memberSubjects, memberResources, memberNamespaces, memberImportable, memberAllowedAdditions, memberReferences:
		return true
	}
	return false
}

func (p *parsing) resources(e *Entry, v *jsondoc.Value) *protocol.Error {
	e.Resources = make([]Permissions, 0, v.Len())
	there := make(map[string]bool, v.Len())
	return p.members(v, "resources", func(key string, v *jsondoc.Value) *protocol.Error {
		r, err := parseResource(p.here(), key)
		if err != nil {
			return err
		}
		canonical := r.Key()
		if there[canonical] {
			return protocol.PolicyEntryInvalid(p.here(), "The resource '"+canonical+"' is there twice.")
		}
		there[canonical] = true
		if err := p.permissions(&r, v); err != nil {
			return err
		}
		e.Resources = append(e.Resources, r)
		return nil
	})
}

// ParseResource reads a resource as it is written in a Policy, such as
// "thing:/features/lamp". The error's code is policies:entry.invalid or
// json.pointer.invalid.
func ParseResource(key string) (Resource, jsondoc.Pointer, *protocol.Error) {
	r, err := parseResource(nil, key)
	return r.Resource, r.Path, err
}

func (p *parsing) permissions(r *Permissions, v *jsondoc.Value) *protocol.Error {
	var grant, revoke bool
	err := p.members(v, "what a resource grants and revokes", func(name string, v *jsondoc.Value) (err *protocol.Error) {
		switch name {
		case memberGrant:
			grant = true
			r.Grant, err = p.permissionList(v)
		case memberRevoke:
			revoke = true
			r.Revoke, err = p.permissionList(v)
		default:
			err = p.stranger()
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case !grant:
		return protocol.JSONFieldMissing(p.here(memberGrant).String())
	case !revoke:
		return protocol.JSONFieldMissing(p.here(memberRevoke).String())
	}
	return nil
}

func (p *parsing) permissionList(v *jsondoc.Value) ([]Permission, *protocol.Error) {
	texts, err := p.texts(v, "permissions")
	if err != nil {
		return nil, err
	}
	list := make([]Permission, 0, len(texts))
	for _, text := range texts {
		switch what := Permission(text); what {
		case Read, Write, Execute:
			if !slices.Contains(list, what) {
				list = append(list, what)
			}
		default:
			return nil, protocol.PolicyEntryInvalid(p.here(), "There is no permission '"+text+"'. The permissions are READ, WRITE and EXECUTE.")
		}
	}
	return list, nil
}

func (p *parsing) namespaces(e *Entry, v *jsondoc.Value) *protocol.Error {
	patterns, err := p.texts(v, "patterns of namespaces")
	if err != nil {
		return protocol.PolicyEntryInvalid(p.here(), err.Description)
	}
	there := make(map[string]bool, len(patterns))
	for _, pattern := range patterns {
		if !ValidNamespacePattern(pattern) {
			return protocol.PolicyEntryInvalid(p.here(), "The value '"+pattern+
				"' is not a valid namespace pattern. Valid are namespaces like 'com.acme', and 'com.acme.*' for all below one.")
		}
		if !there[pattern] {
			there[pattern] = true
			e.Namespaces = append(e.Namespaces, pattern)
		}
	}
	return nil
}

func (p *parsing) importable(e *Entry, v *jsondoc.Value) *protocol.Error {
	text, err := p.text(v, "implicit, explicit or never")
	if err != nil {
		return err
	}
	switch e.Importable = Importable(text); e.Importable {
	case Implicit, Explicit, Never:
		return nil
	}
	return protocol.PolicyEntryInvalid(p.here(), "The value '"+text+"' is not valid. Valid values are: implicit, explicit, never.")
}

func (p *parsing) allowedAdditions(e *Entry, v *jsondoc.Value) *protocol.Error {
	texts, err := p.texts(v, "subjects, resources, namespaces")
	if err != nil {
		return protocol.PolicyEntryInvalid(p.here(), err.Description)
	}
	additions := make([]Addition, 0, len(texts))
	for _, text := range texts {
		switch a := Addition(text); a {
		case AddSubjects, AddResources, AddNamespaces:
			if !slices.Contains(additions, a) {
				additions = append(additions, a)
			}
		default:
			return protocol.PolicyEntryInvalid(p.here(), "The value '"+text+"' is not a valid addition. Valid values are: subjects, resources, namespaces.")
		}
	}
	e.AllowedAdditions = &additions
	return nil
}
