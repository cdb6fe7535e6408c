package jsondoc

import (
	"cmp"
	"strings"
)

// CompareNumbers compares two numbers by their value, with all their digits:
// it gives -1, 0 or 1 as a is less than, equal to or greater than b. Both must
// be numbers as JSON has them; what [IsDecimal] takes will do as well.
func CompareNumbers(a, b string) int {
	if x, ok := shortInt(a); ok {
		if y, ok := shortInt(b); ok {
			return cmp.Compare(x, y)
		}
	}
	x, y := takeApart(a), takeApart(b)
	if s, t := x.sign(), y.sign(); s != t || s == 0 {
		return cmp.Compare(s, t)
	} else if s < 0 {
		x, y = y, x
	}
	if c := comparePoints(x, y); c != 0 {
		return c
	}
	return compareDigits(x, y)
}

// shortInt is the value of an integer of few digits.
func shortInt(s string) (int64, bool) {
	digits := s
	if s != "" && s[0] == '-' {
		digits = s[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	var n int64
	for i := range len(digits) {
		c := digits[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	if len(digits) < len(s) {
		n = -n
	}
	return n, true
}

func (d decimal) sign() int {
	switch {
	case d.whole == "" && d.fraction == "":
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// comparePoints says which of two numbers has the more places before its
// decimal point, once both begin with a digit that is not 0.
func comparePoints(x, y decimal) int {
	if len(x.exponent) <= 18 && len(y.exponent) <= 18 {
		return cmp.Compare(int64(x.point)+smallExponent(x.exponent), int64(y.point)+smallExponent(y.exponent))
	}
	return x.bigExponent().Cmp(y.bigExponent())
}

// compareDigits compares digits that begin at the same place. (It goes without
// strings.Compare, which has the compiler put its arguments on the heap.)
func compareDigits(x, y decimal) int {
	if len(x.whole) > len(y.whole) {
		return -compareDigits(y, x)
	}
	n := len(x.whole)
	if c := cmp.Compare(x.whole, y.whole[:n]); c != 0 {
		return c
	}
	between := y.whole[n:]
	m := min(len(between), len(x.fraction))
	if c := cmp.Compare(x.fraction[:m], between[:m]); c != 0 {
		return c
	}
	if m < len(between) {
		return -1 // zeros at the end are cut off, so y has more
	}
	return cmp.Compare(x.fraction[m:], y.fraction)
}

// IsDecimal says whether a text is a number to Java's BigDecimal: besides what
// JSON has, a plus sign, zeros in front, and no digits on one side of the
// point.
func IsDecimal(s string) bool {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	whole := skipDigits(s, 0)
	i := whole
	if i < len(s) && s[i] == '.' {
		i = skipDigits(s, i+1)
		if i == 1 {
			return false
		}
	} else if whole == 0 {
		return false
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		start := i
		if i = skipDigits(s, start); i == start || len(strings.TrimLeft(s[start:], "0")) > 9 {
			return false // BigDecimal has no larger exponents
		}
	}
	return i == len(s)
}
