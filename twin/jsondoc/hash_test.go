package jsondoc

import (
	"strings"
	"testing"
)

func hashOf(t testing.TB, text string) uint64 {
	t.Helper()
	v, err := ParseString(text)
	if err != nil {
		t.Fatal(err)
	}
	return Hash(v)
}

func TestEqualValuesHaveEqualHashes(t *testing.T) {
	for _, same := range [][]string{
		{`1`, `1.0`, `1e0`, `10e-1`, `0.1E1`, `100e-2`},
		{`0`, `-0`, `0.000`, `0e99`},
		{`-120`, `-1.2e2`, `-12E1`},
		{`1e1`, `1e00000000000000000000000001`, `10`},
		{`1e123456789012345678901234567890`, `10e123456789012345678901234567889`},
		{`"a/b"`, `"a\/b"`, `"\u0061/b"`},
		{`{"a":1,"b":[true,null]}`, `{ "b" : [true, null], "a" : 1.0 }`, `{"\u0061":1,"b":[true,null]}`},
		{`{}`, `{ }`},
	} {
		for _, other := range same[1:] {
			if hashOf(t, same[0]) != hashOf(t, other) {
				t.Errorf("%s and %s", same[0], other)
			}
		}
	}
}

func TestOtherValuesHaveOtherHashes(t *testing.T) {
	seen := map[uint64]string{}
	for _, text := range []string{`1`, `-1`, `10`, `0.1`, `11`, `12`, `21`, `"1"`, `""`, `"a"`, `"b"`, `true`, `false`, `null`, `0`,
		`{}`, `[]`, `[[]]`, `[{}]`, `{"a":{}}`, `{"a":[]}`, `{"a":1}`, `{"a":2}`, `{"b":1}`, `{"a":1,"b":2}`, `{"a":2,"b":1}`,
		`[1,2]`, `[2,1]`, `[12]`, `[[1],2]`, `[1,[2]]`, `{"a":{"b":1}}`, `{"b":{"a":1}}`, `{"a":"a"}`, `1e99999999999999999999`, `1e99999999999999999998`} {
		h := hashOf(t, text)
		if was, ok := seen[h]; ok {
			t.Errorf("%s and %s", was, text)
		}
		seen[h] = text
	}
}

func TestStringsOfAnyLengthAreHashed(t *testing.T) {
	seen := map[uint64]string{}
	chars := strings.Repeat("abc\u00fcdefghi\U0001f600jk", 3)
	for n := range len(chars) {
		for _, s := range []string{chars[:n], chars[:n] + "\x00", chars[:n] + "\"", strings.Repeat("\n", n)} {
			s = strings.ToValidUTF8(s, "")
			v := String(s)
			inText := hashOf(t, `["`+strings.Repeat("x", n%9)+`",`+v.String()+`]`)
			if made := Hash(Array(String(strings.Repeat("x", n%9)), v)); made != inText {
				t.Errorf("%q has one hash in a text and another one by itself", s)
			}
			h := Hash(v)
			if was, ok := seen[h]; ok && was != s {
				t.Errorf("%q and %q", was, s)
			}
			seen[h] = s
		}
	}
}

func TestAChangedValueHasTheHashOfItsText(t *testing.T) {
	v, err := ParseString(`{"a":{"b":1,"c":[1,2,{"d":"e"}]},"f":"g"}`)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := v.Set(Pointer{"a", "x"}, Array(Int(1), String("ü\n")))
	if err != nil {
		t.Fatal(err)
	}
	if changed.text != "" {
		t.Fatal("it has a text, so this tries nothing")
	}
	if Hash(changed) != hashOf(t, changed.String()) {
		t.Errorf("%s", changed)
	}
	if Hash(v) == Hash(changed) {
		t.Error("the change makes no difference")
	}
}

// What is on disk elsewhere, an entity tag that a client keeps, must be good
// for the next version of the program too.
func TestHashesStay(t *testing.T) {
	if h := hashOf(t, `{"on":true,"level":23.40,"color":["red",null,{}]}`); h != 0x10f1ffffce730dca {
		t.Errorf("%#x", h)
	}
}

func TestAHashNeedsNoMemory(t *testing.T) {
	v, err := ParseString(`{"a":{"b":1.5,"c":[1,2,{"d":"e"}]},"f":"g","h":{"i":{"j":[]}}}`)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { Hash(v) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
