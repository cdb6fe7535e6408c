package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
	"unsafe"
)

// Enforcer answers who may do what by a resolved Policy. It never changes and
// may be shared; its answers need no memory, unless the Policy has more than
// 1024 entries.
//
// What is asked for one permission at one path: the deepest resource on the
// way to the path that grants or revokes it, in any entry with one of the
// subjects, decides; of those at the same place a revoke does. So a grant below
// a revoke counts again, and it does not matter in which entry it stands.
//
// Source: Ditto's page basic-policy, "Grant and Revoke some Permission", and
// what Ditto 3.9 does.
type Enforcer struct {
	id string // of the Policy; "" for [Nobody]
	*rulebook
}

// rulebook is what an Enforcer decides with. Those of Policies that say the same
// share it.
type rulebook struct {
	model   *Model // nil for [Nobody]; of the first Policy that says this
	entries []*resolved
	all     []*resolved // with those that do not count in the namespace; nil where all do
	sources []string
	until   time.Time

	// The resources of all entries are one tree, nodes in the order in which
	// one walks through it: what is below a node comes behind it, up to its end.
	// The first level has the kinds of resources. The rules are in the same
	// order, so those below a node are one piece.
	nodes    []node
	kids     []int32
	rules    []rule
	subjects map[string][]int32 // in which entries a subject is

	size       int // what Size says
	namespaced bool
	namespaces kept[*Enforcer]
	keys       kept[string]
}

type node struct {
	name        string
	end         int32 // the first node behind what is below it
	kids, nKids int32 // where its children stand, by name
	rules, own  int32 // where its own rules are: from, to
}

// rule is what an entry grants and revokes at a node.
type rule struct {
	entry         int32
	grant, revoke perm
}

// perm is a set of permissions.
type perm uint8

func permOf(what Permission) perm {
	switch what {
	case Read:
		return 1
	case Write:
		return 2
	case Execute:
		return 4
	}
	return 0
}

func permsOf(list []Permission) (set perm) {
	for _, what := range list {
		set |= permOf(what)
	}
	return set
}

// Nobody is the Enforcer of a Policy that is not there: it allows nothing.
var Nobody = newEnforcer(nil, nil, nil)

func newEnforcer(m *Model, entries []*resolved, sources []string) *Enforcer {
	e := &Enforcer{rulebook: &rulebook{model: m, entries: entries, sources: sources, subjects: map[string][]int32{}}}
	if m != nil {
		e.id = m.ID
	}
	root := &growing{}
	for i, entry := range entries {
		e.namespaced = e.namespaced || len(entry.namespaces) > 0
		for _, s := range entry.subjects {
			if !s.Expiry.IsZero() && (e.until.IsZero() || s.Expiry.Before(e.until)) {
				e.until = s.Expiry
			}
		}
		if len(entry.resources) == 0 || len(entry.subjects) == 0 {
			continue
		}
		for _, s := range entry.subjects {
			if in := e.subjects[s.ID]; len(in) == 0 || in[len(in)-1] != int32(i) {
				e.subjects[s.ID] = append(in, int32(i))
			}
		}
		for _, r := range entry.resources {
			at := root.child(string(r.Resource))
			for _, name := range r.Path {
				for part := range strings.SplitSeq(name, "/") {
					at = at.child(part)
				}
			}
			at.add(rule{int32(i), permsOf(r.Grant), permsOf(r.Revoke)})
		}
	}
	e.lay("", root)
	e.size = e.measure()
	return e
}

// growing is a node of the tree while it is made.
type growing struct {
	kids  map[string]*growing
	rules []rule
}

func (g *growing) child(name string) *growing {
	if name == "" {
		return g
	}
	if g.kids == nil {
		g.kids = map[string]*growing{}
	}
	next := g.kids[name]
	if next == nil {
		next = &growing{}
		g.kids[name] = next
	}
	return next
}

// add adds a rule; an entry has one at each node.
func (g *growing) add(r rule) {
	if n := len(g.rules); n > 0 && g.rules[n-1].entry == r.entry {
		g.rules[n-1].grant |= r.grant
		g.rules[n-1].revoke |= r.revoke
		return
	}
	g.rules = append(g.rules, r)
}

// lay appends a node and all below it.
func (e *Enforcer) lay(name string, g *growing) {
	at := len(e.nodes)
	names := slices.Sorted(maps.Keys(g.kids))
	n := node{name: name, kids: int32(len(e.kids)), nKids: int32(len(names)), rules: int32(len(e.rules))}
	e.rules = append(e.rules, g.rules...)
	n.own = int32(len(e.rules))
	e.nodes = append(e.nodes, n)
	for range names {
		e.kids = append(e.kids, 0)
	}
	for i, name := range names {
		e.kids[int(n.kids)+i] = int32(len(e.nodes))
		e.lay(name, g.kids[name])
	}
	e.nodes[at].end = int32(len(e.nodes))
}

// nowhere is the node of a path that no resource is at or below.
const nowhere = -1

// child finds the node of a name below one.
func (e *Enforcer) child(at int32, name string) int32 {
	n := &e.nodes[at]
	kids := e.kids[n.kids : n.kids+n.nKids]
	if len(kids) <= 4 {
		for _, kid := range kids {
			if e.nodes[kid].name == name {
				return kid
			}
		}
		return nowhere
	}
	i, ok := slices.BinarySearchFunc(kids, name, func(kid int32, name string) int {
		return cmp.Compare(e.nodes[kid].name, name)
	})
	if !ok {
		return nowhere
	}
	return kids[i]
}

// below is the rules below a node, without its own.
func (e *Enforcer) below(at int32) []rule {
	end := int32(len(e.rules))
	if n := e.nodes[at].end; int(n) < len(e.nodes) {
		end = e.nodes[n].rules
	}
	return e.rules[e.nodes[at].own:end]
}

// For is the Enforcer for a Thing in a namespace: entries with namespaces that
// do not have it do not count. What is asked about the Policy itself is asked
// without it.
func (e *Enforcer) For(namespace string) *Enforcer {
	if !e.namespaced {
		return e
	}
	if other, ok := e.namespaces.get(namespace); ok {
		return other
	}
	other, made := e.counting(namespace)
	size := len(namespace) + keptEntry
	if made {
		size += other.size
	}
	e.namespaces.put(strings.Clone(namespace), other, e.keptOf(size, keptNamespaces))
	return other
}

// counting is the Enforcer of the entries that count for a namespace; made says
// that there was none yet.
func (e *Enforcer) counting(namespace string) (other *Enforcer, made bool) {
	counting := make([]*resolved, 0, len(e.entries))
	for _, entry := range e.entries {
		if countsIn(namespace, entry.namespaces) {
			counting = append(counting, entry)
		}
	}
	if len(counting) == len(e.entries) {
		return e, false
	}
	if kept := e.namespaces.of.Load(); kept != nil {
		for _, other := range *kept {
			if slices.Equal(other.entries, counting) {
				return other, false
			}
		}
	}
	other = newEnforcer(e.model, counting, e.sources)
	other.namespaced, other.until, other.all = false, e.until, e.entries
	return other, true
}

// ID is that of the Policy, "" for [Nobody].
func (e *Enforcer) ID() string { return e.id }

// Size is about how many bytes of memory it takes, without the models that it
// was made from, and without the answers that it keeps.
func (e *Enforcer) Size() int { return e.size }

func (e *Enforcer) measure() int {
	const tables = 700 // two small maps
	n := tables + int(unsafe.Sizeof(*e)+unsafe.Sizeof(*e.rulebook)) + len(e.nodes)*int(unsafe.Sizeof(node{})+unsafe.Sizeof(int32(0))) + len(e.rules)*int(unsafe.Sizeof(rule{}))
	for _, in := range e.subjects {
		n += 64 + 4*len(in)
	}
	for _, entry := range e.entries {
		n += int(unsafe.Sizeof(*entry)) + len(entry.subjects)*int(unsafe.Sizeof(subjectOf{})) + len(entry.resources)*int(unsafe.Sizeof(permissionsOf{}))
	}
	return n
}

// Sources are the IDs of all Policies that it was made from: the Policy itself,
// those that it imports, and the namespace root Policies; also of those that
// were not there.
func (e *Enforcer) Sources() []string {
	if e.another() {
		return []string{e.id}
	}
	return e.sources
}

// Until is when the next subject expires: from then on a new Enforcer is
// needed. Zero: never.
func (e *Enforcer) Until() time.Time { return e.until }
