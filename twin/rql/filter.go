package rql

import (
	"slices"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Filter is an RQL expression, parsed. It never changes, so any number of
// goroutines may use it.
type Filter struct {
	scope  Scope
	root   node
	fields []jsondoc.Pointer
}

// Scope is where an expression is used. It decides which properties there are
// and how they are compared.
type Scope uint8

const (
	// Condition is that of the headers condition, live-channel-condition and
	// merge-thing-patch-conditions, and of migrations: about one Thing.
	Condition Scope = iota
	// Signals is that of filters of events, messages and commands. Properties
	// may be placeholders as well, such as topic:action.
	Signals
	// Search is that of a search: values of different kinds are never
	// converted to compare them, and ne asks for a value to be there. The
	// namespace is called namespace there, without an underscore.
	Search
)

type op uint8

const (
	opEq op = iota
	opNe
	opGt
	opGe
	opLt
	opLe
	opLike
	opILike
	opIn
	opExists
	opEmpty
	opAnd
	opOr
	opNot
)

var opNames = [...]string{"eq", "ne", "gt", "ge", "lt", "le", "like", "ilike", "in", "exists", "empty", "and", "or", "not"}

func opOf(name string) (op, bool) {
	i := slices.Index(opNames[:], name)
	return op(i), i >= 0
}

// node is one operator with what it is about: nodes for and, or and not, a
// field and values for the others.
type node struct {
	op     op
	field  field
	values []literal
	nodes  []node
}

// Fields are the places in a Thing that the expression looks at, each once, in
// the order in which they are named; special fields such as _modified are
// among them, placeholders are not. Who sets a condition must be allowed to
// READ all of them (Ditto's page basic-conditional-requests). The * of
// features/* stands for itself. The caller must not change them.
func (f *Filter) Fields() []jsondoc.Pointer { return f.fields }

// Scope is what the expression was parsed for.
func (f *Filter) Scope() Scope { return f.scope }

// collect adds the fields of a node; seen are those that are there.
func (f *Filter) collect(n *node, seen map[string]bool) {
	if n.op >= opAnd {
		for i := range n.nodes {
			f.collect(&n.nodes[i], seen)
		}
		return
	}
	p := n.field.pointer
	if p == nil {
		return
	}
	if seen == nil {
		if slices.ContainsFunc(f.fields, func(q jsondoc.Pointer) bool { return slices.Equal(p, q) }) {
			return
		}
	} else {
		name := p.String()
		if seen[name] {
			return
		}
		seen[name] = true
	}
	f.fields = append(f.fields, p)
}
