package twin

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// past answers the retrieve of a Policy as it was, as [pastRead] does for
// Things: whether there is a Policy, and what of it may be READ, is decided by
// the present.
func (r *policyReading) past(moment protocol.Moment, e store.Entry, seq uint64) {
	if why := beyond(moment, e.Revision); why != "" {
		r.s.refuseAfter(seq, r.cmd, protocol.PolicyHistoryNotAccessible(r.id, moment, why), r.done)
		return
	}
	r.s.past.read(r.cmd.Sender.Client, func(ctx context.Context) {
		r.s.tellAfter(seq, r.cmd, r.showPast(ctx, moment, e.Created), r.done)
	})
}

// beyond says why there can be no such moment in the history of what is at this
// revision now; "" where there can.
func beyond(moment protocol.Moment, newest uint64) string {
	switch {
	case moment.ByRevision && moment.Revision < 1:
		return "Revisions begin with 1."
	case moment.ByRevision && uint64(moment.Revision) > newest:
		return "The newest one is " + strconv.FormatUint(newest, 10) + "."
	case !moment.ByRevision && moment.Time.After(time.Now()):
		return "That is in the future."
	}
	return ""
}

func (r *policyReading) showPast(ctx context.Context, moment protocol.Moment, created time.Time) *Outcome {
	was, err := r.s.findPast(ctx, store.Key{Kind: kindPolicy, ID: r.id}, moment)
	if err == nil && r.rights.isOfBefore(&was, created) {
		err = store.ErrNotYet
	}
	if err != nil {
		why, ok := pastMissing(err, "Policy")
		if !ok {
			return refusal(r.cmd, protocol.PolicyUnavailable(r.id, err))
		}
		return refusal(r.cmd, protocol.PolicyHistoryNotAccessible(r.id, moment, why))
	}
	o := r.show(&was.Entry)
	if o.Err == nil && o.Response != nil {
		o.Response.Headers.Set(protocol.HeaderHistoricalHeaders, historicalHeaders(was))
	}
	return o
}

// findPast reads an entity as it was. Of a time Ditto gives what was before it:
// what came at that very nanosecond does not count.
func (s *Service) findPast(ctx context.Context, k store.Key, moment protocol.Moment) (store.Past, error) {
	if moment.ByRevision {
		return s.store.HistoryAt(ctx, k, uint64(moment.Revision))
	}
	return s.store.HistoryAtTime(ctx, k, moment.Time.Add(-1))
}

// pastMissing says why an entity cannot be had as it was; false where that is
// another trouble.
func pastMissing(err error, what string) (why string, ok bool) {
	var gone *store.NotRetainedError
	switch {
	case errors.As(err, &gone):
		return "The oldest revision that is kept is " + strconv.FormatUint(gone.Oldest, 10) +
			", of " + string(protocol.AppendTime(nil, gone.Since)) + ".", true
	case notThere(err):
		return "The " + what + " was not there yet.", true
	}
	return "", false
}
