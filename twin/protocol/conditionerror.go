package protocol

// The errors about what a command is made to depend on. That it was not
// applied is most often what its sender wants.

// PreconditionFailed: if-match or if-none-match, whose value is want, does not
// go with what is there; its entity tag is is, "" where nothing is there.
func PreconditionFailed(header, want, is string) *Error {
	return &Error{Status: 412, Code: "things:precondition.failed", ETag: is,
		Message:     "The header '" + header + "' does not let the command be applied to what is there: its value is " + want + ", the entity tag there is " + tagOrNone(is) + ".",
		Description: "Retrieve what is there to learn its entity tag, and try again if the change is still right."}
}

// PreconditionNotModified: what is to be retrieved is what the sender has
// already, by its if-none-match.
func PreconditionNotModified(want, is string) *Error {
	return &Error{Status: 304, Code: "things:precondition.notmodified", ETag: is,
		Message:     "What is there is not modified: the value of 'if-none-match' is " + want + ", the entity tag there is " + is + ".",
		Description: "The value that comes with this entity tag is still the present one."}
}

// UnchangedSkipped: the command would change nothing, and if-equal says that it
// is to be skipped then.
func UnchangedSkipped() *Error {
	return &Error{Status: 412, Code: "things:precondition.failed",
		Message:     "What is there is equal to what the command would make of it, and the header 'if-equal' says that it is to be skipped then.",
		Description: "Nothing was changed, which is probably what was expected."}
}

// ConditionFailed: the Thing does not match the condition.
func ConditionFailed() *Error {
	return &Error{Status: 412, Code: "things:condition.failed",
		Message:     "The Thing does not match the condition.",
		Description: "The command was not applied. Check the condition, if it should have been."}
}

// ConditionNotReadable: the sender may not know whether the Thing matches the
// condition.
func ConditionNotReadable() *Error {
	return &Error{Status: 412, Code: "things:condition.failed",
		Message:     "What the condition is about is not there, or not to be seen by the sender.",
		Description: "The sender needs READ permission on all that the condition names."}
}

// ConditionInvalid: the condition is no RQL expression. why says where and why.
func ConditionInvalid(condition, why string) *Error {
	return &Error{Status: 400, Code: "things:condition.invalid",
		Message: "The condition '" + condition + "' cannot be used.", Description: why}
}

// ExpressionInvalid: the condition is an RQL expression, about what there is
// not.
func ExpressionInvalid(condition, why string) *Error {
	return &Error{Status: 400, Code: "rql.expression.invalid",
		Message: "The expression '" + condition + "' cannot be used.", Description: why}
}

// LiveConditionNotAllowed: only retrieving can be turned to the live channel.
func LiveConditionNotAllowed() *Error {
	return &Error{Status: 405, Code: "things:live.channelcondition.notallowed",
		Message:     "The header 'live-channel-condition' is for retrieving only.",
		Description: "Leave it out of this command."}
}

// MetadataConflict: more than one of the headers about metadata, or the wrong
// one for the command.
func MetadataConflict(allowed string) *Error {
	return &Error{Status: 400, Code: "things:metadata.headersconflict",
		Message: "The command has more than one header about metadata.", Description: "It may have " + allowed + "."}
}

// MetadataNotModifiable: metadata both in put-metadata and in the Thing.
func MetadataNotModifiable() *Error {
	return &Error{Status: 400, Code: "things:metadata.notmodifiable",
		Message:     "The command has metadata in the header 'put-metadata' and in the Thing's '_metadata'.",
		Description: "Leave one of them out."}
}

func tagOrNone(tag string) string {
	if tag == "" {
		return "none"
	}
	return tag
}
