package jsondoc

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// A large object goes through many changes of all kinds; a list of members that
// is copied each time says what must come out.
func TestLargeObjectsChangeLikeSmallOnes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	type member struct{ name, val string }
	var model []member
	text := func() string {
		var b strings.Builder
		for _, m := range model {
			fmt.Fprintf(&b, `,"%s":{"x":%s}`, m.name, m.val)
		}
		return "{" + strings.TrimPrefix(b.String(), ",") + "}"
	}
	for i := range 100 {
		model = append(model, member{fmt.Sprint("k", i), "0"})
	}
	v := must(t, text())
	type version struct {
		v    *Value
		text string
	}
	var history []version
	for step := range 2000 {
		i, val := r.IntN(len(model)), fmt.Sprint(step)
		name := model[i].name
		switch op := r.IntN(20); {
		case op == 0 && len(model) > 40:
			v, _ = v.Delete(Pointer{name})
			model = append(model[:i:i], model[i+1:]...)
		case op == 1 && len(model) < 150:
			v = v.Overwrite(Pointer{"new" + val, "x"}, Int(int64(step)))
			model = append(model, member{"new" + val, val})
		case op < 10:
			next, err := v.Set(Pointer{name, "x"}, Int(int64(step)))
			if err != nil {
				t.Fatal(err)
			}
			v, model[i].val = next, val
		case op < 18:
			v = v.Merge(must(t, fmt.Sprintf(`{"%s":{"x":%s}}`, name, val)))
			model[i].val = val
		default:
			j := (i + 1) % len(model)
			v = v.Merge(must(t, fmt.Sprintf(`{"%s":{"x":%s},"gone":null,"%s":{"x":%s}}`, name, val, model[j].name, val)))
			model[i].val, model[j].val = val, val
		}
		want := text()
		if v.Size() != len(want) {
			t.Fatalf("step %d: size %d, want %d", step, v.Size(), len(want))
		}
		if got, ok := v.Get(Pointer{model[len(model)/2].name, "x"}); !ok || got.String() != model[len(model)/2].val {
			t.Fatalf("step %d: got %v", step, got)
		}
		if step%50 == 0 {
			history = append(history, version{v, want})
			v = must(t, want)
		} else if step%7 == 0 {
			history = append(history, version{v, want})
		}
	}
	for i, h := range history {
		if h.v.String() != h.text {
			t.Fatalf("version %d is %s, want %s", i, h.v, h.text)
		}
	}
}
