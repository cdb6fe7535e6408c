package twin

import (
	"regexp"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// Which Policy a Thing gets that is made (Ditto's page basic-policy, "Model",
// and its enforcement of the creation of Things): one that its value brings in
// _policy, a copy of the one that _copyPolicyFrom names, the one that policyId
// names, or else one of its own. The Thing and what is made with it are stored
// as one.

const (
	memberInlinePolicy   = "_policy"
	memberCopyPolicyFrom = "_copyPolicyFrom"
)

// acceptPolicy takes _policy and _copyPolicyFrom out of a Thing.
func (p *thingParts) acceptPolicy(at jsondoc.Pointer, v *jsondoc.Value) *protocol.Error {
	if v.IsNull() {
		return nil
	}
	if at[0] == memberInlinePolicy {
		if v.Kind() != jsondoc.KindObject {
			return protocol.JSONFormatInvalid(at, "a Policy, as an object")
		}
		p.inline = v
		return nil
	}
	from, ok := v.Text()
	if !ok {
		return protocol.JSONFormatInvalid(at, "the ID of a Policy or a reference, as a string")
	}
	p.copyFrom = from
	if _, is := referenceIn(from); is {
		return nil
	}
	return protocol.CheckPolicyID(from)
}

// ofPolicy is the Policy of a Thing that is to be made.
type ofPolicy struct {
	id string
	// make makes it; nil: it must be there already.
	make func() (*jsondoc.Value, *protocol.Error)
	// orThere: one that is there already will do, whatever it says.
	orThere bool
	// byMapping: a mapping says which one, and its sender need not see it.
	byMapping bool
}

func (p *ofPolicy) key() store.Key { return store.Key{Kind: kindPolicy, ID: p.id} }

// policyIDToBe is the ID of the Policy that the Thing would get.
func (w *writing) policyIDToBe() string {
	if w.parts.policyID != "" {
		return w.parts.policyID
	}
	if w.parts.inline != nil {
		if v, ok := w.parts.inline.Member(memberPolicyID); ok {
			if id, ok := v.Text(); ok {
				return id
			}
		}
	}
	return w.id
}

// ofPolicy finds out which Policy the Thing gets.
func (w *writing) ofPolicy() (*ofPolicy, *protocol.Error) {
	p := &ofPolicy{id: w.policyIDToBe()}
	switch {
	case w.parts.copyFrom != "":
		p.make = w.copiedPolicy
	case w.parts.inline != nil:
		if err := protocol.CheckPolicyID(p.id); err != nil {
			return nil, err
		}
		p.make = w.inlinePolicy
	case w.parts.policyID == "" && w.cmd.Create != nil && w.cmd.Create.Policy != "":
		p.id, p.byMapping = w.cmd.Create.Policy, true
	case w.parts.policyID == "":
		p.make = w.defaultPolicy
	case w.parts.policyID == w.id:
		p.make, p.orThere = w.defaultPolicy, true
	}
	return p, nil
}

// mustBeThere looks for a Policy that is named, which its sender must be allowed
// to READ. It need not be held: whoever takes one away from Things that have it
// means it.
func (w *writing) mustBeThere(of *ofPolicy) *protocol.Error {
	may, err := w.policyRights(of.id)
	switch {
	case err != nil:
		return err
	case of.byMapping && !may.there:
		return protocol.MappingPolicyMissing(w.id, of.id)
	case !may.there, !of.byMapping && !may.some(policy.Read, nil):
		return protocol.ThingPolicyMissing(w.id, of.id)
	}
	return nil
}

// settlePolicy makes the Policy; tx holds it.
func (w *writing) settlePolicy(tx *store.Tx, of *ofPolicy) *protocol.Error {
	there := tx.Get(of.key())
	w.readTo = max(w.readTo, there.Seq)
	existing := documentOf(there).Value
	if existing != nil && of.orThere {
		return w.mustBeThere(of)
	}
	policy, err := of.make()
	if err != nil {
		return err
	}
	if err := w.s.checkPolicySize(nil, policy); err != nil {
		return err
	}
	same := existing != nil && jsondoc.Equal(existing, policy)
	if !same {
		if err := w.mayMakePolicyOfThing(of.id); err != nil {
			return err
		}
	}
	if existing == nil {
		if err := w.mayMakePolicy(of.id, policy); err != nil {
			return err
		}
		if err := w.mayMakeAnew(of.id, there); err != nil {
			return err
		}
		put := change{op: opPut, value: policy}
		revision := tx.Put(of.key(), put.appendTo(nil), newDocument(policy))
		w.s.policyChanged(of.id, nil, policy, revision, tx.Time())
		w.outcome.Named = w.s.mayBeNamed(of.id, there)
		w.outcome.Policies = []*protocol.Message{w.policyMade(of.id, policy, revision, tx.Time())}
	} else if !same {
		// Ditto refuses whenever there is a Policy of this ID. One that says
		// what the new one would say is as good, and is there after every
		// deletion of a Thing.
		return protocol.ThingNotCreatable(w.id, of.id)
	}
	return nil
}

func (w *writing) defaultPolicy() (*jsondoc.Value, *protocol.Error) {
	own, err := policy.Default(w.id, w.cmd.Sender.Subjects)
	if err != nil {
		return nil, protocol.AsError(err)
	}
	return own, nil
}

// inlinePolicy is the Policy that came in _policy, under the ID that it gets.
func (w *writing) inlinePolicy() (*jsondoc.Value, *protocol.Error) {
	id := w.policyIDToBe()
	v := w.parts.inline.Overwrite(jsondoc.Pointer{memberPolicyID}, jsondoc.String(id))
	v, err := w.s.acceptor(&w.cmd.Sender).accept(id, &policyPlace{is: resPolicy}, v)
	if err != nil {
		return nil, err
	}
	m, err := policy.Parse(id, v)
	switch {
	case err != nil && (err.Code == protocol.CodeJSONFormatInvalid || err.Code == protocol.CodeJSONFieldMissing):
		return nil, protocol.PolicyInvalid(w.id, err.Message+" "+err.Description)
	case err != nil:
		return nil, err
	case !m.SomebodyMayWrite():
		return nil, protocol.PolicyInvalid(w.id, "It must grant WRITE on 'policy:/' to at least one subject that does not expire.")
	}
	return m.JSON().Compact(), nil
}

// copiedPolicy is a copy of the Policy that _copyPolicyFrom names, as far as the
// sender may READ it.
func (w *writing) copiedPolicy() (*jsondoc.Value, *protocol.Error) {
	from, err := w.resolvePolicyID(w.parts.copyFrom)
	if err != nil {
		return nil, err
	}
	there, err := w.seePolicy(from)
	if err != nil {
		return nil, err
	}
	return there.Overwrite(jsondoc.Pointer{memberPolicyID}, jsondoc.String(w.policyIDToBe())).Compact(), nil
}

// reference is a placeholder for what stands in a Thing.
type reference struct{ kind, id, field string }

var referencePattern = regexp.MustCompile(`\{\{\s?ref:([^/\s]+)/([^/\s]+)/(\S+?)\s?\}\}`)

func referenceIn(s string) (reference, bool) {
	if m := referencePattern.FindStringSubmatch(s); m != nil {
		return reference{m[1], m[2], m[3]}, true
	}
	return reference{}, false
}

// resolvePolicyID is a Policy's ID, or what stands where a reference leads.
func (w *writing) resolvePolicyID(from string) (string, *protocol.Error) {
	ref, ok := referenceIn(from)
	if !ok {
		return from, nil
	}
	if !strings.EqualFold(ref.kind, "things") {
		return "", protocol.ReferenceNotSupported(ref.kind)
	}
	if _, err := protocol.ParseThingID(ref.id); err != nil {
		return "", protocol.AsError(err)
	}
	path, err := jsondoc.ParsePointer(ref.field)
	if err != nil {
		return "", protocol.PointerInvalid(ref.field, err)
	}
	thing, refused := w.seeThing(ref.id)
	if refused != nil {
		return "", refused
	}
	v, ok := thing.Get(path)
	if !ok {
		return "", protocol.ReferenceFieldUnknown(path.String(), ref.id)
	}
	id, ok := v.Text()
	if !ok {
		return "", protocol.JSONWrongKind(path.String(), v.Kind(), jsondoc.KindString)
	}
	return id, protocol.CheckPolicyID(id)
}
