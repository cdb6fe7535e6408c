package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheJournalIsCutIntoSegmentsOfBoundedSize(t *testing.T) {
	dir := t.TempDir()
	o := Options{SegmentSize: 256 << 10}
	s := open(t, dir, o)
	for i := range 400 {
		mustChange(t, s, thing(fmt.Sprint("t", i)), strings.Repeat("x", 4000))
	}
	if n := s.Stats().Segments; n < 7 {
		t.Fatalf("%d segments", n)
	}
	// Larger than a segment.
	mustChange(t, s, thing("big"), strings.Repeat("x", 1<<20))
	mustChange(t, s, thing("big"), "small")
	crash(t, s)
	segments, _ := filepath.Glob(filepath.Join(dir, "journal", "*"))
	larger := 0
	for _, path := range segments[:len(segments)-1] {
		if size, err := fileSize(path); err != nil || size > o.SegmentSize {
			larger++
		}
	}
	if larger > 1 {
		t.Fatalf("%d sealed segments of %d are larger than they may be", larger, len(segments))
	}
	s = open(t, dir, o)
	for i := range 400 {
		wantText(t, s, thing(fmt.Sprint("t", i)), strings.Repeat("x", 4000), 1)
	}
	wantText(t, s, thing("big"), "small", 2)
}

func TestRetentionDeletesWhatIsOldAndCovered(t *testing.T) {
	write := func(t *testing.T, s *Store, n int) {
		for i := range n {
			mustChange(t, s, thing(fmt.Sprint("t", i)), strings.Repeat("x", 4000))
		}
	}
	tests := []struct {
		name    string
		o       Options
		later   time.Duration
		deleted bool
	}{
		{"young", Options{Retention: time.Hour}, time.Minute, false},
		{"old", Options{Retention: time.Hour}, 2 * time.Hour, true},
		{"young, but too much", Options{Retention: time.Hour, MaxSize: 300 << 10}, time.Minute, true},
		{"kept for ever", Options{Retention: -1}, 10000 * time.Hour, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			var in runningTime
			o := test.o
			o.SegmentSize, o.hooks.elapsed = 256<<10, in.elapsed
			s := open(t, dir, o)
			write(t, s, 200)
			before := s.Stats().Segments
			crash(t, s)
			// Nothing that the snapshot does not cover goes, however old.
			s = open(t, dir, o)
			in.pass(test.later)
			write(t, s, 1)
			if n := s.Stats().Segments; n < before {
				t.Fatalf("%d segments, %d before, none covered", n, before)
			}
			if err := s.Snapshot(); err != nil {
				t.Fatal(err)
			}
			closeStore(t, s)
			files, err := os.ReadDir(filepath.Join(dir, "journal"))
			if err != nil {
				t.Fatal(err)
			}
			if deleted := len(files) < before; deleted != test.deleted {
				t.Fatalf("%d segments of %d are left", len(files), before)
			}
			s = open(t, dir, o)
			for i := range 200 {
				if view(t, s, thing(fmt.Sprint("t", i))).State == nil {
					t.Fatalf("t%d is gone", i)
				}
			}
			write(t, s, 3)
		})
	}
}

func TestASegmentThatWasMadeForAGapAndNeverWritten(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	mustChange(t, s, thing("a"), "x")
	crash(t, s)
	db, _, _, err := createSegment(filepath.Join(dir, "journal"), 9, 64<<10, 0, &spare{})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	for range 2 {
		s = open(t, dir, Options{})
		mustChange(t, s, thing("a"), "+x")
		crash(t, s)
	}
	s = open(t, dir, Options{})
	wantText(t, s, thing("a"), "xxx", 3)
	if seq := view(t, s, thing("a")).Seq; seq != 11 {
		t.Fatalf("number %d, want 11: 9 explains the gap", seq)
	}
}
