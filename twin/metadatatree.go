package twin

import "github.com/twinbroker/twinbroker/twin/jsondoc"

// metadataTree is an object that is being changed at many places: a document
// would be copied for each of them.
type metadataTree struct {
	value   *jsondoc.Value // all of it, while it is not open; nil: nothing yet
	open    bool
	names   []string // in their order; those that were taken out may be among them
	members map[string]*metadataTree
}

// enter makes the members of the value ones of the tree.
func (t *metadataTree) enter() {
	if t.open {
		return
	}
	t.open, t.members = true, map[string]*metadataTree{}
	if t.value == nil {
		return
	}
	for name, v := range t.value.Members() {
		t.names = append(t.names, name)
		t.members[name] = &metadataTree{value: v}
	}
}

// set puts a value at p; what is in the way and no object gives way.
func (t *metadataTree) set(p jsondoc.Pointer, v *jsondoc.Value) {
	for _, name := range p {
		t.enter()
		next := t.members[name]
		if next == nil {
			next = &metadataTree{}
			t.names = append(t.names, name)
			t.members[name] = next
		}
		t = next
	}
	*t = metadataTree{value: v}
}

// remove takes out what is at p, if anything is.
func (t *metadataTree) remove(p jsondoc.Pointer) {
	for i, name := range p {
		t.enter()
		if i == len(p)-1 {
			delete(t.members, name)
			return
		}
		if t = t.members[name]; t == nil {
			return
		}
	}
}

// object is what the tree has become.
func (t *metadataTree) object() *jsondoc.Value {
	if !t.open {
		if t.value == nil {
			return jsondoc.Object()
		}
		return t.value
	}
	members := make([]jsondoc.Member, 0, len(t.members))
	for _, name := range t.names {
		if m := t.members[name]; m != nil {
			members = append(members, jsondoc.Member{Name: name, Value: m.object()})
		}
	}
	return jsondoc.Object(members...)
}
