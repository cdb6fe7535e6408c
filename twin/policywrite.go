package twin

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// policyWriting is a command that changes a Policy, on its way from the message
// to its outcome (Ditto's page protocol-specification-policies, and the command
// strategies of its policies service).
type policyWriting struct {
	writing // what it has in common with the change of a Thing
	place   policyPlace
	told    *jsondoc.Value // the value in the event; nil where the change deletes
	headers []byte         // those that are kept with the change
}

// changePolicy applies create, modify and delete to a Policy. An error that it
// returns depends on nothing that is stored.
func (s *Service) changePolicy(cmd *Command, done func(*Outcome)) *protocol.Error {
	w := &policyWriting{writing: writing{s: s, cmd: cmd, done: done}}
	if err := w.prepare(); err != nil {
		return err
	}
	tx, err := s.store.Begin(w.key)
	if err != nil {
		done(unavailable(cmd, err))
		return nil
	}
	e := tx.Get(w.key)
	if err := w.apply(tx, e); err != nil {
		tx.Abort()
		s.refuseAfter(max(e.Seq, w.readTo), cmd, err, done)
	}
	return nil
}

// policyID is the ID of the Policy that a topic path is about.
func policyID(t protocol.Topic) (string, *protocol.Error) {
	id := t.EntityID()
	return id, protocol.CheckPolicyID(id)
}

// prepare makes the change out of the message and checks all that can be
// checked without the Policy.
func (w *policyWriting) prepare() (err *protocol.Error) {
	m := w.cmd.Message
	if w.id, err = policyID(m.Topic); err != nil {
		return err
	}
	w.key = store.Key{Kind: kindPolicy, ID: w.id}
	acceptor := w.s.acceptor(&w.cmd.Sender)
	if w.place, err = placeAt(acceptor.path(m.Path)); err != nil {
		return err
	}
	if acceptor.problem != nil {
		return acceptor.problem
	}
	if !w.place.takes(m.Topic.Action) {
		return protocol.TopicPathUnknown(m.Topic, m.Path)
	}
	w.asked.what = m.Headers.Asks() & (protocol.AsksMatch | protocol.AsksIfEqual)
	w.change.path = w.place.at
	if m.Topic.Action == protocol.ActionDelete {
		w.change.op = opDelete
		if w.place.is == resPolicy {
			w.change.op = opRemove
		}
		return nil
	}
	if m.Value == nil {
		return protocol.JSONValueMissing("what is to stand at its path")
	}
	w.change.op = opSet
	if w.place.is == resPolicy {
		w.change.op, w.change.path = opPut, nil
	}
	// What is stored must not keep the whole message in memory.
	w.change.value, err = acceptor.accept(w.id, &w.place, m.Value)
	return err
}

// apply makes the change, which tx holds the Policy for.
func (w *policyWriting) apply(tx *store.Tx, e store.Entry) (err *protocol.Error) {
	cur := documentOf(e)
	creates := w.cmd.Message.Topic.Action == protocol.ActionCreate
	switch {
	case cur.Value == nil && w.change.op == opPut:
		creates = true
	case cur.Value == nil:
		return protocol.PolicyNotFound(w.id)
	}
	if creates {
		if err = w.mayMake(policy.Policy); err != nil {
			return err
		}
	} else {
		if w.rights, err = w.s.rightsToPolicy(w.id, &w.cmd.Sender, nil); err != nil {
			return err
		}
		w.readTo = max(w.readTo, w.rights.seq)
		if !w.rights.whole(policy.Write, w.place.asked) {
			return w.place.notModifiable(w.id)
		}
		if err = w.matches(cur.Value, e.Revision); err != nil {
			return err
		}
	}
	if err = w.canBeApplied(cur.Value); err != nil {
		return err
	}
	next, after, err := w.outcomeOf(cur)
	if err != nil {
		return err
	}
	if creates {
		if err = w.mayCreate(next); err != nil {
			return err
		}
		if cur.Value != nil {
			return w.conflict(cur.Value, e.Revision)
		}
		if err = w.mayMakeAnew(w.id, e); err != nil {
			return err
		}
		if err = w.matches(nil, e.Revision); err != nil {
			return err
		}
	}
	unchanged := cur.Value != nil && next.Value != nil && jsondoc.Equal(cur.Value, next.Value)
	if w.asked.what&protocol.AsksIfEqual != 0 && unchanged && w.cmd.Message.Topic.Action == protocol.ActionModify {
		return w.skipUnchanged(tx)
	}
	if after != nil {
		if w.locks(after) {
			return w.place.invalid(w.id)
		}
		if err := w.s.checkPolicySize(cur.Value, next.Value); err != nil {
			return err
		}
	}
	if w.place.is == resAllowedAdditions && w.change.op == opDelete && unchanged {
		// Taking away what is not there goes well, and is no change.
		return w.answerUnchanged(tx, e)
	}
	w.commit(tx, cur.Value, next)
	return nil
}

// outcomeOf is the Policy after the change, and its model; without a value and
// nil if it goes. The value of the change becomes what is stored of it: without
// what means nothing in a Policy, and with what goes without saying.
func (w *policyWriting) outcomeOf(cur document) (next document, after *policy.Model, refused *protocol.Error) {
	next, err := w.change.apply(cur)
	if err != nil {
		return next, nil, protocol.Internal(err)
	}
	if next.Value == nil {
		return next, nil, nil
	}
	if after, refused = policy.Parse(w.id, next.Value); refused != nil {
		return next, nil, refused
	}
	if refused = w.mayImport(after); refused != nil || w.change.value == nil {
		return next, after, refused
	}
	stored, ok := after.JSON().Get(w.place.at)
	if !ok { // an empty list, which is as good as none
		w.told, w.change.op, w.change.value = w.change.value, opDelete, nil
	} else {
		w.change.value = stored.Compact()
		w.told = w.change.value
	}
	if next, err = w.change.apply(cur); err != nil {
		return next, nil, protocol.Internal(err)
	}
	return next, after, nil
}

// locks says whether nobody could change the Policy any more after the change
// (Ditto's page basic-policy; its PoliciesValidator). As Ditto, it asks only
// where entries, subjects and resources are changed.
func (w *policyWriting) locks(after *policy.Model) bool {
	switch w.place.is {
	case resPolicy, resEntries, resEntry, resSubjects, resSubject, resResources, resResource:
		return !after.SomebodyMayWrite()
	}
	return false
}

// mayCreate says whether the Policy that is to be made lets its creator change
// it, which it must unless the header allow-policy-lockout says that it need
// not.
func (w *policyWriting) mayCreate(next document) (err *protocol.Error) {
	overruled := w.rights.overruled
	w.rights, err = w.s.rightsToPolicy(w.id, &w.cmd.Sender, made{w.id: next})
	if err != nil {
		return err
	}
	w.rights.overruled = overruled
	w.readTo = max(w.readTo, w.rights.seq)
	lockout, _ := w.cmd.Message.Headers.Get(protocol.HeaderAllowPolicyLockout)
	if lockout == "true" || w.rights.whole(policy.Write, nil) {
		return nil
	}
	return protocol.PolicyNotCreatable(w.id)
}

// matches holds if-match and if-none-match against what is there.
func (w *policyWriting) matches(cur *jsondoc.Value, revision uint64) *protocol.Error {
	if w.asked.what&protocol.AsksMatch == 0 {
		return nil
	}
	if err := checkMatch(w.cmd.Message, w.place.tag(cur, revision)); err != nil {
		return err.ForPolicies()
	}
	return nil
}

// skipUnchanged ends a command that changes nothing and is to be skipped then;
// see ifequal.go.
func (w *policyWriting) skipUnchanged(tx *store.Tx) *protocol.Error {
	if w.cmd.Message.Headers.ResponseRequired() {
		return protocol.UnchangedSkipped().ForPolicies()
	}
	tx.Commit(w.cmd.Receipt, nil, w.committed)
	return nil
}

func (w *policyWriting) answerUnchanged(tx *store.Tx, e store.Entry) *protocol.Error {
	w.respond(documentOf(e).Value, 204, e.Revision)
	tx.Commit(w.cmd.Receipt, nil, w.committed)
	return nil
}

// commit stores the change, and tells of it.
func (w *policyWriting) commit(tx *store.Tx, before *jsondoc.Value, next document) {
	action, status := w.became(before)
	revision := w.put(tx, before, next, &policyEvent{path: w.place.asked, action: action, value: w.told})
	w.respond(next.Value, status, revision)
	if next.Value == nil {
		w.outcome.Access = w.rights.Enforcer // the Policy that says who may be told that it is gone
	}
	w.finish(tx)
}

// policyEvent is what an event of a Policy tells.
type policyEvent struct {
	path   jsondoc.Pointer
	action string
	value  *jsondoc.Value
}

// put records the change and makes its event. It gives the new revision.
func (w *policyWriting) put(tx *store.Tx, before *jsondoc.Value, next document, tell *policyEvent) uint64 {
	var state store.State
	if next.Value != nil {
		state = newDocument(next.Value.Compact())
	}
	record, headers := w.record(nil)
	w.headers = headers
	revision, at := tx.PutFrom(w.key, record, state, w.origin), tx.Time()
	t := w.cmd.Message.Topic
	w.event = protocol.Message{
		Topic: protocol.Topic{Namespace: t.Namespace, Name: t.Name, Group: protocol.Policies,
			Criterion: protocol.Events, Action: tell.action},
		Headers: eventHeaders(w.cmd, tell.action),
		Path:    tell.path, Value: tell.value, Revision: revision, Timestamp: at,
	}
	if tell.value != nil {
		w.event.Headers.SetString(protocol.HeaderContentType, protocol.ContentTypeJSON)
	}
	w.event.Headers.Set(protocol.HeaderEntityRevision, jsondoc.Int(int64(revision)))
	w.events[0] = &w.event
	w.outcome.Events = w.events[:]
	w.outcome.Overruled = w.rights.overruled
	if next.Value == nil {
		w.outcome.Access = w.rights.Enforcer // nobody could READ of it later
	}
	w.outcome.Announcements = w.s.policyChanged(w.id, before, next.Value, revision, at)
	return revision
}

// finish hands what was put to the store.
func (w *policyWriting) finish(tx *store.Tx) {
	tx.Commit(w.cmd.Receipt, w.headers, func(err error) {
		if err != nil {
			w.s.policyUnchanged(w.id)
		}
		w.committed(err)
	})
}

// became is the action of the event and the status of the response.
func (w *policyWriting) became(before *jsondoc.Value) (action string, status int) {
	switch {
	case w.told == nil:
		return protocol.ActionDeleted, 204
	case before == nil:
		return protocol.ActionCreated, 201
	}
	was, there := before.Get(w.place.at)
	switch w.place.is {
	case resEntry, resSubject, resResource, resImport:
		if !there {
			return protocol.ActionCreated, 201
		}
	case resReferences:
		// The event is modified all the same.
		if (!there || isEmptyArray(was)) && !isEmptyArray(w.told) {
			return protocol.ActionModified, 201
		}
	}
	return protocol.ActionModified, 204
}

// respond makes the response, if one is wanted.
func (w *policyWriting) respond(after *jsondoc.Value, status int, revision uint64) {
	if !w.cmd.Message.Headers.ResponseRequired() {
		return
	}
	var value *jsondoc.Value
	if status == 201 {
		value = w.told
	}
	w.outcome.Response = respond(w.cmd, w.place.asked, status, value)
	w.outcome.Response.Headers.Set(protocol.HeaderEntityRevision, jsondoc.Int(int64(revision)))
	tellTag(w.outcome.Response, w.place.changedTag(after, revision))
}
