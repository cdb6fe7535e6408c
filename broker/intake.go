package broker

import (
	"context"
	"io"
	"time"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/transfer"
)

// slowFor is how long an import waits for subscribers that take its events
// slowly, before it goes on without regard to them.
const (
	slowFor   = 5 * time.Second
	slowEvery = 2 * time.Millisecond
)

// Import takes lines into the twin while clients use it, and tells the world of
// what changes, as of any other change. It goes no faster than leaves room for
// them: slack waits until the disk has some, and the queues of subscribers that
// keep up are let drain. Without a sender it is in the name of the first
// anonymous subject.
func (b *Broker) Import(ctx context.Context, to transfer.Target, slack func(context.Context) error, text io.Reader, o transfer.Options) (transfer.Imported, error) {
	if anonymous := b.live.Load().Anonymous; len(o.Sender.Subjects) == 0 && len(anonymous) > 0 {
		o.Sender.Subjects = anonymous[:1]
	}
	in := &intake{Target: to, b: b}
	o.Gentle = true
	o.Await = func(ctx context.Context) error {
		if err := slack(ctx); err != nil {
			return err
		}
		return in.awaitSubscribers(ctx)
	}
	return transfer.Import(ctx, in, text, o)
}

// intake stands before the twin for an import.
type intake struct {
	transfer.Target
	b      *Broker
	inVain bool // somebody was waited for in vain, and is still behind
}

// PutEntity is the twin's, and tells of what changed.
func (in *intake) PutEntity(e *twin.Entity, sender twin.Sender, how twin.OnConflict, done func(twin.Placed, *twin.Outcome)) {
	in.Target.PutEntity(e, sender, how, func(p twin.Placed, out *twin.Outcome) {
		in.b.tell(&session.Peer{Identity: "store import", Subjects: sender.Subjects}, out)
		done(p, out)
	})
}

// awaitSubscribers lets queues drain that are about to be full. A subscriber
// that takes nothing is waited for once, and then drops what it has no room for,
// as with every other publisher.
func (in *intake) awaitSubscribers(ctx context.Context) error {
	if !in.b.sessions.Crowded() {
		in.inVain = false
		return nil
	}
	if in.inVain {
		return nil
	}
	enough := time.NewTimer(slowFor)
	defer enough.Stop()
	tick := time.NewTicker(slowEvery)
	defer tick.Stop()
	for in.b.sessions.Crowded() {
		select {
		case <-tick.C:
		case <-enough.C:
			in.inVain = true
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
