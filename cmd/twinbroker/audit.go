package main

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
)

// auditFile is the file that the audit log goes to. It can be exchanged while
// the broker runs, so that a file that was moved away is begun anew.
type auditFile struct {
	log *slog.Logger

	mu     sync.Mutex
	file   *os.File // nil: none
	failed bool     // the last write did, and that was told
}

// open opens the file to append to; a name of "" closes the present one. After
// an error the present one stays.
func (a *auditFile) open(name string) error {
	var next *os.File
	if name != "" {
		var err error
		if next, err = os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
			return fmt.Errorf("audit.file: %w", err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.close()
	a.file, a.failed = next, false
	return nil
}

func (a *auditFile) close() {
	if a.file == nil {
		return
	}
	if err := a.file.Close(); err != nil {
		a.log.Error("the audit log was not closed properly", "file", a.file.Name(), "error", err)
	}
	a.file = nil
}

// Write appends a line. That it cannot is told in the log, once.
func (a *auditFile) Write(line []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return len(line), nil
	}
	n, err := a.file.Write(line)
	if err != nil && !a.failed {
		a.log.Error("the audit log cannot be written", "file", a.file.Name(), "error", err)
	}
	a.failed = err != nil
	return n, err
}

// logger writes JSON lines to the file; nil where there is none.
func (a *auditFile) logger() *slog.Logger {
	if a.file == nil {
		return nil
	}
	return slog.New(slog.NewJSONHandler(a, nil))
}
