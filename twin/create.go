package twin

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// thing puts a Thing together from its parts, in Ditto's order.
func (p *thingParts) thing(id string) *jsondoc.Value {
	members := make([]jsondoc.Member, 0, 5)
	members = append(members,
		jsondoc.Member{Name: memberThingID, Value: jsondoc.String(id)},
		jsondoc.Member{Name: memberPolicyID, Value: jsondoc.String(p.policyID)})
	for _, part := range [...]jsondoc.Member{
		{Name: memberDefinition, Value: p.definition},
		{Name: memberAttributes, Value: p.attributes},
		{Name: memberFeatures, Value: p.features},
	} {
		if part.Value != nil {
			members = append(members, part)
		}
	}
	// In one piece, as it is when it was read from disk: that is printed, looked
	// into and changed quicker than one of many parts.
	return jsondoc.Object(members...).Compact()
}

// createFromPart makes a Thing that has only what a merge of a part of it
// says.
func (w *writing) createFromPart(tx *store.Tx) {
	whole := jsondoc.Nest(w.cmd.Message.Path, w.change.value)
	parts, err := acceptThing(w.id, whole, true)
	if err != nil {
		w.abort(tx, tx.Get(w.key), err)
		return
	}
	w.parts = parts
	w.create(tx, tx.Get(w.key))
}

// definitionText is the definition of the Thing; "" where it has none.
func (p *thingParts) definitionText() string {
	if p.definition == nil {
		return ""
	}
	text, _ := p.definition.Text()
	return text
}

// addInitial adds what the command gives a Thing that it makes to what its
// merge says, which has the last word.
func (w *writing) addInitial() (err *protocol.Error) {
	patch := jsondoc.Nest(w.cmd.Message.Path, w.change.value)
	said := w.parts
	w.parts, err = acceptThing(w.id, w.cmd.Create.Initial.Merge(patch), true)
	w.parts.inline, w.parts.copyFrom, w.parts.metadata = said.inline, said.copyFrom, said.metadata
	return err
}

// create makes the Thing, and with it a Policy of its own if it names none, if
// the command's headers let it be applied. tx holds the Thing, which is not there.
func (w *writing) create(tx *store.Tx, e store.Entry) {
	if w.cmd.Message.Topic.Action == protocol.ActionMerge {
		if w.parts.accepted == nil { // a plain patch: nobody has looked for its parts
			var err *protocol.Error
			if w.parts, err = acceptThing(w.id, w.change.value, true); err != nil {
				w.abort(tx, e, err)
				return
			}
		}
		if w.cmd.Create != nil && w.cmd.Create.Initial != nil {
			if err := w.addInitial(); err != nil {
				w.abort(tx, e, err)
				return
			}
		}
		w.parts.withoutNulls()
	}
	if err := w.mayMake(policy.Thing); err != nil {
		w.abort(tx, e, err)
		return
	}
	if !w.goesOn(tx, e, document{}) {
		return
	}
	ofPolicy, err := w.ofPolicy()
	if err != nil {
		w.abort(tx, e, err)
		return
	}
	if ofPolicy.make == nil {
		if err := w.mustBeThere(ofPolicy); err != nil {
			w.abort(tx, e, err)
			return
		}
		w.parts.policyID = ofPolicy.id
		w.createWith(tx, e, ofPolicy.byMapping)
		return
	}
	if w.group == nil { // a group holds it already
		// The Policy must be held as well, and both are taken at once so that two
		// who want the same two cannot wait for each other.
		tx.Abort()
		var err error
		if tx, err = w.s.store.Begin(w.key, ofPolicy.key()); err != nil {
			w.done(unavailable(w.cmd, err))
			return
		}
		if e = tx.Get(w.key); e.State != nil {
			// Somebody else was faster.
			w.writeThingOrPart(tx)
			return
		}
	}
	if err := w.settlePolicy(tx, ofPolicy); err != nil {
		w.abort(tx, e, err)
		return
	}
	w.parts.policyID = ofPolicy.id
	w.createWith(tx, e, false)
}

func (w *writing) writeThingOrPart(tx *store.Tx) {
	if w.at == resThing {
		w.writeThing(tx)
	} else {
		w.writePart(tx)
	}
}

func (w *writing) createWith(tx *store.Tx, e store.Entry, byMapping bool) {
	if err := w.mayCreate(byMapping); err != nil {
		w.abort(tx, e, err)
		return
	}
	w.change = change{op: opPut, value: w.parts.thing(w.id)}
	w.at = resThing
	w.commit(tx, e, document{}, protocol.ActionCreated, 201)
}

// withoutNulls: what a merge removes is not there in a Thing that it makes.
func (p *thingParts) withoutNulls() {
	p.definition = withoutNulls(p.definition)
	p.attributes = withoutNulls(p.attributes)
	p.features = withoutNulls(p.features)
}

func withoutNulls(v *jsondoc.Value) *jsondoc.Value {
	if v == nil || v.IsNull() {
		return nil
	}
	return jsondoc.Null().Merge(v)
}
