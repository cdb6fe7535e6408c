package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// Whoever wrote rules knows that topics are closed; whoever wrote none is warned.
func TestClosedTopicsAreAWarningOnlyWithoutRules(t *testing.T) {
	t.Parallel()
	const warning, note = `level=WARN msg="topics outside of`, `level=INFO msg="topics outside of`
	b := harness.Start(t, harness.Options{Config: "acl: []\n"})
	if log := b.Log(); !strings.Contains(log, warning) || strings.Contains(log, note) {
		t.Errorf("without rules:\n%s", log)
	}
	before, err := os.ReadFile(b.ConfigFile())
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(b.ConfigFile(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Replace(string(before), "acl: []", `acl: [{subjects: ["group:ops"], subscribe: ["a"]}]`, 1))
	b.WaitLog(note)
	write(string(before))
	until(t, "the rules are gone", func() bool { return strings.Count(b.Log(), warning) == 2 })
}
