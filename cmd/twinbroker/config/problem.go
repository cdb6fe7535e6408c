package config

import (
	"errors"
	"fmt"
	"strings"
)

// Problem is something wrong with a configuration, or, as a warning, something
// allowed that is likely a mistake.
type Problem struct {
	Place   string // "file:line", "--listen", "TWINBROKER_LISTENERS"; "" when it belongs to no place
	Key     string // "listeners[0].address"; "" for the whole
	Text    string // what is wrong, and how it is put right
	Warning bool
}

// String is the problem in one line: "file:line: key: problem".
func (p Problem) String() string {
	var b strings.Builder
	for _, part := range []string{p.Place, p.Key} {
		if part != "" {
			b.WriteString(part)
			b.WriteString(": ")
		}
	}
	if p.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// Problems is all that is wrong with a configuration, in the order of its
// lines as far as they have one.
type Problems []Problem

// Errors are the problems that a broker does not start with.
func (p Problems) Errors() Problems { return p.pick(false) }

// Warnings are the others.
func (p Problems) Warnings() Problems { return p.pick(true) }

func (p Problems) pick(warnings bool) Problems {
	var picked Problems
	for _, problem := range p {
		if problem.Warning == warnings {
			picked = append(picked, problem)
		}
	}
	return picked
}

// Err is nil when there are only warnings, else one error that says the first
// problem and how many more there are.
func (p Problems) Err() error {
	all := p.Errors()
	switch len(all) {
	case 0:
		return nil
	case 1:
		return errors.New(all[0].String())
	}
	return fmt.Errorf("%s (and %d more: see twinbroker config check)", all[0], len(all)-1)
}

// String is the problems, a line each.
func (p Problems) String() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}
