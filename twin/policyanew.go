package twin

import (
	"context"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// The ID of a Policy outlives it: Things still have it, Policies import it, the
// configuration names it as a namespace's root. Whoever makes a Policy of that ID
// gets all that these give it, and anybody may make Policies. So one that was
// deleted, and is still named, is made anew only by who could WRITE it before it
// went, or by an administrator; and the root of a namespace likewise, and one that
// never was but is named (policynamed.go). Ditto lets everybody, unless its
// configuration restricts who creates entities.

// mayMakeAnew finds out whether the sender may make a Policy where there is none,
// as e says. History on disk is looked at, and all Things, but only where there
// was a Policy of this ID before, or where it was noted that one is named.
func (w *writing) mayMakeAnew(id string, e store.Entry) *protocol.Error {
	isRoot := w.s.roots.Names(id)
	switch {
	case w.placed, !w.s.mayBeNamed(id, e), w.couldWriteBefore(id, e.Revision):
		return nil
	case !isRoot:
		named, err := w.s.namesPolicy(id)
		if err != nil {
			return protocol.PolicyUnavailable(id, err)
		}
		if !named {
			return nil
		}
	}
	if w.cmd.Sender.Admin {
		w.rights.overruled = true
		return nil
	}
	return protocol.PolicyStillNamed(id)
}

// mayBeNamed says whether others may name a Policy that is not there, as e says: it
// was there before, or what named it was put in place, or it is the root of a
// namespace.
func (s *Service) mayBeNamed(id string, e store.Entry) bool {
	noted, _ := s.named.has(id)
	return noted || e.Revision > 0 || s.roots.Names(id)
}

// anewPatience bounds how long history is waited for: the disk may be stuck.
const anewPatience = 5 * time.Second

// couldWriteBefore says whether the sender could WRITE all of the Policy until it
// was deleted at the revision, as far as history knows. What it imported does not
// count.
func (w *writing) couldWriteBefore(id string, deleted uint64) bool {
	if deleted < 2 {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), anewPatience)
	defer cancel()
	was, err := w.s.store.HistoryAt(ctx, store.Key{Kind: kindPolicy, ID: id}, deleted-1)
	if err != nil {
		return false
	}
	doc := documentOf(was.Entry)
	if doc.Value == nil {
		return false
	}
	// What it imported may be another's by now, made for that.
	doc = newDocument(doc.Value.Overwrite(jsondoc.Pointer{memberImports}, jsondoc.Object()))
	may, refused := w.s.rightsToPolicy(id, &w.cmd.Sender, made{id: doc})
	return refused == nil && may.Whole(may.who, policy.Write, policy.Policy, nil)
}
