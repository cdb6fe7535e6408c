package store

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
)

// standing is what is known of an entity: from state.db, and from the journal
// as far as it has been read.
type standing struct {
	stored, storedRevision, storedHash uint64 // 0: state.db has no entry
	seq, revision, base                uint64 // of its last record; 0: none
	time                               int64
	storedDeleted, compared            bool
}

func (c *checker) hash(k Key) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	h.WriteByte(byte(k.Kind))
	h.WriteString(k.ID)
	return h.Sum64()
}

func (c *checker) text(text []byte) uint64 { return maphash.Bytes(c.seed, text) }

// lossOfEntries is what follows from damage to state.db.
const lossOfEntries = "what stood there is read wrongly or not at all; \"verify --repair\" takes it from the journal as far as that goes back"

// checkStateFile reads all of state.db and notes what it says.
func (c *checker) checkStateFile() error {
	f, err := os.Open(c.state)
	if errors.Is(err, os.ErrNotExist) && len(c.list) == 0 && c.layout.backup == nil {
		c.watch.noted(Finding{File: c.dir, What: "it holds no data", Consequence: "so it is when the program was stopped while it made the folder; if there were data, all are lost"})
		return nil
	}
	if errors.Is(err, os.ErrNotExist) {
		c.found(Finding{File: c.state, What: "it is missing", Consequence: "only what the journal tells from its beginning on is known"})
		return nil
	}
	if err != nil {
		return err
	}
	c.file = f // stays open to look things up
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		c.found(Finding{File: c.state, What: "the file is empty", Consequence: lossOfEntries})
		return nil
	}
	p, metas, err := openPages(f, info.Size())
	if err != nil {
		return c.stateDamage("", err)
	}
	c.halves(c.state, p, metas, true)
	w, err := p.walk(metas[0])
	if err != nil {
		return c.stateDamage("", err)
	}
	c.receipts = make(map[string]*received)
	s := stateCheck{walk: w, kinds: &c.kinds, whole: true, entry: c.entry, wrong: c.stateDamage}
	s.amiss = func(err error, low, high []byte) error {
		s.hurt = true
		where := ""
		if low != nil {
			where = fmt.Sprintf("from %q on", low)
			if high != nil {
				where = fmt.Sprintf("%q to before %q", low, high)
			}
		}
		return c.stateDamage(where, err)
	}
	s.receipt = func(client string, r *received) error {
		c.receipts[client] = r
		return nil
	}
	s.tombstone = func(t tombstone) error {
		if c.deleted[t.seq] == c.hash(t.key) {
			delete(c.deleted, t.seq)
		}
		return nil
	}
	if err := s.run(); err != nil {
		return c.stateDamage("", err)
	}
	for seq := range c.deleted {
		if s.format == 1 {
			break
		}
		c.found(Finding{File: c.state, Where: "tombstones", What: fmt.Sprintf("the deletion of record %d is not listed", seq), Consequence: "it is remembered for ever"})
	}
	c.deleted = nil
	c.pages, c.roots = p, s.roots
	c.hasState, c.meta = s.format != 0, s.meta
	c.newest = max(c.newest, c.meta.covered, c.meta.receipt)
	c.is.Covered, c.is.Receipts = c.meta.covered, len(c.receipts)
	c.progress(c.state, info.Size())
	return nil
}

// stateDamage tells of damage, and gives back what is none.
func (c *checker) stateDamage(where string, err error) error {
	switch {
	case errors.Is(err, ErrDamaged):
		c.found(Finding{File: c.state, Where: where, What: err.Error(), Consequence: lossOfEntries})
	case errors.Is(err, ErrFormat):
		c.found(Finding{File: c.state, Where: where, What: err.Error(), Consequence: "this program does not start with it"})
	default:
		return err
	}
	return nil
}

// halves says when one of a file's two meta pages is not valid: in a file that
// is written no more that is damage.
func (c *checker) halves(path string, p *pageFile, metas []metaPage, written bool) {
	if bothHalves(p, metas) {
		return
	}
	f := Finding{File: path, Where: fmt.Sprintf("page %d", (p.page-metas[0].at)/p.page), What: "this meta page is not valid", Consequence: "if it was the newer one, the file's last transaction is missing"}
	if !written {
		c.found(f)
		return
	}
	f.What += ", as a loss of power in the middle of a commit leaves it"
	f.Consequence = "then nothing is missing; if there was none, the disk is damaging files, and the last commit may be missing"
	c.watch.noted(f)
}

// bothHalves says whether both meta pages of a file are as they should be. One
// that was wiped after a loss of power is.
func bothHalves(p *pageFile, metas []metaPage) bool {
	if len(metas) > 1 {
		return true
	}
	other := make([]byte, p.page)
	return p.read(other, p.page-metas[0].at) != nil || allZero(other)
}

// entry notes what state.db has of an entity, and checks that it can be read.
func (c *checker) entry(k Key, v version, text []byte) error {
	spec := c.kinds[k.Kind]
	s := standing{stored: v.seq, storedRevision: v.revision, storedDeleted: text == nil}
	what := ""
	switch {
	case v.seq == 0 || v.revision == 0:
		what = "it has no revision or no record"
	case v.base > v.seq:
		what = fmt.Sprintf("its base record %d comes after its record %d", v.base, v.seq)
	case v.created > v.modified:
		what = "it was created after its last change"
	}
	if text == nil {
		c.is.Deleted++
		if !spec.KeepDeleted {
			c.deleted[v.seq] = c.hash(k)
		}
	} else {
		c.is.Entities++
		state, err := spec.Decode(bytes.Clone(text))
		if err != nil {
			what = err.Error()
		} else if state == nil {
			what = "it has no state"
		} else {
			s.storedHash = c.text(state.AppendTo(nil))
		}
	}
	if what != "" {
		c.found(Finding{File: c.state, Where: fmt.Sprintf("%s %q", spec.Name, k.ID), What: what, Consequence: lossOfEntries})
	}
	c.newest = max(c.newest, v.seq)
	if c.partly += int64(len(k.ID) + len(text)); c.watch.Progress != nil {
		c.watch.Progress(c.state, min(c.partly, c.total), c.total)
	}
	c.known[c.hash(k)] = s
	return nil
}

// stored reads the state that state.db has of an entity.
func (c *checker) stored(k Key, spec *KindSpec) (state State, sure bool) {
	value := c.roots[k.Kind]
	take := func(_ uint32, key, entry []byte) error {
		if string(key) != k.ID {
			return nil
		}
		_, text, err := decodeState(spec.Name, k.ID, entry)
		if err == nil && text != nil {
			state, err = spec.Decode(bytes.Clone(text))
		}
		sure = err == nil
		return nil
	}
	if len(value) < bucketHeader {
		return nil, false
	}
	var err error
	if root := native.Uint64(value); root != 0 {
		var leaf treePage
		if leaf, err = c.pages.find(root, []byte(k.ID)); err == nil {
			err = leaf.entries(nil, nil, take)
		}
	} else {
		err = (&walk{}).bucket(value, take)
	}
	return state, sure && err == nil
}
