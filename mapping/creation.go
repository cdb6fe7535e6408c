package mapping

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Create is with what a Thing may be created that is not there yet.
type Create struct {
	Policy  string         // the ID of its Policy; "" for one of its own
	Initial *jsondoc.Value // what it has besides what the change writes: definition and attributes; nil: nothing
}

// creation is a rule's "create", compiled.
type creation struct {
	policy  template
	members []memberLine
	fixed   Create // what is the same for all messages
	isFixed bool   // all of it is
}

// memberLine is the definition, or an attribute, of a Thing that is created.
type memberLine struct {
	name        string
	value       constant
	isAttribute bool
}

// createWith is with what the message's Thing may be created. A member whose
// placeholders have no value is left out.
func (r *rule) createWith(m *message) (*Create, *protocol.Error) {
	k := r.create
	if k.isFixed {
		m.tracing.created(&k.fixed, r.config.Create)
		return &k.fixed, nil
	}
	made := &Create{}
	var missing string
	if made.Policy, missing = k.policy.text(m); missing != "" {
		m.tracing.template("create.policy", r.config.Create.Policy, "", missing, m)
		return nil, r.unfilled(m, "the policy's ID", missing)
	}
	if len(k.policy.parts) > 0 {
		if err := protocol.CheckPolicyID(made.Policy); err != nil {
			return nil, r.refuseID(made.Policy, err)
		}
	}
	var err error
	if made.Initial, err = k.initial(m); err != nil {
		return nil, r.refuse("what the thing is created with is not acceptable JSON: %v", err)
	}
	if m.fault != "" {
		return nil, r.refuse("%s", m.fault)
	}
	if made.Initial != nil {
		m.made += made.Initial.Size()
	}
	m.tracing.created(made, r.config.Create)
	return made, nil
}

// initial puts the members together, nil when there are none.
func (k *creation) initial(m *message) (*jsondoc.Value, error) {
	var members, attributes []jsondoc.Member
	for i := range k.members {
		line := &k.members[i]
		text, ok := line.value.appendTo(nil, m)
		if !ok {
			continue
		}
		value, err := jsondoc.Parse(text, jsondoc.Limits{})
		if err != nil {
			return nil, err
		}
		if line.isAttribute {
			attributes = append(attributes, jsondoc.Member{Name: line.name, Value: value})
		} else {
			members = append(members, jsondoc.Member{Name: line.name, Value: value})
		}
	}
	if attributes != nil {
		members = append(members, jsondoc.Member{Name: "attributes", Value: jsondoc.Object(attributes...)})
	}
	if members == nil {
		return nil, nil
	}
	return jsondoc.Object(members...), nil
}

// fix keeps what is the same for all messages, if all of it is.
func (k *creation) fix() {
	policy, isFixed := k.policy.literal()
	for i := range k.members {
		isFixed = isFixed && k.members[i].value.fixed != nil
	}
	if !isFixed {
		return
	}
	initial, err := k.initial(nil)
	k.fixed, k.isFixed = Create{Policy: policy, Initial: initial}, err == nil
}
