package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"go.etcd.io/bbolt"
)

// bbolt believes what it reads: a key that is not where the tree leads to is
// not there, and a page on the free list may be written over. So damage to
// state.db could pass for an entity that never existed, or spread. Therefore
// the file is looked at before bbolt gets it. Up to wholeCheck it is read and
// verified completely. What is larger would take too long to start with: then
// all that leads to the leaves is verified, and the free list against it, and
// a leaf when something is not found in it.
var wholeCheck int64 = 64 << 20

// noFreePage stands in a meta page where there is no free list on disk.
const noFreePage = ^uint64(0)

// checkState reads state.db and says whether bbolt may be given it, and whether
// all of it has been verified.
func checkState(path string, kinds *[256]*KindSpec, limit int64) (whole bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	p, metas, err := openPages(f, info.Size())
	if err != nil {
		return false, err
	}
	w, err := p.walk(metas[0])
	if err != nil {
		return false, err
	}
	c := stateCheck{walk: w, kinds: kinds, whole: int64(metas[0].pages)*p.page <= limit}
	return c.whole, c.run()
}

// eachState gives all entries of state.db that can be read.
func eachState(path string, kinds *[256]*KindSpec, fn func(k Key, v version, text []byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := fileSize(path)
	if err != nil {
		return err
	}
	p, metas, err := openPages(f, size)
	if err != nil {
		return err
	}
	w, err := p.walk(metas[0])
	if err != nil {
		return err
	}
	w.amiss = func(error, []byte, []byte) error { return nil }
	c := stateCheck{walk: w, kinds: kinds, whole: true, entry: fn, wrong: func(string, error) error { return nil }}
	return c.run()
}

// stateCheck is one look at all of state.db.
type stateCheck struct {
	*walk
	kinds *[256]*KindSpec
	whole bool // the leaves too

	// Each unless nil; with an error of theirs the look ends.
	entry     func(k Key, v version, text []byte) error
	receipt   func(client string, c *received) error
	tombstone func(t tombstone) error
	raw       func(bucket, key, entry []byte) error // any of them, as it stands there
	wrong     func(where string, err error) error   // an entry that is not right; nil: it is an error
	failed    func(k Key)                           // whose entry that is
	meta      stateMeta
	format    uint64
	roots     [256][]byte // what leads to the bucket of each kind
	inTree    []uint64    // a bit for each page that the tree leads to
	freeBad   bool
	hurt      bool // something was amiss: not all pages may have been reached
}

func (c *stateCheck) run() error {
	type bucket struct{ name, value []byte }
	var buckets []bucket
	err := c.tree(c.walk.meta.root, nil, nil, 0, func(flags uint32, key, value []byte) error {
		if flags != flagLeafBucket {
			return fmt.Errorf("%w: %q is no bucket", ErrDamaged, key)
		}
		if len(buckets) == 300 {
			return fmt.Errorf("%w: it has buckets that nobody put there", ErrDamaged)
		}
		buckets = append(buckets, bucket{bytes.Clone(key), bytes.Clone(value)})
		return nil
	})
	if err != nil {
		return err
	}
	found := map[string]bool{}
	for _, b := range buckets { // first of all, which format it has
		found[string(b.name)] = true
		if bytes.Equal(b.name, bucketMeta) {
			if err := c.readMeta(b.value); err != nil {
				return err
			}
		}
	}
	for _, b := range buckets {
		switch {
		case bytes.Equal(b.name, bucketMeta):
		case bytes.Equal(b.name, bucketReceipts):
			err = c.bucket(b.value, c.takeReceipt)
		case bytes.Equal(b.name, bucketTombstones):
			err = c.bucket(b.value, c.takeTombstone)
		default:
			err = c.readKind(b.name, b.value)
		}
		if err != nil {
			return err
		}
	}
	for _, name := range [][]byte{bucketMeta, bucketReceipts, bucketTombstones} {
		if c.format == 1 && bytes.Equal(name, bucketTombstones) {
			continue
		}
		if !found[string(name)] {
			if err := c.complain("bucket "+string(name), fmt.Errorf("%w: it has no bucket %q", ErrDamaged, name)); err != nil {
				return err
			}
		}
	}
	return c.freeList()
}

// complain gives what is wrong to whoever wants to hear of all of it.
func (c *stateCheck) complain(where string, err error) error {
	if c.wrong == nil {
		return err
	}
	c.hurt = true
	return c.wrong(where, err)
}

func (c *stateCheck) readMeta(value []byte) error {
	meta, err := c.values(func(fn entryFunc) error { return c.bucket(value, fn) })
	if err != nil {
		return err
	}
	c.meta, c.format, err = decodeMeta(func(key []byte) []byte { return meta[string(key)] })
	if err != nil {
		return c.complain("meta", err)
	}
	return nil
}

func (c *stateCheck) readKind(name, value []byte) error {
	for kind, spec := range c.kinds {
		if spec == nil || !bytes.Equal(name, kindBucket(spec.Name)) {
			continue
		}
		c.roots[kind] = value
		if !c.whole {
			c.unread, c.depth = func(uint64) error { return nil }, 0
			defer func() { c.unread = nil }()
		}
		return c.bucket(value, func(flags uint32, key, entry []byte) error {
			return c.takeEntry(Key{Kind(kind), string(key)}, spec, flags, entry)
		})
	}
	return c.complain("bucket "+string(name), fmt.Errorf("%w: it has a bucket %q, which this program does not know", ErrFormat, name))
}

func (c *stateCheck) takeEntry(k Key, spec *KindSpec, flags uint32, entry []byte) error {
	v, text, err := decodeState(spec.Name, k.ID, entry)
	if err == nil && flags != 0 {
		err = fmt.Errorf("%w: it has the flags %#x", errRecord, flags)
	}
	if err != nil {
		if c.failed != nil {
			c.failed(k)
		}
		where := fmt.Sprintf("%s %q", spec.Name, k.ID)
		return c.complain(where, fmt.Errorf("%w: %s: %w", ErrDamaged, where, err))
	}
	if c.entry != nil {
		return c.entry(k, v, text)
	}
	if c.raw != nil {
		return c.raw(kindBucket(spec.Name), []byte(k.ID), entry)
	}
	return nil
}

func (c *stateCheck) takeReceipt(_ uint32, key, entry []byte) error {
	received, err := decodeReceived(key, entry)
	if err != nil || len(key) == 0 {
		where := fmt.Sprintf("receipts of client %q", bytes.TrimPrefix(key, []byte("c")))
		return c.complain(where, fmt.Errorf("%w: %s: %w", ErrDamaged, where, err))
	}
	if c.receipt != nil {
		return c.receipt(string(key[1:]), received)
	}
	if c.raw != nil {
		return c.raw(bucketReceipts, key, entry)
	}
	return nil
}

func (c *stateCheck) takeTombstone(_ uint32, key, value []byte) error {
	t, err := parseTombstone(key)
	if err == nil && (c.kinds[t.key.Kind] == nil || len(value) > 0) {
		err = fmt.Errorf("%w: an entry of the list of tombstones is %x", ErrDamaged, key)
	}
	if err != nil {
		return c.complain(fmt.Sprintf("tombstone %x", key), err)
	}
	if c.tombstone != nil {
		return c.tombstone(t)
	}
	if c.raw != nil {
		return c.raw(bucketTombstones, key, nil)
	}
	return nil
}

// freeList checks that what bbolt takes for free is free, and, if all leaves
// have been read, that no page is forgotten.
func (c *stateCheck) freeList() error {
	c.inTree = append([]uint64(nil), c.seen...)
	err := c.claimFree()
	if err != nil {
		c.freeBad = true
		return c.complain("free list", err)
	}
	if !c.whole || c.hurt {
		return nil
	}
	for id := uint64(2); id < c.walk.meta.pages; id++ {
		if c.seen[id/64]&(1<<(id%64)) == 0 {
			return c.complain("free list", fmt.Errorf("%w: page %d is neither used nor free", ErrDamaged, id))
		}
	}
	return nil
}

// free says whether what is on the page may be old: it is on the free list, or
// that cannot be read.
func (c *stateCheck) free(page uint64) bool {
	if page >= c.walk.meta.pages || c.inTree == nil {
		return true
	}
	bit := uint64(1) << (page % 64)
	return c.inTree[page/64]&bit == 0 && (c.freeBad || c.seen[page/64]&bit != 0)
}

// claimFree claims the free list's pages and those that it lists.
func (w *walk) claimFree() error {
	id := w.meta.free
	if id == noFreePage {
		return nil
	}
	var head [pageHeader]byte
	if id < 2 || id >= w.meta.pages {
		return fmt.Errorf("%w: the free list is said to be on page %d, of %d", ErrDamaged, id, w.meta.pages)
	}
	if err := w.read(head[:], int64(id)*w.page); err != nil {
		return err
	}
	length := uint64(native.Uint32(head[12:])) + 1
	if native.Uint64(head[:]) != id || native.Uint16(head[8:]) != flagFreePage {
		return fmt.Errorf("%w: page %d is not the free list", ErrDamaged, id)
	}
	if err := w.claim(id, length); err != nil {
		return err
	}
	buf := make([]byte, length*uint64(w.page))
	if err := w.read(buf, int64(id)*w.page); err != nil {
		return err
	}
	count, ids := uint64(native.Uint16(head[10:])), buf[pageHeader:]
	if count == 0xFFFF {
		count, ids = native.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return fmt.Errorf("%w: the free list has %d pages in %d bytes", ErrDamaged, count, len(ids))
	}
	for i := range count {
		if err := w.claim(native.Uint64(ids[i*8:]), 1); err != nil {
			return fmt.Errorf("%w (of the free list)", err)
		}
	}
	return nil
}

// absent makes sure that an entity which bbolt did not find is not there: the
// page on which it would be is verified, if that has not been done yet.
func (f *stateFile) absent(tx *bbolt.Tx, k Key, spec *KindSpec) error {
	id := uint64(tx.Bucket(f.buckets[k.Kind]).Root())
	if f.whole || id == 0 {
		return nil
	}
	p := pageFile{r: f.raw, size: tx.Size(), page: int64(tx.DB().Info().PageSize)}
	leaf, err := p.find(id, []byte(k.ID))
	if err != nil {
		return err
	}
	return leaf.entries(nil, nil, func(_ uint32, key, entry []byte) error {
		if _, _, err := decodeState(spec.Name, string(key), entry); err != nil || string(key) == k.ID {
			return fmt.Errorf("%w: page %d: %q: %w", ErrDamaged, leaf.id, key, errors.Join(errRecord, err))
		}
		return nil
	})
}

// find gives the leaf page, verified, on which the key has to be, if it is
// anywhere below the page.
func (p *pageFile) find(id uint64, key []byte) (treePage, error) {
	for range maxTreeDepth {
		buf, err := p.one(id, uint64(p.size/p.page))
		if err != nil {
			return treePage{}, err
		}
		page, err := parsePage(buf, id)
		if err == nil {
			_, err = page.layout()
		}
		if err != nil || !page.branch {
			return page, err
		}
		for i := range page.count {
			from, child, err := page.branchElement(i)
			if err != nil {
				return page, err
			}
			if i > 0 && bytes.Compare(from, key) > 0 {
				break
			}
			id = child
		}
	}
	return treePage{}, fmt.Errorf("%w: page %d: the tree is too deep", ErrDamaged, id)
}

// one reads a page and those it goes on over.
func (p *pageFile) one(id, pages uint64) ([]byte, error) {
	var head [pageHeader]byte
	if id < 2 || id >= pages {
		return nil, fmt.Errorf("%w: page %d is referred to, of %d", ErrDamaged, id, pages)
	}
	if err := p.read(head[:], int64(id)*p.page); err != nil {
		return nil, err
	}
	length := uint64(native.Uint32(head[12:])) + 1
	if length > pages-id {
		return nil, fmt.Errorf("%w: page %d goes on over %d pages, of %d", ErrDamaged, id, length, pages)
	}
	buf := make([]byte, length*uint64(p.page))
	return buf, p.read(buf, int64(id)*p.page)
}

// decodeMeta reads the meta bucket of state.db.
func decodeMeta(get func(key []byte) []byte) (m stateMeta, format uint64, err error) {
	var latest, age uint64
	sum := get(metaSum)
	for _, n := range []struct {
		key  []byte
		into *uint64
	}{{metaFormat, &format}, {metaCovered, &m.covered}, {metaTime, &latest}, {metaReceipt, &m.receipt}, {metaAge, &age}} {
		v := get(n.key)
		if format == 1 && v == nil && n.into == &age {
			continue
		}
		if len(v) != 8 {
			return m, format, fmt.Errorf("%w: meta entry %q is missing", ErrDamaged, n.key)
		}
		*n.into = binary.BigEndian.Uint64(v)
		// A number that is only damaged does not agree with the checksum.
		if n.into == &format && format > stateFormat && (len(sum) != 8 || binary.BigEndian.Uint64(sum) == metaChecksum(get)) {
			return m, format, knownFormat(format, stateFormat)
		}
	}
	m.latest, m.age = int64(latest), time.Duration(age)
	if format == 1 && sum == nil {
		return m, format, nil // had no checksum
	}
	if len(sum) != 8 || binary.BigEndian.Uint64(sum) != metaChecksum(get) {
		return m, format, fmt.Errorf("%w: what it says about itself has a wrong checksum", ErrDamaged)
	}
	return m, format, nil
}
