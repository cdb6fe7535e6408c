package documents

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

func TestEachRecipeMakesOfItsRecordingWhatIsExpected(t *testing.T) {
	t.Parallel()
	recipes, err := filepath.Glob(filepath.Join(root, "docs/recipes/*.yaml"))
	if err != nil || len(recipes) == 0 {
		t.Fatalf("no recipes: %v", err)
	}
	for _, recipe := range recipes {
		name := filepath.Base(recipe)
		t.Run(strings.TrimSuffix(name, ".yaml"), func(t *testing.T) {
			t.Parallel()
			recorded := filepath.Join("recorded", name)
			got := harness.RunIn(t, filepath.Join(root, "docs/recipes"), "map", "-c", name, "--test", recorded)
			if got.Code != 0 {
				t.Errorf("%s%s", got.Stdout, got.Stderr)
			}
		})
	}
}
