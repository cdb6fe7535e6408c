package twin

import (
	"errors"
	"net/url"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// What a Thing and its parts must look like (Ditto's pages basic-thing and
// basic-feature). The functions named accept… check a value for its place and
// give back what is stored of it: as Ditto does, members that a Thing or a
// Feature does not have are left out, and a null stands where a part may be
// empty.

// accept checks a value for the resource at path p. patch: it is a merge patch,
// in which a null may be named by a pattern.
func (r resource) accept(p jsondoc.Pointer, v *jsondoc.Value, patch bool) (*jsondoc.Value, *protocol.Error) {
	switch r {
	case resPolicyID:
		return v, checkPolicyID(p, v)
	case resDefinition:
		return v, checkDefinition(p, v)
	case resAttributes, resProperties, resDesiredProperties:
		return v, checkObject(p, v, patch)
	case resAttribute, resProperty, resDesiredProperty:
		return v, checkInnerKeys(v, patch)
	case resFeatures:
		return acceptFeatures(p, v, patch)
	case resFeature:
		return acceptFeature(p, v, patch)
	case resFeatureDefinition:
		return v, checkFeatureDefinition(p, v)
	}
	return nil, protocol.PathUnknown(p)
}

func checkPolicyID(p jsondoc.Pointer, v *jsondoc.Value) *protocol.Error {
	id, ok := v.Text()
	if !ok {
		return protocol.JSONFormatInvalid(p, "the ID of a Policy, as a string")
	}
	return protocol.CheckPolicyID(id)
}

func checkDefinition(p jsondoc.Pointer, v *jsondoc.Value) *protocol.Error {
	if v.IsNull() {
		return nil
	}
	id, ok := v.Text()
	if !ok {
		return protocol.JSONFormatInvalid(p, "a definition, as a string")
	}
	return checkIdentifier(id)
}

// checkIdentifier: namespace:name:version, or the URL of a model.
func checkIdentifier(id string) *protocol.Error {
	parts := strings.Split(id, ":")
	if len(parts) == 3 && isElement(parts[0]) && isElement(parts[1]) && isElement(parts[2]) {
		return nil
	}
	u, err := url.Parse(id)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return protocol.DefinitionInvalid(id)
	}
	return nil
}

func isElement(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-', c == '.':
		default:
			return false
		}
	}
	return s != ""
}

func checkFeatureDefinition(p jsondoc.Pointer, v *jsondoc.Value) *protocol.Error {
	switch {
	case v.IsNull():
		return nil
	case v.Kind() != jsondoc.KindArray:
		return protocol.JSONFormatInvalid(p, "an array of definitions")
	case v.Len() == 0:
		return protocol.FeatureDefinitionEmpty()
	}
	for e := range v.Elements() {
		id, ok := e.Text()
		if !ok {
			return protocol.DefinitionInvalid(e.String())
		}
		if err := checkIdentifier(id); err != nil {
			return err
		}
	}
	return nil
}

// checkObject: attributes, properties and desired properties are objects, or
// null, and so are their keys checked.
func checkObject(p jsondoc.Pointer, v *jsondoc.Value, patch bool) *protocol.Error {
	if v.Kind() != jsondoc.KindObject && !v.IsNull() {
		return protocol.JSONFormatInvalid(p, "an object")
	}
	return checkInnerKeys(v, patch)
}

// checkInnerKeys checks the keys of an object and of the objects in it; those
// in arrays are free, as in Ditto.
func checkInnerKeys(v *jsondoc.Value, patch bool) *protocol.Error {
	if v.Kind() != jsondoc.KindObject {
		return nil
	}
	for key, inner := range v.Members() {
		if patch && jsondoc.IsPattern(key, inner) {
			if err := checkPattern(key); err != nil {
				return err
			}
			continue
		}
		if err := protocol.CheckKey(key); err != nil {
			return err
		}
		if err := checkInnerKeys(inner, patch); err != nil {
			return err
		}
	}
	return nil
}

// checkPattern checks the name of a merge patch's null that removes by a
// pattern. It is as long as a key may be, but may have slashes around it.
func checkPattern(name string) *protocol.Error {
	if len(name) > protocol.MaxIDLength {
		return protocol.KeyInvalid(name, "It has at most 256 characters.")
	}
	var bad *jsondoc.PatternError
	if errors.As(jsondoc.CheckPattern(name), &bad) {
		return protocol.MergeInvalid("The pattern in the key '" + name + "' cannot be used: " + bad.Problem + ".")
	}
	return nil
}

func checkKeys(keys []string) *protocol.Error {
	for _, key := range keys {
		if err := protocol.CheckKey(key); err != nil {
			return err
		}
	}
	return nil
}

// memberError is the error for a member of a Thing or of a Feature. Ditto reads
// these by their types and calls one of another type invalid JSON; the same
// value, brought by itself, is of an invalid format.
func memberError(err *protocol.Error) *protocol.Error {
	if err != nil && err.Code == protocol.CodeJSONFormatInvalid {
		err.Code = protocol.CodeJSONInvalid
	}
	return err
}

func acceptFeatures(p jsondoc.Pointer, v *jsondoc.Value, patch bool) (*jsondoc.Value, *protocol.Error) {
	if v.IsNull() {
		return v, nil
	}
	if v.Kind() != jsondoc.KindObject {
		return nil, protocol.JSONFormatInvalid(p, "an object with Features")
	}
	kept := keeper{from: v}
	for id, one := range v.Members() {
		if patch && jsondoc.IsPattern(id, one) {
			if err := checkPattern(id); err != nil {
				return nil, err
			}
			kept.keep(id, one, one)
			continue
		}
		if err := protocol.CheckKey(id); err != nil {
			return nil, err
		}
		accepted, err := acceptFeature(append(p[:len(p):len(p)], id), one, patch)
		if err != nil {
			return nil, memberError(err)
		}
		kept.keep(id, one, accepted)
	}
	return kept.object(), nil
}

func acceptFeature(p jsondoc.Pointer, v *jsondoc.Value, patch bool) (*jsondoc.Value, *protocol.Error) {
	if v.IsNull() {
		return v, nil
	}
	if v.Kind() != jsondoc.KindObject {
		return nil, protocol.JSONFormatInvalid(p, "a Feature, as an object")
	}
	kept := keeper{from: v}
	for name, part := range v.Members() {
		var err *protocol.Error
		at := append(p[:len(p):len(p)], name)
		switch name {
		case memberDefinition:
			err = checkFeatureDefinition(at, part)
		case memberProperties, memberDesiredProperties:
			err = checkObject(at, part, patch)
		default:
			kept.drop()
			continue
		}
		if err != nil {
			return nil, memberError(err)
		}
		kept.keep(name, part, part)
	}
	return kept.object(), nil
}

// thingParts are the accepted parts of a Thing that came as a value.
type thingParts struct {
	policyID                         string
	inline                           *jsondoc.Value // _policy: the Policy with which it is to be made; nil: none
	copyFrom                         string         // _copyPolicyFrom: where its Policy is to be copied from; "": nowhere
	definition, attributes, features *jsondoc.Value // nil: not there
	metadata                         *jsondoc.Value // its _metadata; nil: none
	accepted                         *jsondoc.Value // the value as it came, without what a Thing does not have
}

// acceptThing checks a Thing that came as the value of a command for the
// Thing id. patch: it is a merge patch.
func acceptThing(id string, v *jsondoc.Value, patch bool) (parts thingParts, err *protocol.Error) {
	if v.Kind() != jsondoc.KindObject {
		if patch {
			return parts, protocol.MergeInvalid("A Thing is an object, not a " + v.Kind().String() + ".")
		}
		return parts, protocol.JSONFormatInvalid(nil, "a Thing, as an object")
	}
	kept := keeper{from: v}
	for name, part := range v.Members() {
		accepted := part
		at := jsondoc.Pointer{name}
		switch name {
		case memberThingID:
			err = checkThingID(id, part, patch)
		case memberPolicyID:
			if patch && part.IsNull() {
				return parts, protocol.PolicyIDNotDeletable()
			}
			err = checkPolicyID(at, part)
			parts.policyID, _ = part.Text()
		case memberDefinition:
			err = checkDefinition(at, part)
			parts.definition = part
		case memberAttributes:
			err = checkObject(at, part, patch)
			parts.attributes = part
		case memberFeatures:
			accepted, err = acceptFeatures(at, part, patch)
			parts.features = accepted
		case fieldMetadata:
			if part.Kind() != jsondoc.KindObject && !part.IsNull() {
				return parts, memberError(protocol.JSONFormatInvalid(at, "an object"))
			}
			if !part.IsNull() {
				parts.metadata = part
			}
			kept.drop()
			continue
		case memberInlinePolicy, memberCopyPolicyFrom:
			// They are for a Thing that is created, and passed over where it is
			// there already.
			if err = parts.acceptPolicy(at, part); err != nil {
				return parts, memberError(err)
			}
			kept.drop()
			continue
		default:
			kept.drop()
			continue
		}
		if err != nil {
			return parts, memberError(err)
		}
		kept.keep(name, part, accepted)
	}
	if parts.inline != nil && parts.copyFrom != "" {
		return parts, protocol.PoliciesConflicting(id)
	}
	parts.accepted = kept.object()
	return parts, nil
}

func checkThingID(id string, v *jsondoc.Value, patch bool) *protocol.Error {
	if patch && v.IsNull() {
		return protocol.IDNotDeletable()
	}
	said, ok := v.Text()
	if !ok {
		return protocol.JSONFormatInvalid(jsondoc.Pointer{memberThingID}, "the ID of a Thing, as a string")
	}
	if said == id {
		return nil
	}
	if _, err := protocol.ParseThingID(said); err != nil {
		return err.(*protocol.Error)
	}
	return protocol.IDNotSettable(said, id)
}

// keeper puts an object together from the accepted members of another one; it
// is that one itself when all of them were accepted as they are.
type keeper struct {
	from    *jsondoc.Value
	members []jsondoc.Member
	seen    int
	changed bool
}

func (k *keeper) keep(name string, was, is *jsondoc.Value) {
	if was != is {
		k.diverge()
	}
	if k.changed {
		k.members = append(k.members, jsondoc.Member{Name: name, Value: is})
	}
	k.seen++
}

func (k *keeper) drop() {
	k.diverge()
	k.seen++
}

// diverge: from here on the object is another one; what was kept so far is
// all that came.
func (k *keeper) diverge() {
	if k.changed {
		return
	}
	k.changed = true
	k.members = make([]jsondoc.Member, 0, k.from.Len())
	for name, v := range k.from.Members() {
		if len(k.members) == k.seen {
			break
		}
		k.members = append(k.members, jsondoc.Member{Name: name, Value: v})
	}
}

func (k *keeper) object() *jsondoc.Value {
	if !k.changed {
		return k.from
	}
	return jsondoc.Object(k.members...)
}
