package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
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

func TestWhatIsDueIsDeletedWhenTheDiskIsFullAndNothingElse(t *testing.T) {
	var in runningTime
	var s *Store
	var full atomic.Bool
	o := Options{SegmentSize: 1, Retention: time.Hour, Patience: time.Minute}
	o.hooks.elapsed = in.elapsed
	o.hooks.free = func(string) (int64, error) {
		if full.Load() && s.counters.segmentsDeleted.Load() == 0 {
			return 0, nil
		}
		return 1 << 30, nil
	}
	s = open(t, t.TempDir(), o)
	for range 10 {
		mustChange(t, s, thing("old"), "x")
	}
	if err := s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	in.pass(2 * time.Hour)
	for range 10 {
		mustChange(t, s, thing("young"), "x")
	}
	full.Store(true)
	mustChange(t, s, thing("young"), "x")
	if st := s.Stats(); st.Retries == 0 || st.Refused != 0 {
		t.Fatalf("%d attempts, %d refused", st.Retries, st.Refused)
	}
	if oldest, _, err := s.HistoryFrom(background, thing("young")); err != nil || oldest != 1 {
		t.Fatalf("what is not due has been deleted: the oldest is %d, %v", oldest, err)
	}
	if _, err := s.HistoryAt(background, thing("old"), 1); !errors.Is(err, ErrNotRetained) {
		t.Fatalf("what is due is still there: %v", err)
	}
}
