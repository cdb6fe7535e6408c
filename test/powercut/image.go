package powercut

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// extent is how much of what was not synced an image has.
type extent int

const (
	some extent = iota
	all
	nothing
)

// image is what a power cut may leave of a disk.
type image struct {
	*frozen
	random  *rand.Rand
	extent  extent
	garbage bool // sectors that did not get there hold anything
	sealed  *sealed
	missing int // sectors that are not there
	size    int64
	notes   []string
}

// write makes the folder of the image. The files that the store only reads may
// be links to others.
func (m *image) write(dir string) error {
	m.garbage = m.extent == some && m.random.IntN(8) == 0
	return m.folder(m.root, dir)
}

func (m *image) note(format string, args ...any) {
	m.notes = append(m.notes, fmt.Sprintf(format, args...))
}

func (m *image) String() string {
	return fmt.Sprintf("%s, garbage %v: %s", [...]string{"some", "all", "nothing"}[m.extent], m.garbage, strings.Join(m.notes, "; "))
}

// upTo chooses how many of n things that happen in order have happened.
func (m *image) upTo(n int) int {
	switch m.extent {
	case all:
		return n
	case nothing:
		return 0
	}
	switch m.random.IntN(4) {
	case 0:
		return n
	case 1:
		return 0
	}
	return m.random.IntN(n + 1)
}

func (m *image) folder(f *folder, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	names := maps.Clone(f.durable)
	k := m.upTo(len(f.pending))
	for _, n := range f.pending[:k] {
		set(names, n.names, n.nodes)
	}
	if len(f.pending) > 0 {
		m.note("%s: %d of %d changes of names", filepath.Base(dir), k, len(f.pending))
	}
	last := ""
	for name := range names {
		if strings.HasSuffix(name, ".db") {
			last = max(last, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		var err error
		switch n := names[name].(type) {
		case *folder:
			err = m.folder(m.folders[n], filepath.Join(dir, name))
		case *file:
			f := m.files[n]
			if strings.HasSuffix(name, ".db") && name != last && !f.wrote(0) {
				err = m.link(f, filepath.Join(dir, name))
			} else {
				err = m.file(f, filepath.Join(dir, name))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sizes says which changes of size an image has: those up to a place. Changes
// of one file's size happen in their order.
func (m *image) sizes(f *file) (upTo int) {
	n := 0
	for _, w := range f.pending {
		if w.size >= 0 {
			n++
		}
	}
	return m.upTo(n)
}

// file writes what is left of a file.
func (m *image) file(f *file, path string) error {
	pages, size := m.content(f, filepath.Base(path))
	m.size += size
	return writeFile(path, pages, size)
}

// content chooses what is left of a file.
func (m *image) content(f *file, name string) (pages []*page, size int64) {
	pages, size = slices.Clone(f.pages), f.size
	sizes := m.sizes(f)
	fate := m.fate(f.pending)
	was := m.missing
	for n, w := range f.pending {
		if w.size >= 0 {
			if sizes > 0 {
				size = w.size
				pages = resized(pages, size)
			}
			sizes--
		}
		eachSector(w, func(page, at int, part []byte) {
			if !fate(n, page, at/sectorSize) {
				m.missing++
				if !m.garbage {
					return
				}
				part = m.rubbish(len(part))
			}
			pages = grown(pages, page)
			pages[page] = patched(pages[page], at, part)
		})
	}
	if len(f.pending) > 0 {
		m.note("%s: %d writes not synced, %d sectors missing, size %d", name, len(f.pending), m.missing-was, size)
	}
	return resized(pages, size), size
}

func (m *image) rubbish(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(m.random.Uint32())
	}
	return out
}

// eachSector cuts a write into the sectors that it touches.
func eachSector(w *writing, fn func(page, at int, part []byte)) {
	eachPage(w.at, w.data, func(page, at int, part []byte) {
		for len(part) > 0 {
			n := min(sectorSize-at%sectorSize, len(part))
			fn(page, at, part[:n])
			at, part = at+n, part[n:]
		}
	})
}

// fate decides for each sector of each write that was not synced whether it is
// there.
func (m *image) fate(pending []*writing) func(n, page, sector int) bool {
	switch m.extent {
	case all:
		return func(int, int, int) bool { return true }
	case nothing:
		return func(int, int, int) bool { return false }
	}
	whole := m.random.IntN(3) == 0 // pages get there as a whole, or sectors do
	var decided map[[2]int]bool
	alike := func(n, page int, decide func() bool) bool {
		if !whole {
			return decide()
		}
		if decided == nil {
			decided = make(map[[2]int]bool)
		}
		is, ok := decided[[2]int{n, page}]
		if !ok {
			is = decide()
			decided[[2]int{n, page}] = is
		}
		return is
	}
	switch kind := m.random.IntN(8); kind {
	case 0:
		return func(int, int, int) bool { return true }
	case 1:
		return func(int, int, int) bool { return false }
	case 2, 3: // one is missing
		lost := m.random.IntN(max(1, len(pending)))
		at := int64(0)
		if len(pending) > 0 && len(pending[lost].data) > 0 {
			at = pending[lost].at + m.random.Int64N(int64(len(pending[lost].data)))
		}
		return func(n, page, sector int) bool {
			return n != lost || page != int(at/pageSize) || !whole && sector != int(at%pageSize/sectorSize)
		}
	case 4: // in order, up to somewhere within one write
		upTo := m.random.IntN(len(pending) + 1)
		return func(n, page, _ int) bool {
			return n < upTo || n == upTo && alike(n, page, func() bool { return m.random.IntN(2) == 0 })
		}
	default:
		share := []float64{0.1, 0.5, 0.9}[kind-5]
		return func(n, page, _ int) bool {
			return alike(n, page, func() bool { return m.random.Float64() < share })
		}
	}
}

// writeFile writes the pages that are not zeros.
func writeFile(path string, pages []*page, size int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	var run []byte
	from := 0
	for i, p := range pages {
		if p != nil {
			if len(run) == 0 {
				from = i
			}
			run = append(run, p[:]...)
		}
		if p == nil || len(run) >= 1<<20 || i+1 == len(pages) {
			at := int64(from) * pageSize
			if _, err := f.WriteAt(run[:max(0, min(int64(len(run)), size-at))], at); err != nil {
				return err
			}
			run = run[:0]
		}
	}
	return f.Close()
}

// sealed keeps files that many images have in common and none changes.
type sealed struct {
	dir string
	mu  sync.Mutex
	has map[string]bool
}

// link gives the image a name of a file that others have too.
func (m *image) link(f *file, path string) error {
	pages, size := m.content(f, filepath.Base(path))
	s := m.sealed
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := filepath.Join(s.dir, fmt.Sprintf("%d-%d-%d", f.id, f.version, size))
	if !s.has[kept] {
		if err := writeFile(kept, pages, size); err != nil {
			return err
		}
		s.has[kept] = true
	}
	m.size += size
	return os.Link(kept, path)
}
