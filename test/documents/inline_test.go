package documents

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
)

var inline = regexp.MustCompile("`(\\{expr: [^`]*\\})`")

// Readers copy what stands in a sentence, too.
func TestExpressionsWithinSentencesCompile(t *testing.T) {
	var names []string
	for _, pattern := range []string{"README.md", "docs/*.md", "docs/recipes/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	tried := 0
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range inline.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(found[1], "…") {
				continue
			}
			tried++
			mapping := "mappings:\n  - {topic: t, thing: 'a:b', set: {/attributes/a: " + found[1] + "}}\n"
			publication := "publications:\n  - {topic: t, payload: " + found[1] + "}\n"
			if problem := checked(t, mapping); problem != nil && checked(t, publication) != nil {
				t.Errorf("%s: %s: %v", name, found[1], problem)
			}
		}
	}
	if tried < 4 {
		t.Errorf("only %d were found", tried)
	}
}

func checked(t *testing.T, text string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "inline.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, problems := config.Load(file, config.Flags{})
	return problems.Err()
}
