package rql

import (
	"os"
	"strings"
	"testing"
)

// What docs/rql.md shows is accepted, and what it says is refused is refused
// with the words that stand there.
func TestDocumentedExpressions(t *testing.T) {
	text, err := os.ReadFile("../../docs/rql.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, block := range strings.Split(string(text), "```rql\n") {
		if i == 0 {
			continue
		}
		block, _, _ = strings.Cut(block, "```")
		for line := range strings.Lines(block) {
			parse(t, strings.TrimSuffix(line, "\n"), Signals)
			n++
		}
	}
	if n < 10 {
		t.Errorf("%d expressions found", n)
	}
	for _, p := range placeholders {
		prefix, name, _ := strings.Cut(p, ":")
		if !strings.Contains(string(text), "`"+p+"`") && (!strings.Contains(string(text), "`"+prefix+":`") || !strings.Contains(string(text), "`"+name+"`")) {
			t.Errorf("placeholder %s is not documented", p)
		}
	}
	if _, err := Parse("eq(attributes/a, 1)", Condition); err == nil || !strings.Contains(string(text), err.Error()) {
		t.Errorf("not documented: %v", err)
	}
}
