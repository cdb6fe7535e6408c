package store

import "sync"

// A Folder is a State that takes up more memory while it is being worked with
// than it has to: a document that has been split into its members, say.
type Folder interface {
	State
	// Fold gives the same state in as little memory as it can be kept in.
	Fold() State
	// Unfolded says about how many bytes it takes now beyond that.
	Unfolded() int
}

// awake are the entities whose states may be unfolded because they were looked
// at or changed lately, in the order in which that began. When they are too
// many, those that were left alone longest are folded. An entity is in it at
// most once.
type awake struct {
	mu    sync.Mutex
	order ring
	bytes int64 // that their states took beyond the least when they were last looked at, and a little for each
}

// awakeShare is the part of Options.Memory that is kept for unfolded states.
const awakeShare = 8

func (s *Store) awakeBudget() int64 { return s.o.Memory / awakeShare }

// sleepBudget is what all states may take in addition, as if they were folded.
func (s *Store) sleepBudget() int64 { return s.o.Memory - s.awakeBudget() }

// stir notes that somebody works with the entity, and has others sleep for it
// when together they may take more than the budget.
func (t *table) stir(e *entity, budget int64) {
	if e.awake.Load() {
		if !e.stirred.Load() {
			e.stirred.Store(true)
		}
		return
	}
	if e.cur.Load().unfolded() == 0 || e.awake.Swap(true) {
		return
	}
	e.stirred.Store(false)
	a := &t.awake
	a.mu.Lock()
	a.take(e)
	var tired [2]*entity
	n := 0
	for looked := 0; looked < 4 && n < len(tired) && a.bytes > budget && a.order.n > 1; looked++ {
		old := a.order.pop()
		a.bytes -= old.awakeBytes
		if old.stirred.Swap(false) {
			a.take(old)
			continue
		}
		tired[n] = old
		n++
	}
	a.mu.Unlock()
	for _, old := range tired[:n] {
		old.awake.Store(false)
		old.fold()
	}
}

// take puts an entity at the end of the order; the order is locked.
func (a *awake) take(e *entity) {
	e.awakeBytes = 64 + e.cur.Load().unfolded()
	a.order.push(e)
	a.bytes += e.awakeBytes
}

// unfolded is about how many bytes the state takes beyond the least.
func (v *version) unfolded() int64 {
	if v != nil {
		if f, ok := v.state.(Folder); ok {
			return int64(f.Unfolded())
		}
	}
	return 0
}

// fold keeps the entity's present state in as little memory as possible.
func (e *entity) fold() {
	v := e.cur.Load()
	if v == nil {
		return
	}
	f, ok := v.state.(Folder)
	if !ok {
		return
	}
	folded := *v
	folded.state = f.Fold()
	// If it has changed meanwhile it is awake again.
	e.cur.CompareAndSwap(v, &folded)
}

// ring is a queue of entities.
type ring struct {
	room []*entity // a power of two long
	head int
	n    int
}

func (r *ring) push(e *entity) {
	if r.n == len(r.room) {
		room := make([]*entity, max(64, 2*r.n))
		k := copy(room, r.room[r.head:])
		copy(room[k:], r.room[:r.head])
		r.room, r.head = room, 0
	}
	r.room[(r.head+r.n)&(len(r.room)-1)] = e
	r.n++
}

func (r *ring) pop() *entity {
	if r.n == 0 {
		return nil
	}
	e := r.room[r.head]
	r.room[r.head] = nil
	r.head = (r.head + 1) & (len(r.room) - 1)
	r.n--
	return e
}
