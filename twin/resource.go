package twin

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// resource is what stands at a path of a Thing.
type resource uint8

const (
	resThing resource = iota + 1
	resThingID
	resPolicyID
	resDefinition
	resAttributes
	resAttribute
	resFeatures
	resFeature
	resFeatureDefinition
	resProperties
	resProperty
	resDesiredProperties
	resDesiredProperty
)

// Names of the members of a Thing and of a Feature.
const (
	memberThingID           = "thingId"
	memberPolicyID          = "policyId"
	memberDefinition        = "definition"
	memberAttributes        = "attributes"
	memberFeatures          = "features"
	memberProperties        = "properties"
	memberDesiredProperties = "desiredProperties"
)

// resourceAt finds out what stands at a path, and checks the keys that the
// path names: those of attributes and properties, and a Feature's ID.
func resourceAt(p jsondoc.Pointer) (resource, *protocol.Error) {
	if len(p) == 0 {
		return resThing, nil
	}
	switch p[0] {
	case memberFeatures:
		return featureResourceAt(p)
	case memberAttributes:
		if len(p) == 1 {
			return resAttributes, nil
		}
		return resAttribute, checkKeys(p[1:])
	case memberThingID:
		if len(p) == 1 {
			return resThingID, nil
		}
	case memberPolicyID:
		if len(p) == 1 {
			return resPolicyID, nil
		}
	case memberDefinition:
		if len(p) == 1 {
			return resDefinition, nil
		}
	}
	return 0, protocol.PathUnknown(p)
}

func featureResourceAt(p jsondoc.Pointer) (resource, *protocol.Error) {
	if len(p) == 1 {
		return resFeatures, nil
	}
	if err := checkKeys(p[1:2]); err != nil {
		return 0, err
	}
	if len(p) == 2 {
		return resFeature, nil
	}
	switch p[2] {
	case memberProperties:
		if len(p) == 3 {
			return resProperties, nil
		}
		return resProperty, checkKeys(p[3:])
	case memberDesiredProperties:
		if len(p) == 3 {
			return resDesiredProperties, nil
		}
		return resDesiredProperty, checkKeys(p[3:])
	case memberDefinition:
		if len(p) == 3 {
			return resFeatureDefinition, nil
		}
	}
	return 0, protocol.PathUnknown(p)
}

// inFeature: what stands there belongs to a Feature, which must be there
// before any part of it can be modified or deleted.
func (r resource) inFeature() bool { return r >= resFeatureDefinition }

// notFound is the error for what should be at the path of a Thing and is not.
func (r resource) notFound(id string, p jsondoc.Pointer) *protocol.Error {
	switch r {
	case resPolicyID:
		return protocol.PolicyIDNotFound(id)
	case resDefinition:
		return protocol.DefinitionNotFound(id)
	case resAttributes:
		return protocol.AttributesNotFound(id)
	case resAttribute:
		return protocol.AttributeNotFound(id, p[1:])
	case resFeatures:
		return protocol.FeaturesNotFound(id)
	case resFeature:
		return protocol.FeatureNotFound(id, p[1])
	case resFeatureDefinition:
		return protocol.FeatureDefinitionNotFound(id, p[1])
	case resProperties:
		return protocol.FeaturePropertiesNotFound(id, p[1])
	case resProperty:
		return protocol.FeaturePropertyNotFound(id, p[1], p[3:])
	case resDesiredProperties:
		return protocol.FeatureDesiredPropertiesNotFound(id, p[1])
	case resDesiredProperty:
		return protocol.FeatureDesiredPropertyNotFound(id, p[1], p[3:])
	}
	return protocol.ThingNotFound(id)
}

// parent is what must be there for the resource to be, and its path: asked
// for an attribute of a Thing without attributes, Ditto says that these are
// missing. False where the Thing itself is the parent.
func (r resource) parent(p jsondoc.Pointer) (resource, jsondoc.Pointer, bool) {
	switch r {
	case resAttribute:
		return resAttributes, p[:1], true
	case resFeatureDefinition, resProperties, resDesiredProperties:
		return resFeature, p[:2], true
	case resProperty:
		return resProperties, p[:3], true
	case resDesiredProperty:
		return resDesiredProperties, p[:3], true
	}
	return 0, nil, false
}
