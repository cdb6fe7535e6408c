package twin

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/store"
)

// source is a Policy that an Enforcer was made from, as it was then: one that
// was not there has the sequence number 0, or that of its deletion.
type source struct {
	key      store.Key
	seq      uint64
	modified time.Time
}

// keptAccess is an Enforcer that is kept, and what it was made from.
type keptAccess struct {
	enforcer *policy.Enforcer
	there    bool // the Policy is
	sources  []source
	until    time.Time // when a subject expires; zero: never
	cost     int
	used     atomic.Bool
}

// accessCache keeps the Enforcers in use, up to some number of bytes. What it
// gives may be out of date: whoever takes an Enforcer holds its sources against
// the store, so a change of a Policy need not find the Enforcers made from it,
// however many there are.
type accessCache struct {
	seed   maphash.Seed
	room   int
	shards [accessShards]accessShard
}

const (
	accessShards = 16
	// accessShare is the share of the store's memory that is for Enforcers.
	accessShare = 8
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
	if a != nil && !a.used.Load() {
		a.used.Store(true)
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
