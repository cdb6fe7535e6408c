package jsondoc

import "strings"

// Merge applies a merge patch as RFC 7396 has it: the members of the patch
// replace those of the document or are added to them, a null removes one,
// objects are merged member by member, and everything else (arrays too)
// replaces what was there. Replaced members keep their place, new ones come
// last. A document that the patch does not change is returned itself.
//
// The result keeps parts of the patch; see [Value.Compact].
func (v *Value) Merge(patch *Value) *Value {
	if w := patch.View(); w.value == nil {
		return v.mergeText(w.text)
	}
	if patch.kind != KindObject {
		if v.sameText(patch) {
			return v
		}
		return patch
	}
	if v.kind != KindObject || len(v.text) == 2 {
		patch = patch.withoutNulls()
		if v.sameText(patch) {
			return v
		}
		return patch
	}
	if len(patch.text) == 2 {
		return v
	}
	parts, changes := v.look(), patch.look()
	if changes.len() == 1 {
		// One of many is replaced: no need for a list of all.
		change := changes.at(0)
		if i := parts.names.find(changes.names.keys[0]); i >= 0 && change.kind != KindNull {
			old := parts.at(i)
			val := old.Merge(change)
			if val == old {
				return v
			}
			return parts.replaced(i, val, v.Size())
		}
	}
	m := merging{from: parts, size: v.Size()}
	for j, name := range changes.names.keys {
		change := changes.at(j)
		i := parts.names.find(name)
		switch {
		case i < 0 && change.kind == KindNull:
		case i < 0:
			m.add(name, changes.names.quoting(j), change.withoutNulls())
		case change.kind == KindNull:
			m.remove(i)
		default:
			old := parts.at(i)
			if val := old.Merge(change); val != old {
				m.replace(i, val)
			}
		}
	}
	if m.result == nil {
		return v
	}
	return m.finish()
}

// mergeText is Merge for a patch that is read through, as a short one is, and not
// split. The text begins with the patch's and may go on behind it.
func (v *Value) mergeText(text string) *Value {
	if text[0] != '{' || v.kind != KindObject || len(v.text) == 2 {
		if v.text != "" && v.text == text[:skipValue(text, 0)] {
			return v
		}
		if patch := (View{text: text}).Value().withoutNulls(); !v.sameText(patch) {
			return patch
		}
		return v
	}
	if text[1] == '}' {
		return v
	}
	parts := v.look()
	m := merging{from: parts, size: v.Size()}
	for at := 0; text[at] != '}'; {
		start, colon := at+1, skipString(text, at+1)
		name, quoted := text[start+1:colon-1], ""
		if strings.IndexByte(name, '\\') >= 0 {
			name, quoted = unescape(name), text[start:colon]
		}
		change, first := text[colon+1:], at == 0
		at = skipValue(text, colon+1)
		i, isNull := parts.names.find(name), change[0] == 'n'
		switch {
		case i < 0 && isNull:
		case i < 0:
			m.add(name, quoted, View{text: change}.Value().withoutNulls())
		case isNull:
			m.remove(i)
		default:
			old := parts.at(i)
			val := old.mergeText(change)
			switch {
			case first && text[at] == '}' && val != old:
				// One of many is replaced: no need for a list of all.
				return parts.replaced(i, val, v.Size())
			case val != old:
				m.replace(i, val)
			}
		}
	}
	if m.result == nil {
		return v
	}
	return m.finish()
}

// merging is an object on its way to its next version. A removed member stays
// as nil until finish, so that the others keep their positions.
type merging struct {
	from    *parts
	result  *Value
	to      *parts
	owned   bool // to.names are a copy already
	removed int
	size    int
}

func (m *merging) begin() {
	if m.result == nil {
		m.result, m.to = m.from.copied(0)
	}
}

func (m *merging) replace(i int, val *Value) {
	m.begin()
	m.size += val.Size() - m.from.at(i).Size()
	m.to.list[i] = val
}

func (m *merging) remove(i int) {
	m.begin()
	m.size -= m.from.names.size(i) + 1 + m.from.at(i).Size() + 1
	m.to.list[i] = nil
	m.removed++
}

func (m *merging) add(name, quoted string, val *Value) {
	m.begin()
	if !m.owned {
		m.to.names = m.to.names.grown(4)
		m.owned = true
	}
	m.to.names.add(name, quoted)
	m.size += m.to.names.size(len(m.to.list)) + 1 + val.Size() + 1
	m.to.list = append(m.to.list, val)
}

func (m *merging) finish() *Value {
	m.to.size = m.size
	if m.removed == 0 {
		return m.result
	}
	left := len(m.to.list) - m.removed
	if left == 0 {
		return emptyObject
	}
	old := m.to.names
	names := newNames(left)
	list := m.to.list[:0]
	for i, val := range m.to.list {
		if val != nil {
			names.addAs(old, i)
			list = append(list, val)
		}
	}
	clear(m.to.list[left:])
	m.to.list, m.to.names = list, names
	return m.result
}

// withoutNulls is what a patch makes of nothing: the nulls in it would remove
// what is not there. Nulls in arrays are values and stay.
func (v *Value) withoutNulls() *Value {
	if v.kind != KindObject || v.text != "" && !strings.Contains(v.text, "null") {
		return v
	}
	parts := v.look()
	m := merging{from: parts, size: v.Size()}
	for i := range parts.len() {
		member := parts.at(i)
		if member.kind == KindNull {
			m.remove(i)
		} else if val := member.withoutNulls(); val != member {
			m.replace(i, val)
		}
	}
	if m.result == nil {
		return v
	}
	return m.finish()
}
