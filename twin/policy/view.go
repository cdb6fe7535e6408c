package policy

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// View is what the subjects may READ of a value, which stands at a path; any
// is false, and the view nil, when that is nothing.
//
// Of an object and of an array there is what may be read in it; one of which
// nothing is left is there itself, empty, if it may be read. An array's
// elements stand where the array stands: what is revoked or granted below its
// path holds in each of them (Ditto: buildJsonView). Unlike there, what is
// below a path that no resource is at is not held against the resources of
// other paths, and in a Policy the resources below a member like
// "thing:/features" count.
//
// That who may read any part of a Thing also sees its ID is for the caller.
//
// When all of the value may be read, it is the value itself.
func (e *Enforcer) View(who Subjects, of Resource, at jsondoc.Pointer, v *jsondoc.Value) (visible *jsondoc.Value, any bool) {
	var room setRoom
	set := e.of(who, &room)
	n, granted := e.find(set, readPerm, of, at)
	return e.view(n, set, granted, v)
}

const readPerm perm = 1

func (e *Enforcer) view(n int32, set entrySet, granted bool, v *jsondoc.Value) (*jsondoc.Value, bool) {
	if kind := v.Kind(); n == nowhere || kind < jsondoc.KindObject || v.Len() == 0 || !e.otherwiseBelow(n, set, granted) {
		if !granted {
			return nil, false
		}
		return v, true
	} else if kind == jsondoc.KindArray {
		return e.arrayView(n, set, granted, v)
	}
	var members []jsondoc.Member // once something is left out or cut
	i := 0
	for name, member := range v.Members() {
		next, allowed := e.step(n, set, readPerm, name, granted)
		visible, any := e.view(next, set, allowed, member)
		if members == nil && visible != member {
			members = make([]jsondoc.Member, 0, v.Len())
			for name, member := range v.Members() {
				if len(members) == i {
					break
				}
				members = append(members, jsondoc.Member{Name: name, Value: member})
			}
		}
		if members != nil && any {
			members = append(members, jsondoc.Member{Name: name, Value: visible})
		}
		i++
	}
	switch {
	case members == nil:
		return v, true
	case len(members) == 0 && !granted:
		return nil, false
	}
	return jsondoc.Object(members...), true
}

func (e *Enforcer) arrayView(n int32, set entrySet, granted bool, v *jsondoc.Value) (*jsondoc.Value, bool) {
	elements, same := make([]*jsondoc.Value, 0, v.Len()), true
	for element := range v.Elements() {
		visible, any := e.view(n, set, granted, element)
		same = same && visible == element
		if any {
			elements = append(elements, visible)
		}
	}
	switch {
	case same:
		return v, true
	case len(elements) == 0: // so the array itself may not be read either
		return nil, false
	}
	return jsondoc.Array(elements...), true
}

// otherwiseBelow says whether there may be another decision below a node than
// at it.
func (e *Enforcer) otherwiseBelow(n int32, set entrySet, granted bool) bool {
	for _, r := range e.below(n) {
		if granted && r.revoke&readPerm == 0 || !granted && r.grant&readPerm == 0 {
			continue
		}
		if set.has(r.entry) {
			return true
		}
	}
	return false
}

// ViewKey names what the subjects may READ of one kind of resource: with equal
// keys [Enforcer.View] gives equal views of everything, also by Enforcers of
// different Policies. It is "" when nothing at all may be read. It is found
// once for those who are in the same entries, and kept.
func (e *Enforcer) ViewKey(who Subjects, of Resource) string {
	var room setRoom
	set := e.of(who, &room)
	n := e.child(0, string(of))
	if n == nowhere {
		return ""
	}
	var buf [8 + 8*len(room)]byte
	key := binary.LittleEndian.AppendUint64(buf[:0], uint64(n))
	for _, word := range set {
		key = binary.LittleEndian.AppendUint64(key, word)
	}
	if m := e.keys.of.Load(); m != nil {
		if found, ok := (*m)[string(key)]; ok { // without a copy of key
			return found
		}
	}
	found := e.viewKey(n, set)
	e.keys.put(string(key), found, e.keptOf(len(key)+len(found)+keptEntry, keptKeys))
	return found
}

// viewKey writes down each place where the decision is another than above it.
func (e *Enforcer) viewKey(n int32, set entrySet) string {
	var out []byte
	var walk func(n int32, granted bool, path []byte)
	// The memory of path is used again for what comes next to it.
	walk = func(n int32, granted bool, path []byte) {
		here := e.at(n, set, readPerm, granted)
		if here != granted {
			sign := byte('-')
			if here {
				sign = '+'
			}
			out = append(append(append(out, sign), path...), ' ')
		}
		for _, kid := range e.kids[e.nodes[n].kids : e.nodes[n].kids+e.nodes[n].nKids] {
			walk(kid, here, jsondoc.Pointer{e.nodes[kid].name}.AppendTo(path))
		}
	}
	walk(n, false, nil)
	if len(out) > 2*sha256.Size {
		sum := sha256.Sum256(out)
		return string(sum[:])
	}
	return string(out)
}
