package jsondoc

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParseSelector(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"/", nil},
		{",,", nil},
		{"thingId", []string{"/thingId"}},
		{"/thingId,/features", []string{"/thingId", "/features"}},
		{"one,two(subfield1,sub2(foo,bar/baz)),four,five/key", []string{"/one", "/two/subfield1", "/two/sub2/foo", "/two/sub2/bar/baz", "/four", "/five/key"}},
		{"fox/(over/(lazy,the),jumps)", []string{"/fox/over/lazy", "/fox/over/the", "/fox/jumps"}},
		{"a,a,b(c),b/c", []string{"/a", "/b/c"}},
		{"abc()", []string{"/abc"}},
		{"(a,b)", []string{"/a", "/b"}},
		{"abc)(", []string{"/abc)("}},
		{"abc)", []string{"/abc)"}},
		{"a, b", []string{"/a", "/ b"}},
		{"a~0b/c~1d", []string{"/a~0b/c~1d"}},
		{"features/*/properties/x", []string{"/features/*/properties/x"}},
		{"/features/{{feature:id | fn:lower()}}/definition,x", []string{"/features/{{feature:id | fn:lower()}}/definition", "/x"}},
		{"/features/{{fn:filter(a,'eq',b)}}/x", []string{"/features/{{fn:filter(a,'eq',b)}}/x"}},
	} {
		s, err := ParseSelector(tc.in)
		if err != nil {
			t.Errorf("%q: %v", tc.in, err)
			continue
		}
		var got []string
		for _, p := range s.Pointers() {
			got = append(got, p.String())
		}
		if !slices.Equal(got, tc.want) || s.String() != tc.in || s.IsEmpty() != (len(tc.want) == 0) {
			t.Errorf("%q: got %q, want %q", tc.in, got, tc.want)
		}
	}
	for _, in := range []string{
		"thingId,attributes(someAttr/subsel,owner", "abc(def(foo)", "a(b))", "a(b)c", "a(b)(c)", "a//b", "a(//b)",
		strings.Repeat("a(", 65) + "b" + strings.Repeat(")", 65), strings.Repeat("(", 65) + strings.Repeat(")", 65),
		strings.Repeat("/a", 65), "a" + manyFields(1001),
	} {
		if s, err := ParseSelector(in); err == nil {
			t.Errorf("%.50q gave %v", in, s.Pointers())
		} else if err.Error() == "" {
			t.Error("an error without words")
		}
	}
}

func TestWrongSelectorsAndPointersPointAtTheCharacter(t *testing.T) {
	for _, tc := range []struct {
		in   string
		at   int
		said string
	}{
		{"a(b,c", 2, "not closed"},
		{"abc(def(foo)", 4, "not closed"},
		{"a(b))", 5, "closes none"},
		{"ä,ö(b)),c", 7, "closes none"},
		{"a(b)c", 5, "put a comma"},
		{"x,a(b)(c)", 7, "put a comma"},
		{"a,b//c", 5, "two slashes"},
		{"/attributes(ä,//b)", 16, "two slashes"},
		{"x(a)b),c(", 5, "put a comma"},
		{"a" + manyFields(1001), 2 + len(manyFields(999)) + 1, "more than 1000 fields"},
		{"a," + strings.Repeat("/a", 65), 3, "more than 64 levels"},
		{strings.Repeat("(", 65) + strings.Repeat(")", 65), 65, "within each other"},
	} {
		_, err := ParseSelector(tc.in)
		var e *SelectorError
		if !errors.As(err, &e) || e.Character() != tc.at || !strings.Contains(err.Error(), tc.said) {
			t.Errorf("%.50q: %v, want character %d: %s", tc.in, err, tc.at, tc.said)
		}
	}
	_, err := ParsePointer("/ä//b")
	var e *PointerError
	if !errors.As(err, &e) || e.Character() != 4 {
		t.Error(err)
	}
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(",f")
		b.WriteString(Int(int64(i)).String())
	}
	return b.String()
}

func TestSelect(t *testing.T) {
	fox := `{"the":1,"quick":2,"brown":3,"fox":{"jumps":5,"over":{"the":6,"lazy":7}},"dog":8}`
	xw := `{"x":{"y":1,"z":2},"w":3}`
	thing := `{"thingId":"o:t","attributes":{"a":1},"features":{"f1":{"properties":{"c":true,"d":1}},"f2":{"properties":{"c":false}},"f3":{}},` +
		`"_metadata":{"features":{"f2":{"properties":{"c":{"m":1}}}}}}`
	for _, tc := range []struct{ doc, fields, want string }{
		{fox, "the,quick,dog", `{"the":1,"quick":2,"dog":8}`},
		{fox, "dog,quick,the", `{"dog":8,"quick":2,"the":1}`},
		{fox, "dog,fox/over/lazy,quick,fox/jumps,brown,fox/over/the,the", `{"dog":8,"fox":{"over":{"lazy":7,"the":6},"jumps":5},"quick":2,"brown":3,"the":1}`},
		{fox, "the,fox/jumps,brown,fox/over/the,quick,fox/over/lazy,dog", `{"the":1,"fox":{"jumps":5,"over":{"the":6,"lazy":7}},"brown":3,"quick":2,"dog":8}`},
		{fox, "fox/(over/(lazy,the),jumps)", `{"fox":{"over":{"lazy":7,"the":6},"jumps":5}}`},
		{fox, "", `{}`},
		{fox, "/", `{}`},
		{fox, "cat", `{}`},
		{fox, "dog/tail", `{}`},
		{`{}`, "a", `{}`},
		{`[1]`, "a", `[1]`},
		// Overlapping, missing, partly there.
		{xw, "x/y,x/z,x", `{"x":{"y":1,"z":2}}`},
		{xw, "x,x/z", `{"x":{"y":1,"z":2}}`},
		{xw, "w,a/b/c,/", `{"w":3}`},
		{xw, "x/a/b/c,w", `{"w":3}`},
		{xw, "x/a,w,x/y", `{"w":3,"x":{"y":1}}`},
		// Arrays on the way.
		{`{"s":{"n":[{"a":1,"b":2},{"a":11,"b":22},{"c":3},4,[5]]},"o":"foo"}`, "s/n/b", `{"s":{"n":[{"b":2},{"b":22},{},4,[5]]}}`},
		{`{"s":{"n":[1,2,3]},"o":"foo"}`, "s/n", `{"s":{"n":[1,2,3]}}`},
		{`{"s":{"n":[1,2,3]},"o":"foo"}`, "s/n/x", `{}`},
		{`{"s":[{"x":{"y":1}},{"x":5}],"o":[]}`, "s/x/y,o/x", `{"s":[{"x":{"y":1}},{"x":5}]}`},
		{`{"\u0061":{"b\n":1},"c":2}`, "c,a", `{"c":2,"\u0061":{"b\n":1}}`},
		{`{"\u0061":{"\u0062":1,"c":2}}`, "a/b", `{"\u0061":{"\u0062":1}}`},
		// Feature wildcards.
		{thing, "features/*/properties/c,thingId", `{"features":{"f1":{"properties":{"c":true}},"f2":{"properties":{"c":false}}},"thingId":"o:t"}`},
		{thing, "features/*", `{"features":{"f1":{"properties":{"c":true,"d":1}},"f2":{"properties":{"c":false}},"f3":{}}}`},
		{thing, "thingId,features/*/properties/d", `{"thingId":"o:t","features":{"f1":{"properties":{"d":1}}}}`},
		{thing, "x,features/f3,features/*/properties/d", `{"features":{"f3":{},"f1":{"properties":{"d":1}}}}`},
		{thing, "_metadata/features/*/properties/c", `{"_metadata":{"features":{"f2":{"properties":{"c":{"m":1}}}}}}`},
		{thing, "attributes/*", `{}`},
		{thing, "features/*/x", `{}`},
		{`{"attributes":{"*":1}}`, "attributes/*,features/*", `{"attributes":{"*":1}}`},
	} {
		s, err := ParseSelector(tc.fields)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range []*Value{must(t, tc.doc), rebuild(must(t, tc.doc))} {
			got := doc.Select(s)
			if got.Size() != len(got.String()) || !Equal(got, must(t, tc.want)) {
				t.Errorf("%s of %s: got %s, want %s", tc.fields, tc.doc, got, tc.want)
			}
		}
		if got := must(t, tc.doc).Select(s); got.String() != tc.want {
			t.Errorf("%s of %s: got %s, want %s", tc.fields, tc.doc, got, tc.want)
		}
		if got := must(t, tc.doc).Select(NewSelector(s.Pointers()...)); got.String() != tc.want {
			t.Errorf("%v of %s: got %s, want %s", s.Pointers(), tc.doc, got, tc.want)
		}
	}
}

func TestSelectBelowKnowsWhereItIs(t *testing.T) {
	for _, tc := range []struct{ base, doc, fields, want string }{
		{"features", `{"f1":{"properties":{"a":1,"b":2}},"f2":{"properties":{"b":3}}}`, "*/properties/a", `{"f1":{"properties":{"a":1}}}`},
		{"features", `{"f1":{"properties":{"a":1}}}`, "*/x", `{}`},
		{"features", `{}`, "*", `{}`},
		{"features/f1", `{"*":{"a":1},"b":2}`, "*/a", `{"*":{"a":1}}`},
		{"attributes", `{"a":1,"b":2}`, "b", `{"b":2}`},
		{"attributes/a", `5`, "b", `5`},
		{"", `{"features":{"f":{"a":1,"b":2}}}`, "features/*/a", `{"features":{"f":{"a":1}}}`},
	} {
		s, err := ParseSelector(tc.fields)
		if err != nil {
			t.Fatal(err)
		}
		if got := must(t, tc.doc).SelectBelow(path(t, tc.base), s); got.String() != tc.want {
			t.Errorf("%s at %s of %s: got %s, want %s", tc.fields, tc.base, tc.doc, got, tc.want)
		}
	}
}

func FuzzSelector(f *testing.F) {
	doc := `{"a":{"b":{"c":1},"d":[{"e":1,"f":2},3]},"features":{"x":{"properties":{"p":1}},"y":{}},"thingId":"o:t"}`
	for _, seed := range []string{"a(b,d/e),thingId", "features/*/properties/p", "a(b(c)),,/", "a)(b", "{{x(}}", "(((a)))", "a~1b//c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		s, err := ParseSelector(in)
		if err != nil {
			var e *SelectorError
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset >= len(in) {
				t.Fatalf("%q: %v", in, err)
			}
			return
		}
		v := must(t, doc)
		got := v.Select(s)
		if got.Size() != len(got.String()) {
			t.Fatalf("size %d of %s", got.Size(), got)
		}
		if _, err := ParseString(got.String()); err != nil {
			t.Fatal(err)
		}
		for _, p := range s.Pointers() {
			if strings.Contains(p.String(), "/d/") {
				continue
			}
			if star := wildcardAt(p); star >= 0 {
				for _, id := range []string{"x", "y"} { // all Features
					one := slices.Clone(p)
					one[star] = id
					want, ok := v.Get(one)
					picked, found := got.Get(one)
					if ok && (!found || !Equal(want, picked)) {
						t.Fatalf("%s with %q: %s became %v", one, in, want, picked)
					}
				}
				continue
			}
			want, ok := v.Get(p)
			picked, found := got.Get(p)
			if ok != found || ok && !Equal(want, picked) {
				t.Fatalf("%s with %q: %s became %v", p, in, want, picked)
			}
		}
		if again := got.Select(s); again.String() != got.String() {
			t.Fatalf("%q chose %s from %s", in, again, got)
		}
		if strings.Contains(in, "d") && strings.Contains(in, "a") {
			return // perhaps part of an array's elements, which a merge would replace
		}
		// What is chosen is part of the document.
		if merged := v.Merge(got); !Equal(merged, v) {
			t.Fatalf("%q chose %s", in, got)
		}
	})
}
