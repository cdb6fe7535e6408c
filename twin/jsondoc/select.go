package jsondoc

import "slices"

// choice is a tree of what a selector chooses: names in the order of the
// selector, and for each what is chosen below it; nothing stands for all.
type choice struct {
	names []string
	below []*choice
	at    map[string]int // once there are many
}

func newChoice(pointers []Pointer) *choice {
	c := &choice{}
	for _, p := range pointers {
		c.add(p)
	}
	return c
}

// add takes another pointer in. Where one leads on from where another ends, the
// shorter one counts.
func (c *choice) add(p Pointer) {
	for i, name := range p {
		last := i == len(p)-1
		at := c.find(name)
		if at < 0 {
			at = len(c.names)
			c.names = append(c.names, name)
			c.below = append(c.below, &choice{})
			if c.at != nil {
				c.at[name] = at
			}
		} else if last {
			c.below[at] = &choice{}
		} else if len(c.below[at].names) == 0 {
			return
		}
		c = c.below[at]
	}
}

func (c *choice) find(name string) int {
	if len(c.names) <= indexFrom {
		return slices.Index(c.names, name)
	}
	if c.at == nil {
		c.at = make(map[string]int, 2*len(c.names))
		for i, n := range c.names {
			c.at[n] = i
		}
	}
	if i, ok := c.at[name]; ok {
		return i
	}
	return -1
}

// Select gives the parts of an object that the selector chooses, in the
// selector's order, as Ditto does. What is not there is left out, and so are
// the objects on the way to it. Arrays on the way stay: their objects are
// selected from, all else in them is kept. The empty selector gives an empty
// object; a value that is no object is given back as it is.
func (v *Value) Select(s Selector) *Value {
	if v.kind != KindObject || len(v.text) == 2 {
		return v
	}
	pointers, all := s.present(v)
	if len(pointers) == 0 {
		return emptyObject
	}
	tree := s.tree
	if tree == nil || !all {
		tree = newChoice(pointers)
	}
	return v.pick(tree)
}

// SelectBelow is Select for the value that is found at base in a Thing, with a
// selector that starts there too. It makes a difference for wildcards: in the
// features of a Thing a selector begins with the feature ID.
func (v *Value) SelectBelow(base Pointer, s Selector) *Value {
	whole := make([]Pointer, len(s.pointers))
	for i, p := range s.pointers {
		whole[i] = slices.Concat(base, p)
	}
	picked, ok := Nest(base, v).Select(newSelector(s.text, whole)).Get(base)
	if !ok {
		if v.kind != KindObject {
			return v
		}
		return emptyObject
	}
	return picked
}

// present are the pointers that lead to something in v, wildcards resolved;
// all says that these are all pointers of the selector.
func (s Selector) present(v *Value) (found []Pointer, all bool) {
	missing := 0
	for i, p := range s.pointers {
		star := -1
		if s.wild {
			star = wildcardAt(p)
		}
		if star >= 0 {
			if missing == 0 && found == nil {
				found = slices.Clone(s.pointers[:i])
			}
			missing++
			features, _ := v.Member("features")
			if features == nil {
				continue
			}
			for id := range features.Members() {
				one := slices.Clone(p)
				one[star] = id
				if v.leadsTo(one) {
					found = append(found, one)
				}
			}
			continue
		}
		ok := v.leadsTo(p)
		switch {
		case !ok && missing == 0:
			found = slices.Clone(s.pointers[:i])
			missing++
		case !ok:
			missing++
		case missing > 0:
			found = append(found, p)
		}
	}
	if missing == 0 {
		return s.pointers, true
	}
	return found, false
}

// leadsTo says whether something is at p, where any object of an array on the
// way will do.
func (v *Value) leadsTo(p Pointer) bool {
	for i, name := range p {
		if v.kind == KindArray {
			for elem := range v.Elements() {
				if elem.kind == KindObject && elem.leadsTo(p[i:]) {
					return true
				}
			}
			return false
		}
		next, ok := v.Member(name)
		if !ok {
			return false
		}
		v = next
	}
	return true
}

// pick takes what is chosen out of v. What is there below c is known, except
// in arrays, whose elements need not have all of it.
func (v *Value) pick(c *choice) *Value {
	if len(c.names) == 0 {
		return v
	}
	switch v.kind {
	case KindObject:
		if len(v.text) == 2 {
			return v
		}
		from := v.look()
		picked, to := newObject(len(c.names))
		to.names, to.list, to.size = newNames(len(c.names)), to.list[:0], 1
		for i, name := range c.names {
			if at := from.names.find(name); at >= 0 {
				member := from.at(at).pick(c.below[i])
				to.names.addAs(from.names, at)
				to.list = append(to.list, member)
				to.size += from.names.size(at) + 1 + member.Size() + 1
			}
		}
		if len(to.list) == 0 {
			return emptyObject
		}
		return picked
	case KindArray:
		elems := make([]*Value, 0, v.Len())
		for elem := range v.Elements() {
			if elem.kind == KindObject {
				elem = elem.pick(c)
			}
			elems = append(elems, elem)
		}
		return Array(elems...)
	}
	return v
}
