package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// modulePath is what is built, from wherever in the module the test runs.
const modulePath = "github.com/twinbroker/twinbroker/cmd/twinbroker"

var built struct {
	once sync.Once
	dir  string // ours, and removed by Main
	path string
	err  error
}

// Main runs the tests of a package and removes what was built for them. Its
// place is TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// Binary is the path of the program under test.
func Binary(t testing.TB) string {
	t.Helper()
	built.once.Do(build)
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

func build() {
	if path := os.Getenv("TWINBROKER_BIN"); path != "" {
		built.path, built.err = filepath.Abs(path)
		return
	}
	if built.dir, built.err = os.MkdirTemp("", "twinbroker-test-"); built.err != nil {
		return
	}
	built.path = filepath.Join(built.dir, "twinbroker")
	args := []string{"build", "-o", built.path}
	if raceDetector {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, modulePath)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		built.err = fmt.Errorf("building %s: %w\n%s", modulePath, err, out)
	}
}
