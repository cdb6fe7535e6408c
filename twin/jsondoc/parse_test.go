package jsondoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func must(t testing.TB, text string) *Value {
	t.Helper()
	v, err := ParseString(text)
	if err != nil {
		t.Fatalf("parse %s: %v", text, err)
	}
	return v
}

func path(t testing.TB, text string) Pointer {
	t.Helper()
	p, err := ParsePointer(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParseKeepsText(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{`23.420`, `23.420`},
		{`1e3`, `1e3`},
		{`1E+03`, `1E+03`},
		{`-0`, `-0`},
		{`-0.0e-0`, `-0.0e-0`},
		{`9007199254740993`, `9007199254740993`},
		{`123456789012345678901234567890.000`, `123456789012345678901234567890.000`},
		{` { "z" : 1 , "a" : [ ] , "m" : { } } `, `{"z":1,"a":[],"m":{}}`},
		{"\t[\r\n 1 ,\n2 ] \n", `[1,2]`},
		{`{"a b":" c  d "}`, `{"a b":" c  d "}`},
		{` "\u00e4 \/ \ud83d\uDE00 \u0000" `, `"\u00e4 \/ \ud83d\uDE00 \u0000"`},
		{`{ "\u0061" : "a\"b , }" }`, `{"\u0061":"a\"b , }"}`},
		{`"äöü €😀"`, `"äöü €😀"`},
		{` true `, `true`}, {` false`, `false`}, {"null\n", `null`},
		{`""`, `""`}, {`{"":1}`, `{"":1}`},
		{`{"a":{"a":{"a":1},"b":1},"b":{"a":1}}`, `{"a":{"a":{"a":1},"b":1},"b":{"a":1}}`},
	} {
		v, err := Parse([]byte(tc.in), Limits{})
		if err != nil {
			t.Errorf("%q: %v", tc.in, err)
			continue
		}
		if got := v.String(); got != tc.want {
			t.Errorf("%q: got %s, want %s", tc.in, got, tc.want)
		}
		if v.Size() != len(tc.want) || string(v.AppendTo([]byte("x"))) != "x"+tc.want {
			t.Errorf("%q: size %d, text %s", tc.in, v.Size(), v.AppendTo(nil))
		}
	}
}

func TestParseRefuses(t *testing.T) {
	many := func(last string) string {
		var b strings.Builder
		b.WriteByte('{')
		for i := range 100 {
			fmt.Fprintf(&b, `"k%d":%d,`, i, i)
		}
		return b.String() + last + ":0}"
	}
	for _, tc := range []struct {
		name, in string
		offset   int
		problem  string
	}{
		{"nothing", ``, 0, "the text ends where a value"},
		{"only space", `  `, 2, "the text ends where a value"},
		{"a byte order mark", "\xef\xbb\xbf{}", 0, "byte 0xef where a value"},
		{"text behind", `{} x`, 3, "text after the value"},
		{"two values", `1 2`, 2, "text after the value"},
		{"duplicate", `{"a":1,"b":2,"a":3}`, 13, `member "a" already`},
		{"duplicate escaped", `{"ab":1,"\u0061b":2}`, 8, `member "ab" already`},
		{"duplicate surrogates", `{"😀":1,"\ud83d\ude00":2}`, 10, `already`},
		{"duplicate inside", `[{"x":{"a":1,"a":1}}]`, 13, `member "a" already`},
		{"duplicate after an object", `{"a":{"b":1},"a":1}`, 13, `member "a" already`},
		{"duplicate empty name", `{"":1,"":2}`, 6, `already`},
		{"duplicate among many", many(`"k7"`), len(many(`"k7"`)) - 7, `member "k7" already`},
		{"duplicate among many, escaped", many(`"\u006b50"`), len(many(`"\u006b50"`)) - 13, `member "k50" already`},
		{"invalid UTF-8", "\"a\xff\"", 2, "no UTF-8"},
		{"invalid UTF-8 in a name", "{\"\xc3\":1}", 2, "no UTF-8"},
		{"encoded surrogate", "\"\xed\xa0\x80\"", 1, "no UTF-8"},
		{"overlong", "\"12345678\xc0\xaf\"", 9, "no UTF-8"},
		{"high surrogate alone", `"\ud800"`, 1, "half of a surrogate pair"},
		{"high surrogate and letter", `"\ud800A12345"`, 1, "half of a surrogate pair"},
		{"two high surrogates", `"\ud83d\ud83d"`, 1, "half of a surrogate pair"},
		{"low surrogate alone", `"x\udc00"`, 2, "half of a surrogate pair"},
		{"surrogates in the wrong order", `"\udc00\ud800"`, 1, "half of a surrogate pair"},
		{"bad escape", `"\x"`, 1, "unknown escape"},
		{"bad hex", `"\u12g4"`, 1, "four hexadecimal"},
		{"short hex", `"\u12"`, 1, "four hexadecimal"},
		{"control character", "\"a\nb\"", 2, "control character 0x0a"},
		{"control character after more", "\"0123456789\x1f\"", 11, "control character 0x1f"},
		{"unfinished string", `"abc`, 4, "ends within a string"},
		{"unfinished escape", `"abc\`, 5, "ends within a string"},
		{"plus sign", `+1`, 0, `'+' where a value`},
		{"leading zero", `01`, 1, "text after the value"},
		{"no digit before the point", `.5`, 0, "where a value"},
		{"no digit after the point", `1.`, 2, "ends where a digit"},
		{"no exponent", `[1e]`, 3, `']' where a digit`},
		{"minus alone", `-`, 1, "ends where a digit"},
		{"hexadecimal", `0x10`, 1, "text after"},
		{"NaN", `NaN`, 0, "where a value"},
		{"Infinity", `-Infinity`, 1, `where a digit`},
		{"capital literal", `True`, 0, "where a value"},
		{"cut literal", `tru`, 0, "neither null"},
		{"single quotes", `{'a':1}`, 1, "a member's name"},
		{"name without quotes", `{a:1}`, 1, "a member's name"},
		{"no colon", `{"a" 1}`, 5, `":"`},
		{"no value", `{"a":}`, 5, "a value"},
		{"trailing comma in an object", `{"a":1,}`, 7, "a member's name"},
		{"trailing comma in an array", `[1,]`, 3, "a value"},
		{"no comma", `[1 2]`, 3, `"," or "]"`},
		{"wrong bracket", `[1}`, 2, `"," or "]"`},
		{"unfinished object", `{"a":1`, 6, `"," or "}"`},
		{"unfinished array", `[`, 1, "a value"},
		{"comment", `{/**/}`, 1, "a member's name"},
		{"other space", "\u00a0{}", 0, "where a value"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v, err := ParseString(tc.in)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %v, %v", v, err)
			}
			if syntax.Offset != tc.offset || !strings.Contains(syntax.Problem, tc.problem) {
				t.Errorf("got %v, want offset %d and %s", err, tc.offset, tc.problem)
			}
		})
	}
}

func TestParseLimitsNesting(t *testing.T) {
	nested := func(n int) string { return strings.Repeat(`[`, n-1) + `{}` + strings.Repeat(`]`, n-1) }
	for _, tc := range []struct {
		limit, depth int
		ok           bool
	}{
		{0, 64, true}, {0, 65, false}, {1, 1, true}, {1, 2, false}, {1000, 1000, true}, {1000, 1001, false},
	} {
		v, err := Parse([]byte(nested(tc.depth)), Limits{Depth: tc.limit})
		if (err == nil) != tc.ok {
			t.Errorf("%d levels, limit %d: %v", tc.depth, tc.limit, err)
		}
		if err == nil && v.Depth() != tc.depth {
			t.Errorf("depth of %d levels: %d", tc.depth, v.Depth())
		}
	}
	if _, err := ParseString(strings.Repeat(`[[]],`, 1000)); err == nil {
		t.Error("text behind was taken")
	}
	if _, err := ParseString(`[` + strings.Repeat(`[[]],`, 1000) + `{"a":{},"b":{}}]`); err != nil {
		t.Errorf("side by side is not nested: %v", err)
	}
}

// What only this parser refuses.
var stricter = []string{"already", "no UTF-8", "surrogate pair", "nested too deep"}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"topic":"org.acme/t1/things/twin/commands/modify","headers":{"correlation-id":"a","x":[1,null]},"path":"/features/a/properties/b","value":23.420}`,
		` [ 1e3 , -0 , "\ud83d\ude00\n" , {"a":{}, "\u0061b":""} ] `, `{"a":1,"\u0061":2}`, "\"\xff\"", `"\ud800"`, `nul`, `-`, `[1,]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		v, err := Parse(text, Limits{})
		if !bytes.Equal(before, text) {
			t.Fatal("the text was changed")
		}
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(text) {
				t.Fatalf("error %v", err)
			}
			for _, problem := range stricter {
				if strings.Contains(syntax.Problem, problem) {
					return
				}
			}
			if json.Valid(text) {
				t.Fatalf("refused %q: %v", text, err)
			}
			return
		}
		if !json.Valid(text) {
			t.Fatalf("took %q", text)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, text); err != nil {
			t.Fatal(err)
		}
		if v.String() != compact.String() {
			t.Fatalf("got %s, want %s", v, &compact)
		}
		if got, want := decoded(v), oracle(t, text); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %#v, want %#v", got, want)
		}
		if rebuilt := rebuild(v); !Equal(v, rebuilt) || rebuilt.Size() != len(rebuilt.String()) || rebuilt.Depth() != v.Depth() {
			t.Fatalf("got %s from parts of %s", rebuilt, v)
		}
	})
}

// oracle is what encoding/json makes of a text.
func oracle(t *testing.T, text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// decoded is the same, found by looking into every value.
func decoded(v *Value) any {
	switch v.Kind() {
	case KindBool:
		b, _ := v.Bool()
		return b
	case KindNumber:
		return json.Number(v.String())
	case KindString:
		s, _ := v.Text()
		return s
	case KindArray:
		out := []any{}
		for e := range v.Elements() {
			out = append(out, decoded(e))
		}
		return out
	case KindObject:
		out := map[string]any{}
		for name, m := range v.Members() {
			out[name] = decoded(m)
		}
		return out
	}
	return nil
}

// rebuild makes the same value from its parts.
func rebuild(v *Value) *Value {
	switch v.Kind() {
	case KindString:
		s, _ := v.Text()
		return String(s)
	case KindArray:
		var elems []*Value
		for e := range v.Elements() {
			elems = append(elems, rebuild(e))
		}
		return Array(elems...)
	case KindObject:
		var members []Member
		for name, m := range v.Members() {
			members = append(members, Member{name, rebuild(m)})
		}
		return Object(members...)
	}
	return v
}
