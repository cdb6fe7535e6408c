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
