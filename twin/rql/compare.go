package rql

import (
	"math"
	"strconv"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// compare says how a value relates to a literal: negative when it is less. It
// follows Ditto's ThingPredicatePredicateVisitor: numbers by value, also where
// one of the two is a string that is a number, strings by their UTF-16 units,
// false before true, and whatever is of different kinds by its text. Neither is
// null. ok is false when they are not to be compared.
func (e *evaluation) compare(kind jsondoc.Kind, text string, l *literal) (c int, ok bool) {
	if e.strict && kind != l.kind {
		return 0, false
	}
	other, decimal := l.text, l.decimal
	var room [40]byte
	if l.now != nil {
		other, decimal = stringOf(l.now.appendTo(room[:0], e.time())), l.now.millis
	}
	switch {
	case kind == jsondoc.KindNumber && (l.kind == jsondoc.KindNumber || l.kind == jsondoc.KindString && decimal),
		kind == jsondoc.KindString && l.kind == jsondoc.KindNumber && jsondoc.IsDecimal(text):
		return jsondoc.CompareNumbers(text, other), true
	case kind == jsondoc.KindNumber:
		var room [40]byte
		return compareStrings(javaNumber(room[:0], text), other), true
	case l.kind == jsondoc.KindNumber:
		var room [40]byte
		return compareStrings(text, javaNumber(room[:0], other)), true
	}
	return compareStrings(text, other), true
}

// compareStrings compares as Java does, by UTF-16 units. That differs from the
// order of the bytes only where a character beyond U+FFFF, whose units are
// surrogates, meets one from U+E000 to U+FFFF.
func compareStrings(a, b string) int {
	for i := range min(len(a), len(b)) {
		if x, y := a[i], b[i]; x != y {
			if x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0) {
				x, y = y, x
			}
			if x < y {
				return -1
			}
			return 1
		}
	}
	return len(a) - len(b)
}

// javaNumber is a JSON number as Java prints it: an integer of 64 bits by its
// digits, all else as Double.toString does.
func javaNumber(room []byte, text string) string {
	if !strings.ContainsAny(text, ".eE") {
		if text == "-0" {
			return "0"
		}
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return text
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text // beyond what a double holds
	}
	if f == 0 {
		if math.Signbit(f) {
			return "-0.0"
		}
		return "0.0"
	}
	if size := math.Abs(f); size >= 1e-3 && size < 1e7 {
		room = strconv.AppendFloat(room, f, 'f', -1, 64)
		if !hasByte(room, '.') {
			room = append(room, ".0"...)
		}
		return stringOf(room)
	}
	var digits [32]byte
	sci := strconv.AppendFloat(digits[:0], f, 'e', -1, 64)
	for i, c := range sci {
		switch {
		case c == 'e':
			if !hasByte(room, '.') {
				room = append(room, ".0"...)
			}
			room = append(room, 'E')
		case c == '+', c == '0' && i > 0 && (sci[i-1] == '+' || sci[i-1] == '-'):
			// Java writes E7 and E-4.
		default:
			room = append(room, c)
		}
	}
	return stringOf(room)
}

func hasByte(b []byte, c byte) bool {
	for _, d := range b {
		if d == c {
			return true
		}
	}
	return false
}
