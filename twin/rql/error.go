package rql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error says why a text is no RQL expression, and where.
type Error struct {
	Text    string
	Offset  int    // of the byte in Text where it goes wrong
	Problem string // what is there, and what should be
	// Syntax is true where the grammar is broken, and false where the text
	// follows it, but names a property that there is not, or compares what
	// cannot be compared. Ditto has different codes for the two in conditions:
	// things:condition.invalid and rql.expression.invalid.
	Syntax bool
}

// Error names the character, counted from 1, and what is wrong with it.
func (e *Error) Error() string {
	return fmt.Sprintf("RQL at character %d: %s", e.Character(), e.Problem)
}

// Character is the number of the character at Offset, counted from 1.
func (e *Error) Character() int { return utf8.RuneCountInString(e.Text[:e.Offset]) + 1 }

// Marked is the text on one line, and below it a ^ under the character in
// question. Of a long text it is the part around that.
func (e *Error) Marked() string {
	const around = 60
	before := []rune(e.Text[:e.Offset])
	after := []rune(e.Text[e.Offset:])
	if len(before) > around {
		before = append([]rune("…"), before[len(before)-around:]...)
	}
	if len(after) > around {
		after = append(after[:around:around], '…')
	}
	line := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, string(before)+string(after))
	return line + "\n" + strings.Repeat(" ", len(before)) + "^"
}
