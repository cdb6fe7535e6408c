package twin

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// pastRead is a retrieve of Things as they were, with the headers
// at-historical-revision or at-historical-timestamp (Ditto's page
// basic-history; where it leaves something open, what Ditto's
// AbstractPersistenceActor does).
//
// Whether there is a Thing, and may be read, is decided by the present, at the
// command's turn; so is how new a revision can be. What it was is then read
// from the disk, while later commands go on.
type pastRead struct {
	s      *Service
	cmd    *Command
	done   func(*Outcome)
	moment protocol.Moment
	asked  asked
	at     resource
	fields *jsondoc.Selector
}

// one answers the retrieve of one Thing, which is now as e says.
func (r *pastRead) one(id string, e store.Entry) {
	if err := r.refused(id, e); err != nil {
		r.s.refuseAfter(e.Seq, r.cmd, err, r.done)
		return
	}
	r.s.past.read(r.cmd.Sender.Client, func(ctx context.Context) {
		r.s.tellAfter(e.Seq, r.cmd, r.show(ctx, id), r.done)
	})
}

// show reads a Thing as it was from the disk, and makes the outcome of it.
func (r *pastRead) show(ctx context.Context, id string) *Outcome {
	was, err := r.find(ctx, store.Key{Kind: kindThing, ID: id})
	if err != nil {
		return refusal(r.cmd, r.notThere(id, err))
	}
	o := r.s.show(r.cmd, &r.asked, id, &was.Entry, r.at, r.fields, r.policies(ctx, was))
	if o.Err == nil && o.Response != nil {
		o.Response.Headers.Set(protocol.HeaderHistoricalHeaders, historicalHeaders(was))
	}
	return o
}

// many answers the retrieve of many Things: of those with these IDs, that are
// there and to be seen now, which was found out at seq.
func (r *pastRead) many(ids []string, seq uint64) {
	r.s.past.read(r.cmd.Sender.Client, func(ctx context.Context) {
		things := make([]*jsondoc.Value, 0, len(ids))
		var size int
		for _, id := range ids {
			thing, err := r.value(ctx, id)
			switch {
			case err == nil:
				things = append(things, thing)
				size += thing.Size()
			case err.Status != 404:
				r.s.refuseAfter(seq, r.cmd, err, r.done)
				return
			}
			if size > answerSize {
				r.s.refuseAfter(seq, r.cmd, protocol.AnswerTooLarge(answerSize), r.done)
				return
			}
		}
		r.s.tellAfter(seq, r.cmd, found(r.cmd, jsondoc.Array(things...)), r.done)
	})
}

// refused says why the present state of a Thing is reason enough not to look
// for what it was; nil where there is none.
func (r *pastRead) refused(id string, e store.Entry) *protocol.Error {
	thing := documentOf(e).Value
	if thing == nil || !policy.Allows(policyIDOf(thing), r.cmd.Sender.Subjects, policy.Read, policy.Thing, r.cmd.Message.Path) {
		return protocol.ThingNotFound(id)
	}
	switch {
	case r.moment.ByRevision && r.moment.Revision < 1:
		return protocol.HistoryNotAccessible(id, r.moment, "Revisions begin with 1.")
	case r.moment.ByRevision && uint64(r.moment.Revision) > e.Revision:
		return protocol.HistoryNotAccessible(id, r.moment, "The newest one is "+strconv.FormatUint(e.Revision, 10)+".")
	case !r.moment.ByRevision && r.moment.Time.After(time.Now()):
		return protocol.HistoryNotAccessible(id, r.moment, "That is in the future.")
	}
	return nil
}

// value reads a Thing of many as it was from the disk, and gives what the
// command asks for of it.
func (r *pastRead) value(ctx context.Context, id string) (*jsondoc.Value, *protocol.Error) {
	was, err := r.find(ctx, store.Key{Kind: kindThing, ID: id})
	if err != nil {
		return nil, r.notThere(id, err)
	}
	if err := r.asked.forbids(r.cmd, id, was.Entry, "", true); err != nil {
		return nil, protocol.ThingNotFound(id)
	}
	return r.s.view(id, &was.Entry, resThing, nil, r.fields, r.cmd.Sender.Subjects, r.policies(ctx, was))
}

// find reads an entity as it was. Of a time Ditto gives what was before it:
// what came at that very nanosecond does not count.
func (r *pastRead) find(ctx context.Context, k store.Key) (store.Past, error) {
	if r.moment.ByRevision {
		return r.s.store.HistoryAt(ctx, k, uint64(r.moment.Revision))
	}
	return r.s.store.HistoryAtTime(ctx, k, r.moment.Time.Add(-1))
}

// policies reads Policies as they were at the moment, or when the Thing came to
// the revision that is looked at. One that is not there any more is left out.
func (r *pastRead) policies(ctx context.Context, thing store.Past) policies {
	at := thing.Modified
	if !r.moment.ByRevision {
		at = r.moment.Time.Add(-1)
	}
	return func(id string) (store.Entry, error) {
		was, err := r.s.store.HistoryAtTime(ctx, store.Key{Kind: kindPolicy, ID: id}, at)
		if notThere(err) {
			err = nil
		}
		return was.Entry, err
	}
}

func notThere(err error) bool {
	return errors.Is(err, store.ErrNotYet) || errors.Is(err, store.ErrNeverExisted) || errors.Is(err, store.ErrNotRetained)
}

// notThere is the error for a Thing that cannot be had as it was.
func (r *pastRead) notThere(id string, err error) *protocol.Error {
	var gone *store.NotRetainedError
	switch {
	case errors.As(err, &gone):
		return protocol.HistoryNotAccessible(id, r.moment, "The oldest revision that is kept is "+
			strconv.FormatUint(gone.Oldest, 10)+", of "+string(protocol.AppendTime(nil, gone.Since))+".")
	case notThere(err):
		return protocol.HistoryNotAccessible(id, r.moment, "The Thing was not there yet.")
	}
	return protocol.ThingUnavailable(id, err)
}

// historicalHeaders are the headers that were kept with the change that made a
// Thing as it was. Ditto puts the revision among them.
func historicalHeaders(was store.Past) *jsondoc.Value {
	kept := jsondoc.Object()
	if len(was.Headers) > 0 {
		if v, err := jsondoc.Parse(was.Headers, recovered); err == nil && v.Kind() == jsondoc.KindObject {
			kept = v
		}
	}
	return withMembers(kept, []jsondoc.Member{{Name: protocol.HeaderEntityRevision, Value: jsondoc.Int(int64(was.Revision))}})
}
