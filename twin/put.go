package twin

import (
	"errors"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// OnConflict says what becomes of an entity that is there already and differs
// from the one that is to be put in its place.
type OnConflict uint8

const (
	Refuse  OnConflict = iota // the one that is there stays, and that is an error
	Skip                      // the one that is there stays
	Replace                   // the new one takes its place
)

// Placed says what [Service.PutEntity] did.
type Placed uint8

const (
	Created   Placed = iota + 1 // there was none
	Replaced                    // another one was there
	Unchanged                   // this very one was there, to the letter
	Skipped                     // another one was there, and stayed
	Damaged                     // nothing: what is stored of it cannot be read; the Outcome has an error
)

// PutEntity puts a whole Thing or Policy there, in the name of the sender, and
// tells done what it did and what follows, as Handle does. Where the Outcome
// has an error, it did nothing, and tells 0 or Damaged.
//
// One that never existed here takes over the revision and the times that its
// text gave. Another one, also one that comes after a deletion, goes on
// counting from the revision that it has here.
//
// A Policy that it names and that never was is noted as named: only an
// administrator can make it by a command then.
//
// A Thing whose text names no Policy keeps the one that it has; a new one gets
// a Policy of its own, as on creation by a command. Whether the Policy that it
// names is there is not asked, nor what it allows: whoever has the data at hand
// may do everything with them.
func (s *Service) PutEntity(e *Entity, sender Sender, how OnConflict, done func(Placed, *Outcome)) {
	id, err := protocol.ParseThingID(e.key.ID) // a Policy's ID has the same form
	m := &protocol.Message{Topic: protocol.Topic{Namespace: id.Namespace, Name: id.Name, Group: protocol.Things,
		Channel: protocol.Twin, Criterion: protocol.Commands, Action: protocol.ActionModify}}
	m.Headers.SetString(protocol.HeaderResponseRequired, "false")
	sender.Admin = true
	w := &writing{s: s, cmd: &Command{Message: m, Sender: sender}, id: e.key.ID, key: e.key, at: resThing, origin: e.origin, placed: true}
	p := &placing{writing: w, how: how, did: Created, done: done}
	w.done = p.told
	switch {
	case err != nil:
		p.told(refusal(w.cmd, protocol.AsError(err)))
	case e.key.Kind == kindPolicy:
		p.policy(e)
	default:
		p.thing(e)
	}
}

// placing is an entity on its way to its place.
type placing struct {
	*writing
	how  OnConflict
	did  Placed
	done func(Placed, *Outcome)
	// names are the IDs of Policies that it names and that never were.
	names []string
}

func (p *placing) told(o *Outcome) {
	if o.Err != nil && p.did != Damaged {
		p.did = 0
	}
	if p.did == Created || p.did == Replaced {
		p.s.named.add(p.names, true)
	}
	p.done(p.did, o)
}

// unread notes that what is there could not be read, if that is for good.
func (p *placing) unread(err error) {
	if errors.Is(err, store.ErrDamaged) {
		p.did = Damaged
	}
}

func (p *placing) thing(e *Entity) {
	w := p.writing
	keys := []store.Key{w.key}
	own := store.Key{Kind: kindPolicy, ID: w.id}
	if e.policyID == "" {
		keys = append(keys, own)
	} else {
		p.names = w.s.notable(e.policyID)
		keys = append(keys, namedKeys(p.names)...)
	}
	tx, err := w.s.store.Begin(keys...)
	if err != nil {
		p.unread(err)
		p.told(refusal(w.cmd, protocol.ThingUnavailable(w.id, err)))
		return
	}
	at := tx.Get(w.key)
	cur := documentOf(at)
	value, policyID := e.value, e.policyID
	if policyID == "" {
		policyID = w.id
		if cur.Value != nil {
			policyID = cur.policyID()
		}
		value = withPolicy(value, policyID)
	}
	next := document{Value: value, metadata: e.metadata}
	if cur.metadata != nil && next.metadata == nil {
		next.metadata = jsondoc.Object() // those that are there go
	}
	if cur.Value != nil && !p.conflict(tx, at, cur, next, protocol.ThingConflict(w.id)) {
		return
	}
	action, status := protocol.ActionModified, 204
	if cur.Value == nil {
		action, status = protocol.ActionCreated, 201
		if e.policyID == "" {
			if err := w.settlePolicy(tx, &ofPolicy{id: w.id, make: w.defaultPolicy}); err != nil {
				w.abort(tx, at, err)
				return
			}
		}
	}
	w.change = change{op: opPut, value: value, metadata: next.metadata}
	if !w.s.unheard {
		if err := w.findRights(policyID); err != nil {
			w.abort(tx, at, err)
			return
		}
	}
	w.s.note(tx, p.names)
	w.commit(tx, at, cur, action, status)
}

func (p *placing) policy(e *Entity) {
	w := p.writing
	p.names = w.s.notable(importsOf(e)...)
	tx, err := w.s.store.Begin(append(namedKeys(p.names), w.key)...)
	if err != nil {
		p.unread(err)
		p.told(&Outcome{Err: protocol.PolicyUnavailable(w.id, err)})
		return
	}
	at := tx.Get(w.key)
	cur := documentOf(at).Value
	if cur != nil && !p.conflict(tx, at, document{Value: cur}, document{Value: e.value}, protocol.PolicyConflict(w.id)) {
		return
	}
	if err := w.s.checkPolicySize(cur, e.value); err != nil {
		w.abort(tx, at, err)
		return
	}
	action := protocol.ActionModified
	if cur == nil {
		action = protocol.ActionCreated
	}
	pw := &policyWriting{writing: *w}
	t := &pw.cmd.Message.Topic
	t.Group, t.Channel = protocol.Policies, protocol.None
	pw.change = change{op: opPut, value: e.value}
	w.s.note(tx, p.names)
	pw.put(tx, cur, newDocument(e.value), &policyEvent{action: action, value: e.value})
	pw.finish(tx)
}

// conflict says whether to go on where an entity is there already. If not, it
// has told why.
func (p *placing) conflict(tx *store.Tx, at store.Entry, cur, next document, refused *protocol.Error) bool {
	switch {
	case cur.Size() == next.Size() && string(cur.AppendTo(nil)) == string(next.AppendTo(nil)):
		p.did = Unchanged
	case p.how == Replace:
		p.did = Replaced
		return true
	case p.how == Skip:
		p.did = Skipped
	default:
		p.abort(tx, at, refused)
		return false
	}
	tx.Abort()
	p.s.tellAfter(at.Seq, p.cmd, &Outcome{}, p.told)
	return false
}
