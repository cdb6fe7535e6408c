package jsondoc

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"testing"
)

func TestEqual(t *testing.T) {
	digits := strings.Repeat("1234567890", 10)
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{`1`, `1.0`, true}, {`1`, `1e0`, true}, {`100`, `1e2`, true}, {`100`, `1.00E+2`, true}, {`0.001`, `1e-3`, true},
		{`0`, `-0`, true}, {`0`, `0e99`, true}, {`0.000`, `0`, true}, {`-1`, `1`, false}, {`1`, `10`, false}, {`0.1`, `0.01`, false},
		{`9007199254740993`, `9007199254740992`, false}, {`9007199254740993`, `9007199254740993.0`, true},
		{`0.1`, `0.1000000000000000000000000000001`, false}, {`120`, `12e1`, true}, {`1.20`, `1.2`, true}, {`10.01`, `1001e-2`, true},
		{`1e400`, `1e401`, false}, {`1e400`, `10e399`, true}, {`1`, `1e-400`, false},
		{`1e99999999999999999999`, `10e99999999999999999998`, true}, {`1e99999999999999999999`, `1e99999999999999999998`, false},
		{`1e-99999999999999999999`, `1e99999999999999999999`, false}, {`1e000000000000000000000002`, `100`, true}, {`1e00000000000000000000`, `1`, true},
		{digits, digits + `.0`, true}, {digits, digits[:99] + `.0`, false}, {digits + `.5`, digits[:50] + `.` + digits[50:] + `5e50`, true},
		{`"a"`, `"\u0061"`, true}, {`"a"`, `"b"`, false}, {`"/"`, `"\/"`, true}, {`"1"`, `1`, false},
		{`null`, `null`, true}, {`null`, `false`, false}, {`true`, `true`, true}, {`true`, `false`, false},
		{`{"a":1,"b":2}`, `{"b":2.0,"a":1}`, true}, {`{"a":1}`, `{"a":1,"b":2}`, false}, {`{"a":1}`, `{"b":1}`, false}, {`{"a":1}`, `{"\u0061":1}`, true},
		{`{}`, `{}`, true}, {`{}`, `[]`, false}, {`{}`, `{"a":null}`, false},
		{`[1,2]`, `[2,1]`, false}, {`[1,[2.0]]`, `[1.0,[2]]`, true}, {`[1]`, `[1,1]`, false},
	} {
		if got := Equal(must(t, tc.a), must(t, tc.b)); got != tc.want {
			t.Errorf("%s and %s: %v", tc.a, tc.b, got)
		}
		if got := Equal(rebuild(must(t, tc.b)), rebuild(must(t, tc.a))); got != tc.want {
			t.Errorf("%s and %s, made: %v", tc.b, tc.a, got)
		}
		if got := Hash(must(t, tc.a)) == Hash(must(t, tc.b)); got != tc.want {
			t.Errorf("the hashes of %s and %s are the same: %v", tc.a, tc.b, got)
		}
		if Hash(rebuild(must(t, tc.a))) != Hash(must(t, tc.a)) {
			t.Errorf("%s, made, has another hash", tc.a)
		}
	}
}

func FuzzEqualNumbers(f *testing.F) {
	f.Add("1.0", "1")
	f.Add("-0.00120e5", "-120")
	f.Add("1e30", "100000000000000000000")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a) > 40 || len(b) > 40 {
			return
		}
		x, errX := Number(a)
		y, errY := Number(b)
		if (errX == nil) != (json.Valid([]byte(a)) && strings.TrimSpace(a) == a && strings.IndexAny(a, "-0123456789") == 0) {
			t.Fatalf("%q: %v", a, errX)
		}
		if errX != nil || errY != nil {
			return
		}
		want, ok := ratEqual(a, b)
		if ok && Equal(x, y) != want {
			t.Fatalf("%s and %s: want %v", a, b, want)
		}
		if !Equal(x, x) || Equal(x, y) != Equal(y, x) {
			t.Fatalf("%s and %s: not an equivalence", a, b)
		}
		if Equal(x, y) != (Hash(x) == Hash(y)) {
			t.Fatalf("%s and %s: equal %v, and their hashes not so", a, b, Equal(x, y))
		}
	})
}

// ratEqual compares numbers by rational arithmetic; false when that would be
// too large.
func ratEqual(a, b string) (equal, ok bool) {
	for _, s := range []string{a, b} {
		if i := strings.IndexAny(s, "eE"); i >= 0 {
			if e, err := strconv.Atoi(s[i+1:]); err != nil || e > 1000 || e < -1000 {
				return false, false
			}
		}
	}
	x, okX := new(big.Rat).SetString(a)
	y, okY := new(big.Rat).SetString(b)
	return okX && okY && x.Cmp(y) == 0, okX && okY
}
