package jsondoc

import "iter"

// parts are the members of an object or the elements of an array.
//
// Those that were found in a text lie in block, one after the other; those of
// a changed value are pointers in list, as they come from many places. names
// is nil for an array. size is the length of the text that they make, for
// values that have none.
type parts struct {
	names   *names
	list    []*Value
	block   []Value
	changed *overlay // what differs from list or block; nil for nothing
	size    int
}

func (p *parts) len() int {
	if p.list != nil {
		return len(p.list)
	}
	return len(p.block)
}

func (p *parts) at(i int) *Value {
	if p.changed != nil {
		if v := p.changed.at(i); v != nil {
			return v
		}
	}
	if p.list != nil {
		return p.list[i]
	}
	return &p.block[i]
}

func (p *parts) appendTo(dst []byte, kind Kind) []byte {
	if kind == KindArray {
		dst = append(dst, '[')
		for i := range p.len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = p.at(i).AppendTo(dst)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for i := range p.len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = p.names.appendQuoted(dst, i)
		dst = append(dst, ':')
		dst = p.at(i).AppendTo(dst)
	}
	return append(dst, '}')
}

// look gives the parts of an object or an array, splitting its text the first
// time. Two goroutines may both do that; either result will do, but all who
// come later see the same one, so that equal parts are the same pointers.
func (v *Value) look() *parts {
	if p := v.parts.Load(); p != nil {
		return p
	}
	var p *parts
	if v.kind == KindObject {
		p = splitObject(v.text)
	} else {
		p = splitArray(v.text)
	}
	if v.parts.CompareAndSwap(nil, p) {
		return p
	}
	return v.parts.Load()
}

// Len is the number of an object's members or an array's elements; 0 for
// anything else.
func (v *Value) Len() int {
	if v.kind < KindObject || len(v.text) == 2 {
		return 0
	}
	return v.look().len()
}

// Member finds an object's member by its name; false when there is none, or
// the value is no object.
func (v *Value) Member(name string) (*Value, bool) {
	if v.kind != KindObject || len(v.text) == 2 {
		return nil, false
	}
	if v.isShort() {
		if from, to, known := memberSpan(v.text, name); known {
			if from < 0 {
				return nil, false
			}
			return &Value{text: v.text[from:to], kind: kindAt(v.text[from])}, true
		}
	}
	p := v.look()
	if i := p.names.find(name); i >= 0 {
		return p.at(i), true
	}
	return nil, false
}

// Members goes through an object's members in their order; through none when
// the value is no object.
func (v *Value) Members() iter.Seq2[string, *Value] {
	return func(yield func(string, *Value) bool) {
		if v.kind != KindObject || len(v.text) == 2 {
			return
		}
		p := v.look()
		for i, name := range p.names.keys {
			if !yield(name, p.at(i)) {
				return
			}
		}
	}
}

// Elements goes through an array's elements; through none when the value is no
// array.
func (v *Value) Elements() iter.Seq[*Value] {
	return func(yield func(*Value) bool) {
		if v.kind != KindArray || len(v.text) == 2 {
			return
		}
		p := v.look()
		for i := range p.len() {
			if !yield(p.at(i)) {
				return
			}
		}
	}
}

// Get finds what p points to. Like Ditto, it leads through objects only: what
// is inside an array has no address. The empty pointer gives the value itself.
func (v *Value) Get(p Pointer) (*Value, bool) {
	for _, name := range p {
		next, ok := v.Member(name)
		if !ok {
			return nil, false
		}
		v = next
	}
	return v, true
}

// Object makes an object of these members, in this order. When a name comes
// twice the later value takes the place of the earlier one.
func Object(members ...Member) *Value {
	if len(members) == 0 {
		return emptyObject
	}
	v, p := newObject(len(members))
	p.names = newNames(len(members))
	p.list = p.list[:0]
	for _, m := range members {
		m.Name = validName(m.Name)
		if i := p.names.find(m.Name); i >= 0 {
			p.list[i] = m.Value
			continue
		}
		p.names.add(m.Name, "")
		p.list = append(p.list, m.Value)
	}
	p.size = 1
	for i, member := range p.list {
		p.size += p.names.size(i) + 1 + member.Size() + 1
	}
	return v
}

// Array makes an array of these elements.
func Array(elems ...*Value) *Value {
	if len(elems) == 0 {
		return emptyArray
	}
	v, p := newObject(len(elems))
	v.kind = KindArray
	copy(p.list, elems)
	p.size = 1
	for _, e := range elems {
		p.size += e.Size() + 1
	}
	return v
}

// newObject makes an object without text that has room for n members; names,
// members and size are the caller's to fill in. It is one piece of memory with
// its parts, and with its list when that is short.
func newObject(n int) (*Value, *parts) {
	switch {
	case n <= 4:
		m := &struct {
			Value
			own  parts
			room [4]*Value
		}{}
		m.own.list = m.room[:n:n]
		m.kind = KindObject
		m.Value.parts.Store(&m.own)
		return &m.Value, &m.own
	case n <= 8:
		m := &struct {
			Value
			own  parts
			room [8]*Value
		}{}
		m.own.list = m.room[:n:n]
		m.kind = KindObject
		m.Value.parts.Store(&m.own)
		return &m.Value, &m.own
	}
	m := &struct {
		Value
		own parts
	}{}
	m.own.list = make([]*Value, n)
	m.kind = KindObject
	m.Value.parts.Store(&m.own)
	return &m.Value, &m.own
}

// copied is a new object with the members of p, for its maker to change.
func (p *parts) copied(size int) (*Value, *parts) {
	v, next := newObject(p.len())
	if p.list != nil {
		copy(next.list, p.list)
	} else {
		for i := range p.block {
			next.list[i] = &p.block[i]
		}
	}
	if p.changed != nil {
		p.changed.apply(next.list)
	}
	next.names, next.size = p.names, size
	return v, next
}
