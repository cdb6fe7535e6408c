package jsondoc

import (
	"math/big"
	"strings"
	"testing"
)

func TestNumbersCompareByAllTheirDigits(t *testing.T) {
	far := strings.Repeat("9", 30)
	// In ascending order; what stands together is equal.
	inOrder := [][]string{
		{"-1e" + far}, {"-1e400"}, {"-12345678901234567890", "-1234567890123456789e1"}, {"-9223372036854775808"}, {"-2", "-2.0", "-0.2e1", "-02"}, {"-1.5"}, {"-1"}, {"-0.1"}, {"-1e-9"},
		{"-1e-" + far}, {"0", "-0", "0.0", "0e9", "+0", "-0.000", "00"}, {"1e-" + far}, {"0.001", "1e-3", ".001"}, {"0.01"}, {"0.1", "0.10"}, {"0.11"}, {"1", "1.", "+1", "0001", "1e0", "1E+0"},
		{"1.0000000000000000000000001"}, {"1.01"}, {"9.99"}, {"10", "1e1", "1E1"}, {"42"}, {"99"}, {"100", "10e1"}, {"9007199254740992"}, {"9007199254740993", "9007199254740993.0"},
		{"9223372036854775807"}, {"9223372036854775808", "9.223372036854775808e18"}, {"1e400", "10e399"}, {"1.1e400"}, {"1e" + far}, {"1.5e" + far, "15e" + far[:29] + "8"},
	}
	for i, as := range inOrder {
		for j, bs := range inOrder {
			for _, a := range as {
				for _, b := range bs {
					if c := CompareNumbers(a, b); (c < 0) != (i < j) || (c > 0) != (i > j) {
						t.Errorf("%s and %s: %d", a, b, c)
					}
				}
			}
		}
	}
}

func TestDecimals(t *testing.T) {
	for _, s := range []string{"1", "-1", "+1", "001", "1.", ".5", "1.5e3", "1E-3", "1e+999999999", "1e00000000000000001"} {
		if !IsDecimal(s) {
			t.Errorf("%q is one", s)
		}
	}
	for _, s := range []string{"", "+", "-", ".", "e1", "1e", "1e+", " 1", "1 ", "--1", "1.2.3", "0x1", "1e9999999999", "Infinity", "NaN", "٣"} {
		if IsDecimal(s) {
			t.Errorf("%q is none", s)
		}
	}
}

func FuzzCompareNumbers(f *testing.F) {
	f.Add("1.50", "-0.2e7")
	f.Add("0012.", ".999e-2")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !IsDecimal(a) || !IsDecimal(b) || farExponent(a) || farExponent(b) {
			return
		}
		x, _ := new(big.Rat).SetString(strings.TrimPrefix(a, "+"))
		y, _ := new(big.Rat).SetString(strings.TrimPrefix(b, "+"))
		if x == nil || y == nil {
			return
		}
		if got := CompareNumbers(a, b); got != x.Cmp(y) {
			t.Errorf("%s and %s: %d", a, b, got)
		}
	})
}

// farExponent is for numbers whose digits would fill the memory.
func farExponent(s string) bool {
	e := strings.IndexAny(s, "eE")
	return e >= 0 && len(strings.TrimLeft(s[e+1:], "+-0")) > 3
}
