package rql

import "github.com/twinbroker/twinbroker/twin/jsondoc"

// String is the expression as text: without spaces, with strings in double
// quotes and properties without a leading slash. Parsed again for the same
// scope it gives the same filter.
func (f *Filter) String() string { return string(f.root.appendTo(nil)) }

func (n *node) appendTo(dst []byte) []byte {
	dst = append(append(dst, opNames[n.op]...), '(')
	if n.op >= opAnd {
		for i := range n.nodes {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = n.nodes[i].appendTo(dst)
		}
		return append(dst, ')')
	}
	dst = appendProperty(dst, n.field.name)
	for i := range n.values {
		dst = append(dst, ',')
		if l := &n.values[i]; l.kind == jsondoc.KindString && l.now == nil {
			dst = jsondoc.AppendString(dst, l.text)
		} else {
			dst = append(dst, l.text...)
		}
	}
	return append(dst, ')')
}

// appendProperty escapes what would end a property's name.
func appendProperty(dst []byte, name string) []byte {
	for _, c := range []byte(name) {
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case ',':
			dst = append(dst, `\u002C`...)
		case ')':
			dst = append(dst, `\u0029`...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
