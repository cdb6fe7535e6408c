//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bench is one invocation.
type bench struct {
	programs     programs
	dir          string
	warm, length time.Duration
	rounds       int
	quiet        time.Duration // how long to wait for a quiet machine, for each row
	only         side
	rows         []string
	log          io.Writer     // what happens while it runs
	many         int           // Things of the row million
	sustain      time.Duration // how long its load lasts
}

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string, out, log io.Writer) (err error) {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	var (
		binary  = fs.String("broker", "", "the broker's binary; built from ./cmd/twinbroker when left out")
		before  = fs.String("before", "", "an earlier binary: the rows guarded… compare with it, all open, instead of with the broker itself")
		which   = fs.String("rows", "all", "rows to measure, separated by commas: "+strings.Join(rowKeys(), ", "))
		seconds = fs.Float64("seconds", 5, "length of one run")
		warm    = fs.Float64("warm", 1, "seconds before it that are not counted")
		rounds  = fs.Int("rounds", 5, "runs of each side for each row")
		many    = fs.Int("things", 1_000_000, "row million: how many Things")
		sustain = fs.Duration("sustain", 5*time.Minute, "row million: how long the load lasts")
		dir     = fs.String("dir", "", "folder for the data, on a real disk (default: the temporary folder)")
		only    = fs.String("only", "", "measure one side only, without a verdict: mochi or broker")
		quiet   = fs.Duration("quiet", 0, "wait so long at most, for each row, until others leave the processors alone, and repeat rounds that they disturbed")
		pending = fs.Int("mochi-pending", 64<<10, "mochi: messages that may wait for one subscriber")
		buffer  = fs.Int("mochi-buffer", 16<<10, "mochi: bytes of a connection's buffers")
	)
	if err := fs.Parse(args); err != nil {
		return err
	}
	b := &bench{
		warm:   time.Duration(*warm * float64(time.Second)),
		length: time.Duration(*seconds * float64(time.Second)),
		rounds: *rounds, quiet: *quiet, only: side(*only), log: log,
		many: *many, sustain: *sustain,
	}
	if b.rows, err = chooseRows(*which); err != nil {
		return err
	}
	if b.only != "" && b.only != mochi && b.only != broker {
		return fmt.Errorf("-only %s: there are mochi and broker", b.only)
	}
	if b.rounds < 1 || b.length <= 0 {
		return errors.New("-rounds and -seconds must be above nought")
	}
	if b.dir, err = workFolder(*dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	defer b.cleanWhenInterrupted()()
	bin := *binary
	if b.only == mochi {
		bin = "none"
	}
	if b.programs, err = build(bin, b.dir); err != nil {
		return err
	}
	b.programs.before = *before
	b.programs.pending, b.programs.buffer = *pending, *buffer

	// The generator makes next to no garbage; a collection in the middle of a
	// run would be paid by what is measured.
	debug.SetGCPercent(800)
	table := &report{machine: machine(b.dir), rounds: b.rounds, length: b.length}
	if err := b.measureAll(table); err != nil {
		return err
	}
	table.print(out)
	if n := table.missed(); n > 0 && b.only == "" {
		return fmt.Errorf("%d figures are not held", n)
	}
	return nil
}

// cleanWhenInterrupted has an interrupt leave neither processes nor data behind,
// until the function it returns is called.
func (b *bench) cleanWhenInterrupted() (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, interrupted := <-signals; interrupted {
			killAll()
			_ = os.RemoveAll(b.dir)
			os.Exit(1)
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}

func rowKeys() []string {
	var keys []string
	for _, r := range rows {
		keys = append(keys, r.key)
	}
	for _, c := range comparisons {
		keys = append(keys, c.key)
	}
	return append(append([]string{"latency"}, keys...), "idle", "reconnect", "large", "written", "million")
}

func chooseRows(which string) ([]string, error) {
	if which == "all" {
		return rowKeys(), nil
	}
	chosen := strings.Split(which, ",")
	for _, k := range chosen {
		if !slices.Contains(rowKeys(), k) {
			return nil, fmt.Errorf("-rows: there is no row %q; there are %s", k, strings.Join(rowKeys(), ", "))
		}
	}
	return chosen, nil
}

func (b *bench) measureAll(table *report) error {
	// Latencies come first: after minutes of full load the disk is still busy
	// with what was written and deleted, and stalls for tens of milliseconds.
	if slices.Contains(b.rows, "latency") {
		if err := b.measureLatencies(table); err != nil {
			return fmt.Errorf("latency: %w", err)
		}
	}
	for _, r := range rows {
		if !slices.Contains(b.rows, r.key) {
			continue
		}
		if err := b.measureRow(table, r); err != nil {
			return fmt.Errorf("%s: %w", r.key, err)
		}
	}
	if b.only == mochi {
		return nil
	}
	for _, c := range comparisons {
		if !slices.Contains(b.rows, c.key) {
			continue
		}
		if err := b.measureComparison(table, c); err != nil {
			return fmt.Errorf("%s: %w", c.key, err)
		}
	}
	for _, r := range []struct {
		key     string
		measure func(*report) error
	}{{"idle", b.measureIdles}, {"reconnect", b.measureReconnect}, {"large", b.measureLarge}, {"written", b.measureWritten}, {"million", b.measureMillion}} {
		if !slices.Contains(b.rows, r.key) {
			continue
		}
		if err := r.measure(table); err != nil {
			return fmt.Errorf("%s: %w", r.key, err)
		}
	}
	return nil
}

// sides are those that are measured, the yardstick first.
func (b *bench) sides() []side {
	if b.only != "" {
		return []side{b.only}
	}
	return []side{mochi, broker}
}

func (b *bench) measureRow(table *report, r row) error {
	var pairs []pair
	peace := b.peace()
	for len(pairs) < b.rounds {
		peace.await()
		var p pair
		for _, s := range b.sides() {
			t, into := r.mochi, &p.mochi
			if s == broker {
				t, into = r.broker, &p.broker
			}
			o, err := b.measure(s, t)
			if err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
			*into = o
			fmt.Fprintf(b.log, "%-9s round %d  %-6s %7.0f/s  (acknowledged %.0f/s, delivered %.0f/s, dropped %d; CPU each: side %v, load %v; others used %.2f cores)\n",
				r.key, len(pairs)+1, s, o.rate, o.acked, o.delivered, o.dropped, o.cost.Round(10*time.Nanosecond), o.load.Round(10*time.Nanosecond), o.foreign)
			for _, text := range o.problems {
				fmt.Fprintf(b.log, "%-9s round %d  %-6s PROBLEM: %s\n", r.key, len(pairs)+1, s, text)
			}
		}
		if peace.disturbed(max(p.mochi.foreign, p.broker.foreign)) {
			fmt.Fprintf(b.log, "%-9s round %d  was disturbed and is repeated\n", r.key, len(pairs)+1)
			continue
		}
		pairs = append(pairs, p)
	}
	table.addShare(r, pairs)
	return nil
}

func (b *bench) measureLatencies(table *report) error {
	var ms, bs []latencies
	var cs []commits
	peace := b.peace()
	for len(cs) < b.rounds {
		peace.await()
		var m, t latencies
		for _, s := range b.sides() {
			l, err := b.measureLatency(s)
			if err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
			if s == mochi {
				m = l
			} else {
				t = l
			}
			fmt.Fprintf(b.log, "latency   round %d  %-6s median %v, 99th percentile %v (others used %.2f cores)\n", len(cs)+1, s, l.p50, l.p99, l.foreign)
		}
		c, err := measureCommits(b.dir, b.length)
		if err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		fmt.Fprintf(b.log, "latency   round %d  commit median %v, 99th percentile %v; two, whenever asked for, 99th percentile %v\n", len(cs)+1, c.median, c.p99, c.two)
		if peace.disturbed(max(m.foreign, t.foreign)) {
			fmt.Fprintf(b.log, "latency   round %d  was disturbed and is repeated\n", len(cs)+1)
			continue
		}
		ms, bs, cs = append(ms, m), append(bs, t), append(cs, c)
	}
	table.addLatency(ms, bs, cs)
	return nil
}

func (b *bench) measureIdles(table *report) error {
	var is []idle
	for round := range b.rounds {
		wait := 5 * time.Second
		i, err := b.measureIdle(wait)
		if err != nil {
			return err
		}
		is = append(is, i)
		fmt.Fprintf(b.log, "idle      round %d  ready after %v, %.1f MB anonymous memory\n", round+1, i.ready, float64(i.memory)/1e6)
	}
	table.addIdle(is)
	return nil
}
