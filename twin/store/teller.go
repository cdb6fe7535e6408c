package store

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// told is what the committer hands to the teller: a batch that is on disk, or
// that was refused.
type told struct {
	batch []*Tx
	err   error
	ahead bool // refused while what was numbered before is still being written
}

// teller runs what waits for the disk, in the order of sequence numbers, while
// the committer is already at the next batch.
type teller struct {
	mu      sync.Mutex
	reached uint64 // everything up to here has been told
	ahead   []span // beyond reached, and told that it was refused
	waiting waiters
	order   uint64
	hooks   []around
	over    bool // the teller's goroutine has ended
}

// waiter wants to know when a sequence number is on disk.
type waiter struct {
	seq, order uint64
	fn         func(error)
}

// waiters is a heap: lowest number first, then who came first.
type waiters []waiter

func (w waiters) less(i, j int) bool {
	return w[i].seq < w[j].seq || w[i].seq == w[j].seq && w[i].order < w[j].order
}

func (w *waiters) push(x waiter) {
	h := append(*w, x)
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h.less(i, up) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
	*w = h
}

func (w *waiters) pop() waiter {
	h := *w
	x, last := h[0], len(h)-1
	h[0], h[last] = h[last], waiter{}
	h = h[:last]
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			break
		}
		if down+1 < last && h.less(down+1, down) {
			down++
		}
		if !h.less(down, i) {
			break
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
	*w = h
	return x
}

// After runs fn when the record with this sequence number is on disk and
// everything up to it has been told: at once on the caller's goroutine if it
// is so already, else on the teller's. fn is given an error if the number was
// refused: then nothing that was computed from it may be shown. What
// Tx.Commit says about done holds for fn too.
func (s *Store) After(seq uint64, fn func(error)) {
	t := &s.teller
	t.mu.Lock()
	told := seq <= t.reached || amid(t.ahead, seq)
	if !told && !t.over {
		t.order++
		t.waiting.push(waiter{seq, t.order, fn})
		t.mu.Unlock()
		return
	}
	t.mu.Unlock()
	if !told {
		fn(errors.Join(ErrClosed, s.down()))
		return
	}
	fn(s.verdict(seq))
}

// verdict says whether a number that has been told was refused.
func (s *Store) verdict(seq uint64) error {
	if !s.anyRefused.Load() {
		return nil
	}
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	if s.queue.isRefused(seq) {
		return fmt.Errorf("%w: what this depends on was not stored", ErrRefused)
	}
	return nil
}

// OnBatch has two functions run on the teller's goroutine: one before a batch
// is told, one when everything that waited for it has run.
func (s *Store) OnBatch(before, after func()) {
	s.teller.mu.Lock()
	s.teller.hooks = append(s.teller.hooks, around{before, after})
	s.teller.mu.Unlock()
}

// around is what runs before and after the telling of a batch.
type around struct{ before, after func() }

// tellLoop is the teller's goroutine.
func (s *Store) tellLoop() {
	t := &s.teller
	for news := range s.tell {
		t.mu.Lock()
		hooks := t.hooks
		t.mu.Unlock()
		for i := range hooks {
			hooks[i].before()
		}
		for _, tx := range news.batch {
			if tx.done != nil {
				tx.done(news.err)
			}
			if !news.ahead {
				s.tellUpTo(tx.last(), news.err)
			}
		}
		if news.ahead {
			s.tellAhead(span{news.batch[0].first, news.batch[len(news.batch)-1].last()}, news.err)
		}
		for _, tx := range news.batch {
			s.recycle(tx)
		}
		for i := range hooks {
			hooks[i].after()
		}
		clear(news.batch)
		select {
		case s.spares <- news.batch[:0]:
		default:
		}
	}
	t.mu.Lock()
	t.over = true
	left := t.waiting
	t.waiting = nil
	t.mu.Unlock()
	for _, w := range left {
		w.fn(errors.Join(ErrClosed, s.down()))
	}
}

// tellUpTo runs those who wait for numbers up to seq. Only when none is left
// does reached move: whoever comes after that overtakes nobody.
func (s *Store) tellUpTo(seq uint64, err error) {
	t := &s.teller
	t.mu.Lock()
	for len(t.waiting) > 0 && t.waiting[0].seq <= seq {
		w := t.waiting.pop()
		t.mu.Unlock()
		w.fn(err)
		t.mu.Lock()
	}
	t.reached = seq
	t.ahead = slices.DeleteFunc(t.ahead, func(a span) bool { return a.last <= seq })
	t.mu.Unlock()
}

// tellAhead runs those who wait for numbers that were refused before what was
// numbered before them has come back from the disk.
func (s *Store) tellAhead(refused span, err error) {
	t := &s.teller
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		var left, due waiters
		for _, w := range t.waiting {
			if refused.has(w.seq) {
				due.push(w)
			} else {
				left.push(w)
			}
		}
		if len(due) == 0 {
			break
		}
		t.waiting = left
		t.mu.Unlock()
		for len(due) > 0 {
			due.pop().fn(err)
		}
		t.mu.Lock()
	}
	t.ahead = join(t.ahead, refused)
}
