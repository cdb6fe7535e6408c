package twin

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"
)

// Bounds of reads of history, which go to the disk.
const (
	readsAtOnce = 2                // of all clients
	readsEach   = 64               // of one client that wait or run; then its next one waits to be taken
	readWithin  = 10 * time.Second // then it is refused as unavailable
	readSlowly  = time.Second      // then the log says so
)

// HistoryReads are figures of the reads of history since the start.
type HistoryReads struct {
	Done    int64         // reads that were made, whatever came of them
	Failed  int64         // of these, those that the disk did not let be, or that took too long
	Waiting int           // reads that wait or run now
	Took    time.Duration // that all of them took, without waiting
}

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
	figures HistoryReads
	log     *slog.Logger
}

// line is what one client wants to read.
type line struct{ reads []func(context.Context) }

// newReaders: log is where slow reads are told; nil: nowhere.
func newReaders(log *slog.Logger) *readers {
	r := &readers{lines: map[string]*line{}, running: make(chan struct{}, readsAtOnce),
		log: cmp.Or(log, slog.New(slog.DiscardHandler))}
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
	r.figures.Waiting++
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
		began := time.Now()
		fn(ctx)
		took := time.Since(began)
		cancel()
		<-r.running
		r.mu.Lock()
		l.reads = l.reads[1:]
		r.figures.Done++
		r.figures.Waiting--
		r.figures.Took += took
		waiting := r.figures.Waiting
		r.room.Broadcast()
		r.mu.Unlock()
		if took >= readSlowly {
			r.log.Warn("a read of history was slow", "client", client, "seconds", took.Seconds(), "waiting", waiting)
		}
	}
}

// failed counts a read that could not be made.
func (r *readers) failed() {
	r.mu.Lock()
	r.figures.Failed++
	r.mu.Unlock()
}

// stats are the figures as they are now.
func (r *readers) stats() HistoryReads {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.figures
}

// close waits for the reads that were taken, and takes no more.
func (r *readers) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.all.Wait()
}
