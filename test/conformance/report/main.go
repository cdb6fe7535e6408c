// Command report prints docs/ditto-compatibility.md as the conformance cases
// make it, or writes it. It runs in the folder of the repository.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/twinbroker/twinbroker/test/conformance"
)

func main() {
	write := flag.Bool("w", false, "write the page instead of printing it")
	path := flag.String("page", "docs/ditto-compatibility.md", "the page")
	flag.Parse()
	if err := report(*path, *write); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func report(path string, write bool) error {
	topics, err := conformance.Load()
	if err != nil {
		return err
	}
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	page, err := conformance.Page(string(old), topics)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if !write {
		fmt.Print(page)
		return nil
	}
	return os.WriteFile(path, []byte(page), 0o644)
}
