package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

func TestLongChainsOfImportsAreRefused(t *testing.T) {
	chain := func(n int) shelf {
		s := shelf{}
		for i := range n {
			s[fmt.Sprint("n:p", i)] = importing(fmt.Sprintf(`"n:p%d":{"transitiveImports":["n:p%d"]}`, i+1, i+2), fmt.Sprintf("e: u:%d has +R thing:/", i))
		}
		s[fmt.Sprint("n:p", n)] = importing(``, fmt.Sprintf("e: u:%d has +R thing:/", n))
		return s
	}
	asked(t, chain(10).resolve(t, "n:p0", nil), "u:9 READ thing:/ yes", "u:10 READ thing:/ yes")
	s := chain(13)
	_, err := Resolve(modelOf(t, "n:p0", s["n:p0"]), ResolveOptions{Load: s.load(t)})
	if e := protocol.AsError(err); e.Code != "policies:import.invalid" || e.Status != 400 || !strings.Contains(e.Error(), "n:p11") {
		t.Errorf("%v", err)
	}
}

// Policies that all import each other in all ways have more paths through them
// than there is time.
func TestImportsOfAllByAllAreRefused(t *testing.T) {
	const n = 11
	s := shelf{}
	for i := range n {
		var imports, ids []string
		for j := range n {
			if j != i {
				ids = append(ids, fmt.Sprintf(`"n:p%d"`, j))
			}
		}
		for j, id := range ids {
			others := slices.Delete(slices.Clone(ids), j, j+1)
			imports = append(imports, id+`:{"transitiveImports":[`+strings.Join(others[j%3:], ",")+`]}`)
		}
		s[fmt.Sprint("n:p", i)] = importing(strings.Join(imports, ","), fmt.Sprintf("e: u:%d has +R thing:/", i))
	}
	s["n:one"] = importing(`"n:p0":{"transitiveImports":["n:p1"]},"n:p1":{"transitiveImports":["n:p0","n:p2"]}`)
	start := s["n:one"]
	_, err := Resolve(modelOf(t, "n:one", start), ResolveOptions{Load: s.load(t)})
	if err != nil && protocol.AsError(err).Code != "policies:import.invalid" {
		t.Errorf("%v", err)
	}

	// A tree without cycles: each level ten times as wide.
	wide := func(id string) (*Model, error) {
		m := &Model{ID: id}
		for i := range 10 {
			next := fmt.Sprintf("%s%d", id, i)
			var all []string
			for j := 0; j < 10 && len(next) < len("n:w")+5; j++ {
				all = append(all, fmt.Sprintf("%s%d", next, j))
			}
			m.Imports = append(m.Imports, Import{Policy: next, Transitive: all})
		}
		return m, nil
	}
	m, _ := wide("n:w")
	_, err = Resolve(m, ResolveOptions{Load: wide})
	if e := protocol.AsError(err); err == nil || e.Code != "policies:import.invalid" || !strings.Contains(e.Message, "1,000") {
		t.Errorf("%v", err)
	}
}

func TestReferencesOfAllToAllAreRefused(t *testing.T) {
	var list []string
	const n = 330
	for i := range n {
		var refs []string
		for j := range n {
			if j != i {
				refs = append(refs, fmt.Sprintf(`{"entry":"e%d"}`, j))
			}
		}
		list = append(list, fmt.Sprintf(`"e%d":{%s,"references":[%s]}`, i, entry(fmt.Sprintf("u:%d has +R thing:/%d", i, i)), strings.Join(refs, ",")))
	}
	_, err := Resolve(modelOf(t, "n:p", `{"entries":{`+strings.Join(list, ",")+`}}`), ResolveOptions{})
	if e := protocol.AsError(err); err == nil || e.Code != "policies:import.invalid" {
		t.Errorf("%v", err)
	}
}

func TestLoaderErrorsAreGiven(t *testing.T) {
	broken := errors.New("disk on fire")
	load := func(id string) (*Model, error) { return nil, broken }
	for name, c := range map[string]struct {
		text  string
		roots Roots
	}{
		"import": {importing(`"n:i":{}`), nil},
		"root":   {importing(``), Roots{"*": {"n:root"}}},
	} {
		if e, err := Resolve(modelOf(t, "n:p", c.text), ResolveOptions{Load: load, Roots: c.roots}); e != nil || !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEachPolicyIsLoadedOnce(t *testing.T) {
	s := shelf{"n:i": importing(`"n:j":{}`), "n:j": importing(`"n:p":{}`), "n:p": importing(`"n:i":{"transitiveImports":["n:j"]},"n:j":{},"n:gone":{}`)}
	times := map[string]int{}
	e, err := Resolve(modelOf(t, "n:p", s["n:p"]), ResolveOptions{Roots: Roots{"n": {"n:gone", "n:j", "n:p"}}, Load: func(id string) (*Model, error) {
		times[id]++
		return s.load(t)(id)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Sources(); !slices.Equal(got, []string{"n:p", "n:i", "n:j", "n:gone"}) {
		t.Errorf("%v", got)
	}
	for id, n := range times {
		if n != 1 || id == "n:p" {
			t.Errorf("%s: %d times", id, n)
		}
	}
}
