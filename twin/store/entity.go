package store

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// version is one state of an entity. It never changes once it is published,
// so a reader needs no lock to use it.
type version struct {
	state    State
	revision uint64
	seq      uint64 // of the record that made it; 0: the entity never existed
	base     uint64 // of the last record known to give the state on its own
	far      uint64 // of the last record whose revision is a multiple of farEvery
	created  int64
	modified int64
	cost     int64 // bytes of memory that it is counted for
}

// never is what there is of an entity that never existed.
var never = &version{}

func (v *version) entry() Entry {
	e := Entry{State: v.state, Revision: v.revision, Seq: v.seq}
	if v.modified != 0 {
		e.Modified = time.Unix(0, v.modified).UTC()
	}
	if v.created != 0 {
		e.Created = time.Unix(0, v.created).UTC()
	}
	return e
}

// footprint lets a State say how much memory it takes when that is more than
// the size of its text.
type footprint interface{ Footprint() int }

func stateCost(s State) int64 {
	switch s := s.(type) {
	case nil:
		return 0
	case footprint:
		return int64(s.Footprint())
	default:
		return int64(s.Size())
	}
}

// entityCost is counted for an entity in memory besides its state and twice
// its id (the table's key shares the text with the entity).
const entityCost = 450

// entity is what memory knows of one Thing or Policy or whatever else.
type entity struct {
	key Key

	// mu is held from Begin to Commit or Abort.
	mu sync.Mutex

	// cur is the newest version, perhaps not on disk yet; nil until loaded.
	cur     atomic.Pointer[version]
	loading sync.Mutex

	// stored is the sequence number of the version in the snapshot file.
	stored atomic.Uint64

	// Guarded by the shard's mutex.
	refs int32
	used bool

	// dirty: in the queue's list of changed entities. writing: the snapshot
	// writer is at it, storedLive may be wrong. Both are written under the
	// queue's mutex, and on the way from one to the other never both false.
	dirty, writing atomic.Bool

	// offered: in the table's order of entities that may be forgotten.
	offered atomic.Bool

	// awake: in the table's order of entities whose states may be unfolded.
	// stirred: worked with since it was last looked at there.
	awake, stirred atomic.Bool
	awakeBytes     int64 // guarded by the order's mutex

	// Guarded by the queue's mutex.
	storedLive bool  // the snapshot file has it, and not as a tombstone
	unstored   int64 // what it is counted for in the queue's sum of unstored bytes
}

// evictable says whether memory may forget it: the snapshot file has it. What
// is dirty or being written may be equal to what the file has, if a change was
// refused, but the writer and the list of what drifted still know this entity
// and must not meet another one of the same key.
func (e *entity) evictable() bool {
	if e.refs != 0 || e.dirty.Load() || e.writing.Load() {
		return false
	}
	v := e.cur.Load()
	return v == nil || v.seq == e.stored.Load()
}

const shardCount = 128

type shard struct {
	mu sync.Mutex
	m  map[Key]*entity
	_  [40]byte // keeps neighbouring locks off one cache line
}

// table holds the entities that are in memory.
type table struct {
	seed      maphash.Seed
	shards    [shardCount]shard
	memory    atomic.Int64 // bytes counted
	count     atomic.Int64
	hits      atomic.Uint64
	misses    atomic.Uint64
	evictions atomic.Uint64
	idle      idle
	awake     awake
}

func (t *table) init() {
	t.seed = maphash.MakeSeed()
	for i := range t.shards {
		t.shards[i].m = make(map[Key]*entity)
	}
}

func (t *table) shard(k Key) *shard {
	h := maphash.String(t.seed, k.ID) + uint64(k.Kind)
	return &t.shards[h%shardCount]
}

// peek gives the newest version of an entity that is in memory.
func (t *table) peek(k Key, awake int64) *version {
	sh := t.shard(k)
	sh.mu.Lock()
	e := sh.m[k]
	if e == nil {
		sh.mu.Unlock()
		return nil
	}
	e.used = true
	sh.mu.Unlock()
	v := e.cur.Load()
	if v != nil {
		t.stir(e, awake)
	}
	return v
}

// glance is peek for those who look at everything: it does not count as use.
func (t *table) glance(k Key) *version {
	sh := t.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if e := sh.m[k]; e != nil {
		return e.cur.Load()
	}
	return nil
}

// hold gives the entity and keeps it in memory until released. It may not be
// loaded yet.
func (t *table) hold(k Key) *entity {
	sh := t.shard(k)
	sh.mu.Lock()
	e := sh.m[k]
	if e == nil {
		e = &entity{key: k}
		sh.m[k] = e
		t.count.Add(1)
		t.memory.Add(entityCost + int64(len(k.ID)))
	}
	e.refs++
	e.used = true
	sh.mu.Unlock()
	return e
}

func (t *table) release(e *entity) {
	sh := t.shard(e.key)
	sh.mu.Lock()
	e.refs--
	if e.refs == 0 {
		// What never existed, or could not be loaded, is not worth its place.
		if v := e.cur.Load(); v == nil || v.seq == 0 {
			t.drop(sh, e)
		}
	}
	sh.mu.Unlock()
}

// drop takes the entity out of memory; the shard is locked.
func (t *table) drop(sh *shard, e *entity) {
	delete(sh.m, e.key)
	t.count.Add(-1)
	cost := int64(entityCost + len(e.key.ID))
	if v := e.cur.Load(); v != nil {
		cost += v.cost
	}
	t.memory.Add(-cost)
}

// idle is the order in which entities that the snapshot file has are looked at
// when memory has to forget some. An entity is in it at most once.
type idle struct {
	mu    sync.Mutex
	order ring
}

// offer puts an entity that the snapshot file has at the end of the order.
func (t *table) offer(e *entity) {
	if e.offered.Swap(true) {
		return
	}
	t.idle.mu.Lock()
	t.idle.order.push(e)
	t.idle.mu.Unlock()
}

// evictAtOnce is how many are looked at on behalf of one that is loaded.
const evictAtOnce = 8

// evict forgets entities that are stored, not in use, and were not used since
// it last looked at them, until memory is within the budget again or it has
// looked at n of them.
func (t *table) evict(budget int64, n int) {
	for ; n > 0 && t.memory.Load() > budget; n-- {
		t.idle.mu.Lock()
		e := t.idle.order.pop()
		t.idle.mu.Unlock()
		if e == nil {
			return
		}
		e.offered.Store(false)
		sh := t.shard(e.key)
		sh.mu.Lock()
		again := false
		switch {
		case sh.m[e.key] != e:
		case e.evictable() && !e.used:
			t.drop(sh, e)
			t.evictions.Add(1)
		default:
			// What is dirty comes back when it has been written.
			again = !e.dirty.Load() && !e.writing.Load()
			e.used = false
		}
		sh.mu.Unlock()
		if again {
			t.offer(e)
		}
	}
}
