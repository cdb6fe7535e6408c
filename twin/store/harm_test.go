package store

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var flips = flag.Int("store.flips", 60, "how many bits to flip, one after the other")

// harm is one way to damage one file of a folder.
type harm struct {
	name  string
	do    func(t *testing.T, dir string) (file string)
	quiet bool // it may be without effect
}

// copyFolder copies a data folder without the zeros at the ends of its files.
func copyFolder(t testing.TB, from, to string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(to, "journal"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range filesOf(t, from) {
		src, err := os.Open(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		dst, err := os.Create(filepath.Join(to, name))
		if err != nil {
			t.Fatal(err)
		}
		size, err := fileSize(src.Name())
		if err == nil {
			_, err = io.Copy(dst, io.LimitReader(src, usedOf(t, src, size)))
		}
		if err := errors.Join(err, src.Close(), dst.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// usedOf gives how much of a bbolt file is in use.
func usedOf(t testing.TB, f *os.File, size int64) int64 {
	p, metas, err := openPages(f, size)
	if err != nil {
		return size
	}
	return int64(metas[0].pages) * p.page
}

// filesOf names the files of a data folder.
func filesOf(t testing.TB, dir string) []string {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "journal", "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{lockName, stateName}
	for _, path := range segments {
		names = append(names, filepath.Join("journal", filepath.Base(path)))
	}
	return names
}

func harms(t *testing.T, dir string, n int) []harm {
	names := filesOf(t, dir)
	segments := names[2:]
	some := []string{lockName, stateName, segments[0], segments[len(segments)/2], segments[len(segments)-2], segments[len(segments)-1]}
	slices.Sort(some)
	some = slices.Compact(some)
	var all []harm
	add := func(what, name string, do func(path string) error) {
		all = append(all, harm{name: fmt.Sprintf("%s %s", filepath.Base(name), what), quiet: name == lockName, do: func(t *testing.T, dir string) string {
			path := filepath.Join(dir, name)
			if err := do(path); err != nil {
				t.Fatal(err)
			}
			return path
		}})
	}
	rnd := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for i, name := range some {
		add("is missing", name, os.Remove)
		all[len(all)-1].quiet = name == lockName || name == segments[0] // as if retention had deleted it
		add("is empty", name, func(path string) error { return os.Truncate(path, 0) })
		for range 3 {
			at := rnd.Int64N(1 << 20)
			add("is cut off", name, func(path string) error {
				size, err := fileSize(path)
				if err != nil || size == 0 {
					return err
				}
				return os.Truncate(path, at%size)
			})
		}
		for _, other := range some[i+1:] {
			add("is swapped with "+filepath.Base(other), name, func(path string) error {
				dir := strings.TrimSuffix(path, name)
				other := filepath.Join(dir, other)
				return errors.Join(os.Rename(path, dir+"x"), os.Rename(other, path), os.Rename(dir+"x", other))
			})
			all[len(all)-1].quiet = false
		}
		if name == lockName {
			continue
		}
		for range n / (len(some) - 1) {
			at, bit := rnd.Int64N(1<<40), byte(1)<<rnd.IntN(8)
			add(fmt.Sprint("has a bit flipped ", at, bit), name, func(path string) error {
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				// Rather not where nothing is.
				i, size := at%int64(len(text)), int64(len(text))
				for try := int64(1); try < 6 && text[i] == 0; try++ {
					i = (at/try + try*7919) % size
				}
				text[i] ^= bit
				return os.WriteFile(path, text, 0)
			})
			all[len(all)-1].quiet = true // most pages are not full
		}
	}
	return all
}

func TestNoDamageIsSilentAndWhatIsLeftIsSaved(t *testing.T) {
	t.Run("with all of the journal", func(t *testing.T) { noDamageIsSilent(t, populate(t, 7, 160<<10, -1)) })
	t.Run("with the newest part of the journal", func(t *testing.T) { noDamageIsSilent(t, populate(t, 8, 128<<10, 200*time.Second)) })
	t.Run("with a state.db that is too large to be read at start", func(t *testing.T) {
		defer func(n int64) { wholeCheck = n }(wholeCheck)
		wholeCheck = 0
		noDamageIsSilent(t, populate(t, 9, 128<<10, 200*time.Second), stateName)
	})
}

// noDamageIsSilent damages copies of a folder: any of its files, or the one that
// is named.
func noDamageIsSilent(t *testing.T, w *truth, only ...string) {
	var count struct{ found, quiet, opened atomic.Int64 }
	t.Run("damage", func(t *testing.T) {
		for _, h := range harms(t, w.dir, *flips) {
			if len(only) > 0 && !strings.HasPrefix(h.name, only[0]) {
				continue
			}
			t.Run(h.name, func(t *testing.T) {
				t.Parallel()
				found, opened := w.harmed(t, &h)
				if found {
					count.found.Add(1)
				} else {
					count.quiet.Add(1)
				}
				if opened {
					count.opened.Add(1)
				}
			})
		}
	})
	t.Logf("found %d, quiet %d, opened %d", count.found.Load(), count.quiet.Load(), count.opened.Load())
	if count.found.Load() == 0 || count.opened.Load() == 0 {
		t.Fatal("the test finds nothing out")
	}
}

// harmed does one harm, and says whether it was found and whether a program goes
// on without noticing it, which it may where nothing was lost.
func (w *truth) harmed(t *testing.T, h *harm) (named, opened bool) {
	t.Helper()
	room := swift(t)
	dir := copyFolder(t, w.dir, filepath.Join(room, "opened"))
	h.do(t, dir)
	opened, why := w.opens(t, dir)
	dir = copyFolder(t, w.dir, filepath.Join(room, "damaged"))
	h.do(t, dir)
	before := contentsOf(t, dir)
	_, found := verified(t, dir)
	if len(found) == 0 && (!h.quiet || !opened) {
		t.Fatalf("not found out; opened: %v %v", opened, why)
	}
	for _, f := range found {
		if !strings.HasPrefix(f.File, dir) {
			t.Fatalf("names no file: %v", f)
		}
	}
	into := filepath.Join(room, "new")
	saved, err := Repair(dir, into, testKinds(), time.Now, Watch{})
	if err != nil {
		t.Fatal(err)
	}
	mustBeSound(t, into)
	w.isSaved(t, into, &saved)
	if len(found) == 0 && !h.quiet && !saved.Clean() {
		t.Fatalf("nothing was wrong, yet: %+v", saved)
	}
	if after := contentsOf(t, dir); !bytes.Equal(before, after) {
		t.Fatal("the damaged folder was changed")
	}
	return len(found) > 0, opened
}

// swift gives an empty folder, in memory where the system has room there: these
// tests damage files themselves, so what a disk does about a sync, for which
// they would wait most of the time, is nothing to them.
func swift(t testing.TB) string {
	const memory, enough = "/dev/shm", 1 << 30
	if free, err := freeSpace(memory); err != nil || free < enough {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "twinbroker-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// contentsOf gives all of a folder's bytes.
func contentsOf(t testing.TB, dir string) []byte {
	t.Helper()
	var all []byte
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all = append(append(all, path...), text...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// opens opens a damaged folder: either it says what is damaged, or all that was
// acknowledged is there. It tells which.
func (w *truth) opens(t *testing.T, dir string) (bool, error) {
	t.Helper()
	s, err := Open(dir, testKinds(), Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		if !strings.Contains(err.Error(), dir) || !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrFormat) && !strings.Contains(err.Error(), "no such file") {
			t.Fatalf("it does not name what is damaged: %v", err)
		}
		return false, err
	}
	defer s.Close()
	var why error
	said := func(err error) bool {
		if err != nil && (!errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), dir)) {
			t.Fatalf("it does not name what is damaged: %v", err)
		}
		why = cmp.Or(why, err)
		return err != nil
	}
	whole := true
	for k := range w.newest {
		if _, err := s.View(k); said(err) {
			whole = false
		}
	}
	keys, err := s.Keys(things, "", "", 0)
	if said(err) || !whole {
		w.check(t, s, nowhere)
		return false, why
	}
	w.check(t, s, nowhere)
	for k, m := range w.newest {
		if k.Kind == things && (m.state != nil) != slices.Contains(keys, k.ID) {
			t.Fatalf("%v is not listed as it should be", k)
		}
	}
	return true, nil
}

// isSaved opens a repaired folder and compares it with the truth: whatever is
// not there has been named.
func (w *truth) isSaved(t *testing.T, dir string, saved *Repaired) {
	t.Helper()
	have := make(map[uint64]record)
	paths, err := filepath.Glob(filepath.Join(dir, "journal", "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		s, err := salvageSegment(path)
		if err != nil || len(s.damage) > 0 {
			t.Fatal(err, s.damage)
		}
		for seq, text := range s.records {
			if have[seq], err = decodeRecord(seq, text.text); err != nil {
				t.Fatal(err)
			}
		}
	}
	lost := func(seq uint64) bool {
		return slices.ContainsFunc(saved.Lost, func(s Span) bool { return s.First <= seq && seq <= s.Last })
	}
	first := uint64(1)
	for have[first].op == 0 && !lost(first) && first < 1000 {
		first++ // gone without a trace, as by retention
	}
	for seq, m := range w.records {
		is := have[seq]
		there := is.op == opChange && is.id == m.key.ID && is.kind == m.key.Kind && is.revision == m.revision
		if seq >= first && there == lost(seq) {
			t.Fatalf("record %d of %v (revision %d): there: %v, said to be lost: %v; %+v", seq, m.key, m.revision, there, lost(seq), saved)
		}
	}
	named := make(map[string]Loss)
	for _, l := range saved.Losses {
		named[l.Kind+" "+l.ID] = l
	}
	s, err := Open(dir, testKinds(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w.check(t, s, func(k Key, is Entry) bool {
		want := w.newest[k]
		l, ok := named[testKinds()[k.Kind].Name+" "+k.ID]
		if ok && l.Now != is.Revision {
			t.Fatalf("%v is at revision %d, said to be %d", k, is.Revision, l.Now)
		}
		if ok && l.Revision > want.revision {
			t.Fatalf("%v: revision %d never was", k, l.Revision)
		}
		if ok && l.Revision == want.revision && is.Revision <= want.revision {
			t.Fatalf("%v goes back to revision %d from %d", k, is.Revision, want.revision)
		}
		return ok || lost(want.seq) || len(saved.Unnamed) > 0 && is.Revision == 0
	})
	for _, l := range saved.Losses { // what is kept must have been true once
		was := false
		for _, m := range w.records {
			is := view(t, s, m.key)
			if testKinds()[m.key.Kind].Name == l.Kind && m.key.ID == l.ID {
				was = was || l.Deleted || m.revision == l.Kept && m.state == is.State
			}
		}
		if !was {
			t.Fatalf("%+v was never so", l)
		}
	}
}
