package topics

import "testing"

func TestOverlapAndCovers(t *testing.T) {
	for _, test := range []struct {
		a, b            string
		overlap         bool
		covers, covered bool // a covers b, b covers a
	}{
		{"a", "a", true, true, true},
		{"a", "b", false, false, false},
		{"a/b", "a", false, false, false},
		{"a/#", "a", true, true, false},
		{"a/#", "a/b/c", true, true, false},
		{"a/#", "b/#", false, false, false},
		{"a/+/c", "a/b/+", true, false, false},
		{"a/+", "a/b", true, true, false},
		{"a/+", "a/b/c", false, false, false},
		{"a/+", "a/#", true, false, true},
		{"a/+/#", "a/b", true, true, false},
		{"a/+/#", "a", false, false, false},
		{"+", "#", true, false, true},
		{"#", "#", true, true, true},
		{"+/b", "a/+", true, false, false},
		{"#", "$SYS/#", false, false, false},
		{"+/x", "$SYS/x", false, false, false},
		{"$SYS/#", "$SYS/a", true, true, false},
		{"/a", "+/a", true, false, true},
		{"/", "+/+", true, false, true},
		{"a//b", "a/+/b", true, false, true},
	} {
		if got := Overlap(test.a, test.b); got != test.overlap {
			t.Errorf("Overlap(%q, %q): %v", test.a, test.b, got)
		}
		if got := Overlap(test.b, test.a); got != test.overlap {
			t.Errorf("Overlap(%q, %q): %v", test.b, test.a, got)
		}
		if got := Covers(test.a, test.b); got != test.covers {
			t.Errorf("Covers(%q, %q): %v", test.a, test.b, got)
		}
		if got := Covers(test.b, test.a); got != test.covered {
			t.Errorf("Covers(%q, %q): %v", test.b, test.a, got)
		}
	}
}

// What a filter covers and overlaps is what its names say.
func TestOverlapAndCoversAgreeWithMatch(t *testing.T) {
	levels := []string{"a", "b", "+", "$s"}
	var filters, names []string
	var build func(prefix string, depth int)
	build = func(prefix string, depth int) {
		for _, l := range append(levels, "#") {
			f := l
			if prefix != "" {
				f = prefix + "/" + l
			}
			filters = append(filters, f)
			if l != "#" && depth > 1 {
				build(f, depth-1)
			}
		}
	}
	build("", 3)
	for _, f := range filters {
		if ValidName(f) == nil {
			names = append(names, f, f+"/z", f+"/z/z")
		}
	}
	names = append(names, "z", "z/z", "z/z/z", "z/z/z/z", "z/a", "a/z", "a/z/a", "z/a/a", "z/b", "b/z/b", "z/b/b", "z/a/b", "z/b/a", "a/z/b", "b/z/a", "z/z/a", "z/z/b", "z/a/z", "z/b/z",
		"z/$s", "z/$s/a", "z/$s/b", "z/$s/$s", "z/$s/z", "z/a/$s", "z/b/$s", "z/z/$s", "a/z/$s", "b/z/$s", "$s/z/a", "$s/z/b", "$s/z/$s")
	for _, f := range filters {
		for _, g := range filters {
			overlap, covers := false, true
			for _, n := range names {
				inF, inG := Match(f, n), Match(g, n)
				overlap = overlap || inF && inG
				covers = covers && (inF || !inG)
			}
			if got := Overlap(f, g); got != overlap {
				t.Fatalf("Overlap(%q, %q): %v", f, g, got)
			}
			if got := Covers(f, g); got && !covers {
				t.Fatalf("Covers(%q, %q)", f, g)
			}
		}
	}
}
