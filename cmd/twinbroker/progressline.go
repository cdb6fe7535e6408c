package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/twinbroker/twinbroker/twin/store"
)

// progressLine shows how far something is: on a terminal in one line that is
// written over, elsewhere with a line every few seconds.
type progressLine struct {
	out      io.Writer
	terminal bool
	last     time.Time
	shown    bool
}

func newProgressLine(out io.Writer) *progressLine {
	p := &progressLine{out: out, last: time.Now()}
	if f, ok := out.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			p.terminal = info.Mode()&os.ModeCharDevice != 0
		}
	}
	return p
}

func (p *progressLine) show(now store.Progress) {
	every := 5 * time.Second
	if p.terminal {
		every = 200 * time.Millisecond
	}
	if time.Since(p.last) < every {
		return
	}
	p.last = time.Now()
	text := fmt.Sprintf("%s: %s of about %s", now.Step, size(now.Done), size(now.Total))
	if p.terminal {
		p.shown = true
		fmt.Fprintf(p.out, "\r\033[K%s", text)
		return
	}
	fmt.Fprintln(p.out, text)
}

// end clears the line.
func (p *progressLine) end() {
	if p.shown {
		fmt.Fprint(p.out, "\r\033[K")
	}
}
