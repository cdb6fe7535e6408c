package twin

import (
	"context"
	"errors"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// pastRead is a retrieve of Things as they were, with the headers
// at-historical-revision or at-historical-timestamp (Ditto's page
// basic-history; where it leaves something open, what Ditto's
// AbstractPersistenceActor does).
//
// Whether there is a Thing, and what may be read of it, is decided by the present,
// at the command's turn; so is how new a revision can be. What it was is then read
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

// pastThing is a Thing that is to be read as it was, and what the sender may do
// to it now.
type pastThing struct {
	id       string
	may      rights
	created  time.Time // the Thing as it is now
	policyID string    // of the same
}

// isOfBefore says whether what was is of another Policy than the one that is
// there now: of one of the same name that was deleted. Whoever has made the one
// of now has a say about that one only.
func (r *rights) isOfBefore(was *store.Past, created time.Time) bool {
	return was.Modified.Before(created) && !r.overrule()
}

// isAnothers says whether what was is of a Thing of the same name that was
// deleted, and had another Policy: whoever has made the one of now, and its
// Policy, has no say about that.
func (r *pastRead) isAnothers(thing *pastThing, was *store.Past) bool {
	if !was.Modified.Before(thing.created) {
		return false
	}
	if id := policyIDOf(documentOf(was.Entry).Value); id == thing.policyID {
		if now, err := r.s.currentPolicy(id); err == nil && !was.Modified.Before(now.Created) {
			return false
		}
	}
	return !thing.may.overrule()
}

// one answers the retrieve of one Thing, which is now as e says.
func (r *pastRead) one(thing pastThing, e store.Entry) {
	if err := r.refused(thing.id, e); err != nil {
		r.s.refuseAfter(e.Seq, r.cmd, err, r.done)
		return
	}
	r.s.past.read(r.cmd.Sender.Client, func(ctx context.Context) {
		r.s.tellAfter(e.Seq, r.cmd, r.show(ctx, thing), r.done)
	})
}

// show reads a Thing as it was from the disk, and makes the outcome of it.
func (r *pastRead) show(ctx context.Context, thing pastThing) *Outcome {
	was, err := r.s.findPast(ctx, store.Key{Kind: kindThing, ID: thing.id}, r.moment)
	if err != nil {
		return refusal(r.cmd, r.notThere(thing.id, err))
	}
	if documentOf(was.Entry).Value == nil {
		return refusal(r.cmd, protocol.ThingNotFound(thing.id))
	}
	if r.isAnothers(&thing, &was) {
		return refusal(r.cmd, r.notThere(thing.id, store.ErrNotYet))
	}
	o := r.s.show(r.cmd, &r.asked, thing.id, &was.Entry, r.at, r.fields, &thing.may, r.policies(ctx, was, &thing.may))
	if o.Err == nil && o.Response != nil {
		o.Response.Headers.Set(protocol.HeaderHistoricalHeaders, historicalHeaders(was))
	}
	return o
}

// many answers the retrieve of many Things: of those with these IDs, that are
// there and to be seen now, which was found out at seq.
func (r *pastRead) many(were []pastThing, seq uint64) {
	r.s.past.read(r.cmd.Sender.Client, func(ctx context.Context) {
		things := make([]*jsondoc.Value, 0, len(were))
		var size int
		overruled := false
		for i := range were {
			thing, err := r.value(ctx, &were[i])
			overruled = overruled || were[i].may.overruled
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
		o := found(r.cmd, jsondoc.Array(things...))
		o.Overruled = overruled
		r.s.tellAfter(seq, r.cmd, o, r.done)
	})
}

// refused says why the present state of a Thing is reason enough not to look
// for what it was; nil where there is none.
func (r *pastRead) refused(id string, e store.Entry) *protocol.Error {
	if why := beyond(r.moment, e.Revision); why != "" {
		return protocol.HistoryNotAccessible(id, r.moment, why)
	}
	return nil
}

// value reads a Thing of many as it was from the disk, and gives what the
// command asks for of it.
func (r *pastRead) value(ctx context.Context, thing *pastThing) (*jsondoc.Value, *protocol.Error) {
	id := thing.id
	was, err := r.s.findPast(ctx, store.Key{Kind: kindThing, ID: id}, r.moment)
	if err != nil {
		return nil, r.notThere(id, err)
	}
	if documentOf(was.Entry).Value == nil || r.isAnothers(thing, &was) || r.asked.forbids(r.cmd, id, was.Entry, "", true) != nil {
		return nil, protocol.ThingNotFound(id)
	}
	return r.s.view(id, &was.Entry, resThing, nil, r.fields, &thing.may, r.policies(ctx, was, &thing.may))
}

// policies reads Policies as they were at the moment, or when the Thing came to
// the revision that is looked at. One that is not there any more is left out.
func (r *pastRead) policies(ctx context.Context, thing store.Past, may *rights) policies {
	at := thing.Modified
	if !r.moment.ByRevision {
		at = r.moment.Time.Add(-1)
	}
	return func(id string) (store.Entry, error) {
		now, err := r.s.currentPolicy(id)
		if err != nil {
			return now, err
		}
		was, err := r.s.store.HistoryAtTime(ctx, store.Key{Kind: kindPolicy, ID: id}, at)
		if notThere(err) || err == nil && may.isOfBefore(&was, now.Created) {
			return store.Entry{}, nil
		}
		return was.Entry, err
	}
}

func notThere(err error) bool {
	return errors.Is(err, store.ErrNotYet) || errors.Is(err, store.ErrNeverExisted) || errors.Is(err, store.ErrNotRetained)
}

// notThere is the error for a Thing that cannot be had as it was.
func (r *pastRead) notThere(id string, err error) *protocol.Error {
	if why, ok := pastMissing(err, "Thing"); ok {
		return protocol.HistoryNotAccessible(id, r.moment, why)
	}
	r.s.past.failed()
	return protocol.ThingUnavailable(id, err)
}

// historicalHeaders is the header historical-headers: the headers that were kept
// with the change that made a Thing as it was ([Options.History] says which
// are). Ditto puts the revision among them.
func historicalHeaders(was store.Past) *jsondoc.Value {
	kept := jsondoc.Object()
	if len(was.Headers) > 0 {
		if v, err := jsondoc.Parse(was.Headers, recovered); err == nil && v.Kind() == jsondoc.KindObject {
			kept = v
		}
	}
	return withMembers(kept, []jsondoc.Member{{Name: protocol.HeaderEntityRevision, Value: jsondoc.Int(int64(was.Revision))}})
}
