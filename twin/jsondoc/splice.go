package jsondoc

import "strings"

// A short document is not split to look something up in it or to change it:
// reading through its text is quicker than making its parts, and a changed
// copy of the text takes up less memory than what would be made of it.
const shortText = 2048

// isShort says whether that goes for v, which is an object: what has been split
// already is used as it is.
func (v *Value) isShort() bool {
	return v.text != "" && len(v.text) <= shortText && v.parts.Load() == nil
}

// memberSpan finds the value of an object's member in the object's compact
// text: from where to where it stands, or from -1 where there is none. It is
// not known where names are written with escapes.
func memberSpan(text, name string) (from, to int, known bool) {
	if len(text) == 2 {
		return -1, 0, true
	}
	for i := 0; text[i] != '}'; {
		colon := skipString(text, i+1)
		key := text[i+2 : colon-1]
		if strings.IndexByte(key, '\\') >= 0 {
			return 0, 0, false
		}
		end := skipValue(text, colon+1)
		if key == name {
			return colon + 1, end, true
		}
		i = end
	}
	return -1, 0, true
}

// splice is put for a short object: a copy of its text with val at p. It gives
// nil for what it leaves to put: names with escapes, and a path that is
// blocked.
func (v *Value) splice(p Pointer, val *Value) *Value {
	text, base := v.text, 0 // what is looked into, and where in v's text it stands
	for i, name := range p {
		from, to, known := memberSpan(text, name)
		if !known || !isPlain(name) {
			return nil
		}
		if from < 0 {
			// A new member comes last.
			val = Nest(p[i+1:], val)
			at := base + len(text) - 1
			made := make([]byte, 0, len(v.text)+len(name)+val.Size()+4)
			made = append(made, v.text[:at]...)
			if len(text) > 2 {
				made = append(made, ',')
			}
			made = append(made, '"')
			made = append(made, name...)
			made = append(made, '"', ':')
			made = val.AppendTo(made)
			made = append(made, v.text[at:]...)
			return &Value{text: stringOf(made), kind: KindObject}
		}
		if i == len(p)-1 {
			if old := text[from:to]; val.text == old {
				return v
			}
			from, to = base+from, base+to
			made := make([]byte, 0, len(v.text)-(to-from)+val.Size())
			made = append(made, v.text[:from]...)
			made = val.AppendTo(made)
			made = append(made, v.text[to:]...)
			return &Value{text: stringOf(made), kind: KindObject}
		}
		if text[from] != '{' {
			return nil
		}
		text, base = text[from:to], base+from
	}
	return nil
}
