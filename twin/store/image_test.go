package store

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The image test cuts the power: it keeps the bytes that the segment has
// before and after each commit and makes files of which any part of what the
// commit wrote has reached the disk and the rest has not.

var (
	imageCount    = flag.Int("store.images", 200, "how many images of a power cut to try")
	imageSeed     = flag.Uint64("store.seed", 0, "seed of the image test; 0: any")
	imageFallback = flag.Bool("store.fallback", true, "false: switch off what the image test is about, to see it fail")
)

const (
	imagePage   = 4096
	imageSector = 512
	imageIDs    = 40
)

// contents is what all entities are: "revision text".
type contents map[string]string

// cut is one commit: what the folder holds before and after it, and what of it
// has to be found.
type cut struct {
	files         map[string][]byte // by name within the folder; the segment before the commit
	segment       string            // its name
	after         []byte
	twice         bool // bbolt synced everything else before it wrote the meta page
	empty, filled contents
}

// life opens the folder, commits a few groups, keeps each as a cut, and ends
// without a word.
type life struct {
	o         Options
	s         *Store
	dir       string
	state     []byte // of the snapshot file, until the next snapshot
	now       contents
	cuts      []cut
	fallbacks atomic.Int64
}

func (l *life) Enabled(context.Context, slog.Level) bool { return true }
func (l *life) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *life) WithGroup(string) slog.Handler            { return l }
func (l *life) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "given up") {
		l.fallbacks.Add(1)
	}
	return nil
}

func begin(t *testing.T, dir string, keep bool) *life {
	l := &life{dir: dir}
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	l.o = Options{SegmentSize: 128 << 10, SnapshotEvery: 1 << 40, Retention: -1, Logger: slog.New(l),
		Clock: func() time.Time { at = at.Add(time.Millisecond); return at },
		hooks: hooks{noFallback: !*imageFallback}}
	if keep {
		l.o.hooks.beforeCommit = func([]*Tx) error { l.before(t); return nil }
		l.o.hooks.afterCommit = func([]*Tx) error { l.after(t); return nil }
	}
	// Not by open, which keeps the store, and so all cuts, to the test's end.
	s, err := Open(dir, testKinds(), l.o)
	if err != nil {
		t.Fatal(err)
	}
	l.s = s
	l.now = l.look(t)
	return l
}

func (l *life) look(t *testing.T) contents {
	t.Helper()
	all := make(contents)
	for i := range imageIDs {
		if e := view(t, l.s, thing(fmt.Sprint("t", i))); e.Revision > 0 {
			all[fmt.Sprint("t", i)] = fmt.Sprint(e.Revision, " ", e.State)
		}
	}
	return all
}

// before runs on the committer's goroutine when nothing of the commit is
// written yet.
func (l *life) before(t *testing.T) {
	c := cut{files: make(map[string][]byte), twice: l.s.journal.fresh, empty: maps.Clone(l.now)}
	c.segment = filepath.Join("journal", filepath.Base(l.s.journal.path))
	if l.state == nil {
		whole := head(t, filepath.Join(l.dir, stateName))
		end := len(bytes.TrimRight(whole, "\x00"))
		l.state = whole[:min(len(whole), end+2*imagePage-end%imagePage)]
	}
	c.files[stateName] = l.state
	segments, err := os.ReadDir(l.s.journal.dir)
	if err != nil {
		t.Error(err)
	}
	for _, file := range segments {
		name := filepath.Join("journal", file.Name())
		if name == c.segment {
			c.files[name] = head(t, filepath.Join(l.dir, name))
		} else if n := len(l.cuts); n > 0 && l.cuts[n-1].segment != name && l.cuts[n-1].files[name] != nil {
			c.files[name] = l.cuts[n-1].files[name]
		} else {
			c.files[name] = head(t, filepath.Join(l.dir, name))
		}
	}
	if len(l.cuts) == 4 {
		l.cuts = slices.Delete(l.cuts, 0, 1)
	}
	l.cuts = append(l.cuts, c)
}

func (l *life) after(t *testing.T) {
	l.cuts[len(l.cuts)-1].after = head(t, l.s.journal.path)
}

// head reads a file, which is small but for zeros at its end.
func head(t testing.TB, path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer f.Close()
	size, err := fileSize(path)
	if err != nil {
		t.Error(err)
		return nil
	}
	buf := make([]byte, min(size, 512<<10))
	n, _ := f.ReadAt(buf, 0)
	return buf[:n]
}

// commit makes one group of changes, of any size.
func (l *life) commit(t *testing.T, rnd *rand.Rand) {
	t.Helper()
	keys := make([]Key, 1+rnd.IntN(1+rnd.IntN(30)))
	for i := range keys {
		keys[i] = thing(fmt.Sprint("t", rnd.IntN(imageIDs)))
	}
	tx, err := l.s.Begin(keys...)
	if err != nil {
		t.Fatal(err)
	}
	next := maps.Clone(l.now)
	for _, k := range keys {
		var state State
		change := "-"
		if tx.Get(k).State == nil || rnd.IntN(10) > 0 {
			size := 1 + rnd.IntN(200)
			if rnd.IntN(20) == 0 {
				size *= 50
			}
			change = fmt.Sprint(rnd.Uint64(), strings.Repeat("x", size))
			state = text(change)
		}
		next[k.ID] = fmt.Sprint(tx.Put(k, []byte(change), state), " ", state)
	}
	told := make(chan error, 1)
	tx.Commit(nil, nil, func(err error) { told <- err })
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	l.now = next
	if n := len(l.cuts); n > 0 {
		l.cuts[n-1].filled = next
	}
}

func (l *life) snapshot(t *testing.T) {
	if err := l.s.Snapshot(); err != nil {
		t.Fatal(err)
	}
	l.state = nil
}

func (l *life) expect(t *testing.T, what string, either ...contents) contents {
	t.Helper()
	is := l.look(t)
	for _, want := range either {
		if maps.Equal(is, want) {
			return want
		}
	}
	for id := range imageIDs {
		k := fmt.Sprint("t", id)
		for i, want := range either {
			if is[k] != want[k] {
				t.Errorf("%s: %s is %.60q, not %.60q (%d)", what, k, is[k], want[k], i)
			}
		}
	}
	t.FailNow()
	return nil
}

// image makes the segment as a power cut may leave it.
func (c *cut) image(rnd *rand.Rand) (image []byte, what string) {
	old := make([]byte, len(c.after))
	copy(old, c.files[c.segment])
	image = bytes.Clone(old)
	unit := imagePage
	if rnd.IntN(3) == 0 {
		unit = imageSector
	}
	var meta, data []int
	for at := 0; at < len(c.after); at += unit {
		if bytes.Equal(old[at:at+unit], c.after[at:at+unit]) {
			continue
		}
		if at < 2*imagePage {
			meta = append(meta, at)
		} else {
			data = append(data, at)
		}
	}
	share := []float64{0, 0.1, 0.5, 0.9, 1}[rnd.IntN(5)]
	newMeta, garbage, missing := rnd.IntN(5) > 0, rnd.IntN(6) == 0, 0
	one := -1
	if rnd.IntN(3) == 0 && len(data) > 0 { // everything but one
		share, one = 1, data[rnd.IntN(len(data))]
	}
	if c.twice && newMeta {
		share, one = 1, -1
	}
	for _, at := range data {
		if rnd.Float64() < share && at != one {
			copy(image[at:], c.after[at:at+unit])
			continue
		}
		missing++
		if garbage {
			for i := at; i < at+unit; i++ {
				image[i] = byte(rnd.Uint32())
			}
		}
	}
	if newMeta {
		for _, at := range meta {
			copy(image[at:], c.after[at:at+unit])
		}
	}
	if missing == len(data) && !newMeta && !garbage {
		image = c.files[c.segment] // perhaps it had not even grown
	}
	return image, fmt.Sprintf("%s: meta new: %v, %d of %d units of %d bytes missing, garbage: %v, synced twice: %v", c.segment, newMeta, missing, len(data), unit, garbage, c.twice)
}

// put makes a folder of the files and the image.
func (c *cut) put(t *testing.T, dir string, image []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "journal"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range c.files {
		if name == c.segment {
			text = image
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALossOfPowerInACommitLosesNothingThatWasAcknowledged(t *testing.T) {
	seed := *imageSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-store.seed=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	first := begin(t, imageDir(t), true)
	tries, fallbacks, kept, again := 0, 0, 0, 0
	for n := 0; tries < *imageCount; n++ {
		if n > 0 && n%64 == 0 { // another history
			closeStore(t, first.s)
			first = begin(t, imageDir(t), true)
		}
		for range 1 + rnd.IntN(4) {
			first.commit(t, rnd)
		}
		if rnd.IntN(8) == 0 {
			first.snapshot(t)
		}
		if rnd.IntN(8) == 0 {
			if rnd.IntN(2) == 0 {
				crash(t, first.s)
			} else {
				closeStore(t, first.s)
			}
			now := first.now
			first = begin(t, first.dir, true)
			first.expect(t, "reopened", now)
			continue
		}
		c := &first.cuts[len(first.cuts)-1]
		for range 4 {
			// A second cut hits what the first one has left, and so on.
			for depth := 0; c != nil && depth < 3; depth++ {
				tries++
				second := c.try(t, rnd, tries)
				fallbacks += int(second.fallbacks.Load())
				if maps.Equal(second.cuts[0].empty, c.filled) {
					kept++
				}
				if depth > 0 {
					again++
				}
				c = &second.cuts[rnd.IntN(len(second.cuts))]
				if rnd.IntN(2) == 0 {
					break
				}
			}
			c = &first.cuts[len(first.cuts)-1]
		}
	}
	closeStore(t, first.s)
	t.Logf("%d images, %d of them of folders that had been cut before; %d were rolled back, in %d the commit was there", tries, again, fallbacks, kept)
	if fallbacks == 0 && *imageCount > 100 {
		t.Fatal("no image needed the state before the last one")
	}
}

// try makes an image of the cut, opens it, and goes on working with it.
func (c *cut) try(t *testing.T, rnd *rand.Rand, n int) *life {
	t.Helper()
	image, what := c.image(rnd)
	what = fmt.Sprintf("image %d: %s", n, what)
	dir := imageDir(t)
	c.put(t, dir, image)
	l := begin(t, dir, true)
	allowed := []contents{c.empty, c.filled}
	switch {
	case bytes.Equal(image, c.after):
		allowed = allowed[1:]
	case bytes.Equal(image, c.files[c.segment]):
		allowed = allowed[:1]
	}
	l.expect(t, what, allowed...)
	for range 1 + rnd.IntN(3) {
		l.commit(t, rnd)
	}
	crash(t, l.s)
	after := begin(t, dir, false)
	after.expect(t, what+", reopened", l.now)
	closeStore(t, after.s)
	os.RemoveAll(dir)
	return l
}

// imageDir gives a folder; in memory, where it is known how to get one there:
// what a sync does is not what is tried here, and it takes time.
func imageDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "store")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
