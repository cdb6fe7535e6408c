package jsondoc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Selector chooses parts of a document, like the fields and extraFields of the
// Ditto Protocol. The empty one chooses nothing.
type Selector struct {
	text     string
	pointers []Pointer
	wild     bool // one of them has a feature wildcard
	tree     *choice
}

// SelectorError says why a text is no selector, and where.
type SelectorError struct {
	Text, Problem string
	Offset        int // in bytes: where in the text the problem is
}

// Error names the text, what is wrong with it and where.
func (e *SelectorError) Error() string {
	text := e.Text
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	return fmt.Sprintf("field selector %q: at character %d: %s", text, e.Character(), e.Problem)
}

// Character is the number of the character that the problem is at, the first
// one is 1.
func (e *SelectorError) Character() int { return characterAt(e.Text, e.Offset) }

func characterAt(text string, offset int) int {
	return utf8.RuneCountInString(text[:min(offset, len(text))]) + 1
}

// A selector is small; what goes beyond this is made to wear the broker out.
const (
	maxFields = 1000
	maxLevels = DefaultDepth
)

// ParseSelector reads a field selector as Ditto's JsonFieldSelector does:
// pointers (see [ParsePointer]) with commas between them, and a common
// beginning written once before a parenthesis, as in
//
//	thingId,attributes(model,location/city),features/*/properties/temperature
//
// A * as feature ID stands for all features of the Thing that is selected
// from. Ditto's special cases are kept: an empty parenthesis chooses what is
// before it, a field with a placeholder ({{ … }}) or with parentheses the wrong
// way round is a plain pointer, pointers to the whole document are ignored,
// white space is part of a name. Text behind a closing parenthesis, more than
// 1000 fields and pointers of more than 64 levels are refused too, unlike
// there. The error is a [*SelectorError].
func ParseSelector(s string) (Selector, error) {
	if at, problem := unbalanced(s); problem != "" {
		return Selector{}, &SelectorError{Text: s, Problem: problem, Offset: at}
	}
	p := selectorParser{text: s, seen: map[string]bool{}}
	if err := p.fields(nil, 0, len(s)); err != nil {
		return Selector{}, err
	}
	return newSelector(s, p.pointers), nil
}

// NewSelector chooses what these pointers lead to.
func NewSelector(pointers ...Pointer) Selector {
	var text []byte
	for i, p := range pointers {
		if i > 0 {
			text = append(text, ',')
		}
		text = p.AppendTo(text)
	}
	kept := slices.DeleteFunc(slices.Clone(pointers), func(p Pointer) bool { return len(p) == 0 })
	return newSelector(string(text), kept)
}

func newSelector(text string, pointers []Pointer) Selector {
	s := Selector{text: text, pointers: pointers}
	for _, p := range pointers {
		s.wild = s.wild || wildcardAt(p) >= 0
	}
	if !s.wild {
		s.tree = newChoice(pointers)
	}
	return s
}

// IsEmpty says whether the selector chooses nothing.
func (s Selector) IsEmpty() bool { return len(s.pointers) == 0 }

// Pointers are the places that the selector chooses, in its order, wildcards
// as they are. They must not be changed.
func (s Selector) Pointers() []Pointer { return s.pointers }

// String is the text that the selector was made from.
func (s Selector) String() string { return s.text }

type selectorParser struct {
	text     string
	pointers []Pointer
	seen     map[string]bool
	open     int // parentheses around what is read
}

// unbalanced finds the parenthesis that is one too many. As in Ditto only their
// number counts, and nothing where none is opened.
func unbalanced(s string) (at int, problem string) {
	if strings.IndexByte(s, '(') < 0 {
		return 0, ""
	}
	var open []int
	extra, closing := -1, 0
	for i := range len(s) {
		switch {
		case s[i] == '(':
			open = append(open, i)
		case s[i] != ')':
		case len(open) > 0:
			open = open[:len(open)-1]
		default:
			extra = i
			closing++
		}
	}
	switch {
	case len(open) > closing:
		return open[len(open)-1], "this parenthesis is not closed"
	case closing > len(open):
		return extra, "this parenthesis closes none"
	}
	return 0, ""
}

// fail is the error for what is wrong at an offset of the text.
func (p *selectorParser) fail(at int, problem string, args ...any) error {
	return &SelectorError{Text: p.text, Problem: fmt.Sprintf(problem, args...), Offset: at}
}

// fields reads a list with commas, from one offset to another, everything in it
// below base.
func (p *selectorParser) fields(base Pointer, from, to int) error {
	depth := 0
	for i := from; i <= to; i++ {
		if i < to {
			switch c := p.text[i]; {
			case c == '(':
				depth++
			case c == ')' && depth > 0:
				depth--
			}
			if p.text[i] != ',' || depth > 0 {
				continue
			}
		}
		if err := p.field(base, from, i); err != nil {
			return err
		}
		from = i + 1
	}
	return nil
}

// field reads one field, with what is in its parentheses.
func (p *selectorParser) field(base Pointer, from, to int) error {
	field := p.text[from:to]
	open, closing := strings.IndexByte(field, '('), strings.IndexByte(field, ')')
	group := open >= 0 && open < closing && !hasPlaceholder(field)
	head := field
	if group {
		if last := closingOf(field, open); last < 0 {
			return p.fail(from+open, "this parenthesis is not closed")
		} else if last != len(field)-1 {
			return p.fail(from+last+1, "there is text behind a closing parenthesis; put a comma between")
		}
		head = field[:open]
	}
	pointer, err := ParsePointer(head)
	var slashes *PointerError
	if errors.As(err, &slashes) {
		return p.fail(from+slashes.Offset, "%s", slashes.Problem)
	}
	pointer = slices.Concat(base, pointer)
	if len(pointer) > maxLevels {
		return p.fail(from, "a field with more than %d levels", maxLevels)
	}
	if group {
		if p.open++; p.open > maxLevels {
			return p.fail(from+open, "more than %d parentheses within each other", maxLevels)
		}
		err := p.fields(pointer, from+open+1, to-1)
		p.open--
		return err
	}
	key := pointer.String()
	if len(pointer) == 0 || p.seen[key] {
		return nil
	}
	if len(p.pointers) == maxFields {
		return p.fail(from, "more than %d fields", maxFields)
	}
	p.seen[key] = true
	p.pointers = append(p.pointers, pointer)
	return nil
}

// closingOf is the position of the parenthesis that closes the one at open, or
// -1.
func closingOf(field string, open int) int {
	depth := 0
	for i := open; i < len(field); i++ {
		switch field[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// hasPlaceholder says whether there is a {{ … }} in the field, which may have
// parentheses of its own.
func hasPlaceholder(field string) bool {
	_, behind, found := strings.Cut(field, "{{")
	return found && strings.Contains(behind, "}}")
}

// wildcardAt is the position of the * that stands for a feature ID, or -1.
// Ditto knows it in features/* and in _metadata/features/*, nowhere else.
func wildcardAt(p Pointer) int {
	switch {
	case len(p) > 1 && p[0] == "features" && p[1] == "*":
		return 1
	case len(p) > 2 && p[0] == "_metadata" && p[1] == "features" && p[2] == "*":
		return 2
	}
	return -1
}
