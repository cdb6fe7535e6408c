package jsondoc

import (
	"fmt"
	"strings"
	"testing"
)

// What is said to be unfolded grows with what was looked up, and not with the
// length of texts.
func TestUnfoldedCountsPartsAndNotText(t *testing.T) {
	members := func(n, size int) *Value {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"m%d":%q`, i, strings.Repeat("x", size))
		}
		v, err := Parse([]byte("{"+b.String()[1:]+"}"), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return v.Fold()
	}
	few, many := members(20, 5000), members(2000, 50)
	for _, v := range []*Value{few, many} {
		if n := v.Unfolded(); n != 0 {
			t.Errorf("%d bytes before anything was looked up", n)
		}
		if _, ok := v.Member("m7"); !ok {
			t.Fatal("a member is missing")
		}
	}
	if a, b := few.Unfolded(), many.Unfolded(); a == 0 || a > few.Size()/10 || b < many.Size() {
		t.Errorf("20 large parts count for %d bytes, 2,000 small ones for %d", a, b)
	}
	if n := few.Fold().Unfolded(); n != 0 {
		t.Errorf("%d bytes when folded", n)
	}
}
