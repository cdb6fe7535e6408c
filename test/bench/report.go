//go:build linux

package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"
)

// report collects the lines of the table.
type report struct {
	machine string
	rounds  int
	length  time.Duration
	lines   []line
	notes   []string
}

// line is one row as it is printed.
type line struct {
	what, mochi, broker, figure, bound string
	held                               bool
}

// pair is one round of a row.
type pair struct{ mochi, broker outcome }

func median[T cmp.Ordered](vs []T) T {
	var none T
	if len(vs) == 0 {
		return none
	}
	vs = slices.Sorted(slices.Values(vs))
	return vs[len(vs)/2]
}

func pick[T any, V any](vs []T, f func(T) V) []V {
	out := make([]V, 0, len(vs))
	for _, v := range vs {
		out = append(out, f(v))
	}
	return out
}

// addShare adds a row whose figure is the broker's rate as a share of mochi's:
// the median of the rounds' shares.
func (r *report) addShare(row row, pairs []pair) {
	m := median(pick(pairs, func(p pair) float64 { return p.mochi.rate }))
	b := median(pick(pairs, func(p pair) float64 { return p.broker.rate }))
	share := median(pick(pairs, func(p pair) float64 {
		if p.mochi.rate == 0 {
			return 0
		}
		return p.broker.rate / p.mochi.rate
	}))
	problems := 0
	var dropped, acked uint64
	for _, p := range pairs {
		problems += len(p.broker.problems) + len(p.mochi.problems)
		dropped += p.broker.dropped
		acked += uint64(p.broker.acked * r.length.Seconds())
	}
	r.lines = append(r.lines, line{
		what: row.name, mochi: fmt.Sprintf("%.0f/s", m), broker: fmt.Sprintf("%.0f/s", b),
		figure: fmt.Sprintf("%.2f", share), bound: fmt.Sprintf("≥ %.2f", row.bound),
		held: share >= row.bound && problems == 0,
	})
	note := fmt.Sprintf("%s: CPU for each message: mochi %v, twinbroker %v",
		row.key, median(pick(pairs, func(p pair) time.Duration { return p.mochi.cost })).Round(100*time.Nanosecond),
		median(pick(pairs, func(p pair) time.Duration { return p.broker.cost })).Round(100*time.Nanosecond))
	if dropped > 0 {
		note += fmt.Sprintf("; twinbroker dropped %d of about %d events at QoS 0", dropped, acked)
	}
	if problems > 0 {
		note += fmt.Sprintf("; %d problems, see above", problems)
	}
	note += others(median(pick(pairs, func(p pair) float64 { return max(p.mochi.foreign, p.broker.foreign) })))
	r.notes = append(r.notes, note)
}

// others says it when others took part of the machine, which a reader of the
// figures should know.
func others(cores float64) string {
	if cores <= 0.1 {
		return ""
	}
	return fmt.Sprintf("; others used %.1f cores meanwhile", cores)
}

func (r *report) addLatency(m, b []latencies, cs []commits) {
	p50 := func(l latencies) time.Duration { return l.p50 }
	p99 := func(l latencies) time.Duration { return l.p99 }
	two := median(pick(cs, func(c commits) time.Duration { return c.two }))
	limit := 5*median(pick(m, p99)) + two
	got := median(pick(b, p99))
	us := func(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }
	r.lines = append(r.lines, line{
		what:   fmt.Sprintf("acknowledgement at %d publishes/s, median and 99th percentile", openRate),
		mochi:  us(median(pick(m, p50))) + ", " + us(median(pick(m, p99))),
		broker: us(median(pick(b, p50))) + ", " + us(got),
		figure: us(got), bound: "≤ " + us(limit), held: got <= limit,
	})
	note := fmt.Sprintf("latency: the bound is five times mochi's 99th percentile and two commits, %v: the 99th percentile of the wait for "+
		"the commit under way and the next one, whenever it begins, measured in the same rounds with commits of one record (median of one: %v)",
		us(two), us(median(pick(cs, func(c commits) time.Duration { return c.median }))))
	foreign := func(l latencies) float64 { return l.foreign }
	r.notes = append(r.notes, note+others(max(median(pick(m, foreign)), median(pick(b, foreign)))))
}

func (r *report) addIdle(is []idle) {
	memory := median(pick(is, func(i idle) int { return i.memory }))
	ready := median(pick(is, func(i idle) time.Duration { return i.ready }))
	mb := func(n float64) string { return fmt.Sprintf("%.1f MB", n/1e6) }
	r.lines = append(r.lines,
		line{what: "idle anonymous memory", figure: mb(float64(memory)), bound: "≤ 40 MB", held: memory <= 40e6},
		line{what: "time to ready on an empty folder", figure: ready.Round(time.Millisecond).String(), bound: "≤ 200ms", held: ready <= 200*time.Millisecond},
		line{what: "size of the binary", figure: mb(float64(is[0].binary)), bound: "≤ 30 MB", held: is[0].binary <= 30e6},
	)
}

func (r *report) addMillion(n int, few, many sustained, memory int, clean, killed time.Duration) {
	share := many.rate / few.rate
	p99 := float64(many.at) / float64(few.at)
	ms := func(d time.Duration) string { return d.Round(time.Millisecond).String() }
	r.lines = append(r.lines,
		line{
			what: fmt.Sprintf("changes/s among %d Things at random, against %d Things (%.0f/s)", n, things, few.rate), broker: fmt.Sprintf("%.0f/s", many.rate),
			figure: fmt.Sprintf("%.2f", share), bound: "≥ 0.67", held: share >= 0.67,
		},
		line{
			what: fmt.Sprintf("99th percentile of acknowledgement meanwhile, against the same (%v)", few.at), broker: many.at.String(),
			figure: fmt.Sprintf("%.2f", p99), bound: "≤ 2.00", held: p99 <= 2,
		},
		line{
			what:   fmt.Sprintf("anonymous memory with %d Things of 600 bytes, all changed once", n),
			figure: fmt.Sprintf("%.0f MB", float64(memory)/1e6), bound: "≤ 600 MB", held: memory <= 600e6,
		},
		line{what: fmt.Sprintf("ready after a clean stop, %d Things", n), figure: ms(clean), bound: "≤ 1s", held: clean <= time.Second},
		line{what: fmt.Sprintf("ready after SIGKILL under load, %d Things", n), figure: ms(killed), bound: "≤ 5s", held: killed <= 5*time.Second},
	)
}

func (r *report) addTransfer(n int, in, out time.Duration) {
	for _, l := range []struct {
		what        string
		took, bound time.Duration
	}{{"import", in, time.Minute}, {"export", out, 20 * time.Second}} {
		r.lines = append(r.lines, line{
			what:   fmt.Sprintf("%s of %d Things, each with its Policy", l.what, n),
			figure: l.took.Round(100 * time.Millisecond).String(), bound: "≤ " + l.bound.String(), held: l.took <= l.bound,
		})
	}
}

func (r *report) addReconnect(first, again time.Duration) {
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
	r.lines = append(r.lines,
		line{what: fmt.Sprintf("%d clients with passwords connect after a start", reconnecting), figure: seconds(first), bound: "≤ 60 s", held: first <= time.Minute},
		line{what: "the same when their connections were cut", figure: seconds(again), bound: "≤ 10 s", held: again <= 10*time.Second})
}

func (r *report) addLarge(ratios []float64) {
	ratio := median(ratios)
	r.lines = append(r.lines, line{
		what: "a change in a Thing of 100 KiB against one of 1 KiB", figure: fmt.Sprintf("%.2f times", ratio), bound: "≤ 3", held: ratio <= 3,
	})
}

func (r *report) addWritten(each []float64) {
	bytes := median(each)
	r.lines = append(r.lines, line{
		what: "bytes written to disk for a change of 20 bytes, under load", figure: fmt.Sprintf("%.0f", bytes), bound: "≤ 1024", held: bytes <= 1024,
	})
}

func (r *report) missed() int {
	n := 0
	for _, l := range r.lines {
		if !l.held {
			n++
		}
	}
	return n
}

func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s. The load generator runs on the same cores. Medians of %d interleaved rounds of %v.\n\n", r.machine, r.rounds, r.length)
	fmt.Fprintln(w, "| what | bare mochi | twinbroker | figure | bound | held |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|")
	for _, l := range r.lines {
		held := "yes"
		if !l.held {
			held = "**no**"
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", l.what, l.mochi, l.broker, l.figure, l.bound, held)
	}
	fmt.Fprintln(w)
	for _, n := range r.notes {
		fmt.Fprintln(w, "- "+n)
	}
}
