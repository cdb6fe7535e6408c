package twin

import (
	"context"
	"sync"
	"time"
)

// Bounds of reads of history, which go to the disk.
const (
	readsAtOnce = 2                // of all clients
	readsEach   = 64               // of one client that wait or run; then its next one waits to be taken
	readWithin  = 10 * time.Second // then it is refused as unavailable
)

// readers run the reads of history beside everything else: what a client sends
// behind one does not wait for it. The reads of one client run one after
// another, in its order.
type readers struct {
	mu      sync.Mutex
	room    sync.Cond // a client's line has become shorter
	lines   map[string]*line
	running chan struct{} // holds one for each that runs
	all     sync.WaitGroup
	closed  bool
}

// line is what one client wants to read.
type line struct{ reads []func(context.Context) }

func newReaders() *readers {
	r := &readers{lines: map[string]*line{}, running: make(chan struct{}, readsAtOnce)}
	r.room.L = &r.mu
	return r
}

// read has fn run. It waits while the client has too many reads before it.
// After close, fn runs at once.
func (r *readers) read(client string, fn func(context.Context)) {
	r.mu.Lock()
	l := r.lines[client]
	for l != nil && len(l.reads) >= readsEach {
		r.room.Wait()
		l = r.lines[client]
	}
	if r.closed {
		r.mu.Unlock()
		fn(context.Background())
		return
	}
	defer r.mu.Unlock()
	if l == nil {
		l = &line{}
		r.lines[client] = l
		r.all.Add(1)
		go r.work(client, l)
	}
	l.reads = append(l.reads, fn)
}

// work runs a client's reads until there are none.
func (r *readers) work(client string, l *line) {
	defer r.all.Done()
	for {
		r.mu.Lock()
		if len(l.reads) == 0 {
			delete(r.lines, client)
			r.mu.Unlock()
			return
		}
		fn := l.reads[0]
		r.mu.Unlock()
		r.running <- struct{}{}
		ctx, cancel := context.WithTimeout(context.Background(), readWithin)
		fn(ctx)
		cancel()
		<-r.running
		r.mu.Lock()
		l.reads = l.reads[1:]
		r.room.Broadcast()
		r.mu.Unlock()
	}
}

// close waits for the reads that were taken, and takes no more.
func (r *readers) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.all.Wait()
}
