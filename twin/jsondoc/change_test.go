package jsondoc

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"testing"
)

func TestSet(t *testing.T) {
	for _, tc := range []struct{ doc, at, val, want string }{
		{`{"a":1,"b":2,"c":3}`, `/b`, `"x"`, `{"a":1,"b":"x","c":3}`},
		{`{"a":1,"b":2}`, `/c`, `3`, `{"a":1,"b":2,"c":3}`},
		{`{}`, `/a`, `1`, `{"a":1}`},
		{`{}`, `/a/b/c`, `[]`, `{"a":{"b":{"c":[]}}}`},
		{`{"a":{"x":{"y":1},"z":2},"b":0}`, `/a/x/w`, `{}`, `{"a":{"x":{"y":1,"w":{}},"z":2},"b":0}`},
		{`{"a":{"x":{"y":1},"z":2},"b":0}`, `/a/x/y`, `null`, `{"a":{"x":{"y":null},"z":2},"b":0}`},
		{`{"a":1}`, ``, `[1]`, `[1]`},
		{`3`, `/`, `{}`, `{}`},
		{`{"\u0061":1,"\n":2}`, `/a`, `3`, `{"\u0061":3,"\n":2}`},
		{`{"\u0061":1}`, `/b~1c~0`, `3`, `{"\u0061":1,"b/c~":3}`},
		{`{"a":1}`, "/q\"", `3`, `{"a":1,"q\"":3}`},
		{`{"a":1}`, "/\xff", `3`, `{"a":1,"` + "\uFFFD" + `":3}`},
		{`{"` + "\uFFFD" + `":1}`, "/\xff", `3`, `{"` + "\uFFFD" + `":3}`},
		{`{"a":{}}`, `/a/b`, `1`, `{"a":{"b":1}}`},
	} {
		doc := must(t, tc.doc)
		got, err := doc.Set(path(t, tc.at), must(t, tc.val))
		if err != nil || got.String() != tc.want || got.Size() != len(tc.want) {
			t.Errorf("%s at %s: got %v %v, want %s", tc.doc, tc.at, got, err, tc.want)
		}
		if over := doc.Overwrite(path(t, tc.at), must(t, tc.val)); over.String() != tc.want {
			t.Errorf("overwrite %s at %s: got %v", tc.doc, tc.at, over)
		}
		if folded, err := must(t, tc.doc).Compact().Set(path(t, tc.at), must(t, tc.val)); err != nil || folded.String() != tc.want {
			t.Errorf("%s folded, at %s: got %v %v", tc.doc, tc.at, folded, err)
		}
		if doc.String() != tc.doc {
			t.Errorf("%s became %s", tc.doc, doc)
		}
	}
}

func TestSetDoesNotLeadThroughOtherThanObjects(t *testing.T) {
	for _, tc := range []struct {
		doc, at string
		level   int
		kind    Kind
		over    string
	}{
		{`{"a":{"b":1}}`, `/a/b/c`, 2, KindNumber, `{"a":{"b":{"c":0}}}`},
		{`{"a":[{}]}`, `/a/0/c`, 1, KindArray, `{"a":{"0":{"c":0}}}`},
		{`{"a":null,"b":1}`, `/a/x`, 1, KindNull, `{"a":{"x":0},"b":1}`},
		{`"text"`, `/x`, 0, KindString, `{"x":0}`},
	} {
		got, err := must(t, tc.doc).Set(path(t, tc.at), Int(0))
		var pathErr *PathError
		if !errors.As(err, &pathErr) || pathErr.At != tc.level || pathErr.Kind != tc.kind {
			t.Errorf("%s at %s: got %v %v", tc.doc, tc.at, got, err)
		}
		if over := must(t, tc.doc).Overwrite(path(t, tc.at), Int(0)); over.String() != tc.over {
			t.Errorf("overwrite %s at %s: got %s, want %s", tc.doc, tc.at, over, tc.over)
		}
	}
	_, err := must(t, `{"a":{"b":1}}`).Set(Pointer{"a", "b", "c", "d"}, Int(0))
	if want := "cannot set /a/b/c/d: at /a/b there is a number, not an object"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestSetOfTheSameIsTheSame(t *testing.T) {
	doc := must(t, `{"a":{"b":1.0},"c":[]}`)
	for at, val := range map[string]string{"/a/b": `1.0`, "/a": `{"b":1.0}`, "/c": `[]`} {
		if got, err := doc.Set(path(t, at), must(t, val)); got != doc || err != nil {
			t.Errorf("%s: got another document %v %v", at, got, err)
		}
	}
	if got, _ := doc.Set(path(t, "/a/b"), Int(1)); got.String() != `{"a":{"b":1},"c":[]}` {
		t.Errorf("other digits were not taken: %s", got)
	}
}

func TestDelete(t *testing.T) {
	for _, tc := range []struct{ doc, at, want string }{
		{`{"a":1,"b":2,"c":3}`, `/b`, `{"a":1,"c":3}`},
		{`{"a":1,"b":2}`, `/a`, `{"b":2}`},
		{`{"a":1,"b":2}`, `/b`, `{"a":1}`},
		{`{"a":1}`, `/a`, `{}`},
		{`{"a":{"b":1}}`, `/a/b`, `{"a":{}}`},
		{`{"a":{"b":{"c":1,"\u0064":2},"e":3}}`, `/a/b/c`, `{"a":{"b":{"\u0064":2},"e":3}}`},
		{`{"a":{"b":{"c":1,"\u0064":2},"e":3}}`, `/a/b/d`, `{"a":{"b":{"c":1},"e":3}}`},
		{`{"a":null}`, `/a`, `{}`},
		{`{"a":1}`, `/b`, ``}, {`{"a":1}`, `/a/b`, ``}, {`{"a":[1]}`, `/a/0`, ``}, {`{}`, `/a`, ``},
		{`{"a":1}`, ``, ``}, {`{"a":{}}`, `/a/b`, ``}, {`1`, `/a`, ``},
	} {
		doc := must(t, tc.doc)
		got, ok := doc.Delete(path(t, tc.at))
		if ok != (tc.want != "") || ok && (got.String() != tc.want || got.Size() != len(tc.want)) || !ok && got != doc {
			t.Errorf("%s without %s: got %v %v, want %s", tc.doc, tc.at, got, ok, tc.want)
		}
	}
}

func TestMerge(t *testing.T) {
	for _, tc := range []struct{ doc, patch, want string }{
		// The examples of RFC 7396, appendix A.
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		// Beyond them.
		{`{"x":1,"y":2,"z":3}`, `{"w":4,"z":0,"x":null,"v":5}`, `{"y":2,"z":0,"w":4,"v":5}`},
		{`{"x":1}`, `{"x":null,"y":{"a":[null,{"b":null}],"c":null,"d":"null"}}`, `{"y":{"a":[null,{"b":null}],"d":"null"}}`},
		{`{"x":5}`, `{"x":{"y":null}}`, `{"x":{}}`},
		{`{"x":5}`, `{"x":{}}`, `{"x":{}}`},
		{`{"x":{"y":1}}`, `{"x":{}}`, `{"x":{"y":1}}`},
		{`{}`, `{}`, `{}`},
		{`{"x":1}`, `{"x":1.0}`, `{"x":1.0}`},
		{`{"\u0061":1,"b\n":2}`, `{"a":3,"\u0063":4,"b\n":null}`, `{"\u0061":3,"\u0063":4}`},
		{`{"a":1,"b":1}`, `{"a":null,"b":null}`, `{}`},
		{`{"a":1,"b":1}`, `{"a":null,"b":null,"c":null}`, `{}`},
		{`{"a":{"b":{"c":1}}}`, `{"a":{"b":{"c":null}}}`, `{"a":{"b":{}}}`},
	} {
		doc, patch := must(t, tc.doc), must(t, tc.patch)
		if got := doc.Merge(patch.Fold()); got.String() != tc.want || got.Size() != len(tc.want) {
			t.Errorf("%s with %s, read through: got %s of %d, want %s", tc.doc, tc.patch, got, got.Size(), tc.want)
		}
		got := doc.Merge(patch)
		if again := got.Merge(patch.Fold()); again != got {
			t.Errorf("%s with %s once more, read through, is %s", tc.doc, tc.patch, again)
		}
		if got.String() != tc.want || got.Size() != len(tc.want) {
			t.Errorf("%s with %s: got %s of %d, want %s", tc.doc, tc.patch, got, got.Size(), tc.want)
		}
		if again := got.Merge(patch); again != got {
			t.Errorf("%s with %s once more is %s", tc.doc, tc.patch, again)
		}
		if doc.String() != tc.doc || patch.String() != tc.patch {
			t.Errorf("%s and %s were changed", tc.doc, tc.patch)
		}
		if got, err := doc.MergePatterns(patch); err != nil || got.String() != tc.want {
			t.Errorf("with patterns: %s %v", got, err)
		}
	}
}

func TestMergePatternsRemoveMatchingMembers(t *testing.T) {
	days := `{"2023-04-01":true,"2023-04-02":2,"2023-04-13":3,"x":{"k1":1,"k2":2}}`
	for _, tc := range []struct{ doc, patch, want string }{
		{days, `{"{{ ~2023-04-0.~ }}":null}`, `{"2023-04-13":3,"x":{"k1":1,"k2":2}}`},
		{days, `{"{{/.*04-02/}}":null,"new":1}`, `{"2023-04-01":true,"2023-04-13":3,"x":{"k1":1,"k2":2},"new":1}`},
		{days, `{"{{ ~.*~ }}":null,"new":{"a":null}}`, `{"new":{}}`},
		{days, `{"{{ ~2023~ }}":null}`, days},
		{days, `{"x":{"{{ ~k1|k3~ }}":null}}`, `{"2023-04-01":true,"2023-04-02":2,"2023-04-13":3,"x":{"k2":2}}`},
		{days, `{"\u007b{ ~20.*~ }}":null}`, `{"x":{"k1":1,"k2":2}}`},
		// What matches is not merged with what the patch has, but replaced by it.
		{days, `{"{{ ~x~ }}":null,"x":{"k3":3}}`, `{"2023-04-01":true,"2023-04-02":2,"2023-04-13":3,"x":{"k3":3}}`},
		// Only nulls, and only with delimiters.
		{`{"a":1}`, `{"{{ ~a~ }}":2,"{{ b }}":3,"{{ b }}x":null,"{{~}}":null}`, `{"a":1,"{{ ~a~ }}":2,"{{ b }}":3}`},
		{`{"{{ c }}":1}`, `{"{{ c }}":null}`, `{}`},
		{`1`, `{"{{ ~a~ }}":null}`, `{}`},
		{`{"x":1}`, `{"x":{"{{ ~a~ }}":null}}`, `{"x":{}}`},
	} {
		got, err := must(t, tc.doc).MergePatterns(must(t, tc.patch))
		if err != nil || got.String() != tc.want || got.Size() != len(tc.want) {
			t.Errorf("%s with %s: got %v %v, want %s", tc.doc, tc.patch, got, err, tc.want)
		}
	}
	var bad *PatternError
	if got, err := must(t, `{"a":{"b":1}}`).MergePatterns(must(t, `{"a":{"{{ ~(~ }}":null}}`)); !errors.As(err, &bad) || bad.Name != "{{ ~(~ }}" {
		t.Errorf("got %v, %v", got, err)
	}
}

// FuzzChange plays changes against encoding/json's maps.
func FuzzChange(f *testing.F) {
	f.Add(`{"a":{"b":{"c":1}},"b":[1,null],"\u0063":null}`, `{"a":{"b":null,"x":{"y":null}},"d":1}`, `/a/b/c`, uint8(0))
	f.Add(`{"a":1}`, `{"a":null}`, `/a/b`, uint8(1))
	f.Add(`{"a":{"b":1}}`, `[null]`, `/a/b`, uint8(2))
	f.Add(`{"a":{"b":1}}`, `null`, `x`, uint8(40))
	f.Fuzz(func(t *testing.T, docText, valText, at string, more uint8) {
		doc, err := ParseString(docText)
		if err != nil {
			return
		}
		val, err := ParseString(valText)
		if err != nil {
			return
		}
		p, err := ParsePointer(at)
		if err != nil {
			return
		}
		for i := range p {
			p[i] = validName(p[i])
		}
		model := func() any { return oracle(t, []byte(docText)) }
		// Enough members to have an index, and a document that is partly made.
		if doc.Kind() == KindObject {
			for i := range int(more) {
				doc = doc.Overwrite(Pointer{fmt.Sprint("m", i)}, Int(int64(i)))
			}
			docText = doc.String()
		}
		check := func(what string, got *Value, want any) {
			t.Helper()
			if got.Size() != len(got.String()) {
				t.Fatalf("%s: size %d of %s", what, got.Size(), got)
			}
			if !reflect.DeepEqual(decoded(got), want) {
				t.Fatalf("%s of %s with %s at %v: got %s, want %v", what, docText, valText, p, got, want)
			}
			parsed, err := Parse([]byte(got.String()), Limits{Depth: 1000})
			if err != nil || !Equal(parsed, got) {
				t.Fatalf("%s: %s does not come back: %v", what, got, err)
			}
		}

		wantVal := oracle(t, []byte(valText))
		set, err := doc.Set(p, val)
		wantSet, blocked := modelSet(model(), p, wantVal, false)
		if (err != nil) != blocked {
			t.Fatalf("set %v in %s: %v", p, docText, err)
		}
		if err == nil {
			check("set", set, wantSet)
			if got, ok := set.Get(p); !ok || got.String() != val.String() {
				t.Fatalf("set %s at %v, got %v", val, p, got)
			}
		}
		over := doc.Overwrite(p, val)
		wantOver, _ := modelSet(model(), p, wantVal, true)
		check("overwrite", over, wantOver)

		deleted, ok := doc.Delete(p)
		wantDeleted, wantOK := modelDelete(model(), p)
		if ok != wantOK {
			t.Fatalf("delete %v from %s: %v", p, docText, ok)
		}
		check("delete", deleted, wantDeleted)

		check("merge", doc.Merge(val), modelMerge(model(), wantVal))
		if split, text := doc.Merge(val.split()).String(), doc.Merge(val.Fold()).String(); split != text {
			t.Fatalf("%s with %s: %s, and read through %s", docText, valText, split, text)
		}
		check("merge below", doc.Merge(Nest(p, val)), modelMerge(model(), decoded(Nest(p, val))))
		check("doc", doc, model())
	})
}

// split is the value with its parts, all the way down.
func (v *Value) split() *Value {
	for _, member := range v.Members() {
		member.split()
	}
	for element := range v.Elements() {
		element.split()
	}
	return v
}

func modelSet(doc any, p Pointer, val any, force bool) (any, bool) {
	if len(p) == 0 {
		return val, false
	}
	object, ok := doc.(map[string]any)
	if !ok {
		if !force {
			return nil, true
		}
		object = map[string]any{}
	}
	object = maps.Clone(object)
	next, found := object[p[0]]
	if !found {
		next = map[string]any{}
	}
	var blocked bool
	object[p[0]], blocked = modelSet(next, p[1:], val, force)
	return object, blocked
}

func modelDelete(doc any, p Pointer) (any, bool) {
	object, ok := doc.(map[string]any)
	if !ok || len(p) == 0 {
		return doc, false
	}
	next, found := object[p[0]]
	if !found {
		return doc, false
	}
	object = maps.Clone(object)
	if len(p) == 1 {
		delete(object, p[0])
		return object, true
	}
	object[p[0]], ok = modelDelete(next, p[1:])
	return object, ok
}

func modelMerge(doc, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := doc.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	object = maps.Clone(object)
	for name, change := range changes {
		if change == nil {
			delete(object, name)
		} else {
			object[name] = modelMerge(object[name], change)
		}
	}
	return object
}
