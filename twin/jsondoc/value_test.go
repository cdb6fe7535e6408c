package jsondoc

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

func TestConstructors(t *testing.T) {
	num := func(s string) *Value {
		v, err := Number(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tc := range []struct {
		v    *Value
		kind Kind
		want string
	}{
		{Null(), KindNull, `null`},
		{Bool(true), KindBool, `true`},
		{Bool(false), KindBool, `false`},
		{Int(math.MinInt64), KindNumber, `-9223372036854775808`},
		{num("1.50"), KindNumber, `1.50`},
		{String(""), KindString, `""`},
		{String("a\"b\\c/\b\f\n\r\t\x01\x1f\x7f<ü>\u2028"), KindString, `"a\"b\\c/\b\f\n\r\t\u0001\u001F` + "\x7f<ü>\u2028" + `"`},
		{String("a\xffb\xc3"), KindString, `"a` + "\uFFFD" + `b` + "\uFFFD" + `"`},
		{Object(), KindObject, `{}`},
		{Array(), KindArray, `[]`},
		{Array(Int(1), Object(Member{"a", Array()}), Null()), KindArray, `[1,{"a":[]},null]`},
		{Object(Member{"b", Int(1)}, Member{"a", Int(2)}, Member{"b", Int(3)}), KindObject, `{"b":3,"a":2}`},
		{Object(Member{"", Int(1)}, Member{"\n", Int(2)}, Member{"x", Null()}), KindObject, `{"":1,"\n":2,"x":null}`},
		{Object(Member{"\xff", Int(1)}, Member{"\uFFFD", Int(2)}), KindObject, "{\"\uFFFD\":2}"},
		{Nest(Pointer{"a", "b\"", "c"}, Int(1)), KindObject, `{"a":{"b\"":{"c":1}}}`},
		{Nest(nil, Int(1)), KindNumber, `1`},
	} {
		if tc.v.Kind() != tc.kind || tc.v.String() != tc.want || tc.v.Size() != len(tc.want) {
			t.Errorf("got %s %s of %d bytes, want %s %s", tc.v.Kind(), tc.v, tc.v.Size(), tc.kind, tc.want)
		}
		if !json.Valid([]byte(tc.v.String())) {
			t.Errorf("no JSON: %s", tc.v)
		}
	}
}

func TestNumberRefusesWhatIsNone(t *testing.T) {
	for _, text := range []string{"", "-", "+1", "01", "1.", ".1", "1e", "1e+", "0x1", "1 ", " 1", "NaN", "1,2"} {
		if v, err := Number(text); err == nil {
			t.Errorf("%q gave %s", text, v)
		}
	}
}

func TestReadingScalars(t *testing.T) {
	if s, ok := must(t, `"a\u00e4\ud83d\ude00\/\\\"\b\f\n\r\tz"`).Text(); !ok || s != "aä😀/\\\"\b\f\n\r\tz" {
		t.Errorf("text %q %v", s, ok)
	}
	if _, ok := Int(1).Text(); ok {
		t.Error("a number has a text")
	}
	if b, ok := Bool(true).Bool(); !b || !ok {
		t.Error("true is not true")
	}
	if b, ok := String("true").Bool(); b || ok {
		t.Error("a string is a boolean")
	}
	for _, tc := range []struct {
		text string
		want int64
		ok   bool
	}{{"42", 42, true}, {"-0", 0, true}, {"9223372036854775808", 0, false}, {"1.0", 0, false}, {"1e3", 0, false}, {`"1"`, 0, false}} {
		if got, ok := must(t, tc.text).Int(); ok != tc.ok || ok && got != tc.want {
			t.Errorf("%s: %d %v", tc.text, got, ok)
		}
	}
	if f, ok := must(t, "23.420").Float(); f != 23.42 || !ok {
		t.Errorf("float %v %v", f, ok)
	}
	if _, ok := must(t, "1e999").Float(); ok {
		t.Error("1e999 is a float64")
	}
	if !Null().IsNull() || String("null").IsNull() {
		t.Error("null is mistaken")
	}
}

func TestLookingIntoObjects(t *testing.T) {
	v := must(t, `{"a":{"b":[{"c":1}],"\u00e4":"x","d/e":2},"n":null}`)
	for _, tc := range []struct{ at, want string }{
		{"", v.String()},
		{"/a/ä", `"x"`},
		{"/a/d~1e", `2`},
		{"/a/b", `[{"c":1}]`},
		{"/n", `null`},
		{"/a/b/0", ``}, {"/a/b/c", ``}, {"/x", ``}, {"/n/x", ``}, {"/a/ä/x", ``},
	} {
		got, ok := v.Get(path(t, tc.at))
		if ok != (tc.want != "") || ok && got.String() != tc.want {
			t.Errorf("%s: got %v %v, want %s", tc.at, got, ok, tc.want)
		}
	}
	if v.Len() != 2 || Int(1).Len() != 0 || Object().Len() != 0 {
		t.Error("wrong lengths")
	}
	for name := range v.Members() {
		if name != "a" {
			t.Errorf("first member %s", name)
		}
		break
	}
	for range Int(1).Members() {
		t.Error("a number has members")
	}
	for range v.Elements() {
		t.Error("an object has elements")
	}
}

func TestObjectsWithManyMembersAreFoundByIndex(t *testing.T) {
	const n = 1000
	v := Object()
	for i := range n {
		var err error
		if v, err = v.Set(Pointer{fmt.Sprint("k", i)}, Int(int64(i))); err != nil {
			t.Fatal(err)
		}
		if i%7 == 0 {
			if got, ok := v.Member(fmt.Sprint("k", i/2)); !ok || got.String() != fmt.Sprint(i/2) {
				t.Fatalf("%d: got %v %v", i, got, ok)
			}
		}
	}
	for _, v := range []*Value{v, must(t, v.String())} {
		for i := range n {
			if got, ok := v.Member(fmt.Sprint("k", i)); !ok || got.String() != fmt.Sprint(i) {
				t.Fatalf("%d: got %v %v", i, got, ok)
			}
		}
		if _, ok := v.Member("k1000"); ok {
			t.Error("found what is not there")
		}
	}
	if !Equal(v, must(t, v.String())) {
		t.Error("not equal to its text")
	}
}

func TestCompactLetsGoOfTheWhole(t *testing.T) {
	text := `{"a":23.420,"b":"` + strings.Repeat("x", 100) + `","c":{"d":[],"e":{},"f":null,"g":true}}`
	whole := must(t, text)
	within := func(s string) bool {
		at, start := uintptr(unsafe.Pointer(unsafe.StringData(s))), uintptr(unsafe.Pointer(unsafe.StringData(text)))
		return at >= start && at < start+uintptr(len(text))
	}
	changed, err := whole.Set(path(t, "/c/new"), Int(1))
	if err != nil {
		t.Fatal(err)
	}
	values := []*Value{whole, changed}
	for _, at := range []string{"/a", "/b", "/c", "/c/d", "/c/e", "/c/f", "/c/g"} {
		v, _ := whole.Get(path(t, at))
		values = append(values, v)
	}
	for _, v := range values {
		c := v.Compact()
		if c.String() != v.String() || c.Kind() != v.Kind() || c.Size() != v.Size() {
			t.Errorf("%s became %s", v, c)
		}
		if within(c.text) || c.parts.Load() != nil {
			t.Errorf("%s still hangs on the whole", v)
		}
	}
}

func TestValuesAreSharedBetweenGoroutines(t *testing.T) {
	thing := must(t, bigThing(100))
	at := path(t, "/features/f50/properties/p1")
	want, _ := must(t, bigThing(100)).Get(at)
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			mine := thing
			for i := range 20 {
				if got, ok := thing.Get(at); !ok || !Equal(got, want) {
					t.Errorf("got %v", got)
				}
				next, err := mine.Set(Pointer{"features", fmt.Sprint("f", i), "properties", fmt.Sprint("new", g)}, Int(int64(i)))
				if err != nil {
					t.Error(err)
				}
				mine = next.Merge(Nest(Pointer{"features", fmt.Sprint("g", g)}, Int(1)))
				mine, _ = mine.Delete(Pointer{"features", fmt.Sprint("f", i+30)})
				for range thing.Members() {
				}
			}
			if mine.Size() != len(mine.String()) {
				t.Errorf("size %d of %d", mine.Size(), len(mine.String()))
			}
		})
	}
	group.Wait()
	if thing.String() != bigThing(100) {
		t.Error("the shared value changed")
	}
}

// bigThing has n features of four properties each.
func bigThing(n int) string {
	var b strings.Builder
	b.WriteString(`{"thingId":"org.acme:t1","policyId":"org.acme:t1","attributes":{"model":"x1","location":{"lat":47.003215,"lon":9.0815}},"features":{`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"f%d":{"definition":["org.acme:sensor:1.0.0"],"properties":{`, i)
		for j := range 4 {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `"p%d":{"value":%d.%d,"unit":"°C","at":"2026-01-02T03:04:05.678Z","note":"%020d"}`, j, i, j, i)
		}
		b.WriteString(`}}`)
	}
	b.WriteString(`}}`)
	return b.String()
}
