package protocol

import (
	"os"
	"strings"
	"testing"
)

func TestTheTableOfHeadersNamesTheFileWhereEachIsDone(t *testing.T) {
	for name, rule := range headerRules {
		if rule.At == "" {
			if rule.Asks != 0 {
				t.Errorf("%s asks for something, and the table does not say where that is done", name)
			}
			continue
		}
		text, err := os.ReadFile("../../" + rule.At)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		// A comment says what it is for, by its name.
		comments := false
		for line := range strings.Lines(string(text)) {
			_, comment, ok := strings.Cut(line, "//")
			comments = comments || ok && strings.Contains(comment, name)
		}
		if !comments {
			t.Errorf("%s: nothing is said of it in %s", name, rule.At)
		}
	}
}
