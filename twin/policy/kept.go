package policy

import (
	"maps"
	"sync/atomic"
)

// kept is a small cache that is read without locks.
type kept[V any] struct{ of atomic.Pointer[map[string]V] }

// How many answers are kept; then they are forgotten together. Of each Policy
// there may be as many views as readers. Of a large Policy fewer are kept: what
// is kept of all answers takes at most keptRoom bytes for those of a kind, or
// as much as the Enforcer itself.
const (
	keptNamespaces = 256
	keptKeys       = 2048
	keptRoom       = 256 << 10
	keptEntry      = 100 // bytes that an answer takes in its map
)

// keptOf is how many answers of a size are kept.
func (e *Enforcer) keptOf(size, most int) int {
	return max(1, min(most, max(keptRoom, e.size)/size))
}

func (k *kept[V]) get(key string) (v V, ok bool) {
	if m := k.of.Load(); m != nil {
		v, ok = (*m)[key]
	}
	return v, ok
}

func (k *kept[V]) put(key string, v V, limit int) {
	for {
		old := k.of.Load()
		next := map[string]V{key: v}
		if old != nil && len(*old) < limit {
			next = maps.Clone(*old)
			next[key] = v
		}
		if k.of.CompareAndSwap(old, &next) {
			return
		}
	}
}
