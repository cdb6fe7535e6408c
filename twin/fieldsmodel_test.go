package twin

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// node is a plain model of a JSON value: what was written, in its order.
type node struct {
	text    string // of a scalar
	names   []string
	members []*node // of an object, or the elements of an array if names is nil
	array   bool
}

func (n *node) isObject() bool { return n.text == "" && !n.array }

func (n *node) String() string {
	if n.text != "" {
		return n.text
	}
	parts := make([]string, len(n.members))
	for i, m := range n.members {
		parts[i] = m.String()
		if !n.array {
			parts[i] = `"` + n.names[i] + `":` + parts[i]
		}
	}
	if n.array {
		return "[" + strings.Join(parts, ",") + "]"
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (n *node) member(name string) *node {
	for i, have := range n.names {
		if have == name {
			return n.members[i]
		}
	}
	return nil
}

var (
	someNames   = []string{"a", "b", "c", "ж", "x y", "~", "*", "_revision", "features"}
	someScalars = []string{"1.50", "1e3", "-0", "0.000", "9007199254740993", "1E-7", "123456789012345678901234567890", `"\u00e4\/"`, `"t"`, "null", "true", "false"}
)

func randomNode(r *rand.Rand, depth int) *node {
	switch kind := r.IntN(10); {
	case depth == 0 || kind < 3:
		return &node{text: someScalars[r.IntN(len(someScalars))]}
	case kind < 5:
		n := &node{array: true}
		for range r.IntN(4) {
			n.members = append(n.members, randomNode(r, depth-1))
		}
		return n
	}
	return randomObject(r, depth)
}

func randomObject(r *rand.Rand, depth int) *node {
	n := &node{}
	for _, i := range r.Perm(len(someNames))[:r.IntN(5)] {
		n.names = append(n.names, someNames[i])
		n.members = append(n.members, randomNode(r, depth-1))
	}
	return n
}

// leadsTo: something is at the path, where any object of an array will do.
func (n *node) leadsTo(p []string) bool {
	switch {
	case len(p) == 0:
		return true
	case n.array:
		for _, e := range n.members {
			if e.isObject() && e.leadsTo(p) {
				return true
			}
		}
		return false
	}
	m := n.member(p[0])
	return m != nil && m.leadsTo(p[1:])
}

// pick takes what the paths lead to, in their order.
func (n *node) pick(paths [][]string) *node {
	switch {
	case n.text != "" || n.isObject() && len(n.members) == 0:
		return n
	case n.array:
		picked := &node{array: true}
		for _, e := range n.members {
			if e.isObject() {
				e = e.pick(paths)
			}
			picked.members = append(picked.members, e)
		}
		return picked
	}
	picked := &node{}
	for _, p := range paths {
		m := n.member(p[0])
		if m == nil || picked.member(p[0]) != nil {
			continue
		}
		var below [][]string
		whole := false
		for _, q := range paths {
			if q[0] == p[0] {
				whole = whole || len(q) == 1
				below = append(below, q[1:])
			}
		}
		if !whole {
			m = m.pick(below)
		}
		picked.names = append(picked.names, p[0])
		picked.members = append(picked.members, m)
	}
	return picked
}

func (n *node) choose(paths [][]string) *node {
	var there [][]string
	for _, p := range paths {
		if n.leadsTo(p) {
			there = append(there, p)
		}
	}
	return n.pick(there)
}

// Whatever is stored and asked for: numbers come back with their digits, strings
// with their escapes, and members in the order of the question, or as they were
// sent where all of an object is asked for. So does what was, long after.
func TestFieldsGiveBackWhatWasSent(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	w := newWorld(t, Options{})
	w.must(nakedID, "create", "/", naked)
	escape := strings.NewReplacer("~", "~0")
	type question struct{ fields, answer string }
	asked := map[int]question{}
	for revision := 2; revision < 150; revision++ {
		attributes := randomObject(r, 4)
		w.must(nakedID, "modify", "/attributes", attributes.String())
		var paths [][]string
		var fields []string
		for range 1 + r.IntN(5) {
			p := make([]string, 1+r.IntN(3))
			for i := range p {
				p[i] = someNames[r.IntN(len(someNames))]
			}
			paths = append(paths, p)
			fields = append(fields, escape.Replace(strings.Join(p, "/")))
		}
		q := question{strings.Join(fields, ","), attributes.choose(paths).String()}
		asked[revision] = q
		if got := text(w.send(ask(nakedID, "/attributes", `"x":1`, q.fields)).Response.Value); got != q.answer {
			t.Fatalf("%q of %s: %s, want %s", q.fields, attributes, got, q.answer)
		}
		whole := &node{names: []string{"attributes"}, members: []*node{attributes}}
		for i := range paths {
			paths[i] = append([]string{"attributes"}, paths[i]...)
		}
		want := whole.choose(paths).String()
		if got := text(w.send(ask(nakedID, "/", `"x":1`, "attributes("+q.fields+")")).Response.Value); got != want {
			t.Fatalf("%q of the attributes %s: %s, want %s", q.fields, attributes, got, want)
		}
	}
	w.reopen(Options{})
	for revision, q := range asked {
		o := w.send(ask(nakedID, "/attributes", atRevision(revision), q.fields))
		if got := text(o.Response.Value); got != q.answer {
			t.Fatalf("%q at revision %d: %s, want %s", q.fields, revision, got, q.answer)
		}
	}
}
