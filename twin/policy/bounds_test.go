package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Entries that refer to one with many namespaces bring more together than any
// sensible Policy needs, though each of them is short.
func TestNamespacesCountAmongWhatAPolicyBringsTogether(t *testing.T) {
	var patterns, entries []string
	for n := range 5000 {
		patterns = append(patterns, fmt.Sprintf(`"n%d"`, n))
	}
	for n := range 1500 {
		entries = append(entries, fmt.Sprintf(`"e%d":{"references":[{"entry":"N"}]}`, n))
	}
	v, err := jsondoc.ParseString(`{"entries":{"N":{"namespaces":[` + strings.Join(patterns, ",") + `]},` + strings.Join(entries, ",") + `}}`)
	if err != nil {
		t.Fatal(err)
	}
	m, refused := Parse("n:p", v)
	if refused != nil {
		t.Fatal(refused)
	}
	_, err = Resolve(m, ResolveOptions{})
	var endless *protocol.Error
	if !errors.As(err, &endless) || endless.Code != "policies:import.invalid" {
		t.Errorf("%v", err)
	}
}

// What is kept for many namespaces and many readers is bounded in bytes, also
// for a Policy of which each answer is large.
func TestWhatALargePolicyKeepsIsBounded(t *testing.T) {
	const entries = 600
	var list []string
	for n := range entries {
		list = append(list, fmt.Sprintf(`"e%d":{"namespaces":["other%d","n%d"],"subjects":{"u:%d":{"type":"x"}},"resources":{"thing:/a/p%d":{"grant":["READ"],"revoke":[]}}}`, n, n, n%97, n, n))
	}
	v, err := jsondoc.ParseString(`{"entries":{` + strings.Join(list, ",") + `,"all":{"subjects":{"u:x":{"type":"x"}},"resources":{"thing:/b":{"grant":["READ"],"revoke":[]}}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	m, refused := Parse("n:p", v)
	if refused != nil {
		t.Fatal(refused)
	}
	e, err := Resolve(m, ResolveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	most := max(keptRoom, e.Size())
	for n := range entries {
		e.For(fmt.Sprintf("n%d", n%97))
		e.For(fmt.Sprintf("other%d", n))
		e.ViewKey(Subjects{fmt.Sprintf("u:%d", n), fmt.Sprintf("u:%d", n/2)}, Thing)
		kept := 0
		for _, other := range *e.namespaces.of.Load() {
			kept += other.Size()
		}
		for key, found := range *e.keys.of.Load() {
			kept += len(key) + len(found)
		}
		if kept > 2*most {
			t.Fatalf("after %d: %d bytes are kept by an Enforcer of %d", n, kept, e.Size())
		}
	}
	if got := e.ViewKey(Subjects{"u:1"}, Thing); got != "+/a/p1 " {
		t.Errorf("%q", got)
	}
}
