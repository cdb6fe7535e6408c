package twin

import (
	"strconv"
	"strings"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// The special fields: what the store knows of a Thing or a Policy, under the
// names under which Ditto gives it to those who ask (basic-thing, field
// selectors).
const (
	fieldRevision  = "_revision"
	fieldModified  = "_modified"
	fieldCreated   = "_created"
	fieldNamespace = "_namespace"
)

// Entity is a Thing or a Policy as a whole, as [Service.ReadEntity] found it.
type Entity struct {
	key      store.Key
	value    *jsondoc.Value
	metadata *jsondoc.Value // of a Thing; nil where the text has none
	policyID string         // of a Thing; "" where the text names none
	origin   store.Origin
}

// ID is that of the Thing or the Policy.
func (e *Entity) ID() string { return e.key.ID }

// IsPolicy says whether it is a Policy, and not a Thing.
func (e *Entity) IsPolicy() bool { return e.key.Kind == kindPolicy }

// PolicyID is that of the Policy that a Thing names, "" where it names none.
func (e *Entity) PolicyID() string { return e.policyID }

// HasPolicy says whether there is a Policy of that ID.
func (s *Service) HasPolicy(id string) (bool, error) {
	e, err := s.currentPolicy(id)
	return err == nil && e.State != nil, err
}

// ReadEntity reads the JSON of a Thing, or of a Policy if it has no thingId,
// and checks it as a command that brings all of it would be. It may have the
// special fields _revision, _modified, _created and _metadata. A member that would be left
// out by a command is refused: who writes a whole Thing down means what he
// writes.
//
// The text is not kept. Where there is an error, the Entity has its ID at most,
// and is nil if that was not found.
func (s *Service) ReadEntity(text []byte) (*Entity, *protocol.Error) {
	v, err := jsondoc.Parse(text, jsondoc.Limits{Depth: s.depth})
	if err != nil {
		e := protocol.JSONInvalid(err)
		e.Message = "It is not valid JSON."
		return nil, e
	}
	if v.Kind() != jsondoc.KindObject {
		return nil, protocol.JSONWrongKind("/", v.Kind(), jsondoc.KindObject)
	}
	e := &Entity{}
	if v, err := e.special(v); err != nil {
		return nil, err
	} else if id, ok := v.Member(memberThingID); ok {
		return e, e.thing(id, v)
	} else if id, ok := v.Member(memberPolicyID); ok {
		return e, e.policy(id, v)
	}
	return nil, protocol.JSONFieldMissing("/" + memberThingID + "> or </" + memberPolicyID)
}

// special reads the special fields and gives the rest.
func (e *Entity) special(v *jsondoc.Value) (*jsondoc.Value, *protocol.Error) {
	members := make([]jsondoc.Member, 0, v.Len())
	for name, field := range v.Members() {
		var err *protocol.Error
		switch name {
		case fieldRevision:
			n, ok := field.Int()
			if !ok || n < 1 || n > highestRevision {
				return nil, protocol.JSONFormatInvalid(jsondoc.Pointer{name}, "a number from 1 to "+strconv.Itoa(highestRevision))
			}
			e.origin.Revision = uint64(n)
		case fieldModified:
			e.origin.Modified, err = timeField(name, field)
		case fieldCreated:
			e.origin.Created, err = timeField(name, field)
		case fieldMetadata:
			if field.Kind() != jsondoc.KindObject {
				return nil, protocol.JSONFormatInvalid(jsondoc.Pointer{name}, "an object")
			}
			e.metadata = field.Compact()
		case fieldNamespace: // says nothing that the ID does not say
		default:
			members = append(members, jsondoc.Member{Name: name, Value: field})
		}
		if err != nil {
			return nil, err
		}
	}
	if len(members) == v.Len() {
		return v, nil
	}
	return jsondoc.Object(members...), nil
}

// highestRevision leaves room to count on, and is a number that every reader
// of JSON understands.
const highestRevision = 1<<53 - 1

// timeField reads a time as it is written in special fields.
func timeField(name string, v *jsondoc.Value) (time.Time, *protocol.Error) {
	if text, ok := v.Text(); ok {
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil && t.Unix() > 0 && t.Year() < 2200 {
			return t.UTC(), nil
		}
	}
	return time.Time{}, protocol.JSONFormatInvalid(jsondoc.Pointer{name}, "a time after 1970, like \"2024-05-17T09:30:00.25Z\"")
}

// thing checks a Thing.
func (e *Entity) thing(id, v *jsondoc.Value) *protocol.Error {
	text, ok := id.Text()
	if !ok {
		return protocol.JSONFormatInvalid(jsondoc.Pointer{memberThingID}, "the ID of a Thing, as a string")
	}
	e.key = store.Key{Kind: kindThing, ID: strings.Clone(text)}
	if _, err := protocol.ParseThingID(text); err != nil {
		return protocol.AsError(err)
	}
	parts, err := acceptThing(text, v, false)
	if err != nil {
		return err
	}
	if parts.accepted != v {
		return strangerOf(v)
	}
	e.policyID = strings.Clone(parts.policyID)
	e.value = v.Compact()
	return nil
}

// strangerOf names a member of a Thing that it does not have in Ditto.
func strangerOf(thing *jsondoc.Value) *protocol.Error {
	for name := range thing.Members() {
		switch name {
		case memberThingID, memberPolicyID, memberDefinition, memberAttributes, memberFeatures:
		default:
			return protocol.JSONFormatInvalid(jsondoc.Pointer{name}, "nothing; a Thing has thingId, policyId, definition, attributes and features")
		}
	}
	features, _ := thing.Member(memberFeatures)
	for id, feature := range features.Members() {
		for name := range feature.Members() {
			switch name {
			case memberDefinition, memberProperties, memberDesiredProperties:
			default:
				return protocol.JSONFormatInvalid(jsondoc.Pointer{memberFeatures, id, name}, "nothing; a Feature has definition, properties and desiredProperties")
			}
		}
	}
	return protocol.JSONFormatInvalid(nil, "a Thing")
}

// policy checks a Policy.
func (e *Entity) policy(id, v *jsondoc.Value) *protocol.Error {
	if err := checkPolicyID(jsondoc.Pointer{memberPolicyID}, id); err != nil {
		return err
	}
	text, _ := id.Text()
	e.key = store.Key{Kind: kindPolicy, ID: strings.Clone(text)}
	m, err := policy.Parse(e.key.ID, v)
	switch {
	case err != nil:
		return err
	case len(m.Strangers) > 0:
		return protocol.JSONFormatInvalid(m.Strangers[0], "nothing; a Policy has nothing of that name there")
	}
	if _, ok := v.Member(memberEntries); !ok {
		return protocol.JSONFieldMissing("/" + memberEntries)
	}
	e.value = v.Compact()
	return nil
}

// withPolicy is a Thing that names its Policy, behind its own ID.
func withPolicy(thing *jsondoc.Value, policyID string) *jsondoc.Value {
	members := make([]jsondoc.Member, 0, thing.Len()+1)
	for name, v := range thing.Members() {
		members = append(members, jsondoc.Member{Name: name, Value: v})
		if name == memberThingID {
			members = append(members, jsondoc.Member{Name: memberPolicyID, Value: jsondoc.String(policyID)})
		}
	}
	return jsondoc.Object(members...)
}
