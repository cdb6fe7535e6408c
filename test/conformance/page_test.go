package conformance

import (
	"os"
	"strings"
	"testing"
)

func TestTheCompatibilityPageIsCurrent(t *testing.T) {
	topics, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../docs/ditto-compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	page, err := Page(string(text), topics)
	if err != nil {
		t.Fatal(err)
	}
	if page == string(text) {
		return
	}
	is, must := strings.Split(string(text), "\n"), strings.Split(page, "\n")
	for n := range min(len(is), len(must)) {
		if is[n] != must[n] {
			t.Fatalf("docs/ditto-compatibility.md is not current; go run ./test/conformance/report -w\nline %d is   %s\nand must be %s", n+1, is[n], must[n])
		}
	}
	t.Fatal("docs/ditto-compatibility.md is not current; go run ./test/conformance/report -w")
}
