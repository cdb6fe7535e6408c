package store

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// runningTime is a monotonic clock that only a test moves.
type runningTime struct{ now atomic.Int64 }

func (r *runningTime) pass(d time.Duration) { r.now.Add(int64(d)) }

func (r *runningTime) elapsed() func() time.Duration {
	begun := r.now.Load()
	return func() time.Duration { return time.Duration(r.now.Load() - begun) }
}

func TestAClockThatJumpsCostsNoHistory(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	year := 365 * 24 * time.Hour
	for _, jump := range []time.Duration{-30 * year, 30 * year} {
		for _, when := range []string{"at start", "meanwhile", "while it was killed"} {
			t.Run(fmt.Sprint(jump, " ", when), func(t *testing.T) {
				var now atomic.Int64
				now.Store(at.UnixNano())
				var in runningTime
				o := Options{SegmentSize: 1, Retention: time.Hour, Clock: func() time.Time { return time.Unix(0, now.Load()) }}
				o.hooks.elapsed = in.elapsed
				dir := t.TempDir()
				s := open(t, dir, o)
				for i := range 20 {
					in.pass(time.Minute)
					now.Add(int64(time.Minute))
					mustChange(t, s, thing("a"), fmt.Sprint(i))
				}
				switch when {
				case "at start":
					closeStore(t, s)
				case "while it was killed":
					crash(t, s)
				}
				now.Add(int64(jump))
				if when != "meanwhile" {
					s = open(t, dir, o)
				}
				mustChange(t, s, thing("a"), "20")
				for range 2 {
					if err := s.Snapshot(); err != nil {
						t.Fatal(err)
					}
					for r := range 21 {
						e, err := s.HistoryAt(context.Background(), thing("a"), uint64(r+1))
						if err != nil || e.State != text(fmt.Sprint(r)) {
							t.Fatalf("revision %d is %v, %v", r+1, e.State, err)
						}
					}
					// Now back, with a restart and without.
					now.Add(-int64(jump))
				}
				var before time.Time
				for c, err := range s.History(context.Background(), thing("a"), 0, 0) {
					if err != nil || !c.Time.After(before) {
						t.Fatalf("a change at %v comes after one at %v, %v", c.Time, before, err)
					}
					before = c.Time
				}
				// Time that really passes has its effect.
				in.pass(2 * time.Hour)
				if err := s.Snapshot(); err != nil {
					t.Fatal(err)
				}
				if n := s.Stats().Segments; n != 1 {
					t.Fatalf("%d segments are left, although retention is over", n)
				}
				wantText(t, s, thing("a"), "20", 21)
			})
		}
	}
}

func TestTheAgeOfTheJournalOutlivesRestarts(t *testing.T) {
	dir := t.TempDir()
	var in runningTime
	o := Options{SegmentSize: 1, Retention: 10 * time.Hour}
	o.hooks.elapsed = in.elapsed
	first := func(s *Store) uint64 { return s.Stats().FirstSeq }
	s := open(t, dir, o)
	mustChange(t, s, thing("a"), "1")
	mustChange(t, s, thing("a"), "2")
	for i := range 5 {
		in.pass(3 * time.Hour)
		mustChange(t, s, thing("b"), strings.Repeat("x", i+1))
		// Killed or closed: the segments say how old the journal was.
		if i%2 == 0 {
			crash(t, s)
		} else {
			closeStore(t, s)
		}
		s = open(t, dir, o)
		if err := s.Snapshot(); err != nil {
			t.Fatal(err)
		}
		if gone, want := first(s) > 1, i >= 3; gone != want {
			t.Fatalf("after %d hours the journal begins with %d", 3*(i+1), first(s))
		}
	}
}
