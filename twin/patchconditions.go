package twin

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/rql"
	"github.com/twinbroker/twinbroker/twin/store"
)

// The header merge-thing-patch-conditions (Ditto's page
// basic-conditional-requests, "Path-specific conditions"; its
// PatchConditionsEvaluator and MergeThingStrategy), and the patchConditions of
// a migration.
//
// A part of the patch whose condition does not hold for the Thing as it is is
// left out, of what is stored and of the event. Paths are within the patch,
// expressions about the Thing. A condition on a part that the patch does not
// have is of no account, and so are all where the merge makes the Thing, or its
// value is no object. The sender must be allowed to READ what the expressions
// are about.
//
// Objects that are emptied by it stay, and are merged, unless
// [Options.DropEmptied] says that they go too; where nothing is left then, the
// command goes well and changes nothing.

// patchCondition is a condition, parsed.
type patchCondition struct {
	path   jsondoc.Pointer
	filter *rql.Filter
}

func parsePatchConditions(said []protocol.PatchCondition) ([]patchCondition, *protocol.Error) {
	parsed := make([]patchCondition, 0, len(said))
	for _, c := range said {
		filter, err := rql.Parse(c.Expression, rql.Condition)
		if err != nil {
			return nil, protocol.ExpressionInvalid(c.Expression, "It is for '"+c.Path.String()+"': "+err.Error()+".")
		}
		parsed = append(parsed, patchCondition{c.Path, filter})
	}
	return parsed, nil
}

// askPatches reads the conditions in the header of a merge.
func (w *writing) askPatches() *protocol.Error {
	if w.asked.what&protocol.AsksPatches == 0 {
		return nil
	}
	said, err := w.cmd.Message.Headers.PatchConditions()
	if err == nil {
		w.conditions, err = parsePatchConditions(said)
	}
	return err
}

// allowed is the patch without the parts whose conditions do not hold.
func (w *writing) allowed(patch *jsondoc.Value, e store.Entry, cur document) *jsondoc.Value {
	if patch.Kind() != jsondoc.KindObject {
		return patch
	}
	thing := &rql.Subject{ID: w.id, Thing: cur.Value, Metadata: cur.metadata,
		Revision: e.Revision, Created: e.Created, Modified: e.Modified}
	left := patch
	for _, c := range w.conditions {
		if _, ok := patch.Get(c.path); !ok || len(c.path) == 0 {
			continue
		}
		if !c.filter.Matches(thing) {
			left, _ = left.Delete(c.path)
		}
	}
	return left
}

// filterPatch leaves out of a merge what its conditions do not allow. If there
// is nothing to be done then, the outcome is told and it gives false.
func (w *writing) filterPatch(tx *store.Tx, e store.Entry, cur document) bool {
	if len(w.conditions) == 0 || !w.change.op.merges() {
		return true
	}
	left := w.allowed(w.change.value, e, cur)
	if w.s.dropEmptied && left.Kind() == jsondoc.KindObject {
		if left = withoutEmpty(left); left.Len() == 0 {
			w.leave(tx, e, cur)
			return false
		}
	}
	w.change.value = left.Compact()
	return true
}

// leave ends a command that goes well and changes nothing.
func (w *writing) leave(tx *store.Tx, e store.Entry, cur document) {
	if w.cmd.Message.Headers.ResponseRequired() {
		w.outcome.Response = respond(w.cmd, w.cmd.Message.Path, 204, nil)
		typeResponse(&w.outcome.Response.Headers, protocol.ActionMerged)
		w.outcome.Response.Headers.Set(protocol.HeaderEntityRevision, jsondoc.Int(int64(e.Revision)))
		tellTag(w.outcome.Response, w.rights.tag(cur.Value, e.Revision, w.at, w.change.path))
	}
	w.unchanged(tx, e)
}
