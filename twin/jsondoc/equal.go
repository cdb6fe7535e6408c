package jsondoc

// Equal says whether a and b are the same JSON: numbers by their value (1.0
// and 1e0 are 1, with any number of digits), strings by their characters,
// arrays in order, objects whatever the order of their members.
func Equal(a, b *Value) bool {
	if a.sameText(b) {
		return true
	}
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case KindNumber:
		return sameNumber(a.text, b.text)
	case KindString:
		s, _ := a.Text()
		t, _ := b.Text()
		return s == t
	case KindObject, KindArray:
		n := a.Len()
		if n != b.Len() {
			return false
		}
		if n == 0 {
			return true
		}
		p, q := a.look(), b.look()
		for i := range n {
			j := i
			// Most often the order is the same, or even the names are shared.
			if p.names != q.names && p.names.keys[i] != q.names.keys[i] {
				if j = q.names.find(p.names.keys[i]); j < 0 {
					return false
				}
			}
			if !Equal(p.at(i), q.at(j)) {
				return false
			}
		}
		return true
	}
	return false // null, true and false are told apart by their text
}
