package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// What is built, and the module that it is of.
const (
	modulePath  = "github.com/twinbroker/twinbroker"
	programPath = modulePath + "/cmd/twinbroker"
)

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
	cmd := exec.Command("go", append(args, programPath)...)
	if cmd.Dir, built.err = moduleFolder(); built.err != nil {
		return
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		built.err = fmt.Errorf("building %s: %w\n%s", programPath, err, out)
	}
}

// moduleFolder is the folder of the program's module. A test of another module
// would otherwise build it with that module's choice of dependencies.
func moduleFolder() (string, error) {
	var stderr strings.Builder
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", modulePath)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("looking for the folder of %s: %w\n%s", modulePath, err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}
