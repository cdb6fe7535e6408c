package jsondoc

import (
	"math/big"
	"strings"
)

// skipNumber gives the offset behind the JSON number that starts at i, or,
// when there is none, the complement (^) of the offset where it goes wrong.
func skipNumber(text string, i int) int {
	if i < len(text) && text[i] == '-' {
		i++
	}
	switch {
	case i >= len(text):
		return ^i
	case text[i] == '0':
		i++
	case text[i] >= '1' && text[i] <= '9':
		i = skipDigits(text, i+1)
	default:
		return ^i
	}
	if i < len(text) && text[i] == '.' {
		start := i + 1
		if i = skipDigits(text, start); i == start {
			return ^i
		}
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		start := i
		if i = skipDigits(text, start); i == start {
			return ^i
		}
	}
	return i
}

func skipDigits(text string, i int) int {
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	return i
}

// decimal is a number taken apart without loss: its value is
// 0.whole|fraction × 10^(len(whole)+exponent), where whole starts with a digit
// that is not 0.
type decimal struct {
	negative        bool
	whole, fraction string // together: the digits, without zeros at either end
	point           int    // where the decimal point is within the digits
	exponent        string // as written, "" for none
}

func takeApart(text string) decimal {
	var d decimal
	if text[0] == '-' || text[0] == '+' {
		d.negative, text = text[0] == '-', text[1:]
	}
	if e := strings.IndexAny(text, "eE"); e >= 0 {
		text, d.exponent = text[:e], text[e+1:]
	}
	d.whole = text
	if dot := strings.IndexByte(text, '.'); dot >= 0 {
		d.whole, d.fraction = text[:dot], strings.TrimRight(text[dot+1:], "0")
	}
	d.whole = strings.TrimLeft(d.whole, "0")
	d.point = len(d.whole)
	if d.whole == "" {
		if trimmed := strings.TrimLeft(d.fraction, "0"); trimmed != d.fraction {
			d.point = len(trimmed) - len(d.fraction)
			d.fraction = trimmed
		}
	}
	if d.fraction == "" {
		d.whole = strings.TrimRight(d.whole, "0")
	}
	if d.whole == "" && d.fraction == "" {
		return decimal{}
	}
	return d
}

// sameNumber compares two JSON numbers by value, with all their digits.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	x, y := takeApart(a), takeApart(b)
	if x.negative != y.negative || !sameDigits(x, y) {
		return false
	}
	if x.whole == "" && x.fraction == "" {
		return true
	}
	if len(x.exponent) <= 18 && len(y.exponent) <= 18 {
		return int64(x.point)+smallExponent(x.exponent) == int64(y.point)+smallExponent(y.exponent)
	}
	return x.bigExponent().Cmp(y.bigExponent()) == 0
}

// sameDigits compares the digits, which the decimal point may divide at
// different places.
func sameDigits(x, y decimal) bool {
	if len(x.whole)+len(x.fraction) != len(y.whole)+len(y.fraction) {
		return false
	}
	if len(x.whole) > len(y.whole) {
		x, y = y, x
	}
	between := len(y.whole) - len(x.whole)
	return x.whole == y.whole[:len(x.whole)] &&
		x.fraction[:between] == y.whole[len(x.whole):] &&
		x.fraction[between:] == y.fraction
}

// smallExponent is the value of an exponent that an int64 can hold.
func smallExponent(e string) int64 {
	negative := strings.HasPrefix(e, "-")
	var n int64
	for _, c := range []byte(strings.TrimLeft(e, "+-")) {
		n = n*10 + int64(c-'0')
	}
	if negative {
		return -n
	}
	return n
}

// bigExponent is where the decimal point really is, for exponents of any
// length. Leading zeros go first: they cost nothing that way.
func (d decimal) bigExponent() *big.Int {
	// A copy, so that the text of a comparison may stand on the stack.
	digits := strings.Clone(strings.TrimLeft(strings.TrimLeft(d.exponent, "+-"), "0"))
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		n = new(big.Int)
	}
	if strings.HasPrefix(d.exponent, "-") {
		n.Neg(n)
	}
	return n.Add(n, big.NewInt(int64(d.point)))
}
