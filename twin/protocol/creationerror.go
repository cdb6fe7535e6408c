package protocol

// Refusals of entities that the configuration does not let their sender make
// (Ditto's EntityNotCreatableException, and ThingNotCreatableException for the
// Policy that would be made with a Thing).

const askOperator = "Who may make what is said by 'creation' in the broker's configuration. Have an administrator make it, or provision it."

// EntityNotCreatable: the configuration does not let the sender make the Thing or
// Policy, for the reason given.
func EntityNotCreatable(id, why string) *Error {
	return &Error{Status: 403, Code: "entity.notcreatable",
		Message:     "The entity with ID '" + id + "' could not be created: " + why + ".",
		Description: askOperator}
}

// ThingPolicyNotCreatable: the same for the Policy that would be made with a
// Thing.
func ThingPolicyNotCreatable(id, policyID, why string) *Error {
	return &Error{Status: 403, Code: "things:thing.notcreatable",
		Message:     "The Thing with ID '" + id + "' could not be created: its Policy with ID '" + policyID + "' could not, as " + why + ".",
		Description: "Give it a Policy that is there, by 'policyId'. " + askOperator}
}
