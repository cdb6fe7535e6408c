package auth

// recent is a map that remembers at least the latest n entries used, and at
// most twice as many.
type recent[K comparable, V any] struct {
	n         int
	now, then map[K]V
}

func newRecent[K comparable, V any](n int) *recent[K, V] {
	return &recent[K, V]{n: n, now: map[K]V{}}
}

// get finds an entry, and counts as its use.
func (r *recent[K, V]) get(k K) (V, bool) {
	if v, ok := r.now[k]; ok {
		return v, true
	}
	v, ok := r.then[k]
	if ok {
		r.put(k, v)
	}
	return v, ok
}

func (r *recent[K, V]) put(k K, v V) {
	if len(r.now) >= r.n {
		r.then, r.now = r.now, map[K]V{}
	}
	r.now[k] = v
}

func (r *recent[K, V]) remove(k K) {
	delete(r.now, k)
	delete(r.then, k)
}
