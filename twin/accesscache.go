package twin

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinbroker/twinbroker/twin/policy"
)

// source is a Policy that an Enforcer was made from, or that was not there: how
// far its changes were counted then.
type source struct {
	count *atomic.Uint64
	was   uint64
}

// keptAccess is an Enforcer that is kept, and what it was made from.
type keptAccess struct {
	enforcer *policy.Enforcer
	there    bool // the Policy is
	sources  []source
	seq      uint64    // the newest change of the sources
	until    time.Time // when a subject expires; zero: never
	cost     int
	used     atomic.Bool
}

// use notes that it is asked.
func (a *keptAccess) use() {
	if !a.used.Load() {
		a.used.Store(true)
	}
}

// upToDate says whether the Policy is as it was.
func (s *source) upToDate() bool { return s.count.Load() == s.was }

// upToDate says whether what an Enforcer was made from is as it was. A change
// that was refused by the disk and taken back counts as two.
func (a *keptAccess) upToDate() bool {
	for i := range a.sources {
		if !a.sources[i].upToDate() {
			return false
		}
	}
	return a.until.IsZero() || time.Now().Before(a.until)
}

// accessCache keeps the Enforcers in use, up to some number of bytes. What it
// gives may be out of date: whoever takes an Enforcer holds its sources against
// what the store has counted, so a change of a Policy need not find the
// Enforcers made from it, however many there are.
type accessCache struct {
	seed   maphash.Seed
	room   int
	shards [accessShards]accessShard
}

const (
	accessShards = 16
	// Of so many parts of the memory for states one is for Enforcers, and two
	// for what is kept of Policies that say the same.
	accessShare = 16
	alikeShares = 2
)

type accessShard struct {
	mu   sync.RWMutex
	kept map[string]*keptAccess // by the ID of the Policy
	cost int
}

// newAccessCache makes a cache for so many bytes, counted roughly.
func newAccessCache(room int64) *accessCache {
	c := &accessCache{seed: maphash.MakeSeed(), room: int(room)}
	for i := range c.shards {
		c.shards[i].kept = map[string]*keptAccess{}
	}
	return c
}

func (c *accessCache) shard(policyID string) *accessShard {
	return &c.shards[maphash.String(c.seed, policyID)%accessShards]
}

// get gives what is kept, nil where nothing is.
func (c *accessCache) get(policyID string) *keptAccess {
	sh := c.shard(policyID)
	sh.mu.RLock()
	a := sh.kept[policyID]
	sh.mu.RUnlock()
	if a != nil {
		a.use()
	}
	return a
}

// put keeps an Enforcer, and lets go of others that were not used lately when
// it gets too much.
func (c *accessCache) put(policyID string, a *keptAccess) {
	sh := c.shard(policyID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if old := sh.kept[policyID]; old != nil {
		sh.cost -= old.cost
	}
	sh.kept[policyID] = a
	sh.cost += a.cost
	for other, old := range sh.kept { // in no order
		if sh.cost <= c.room/accessShards {
			return
		}
		if old == a || old.used.Swap(false) {
			continue
		}
		delete(sh.kept, other)
		sh.cost -= old.cost
	}
}
