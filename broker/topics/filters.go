package topics

import "sync"

// Filters holds values under topic filters, one for each pair of filter and
// key, and finds those whose filter matches a name.
type Filters[K comparable, V any] struct {
	mu    sync.RWMutex
	root  filterNode[K, V]
	count int
}

type filterNode[K comparable, V any] struct {
	children map[string]*filterNode[K, V]
	plus     *filterNode[K, V] // the child "+", apart because every look-up tries it
	here     []pair[K, V]      // filters that end in this level
	below    []pair[K, V]      // filters that end in "#" below this level
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

// Add puts value under filter and key and says whether it replaced another.
// The filter must be valid and without a share prefix.
func (t *Filters[K, V]) Add(filter string, key K, value V) (replaced bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := &t.root
	for {
		level, rest, last := cut(filter)
		if level == "#" {
			replaced = put(&n.below, key, value)
			break
		}
		n = n.child(level)
		if last {
			replaced = put(&n.here, key, value)
			break
		}
		filter = rest
	}
	if !replaced {
		t.count++
	}
	return replaced
}

// Remove takes away what is under filter and key and says whether it was there.
func (t *Filters[K, V]) Remove(filter string, key K) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	removed := t.root.remove(filter, key)
	if removed {
		t.count--
	}
	return removed
}

// Match calls found for each value whose filter matches name. The tree is
// locked for reading meanwhile: found must not change it.
func (t *Filters[K, V]) Match(name string, found func(K, V)) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := &t.root
	if name == "" {
		return
	}
	if name[0] == '$' { // no wildcard in the first level reaches these
		level, rest, last := cut(name)
		if c := n.children[level]; c != nil {
			c.descend(rest, last, found)
		}
		return
	}
	n.match(name, found)
}

// Len is the number of values held.
func (t *Filters[K, V]) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.count
}

func (n *filterNode[K, V]) match(name string, found func(K, V)) {
	for _, p := range n.below {
		found(p.key, p.value)
	}
	if n.plus == nil && n.children == nil {
		return
	}
	level, rest, last := cut(name)
	if c := n.children[level]; c != nil {
		c.descend(rest, last, found)
	}
	if n.plus != nil {
		n.plus.descend(rest, last, found)
	}
}

func (n *filterNode[K, V]) descend(rest string, last bool, found func(K, V)) {
	if !last {
		n.match(rest, found)
		return
	}
	for _, p := range n.here {
		found(p.key, p.value)
	}
	for _, p := range n.below {
		found(p.key, p.value)
	}
}

func (n *filterNode[K, V]) child(level string) *filterNode[K, V] {
	if level == "+" {
		if n.plus == nil {
			n.plus = &filterNode[K, V]{}
		}
		return n.plus
	}
	c := n.children[level]
	if c == nil {
		if n.children == nil {
			n.children = map[string]*filterNode[K, V]{}
		}
		c = &filterNode[K, V]{}
		n.children[level] = c
	}
	return c
}

// remove works recursively so that nodes left empty go with the last filter.
func (n *filterNode[K, V]) remove(filter string, key K) bool {
	level, rest, last := cut(filter)
	if level == "#" {
		return drop(&n.below, key)
	}
	c := n.plus
	if level != "+" {
		c = n.children[level]
	}
	if c == nil {
		return false
	}
	var removed bool
	if last {
		removed = drop(&c.here, key)
	} else {
		removed = c.remove(rest, key)
	}
	if c.empty() {
		if level == "+" {
			n.plus = nil
		} else {
			delete(n.children, level)
		}
	}
	return removed
}

func (n *filterNode[K, V]) empty() bool {
	return len(n.children) == 0 && n.plus == nil && len(n.here) == 0 && len(n.below) == 0
}

func put[K comparable, V any](pairs *[]pair[K, V], key K, value V) (replaced bool) {
	for i := range *pairs {
		if (*pairs)[i].key == key {
			(*pairs)[i].value = value
			return true
		}
	}
	*pairs = append(*pairs, pair[K, V]{key, value})
	return false
}

func drop[K comparable, V any](pairs *[]pair[K, V], key K) bool {
	for i, p := range *pairs {
		if p.key == key {
			*pairs = append((*pairs)[:i:i], (*pairs)[i+1:]...)
			return true
		}
	}
	return false
}
