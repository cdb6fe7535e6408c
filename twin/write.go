package twin

import (
	"strconv"
	"sync"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// writing is a command that changes a Thing, on its way from the message to
// its outcome.
type writing struct {
	s      *Service
	cmd    *Command
	done   func(*Outcome)
	group  *group // nil: it is applied by itself
	id     string
	key    store.Key
	at     resource
	change change // what will stand in the journal
	parts  thingParts
	asked  asked        // by its headers
	origin store.Origin // of what is made
	// conditions are those on parts of its patch.
	conditions []patchCondition
	rights     rights         // of the sender to the Thing
	made       made           // Policies that are made with it, unless there is a group
	placed     bool           // whether its Policy is there is not asked
	answer     *jsondoc.Value // the response's value; nil: what was created
	readTo     uint64         // the newest change of other entities that it was computed from
	outcome    Outcome
	event      protocol.Message
	events     [1]*protocol.Message
	things     [1]Thing
}

// change applies create, modify, merge and delete. An error that it returns
// depends on nothing that is stored.
func (s *Service) change(cmd *Command, done func(*Outcome)) *protocol.Error {
	m := cmd.Message
	w := &writing{s: s, cmd: cmd, done: done}
	if err := w.prepare(); err != nil {
		return err
	}
	tx, err := s.store.Begin(w.key)
	if err != nil {
		done(unavailable(cmd, err))
		return nil
	}
	if w.at == resThing && m.Topic.Action != protocol.ActionDelete {
		w.writeThing(tx)
	} else {
		w.writePart(tx)
	}
	return nil
}

// prepare makes the change out of the message and checks all that can be
// checked without the Thing.
func (w *writing) prepare() *protocol.Error {
	m := w.cmd.Message
	if _, err := m.Topic.ThingID(); err != nil {
		return protocol.AsError(err)
	}
	w.id = m.Topic.EntityID()
	w.key = store.Key{Kind: kindThing, ID: w.id}
	var err *protocol.Error
	if w.at, err = resourceAt(m.Path); err != nil {
		return err
	}
	w.change.path = m.Path
	if w.asked, err = askedOf(m); err != nil {
		return err
	}
	if w.asked.what&protocol.AsksDryRun != 0 {
		return protocol.DryRunNotSupported()
	}
	switch m.Topic.Action {
	case protocol.ActionCreate:
		if w.at != resThing {
			return protocol.TopicPathUnknown(m.Topic, m.Path)
		}
	case protocol.ActionModify:
		w.change.op = opSet
	case protocol.ActionMerge:
		w.change.op = opMerge
		if err := checkMergeType(&m.Headers); err != nil {
			return err
		}
		if err := w.askPatches(); err != nil {
			return err
		}
	case protocol.ActionDelete:
		switch w.at {
		case resThing:
			w.change.op = opRemove
		case resThingID, resPolicyID:
			return protocol.TopicPathUnknown(m.Topic, m.Path)
		default:
			w.change.op = opDelete
		}
		return nil
	}
	if w.at == resThingID {
		return protocol.PathUnknown(m.Path)
	}
	if m.Value == nil {
		return protocol.JSONValueMissing("what is to stand at its path")
	}
	if err := w.checkDepth(m); err != nil {
		return err
	}
	// What is stored must not keep the whole message in memory.
	value := m.Value.Compact()
	patch := w.change.op == opMerge
	switch {
	case w.at == resThing && patch && isPlainPatch(value.View()):
		w.change.value = value
	case w.at == resThing:
		w.parts, err = acceptThing(w.id, value, patch)
		w.change.value = w.parts.accepted
	case patch && value.IsNull() && w.at == resPolicyID:
		err = protocol.PolicyIDNotDeletable()
	default:
		w.change.value, err = w.at.accept(m.Path, value, patch)
	}
	if patch && err == nil {
		err = w.checkPatterns()
	}
	return err
}

// checkDepth: a value must not lie deeper in the Thing than a message may be
// nested.
func (w *writing) checkDepth(m *protocol.Message) *protocol.Error {
	if len(m.Path)+m.Value.Depth() > w.s.depth {
		return protocol.JSONFormatInvalid(m.Path[:min(len(m.Path), 3)], "at most "+
			strconv.Itoa(w.s.depth)+" levels of objects and arrays in a Thing")
	}
	return nil
}

// writePart changes a part of a Thing, or removes all of it.
func (w *writing) writePart(tx *store.Tx) {
	m := w.cmd.Message
	e := tx.Get(w.key)
	cur := documentOf(e)
	if cur.Value == nil {
		if w.change.op.merges() && w.cmd.Create != nil {
			w.createFromPart(tx)
			return
		}
		w.abort(tx, e, protocol.ThingNotFound(w.id))
		return
	}
	if err := w.mayWrite(cur); err != nil {
		w.abort(tx, e, err)
		return
	}
	if !w.goesOn(tx, e, cur) || !w.filterPatch(tx, e, cur) {
		return
	}
	reach := len(m.Path)
	if !w.change.op.merges() {
		reach = cur.View().Reach(m.Path)
	}
	if reach < 2 && w.at.inFeature() {
		w.abort(tx, e, resFeature.notFound(w.id, m.Path))
		return
	}
	isThere := reach == len(m.Path)
	action, status := protocol.ActionModified, 204
	switch w.change.op {
	case opMerge, opPrune:
		action = protocol.ActionMerged
	case opDelete:
		if !isThere {
			w.abort(tx, e, w.at.notFound(w.id, m.Path))
			return
		}
		action = protocol.ActionDeleted
	case opRemove:
		action = protocol.ActionDeleted
	case opSet:
		// Ditto has no created for the Policy ID: a Thing always has one.
		if !isThere && w.at != resPolicyID {
			action, status = protocol.ActionCreated, 201
		}
	}
	w.commit(tx, e, cur, action, status)
}

// writeThing creates, replaces or merges a whole Thing.
func (w *writing) writeThing(tx *store.Tx) {
	e := tx.Get(w.key)
	cur := documentOf(e)
	action := w.cmd.Message.Topic.Action
	switch {
	case cur.Value == nil && action == protocol.ActionMerge && w.cmd.MustExist && w.cmd.Create == nil:
		w.abort(tx, e, protocol.ThingNotFound(w.id))
		return
	case cur.Value == nil:
		w.create(tx, e)
		return
	case action == protocol.ActionCreate:
		if err := w.mayMake(policy.Thing); err != nil {
			w.abort(tx, e, err)
			return
		}
		w.conflict(tx, e, cur)
		return
	}
	if err := w.mayWrite(cur); err != nil {
		w.abort(tx, e, err)
		return
	}
	if !w.goesOn(tx, e, cur) {
		return
	}
	if action == protocol.ActionMerge {
		if w.filterPatch(tx, e, cur) {
			w.commit(tx, e, cur, protocol.ActionMerged, 204)
		}
		return
	}
	if w.parts.policyID == "" {
		w.parts.policyID = cur.policyID()
	}
	w.change.op, w.change.value = opPut, w.parts.thing(w.id)
	w.commit(tx, e, cur, protocol.ActionModified, 204)
}

// commit applies the change and hands it to the store.
func (w *writing) commit(tx *store.Tx, e store.Entry, cur document, action string, status int) {
	skips := w.ifEqual(cur)
	if err := w.describe(cur); err != nil {
		w.abort(tx, e, err)
		return
	}
	next, err := w.change.apply(cur)
	if err != nil {
		w.abort(tx, e, protocol.Internal(err))
		return
	}
	if skips && jsondoc.Equal(cur.Value, next.Value) {
		w.skip(tx, e)
		return
	}
	if err := w.mayChangePolicy(cur, next); err != nil {
		w.abort(tx, e, err)
		return
	}
	if err := w.s.checkSize(cur, next); err != nil {
		w.abort(tx, e, err)
		return
	}
	w.keepAfter(next, e, tx.Time())
	var state store.State
	if next.Value != nil {
		next.remember(cur, &w.change)
		state = next
	}
	if w.group != nil { // which commits when all are in
		record := w.change.appendTo(nil)
		w.group.seq = max(w.group.seq, e.Seq, w.readTo)
		w.tell(cur.Value, next.Value, action, status, tx.PutFrom(w.key, record, state, w.origin), tx.Time())
		return
	}
	room := recordRoom.Get().(*[]byte)
	record, headers := w.record((*room)[:0])
	revision := tx.PutFrom(w.key, record, state, w.origin)
	w.tell(cur.Value, next.Value, action, status, revision, tx.Time())
	tx.Commit(w.cmd.Receipt, headers, w.committed)
	// The store has made a copy of the record.
	if *room = record[:0]; cap(record) <= 64<<10 {
		recordRoom.Put(room)
	}
}

// recordRoom is memory for records on their way to the store.
var recordRoom = sync.Pool{New: func() any { return new([]byte) }}

// checkSize refuses what makes a Thing too large; one that is too large
// already may get smaller.
func (s *Service) checkSize(cur, next document) *protocol.Error {
	if next.Value == nil || s.thingSize < 0 || next.Size() <= s.thingSize {
		return nil
	}
	if cur.Value != nil && next.Size() <= cur.Size() {
		return nil
	}
	return protocol.ThingTooLarge(next.Size(), s.thingSize)
}

// checkPolicySize is checkSize for Policies.
func (s *Service) checkPolicySize(cur, next *jsondoc.Value) *protocol.Error {
	if s.policySize < 0 || next.Size() <= s.policySize || cur != nil && next.Size() <= cur.Size() {
		return nil
	}
	return protocol.PolicyTooLarge(next.Size(), s.policySize)
}

// abort tells a refusal that was computed from the Thing as it is.
func (w *writing) abort(tx *store.Tx, e store.Entry, err *protocol.Error) {
	if w.group != nil {
		w.group.err, w.group.seq = err, max(w.group.seq, e.Seq, w.readTo)
		return
	}
	tx.Abort()
	w.s.notMade(w.made)
	w.s.refuseAfter(max(e.Seq, w.readTo), w.cmd, err, w.done)
}

// unchanged ends a command that went well and changes nothing.
func (w *writing) unchanged(tx *store.Tx, e store.Entry) {
	switch seq := max(e.Seq, w.readTo); {
	case w.group != nil:
		w.group.seq = max(w.group.seq, seq)
	case w.cmd.Receipt != nil: // which is stored, after all that it was computed from
		tx.Commit(w.cmd.Receipt, nil, w.committed)
	default:
		tx.Abort()
		w.s.store.After(seq, w.committed)
	}
}

// committed tells the outcome; err is what kept the change from being stored.
func (w *writing) committed(err error) {
	if err != nil {
		w.s.notMade(w.made)
		w.outcome = *unavailable(w.cmd, err)
	}
	w.done(&w.outcome)
}

// documentOf is the state of an entity, without a value when there is none.
func documentOf(e store.Entry) document {
	if e.State == nil {
		return document{}
	}
	return e.State.(document)
}

func policyIDOf(thing *jsondoc.Value) string {
	v, ok := thing.View().Member(memberPolicyID)
	if !ok {
		return ""
	}
	id, _ := v.Text(nil)
	return id
}
