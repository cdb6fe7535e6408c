package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Loader gives another Policy's model, for imports; nil, nil: there is none.
type Loader func(id string) (*Model, error)

// ResolveOptions is what a Policy is resolved with.
type ResolveOptions struct {
	Load  Loader    // nil: no other Policy is there
	Roots Roots     // the namespace root Policies
	Now   time.Time // subjects whose expiry is not after it are left out; zero: none is
}

// The bounds of what one Policy may bring together. The depth is Ditto's; the
// others keep a Policy that was made for that from using up memory and time.
const (
	maxDepth   = 10
	maxImports = 1000
	maxPieces  = 200_000
)

// Resolve puts together what a Policy says with its imports, its references
// and the namespace root Policies:
//
//   - The implicit entries of an imported Policy count, and the explicit ones
//     that the import names. What that Policy imports itself counts where the
//     import says so in transitiveImports. An imported Policy that is not there
//     is as one without entries.
//   - An entry with references also has the subjects, resources and namespaces
//     of those that it refers to, one level deep, and of its own only what
//     allowedAdditions of all of them let it add. What a reference does not find
//     adds nothing.
//   - The implicit entries of the root Policies of the Policy's namespace count.
//   - Subjects that are expired do not.
//
// The error is what the Loader gave, or a [*protocol.Error] with the code
// policies:import.invalid when there is no end to the imports: more than 10
// levels, or more than any sensible Policy needs. Then nothing is known of who
// may do what, as an import that was left out might have revoked something.
//
// Source: Ditto's page basic-policy, "Policy imports", "Entry references",
// "Transitive import resolution", "Namespace root policies".
func Resolve(m *Model, o ResolveOptions) (*Enforcer, error) {
	r := &resolving{ResolveOptions: o, models: map[string]*Model{m.ID: m}, sources: []string{m.ID}}
	entries, err := r.whole(m)
	if err != nil {
		return nil, err
	}
	namespace, _, _ := strings.Cut(m.ID, ":")
	for _, id := range o.Roots.For(namespace) {
		if id == m.ID {
			continue
		}
		root, err := r.load(id)
		if err != nil {
			return nil, err
		}
		if root == nil {
			continue
		}
		theirs, err := r.whole(root)
		if err != nil {
			return nil, err
		}
		for _, e := range theirs {
			if e.importable == Implicit {
				entries = append(entries, e.renamed("nsimported-"+id+"-"+e.label, "", ""))
			}
		}
	}
	return newEnforcer(m, entries, r.sources), nil
}

// resolving is one run of Resolve.
type resolving struct {
	ResolveOptions
	models  map[string]*Model // nil for one that is not there
	sources []string
	imports int
	pieces  int
}

// place is where something is written.
type place struct{ policy, label string }

// resolved is an entry with all that belongs to it.
type resolved struct {
	// label is its name in the resolved Policy; via and was are the imported
	// Policy that it came with and its label there, for references.
	label, via, was string
	at              *place // where it is written
	subjects        []subjectOf
	expired         []subjectOf
	resources       []permissionsOf
	namespaces      []string
	importable      Importable
	allowed         *[]Addition
	references      []Reference
}

type subjectOf struct {
	*Subject
	from *place
}

type permissionsOf struct {
	*Permissions
	from *place
}

func (e *resolved) renamed(label, via, was string) *resolved {
	other := *e
	other.label, other.via, other.was, other.references = label, via, was, nil
	return &other
}

// load gives a Policy's model, once each.
func (r *resolving) load(id string) (*Model, error) {
	if m, ok := r.models[id]; ok {
		return m, nil
	}
	r.sources = append(r.sources, id)
	var m *Model
	if r.Load != nil {
		var err error
		if m, err = r.Load(id); err != nil {
			return nil, err
		}
	}
	r.models[id] = m
	return m, nil
}

// whole is a Policy's entries with its imports and references.
func (r *resolving) whole(m *Model) ([]*resolved, error) {
	entries, err := r.withImports(m, m.Imports, 0, nil)
	if err != nil {
		return nil, err
	}
	return r.withReferences(m, entries)
}

// own is a Policy's entries as they are written, without expired subjects.
func (r *resolving) own(m *Model) ([]*resolved, error) {
	entries := make([]*resolved, 0, len(m.Entries))
	for i := range m.Entries {
		e, err := r.ownEntry(m, &m.Entries[i])
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (r *resolving) ownEntry(m *Model, e *Entry) (*resolved, error) {
	at := &place{m.ID, e.Label}
	out := &resolved{label: e.Label, at: at, namespaces: e.Namespaces, importable: e.Importable,
		allowed: e.AllowedAdditions, references: e.References,
		subjects: make([]subjectOf, 0, len(e.Subjects)), resources: make([]permissionsOf, 0, len(e.Resources))}
	for i := range e.Subjects {
		if s := &e.Subjects[i]; r.Now.IsZero() || !s.Expired(r.Now) {
			out.subjects = append(out.subjects, subjectOf{s, at})
		} else {
			out.expired = append(out.expired, subjectOf{s, at})
		}
	}
	for i := range e.Resources {
		out.resources = append(out.resources, permissionsOf{&e.Resources[i], at})
	}
	return out, r.count(m, len(e.Subjects)+len(e.Resources)+len(e.Namespaces)+1)
}

// count keeps the bounds.
func (r *resolving) count(m *Model, pieces int) error {
	if r.pieces += pieces; r.pieces > maxPieces {
		return protocol.PolicyImportsTooDeep(m.ID, "200,000 subjects and resources together")
	}
	return nil
}

// withImports is a Policy's own entries and those of some of its imports.
func (r *resolving) withImports(m *Model, imports []Import, depth int, visited []string) ([]*resolved, error) {
	entries, err := r.own(m)
	if err != nil {
		return nil, err
	}
	for i := range imports {
		imported, err := r.imported(&imports[i], depth, visited)
		if err != nil {
			return nil, err
		}
		entries = append(entries, imported...)
	}
	return entries, nil
}

// imported is what an import brings. visited are the Policies that were
// resolved on the way to it by transitiveImports, so that a cycle has an end.
func (r *resolving) imported(i *Import, depth int, visited []string) ([]*resolved, error) {
	m, err := r.load(i.Policy)
	if err != nil || m == nil {
		return nil, err
	}
	if r.imports++; r.imports > maxImports {
		return nil, protocol.PolicyImportsTooDeep(m.ID, "1,000 imports")
	}
	var through []Import
	if len(i.Transitive) > 0 {
		if depth >= maxDepth {
			return nil, protocol.PolicyImportsTooDeep(m.ID, "10 levels")
		}
		for _, next := range m.Imports { // few: MaxImports
			if slices.Contains(i.Transitive, next.Policy) && !slices.Contains(visited, next.Policy) {
				through = append(through, next)
			}
		}
		visited = slices.Concat(visited, i.Transitive)
	}
	entries, err := r.withImports(m, through, depth+1, visited)
	if err != nil {
		return nil, err
	}
	if entries, err = r.withReferences(m, entries); err != nil {
		return nil, err
	}
	var out []*resolved
	named := make(map[string]bool, len(i.Entries))
	for _, label := range i.Entries {
		named[label] = true
	}
	for _, e := range entries {
		if e.importable == Implicit || e.importable == Explicit && named[e.label] {
			out = append(out, e.renamed("imported-"+m.ID+"-"+e.label, m.ID, e.label))
		}
	}
	return out, nil
}

// withReferences is the entries with what those of m refer to. References find
// entries as they were before.
func (r *resolving) withReferences(m *Model, entries []*resolved) ([]*resolved, error) {
	if !slices.ContainsFunc(entries, func(e *resolved) bool { return len(e.references) > 0 }) {
		return entries, nil
	}
	by := make(map[Reference]*resolved, len(entries))
	for _, e := range entries {
		ref := Reference{Import: e.via, Entry: e.was}
		if e.via == "" {
			ref.Entry = e.label
		}
		by[ref] = e
	}
	out := slices.Clone(entries)
	for i, e := range entries {
		if len(e.references) == 0 {
			continue
		}
		merged, err := r.merged(m, e, by)
		if err != nil {
			return nil, err
		}
		out[i] = merged
	}
	return out, nil
}

// merged is an entry with what it refers to, which is found in by.
func (r *resolving) merged(m *Model, e *resolved, by map[Reference]*resolved) (*resolved, error) {
	out := *e
	out.subjects, out.expired, out.resources, out.namespaces, out.allowed = nil, nil, nil, nil, nil
	seen, within := map[string]bool{}, map[string]bool{}
	add := func(other *resolved, what []Addition) error {
		if slices.Contains(what, AddSubjects) {
			for _, s := range other.subjects {
				if !seen[s.ID] {
					seen[s.ID] = true
					out.subjects = append(out.subjects, s)
				}
			}
			out.expired = append(out.expired, other.expired...)
		}
		if slices.Contains(what, AddResources) {
			out.resources = append(out.resources, other.resources...)
		}
		if slices.Contains(what, AddNamespaces) {
			for _, pattern := range other.namespaces {
				if !within[pattern] {
					within[pattern] = true
					out.namespaces = append(out.namespaces, pattern)
				}
			}
		}
		return r.count(m, len(other.subjects)+len(other.expired)+len(other.resources)+len(other.namespaces)+1)
	}
	all := []Addition{AddSubjects, AddResources, AddNamespaces}
	allowed := all
	for _, ref := range e.references {
		other := by[ref]
		if other == nil {
			continue
		}
		if err := add(other, all); err != nil {
			return nil, err
		}
		if other.allowed != nil {
			var both []Addition
			for _, a := range allowed {
				if slices.Contains(*other.allowed, a) {
					both = append(both, a)
				}
			}
			allowed = both
			out.allowed = &both
		}
	}
	if err := add(e, allowed); err != nil {
		return nil, err
	}
	return &out, nil
}
