package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// slow is the plainest answer there is: for each subject by itself it goes
// through all that is said about a path, and then weighs the subjects against
// each other.
type slow []said

type said struct {
	who    string
	what   Permission
	of     Resource
	path   string // "/a/b/"
	revoke bool
}

func slowOf(m *Model) (out slow) {
	for _, e := range m.Entries {
		for _, s := range e.Subjects {
			for _, r := range e.Resources {
				for _, what := range r.Grant {
					out = append(out, said{s.ID, what, r.Resource, slowPath(r.Path), false})
				}
				for _, what := range r.Revoke {
					out = append(out, said{s.ID, what, r.Resource, slowPath(r.Path), true})
				}
			}
		}
	}
	return out
}

func slowPath(p jsondoc.Pointer) string {
	if len(p) == 0 {
		return "/"
	}
	return "/" + strings.Join(p, "/") + "/"
}

// standing is what holds for one subject at a path: what the deepest place on
// the way says, and how deep that is; 0: nothing.
func (s slow) standing(who string, what Permission, of Resource, path string) (depth int, revoked bool) {
	for _, x := range s {
		if x.who != who || x.what != what || x.of != of || !strings.HasPrefix(path, x.path) {
			continue
		}
		if d := strings.Count(x.path, "/"); d > depth {
			depth, revoked = d, x.revoke
		} else if d == depth {
			revoked = revoked || x.revoke
		}
	}
	return depth, revoked
}

// granted weighs: the deepest counts, and at one depth a revoke.
func (s slow) granted(who Subjects, what Permission, of Resource, path string) bool {
	grant, revoke := 0, 0
	for _, w := range who {
		if d, revoked := s.standing(w, what, of, path); revoked {
			revoke = max(revoke, d)
		} else {
			grant = max(grant, d)
		}
	}
	return grant > revoke
}

func (s slow) places(of Resource, below string) (out []string) {
	for _, x := range s {
		if x.of == of && x.path != below && strings.HasPrefix(x.path, below) {
			out = append(out, x.path)
		}
	}
	return out
}

func (s slow) whole(who Subjects, what Permission, of Resource, path string) bool {
	if !s.granted(who, what, of, path) {
		return false
	}
	for _, place := range s.places(of, path) {
		for _, w := range who {
			if d, revoked := s.standing(w, what, of, place); revoked && d > strings.Count(path, "/") {
				return false
			}
		}
	}
	return true
}

func (s slow) some(who Subjects, what Permission, of Resource, path string) bool {
	if s.granted(who, what, of, path) {
		return true
	}
	for _, place := range s.places(of, path) {
		for _, w := range who {
			if d, revoked := s.standing(w, what, of, place); !revoked && d > strings.Count(path, "/") {
				return true
			}
		}
	}
	return false
}

func (s slow) view(who Subjects, of Resource, path string, v *jsondoc.Value) (string, bool) {
	granted := s.granted(who, Read, of, path)
	var parts []string
	switch v.Kind() {
	case jsondoc.KindObject:
		for name, member := range v.Members() {
			if text, ok := s.view(who, of, path+name+"/", member); ok {
				parts = append(parts, jsondoc.String(name).String()+":"+text)
			}
		}
		return "{" + strings.Join(parts, ",") + "}", granted || len(parts) > 0
	case jsondoc.KindArray:
		for element := range v.Elements() {
			if text, ok := s.view(who, of, path, element); ok {
				parts = append(parts, text)
			}
		}
		return "[" + strings.Join(parts, ",") + "]", granted || len(parts) > 0
	}
	return v.String(), granted
}

// dice makes Policies, paths and documents out of few names, so that they meet.
type dice struct{ *rand.Rand }

var (
	diceNames    = []string{"a", "b", "c", "d", "e", "f"}
	diceSubjects = []string{"u:1", "u:2", "u:3", "g:1", "g:2"}
	diceKinds    = []Resource{Thing, Thing, Thing, Policy, Message}
	dicePerms    = []Permission{Read, Read, Write, Execute}
)

func pick[T any](d dice, from []T) T { return from[d.IntN(len(from))] }

func (d dice) path() jsondoc.Pointer {
	var p jsondoc.Pointer
	for range d.IntN(5) {
		p = append(p, pick(d, diceNames[:1+d.IntN(len(diceNames))]))
	}
	return p
}

func (d dice) who() (who Subjects) {
	for _, s := range append(diceSubjects, "u:other") {
		if d.IntN(3) == 0 {
			who = append(who, s)
		}
	}
	return who
}

func (d dice) perms() (list []Permission) {
	for _, what := range []Permission{Read, Write, Execute} {
		if d.IntN(3) == 0 {
			list = append(list, what)
		}
	}
	return list
}

func (d dice) model(entries int) *Model {
	m := &Model{ID: "n:p"}
	for i := range entries {
		e := Entry{Label: fmt.Sprint("e", i), Importable: Implicit}
		for _, s := range diceSubjects {
			if d.IntN(3) == 0 {
				e.Subjects = append(e.Subjects, Subject{ID: s, Type: "t"})
			}
		}
		for range d.IntN(4) {
			r := Permissions{Resource: pick(d, diceKinds), Path: d.path(), Grant: d.perms(), Revoke: d.perms()}
			if !slices.ContainsFunc(e.Resources, func(o Permissions) bool { return o.Key() == r.Key() }) {
				e.Resources = append(e.Resources, r)
			}
		}
		m.Entries = append(m.Entries, e)
	}
	return m
}

func (d dice) value(depth int) *jsondoc.Value {
	switch n := d.IntN(8); {
	case depth > 0 && n < 5:
		var members []jsondoc.Member
		for range d.IntN(5) {
			members = append(members, jsondoc.Member{Name: pick(d, diceNames), Value: d.value(depth - 1)})
		}
		return jsondoc.Object(members...)
	case depth > 0 && n == 5:
		var elements []*jsondoc.Value
		for range d.IntN(4) {
			elements = append(elements, d.value(depth-1))
		}
		return jsondoc.Array(elements...)
	case n == 6:
		return jsondoc.Null()
	}
	return jsondoc.Int(d.Int64N(1000))
}

// sizes of Policies: most are small, some have more entries than a word or the
// room for a set has bits.
func (d dice) entries(round int) int {
	switch {
	case round%500 == 499:
		return 1030
	case round%50 == 49:
		return 60 + d.IntN(10)
	}
	return 1 + d.IntN(7)
}

func TestEnforcerAnswersLikeAPlainSlowOne(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(6, 39))}
	for round := range 800 {
		m := d.model(d.entries(round))
		e, err := Resolve(m, ResolveOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s := slowOf(m)
		for range 30 {
			who, what, of, path := d.who(), pick(d, dicePerms), pick(d, diceKinds), d.path()
			if got, want := e.Whole(who, what, of, path), s.whole(who, what, of, slowPath(path)); got != want {
				t.Fatalf("round %d: whole %s %s:%s for %v: %t\n%s\n%s", round, what, of, path, who, got, m.JSON(), e.Explain(who, what, of, path))
			}
			if got, want := e.Some(who, what, of, path), s.some(who, what, of, slowPath(path)); got != want {
				t.Fatalf("round %d: some %s %s:%s for %v: %t\n%s\n%s", round, what, of, path, who, got, m.JSON(), e.Explain(who, what, of, path))
			}
			r := e.Explain(who, what, of, path)
			here := len(r.Here) > 0 && r.Here[0].Effect == "grant"
			if r.Whole != (here && len(r.Below) == 0) || r.Some != (here || len(r.Below) > 0) {
				t.Fatalf("round %d: %s %s:%s for %v\n%s\n%s", round, what, of, path, who, m.JSON(), r)
			}
		}
	}
}

func TestViewIsWhatMayBeReadLeafByLeaf(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(6, 40))}
	cut := 0
	for round := range 800 {
		m := d.model(d.entries(round))
		e, err := Resolve(m, ResolveOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s, v := slowOf(m), d.value(4)
		for v.Len() < 3 {
			v = d.value(4)
		}
		for range 10 {
			who, of := d.who(), pick(d, diceKinds)
			at := d.path()
			if d.IntN(4) > 0 {
				at = nil
			}
			got, any := e.View(who, of, at, v)
			want, some := s.view(who, of, slowPath(at), v)
			if any != some || any && got.String() != want || !any && got != nil {
				t.Fatalf("round %d: view of %s at %s:%s for %v: %v\n%s\nwant %s %t", round, v, of, at, who, got, m.JSON(), want, some)
			}
			if any && want == v.String() && got != v {
				t.Fatalf("round %d: a view of all of it is a copy: %s", round, v)
			}
			if any && want != v.String() {
				cut++
			}
		}
	}
	if cut < 120 {
		t.Errorf("only %d views were cut", cut)
	}
}

// The names that the dice use, to the depth of the deepest resource and one
// further, are all the places where two Policies can differ.
func allPlaces(depth int) []string {
	places := []string{"/"}
	for from := 0; depth > 0; depth-- {
		to := len(places)
		for _, p := range places[from:to] {
			for _, name := range []string{"a", "b", "c"} {
				places = append(places, p+name+"/")
			}
		}
		from = to
	}
	return places
}

func TestEqualViewKeysAreEqualViews(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(6, 41))}
	names := diceNames
	diceNames = diceNames[:3]
	defer func() { diceNames = names }()
	places := allPlaces(5)
	byKey, byView := map[string]string{}, map[string]string{}
	met := 0
	for round := range 800 {
		m := d.model(1 + d.IntN(3))
		if round%200 == 199 {
			m = d.model(70)
		}
		e, err := Resolve(m, ResolveOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s := slowOf(m)
		for range 4 {
			who, of := d.who(), pick(d, diceKinds)
			key := e.ViewKey(who, of)
			if again := e.ViewKey(slices.Clone(who), of); again != key {
				t.Fatalf("%q and then %q", key, again)
			}
			s := slices.DeleteFunc(slices.Clone(s), func(x said) bool { return x.what != Read || x.of != of || !slices.Contains(who, x.who) })
			view := make([]byte, len(places))
			for i, p := range places {
				view[i] = '-'
				if s.granted(who, Read, of, p) {
					view[i] = '+'
				}
			}
			if there, ok := byKey[key]; ok && there != string(view) {
				t.Fatalf("round %d: %q is the key of two views\n%s", round, key, m.JSON())
			}
			if there, ok := byView[string(view)]; ok {
				met++
				if there != key {
					t.Fatalf("round %d: %q and %q are keys of the same view\n%s", round, key, there, m.JSON())
				}
			}
			byKey[key], byView[string(view)] = string(view), key
			if nothing := !strings.Contains(string(view), "+"); nothing != (key == "") {
				t.Fatalf("round %d: %q, nothing: %t", round, key, nothing)
			}
		}
	}
	if met < 100 || len(byKey) < 100 {
		t.Errorf("%d keys, %d met again", len(byKey), met)
	}
}

func TestReadersAreThoseWhoMayReadSomething(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(6, 42))}
	for range 300 {
		m := d.model(1 + d.IntN(6))
		e, err := Resolve(m, ResolveOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s, path := slowOf(m), d.path()
		var want []string
		for _, who := range diceSubjects {
			if s.some(Subjects{who}, Read, Thing, slowPath(path)) {
				want = append(want, who)
			}
		}
		got := e.Readers(Thing, path)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%s: %v, want %v in %s", path, got, want, m.JSON())
		}
	}
}
