package jsondoc

import "testing"

func TestSomethingIsPutIntoAnEmptyObject(t *testing.T) {
	for _, tc := range []struct {
		doc  string
		path Pointer
		want string
	}{
		{`{"a":{}}`, Pointer{"a", "b"}, `{"a":{"b":1}}`},
		{`{"a":{},"z":0}`, Pointer{"a", "b", "c"}, `{"a":{"b":{"c":1}},"z":0}`},
		{`{"a":{"b":{}}}`, Pointer{"a", "b", "c"}, `{"a":{"b":{"c":1}}}`},
		{`{"a":{"b":{"c":{}}},"z":{}}`, Pointer{"a", "b", "c", "d"}, `{"a":{"b":{"c":{"d":1}}},"z":{}}`},
		{`{}`, Pointer{"a"}, `{"a":1}`},
	} {
		v, err := ParseString(tc.doc)
		if err != nil {
			t.Fatal(err)
		}
		split, err := ParseString(tc.doc)
		if err != nil {
			t.Fatal(err)
		}
		for range split.Members() {
		}
		// What was just parsed, what was not looked into, and what was.
		for _, doc := range []*Value{v, v.Compact(), v.Fold(), split} {
			if got, err := doc.Set(tc.path, Int(1)); err != nil || got.String() != tc.want {
				t.Errorf("%s: %v, %v", tc.doc, got, err)
			}
		}
	}
}
