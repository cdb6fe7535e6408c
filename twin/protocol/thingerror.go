package protocol

import (
	"fmt"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// The errors about Things. Each has Ditto's status and code; the sender is
// never told whether something is not there or not to be seen.

func notFound(code, message string) *Error {
	return &Error{Status: 404, Code: code,
		Message:     message + " is not there, or not to be seen by the sender.",
		Description: "Check the ID, the path and what the Policy allows."}
}

// ThingNotFound: there is no such Thing.
func ThingNotFound(id string) *Error {
	return notFound("things:thing.notfound", "The Thing with ID '"+id+"'")
}

// PolicyIDNotFound: the Thing has no Policy ID.
func PolicyIDNotFound(id string) *Error {
	return notFound("things:policyId.notfound", "The Policy ID of the Thing with ID <"+id+">")
}

// DefinitionNotFound: the Thing has no definition.
func DefinitionNotFound(id string) *Error {
	return notFound("things:definition.notfound", "The Definition of the Thing with ID <"+id+">")
}

// AttributesNotFound: the Thing has no attributes.
func AttributesNotFound(id string) *Error {
	return notFound("things:attributes.notfound", "The Attributes of the Thing with ID '"+id+"'")
}

// AttributeNotFound: the Thing has no such attribute; path is the one below
// its attributes.
func AttributeNotFound(id string, path jsondoc.Pointer) *Error {
	return notFound("things:attribute.notfound",
		fmt.Sprintf("The attribute with key '%s' on the thing with ID '%s'", path, id))
}

// FeaturesNotFound: the Thing has no features.
func FeaturesNotFound(id string) *Error {
	return notFound("things:features.notfound", "The Features on the Thing with ID '"+id+"'")
}

func onFeature(what, id, feature string) string {
	return fmt.Sprintf("The %s of the Feature with ID '%s' on the Thing with ID '%s'", what, feature, id)
}

// FeatureNotFound: the Thing has no such Feature.
func FeatureNotFound(id, feature string) *Error {
	return notFound("things:feature.notfound",
		fmt.Sprintf("The Feature with ID '%s' on the Thing with ID '%s'", feature, id))
}

// FeatureDefinitionNotFound: the Feature has no definition.
func FeatureDefinitionNotFound(id, feature string) *Error {
	return notFound("things:feature.definition.notfound", onFeature("Definition", id, feature))
}

// FeaturePropertiesNotFound: the Feature has no properties.
func FeaturePropertiesNotFound(id, feature string) *Error {
	return notFound("things:feature.properties.notfound", onFeature("Properties", id, feature))
}

// FeaturePropertyNotFound: the Feature has no such property; path is the one
// below its properties.
func FeaturePropertyNotFound(id, feature string, path jsondoc.Pointer) *Error {
	return notFound("things:feature.property.notfound",
		onFeature("Property with JSON Pointer '"+path.String()+"'", id, feature))
}

// FeatureDesiredPropertiesNotFound: the Feature has no desired properties.
func FeatureDesiredPropertiesNotFound(id, feature string) *Error {
	return notFound("things:feature.desiredProperties.notfound", onFeature("desired properties", id, feature))
}

// FeatureDesiredPropertyNotFound: the Feature has no such desired property;
// path is the one below its desired properties.
func FeatureDesiredPropertyNotFound(id, feature string, path jsondoc.Pointer) *Error {
	return notFound("things:feature.desiredProperty.notfound",
		onFeature("desired property with JSON Pointer '"+path.String()+"'", id, feature))
}

// ThingConflict: a Thing with this ID is there already.
func ThingConflict(id string) *Error {
	return &Error{Status: 409, Code: "things:thing.conflict",
		Message: "There is a Thing with ID '" + id + "' already.", Description: "Choose another ID, or modify the Thing."}
}

// ThingNotCreatable: a Policy with the Thing's ID is there already, and is not
// the one that the Thing would get.
func ThingNotCreatable(id, policyID string) *Error {
	return &Error{Status: 400, Code: "things:thing.notcreatable",
		Message: fmt.Sprintf("The Thing with ID '%s' could not be created: its own Policy would have the ID '%s', and there is another one of that ID.",
			id, policyID),
		Description: "To use the Policy that is there, name it as 'policyId' in the Thing."}
}

// ThingPolicyMissing: the Thing that is to be made names a Policy that is not
// there, or that the sender may not READ.
func ThingPolicyMissing(id, policyID string) *Error {
	return &Error{Status: 400, Code: "things:thing.notcreatable",
		Message:     fmt.Sprintf("The Thing with ID '%s' could not be created: the Policy with ID '%s' is not there, or not to be seen by the sender.", id, policyID),
		Description: "Check the Policy's ID, or leave it out to give the Thing a Policy of its own."}
}

// MappingPolicyMissing: a mapping says which Policy the Things get that it
// makes, and that is not there.
func MappingPolicyMissing(id, policyID string) *Error {
	return &Error{Status: 400, Code: "things:thing.notcreatable",
		Message: fmt.Sprintf("The Thing with ID '%s' could not be created: by its mapping it gets the Policy with ID '%s', and that is not there.", id, policyID),
		Description: "Make the Policy first: put its JSON into the folder that 'provision.policies' names, or send it with 'twinbroker policies put'. " +
			"Or leave 'policy' out of the mapping's 'create', to give each Thing a Policy of its own."}
}

// ThingPolicyRefused: the Policy that is to be made with the Thing would not let
// its sender make it.
func ThingPolicyRefused(id, policyID string) *Error {
	return &Error{Status: 403, Code: "things:thing.notcreatable",
		Message:     fmt.Sprintf("The Thing with ID '%s' could not be created: the Policy with ID '%s' that would be made for it gives the sender no WRITE permission on 'policy:/'.", id, policyID),
		Description: "Grant WRITE on 'policy:/' to one of the sender's subjects, or set the header 'allow-policy-lockout'."}
}

// PoliciesConflicting: a Thing with an inline Policy and one to copy.
func PoliciesConflicting(id string) *Error {
	return &Error{Status: 400, Code: "things:policy.conflicting",
		Message:     "The Thing with ID '" + id + "' could not be created: it has an inline Policy, and names one to copy as well.",
		Description: "Leave out either '_policy' or '_copyPolicyFrom'."}
}

// PolicyInvalid: the inline Policy of a Thing is none.
func PolicyInvalid(id, why string) *Error {
	return &Error{Status: 400, Code: "things:policy.invalid",
		Message: "The Policy for the Thing with ID '" + id + "' is invalid.", Description: why}
}

// PolicyNotFound: there is no such Policy.
func PolicyNotFound(id string) *Error {
	return notFound("policies:policy.notfound", "The Policy with ID '"+id+"'")
}

// PlaceholderNotResolvable: a placeholder that stands for nothing here.
func PlaceholderNotResolvable(placeholder, known string) *Error {
	return &Error{Status: 400, Code: "placeholder:placeholder.notresolvable",
		Message: "The placeholder '" + placeholder + "' stands for nothing here.", Description: "What is known: " + known + "."}
}

// PlaceholderUnresolved: a placeholder for what the Thing has not.
func PlaceholderUnresolved(placeholder string) *Error {
	return &Error{Status: 400, Code: "placeholder:unresolved",
		Message:     "The placeholder '" + placeholder + "' could not be resolved.",
		Description: "Write it as {{ thing-json:attributes/name }}, and name what the Thing has; | fn:default('…') behind it gives something else."}
}

func functionWrong(kind, placeholder string, why error) *Error {
	return &Error{Status: 400, Code: "placeholder:function." + kind,
		Message: "The placeholder '" + placeholder + "' cannot be worked out.", Description: "What is wrong with it: " + why.Error() + "."}
}

// FunctionUnknown: there is no such function for placeholders.
func FunctionUnknown(placeholder string, why error) *Error {
	return functionWrong("unknown", placeholder, why)
}

// FunctionSignatureInvalid: a function does not take what it is given.
func FunctionSignatureInvalid(placeholder string, why error) *Error {
	return functionWrong("signature.invalid", placeholder, why)
}

// FunctionTooComplex: there are too many functions behind a placeholder.
func FunctionTooComplex(placeholder string, why error) *Error {
	return functionWrong("too.complex", placeholder, why)
}

// ReferenceNotSupported: a reference to something else than a Thing.
func ReferenceNotSupported(kind string) *Error {
	return &Error{Status: 400, Code: "placeholder:placeholder.reference.notsupported",
		Message: "There can be no reference to '" + kind + "'.", Description: "What can be referred to: things."}
}

// ReferenceFieldUnknown: the Thing that is referred to does not have the field.
func ReferenceFieldUnknown(field, id string) *Error {
	return &Error{Status: 400, Code: "placeholder:placeholder.reference.unknownfield",
		Message: "What is referred to has no field '" + field + "'.", Description: "Check what the Thing with ID '" + id + "' has."}
}

// ThingUnavailable: the Thing cannot be read or written now, through no fault
// of the sender.
func ThingUnavailable(id string, err error) *Error {
	e := &Error{Status: 503, Code: "things:thing.unavailable",
		Message:     "The Thing with ID '" + id + "' cannot be read or written at the moment.",
		Description: "The change was not stored."}
	if err != nil {
		e.Description = "Cause: " + err.Error() + "."
	}
	return e
}

// ThingTooLarge: the Thing would be larger than it may be; sizes in bytes.
func ThingTooLarge(size, limit int) *Error {
	return &Error{Status: 413, Code: "things:thing.toolarge",
		Message: fmt.Sprintf("The Thing would have %.2f KiB; allowed are %.2f KiB.",
			float64(size)/1024, float64(limit)/1024),
		Description: "Make the Thing smaller, or raise the limit."}
}

// AnswerTooLarge: many Things that were asked for have more bytes together
// than are answered at once.
func AnswerTooLarge(limit int) *Error {
	return &Error{Status: 413, Code: "things:thing.toolarge",
		Message:     fmt.Sprintf("The Things that were asked for have more than the %.2f KiB that are answered at once.", float64(limit)/1024),
		Description: "Ask for fewer of them, or for some of their fields."}
}

// PolicyTooLarge: the Policy would be larger than it may be; sizes in bytes.
func PolicyTooLarge(size, limit int) *Error {
	return &Error{Status: 413, Code: "policies:policy.toolarge",
		Message: fmt.Sprintf("The Policy would have %.2f KiB; allowed are %.2f KiB.",
			float64(size)/1024, float64(limit)/1024),
		Description: "Make the Policy smaller, or raise the limit."}
}

// IDInvalid: no Thing can have this ID.
func IDInvalid(id string) *Error {
	return &Error{Status: 400, Code: "things:id.invalid", Message: "Thing ID '" + id + "' is not valid!",
		Description: "It is a namespace, a colon and a name, of at most 256 characters together.", Href: namespacedIDHref}
}

// PolicyIDInvalid: no Policy can have this ID.
func PolicyIDInvalid(id string) *Error {
	return &Error{Status: 400, Code: "policies:id.invalid", Message: "Policy ID '" + id + "' is not valid!",
		Description: "It is a namespace, a colon and a name, of at most 256 characters together.", Href: namespacedIDHref}
}

// IDNotSettable: the Thing in the value has another ID than the topic says.
func IDNotSettable(value, topic string) *Error {
	return &Error{Status: 400, Code: "things:id.notsettable",
		Message:     "The Thing ID in the value is not the one in the topic path: '" + value + "' and '" + topic + "'.",
		Description: "Leave it out of the value, or make the two equal."}
}

// IDNotDeletable: a merge that would take away the Thing's ID.
func IDNotDeletable() *Error {
	return &Error{Status: 400, Code: "things:id.notdeletable",
		Message: "A Thing keeps its ID.", Description: "Leave it out of the value."}
}

// PolicyIDNotDeletable: a merge that would take away the Thing's Policy ID.
func PolicyIDNotDeletable() *Error {
	return &Error{Status: 400, Code: "things:policyId.notdeletable",
		Message: "A Thing always has a Policy ID.", Description: "Leave it out of the value."}
}

// MergeInvalid: the patch makes no Thing at this path.
func MergeInvalid(why string) *Error {
	return &Error{Status: 400, Code: "things:merge.invalid",
		Message: "The merge patch does not make a Thing.", Description: why,
		Href: "https://www.rfc-editor.org/rfc/rfc7396"}
}

// DefinitionInvalid: a definition's identifier is none.
func DefinitionInvalid(identifier string) *Error {
	return &Error{Status: 400, Code: "things:definition.identifier.invalid",
		Message:     "Definition identifier <" + identifier + "> is invalid!",
		Description: "It is namespace:name:version, each of the characters a-z A-Z 0-9 _ - and dot, or an http or https URL."}
}

// FeatureDefinitionEmpty: a Feature's definition without any identifier.
func FeatureDefinitionEmpty() *Error {
	return &Error{Status: 400, Code: "things:feature.definition.empty",
		Message: "The definition of a Feature has no identifier.", Description: "Delete it, or give at least one identifier."}
}

// ThingIDsMissing: a retrieve of many Things that names none.
func ThingIDsMissing() *Error {
	return &Error{Status: 400, Code: "things:things.ids.missing",
		Message: "The message names no Thing.", Description: "Name at least one in 'thingIds'."}
}
