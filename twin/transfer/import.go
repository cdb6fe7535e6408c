package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Target is where lines go: a [twin.Service], or what stands before one and
// tells the world of what changes.
type Target interface {
	ReadEntity(text []byte) (*twin.Entity, *protocol.Error)
	PutEntity(e *twin.Entity, sender twin.Sender, how twin.OnConflict, done func(twin.Placed, *twin.Outcome))
}

// DefaultLineSize bounds a line unless Options says otherwise.
const DefaultLineSize = 64 << 20

// Options say how to import. The zero value will do, but for Things that name
// no Policy: these need a sender with a subject.
type Options struct {
	Sender     twin.Sender // in whose name
	OnConflict twin.OnConflict
	FromLine   int64 // those before this one are passed over; 0: none
	LineSize   int   // 0: DefaultLineSize

	// Gentle leaves most of the processors, and of the queue to the disk, to
	// others that use the target.
	Gentle bool
	// Await, unless nil, is called before each few hundred lines are put into the
	// target, and may take its time. Its error ends the import.
	Await func(context.Context) error

	// Bad, unless nil, is told of every line that was not taken in, in the order
	// of the lines, and Progress every few hundred lines. Both are called on the
	// goroutine that called Import.
	Bad      func(BadLine)
	Progress func(Imported)
}

// BadLine is a line that was not taken in.
type BadLine struct {
	Number int64
	ID     string // "" where it is not known
	Err    *protocol.Error
}

// Error names the line and what is wrong with it, where.
func (b BadLine) Error() string {
	if b.ID == "" {
		return fmt.Sprintf("line %d: %v", b.Number, b.Err)
	}
	return fmt.Sprintf("line %d (%s): %v", b.Number, b.ID, b.Err)
}

// Imported counts what became of the lines.
type Imported struct {
	Created, Replaced, Unchanged, Skipped, Bad int64
	// UpTo: this line and all before it have been dealt with: they are on disk,
	// or were bad and named.
	UpTo int64
}

// Import takes in the lines of r. One that is bad holds up no other, nor does one
// in whose place something damaged is. It ends
// early, with an error, when r cannot be read on, when the target can take in
// nothing any more (an [*protocol.Error] with status 503), or when the context
// ends; what it had begun to put there is waited for. Then Imported.UpTo says
// where to go on: from the line after it. Lines behind that one may be there
// already; going on from there finds them unchanged.
//
// A read of r that is under way when it ends early is not waited for.
func Import(ctx context.Context, to Target, r io.Reader, o Options) (Imported, error) {
	if o.LineSize == 0 {
		o.LineSize = DefaultLineSize
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	places, readers := places, runtime.GOMAXPROCS(0)
	if o.Gentle {
		places, readers = gentlePlaces, (readers+1)/2
	}
	im := &importing{
		to: to, o: &o, lines: newLines(r, o.LineSize),
		places: make(chan struct{}, places), unread: make(chan *batch, places),
		inOrder: make(chan *batch, places), placed: make(chan *batch, places),
		spare: make(chan *batch, places),
	}
	im.total.UpTo = max(o.FromLine-1, 0)
	go im.cut(ctx)
	var reading sync.WaitGroup
	for range readers {
		reading.Go(func() {
			for {
				select {
				case b := <-im.unread:
					b.parse(to)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	go im.place(ctx)
	err := im.hear()
	if err == nil {
		err = im.ended(ctx)
	}
	cancel()
	for b := range im.placed { // after a failure: what was on its way
		b.known.Wait()
	}
	reading.Wait()
	return im.total, err
}

type importing struct {
	to    Target
	o     *Options
	lines *lines

	places  chan struct{}
	unread  chan *batch // for the readers
	inOrder chan *batch // the same, in order; closed at the end of the text
	placed  chan *batch // closed when nothing more is placed
	spare   chan *batch // to be used again

	failed  atomic.Bool // the target can take in nothing any more
	readErr error       // why the text ended, unless at its end; set before inOrder is closed
	waitErr error       // of Options.Await; set before placed is closed
	total   Imported
}

// cut makes batches of the text until it or the context ends.
func (im *importing) cut(ctx context.Context) {
	defer close(im.inOrder)
	if err := im.lines.skip(im.o.FromLine - 1); err != nil {
		im.readErr = im.unreadable(err)
		if errors.Is(err, io.EOF) {
			im.readErr = fmt.Errorf("there are only %d lines", im.lines.n)
		}
		return
	}
	for end := false; !end; {
		b := im.batch()
		for !b.full() {
			from := len(b.text)
			text, size, err := im.lines.next(b.text)
			if end = err != nil; end {
				if !errors.Is(err, io.EOF) {
					im.readErr = im.unreadable(err)
				}
				break
			}
			b.text = text
			if size > im.o.LineSize {
				b.addTooLong(im.lines.n, size, im.o.LineSize)
			} else if !blank(text[from:]) {
				b.add(im.lines.n, from)
			}
			if im.lines.n%(16*batchLines) == 0 {
				break // also where nearly all lines are empty
			}
		}
		b.last = im.lines.n
		if !im.pass(ctx, b) {
			return
		}
	}
}

// batch gives an empty one.
func (im *importing) batch() *batch {
	select {
	case b := <-im.spare:
		clear(b.lines)
		text, lines := b.text[:0], b.lines[:0]
		if cap(text) > placeBytes {
			text = nil // a huge line should not keep its memory
		}
		return &batch{text: text, lines: lines, read: make(chan struct{})}
	default:
		return &batch{text: make([]byte, 0, batchBytes), read: make(chan struct{})}
	}
}

func (im *importing) unreadable(err error) error {
	return fmt.Errorf("the text cannot be read beyond line %d: %w", im.lines.n, err)
}

func blank(text []byte) bool {
	for _, c := range text {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

// pass hands on a batch when there is a place for it.
func (im *importing) pass(ctx context.Context, b *batch) bool {
	b.taken = min(1+cap(b.text)/placeBytes, cap(im.places))
	for range b.taken {
		select {
		case im.places <- struct{}{}:
		case <-ctx.Done():
			return false
		}
	}
	// There is room for as many batches as places.
	im.unread <- b
	im.inOrder <- b
	return true
}

// place puts batches into the target, in order, until all are, or the context
// ends.
func (im *importing) place(ctx context.Context) {
	defer close(im.placed)
	for {
		select {
		case b, ok := <-im.inOrder:
			if !ok {
				return
			}
			select {
			case <-b.read:
			case <-ctx.Done():
				return
			}
			if im.o.Await != nil {
				im.waitErr = im.o.Await(ctx)
			}
			if ctx.Err() != nil || im.waitErr != nil {
				return
			}
			b.place(im.to, im.o, &im.failed)
			im.placed <- b
			if im.failed.Load() {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// hear waits for what became of each batch and counts it. It ends with the
// first line that the target could not take in through its own fault.
func (im *importing) hear() error {
	for b := range im.placed {
		b.known.Wait()
		for i := range b.lines {
			if err := im.count(&b.lines[i]); err != nil {
				im.total.UpTo = b.lines[i].number - 1
				return err
			}
		}
		im.total.UpTo = b.last
		select {
		case im.spare <- b:
		default:
		}
		for range b.taken {
			<-im.places
		}
		if im.o.Progress != nil {
			im.o.Progress(im.total)
		}
	}
	return nil
}

func (im *importing) count(l *line) error {
	switch {
	case l.ours():
		return l.err
	case l.err != nil:
		im.total.Bad++
		if im.o.Bad != nil {
			bad := BadLine{Number: l.number, Err: l.err}
			if l.entity != nil {
				bad.ID = l.entity.ID()
			}
			im.o.Bad(bad)
		}
	case l.placed == twin.Created:
		im.total.Created++
	case l.placed == twin.Replaced:
		im.total.Replaced++
	case l.placed == twin.Unchanged:
		im.total.Unchanged++
	case l.placed == twin.Skipped:
		im.total.Skipped++
	}
	return nil
}

// ended says why there was nothing more to hear of.
func (im *importing) ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if im.waitErr != nil {
		return im.waitErr
	}
	return im.readErr
}
