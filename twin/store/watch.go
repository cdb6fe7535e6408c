package store

import (
	"hash/maphash"
	"sync/atomic"
)

// watch counts the changes of entities of one kind, so that who has computed
// something from some of them finds out that they are as they were without
// looking at them. Several share a count: that one has grown means that they
// are to be looked at.
type watch struct {
	seed   maphash.Seed
	counts [watchCounts]atomic.Uint64
}

// watchCounts are few enough to stay in the processor's caches, and so many that
// one that was changed seldom disturbs another.
const watchCounts = 1 << 14

func (w *watch) count(id string) *atomic.Uint64 {
	return &w.counts[maphash.String(w.seed, id)%watchCounts]
}

// Watch gives a count that grows with each change of the entity, on disk or
// not, and when a change is taken back. Who reads it, then looks at the entity
// with View, and finds the count later as it was, knows that the entity is as
// it was. The kind must be one of which [KindSpec.Watched] says so.
func (s *Store) Watch(k Key) *atomic.Uint64 { return s.watches[k.Kind].count(k.ID) }

// moved counts a change that has become visible.
func (s *Store) moved(k Key) {
	if w := s.watches[k.Kind]; w != nil {
		w.count(k.ID).Add(1)
	}
}
