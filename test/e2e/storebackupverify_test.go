package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// The verbs that look at a data folder look at a backup, too; those that write
// into one leave it alone.
func TestTheVerbsThatLookAtABackup(t *testing.T) {
	t.Parallel()
	data, dest := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "backup")
	lines := strings.Join(someLines(300), "")
	if r := store(t, "import", data, lines); r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	backup(t, data, dest)
	if r := store(t, "verify", dest, ""); r.Code != 0 || !strings.Contains(r.Stdout, "nothing is wrong") || !strings.Contains(r.Stdout, "300 Things and Policies") {
		t.Errorf("verify: %+v", r)
	}
	r := store(t, "stat", dest, "", "-o", "json")
	var is struct {
		State struct{ Entities int }
	}
	if err := json.Unmarshal([]byte(r.Stdout), &is); err != nil || r.Code != 0 || is.State.Entities != 300 {
		t.Errorf("stat: %v, %+v", err, r)
	}
	for _, args := range [][]string{
		{"store", "compact"}, {"store", "import"}, {"store", "export"},
		{"store", "backup", filepath.Join(t.TempDir(), "another")}, {"serve", "--listen", "tcp://127.0.0.1:0", "--http", "off"},
	} {
		r := harness.Run(t, append(args, "--data-dir", dest)...)
		if r.Code != 1 || !strings.Contains(r.Stderr, dest) || !strings.Contains(r.Stderr, "backup") {
			t.Errorf("%v: %+v", args, r)
		}
	}
	into := filepath.Join(t.TempDir(), "whole")
	if r := store(t, "verify", dest, "", "--repair", "--into", into); r.Code != 0 || !strings.Contains(r.Stdout, "everything was saved") {
		t.Errorf("repair of a whole one: %+v", r)
	}
	if r := store(t, "export", into, ""); r.Stdout != lines {
		t.Errorf("repaired, %d bytes are exported, want %d: %s", len(r.Stdout), len(lines), r.Stderr)
	}

	// What the journal lost, the snapshot has.
	segments, err := filepath.Glob(filepath.Join(dest, "*", "*.db"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	text, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	damaged := strings.ReplaceAll(string(text), "import.a:t000123", "import.a:x000123")
	if err := os.WriteFile(segments[0], []byte(damaged), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := store(t, "verify", dest, ""); r.Code != 1 || !strings.Contains(r.Stdout, segments[0]) || !strings.Contains(r.Stdout, "SHA-256") || strings.Count(r.Stderr, "\n") != 1 {
		t.Errorf("verify of a damaged one: %+v", r)
	}
	saved := filepath.Join(t.TempDir(), "saved")
	if r := store(t, "verify", dest, "", "--repair", "--into", saved); r.Code != 1 || !strings.Contains(r.Stdout, "lost: records ") || !strings.Contains(r.Stderr, "is in good order") {
		t.Errorf("repair of a damaged one: %+v", r)
	}
	if r := store(t, "export", saved, ""); r.Stdout != lines {
		t.Errorf("saved, %d bytes are exported, want %d: %s", len(r.Stdout), len(lines), r.Stderr)
	}
	if err := os.Remove(segments[0]); err != nil {
		t.Fatal(err)
	}
	if r := store(t, "verify", dest, ""); r.Code != 1 || !strings.Contains(r.Stdout, segments[0]+": it is missing") {
		t.Errorf("verify without the journal: %+v", r)
	}
}
