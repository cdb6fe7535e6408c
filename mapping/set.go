package mapping

import (
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// node is a place in the Thing: the lines of a rule's "set", put together to
// the tree that the merge patch has.
type node struct {
	name     segment
	children []*node
	line     *line // not nil: a value is written here, and there are no children
	clashes  bool  // the names of two children may turn out the same
}

// segment is one level of a line's path.
type segment struct {
	text     string // as configured
	template template
	rest     int // the capture that fills in several levels; -1: none
}

// line is what one line of "set" writes.
type line struct {
	key      string // the line's path as configured, for error messages
	pointer  jsondoc.Pointer
	constant *constant // nil: the pointer's value in the payload
}

// patch is the merge patch (RFC 7396) that the message asks for; nil when
// nothing that the rule points to is in the payload.
func (r *rule) patch(m *message, payload *jsondoc.Value) (*jsondoc.Value, *protocol.Error) {
	patch, err := r.set.build(r, m, payload)
	if patch != nil && patch.Kind() != jsondoc.KindObject {
		return nil, r.refuse("what is merged into the whole thing must be an object")
	}
	return patch, err
}

// build gives the value at the node, nil when there is none.
func (n *node) build(r *rule, m *message, payload *jsondoc.Value) (*jsondoc.Value, *protocol.Error) {
	if n.line != nil {
		return n.line.value(m, payload, r.keepsNulls), nil
	}
	members := make([]jsondoc.Member, 0, len(n.children))
	for _, child := range n.children {
		name, missing := child.name.fill(m)
		if missing != "" {
			continue // like a value that is not there
		}
		value, err := child.build(r, m, payload)
		if err != nil {
			return nil, err
		}
		if value == nil {
			continue
		}
		if child.name.rest >= 0 {
			name, value = nest(name, value)
		}
		if name == "" || value == nil {
			return nil, r.refuse("the path %q has an empty level with this message", child.path())
		}
		if n.clashes {
			if at := indexOf(members, name); at >= 0 {
				if members[at].Value = union(members[at].Value, value); members[at].Value == nil {
					return nil, r.refuse("two lines of set lead to one place with this message, one of them %q", child.path())
				}
				continue
			}
		}
		members = append(members, jsondoc.Member{Name: name, Value: value})
	}
	if len(members) == 0 {
		return nil, nil
	}
	return jsondoc.Object(members...), nil
}

// path is the path of a line below the node, for error messages.
func (n *node) path() string {
	for n.line == nil {
		n = n.children[0]
	}
	return n.line.key
}

// fill gives the name of a level in this message.
func (s *segment) fill(m *message) (name, missing string) {
	if s.rest >= 0 {
		return m.caps[s.rest], ""
	}
	return s.template.text(m)
}

// nest puts the value below the levels of a captured rest and gives the first
// of them; nil as value says that one is empty.
func nest(rest string, value *jsondoc.Value) (string, *jsondoc.Value) {
	first, below, found := strings.Cut(rest, "/")
	if !found {
		return first, value
	}
	levels := jsondoc.Pointer(strings.Split(below, "/"))
	if slices.Contains(levels, "") {
		return "", nil
	}
	return first, jsondoc.Nest(levels, value)
}

func indexOf(members []jsondoc.Member, name string) int {
	for i := range members {
		if members[i].Name == name {
			return i
		}
	}
	return -1
}

// union puts two patches for one place together; nil when they contradict
// each other. It is not a merge: a null in a patch must stay one.
func union(a, b *jsondoc.Value) *jsondoc.Value {
	if a.Kind() != jsondoc.KindObject || b.Kind() != jsondoc.KindObject {
		return nil
	}
	members := make([]jsondoc.Member, 0, a.Len()+b.Len())
	for name, value := range a.Members() {
		if other, ok := b.Member(name); ok {
			if value = union(value, other); value == nil {
				return nil
			}
		}
		members = append(members, jsondoc.Member{Name: name, Value: value})
	}
	for name, value := range b.Members() {
		if _, ok := a.Member(name); !ok {
			members = append(members, jsondoc.Member{Name: name, Value: value})
		}
	}
	return jsondoc.Object(members...)
}

// value is what the line writes, nil for nothing.
func (l *line) value(m *message, payload *jsondoc.Value, keepsNulls bool) *jsondoc.Value {
	if l.constant != nil {
		return l.constant.value(m)
	}
	v, ok := lookup(payload, l.pointer)
	if !ok {
		return nil
	}
	if keepsNulls {
		return v
	}
	return withoutNulls(v)
}

// withoutNulls takes the nulls out of objects, where a merge patch would
// understand them as deletions; nil when nothing else was there. In arrays,
// which a patch replaces as a whole, they are values like others.
func withoutNulls(v *jsondoc.Value) *jsondoc.Value {
	switch v.Kind() {
	case jsondoc.KindNull:
		return nil
	case jsondoc.KindObject:
	default:
		return v
	}
	var kept []jsondoc.Member
	changed, i := false, 0
	for name, value := range v.Members() {
		without := withoutNulls(value)
		if without != value && !changed {
			changed = true
			kept = make([]jsondoc.Member, 0, v.Len())
			for name, value := range v.Members() {
				if len(kept) == i {
					break
				}
				kept = append(kept, jsondoc.Member{Name: name, Value: value})
			}
		}
		if changed && without != nil {
			kept = append(kept, jsondoc.Member{Name: name, Value: without})
		}
		i++
	}
	switch {
	case !changed:
		return v
	case len(kept) == 0:
		return nil
	}
	return jsondoc.Object(kept...)
}
