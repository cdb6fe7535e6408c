package store

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAFolderIsMadeWithThoseAboveIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 { // one that is there is left as it is
		if err := makeDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below")} {
		if err := makeDir(path); err == nil {
			t.Errorf("%s was made, though there is a file", path)
		}
	}
}
