package topics

import "sync"

// Names holds a value for each of a set of topic names and finds those that a
// filter matches. It keeps the retained messages.
type Names[V any] struct {
	mu    sync.RWMutex
	root  nameNode[V]
	count int
}

type nameNode[V any] struct {
	children map[string]*nameNode[V]
	value    V
	set      bool
}

// Set puts value under name, in the place of what was there.
func (t *Names[V]) Set(name string, value V) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := &t.root
	for last := false; !last; {
		var level string
		level, name, last = cut(name)
		c := n.children[level]
		if c == nil {
			if n.children == nil {
				n.children = map[string]*nameNode[V]{}
			}
			c = &nameNode[V]{}
			n.children[level] = c
		}
		n = c
	}
	if !n.set {
		t.count++
	}
	n.value, n.set = value, true
}

// Delete takes away what is under name and says whether it was there.
func (t *Names[V]) Delete(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	deleted := t.root.delete(name)
	if deleted {
		t.count--
	}
	return deleted
}

func (n *nameNode[V]) delete(name string) (deleted bool) {
	level, rest, last := cut(name)
	c := n.children[level]
	if c == nil {
		return false
	}
	if last {
		deleted = c.set
		var zero V
		c.value, c.set = zero, false
	} else {
		deleted = c.delete(rest)
	}
	if !c.set && len(c.children) == 0 {
		delete(n.children, level)
	}
	return deleted
}

// Match returns the values whose names the filter matches, in no given order.
// The filter must be valid and without a share prefix.
func (t *Names[V]) Match(filter string) []V {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var found []V
	t.root.match(filter, true, &found)
	return found
}

// Len is the number of names held.
func (t *Names[V]) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.count
}

func (n *nameNode[V]) match(filter string, first bool, found *[]V) {
	level, rest, last := cut(filter)
	switch level {
	case "#":
		n.all(first, found)
	case "+":
		for name, c := range n.children {
			if first && hidden(name) {
				continue
			}
			c.matched(rest, last, found)
		}
	default:
		if c := n.children[level]; c != nil {
			c.matched(rest, last, found)
		}
	}
}

func (n *nameNode[V]) matched(rest string, last bool, found *[]V) {
	if (last || rest == "#") && n.set {
		*found = append(*found, n.value)
	}
	if !last {
		n.match(rest, false, found)
	}
}

func (n *nameNode[V]) all(first bool, found *[]V) {
	for name, c := range n.children {
		if first && hidden(name) {
			continue
		}
		if c.set {
			*found = append(*found, c.value)
		}
		c.all(false, found)
	}
}

// hidden names are not reached by a wildcard in the first level.
func hidden(level string) bool { return level != "" && level[0] == '$' }
