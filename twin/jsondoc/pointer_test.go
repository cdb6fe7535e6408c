package jsondoc

import (
	"slices"
	"strings"
	"testing"
)

func TestParsePointer(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want Pointer
		out  string
	}{
		{"", nil, "/"},
		{"/", nil, "/"},
		{"/foo/bar/baz", Pointer{"foo", "bar", "baz"}, "/foo/bar/baz"},
		{"foo/bar", Pointer{"foo", "bar"}, "/foo/bar"},
		{"foo", Pointer{"foo"}, "/foo"},
		{"/foo/bar/", Pointer{"foo", "bar"}, "/foo/bar"},
		{"/foo/~0dum~0die~0dum/baz", Pointer{"foo", "~dum~die~dum", "baz"}, "/foo/~0dum~0die~0dum/baz"},
		{"/a~1b", Pointer{"a/b"}, "/a~1b"},
		{"/a~01", Pointer{"a~1"}, "/a~01"},
		{"/foo~bar/x~", Pointer{"foo~bar", "x~"}, "/foo~0bar/x~0"},
		{"/foo~2/~~0", Pointer{"foo~2", "~~"}, "/foo~02/~0~0"},
		{"/ ", Pointer{" "}, "/ "},
		{"/ä/%2F\"", Pointer{"ä", "%2F\""}, "/ä/%2F\""},
	} {
		p, err := ParsePointer(tc.in)
		if err != nil || !slices.Equal(p, tc.want) || p.String() != tc.out {
			t.Errorf("%q: got %q %s %v, want %q %s", tc.in, p, p, err, tc.want, tc.out)
		}
	}
	for _, in := range []string{"//", "//foo", "/foo//bar", "/foo//", "/foo///bar", "foo//"} {
		if p, err := ParsePointer(in); err == nil || !strings.Contains(err.Error(), in) {
			t.Errorf("%q gave %q, %v", in, p, err)
		}
	}
}

func FuzzPointer(f *testing.F) {
	for _, seed := range []string{"", "/", "/a~1b/~0/~", "a/b/", "//", "/~01", "/a/b/c/d/e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p, err := ParsePointer(in)
		if (err != nil) != strings.Contains(in, "//") {
			t.Fatalf("%q: %v", in, err)
		}
		if err != nil {
			return
		}
		if slices.Contains(p, "") {
			t.Fatalf("%q has an empty name: %q", in, p)
		}
		// RFC 6901, section 4, word for word: first ~1, then ~0.
		var want Pointer
		if rest := strings.TrimSuffix(strings.TrimPrefix(in, "/"), "/"); rest != "" {
			for _, name := range strings.Split(rest, "/") {
				want = append(want, strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~"))
			}
		}
		if !slices.Equal(p, want) {
			t.Fatalf("%q is %q, and must be %q", in, p, want)
		}
		again, err := ParsePointer(p.String())
		if err != nil || !slices.Equal(p, again) {
			t.Fatalf("%q is %q, but %s is %q, %v", in, p, p, again, err)
		}
	})
}
