package documents

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

func TestWhatTheDocumentsSayIsSo(t *testing.T) {
	t.Parallel()
	recipes, err := filepath.Glob(filepath.Join(root, "docs/recipes/*.md"))
	if err != nil || len(recipes) == 0 {
		t.Fatalf("no recipes: %v", err)
	}
	names := []string{"docs/mapping.md"}
	for _, path := range recipes {
		names = append(names, strings.TrimPrefix(filepath.ToSlash(path), root+"/"))
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".md"), func(t *testing.T) {
			t.Parallel()
			follow(t, name)
		})
	}
}
