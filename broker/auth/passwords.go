package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"runtime"
	"sync"
	"sync/atomic"
)

// passwords checks passwords against hashes that are made to be slow. As many
// checks run at once as there are cores, four at most, so that their memory is
// bounded; the others wait. What was checked once is remembered as a keyed fast
// hash, under a key that is nowhere but in memory: so clients that come back
// with the password that they had cost nearly nothing, and one that goes on
// with a wrong password costs no more.
type passwords struct {
	running chan struct{}
	waiting atomic.Int64
	started atomic.Int64 // checks so far
	key     [sha256.Size]byte
	matches func(h *hash, password []byte) bool // (*hash).matches

	mu    sync.Mutex
	right *recent[digest, struct{}]
	wrong *recent[digest, struct{}]
	under map[digest]*check // on their way, so that the same is not checked twice at once
}

// digest stands for a user, a hash and a password held against it. So what is
// remembered is void as soon as the user's line in the file is another, and
// holds for the others.
type digest [sha256.Size]byte

type check struct {
	done     chan struct{}
	ok, late bool
}

const (
	rememberRight = 50_000
	rememberWrong = 2_000
	maxChecks     = 4
	maxWaiting    = 50_000
)

func newPasswords() *passwords {
	p := &passwords{running: make(chan struct{}, min(maxChecks, runtime.GOMAXPROCS(0))), under: map[digest]*check{}, matches: (*hash).matches}
	_, _ = rand.Read(p.key[:]) // never fails
	p.forget()
	return p
}

// forget drops what is remembered.
func (p *passwords) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.right, p.wrong = newRecent[digest, struct{}](rememberRight), newRecent[digest, struct{}](rememberWrong)
}

func (p *passwords) digest(user string, h *hash, password []byte) (d digest) {
	mac := hmac.New(sha256.New, p.key[:])
	mac.Write([]byte(user))
	mac.Write([]byte{0})
	mac.Write([]byte(h.parameters))
	mac.Write([]byte{0})
	mac.Write(password)
	mac.Sum(d[:0])
	return d
}

// verdict is what came of a check.
type verdict struct {
	ok       bool
	repeated bool // a wrong one that was known to be wrong
	busy     bool // nobody can say: too many wait
	late     bool // it was not looked at: when its turn came, it was not to be any more
}

// check says whether the password that a user showed is the hash's. It waits for
// its turn; when ctx ends, nobody can say. When its turn has come, still is asked
// whether it is to be looked at. After a wrong one then is worked off, too, unless
// it is nil.
func (p *passwords) check(ctx context.Context, user string, h, then *hash, password []byte, still func() bool) verdict {
	d := p.digest(user, h, password)
	p.mu.Lock()
	if _, ok := p.right.get(d); ok {
		p.mu.Unlock()
		return verdict{ok: true}
	}
	if _, ok := p.wrong.get(d); ok {
		p.mu.Unlock()
		return verdict{repeated: true}
	}
	c := p.under[d]
	if c == nil {
		if p.waiting.Add(1) > maxWaiting {
			p.waiting.Add(-1)
			p.mu.Unlock()
			return verdict{busy: true}
		}
		c = &check{done: make(chan struct{})}
		p.under[d] = c
		// A client that is tired of waiting comes back: then the answer is known.
		go p.run(ctx, d, c, h, then, password, still)
	}
	p.mu.Unlock()
	select {
	case <-c.done:
		return verdict{ok: c.ok, late: c.late, busy: ctx.Err() != nil && !c.ok}
	case <-ctx.Done():
		return verdict{busy: true}
	}
}

func (p *passwords) run(ctx context.Context, d digest, c *check, h, then *hash, password []byte, still func() bool) {
	defer p.waiting.Add(-1)
	said := false
	select {
	case p.running <- struct{}{}:
		if c.late = !still(); !c.late {
			p.started.Add(1)
			if c.ok = p.matches(h, password); !c.ok && then != nil {
				p.matches(then, password)
			}
			said = true
		}
		<-p.running
	case <-ctx.Done():
	}
	p.mu.Lock()
	delete(p.under, d)
	switch {
	case !said:
	case c.ok:
		p.right.put(d, struct{}{})
	default:
		p.wrong.put(d, struct{}{})
	}
	p.mu.Unlock()
	close(c.done)
}
