package jsondoc

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// tree is a document decoded, with its order: a scalar's text as it came, an
// object or an array. Changes are written down here a second time, as simply
// as can be.
type tree struct {
	scalar string
	names  []string // of an object's members; nil for an array
	values []*tree
	object bool
}

func (n *tree) clone() *tree {
	c := &tree{scalar: n.scalar, object: n.object, names: slices.Clone(n.names)}
	for _, v := range n.values {
		c.values = append(c.values, v.clone())
	}
	return c
}

func (n *tree) String() string {
	if n.scalar != "" {
		return n.scalar
	}
	var parts []string
	for i, v := range n.values {
		if n.object {
			parts = append(parts, fmt.Sprintf("%q:%s", n.names[i], v))
		} else {
			parts = append(parts, v.String())
		}
	}
	if n.object {
		return "{" + strings.Join(parts, ",") + "}"
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// put replaces a member in its place or adds it at the end.
func (n *tree) put(name string, v *tree) {
	if i := slices.Index(n.names, name); i >= 0 {
		n.values[i] = v
		return
	}
	n.names, n.values = append(n.names, name), append(n.values, v)
}

func (n *tree) drop(name string) bool {
	i := slices.Index(n.names, name)
	if i >= 0 {
		n.names, n.values = slices.Delete(n.names, i, i+1), slices.Delete(n.values, i, i+1)
	}
	return i >= 0
}

func (n *tree) member(name string) *tree {
	if i := slices.Index(n.names, name); i >= 0 {
		return n.values[i]
	}
	return nil
}

// merge is the function MergePatch of RFC 7396, section 2, line by line.
func (n *tree) merge(patch *tree) *tree {
	if !patch.object {
		return patch.clone()
	}
	if n == nil || !n.object {
		n = &tree{object: true}
	}
	for i, name := range patch.names {
		if v := patch.values[i]; v.scalar == "null" {
			n.drop(name)
		} else {
			n.put(name, n.member(name).merge(v))
		}
	}
	return n
}

func (n *tree) set(p []string, v *tree) *tree {
	if len(p) == 0 {
		return v
	}
	if n == nil || !n.object {
		n = &tree{object: true}
	}
	n.put(p[0], n.member(p[0]).set(p[1:], v))
	return n
}

func (n *tree) delete(p []string) bool {
	for len(p) > 1 {
		if n = n.member(p[0]); n == nil || !n.object {
			return false
		}
		p = p[1:]
	}
	return n.object && n.drop(p[0])
}

var (
	treeNames   = []string{"a", "b", "c", "on", "0", "temp", "ключ"}
	treeScalars = []string{"null", "null", "true", "1", "1.0", "1e3", "23.420", "9007199254740993", "-0.00", `""`, `"x"`, `"\u00e9\n"`, `"\\/"`}
)

func randomTree(r *rand.Rand, depth int) *tree {
	kind := r.IntN(6)
	switch {
	case depth > 0 && kind > 1:
		n := &tree{object: true}
		for range r.IntN(5) {
			n.put(treeNames[r.IntN(len(treeNames))], randomTree(r, depth-1))
		}
		return n
	case depth > 0 && kind == 1:
		n := &tree{}
		for range r.IntN(3) {
			n.values = append(n.values, randomTree(r, depth-1))
		}
		return n
	}
	return &tree{scalar: treeScalars[r.IntN(len(treeScalars))]}
}

func randomPath(r *rand.Rand) Pointer {
	p := make(Pointer, 1+r.IntN(3))
	for i := range p {
		p[i] = treeNames[r.IntN(len(treeNames))]
	}
	return p
}

// Whatever is done to a document, in whatever order, it is what the plain
// model says, to the letter: order and digits too. Every version stays as it
// is when the next one is made.
func TestRandomChangesKeepOrderAndDigits(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7396))
		model := randomTree(r, 3)
		for !model.object {
			model = randomTree(r, 3)
		}
		// Enough members, sometimes, for an index and for overlays.
		for i := range r.IntN(3) * 25 {
			model.put(fmt.Sprint("m", i), &tree{scalar: "0"})
		}
		doc := must(t, model.String())
		for range 25 {
			before, was := doc, doc.String()
			var did string
			switch p := randomPath(r); r.IntN(4) {
			case 0:
				v := randomTree(r, 2)
				did = fmt.Sprint("set ", p, v)
				doc = doc.Overwrite(p, must(t, v.String()))
				model = model.set(p, v)
			case 1:
				did = fmt.Sprint("delete ", p)
				var ok bool
				if doc, ok = doc.Delete(p); ok != model.delete(p) {
					t.Fatalf("seed %d: %s of %s: %v", seed, did, was, ok)
				}
			case 2:
				v := randomTree(r, 3)
				for !v.object {
					v = randomTree(r, 3)
				}
				did = fmt.Sprint("merge ", v)
				doc = doc.Merge(must(t, v.String()))
				model = model.merge(v)
			default:
				v := randomTree(r, 2)
				did = fmt.Sprint("merge at ", p, v)
				doc = doc.Merge(Nest(p, must(t, v.String())))
				model = model.merge((*tree)(nil).set(p, v))
			}
			got := doc.String()
			if want := model.String(); got != want || doc.Size() != len(want) {
				t.Fatalf("seed %d: %s of\n%s gives\n%s of %d bytes, want\n%s", seed, did, was, got, doc.Size(), want)
			}
			if before.String() != was {
				t.Fatalf("seed %d: %s changed the version before from\n%s to\n%s", seed, did, was, before)
			}
			if doc.Kind() != KindObject {
				break
			}
			if r.IntN(8) == 0 {
				doc = doc.Compact()
			}
		}
	}
}
