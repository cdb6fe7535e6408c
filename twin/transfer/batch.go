package transfer

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// A batch has at most so many lines, and ends when it is so large.
const (
	batchLines = 256
	batchBytes = 256 << 10
)

// Between the reading of a batch and the word that it is stored, it takes one
// of these places for each begun MiB, one at least, all of them at most. That is
// what an import has in memory, and in the queue to the disk.
const (
	places       = 16
	gentlePlaces = 4
	placeBytes   = 1 << 20
)

// batch is some lines on their way.
type batch struct {
	text  []byte
	lines []line
	last  int64 // number of the last line that belongs to it, empty ones too
	taken int   // places

	read  chan struct{}  // closed when all lines have been read
	known sync.WaitGroup // until it is known what became of each line
}

// line is one line of a batch, and what became of it.
type line struct {
	number   int64
	from, to int
	entity   *twin.Entity
	placed   twin.Placed
	err      *protocol.Error
}

// add puts a line into the batch; its text stands at the end of b.text.
func (b *batch) add(number int64, from int) {
	b.lines = append(b.lines, line{number: number, from: from, to: len(b.text)})
}

// addTooLong puts a line in that was not kept.
func (b *batch) addTooLong(number int64, size, most int) {
	b.lines = append(b.lines, line{number: number, err: &protocol.Error{Status: 413, Code: "json.invalid",
		Message:     fmt.Sprintf("The line has %d bytes, and may have %d.", size, most),
		Description: "A line is one Thing or Policy; is the end of a line missing?"}})
}

func (b *batch) full() bool { return len(b.lines) >= batchLines || len(b.text) >= batchBytes }

// parse finds the entities.
func (b *batch) parse(to Target) {
	for i := range b.lines {
		l := &b.lines[i]
		if l.err == nil {
			l.entity, l.err = to.ReadEntity(b.text[l.from:l.to])
		}
	}
	close(b.read)
}

// place puts the entities where they belong, until one says that nothing can be
// put there any more; failed is set then.
func (b *batch) place(to Target, o *Options, failed *atomic.Bool) {
	for i := range b.lines {
		l := &b.lines[i]
		if failed.Load() {
			return
		}
		if l.err != nil {
			continue
		}
		b.known.Add(1)
		to.PutEntity(l.entity, o.Sender, o.OnConflict, func(p twin.Placed, out *twin.Outcome) {
			l.placed, l.err = p, out.Err
			if l.ours() {
				failed.Store(true)
			}
			b.known.Done()
		})
	}
}

// ours says whether the line was refused for no fault of its own, and others
// would be too.
func (l *line) ours() bool {
	return l.err != nil && l.err.Status >= 500 && l.placed != twin.Damaged
}
