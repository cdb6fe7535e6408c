package rql

import (
	"math"
	"unicode/utf8"
)

// likePattern is what like and ilike compare with: * stands for any number of
// characters and ? for one, but none of them for the end of a line, and there
// is no way to escape them. Ditto makes a regular expression of it (LikeHelper)
// in which a dot is as in Java, and case is that of ASCII.
type likePattern string

// Like says whether like finds a text to be as the pattern says, however much
// work that is: for patterns that whoever runs the program has written.
func Like(text, pattern string) bool {
	left := math.MaxInt
	return likePattern(pattern).match(text, false, &left)
}

// match takes what it does off the work that is left, and says no when there is
// none.
func (p likePattern) match(s string, fold bool, left *int) bool {
	at, i := 0, 0       // what is compared next
	star, from := -1, 0 // where to go back to: behind the last *, and what it takes next
	for i < len(s) {
		if *left--; *left < 0 {
			return false
		}
		if at < len(p) && p[at] == '*' {
			at++
			star, from = at, i
			continue
		}
		if at < len(p) {
			if p[at] == '?' {
				if size := oneOf(s[i:]); size > 0 {
					at++
					i += size
					continue
				}
			} else if p[at] == s[i] || fold && lower(p[at]) == lower(s[i]) {
				at++
				i++
				continue
			}
		}
		if star < 0 {
			return false
		}
		// Only the last * needs to take more: an earlier one that did would
		// leave less for it. And where the last one is stopped by the end of a
		// line, the earlier ones would have been too.
		size := oneOf(s[from:])
		if size == 0 {
			return false
		}
		from += size
		at, i = star, from
	}
	for at < len(p) && p[at] == '*' {
		at++
	}
	return at == len(p)
}

// oneOf is the size of the first character, and 0 when it ends a line.
func oneOf(s string) int {
	if s[0] < utf8.RuneSelf {
		if s[0] == '\n' || s[0] == '\r' {
			return 0
		}
		return 1
	}
	r, size := utf8.DecodeRuneInString(s)
	if r == '\u0085' || r == '\u2028' || r == '\u2029' {
		return 0
	}
	return size
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
