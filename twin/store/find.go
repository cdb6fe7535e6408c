package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sort"
	"time"
)

// segmentFile finds single records in a segment, page by page and without
// bbolt, so that it needs no lock on the file and can look at one that is
// being written (tail.go).
type segmentFile struct {
	path string
	f    *os.File
	tail *tail // nil: the segment is sealed

	// The state that is read.
	pages    *pageFile
	meta     metaPage
	txid     uint64
	records  []byte              // the bucket's entry in its parent
	branches map[uint64]treePage // those that were read
	leaf     treePage            // the last one that was read
}

// branchesKept bounds the branch pages in memory. A segment of usual size has
// about a hundred.
const branchesKept = 256

// errStale: the pages that were read may have been given out again.
var errStale = errors.New("the state that was read is being overwritten")

// openSegmentFile opens a segment for reading; t is not nil if it is being
// written.
func openSegmentFile(path string, t *tail) (*segmentFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &segmentFile{path: path, f: f, tail: t}, nil
}

func (g *segmentFile) close() { g.f.Close() }

// staleTries is how often a reader begins again before it holds the committer
// up for a moment.
const staleTries = 8

// record gives a copy of the text of a record that is known to be on disk.
func (g *segmentFile) record(seq uint64) ([]byte, error) {
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], seq)
	var text []byte
	err := g.read(func() error {
		found, err := g.seek(g.records, key[:])
		if err == nil {
			text = append([]byte(nil), found...)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: record %d: %w", g.path, seq, err)
	}
	return text, nil
}

// read runs what reads pages, again and again until it has seen one state of
// the file. Before that, its error means nothing.
func (g *segmentFile) read(fn func() error) error {
	for try := 0; ; try++ {
		held := g.tail != nil && try >= staleTries
		if held {
			g.tail.gate.Lock()
		}
		err := g.look()
		if err == nil {
			err = fn()
		}
		stale := g.tail != nil && !g.tail.holds(g.txid)
		if held {
			g.tail.gate.Unlock()
		}
		if !stale && !errors.Is(err, errStale) {
			return err
		}
		g.pages = nil
		if held {
			// Nothing was begun meanwhile, so it should have been there.
			return fmt.Errorf("%w: the state of transaction %d is not there", ErrDamaged, g.txid)
		}
	}
}

// look finds the newest state, unless there is one already.
func (g *segmentFile) look() error {
	if g.pages != nil {
		return nil
	}
	if g.tail != nil {
		g.txid = g.tail.txid.Load()
	}
	info, err := g.f.Stat()
	if err != nil {
		return err
	}
	pages, metas, err := openPages(g.f, info.Size())
	if err != nil {
		return err
	}
	if g.tail != nil && metas[0].txid != g.txid {
		// The next one is being written.
		if len(metas) < 2 || metas[1].txid != g.txid {
			return errStale
		}
		metas = metas[1:]
	}
	g.meta, g.branches, g.leaf = metas[0], make(map[uint64]treePage), treePage{}
	g.pages = pages
	if g.records, err = g.seekFrom(g.meta.root, bucketRecords); err != nil {
		g.pages = nil
		return err
	}
	g.records = append([]byte(nil), g.records...)
	return nil
}

// seek finds the value of a key in the bucket that is described by value.
func (g *segmentFile) seek(value, key []byte) ([]byte, error) {
	if len(value) < bucketHeader {
		return nil, fmt.Errorf("%w: a bucket's entry is cut off", ErrDamaged)
	}
	if root := native.Uint64(value); root != 0 {
		return g.seekFrom(root, key)
	}
	p, err := parsePage(value[bucketHeader:], 0)
	if err != nil {
		return nil, err
	}
	return p.find(key)
}

// seekFrom finds the value of a key at or below a page.
func (g *segmentFile) seekFrom(id uint64, key []byte) ([]byte, error) {
	for range maxTreeDepth {
		p, err := g.page(id)
		if err != nil {
			return nil, err
		}
		if !p.branch {
			return p.find(key)
		}
		if id, err = p.child(key); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: page %d: the tree is too deep", ErrDamaged, id)
}

// page gives a page of the tree.
func (g *segmentFile) page(id uint64) (treePage, error) {
	if p, ok := g.branches[id]; ok {
		return p, nil
	}
	if g.leaf.id == id && g.leaf.buf != nil {
		return g.leaf, nil
	}
	if id < 2 || id >= g.meta.pages {
		return treePage{}, fmt.Errorf("%w: page %d is referred to, of %d", ErrDamaged, id, g.meta.pages)
	}
	size := g.pages.page
	buf := make([]byte, size)
	if err := g.pages.read(buf, int64(id)*size); err != nil {
		return treePage{}, err
	}
	if more := uint64(native.Uint32(buf[12:])); more > 0 {
		if more >= g.meta.pages-id {
			return treePage{}, fmt.Errorf("%w: page %d goes on over %d pages, of %d", ErrDamaged, id, more+1, g.meta.pages)
		}
		rest := make([]byte, int64(more)*size)
		if err := g.pages.read(rest, int64(id+1)*size); err != nil {
			return treePage{}, err
		}
		buf = append(buf, rest...)
	}
	p, err := parsePage(buf, id)
	if err != nil {
		return p, err
	}
	if !p.branch {
		g.leaf = p
		return p, nil
	}
	if len(g.branches) >= branchesKept {
		clear(g.branches)
	}
	g.branches[id] = p
	return p, nil
}

// errNoEntry: a key is not there.
var errNoEntry = fmt.Errorf("%w: it is not there", ErrDamaged)

// child gives the page below a branch page that a key leads to.
func (p *treePage) child(key []byte) (uint64, error) {
	var failed error
	i := sort.Search(p.count, func(i int) bool {
		first, _, err := p.branchElement(i)
		failed = errors.Join(failed, err)
		return bytes.Compare(first, key) > 0
	})
	if failed != nil {
		return 0, failed
	}
	if i == 0 {
		return 0, errNoEntry
	}
	_, id, err := p.branchElement(i - 1)
	return id, err
}

// find gives the value of a key on a leaf page.
func (p *treePage) find(key []byte) ([]byte, error) {
	if p.branch {
		return nil, fmt.Errorf("%w: page %d has branches", ErrDamaged, p.id)
	}
	var failed error
	i := sort.Search(p.count, func(i int) bool {
		is, _, err := p.leafElement(i)
		failed = errors.Join(failed, err)
		return bytes.Compare(is, key) >= 0
	})
	if failed != nil {
		return nil, failed
	}
	if i == p.count {
		return nil, errNoEntry
	}
	is, value, err := p.leafElement(i)
	if err == nil && !bytes.Equal(is, key) {
		err = errNoEntry
	}
	return value, err
}

// leafElement gives an entry of a leaf page.
func (p *treePage) leafElement(i int) (key, value []byte, err error) {
	at := pageHeader + i*pageElement
	e := p.buf[at:]
	pos, keySize, valueSize := native.Uint32(e[4:]), native.Uint32(e[8:]), native.Uint32(e[12:])
	if key, err = p.span(at, pos, keySize); err == nil {
		value, err = p.span(at+int(keySize), pos, valueSize)
	}
	return key, value, err
}

// journalAge says how old a journal is that nobody writes, as far as its
// segments say.
func journalAge(dir string) (time.Duration, error) {
	list, err := listSegments(dir)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	return segmentAge(list[len(list)-1].path)
}

// segmentAge says how old the journal was when a sealed segment was begun, at
// least 1; 0 if the segment does not say.
func segmentAge(path string) (at time.Duration, err error) {
	g, err := openSegmentFile(path, nil)
	if err != nil {
		return 0, err
	}
	defer g.close()
	err = g.read(func() error {
		meta, err := g.seekFrom(g.meta.root, bucketMeta)
		if err != nil {
			return err
		}
		value, err := g.seek(meta, metaAge)
		if errors.Is(err, errNoEntry) {
			return nil // format 1
		}
		if err != nil || len(value) != 8 {
			return errors.Join(ErrDamaged, err)
		}
		at = max(time.Duration(binary.BigEndian.Uint64(value)), 1)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return at, nil
}
