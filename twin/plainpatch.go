package twin

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// isPlainPatch says whether a merge patch for a Thing has attributes and
// properties of Features only, and nothing wrong with them: then it is stored as
// it came. Most patches are so, and it is found out without taking them apart, as
// acceptThing does.
func isPlainPatch(patch jsondoc.View) bool {
	if patch.Kind() != jsondoc.KindObject {
		return false
	}
	for name, part := range patch.Members() {
		switch {
		case part.Kind() != jsondoc.KindObject:
			return false
		case name == memberFeatures:
			for id, feature := range part.Members() {
				if feature.Kind() != jsondoc.KindObject || protocol.CheckKey(id) != nil {
					return false
				}
				for name, properties := range feature.Members() {
					if name != memberProperties && name != memberDesiredProperties || properties.Kind() != jsondoc.KindObject || !hasPlainKeys(properties) {
						return false
					}
				}
			}
		case name != memberAttributes || !hasPlainKeys(part):
			return false
		}
	}
	return true
}

// hasPlainKeys says whether the keys of an object, and of the objects in it, are
// good, and none is a pattern.
func hasPlainKeys(object jsondoc.View) bool {
	for key, inner := range object.Members() {
		switch {
		case protocol.CheckKey(key) != nil:
			return false
		case inner.Kind() == jsondoc.KindNull && jsondoc.IsPattern(key, jsondoc.Null()):
			return false
		case inner.Kind() == jsondoc.KindObject && !hasPlainKeys(inner):
			return false
		}
	}
	return true
}
