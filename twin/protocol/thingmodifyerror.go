package protocol

import (
	"fmt"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// The errors for a sender that has no WRITE permission on what it wants to
// change. Ditto has one for each kind of what there is in a Thing; a merge of
// whatever part is answered with the one for the Thing.

func notModifiable(code, what string) *Error {
	return &Error{Status: 403, Code: code,
		Message:     "The sender has no WRITE permission on " + what + ".",
		Description: "Check the ID, the path and what the Policy allows."}
}

// ThingNotModifiable: the sender may not write there.
func ThingNotModifiable(id string) *Error {
	return notModifiable("things:thing.notmodifiable", "what it wants to change of the Thing with ID '"+id+"'")
}

// ThingNotMakeable: the Policy that the new Thing would have does not let the
// sender write all of it, which who makes a Thing must be allowed to.
func ThingNotMakeable(id, policyID string) *Error {
	return &Error{Status: 403, Code: "things:thing.notmodifiable",
		Message:     fmt.Sprintf("The sender may not create the Thing with ID '%s': the Policy with ID '%s' gives it no WRITE permission on all of 'thing:/'.", id, policyID),
		Description: "Grant that, or have somebody create the Thing who has it."}
}

// ThingWithoutPolicy: the Policy that the Thing names is not there, so nobody
// may do anything to it.
func ThingWithoutPolicy(id, policyID string) *Error {
	return &Error{Status: 403, Code: "things:thing.notmodifiable",
		Message:     fmt.Sprintf("Nobody may change the Thing with ID '%s', as there is no Policy with ID '%s'.", id, policyID),
		Description: "Create that Policy, or have an administrator give the Thing another policyId."}
}

// ThingNotDeletable: the sender may not delete the Thing.
func ThingNotDeletable(id string) *Error {
	return notModifiable("things:thing.notdeletable", "all of the Thing with ID '"+id+"', which it wants to delete")
}

// PolicyIDNotModifiable: the sender may not give the Thing another Policy.
func PolicyIDNotModifiable(id string) *Error {
	return notModifiable("things:policyId.notmodifiable", "the Policy ID of the Thing with ID '"+id+"'")
}

// DefinitionNotModifiable: the sender may not change the definition.
func DefinitionNotModifiable(id string) *Error {
	return notModifiable("things:definition.notmodifiable", "the Definition of the Thing with ID '"+id+"'")
}

// AttributesNotModifiable: the sender may not change all attributes.
func AttributesNotModifiable(id string) *Error {
	return notModifiable("things:attributes.notmodifiable", "all Attributes of the Thing with ID '"+id+"'")
}

// AttributeNotModifiable: the sender may not change the attribute; path is the
// one below the attributes.
func AttributeNotModifiable(id string, path jsondoc.Pointer) *Error {
	return notModifiable("things:attribute.notmodifiable",
		fmt.Sprintf("the attribute with key '%s' of the Thing with ID '%s'", path, id))
}

// FeaturesNotModifiable: the sender may not change all Features.
func FeaturesNotModifiable(id string) *Error {
	return notModifiable("things:features.notmodifiable", "all Features of the Thing with ID '"+id+"'")
}

// FeatureNotModifiable: the sender may not change all of the Feature.
func FeatureNotModifiable(id, feature string) *Error {
	return notModifiable("things:feature.notmodifiable",
		fmt.Sprintf("the Feature with ID '%s' of the Thing with ID '%s'", feature, id))
}

// FeatureDefinitionNotModifiable: the sender may not change the Feature's
// definition.
func FeatureDefinitionNotModifiable(id, feature string) *Error {
	return notModifiable("things:feature.definition.notmodifiable", ofFeature("Definition", id, feature))
}

// FeaturePropertiesNotModifiable: the sender may not change all properties of
// the Feature.
func FeaturePropertiesNotModifiable(id, feature string) *Error {
	return notModifiable("things:feature.properties.notmodifiable", ofFeature("Properties", id, feature))
}

// FeaturePropertyNotModifiable: the sender may not change the property; path is
// the one below the properties.
func FeaturePropertyNotModifiable(id, feature string, path jsondoc.Pointer) *Error {
	return notModifiable("things:feature.property.notmodifiable",
		ofFeature("Property with JSON Pointer '"+path.String()+"'", id, feature))
}

// FeatureDesiredPropertiesNotModifiable: the sender may not change all desired
// properties of the Feature.
func FeatureDesiredPropertiesNotModifiable(id, feature string) *Error {
	return notModifiable("things:feature.desiredProperties.notmodifiable", ofFeature("desired properties", id, feature))
}

// FeatureDesiredPropertyNotModifiable: the sender may not change the desired
// property; path is the one below the desired properties.
func FeatureDesiredPropertyNotModifiable(id, feature string, path jsondoc.Pointer) *Error {
	return notModifiable("things:feature.desiredProperty.notmodifiable",
		ofFeature("desired property with JSON Pointer '"+path.String()+"'", id, feature))
}

func ofFeature(what, id, feature string) string {
	return fmt.Sprintf("the %s of the Feature with ID '%s' of the Thing with ID '%s'", what, feature, id)
}
