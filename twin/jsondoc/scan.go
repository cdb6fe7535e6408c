package jsondoc

import (
	"fmt"
	"hash/maphash"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// DefaultDepth is how deep objects and arrays may be nested unless [Limits]
// say otherwise.
const DefaultDepth = 64

// Limits bound what [Parse] takes.
type Limits struct {
	Depth  int  // of nested objects and arrays; 0: DefaultDepth
	Folded bool // nothing of what is within is kept: it is looked up when it is asked for
}

// SyntaxError says why and where a text is no acceptable JSON.
type SyntaxError struct {
	Offset  int // of the byte in the text that was parsed
	Problem string
}

// Error says what is wrong at which byte.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("JSON at byte %d: %s", e.Offset, e.Problem)
}

// Parse takes a JSON text (RFC 8259). It checks all of it and is stricter than
// the RFC where that lets readers differ: two members of one object must not
// have the same name, however it is escaped, all must be UTF-8, also what
// escapes make of it (so no half of a surrogate pair), and nesting is limited.
// The error is a [*SyntaxError].
//
// The value keeps the text itself when there is no white space to remove, so
// the caller must not change it afterwards.
func Parse(text []byte, lim Limits) (*Value, error) {
	return parse(stringOf(text), lim)
}

// ParseString is [Parse] with the default limits.
func ParseString(s string) (*Value, error) { return parse(s, Limits{}) }

func parse(text string, lim Limits) (*Value, error) {
	if lim.Depth == 0 {
		lim.Depth = DefaultDepth
	}
	s := scanners.Get().(*scanner)
	s.text, s.depth, s.limit = text, lim.Depth, lim.Depth
	start := s.space(0)
	end := s.value(start)
	if end >= 0 {
		if end = s.space(end); end != len(text) {
			end = s.fail(end, "text after the value")
		}
	}
	var v *Value
	var err error
	if end >= 0 {
		v = s.result(kindAt(text[start]), lim.Folded)
	} else {
		err = &SyntaxError{Offset: s.at, Problem: s.problem}
	}
	s.release()
	return v, err
}

// result is the value that was found to be good.
func (s *scanner) result(kind Kind, folded bool) *Value {
	if s.spaces > 0 {
		return &Value{text: squeeze(s.text, len(s.text)-s.spaces), kind: kind}
	}
	switch kind {
	case KindNull:
		return nullValue
	case KindBool:
		return Bool(s.text[0] == 't')
	}
	v := &Value{text: s.text, kind: kind}
	// What is parsed is looked into as a rule, and its first level is known
	// already.
	if kind == KindObject && len(s.members) > 0 && !folded {
		v.parts.Store(partsOf(s.text, s.members))
	}
	return v
}

// scanner checks a text in one pass. Its methods take the offset where
// something starts and give the one behind it, or -1 after noting the problem.
type scanner struct {
	text    string
	limit   int
	depth   int // how many more levels may open
	spaces  int // bytes of insignificant white space so far
	escaped bool
	members []span   // of the objects that are open, the innermost last; in the end those of the outermost
	decoded []string // the names among them that have escapes
	at      int
	problem string
}

// scanners are kept for the room of their members.
var scanners = sync.Pool{New: func() any { return &scanner{members: make([]span, 0, 32)} }}

func (s *scanner) release() {
	*s = scanner{members: s.members[:0]}
	if cap(s.members) <= 1<<10 {
		scanners.Put(s)
	}
}

// name is the name of a member without escapes.
func (s *scanner) name(m span) string {
	if m.decoded > 0 {
		return s.decoded[m.decoded-1]
	}
	return s.text[m.start+1 : m.colon-1]
}

func (s *scanner) fail(at int, problem string) int {
	s.at, s.problem = at, problem
	return -1
}

// unexpected fails with what stands at this place instead of what is wanted.
func (s *scanner) unexpected(at int, wanted string) int {
	if at >= len(s.text) {
		return s.fail(len(s.text), "the text ends where "+wanted+" should be")
	}
	if c := s.text[at]; c > ' ' && c < 0x7f {
		return s.fail(at, fmt.Sprintf("%q where %s should be", c, wanted))
	}
	return s.fail(at, fmt.Sprintf("byte 0x%02x where %s should be", s.text[at], wanted))
}

func (s *scanner) space(i int) int {
	if i < len(s.text) && s.text[i] > ' ' {
		return i
	}
	return s.skipSpace(i)
}

func (s *scanner) skipSpace(i int) int {
	start := i
	for i < len(s.text) {
		switch s.text[i] {
		case ' ', '\n', '\t', '\r':
			i++
			continue
		}
		break
	}
	s.spaces += i - start
	return i
}

func (s *scanner) value(i int) int {
	if i >= len(s.text) {
		return s.unexpected(i, "a value")
	}
	switch s.text[i] {
	case '{':
		return s.object(i)
	case '[':
		return s.array(i)
	case '"':
		return s.str(i)
	case 't':
		return s.literal(i, "true")
	case 'f':
		return s.literal(i, "false")
	case 'n':
		return s.literal(i, "null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		end := skipNumber(s.text, i)
		if end < 0 {
			return s.unexpected(^end, "a digit")
		}
		return end
	}
	return s.unexpected(i, "a value")
}

func (s *scanner) literal(i int, word string) int {
	if end := i + len(word); end <= len(s.text) && s.text[i:end] == word {
		return end
	}
	return s.fail(i, "neither null, true nor false")
}

func (s *scanner) array(i int) int {
	if s.depth--; s.depth < 0 {
		return s.fail(i, "nested too deep")
	}
	i = s.space(i + 1)
	if i < len(s.text) && s.text[i] == ']' {
		s.depth++
		return i + 1
	}
	for {
		if i = s.value(i); i < 0 {
			return i
		}
		i = s.space(i)
		if i < len(s.text) && s.text[i] == ',' {
			i = s.space(i + 1)
			continue
		}
		if i < len(s.text) && s.text[i] == ']' {
			s.depth++
			return i + 1
		}
		return s.unexpected(i, `"," or "]"`)
	}
}

func (s *scanner) object(i int) int {
	if s.depth--; s.depth < 0 {
		return s.fail(i, "nested too deep")
	}
	i = s.space(i + 1)
	if i < len(s.text) && s.text[i] == '}' {
		s.depth++
		return i + 1
	}
	first := len(s.members)
	var taken uint64 // a bit for each name so far: most are seen to be new by this alone
	for {
		if i >= len(s.text) || s.text[i] != '"' {
			return s.unexpected(i, "a member's name")
		}
		end := s.str(i)
		if end < 0 {
			return end
		}
		member := span{start: i, colon: end}
		if s.escaped {
			s.decoded = append(s.decoded, unescape(s.text[i+1:end-1]))
			member.decoded = len(s.decoded)
		}
		at := len(s.members)
		if at-first <= indexFrom {
			name := s.name(member)
			bit := uint64(1) << (nameBits(name) % 64)
			if taken&bit != 0 {
				for _, other := range s.members[first:] {
					if s.name(other) == name {
						return s.duplicate(i, name)
					}
				}
			}
			taken |= bit
		}
		s.members = append(s.members, member)

		i = s.space(end)
		if i >= len(s.text) || s.text[i] != ':' {
			return s.unexpected(i, `":"`)
		}
		if i = s.value(s.space(i + 1)); i < 0 {
			return i
		}
		s.members[at].end = i
		i = s.space(i)
		if i < len(s.text) && s.text[i] == ',' {
			i = s.space(i + 1)
			continue
		}
		if i < len(s.text) && s.text[i] == '}' {
			break
		}
		return s.unexpected(i, `"," or "}"`)
	}
	if len(s.members)-first > indexFrom && !s.distinct(s.members[first:]) {
		return -1
	}
	if s.depth++; s.depth < s.limit {
		s.members = s.members[:first]
	}
	return i + 1
}

func nameBits(name string) uint {
	if name == "" {
		return 0
	}
	return uint(len(name)) + 7*uint(name[len(name)-1]) + 31*uint(name[len(name)/2])
}

func (s *scanner) duplicate(at int, name string) int {
	if len(name) > 64 {
		name = name[:64] + "…"
	}
	return s.fail(at, fmt.Sprintf("the object has a member %q already", name))
}

// tables are for distinct, which needs one only for a moment.
var tables = sync.Pool{New: func() any { return new([]uint32) }}

// distinct checks the names of an object that has too many to compare each
// with each.
func (s *scanner) distinct(members []span) bool {
	slots := tables.Get().(*[]uint32)
	size := tableSize(len(members))
	if cap(*slots) < size {
		*slots = make([]uint32, size)
	}
	table := (*slots)[:size]
	clear(table)
	mask := uint64(size - 1)
	ok := true
	for i := 0; i < len(members) && ok; i++ {
		name := s.name(members[i])
		h := maphash.String(seed, name) & mask
		for ok && table[h] != 0 {
			if s.name(members[table[h]-1]) == name {
				s.duplicate(members[i].start, name)
				ok = false
			}
			h = (h + 1) & mask
		}
		table[h] = uint32(i + 1)
	}
	if size <= 1<<14 {
		tables.Put(slots)
	}
	return ok
}

// str checks a string and notes whether there are escapes in it.
func (s *scanner) str(i int) int {
	text := s.text
	s.escaped = false
	i++
	for {
		for i+8 <= len(text) {
			w := load(text, i)
			if special := marks(w) | w&highs; special != 0 {
				i += lowest(special)
				break
			}
			i += 8
		}
		if i >= len(text) {
			return s.fail(len(text), "the text ends within a string")
		}
		switch c := text[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			s.escaped = true
			if i = s.escape(i); i < 0 {
				return i
			}
		case c < ' ':
			return s.fail(i, fmt.Sprintf("control character 0x%02x in a string", c))
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && size == 1 {
				return s.fail(i, fmt.Sprintf("byte 0x%02x is no UTF-8", c))
			}
			i += size
		}
	}
}

// escape checks what the backslash at i starts, both halves of a surrogate
// pair together.
func (s *scanner) escape(i int) int {
	if i+1 >= len(s.text) {
		return s.fail(len(s.text), "the text ends within a string")
	}
	switch s.text[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		r := hex4(s.text, i+2)
		switch {
		case r < 0:
			return s.fail(i, `\u without four hexadecimal digits`)
		case !utf16.IsSurrogate(r):
			return i + 6
		}
		if i+12 <= len(s.text) && s.text[i+6] == '\\' && s.text[i+7] == 'u' {
			if utf16.DecodeRune(r, hex4(s.text, i+8)) != utf8.RuneError {
				return i + 12
			}
		}
		return s.fail(i, "half of a surrogate pair")
	}
	return s.fail(i, "unknown escape")
}

// squeeze copies a text that was found to be good without its insignificant
// white space. size is what remains.
func squeeze(text string, size int) string {
	out := make([]byte, 0, size)
	for i := 0; i < len(text); {
		switch text[i] {
		case ' ', '\n', '\t', '\r':
			i++
		case '"':
			end := skipString(text, i)
			out = append(out, text[i:end]...)
			i = end
		default:
			out = append(out, text[i])
			i++
		}
	}
	return stringOf(out)
}
