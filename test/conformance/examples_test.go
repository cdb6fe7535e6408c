package conformance

import (
	_ "embed"
	"strings"
	"testing"
)

// examples are the names of the message examples about Things and Policies in
// Ditto's documentation: protocol/examples/things/generated and
// protocol/examples/policies/generated, without folder and ending. The one of an
// announcement is not among them: it comes when a subject's time has come, or
// when it is taken away, and has a test of its own in test/e2e.
// The pages beside that folder put them together and have none of their own.
//
//go:embed examples.txt
var examples string

// unseen are examples of what no message brings about in a test; the page has
// their codes.
var unseen = map[string]string{
	"things_thing_toomanymodifyingrequests":    "things:thing.toomanymodifyingrequests",
	"things_thing_unavailable":                 "things:thing.unavailable",
	"policies_policy_toomanymodifyingrequests": "policies:policy.toomanymodifyingrequests",
	"policies_policy_unavailable":              "policies:policy.unavailable",
}

func TestEachOfDittosExamplesHasACase(t *testing.T) {
	topics, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	named, stated := map[string]bool{}, map[string]bool{}
	for _, topic := range topics {
		for code := range topic.Errors {
			stated[code] = true
		}
		for _, c := range topic.Cases {
			for _, word := range strings.FieldsFunc(c.Source, func(r rune) bool { return strings.ContainsRune(" ,;()", r) }) {
				named[word] = true
			}
		}
	}
	for _, name := range strings.Fields(examples) {
		if !named[name] && !stated[unseen[name]] {
			t.Errorf("no case names the example %s as its source", name)
		}
	}
}
