package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/twin/store"
)

// storeWatch shows how far a verb is, and collects what it finds: for people a
// line each at once, for scripts all of it at the end.
type storeWatch struct {
	asJSON       bool
	out          io.Writer
	meter        *meter
	found, noted []store.Finding
}

// outputFlag adds -o, and gives what reads it.
func outputFlag(cmd *cobra.Command) func() (asJSON bool, err error) {
	var format string
	cmd.Flags().StringVarP(&format, "output", "o", "text", "text, or json for scripts")
	return func() (bool, error) {
		if format != "text" && format != "json" {
			return false, fmt.Errorf("--output %s: there are text and json", format)
		}
		return format == "json", nil
	}
}

func newStoreWatch(cmd *cobra.Command, asJSON bool) *storeWatch {
	if os.Getenv("GOGC") == "" {
		// What is read becomes garbage at once, and what is kept is kept for long.
		debug.SetGCPercent(50)
	}
	return &storeWatch{asJSON: asJSON, out: cmd.OutOrStdout(), meter: newMeter(cmd.ErrOrStderr()), found: []store.Finding{}, noted: []store.Finding{}}
}

func (w *storeWatch) watch() store.Watch {
	return store.Watch{
		Found: func(f store.Finding) {
			if w.asJSON {
				w.found = append(w.found, f)
				return
			}
			w.line(f.String())
		},
		Noted: func(f store.Finding) {
			if w.asJSON {
				w.noted = append(w.noted, f)
				return
			}
			w.line("note: " + f.String())
		},
		Progress: func(file string, done, total int64) {
			w.meter.show(func() string { return fmt.Sprintf("%s: %d of %d MiB", file, done>>20, total>>20) })
		},
	}
}

// line writes a line of the result, and takes that of the progress away.
func (w *storeWatch) line(text string) {
	w.meter.clear()
	fmt.Fprintln(w.out, text)
}

// result writes what came of it: v for scripts, lines for people.
func (w *storeWatch) result(v any, lines ...string) error {
	w.meter.clear()
	if w.asJSON {
		e := json.NewEncoder(w.out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	for _, l := range lines {
		w.line(l)
	}
	return nil
}
