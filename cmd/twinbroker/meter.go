package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// meter shows how far something has come: in one line that is rewritten where
// somebody looks, else in a line every few seconds.
type meter struct {
	out     io.Writer
	rewrite bool
	begun   time.Time
	shown   time.Time
	width   int // of the line that stands there
}

const (
	meterRewrites = 200 * time.Millisecond
	meterWrites   = 5 * time.Second
)

func newMeter(out io.Writer) *meter {
	now := time.Now()
	m := &meter{out: out, begun: now, shown: now}
	if f, ok := out.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			m.rewrite = info.Mode()&os.ModeCharDevice != 0
		}
	}
	return m
}

// show shows a line if the last one has stood for long enough.
func (m *meter) show(line func() string) {
	every := meterWrites
	if m.rewrite {
		every = meterRewrites
	}
	now := time.Now()
	if now.Sub(m.shown) < every {
		return
	}
	m.shown = now
	if !m.rewrite {
		fmt.Fprintln(m.out, line())
		return
	}
	text := line()
	fmt.Fprintf(m.out, "\r%-*s", m.width, text)
	m.width = len(text)
}

// clear takes away the line that stands there, before something else is written.
func (m *meter) clear() {
	if m.width > 0 {
		fmt.Fprintf(m.out, "\r%-*s\r", m.width, "")
		m.width = 0
	}
}

// rate is how many there were in a second.
func (m *meter) rate(n int64) int64 {
	return int64(float64(n) / max(time.Since(m.begun).Seconds(), 1e-3))
}

// took is how long it has taken.
func (m *meter) took() time.Duration { return time.Since(m.begun).Round(10 * time.Millisecond) }
