package jsondoc

import (
	"math/bits"
	"strings"
	"unsafe"
)

// What stands here reads texts that were checked before, and are compact.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// load takes eight bytes of a text at once.
func load(text string, i int) uint64 {
	b := text[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// marks has the highest bit set in each byte of w that is a quote, a backslash
// or a control character. Only the lowest of them is to be trusted: from there
// on a borrow may have set more.
func marks(w uint64) uint64 {
	quote := w ^ ones*'"'
	backslash := w ^ ones*'\\'
	return ((quote-ones)&^quote | (backslash-ones)&^backslash | (w-ones*' ')&^w) & highs
}

// lowest is the number of the first marked byte.
func lowest(marks uint64) int { return bits.TrailingZeros64(marks) / 8 }

// skipString gives the offset behind the string that starts at i.
func skipString(text string, i int) int {
	i++
	for {
		for i+8 <= len(text) {
			if m := marks(load(text, i)); m != 0 {
				i += lowest(m)
				break
			}
			i += 8
		}
		switch text[i] {
		case '"':
			return i + 1
		case '\\':
			i += 2
		default:
			i++
		}
	}
}

// skipValue gives the offset behind the value that starts at i.
func skipValue(text string, i int) int {
	switch text[i] {
	case '"':
		return skipString(text, i)
	case '{', '[':
		open := 0
		for {
			switch text[i] {
			case '"':
				i = skipString(text, i)
				continue
			case '{', '[':
				open++
			case '}', ']':
				if open--; open == 0 {
					return i + 1
				}
			}
			i++
		}
	}
	for i < len(text) && text[i] != ',' && text[i] != '}' && text[i] != ']' {
		i++
	}
	return i
}

// textDepth is Depth for a text.
func textDepth(text string) int {
	depth, open := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = skipString(text, i) - 1
		case '{', '[':
			open++
			depth = max(depth, open)
		case '}', ']':
			open--
		}
	}
	return depth
}

// span is where a member of an object stands: its name, with the quotes, from
// start to colon, its value from behind the colon to end. decoded is for the
// scanner.
type span struct{ start, colon, end, decoded int }

// splitObject finds the members of a compact object that is not empty.
func splitObject(text string) *parts {
	var buf [16]span
	spans := buf[:0]
	for i := 0; text[i] != '}'; {
		colon := skipString(text, i+1)
		end := skipValue(text, colon+1)
		spans = append(spans, span{start: i + 1, colon: colon, end: end})
		i = end
	}
	return partsOf(text, spans)
}

// partsOf are the parts of a compact object whose members are known.
func partsOf(text string, spans []span) *parts {
	p := newBlock(len(spans))
	p.names = newNames(len(spans))
	for i, s := range spans {
		name := text[s.start+1 : s.colon-1]
		if strings.IndexByte(name, '\\') < 0 {
			p.names.addPlain(name)
		} else {
			p.names.add(unescape(name), text[s.start:s.colon])
		}
		p.block[i].text = text[s.colon+1 : s.end]
		p.block[i].kind = kindAt(text[s.colon+1])
	}
	return p
}

// splitArray finds the elements of a compact array that is not empty.
func splitArray(text string) *parts {
	var buf [16]int
	ends := buf[:0]
	for i := 0; text[i] != ']'; {
		i = skipValue(text, i+1)
		ends = append(ends, i)
	}
	p := newBlock(len(ends))
	start := 1
	for i, end := range ends {
		p.block[i].text = text[start:end]
		p.block[i].kind = kindAt(text[start])
		start = end + 1
	}
	return p
}

// newBlock makes parts with room for n values, in one piece for small ones:
// most objects of a Thing are.
func newBlock(n int) *parts {
	switch {
	case n <= 2:
		p := &struct {
			parts
			room [2]Value
		}{}
		p.block = p.room[:n:n]
		return &p.parts
	case n <= 4:
		p := &struct {
			parts
			room [4]Value
		}{}
		p.block = p.room[:n:n]
		return &p.parts
	case n <= 8:
		p := &struct {
			parts
			room [8]Value
		}{}
		p.block = p.room[:n:n]
		return &p.parts
	}
	return &parts{block: make([]Value, n)}
}

// newNames makes names with room for n of them, in one piece for few. They are
// apart from the values, as they live on with the next versions of the object.
func newNames(n int) *names {
	switch {
	case n <= 2:
		p := &struct {
			names
			room [2]string
		}{}
		p.keys = p.room[:0]
		return &p.names
	case n <= 4:
		p := &struct {
			names
			room [4]string
		}{}
		p.keys = p.room[:0]
		return &p.names
	case n <= 8:
		p := &struct {
			names
			room [8]string
		}{}
		p.keys = p.room[:0]
		return &p.names
	}
	return &names{keys: make([]string, 0, n)}
}

// kindAt tells the kind of a value by its first byte.
func kindAt(c byte) Kind {
	switch c {
	case '{':
		return KindObject
	case '[':
		return KindArray
	case '"':
		return KindString
	case 't', 'f':
		return KindBool
	case 'n':
		return KindNull
	}
	return KindNumber
}

// stringOf is b as a string without a copy; b must not change any more.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
