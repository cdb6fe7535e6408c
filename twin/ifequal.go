package twin

import (
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// The header if-equal (Ditto's page httpapi-concepts, conditional requests; its
// IfEqualPreconditionHeader): a modify or merge that would leave the Thing as
// it is is skipped. Nothing is stored and no event is told. A sender that wants
// a response is refused (412 things:precondition.failed); to any other it is as
// if the command had been applied, so that what mappings make of a message can
// be skipped too.
//
// Values are equal as [jsondoc.Equal] has it. With skip-minimizing-merge it is
// so for merges only, and one that does change something is cut down to what it
// changes, in what is stored and in its event.
//
// A sender that may not READ all that its command touches would learn by it
// whether it has guessed what is there; for it the header is not there.
//
// Ditto compares the command's value with what is there, so for it a modify of
// a Thing without its policyId changes something, and a merge that removes what
// is not there too; here the Things before and after are compared.

// ifEqual says whether the command is to be skipped if it changes nothing, and
// leaves of a merge only what changes the Thing, if that is wanted.
func (w *writing) ifEqual(cur document) (skips bool) {
	if w.asked.what&protocol.AsksIfEqual == 0 || cur.Value == nil || !w.readsTouched(cur) {
		return false
	}
	action := w.cmd.Message.Topic.Action
	how, _ := w.cmd.Message.Headers.Get(protocol.HeaderIfEqual)
	if !strings.EqualFold(strings.TrimSpace(how), "skip-minimizing-merge") {
		return action == protocol.ActionModify || action == protocol.ActionMerge
	}
	if action != protocol.ActionMerge {
		return false
	}
	if was, ok := cur.Get(w.change.path); ok && w.change.op != opPrune { // what a pattern removes first is needed
		w.change.value = minimized(was, w.change.value)
	}
	return true
}

// minimized is the patch without what is there already.
func minimized(was, patch *jsondoc.Value) *jsondoc.Value {
	if was.Kind() != jsondoc.KindObject || patch.Kind() != jsondoc.KindObject {
		return patch
	}
	kept := keeper{from: patch}
	for name, v := range patch.Members() {
		old, ok := was.Member(name)
		if !ok {
			kept.keep(name, v, v)
			continue
		}
		left := minimized(old, v)
		switch {
		case v.IsNull(): // it removes what is there, a null too
			kept.keep(name, v, v)
		case v.Kind() == jsondoc.KindObject && old.Kind() == jsondoc.KindObject:
			if left.Len() == 0 {
				kept.drop()
			} else {
				kept.keep(name, v, left)
			}
		case jsondoc.Equal(old, v):
			kept.drop()
		default:
			kept.keep(name, v, v)
		}
	}
	return kept.object()
}

// skip ends a command that changes nothing.
func (w *writing) skip(tx *store.Tx, e store.Entry) {
	tells := w.cmd.Message.Headers.ResponseRequired()
	switch {
	case w.group != nil:
		// The others are applied all the same.
		if tells {
			w.outcome.Response = protocol.UnchangedSkipped().Response(w.cmd.Message)
		}
		w.unchanged(tx, e)
	case tells:
		w.abort(tx, e, protocol.UnchangedSkipped())
	default:
		w.unchanged(tx, e)
	}
}
