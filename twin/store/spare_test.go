package store

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func TestTheNextSegmentIsReadyInAdvanceAndHasNoHoles(t *testing.T) {
	dir := t.TempDir()
	o := Options{SegmentSize: 1 << 20}
	s := open(t, dir, o)
	mustChange(t, s, thing("a"), "x")
	eventually(t, "a spare segment", s.journal.spare.ready.Load)
	mustChange(t, s, thing("a"), "+x")
	if !s.journal.filled || filepath.Base(s.journal.path) != segmentName(2) {
		t.Fatalf("written is %s, filled: %v", s.journal.path, s.journal.filled)
	}
	text, err := os.ReadFile(s.journal.path)
	if err != nil || len(text) != 1<<20 {
		t.Fatalf("the segment has %d bytes, want %d; %v", len(text), 1<<20, err)
	}
	if allocated, ok := allocatedBytes(t, s.journal.path); ok && allocated < 1<<20 {
		t.Fatalf("of %d bytes %d are allocated", 1<<20, allocated)
	}
	// It is enough for several segments, each of them used up.
	for i := range 3000 {
		mustChange(t, s, thing("a"), fmt.Sprint(i, strings.Repeat("y", 1000)))
	}
	list, err := listSegments(s.journal.dir)
	if err != nil || len(list) < 4 {
		t.Fatalf("%d segments, %v", len(list), err)
	}
	crash(t, s)
	if _, err := os.Stat(s.journal.spare.path); !os.IsNotExist(err) {
		t.Fatalf("%s is left behind: %v", s.journal.spare.path, err)
	}
	s = open(t, dir, o)
	wantText(t, s, thing("a"), fmt.Sprint(2999, strings.Repeat("y", 1000)), 3002)
	if !s.journal.filled {
		t.Fatal("the last segment is not known to be filled")
	}
}

func TestWithoutRoomNoSegmentIsMadeReadyAndCommitsGoOn(t *testing.T) {
	dir := t.TempDir()
	log := &lines{}
	o := Options{SegmentSize: 1 << 20, Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	o.hooks.free = func(string) (int64, error) { return 3 << 20, nil }
	o.hooks.reserve = 1
	s := open(t, dir, o)
	mustChange(t, s, thing("a"), "x")
	eventually(t, "the log says so", func() bool { return log.has("no segment was made ready in advance") })
	mustChange(t, s, thing("a"), "+x")
	if s.journal.filled || s.journal.first != 1 {
		t.Fatalf("written is %s, filled: %v", s.journal.path, s.journal.filled)
	}
	wantText(t, s, thing("a"), "xx", 2)
}

// lines keeps what is logged.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) has(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.buf.String(), what)
}
