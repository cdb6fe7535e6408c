package jsondoc

import (
	"fmt"
	"strings"
)

// Pointer is a path into a document: the names of the objects' members that
// lead to a place. The empty one stands for the whole document.
type Pointer []string

// PointerError says why a text is no pointer, and where.
type PointerError struct {
	Text, Problem string
	Offset        int // in bytes: where in the text the problem is
}

// Error names the text, what is wrong with it and where.
func (e *PointerError) Error() string {
	return fmt.Sprintf("JSON pointer %q: at character %d: %s", e.Text, e.Character(), e.Problem)
}

// Character is the number of the character that the problem is at, the first
// one is 1.
func (e *PointerError) Character() int { return characterAt(e.Text, e.Offset) }

// ParsePointer reads a JSON Pointer (RFC 6901) the way Ditto's JsonPointer
// does: the leading slash may be missing and a trailing one is ignored, so ""
// and "/" both mean the whole document; empty names, that is two slashes in a
// row, are refused with a [*PointerError]; a ~ that is followed by neither 0
// nor 1 stands for itself. Unlike Ditto, which leaves ~1 alone, it stands for a
// slash in a name, as the RFC says.
func ParsePointer(s string) (Pointer, error) {
	if i := strings.Index(s, "//"); i >= 0 {
		return nil, &PointerError{Text: s, Problem: "two slashes in a row", Offset: i + 1}
	}
	rest := strings.TrimSuffix(strings.TrimPrefix(s, "/"), "/")
	if rest == "" {
		return nil, nil
	}
	p := make(Pointer, 0, 1+strings.Count(rest, "/"))
	for more := true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		p = append(p, unescapeName(name))
	}
	return p, nil
}

// unescapeName resolves ~0 and ~1.
func unescapeName(name string) string {
	if strings.IndexByte(name, '~') < 0 {
		return name
	}
	out := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '~' && i+1 < len(name) {
			switch name[i+1] {
			case '0':
				i++
			case '1':
				c = '/'
				i++
			}
		}
		out = append(out, c)
	}
	return stringOf(out)
}

// String is the pointer as [ParsePointer] reads it, with a leading slash; "/"
// for the whole document, as Ditto writes it.
func (p Pointer) String() string { return string(p.AppendTo(nil)) }

// AppendTo appends what String gives.
func (p Pointer) AppendTo(dst []byte) []byte {
	if len(p) == 0 {
		return append(dst, '/')
	}
	for _, name := range p {
		dst = append(dst, '/')
		if strings.IndexByte(name, '~') < 0 && strings.IndexByte(name, '/') < 0 {
			dst = append(dst, name...)
			continue
		}
		for _, c := range []byte(name) {
			switch c {
			case '~':
				dst = append(dst, "~0"...)
			case '/':
				dst = append(dst, "~1"...)
			default:
				dst = append(dst, c)
			}
		}
	}
	return dst
}
