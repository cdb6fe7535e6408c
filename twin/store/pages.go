package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// bbolt opens a file at its newest state only, and believes what it reads. To
// judge a state before anything relies on it, and to look at the one before
// it, the pages are read here: bbolt's file format, version 2, as far as a
// reader has to know it. Numbers have the machine's byte order.
const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	pageHeader   = 16 // id (8), flags (2), count (2), overflow (4)
	pageElement  = 16 // branch: pos (4), key size (4), page (8); leaf: flags (4), pos (4), key size (4), value size (4)
	bucketHeader = 16 // root page (8; 0: the bucket's only page follows), sequence (8)
	metaSize     = 64 // magic, version, page size, flags (4 each), root bucket (16), free list, pages, transaction, checksum (8 each)

	flagBranchPage  = 1
	flagLeafPage    = 2
	flagFreePage    = 16
	flagLeafBucket  = 1
	maxTreeDepth    = 64
	smallestPage    = 1 << 10
	largestPageSize = 16 << 20
)

var native = binary.NativeEndian

// pageFile is a bbolt file that is read page by page.
type pageFile struct {
	r    io.ReaderAt
	size int64
	page int64 // the size of a page
}

// metaPage is one of the two roots of a bbolt file.
type metaPage struct {
	at    int64  // where it stands in the file
	root  uint64 // page of the root bucket
	free  uint64 // page of the free list; noFreePage: there is none on disk
	pages uint64 // how many pages the file has in this state
	txid  uint64 // the transaction that made this state
}

// openPages finds the valid meta pages, the newest one first. Which is which
// is told by the transaction, as bbolt does.
func openPages(r io.ReaderAt, size int64) (*pageFile, []metaPage, error) {
	p := &pageFile{r: r, size: size}
	var found []metaPage
	first, page, err := p.meta(0)
	if err != nil {
		return nil, nil, err
	}
	if first != nil {
		p.page = page
		found = append(found, *first)
	}
	for at := int64(smallestPage); at <= largestPageSize && at < size; at *= 2 {
		if p.page != 0 && at != p.page {
			continue
		}
		second, page, err := p.meta(at)
		if err != nil {
			return nil, nil, err
		}
		if second != nil && page == at {
			p.page = page
			found = append(found, *second)
			break
		}
	}
	if len(found) == 2 && found[0].txid < found[1].txid {
		found[0], found[1] = found[1], found[0]
	}
	if len(found) == 0 {
		return nil, nil, fmt.Errorf("%w: it has no valid meta page", ErrDamaged)
	}
	return p, found, nil
}

// meta reads a meta page; nil if there is none, or a broken one.
func (p *pageFile) meta(at int64) (*metaPage, int64, error) {
	var buf [pageHeader + metaSize]byte
	if err := p.read(buf[:], at); err != nil {
		if errors.Is(err, ErrDamaged) {
			return nil, 0, nil // the file is shorter
		}
		return nil, 0, err
	}
	m := buf[pageHeader:]
	sum := fnv.New64a()
	sum.Write(m[:metaSize-8])
	if native.Uint32(m) != boltMagic || native.Uint32(m[4:]) != boltVersion || native.Uint64(m[metaSize-8:]) != sum.Sum64() {
		return nil, 0, nil
	}
	page := int64(native.Uint32(m[8:]))
	if page < smallestPage || page > largestPageSize || page&(page-1) != 0 {
		return nil, 0, nil
	}
	return &metaPage{at: at, root: native.Uint64(m[16:]), free: native.Uint64(m[32:]), pages: native.Uint64(m[40:]), txid: native.Uint64(m[48:])}, page, nil
}

// read fills buf. What the file does not have is damage; what the disk cannot
// give is not, it may give it another time.
func (p *pageFile) read(buf []byte, at int64) error {
	n, err := p.r.ReadAt(buf, at)
	if n == len(buf) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it is cut off: %d bytes are there, %d should be", ErrDamaged, p.size, at+int64(len(buf)))
	}
	return err
}

// entryFunc is given the entries of a bucket. They are valid until it returns.
type entryFunc func(flags uint32, key, value []byte) error

// walk is one look at one state: it comes to each page at most once.
type walk struct {
	*pageFile
	meta metaPage
	seen []uint64 // a bit for each page
	leaf []byte   // room for a leaf page

	// amiss, unless nil, is told what is damaged, and between which keys that
	// leaves a hole (nil: no limit); the walk goes on beside it, unless amiss
	// gives an error.
	amiss func(err error, low, high []byte) error
	// unread, unless nil, is given the leaf pages of the next tree instead of
	// their being read.
	unread func(id uint64) error
	depth  int // with unread: the depth of a leaf
}

func (p *pageFile) walk(m metaPage) (*walk, error) {
	if m.pages > uint64(p.size/p.page) {
		return nil, fmt.Errorf("%w: it is cut off: %d bytes are there, %d pages of %d bytes should be", ErrDamaged, p.size, m.pages, p.page)
	}
	return &walk{pageFile: p, meta: m, seen: make([]uint64, m.pages/64+1)}, nil
}

// bucket gives all entries of the bucket that is described by value, the
// value of its own entry in its parent.
func (w *walk) bucket(value []byte, fn entryFunc) error {
	if len(value) < bucketHeader {
		return fmt.Errorf("%w: a bucket's entry is cut off", ErrDamaged)
	}
	if root := native.Uint64(value); root != 0 {
		return w.tree(root, nil, nil, 0, fn)
	}
	p, err := parsePage(value[bucketHeader:], 0)
	if err == nil {
		_, err = p.layout()
	}
	if err != nil {
		return err
	}
	if p.branch {
		return fmt.Errorf("%w: a bucket within a page has branches", ErrDamaged)
	}
	return p.entries(nil, nil, fn)
}

// tree gives the entries at and below a page. Their keys must lie from low to
// before high, and low is the first of them: bbolt keeps it so.
func (w *walk) tree(id uint64, low, high []byte, depth int, fn entryFunc) error {
	err := w.subtree(id, low, high, depth, fn)
	if err != nil && w.amiss != nil && errors.Is(err, ErrDamaged) {
		return w.amiss(err, low, high)
	}
	return err
}

// claim notes that the pages belong to one thing only.
func (w *walk) claim(id, length uint64) error {
	if id < 2 || id >= w.meta.pages {
		return fmt.Errorf("%w: page %d is referred to, of %d", ErrDamaged, id, w.meta.pages)
	}
	if length > w.meta.pages-id {
		return fmt.Errorf("%w: page %d goes on over %d pages, of %d", ErrDamaged, id, length, w.meta.pages)
	}
	for i := id; i < id+length; i++ {
		if w.seen[i/64]&(1<<(i%64)) != 0 {
			return fmt.Errorf("%w: page %d is referred to twice", ErrDamaged, i)
		}
		w.seen[i/64] |= 1 << (i % 64)
	}
	return nil
}

func (w *walk) subtree(id uint64, low, high []byte, depth int, fn entryFunc) error {
	if depth > maxTreeDepth {
		return fmt.Errorf("%w: page %d: the tree is too deep", ErrDamaged, id)
	}
	if w.unread != nil && w.depth != 0 && depth == w.depth {
		if err := w.claim(id, 1); err != nil {
			return err
		}
		return w.unread(id)
	}
	if id < 2 || id >= w.meta.pages {
		return fmt.Errorf("%w: page %d is referred to, of %d", ErrDamaged, id, w.meta.pages)
	}
	var head [pageHeader]byte
	if err := w.read(head[:], int64(id)*w.page); err != nil {
		return err
	}
	length := uint64(native.Uint32(head[12:])) + 1
	if err := w.claim(id, length); err != nil {
		return err
	}
	size := int(length) * int(w.page)
	var buf []byte
	if native.Uint16(head[8:]) == flagBranchPage {
		buf = make([]byte, size)
	} else {
		if cap(w.leaf) < size {
			w.leaf = make([]byte, size)
		}
		buf = w.leaf[:size]
	}
	if err := w.read(buf, int64(id)*w.page); err != nil {
		return err
	}
	p, err := parsePage(buf, id)
	if err != nil {
		return err
	}
	used, err := p.layout()
	if err != nil {
		return err
	}
	if length != (uint64(used)+uint64(w.page)-1)/uint64(w.page) {
		return fmt.Errorf("%w: page %d goes on over %d pages with %d bytes", ErrDamaged, id, length, used)
	}
	if first, err := p.firstKey(); err != nil {
		return err
	} else if low != nil && !bytes.Equal(first, low) {
		return fmt.Errorf("%w: page %d does not begin with the key that leads to it", ErrDamaged, id)
	}
	if !p.branch {
		if w.unread != nil {
			w.depth = depth // the tree's first leaf: all are as deep
			return w.unread(id)
		}
		return p.entries(low, high, fn)
	}
	if p.count == 0 {
		return fmt.Errorf("%w: page %d leads nowhere", ErrDamaged, id)
	}
	key, child, err := p.branchElement(0)
	for i := 0; i < p.count; i++ {
		if err != nil {
			return err
		}
		if !within(key, low, high) {
			return fmt.Errorf("%w: page %d: a key is out of order", ErrDamaged, id)
		}
		next, nextChild, end := high, uint64(0), error(nil)
		if i+1 < p.count {
			if next, nextChild, end = p.branchElement(i + 1); end == nil && bytes.Compare(key, next) >= 0 {
				return fmt.Errorf("%w: page %d: a key is out of order", ErrDamaged, id)
			}
			if end != nil {
				return end
			}
		}
		if err := w.tree(child, key, next, depth+1, fn); err != nil {
			return err
		}
		key, child = next, nextChild
	}
	return nil
}

func within(key, low, high []byte) bool {
	return bytes.Compare(key, low) >= 0 && (high == nil || bytes.Compare(key, high) < 0)
}

// treePage is a branch or leaf page.
type treePage struct {
	id     uint64
	buf    []byte
	branch bool
	count  int
}

func parsePage(buf []byte, id uint64) (treePage, error) {
	if len(buf) < pageHeader {
		return treePage{}, fmt.Errorf("%w: page %d is cut off", ErrDamaged, id)
	}
	p := treePage{id: id, buf: buf, count: int(native.Uint16(buf[10:]))}
	if is := native.Uint64(buf); is != id {
		return p, fmt.Errorf("%w: page %d says that it is page %d", ErrDamaged, id, is)
	}
	switch flags := native.Uint16(buf[8:]); flags {
	case flagBranchPage:
		p.branch = true
	case flagLeafPage:
	default:
		return p, fmt.Errorf("%w: page %d has the flags %#x", ErrDamaged, id, flags)
	}
	if pageHeader+p.count*pageElement > len(buf) {
		return p, fmt.Errorf("%w: page %d has %d elements in %d bytes", ErrDamaged, id, p.count, len(buf))
	}
	return p, nil
}

// span gives the bytes at a place that is counted from an element's start.
func (p *treePage) span(element int, pos, size uint32) ([]byte, error) {
	from := uint64(element) + uint64(pos)
	to := from + uint64(size)
	if to > uint64(len(p.buf)) {
		return nil, fmt.Errorf("%w: page %d: an element leads out of it", ErrDamaged, p.id)
	}
	return p.buf[from:to:to], nil
}

// layout checks that the elements' bytes follow one another without a gap, in
// order, as bbolt writes them: so no element can be added, lost or moved
// without being noticed. It gives how many bytes of the page are in use.
func (p *treePage) layout() (used int, err error) {
	used = pageHeader + p.count*pageElement
	for i := range p.count {
		at := pageHeader + i*pageElement
		e := p.buf[at:]
		var pos, size uint64
		if p.branch {
			pos, size = uint64(native.Uint32(e)), uint64(native.Uint32(e[4:]))
		} else {
			pos, size = uint64(native.Uint32(e[4:])), uint64(native.Uint32(e[8:]))+uint64(native.Uint32(e[12:]))
		}
		if uint64(at)+pos != uint64(used) || uint64(used)+size > uint64(len(p.buf)) {
			return 0, fmt.Errorf("%w: page %d: element %d of %d is not in its place", ErrDamaged, p.id, i, p.count)
		}
		used += int(size)
	}
	return used, nil
}

// firstKey gives the key of the first element; nil if there is none.
func (p *treePage) firstKey() ([]byte, error) {
	if p.count == 0 {
		return nil, nil
	}
	at := pageHeader
	if p.branch {
		key, _, err := p.branchElement(0)
		return key, err
	}
	return p.span(at, native.Uint32(p.buf[at+4:]), native.Uint32(p.buf[at+8:]))
}

func (p *treePage) branchElement(i int) (key []byte, child uint64, err error) {
	at := pageHeader + i*pageElement
	e := p.buf[at:]
	key, err = p.span(at, native.Uint32(e), native.Uint32(e[4:]))
	return key, native.Uint64(e[8:]), err
}

// entries gives the entries of a leaf page.
func (p *treePage) entries(low, high []byte, fn entryFunc) error {
	var before []byte
	for i := range p.count {
		at := pageHeader + i*pageElement
		e := p.buf[at:]
		pos, keySize, valueSize := native.Uint32(e[4:]), native.Uint32(e[8:]), native.Uint32(e[12:])
		key, err := p.span(at, pos, keySize)
		if err != nil {
			return err
		}
		value, err := p.span(at+int(keySize), pos, valueSize)
		if err != nil {
			return err
		}
		if !within(key, low, high) || i > 0 && bytes.Compare(before, key) >= 0 {
			return fmt.Errorf("%w: page %d: a key is out of order", ErrDamaged, p.id)
		}
		if err := fn(native.Uint32(e), key, value); err != nil {
			return err
		}
		before = key
	}
	return nil
}
