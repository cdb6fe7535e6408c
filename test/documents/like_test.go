package documents

import "testing"

func TestTextLike(t *testing.T) {
	for _, test := range []struct {
		shown, text string
		want        bool
	}{
		{"a", "a", true},
		{"a", "ab", false},
		{"…", "", true},
		{"a…c", "abc", true},
		{"a…c", "abcd", false},
		{"a…b…c", "a b b c", true},
		{"a…b…c", "a c", false},
		{"…b", "ab", true},
		{"a…a", "a", false},
	} {
		if got := textLike(test.shown, test.text); got != test.want {
			t.Errorf("%q, %q: %v", test.shown, test.text, got)
		}
	}
}

func TestJSONLikeTellsWhereTextsDiffer(t *testing.T) {
	for _, test := range []struct{ shown, text, want string }{
		{`{"a":1,"b":[true]}`, `{"b":[true],"a":1}`, ""},
		{`{"at":"…"}`, `{"at":"2026"}`, ""},
		{`{"a":1.50}`, `{"a":1.5}`, "/a is 1.5, the document says 1.50"},
		{`{"a":1}`, `{"a":"1"}`, "/a is 1, the document says 1"},
		{`{"a":{"b":1}}`, `{"a":{}}`, "/a/b is not there"},
		{`{"a":{}}`, `{"a":{"b":1}}`, "/a/b is there and should not be"},
		{`[1,2]`, `[1]`, " is [1], the document says [1 2]"},
		{`{"a":null}`, `{"a":0}`, "/a is 0, the document says <nil>"},
		{`{"a":{}}`, `{"a":[]}`, "/a is [], the document says map[]"},
	} {
		got, err := jsonLike(test.shown, test.text)
		if err != nil || got != test.want {
			t.Errorf("%s, %s: %q, %v", test.shown, test.text, got, err)
		}
	}
}
