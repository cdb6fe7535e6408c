package topics

import (
	"fmt"
	"slices"
	"testing"
)

// The examples are those of MQTT 5.0 section 4.7, and what brokers get wrong.
var matching = []struct {
	filter, name string
	want         bool
}{
	{"sport/tennis/player1/#", "sport/tennis/player1", true},
	{"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
	{"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
	{"sport/#", "sport", true},
	{"#", "sport/tennis", true},
	{"sport/tennis/+", "sport/tennis/player1", true},
	{"sport/tennis/+", "sport/tennis/player1/ranking", false},
	{"sport/+", "sport", false},
	{"sport/+", "sport/", true},
	{"+/+", "/finance", true},
	{"/+", "/finance", true},
	{"+", "/finance", false},
	{"+/#", "finance", true},
	{"a/+/#", "a/b", true},
	{"twin/+/+/#", "twin/org.acme/lamp-1", true},
	{"#", "$SYS/uptime", false},
	{"+/uptime", "$SYS/uptime", false},
	{"$SYS/#", "$SYS/uptime", true},
	{"$SYS/+", "$SYS/uptime", true},
	{"a//b", "a//b", true},
	{"a/+/b", "a//b", true},
	{"a/b", "a/c", false},
	{"a/b/c", "a/b", false},
	{"a", "a/b", false},
}

func TestFilterMatchesName(t *testing.T) {
	for _, c := range matching {
		t.Run(c.filter+" "+c.name, func(t *testing.T) {
			if got := Match(c.filter, c.name); got != c.want {
				t.Errorf("Match = %v", got)
			}
			var filters Filters[string, int]
			filters.Add(c.filter, "k", 1)
			n := 0
			filters.Match(c.name, func(string, int) { n++ })
			if (n == 1) != c.want {
				t.Errorf("Filters.Match found %d", n)
			}
			var names Names[string]
			names.Set(c.name, "v")
			if got := names.Match(c.filter); (len(got) == 1) != c.want {
				t.Errorf("Names.Match found %v", got)
			}
		})
	}
}

func TestFiltersKeepOneValueForEachFilterAndKey(t *testing.T) {
	var f Filters[string, int]
	if f.Add("a/+", "x", 1) || !f.Add("a/+", "x", 2) || f.Add("a/+", "y", 3) || f.Add("a/#", "x", 4) {
		t.Error("Add says wrongly whether it replaced")
	}
	if f.Len() != 3 {
		t.Errorf("Len = %d", f.Len())
	}
	var got []string
	f.Match("a/b", func(k string, v int) { got = append(got, fmt.Sprint(k, v)) })
	slices.Sort(got)
	if !slices.Equal(got, []string{"x2", "x4", "y3"}) {
		t.Errorf("got %v", got)
	}
	if !f.Remove("a/+", "x") || f.Remove("a/+", "x") || f.Remove("b", "x") || !f.Remove("a/+", "y") || !f.Remove("a/#", "x") {
		t.Error("Remove says wrongly whether it was there")
	}
	if !f.root.empty() || f.Len() != 0 {
		t.Error("nodes are left over")
	}
}

func TestNamesForgetWhatWasDeleted(t *testing.T) {
	var n Names[int]
	n.Set("a/b", 1)
	n.Set("a", 2)
	n.Set("a", 3)
	if n.Len() != 2 || !n.Delete("a") || n.Delete("a") || n.Delete("x/y") {
		t.Error("Set or Delete count wrongly")
	}
	if got := n.Match("#"); len(got) != 1 || got[0] != 1 {
		t.Errorf("got %v", got)
	}
	n.Delete("a/b")
	if len(n.root.children) != 0 {
		t.Error("nodes are left over")
	}
}

func TestValidFilterAndName(t *testing.T) {
	for _, f := range []string{"a", "/", "+", "#", "a/#", "+/a/+/#", "$share/g/a/#", "$SYS/#", "a//b"} {
		if err := ValidFilter(f); err != nil {
			t.Errorf("%q: %v", f, err)
		}
	}
	for _, f := range []string{"", "a#", "#/a", "a/#/b", "a+", "+a/b", "$share/g", "$share/+/a", "$share//a", "$share", "$share/g/", "a\x00b", "a\xffb"} {
		if ValidFilter(f) == nil {
			t.Errorf("%q is taken", f)
		}
	}
	for _, n := range []string{"", "a/+", "#", "a\x00"} {
		if ValidName(n) == nil {
			t.Errorf("name %q is taken", n)
		}
	}
}

func TestCanReach(t *testing.T) {
	for _, c := range []struct {
		filter, root string
		want         bool
	}{
		{"#", "ditto", true}, {"+/a", "ditto", true}, {"ditto", "ditto", true}, {"ditto/x/+", "ditto", true},
		{"dittox/#", "ditto", false}, {"twin/#", "ditto", false}, {"a", "a/b", false}, {"a/+", "a/b", true}, {"a/#", "a/b", true}, {"#", "$SYS", false},
	} {
		if got := CanReach(c.filter, c.root); got != c.want {
			t.Errorf("CanReach(%q, %q) = %v", c.filter, c.root, got)
		}
	}
}

// FuzzMatch holds the two trees against the plain comparison.
func FuzzMatch(f *testing.F) {
	for _, c := range matching {
		f.Add(c.filter, c.name)
	}
	f.Fuzz(func(t *testing.T, filter, name string) {
		if ValidFilter(filter) != nil || ValidName(name) != nil {
			t.Skip()
		}
		if group, _ := SplitShared(filter); group != "" {
			t.Skip()
		}
		want := Match(filter, name)
		var filters Filters[int, int]
		filters.Add(filter, 0, 0)
		n := 0
		filters.Match(name, func(int, int) { n++ })
		var names Names[int]
		names.Set(name, 0)
		if m := len(names.Match(filter)); (n == 1) != want || (m == 1) != want || n > 1 || m > 1 {
			t.Errorf("filter %q name %q: %v, %d, %d", filter, name, want, n, m)
		}
	})
}

func BenchmarkFiltersMatch(b *testing.B) {
	var f Filters[int, int]
	f.Add("ditto/+/+/things/twin/events/#", 0, 0)
	for i := range 100 {
		f.Add(fmt.Sprintf("ditto/_replies/c%d", i), i, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		f.Match("ditto/org.acme/lamp-1/things/twin/events/modified", func(int, int) {})
	}
}
