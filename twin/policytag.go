package twin

import "github.com/twinbroker/twinbroker/twin/jsondoc"

// The entity tags of a Policy and its parts are made as those of Things, see
// entitytag.go. Some parts have none, as in Ditto.

// tag is the entity tag of what is at the place; "" where nothing is.
func (place *policyPlace) tag(policy *jsondoc.Value, revision uint64) string {
	if policy == nil {
		return ""
	}
	switch place.is {
	case resPolicy:
		return revisionTag(revision)
	case resImportable, resNamespaces, resTransitiveImports:
		return ""
	case resImportEntries:
		return hashOf(policy, place.at[:2])
	case resImports:
		if _, ok := policy.Get(place.at); !ok {
			return valueTag(noMembers)
		}
	case resAllowedAdditions:
		// What is not said and what is said to be nothing are not the same.
		if _, there := policy.Get(place.at[:2]); there {
			if _, ok := policy.Get(place.at); !ok {
				return valueTag(jsondoc.Null())
			}
		}
	case resReferences:
		if v, ok := policy.Get(place.at); !ok || isEmptyArray(v) {
			return ""
		}
	}
	return hashOf(policy, place.at)
}

func hashOf(policy *jsondoc.Value, at jsondoc.Pointer) string {
	if v, ok := policy.Get(at); ok {
		return valueTag(v)
	}
	return ""
}

// shownTag is the entity tag that a retrieve of the place is answered with.
func (place *policyPlace) shownTag(policy *jsondoc.Value, revision uint64) string {
	if place.is == resImportEntries {
		return ""
	}
	return place.tag(policy, revision)
}

// changedTag is the entity tag of what a change left, "" where it left nothing.
func (place *policyPlace) changedTag(after *jsondoc.Value, revision uint64) string {
	if place.is == resAllowedAdditions {
		return hashOf(after, place.at)
	}
	return place.tag(after, revision)
}
