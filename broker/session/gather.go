package session

import "sync"

// gatherer keeps writers from being woken for each of many things that are told
// at once: what a connection is owed by all of them leaves in one write, not in
// many of a few bytes.
type gatherer struct {
	mu    sync.Mutex
	on    bool
	owed  []*Conn // to be woken
	told  int     // things since the last waking
	again []*Conn // room for the next
}

// gatherMost is how many things wait for each other, and gatherEach how many of
// one connection do, so that the first of a large batch does not wait for the
// last: who sends as much as it may have unacknowledged goes on with the first.
const (
	gatherMost = 256
	gatherEach = 16
)

// Gather holds the writers until [Registry.Send]: what comes between is one
// batch of the store.
func (r *Registry) Gather() {
	r.gather.mu.Lock()
	r.gather.on = true
	r.gather.mu.Unlock()
}

// Send wakes the writers of the connections that something came for since
// [Registry.Gather].
func (r *Registry) Send() {
	r.gather.mu.Lock()
	r.gather.on = false
	r.gather.mu.Unlock()
	r.gather.flush()
}

// flush wakes who is to be woken. Any goroutine may come here in the middle of a
// batch, and be late: it must not begin another one.
func (g *gatherer) flush() {
	g.mu.Lock()
	owed := g.owed
	g.owed, g.again, g.told = g.again[:0], nil, 0
	for _, c := range owed {
		c.gathered = 0
	}
	g.mu.Unlock()
	for _, c := range owed {
		c.wakeUp()
	}
	clear(owed)
	g.mu.Lock()
	g.again = owed[:0]
	g.mu.Unlock()
}

// owe wakes the connection's writer, at once or when the batch at hand has been
// told.
func (c *Conn) owe() {
	g := &c.sess.reg.gather
	g.mu.Lock()
	if !g.on {
		g.mu.Unlock()
		c.wakeUp()
		return
	}
	if c.gathered == 0 {
		g.owed = append(g.owed, c)
	}
	c.gathered++
	much := c.gathered%gatherEach == 0
	g.told++
	enough := g.told >= gatherMost
	g.mu.Unlock()
	switch {
	case enough:
		g.flush()
	case much:
		c.wakeUp()
	}
}
