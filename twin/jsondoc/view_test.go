package jsondoc

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A view shows what Get and its like give, of texts, split and made values.
func TestViewsShowWhatIsThere(t *testing.T) {
	const text = `{"a":{"b":[1,"x\ty",{"c":true},[],{}],"":null},"e\"s\u0063":{"ü":-1.50},"o":{},"l":[],"s":"","$":"$\"","d":"\\","n":[[1]],"long":"12345678901234567890 \u00e4"}`
	long := text[:len(text)-1] + `,"filler":"` + strings.Repeat("x", shortText) + `"}`
	for _, v := range []*Value{must(t, text), must(t, text).Fold(), rebuild(must(t, text)), must(t, long), must(t, long).Fold(), rebuild(must(t, long))} {
		sameView(t, v, v.View())
		for _, name := range []string{"x", "", "a", `e"sc`, "e", `e\"s\u0063`, "filler2"} {
			_, want := v.Member(name)
			if _, ok := v.View().Member(name); ok != want {
				t.Errorf("member %q: %v", name, ok)
			}
		}
	}
}

func sameView(t *testing.T, v *Value, w View) {
	t.Helper()
	if v.Kind() != w.Kind() {
		t.Fatalf("%s is %s", v, w.Kind())
	}
	if empty := strings.Contains(` {} [] "" `, " "+v.String()+" "); w.IsEmpty() != empty {
		t.Errorf("%s: empty is %v", v, !empty)
	}
	text, isText := v.Text()
	var room [8]byte
	if got, ok := w.Text(room[:]); got != text || ok != isText {
		t.Errorf("text of %s: %q", v, got)
	}
	yes, isBool := v.Bool()
	if got, ok := w.Bool(); got != yes || ok != isBool {
		t.Errorf("boolean of %s: %v, %v", v, got, ok)
	}
	digits, ok := w.Number()
	if ok != (v.Kind() == KindNumber) || ok && digits != v.String() {
		t.Errorf("number of %s: %q", v, digits)
	}
	items := w.Items()
	for name, member := range v.Members() {
		found, ok := w.Member(name)
		if !ok {
			t.Fatalf("no member %q in %s", name, v)
		}
		sameView(t, member, found)
		for _, p := range []Pointer{{name}, {name, "a"}, {name, "", "x"}, {name + "?", name}} {
			reach := 0
			for reach < len(p) {
				if _, ok := v.Get(p[:reach+1]); !ok {
					break
				}
				reach++
			}
			if got := w.Reach(p); got != reach {
				t.Errorf("%s reaches %d names in %s, want %d", p, got, v, reach)
			}
		}
		next, ok := items.Next()
		if !ok {
			t.Fatalf("no more in %s", v)
		}
		sameView(t, member, next)
	}
	for element := range v.Elements() {
		next, ok := items.Next()
		if !ok {
			t.Fatalf("no more in %s", v)
		}
		sameView(t, element, next)
	}
	if _, ok := items.Next(); ok {
		t.Errorf("more in %s", v)
	}
	if _, ok := w.Member("nobody"); ok {
		t.Errorf("a member of %s", v)
	}
}

func TestViewsTakeNoMemory(t *testing.T) {
	v := must(t, `{"a":{"b":[1,"x\ty",{"c\"":true}]}}`)
	if n := testing.AllocsPerRun(100, func() {
		a, _ := v.View().Member("a")
		b, _ := a.Member("b")
		items := b.Items()
		var room [16]byte
		for w, ok := items.Next(); ok; w, ok = items.Next() {
			w.Text(room[:])
			w.Member(`c"`)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAViewGoesThroughMembersAsAValueDoes(t *testing.T) {
	for _, text := range []string{`{}`, `[]`, `[1,2]`, `7`, `"a"`, `{"a":1,"b\n":"x\u0041","c":{"d":[1,{}]},"":null,"e":true}`,
		`{"long":"` + strings.Repeat("x", shortText) + `","n":1}`} {
		for _, folded := range []bool{false, true} {
			v, err := Parse([]byte(text), Limits{Folded: folded})
			if err != nil {
				t.Fatal(err)
			}
			var want, got []string
			for name, m := range v.View().Members() {
				plain, ok := m.Plain()
				if text := string(m.AppendTo(nil)); text != m.Value().String() {
					t.Errorf("%s is printed as %s", m.Value(), text)
				}
				got = append(got, name, m.Value().String(), plain, fmt.Sprint(ok, m.Len()))
			}
			for name, m := range v.Members() {
				plain, ok := "", m.Kind() == KindString && !strings.Contains(m.String(), `\`)
				if m.Kind() == KindString {
					plain = m.String()[1 : len(m.String())-1]
				}
				want = append(want, name, m.String(), plain, fmt.Sprint(ok, m.Len()))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%.40s: %q, want %q", text, got, want)
			}
			if v.View().Len() != v.Len() {
				t.Errorf("%.40s has %d members or elements", text, v.View().Len())
			}
		}
	}
}
