package jsondoc

import (
	"fmt"
	"strings"
)

// PathError says that a path leads through something that is no object.
type PathError struct {
	Path Pointer
	At   int  // how many names of Path lead to what is in the way
	Kind Kind // of what is in the way
}

// Error says what is in the way, and where.
func (e *PathError) Error() string {
	return fmt.Sprintf("cannot set %s: at %s there is a %s, not an object", e.Path, e.Path[:e.At], e.Kind)
}

// Set gives the document with val at p. A member that is there is replaced in
// its place, a new one comes last, and objects that are missing on the way are
// made. The error is a [*PathError] when p leads through anything else than
// objects. The empty pointer stands for the whole: the result is val.
//
// The result keeps val as it is; see [Value.Compact] for values that were
// taken out of something larger.
func (v *Value) Set(p Pointer, val *Value) (*Value, error) {
	if len(p) == 0 {
		return val, nil
	}
	next, blocked := v.put(p, val, false)
	if next == nil {
		return nil, &PathError{Path: p, At: len(p) - len(blocked), Kind: v.kindOnWay(p, blocked)}
	}
	return next, nil
}

// Overwrite is Set, except that what is in the way and no object is replaced
// by one. That is what Ditto does inside of attributes and properties.
func (v *Value) Overwrite(p Pointer, val *Value) *Value {
	if len(p) == 0 {
		return val
	}
	next, _ := v.put(p, val, true)
	return next
}

// Nest is the object that has val at p and nothing else.
func Nest(p Pointer, val *Value) *Value {
	for i := len(p) - 1; i >= 0; i-- {
		v, parts := newObject(1)
		parts.names = newNames(1)
		parts.names.add(strings.Clone(validName(p[i])), "")
		parts.list[0] = val
		parts.size = 1 + parts.names.size(0) + 1 + val.Size() + 1
		val = v
	}
	return val
}

// put is Set for a pointer that is not empty; force is for Overwrite. Without
// force it gives nil where something is in the way, and what is left of p from
// there on.
func (v *Value) put(p Pointer, val *Value, force bool) (*Value, Pointer) {
	if v.kind != KindObject {
		if !force {
			return nil, p
		}
		return Nest(p, val), nil
	}
	if len(v.text) == 2 {
		return Nest(p, val), nil
	}
	if v.isShort() {
		if next := v.splice(p, val); next != nil {
			return next, nil
		}
	}
	parts := v.look()
	name := validName(p[0])
	i := parts.names.find(name)
	if i < 0 {
		return parts.appended(strings.Clone(name), Nest(p[1:], val), v.Size()), nil
	}
	old := parts.at(i)
	if len(p) > 1 {
		var blocked Pointer
		if val, blocked = old.put(p[1:], val, force); val == nil {
			return nil, blocked
		}
	}
	if old.sameText(val) {
		return v, nil
	}
	return parts.replaced(i, val, v.Size()), nil
}

// kindOnWay is the kind of the value that Set was blocked by.
func (v *Value) kindOnWay(p, blocked Pointer) Kind {
	at, _ := v.Get(p[:len(p)-len(blocked)])
	return at.kind
}

// sameText says whether two values are known to have the same text without
// putting it together.
func (v *Value) sameText(w *Value) bool {
	return v == w || v.text != "" && v.text == w.text
}

// appended is the object with one more member; size is what it had before.
func (p *parts) appended(name string, val *Value, size int) *Value {
	v, next := newObject(p.len() + 1)
	for i := range p.len() {
		next.list[i] = p.at(i)
	}
	next.list[p.len()] = val
	next.names = p.names.grown(1)
	next.names.add(name, "")
	next.size = size + next.names.size(p.len()) + 1 + val.Size() + 1
	return v
}

// Delete gives the document without what is at p; false when nothing is there.
// The whole document cannot be deleted from itself: the empty pointer gives
// false.
func (v *Value) Delete(p Pointer) (*Value, bool) {
	if len(p) == 0 || v.kind != KindObject || len(v.text) == 2 {
		return v, false
	}
	parts := v.look()
	i := parts.names.find(p[0])
	if i < 0 {
		return v, false
	}
	old := parts.at(i)
	if len(p) > 1 {
		val, ok := old.Delete(p[1:])
		if !ok {
			return v, false
		}
		return parts.replaced(i, val, v.Size()), true
	}
	return parts.without(i, v.Size()), true
}

// without is the object without its member at i; size is what it had before.
func (p *parts) without(i, size int) *Value {
	n := p.len()
	if n == 1 {
		return emptyObject
	}
	v, next := newObject(n - 1)
	for j := range n - 1 {
		from := j
		if j >= i {
			from++
		}
		next.list[j] = p.at(from)
	}
	next.names = p.names.without(i)
	next.size = size - p.names.size(i) - 1 - p.at(i).Size() - 1
	return v
}
