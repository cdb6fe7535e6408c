package jsondoc

// overlay is what is different in an object from a list that it shares with an
// earlier version. A Thing may have hundreds of features, and copying their
// list for every change of one would be most of the work.
type overlay struct {
	count  int
	index  [overlaid]uint32
	values [overlaid]*Value
}

const (
	overlayFrom = 32 // shorter lists are copied
	overlaid    = 16 // with more changes than this a list is copied again
)

func (o *overlay) at(i int) *Value {
	for k, index := range o.index[:o.count] {
		if index == uint32(i) {
			return o.values[k]
		}
	}
	return nil
}

func (o *overlay) apply(list []*Value) {
	for k, index := range o.index[:o.count] {
		list[index] = o.values[k]
	}
}

// with is a copy with another change; nil when there is no room for it.
func (o *overlay) with(i int, val *Value) *overlay {
	next := &overlay{}
	if o != nil {
		*next = *o
	}
	for k, index := range next.index[:next.count] {
		if index == uint32(i) {
			next.values[k] = val
			return next
		}
	}
	if next.count == overlaid {
		return nil
	}
	next.index[next.count], next.values[next.count] = uint32(i), val
	next.count++
	return next
}

// replaced is the object with another value for its member at i; size is what
// it had before.
func (p *parts) replaced(i int, val *Value, size int) *Value {
	size += val.Size() - p.at(i).Size()
	if p.len() >= overlayFrom {
		if changed := p.changed.with(i, val); changed != nil {
			next := &struct {
				Value
				own parts
			}{own: parts{names: p.names, list: p.list, block: p.block, changed: changed, size: size}}
			next.kind = KindObject
			next.Value.parts.Store(&next.own)
			return &next.Value
		}
	}
	v, next := p.copied(size)
	next.list[i] = val
	return v
}
