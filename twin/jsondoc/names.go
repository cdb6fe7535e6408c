package jsondoc

import (
	"hash/maphash"
	"slices"
	"sync/atomic"
)

// names are the names of an object's members, in order. All versions of an
// object that have the same members share them, and with them the index.
type names struct {
	keys   []string              // as they are meant, without escapes
	quoted []string              // as they are written; nil when no key has escapes, "" for one that has none
	index  atomic.Pointer[index] // covers the first index.count keys, made when first needed
}

// Objects with more members than indexFrom are looked up by an index; the
// members that were added since the index was made, up to unindexed of them,
// by looking at each.
const (
	indexFrom = 16
	unindexed = 32
)

// find gives the position of the member with this name, or -1.
func (n *names) find(name string) int {
	if len(n.keys) <= indexFrom {
		return n.scan(name, 0)
	}
	ix := n.index.Load()
	if ix == nil || len(n.keys)-ix.count > unindexed {
		ix = newIndex(n.keys)
		n.index.Store(ix)
	}
	if i := ix.find(n.keys, name); i >= 0 {
		return i
	}
	return n.scan(name, ix.count)
}

func (n *names) scan(name string, from int) int {
	for i := from; i < len(n.keys); i++ {
		if n.keys[i] == name {
			return i
		}
	}
	return -1
}

// add appends a member's name. quoted is how it is written, with the quotes,
// or "" to have it written with no more escapes than it needs.
func (n *names) add(name, quoted string) {
	if quoted == "" && isPlain(name) {
		n.addPlain(name)
		return
	}
	if quoted == "" {
		// The text is what is stored, so the name must be what comes out of it.
		quoted = string(AppendString(nil, name))
	}
	n.keys = append(n.keys, name)
	if n.quoted == nil {
		n.quoted = make([]string, len(n.keys)-1, cap(n.keys))
	}
	n.quoted = append(n.quoted, quoted)
}

// addPlain is add for a name without anything to escape.
func (n *names) addPlain(name string) {
	n.keys = append(n.keys, name)
	if n.quoted != nil {
		n.quoted = append(n.quoted, "")
	}
}

// addAs appends the name at i of other, written as it is there.
func (n *names) addAs(other *names, i int) {
	if q := other.quoting(i); q != "" {
		n.add(other.keys[i], q)
	} else {
		n.addPlain(other.keys[i])
	}
}

// quoting gives what add takes to write the name at i as it is written here.
func (n *names) quoting(i int) string {
	if n.quoted == nil {
		return ""
	}
	return n.quoted[i]
}

// size is the number of bytes of the name at i as it is written.
func (n *names) size(i int) int {
	if q := n.quoting(i); q != "" {
		return len(q)
	}
	return len(n.keys[i]) + 2
}

func (n *names) appendQuoted(dst []byte, i int) []byte {
	if q := n.quoting(i); q != "" {
		return append(dst, q...)
	}
	dst = append(dst, '"')
	dst = append(dst, n.keys[i]...)
	return append(dst, '"')
}

// grown is a copy with room for more names; what is indexed stays so.
func (n *names) grown(more int) *names {
	next := &names{keys: append(make([]string, 0, len(n.keys)+more), n.keys...)}
	if n.quoted != nil {
		next.quoted = append(make([]string, 0, len(n.keys)+more), n.quoted...)
	}
	next.index.Store(n.index.Load())
	return next
}

// without is a copy that lacks the name at i.
func (n *names) without(i int) *names {
	next := &names{keys: slices.Concat(n.keys[:i], n.keys[i+1:])}
	if n.quoted != nil {
		next.quoted = slices.Concat(n.quoted[:i], n.quoted[i+1:])
	}
	return next
}

// index finds keys by their hash: a table with open addressing whose slots
// hold positions, counted from 1.
type index struct {
	slots []uint32
	count int
}

// seed is secret, so that no sender can choose names that collide.
var seed = maphash.MakeSeed()

func newIndex(keys []string) *index {
	ix := &index{slots: make([]uint32, tableSize(len(keys))), count: len(keys)}
	mask := uint64(len(ix.slots) - 1)
	for i, key := range keys {
		h := maphash.String(seed, key) & mask
		for ix.slots[h] != 0 {
			h = (h + 1) & mask
		}
		ix.slots[h] = uint32(i + 1)
	}
	return ix
}

func (ix *index) find(keys []string, name string) int {
	mask := uint64(len(ix.slots) - 1)
	for h := maphash.String(seed, name) & mask; ix.slots[h] != 0; h = (h + 1) & mask {
		if i := int(ix.slots[h] - 1); keys[i] == name {
			return i
		}
	}
	return -1
}

// tableSize is a power of two that leaves a table of n entries half empty.
func tableSize(n int) int {
	size := 32
	for size < 2*n {
		size *= 2
	}
	return size
}
