package protocol

import "fmt"

// The errors about commands for Policies. Each has Ditto's status and code; as
// with Things, the sender is never told whether something is not there or not
// to be seen.

func inEntry(what, label, id string) string {
	return fmt.Sprintf("%s of the PolicyEntry with Label '%s' on the Policy with ID '%s'", what, label, id)
}

func entryOf(label, id string) string {
	return fmt.Sprintf("The PolicyEntry with Label '%s' on the Policy with ID '%s'", label, id)
}

// PolicyEntryNotFound: the Policy has no such entry.
func PolicyEntryNotFound(id, label string) *Error {
	return notFound("policies:entry.notfound", entryOf(label, id))
}

// SubjectsNotFound: the subjects of an entry are not to be seen.
func SubjectsNotFound(id, label string) *Error {
	return notFound("policies:subjects.notfound", inEntry("What there is of the Subjects", label, id))
}

// SubjectNotFound: the entry has no such subject.
func SubjectNotFound(id, label, subject string) *Error {
	return notFound("policies:subject.notfound", inEntry("The Subject with ID '"+subject+"'", label, id))
}

// ResourcesNotFound: the resources of an entry are not to be seen.
func ResourcesNotFound(id, label string) *Error {
	return notFound("policies:resources.notfound", inEntry("What there is of the Resources", label, id))
}

// ResourceNotFound: the entry has no such resource.
func ResourceNotFound(id, label, resource string) *Error {
	return notFound("policies:resource.notfound", inEntry("The Resource '"+resource+"'", label, id))
}

// PolicyImportsNotFound: the imports of the Policy are not to be seen.
func PolicyImportsNotFound(id string) *Error {
	return notFound("policies:imports.notfound", "What is imported by the Policy with ID '"+id+"'")
}

// PolicyImportNotFound: the Policy does not import that one.
func PolicyImportNotFound(id, imported string) *Error {
	return notFound("policies:import.notfound", fmt.Sprintf("The import of '%s' in the Policy with ID '%s'", imported, id))
}

// ImportedPolicyNotFound: a Policy that is to be imported is not there, or the
// sender may not READ all of what would be imported. what names that.
func ImportedPolicyNotFound(imported, what string) *Error {
	e := PolicyNotFound(imported)
	e.Description = "To import it, the sender needs READ permission on " + what + "."
	return e
}

// PolicyNotModifiable: the sender may not write the Policy.
func PolicyNotModifiable(id string) *Error {
	return notModifiable("policies:policy.notmodifiable", "the Policy with ID '"+id+"'")
}

// PolicyEntryNotModifiable: the sender may not write that entry, or what
// belongs to it.
func PolicyEntryNotModifiable(id, label string) *Error {
	return notModifiable("policies:entry.notmodifiable", "what it wants to change of the PolicyEntry with Label '"+label+"' on the Policy with ID '"+id+"'")
}

// SubjectsNotModifiable: the sender may not write the subjects of an entry.
func SubjectsNotModifiable(id, label string) *Error {
	return notModifiable("policies:subjects.notmodifiable", inEntry("the Subjects", label, id))
}

// SubjectNotModifiable: the sender may not write that subject.
func SubjectNotModifiable(id, label, subject string) *Error {
	return notModifiable("policies:subject.notmodifiable", inEntry("the Subject with ID '"+subject+"'", label, id))
}

// ResourcesNotModifiable: the sender may not write the resources of an entry.
func ResourcesNotModifiable(id, label string) *Error {
	return notModifiable("policies:resources.notmodifiable", inEntry("the Resources", label, id))
}

// ResourceNotModifiable: the sender may not write that resource.
func ResourceNotModifiable(id, label, resource string) *Error {
	return notModifiable("policies:resource.notmodifiable", inEntry("the Resource '"+resource+"'", label, id))
}

// PolicyImportsNotModifiable: the sender may not write the imports.
func PolicyImportsNotModifiable(id string) *Error {
	return notModifiable("policies:imports.notmodifiable", "the imports of the Policy with ID '"+id+"'")
}

// PolicyImportNotModifiable: the sender may not write that import.
func PolicyImportNotModifiable(id, imported string) *Error {
	return notModifiable("policies:import.notmodifiable", "the import of '"+imported+"' in the Policy with ID '"+id+"'")
}

// PolicyNotCreatable: the new Policy does not let its creator write it.
func PolicyNotCreatable(id string) *Error {
	return &Error{Status: 403, Code: "policies:policy.notcreatable",
		Message: "The Policy with ID '" + id + "' could not be created: it would not let its creator change it.",
		Description: "Grant one of the sender's own subjects WRITE on 'policy:/', " +
			"or send the header 'allow-policy-lockout: true' if it is to be somebody else's."}
}

// PolicyStillNamed: there was a Policy with this ID, or is to be one, by which
// others go.
func PolicyStillNamed(id string) *Error {
	return &Error{Status: 403, Code: "policies:policy.notcreatable",
		Message: "The Policy with ID '" + id + "' could not be created: Things, Policies or the configuration still name it.",
		Description: "Who could write it before it was deleted, or an administrator, can make it anew. " +
			"Choose another ID, or have them do it."}
}

// PolicyConflict: a Policy with this ID is there already.
func PolicyConflict(id string) *Error {
	return &Error{Status: 409, Code: "policies:policy.conflict",
		Message: "There is a Policy with ID '" + id + "' already.", Description: "Choose another ID, or modify the Policy."}
}

// nobodyLeft is what must not come of a change of a Policy.
const nobodyLeft = "It must grant WRITE on 'policy:/' to at least one subject that does not expire."

// PolicyModificationInvalid: after the change nobody could change the Policy
// any more.
func PolicyModificationInvalid(id string) *Error {
	return &Error{Status: 403, Code: "policies:policy.modificationinvalid",
		Message: "The Policy with ID '" + id + "' would be one that nobody can change.", Description: nobodyLeft}
}

// PolicyEntryModificationInvalid: after the change of that entry nobody could
// change the Policy any more.
func PolicyEntryModificationInvalid(id, label string) *Error {
	return &Error{Status: 403, Code: "policies:entry.modificationinvalid",
		Message:     entryOf(label, id) + " cannot be changed so: nobody could change the Policy after that.",
		Description: nobodyLeft}
}

// PolicyEntryReferenced: another entry refers to the one that is to go, or to
// be closed to references.
func PolicyEntryReferenced(id, label, by string) *Error {
	return &Error{Status: 409, Code: "policies:entry.referenceconflict",
		Message:     entryOf(label, id) + " is referred to by the entry '" + by + "'.",
		Description: "Take that reference away first."}
}

// PolicyImportReferenced: an entry refers to what is no longer to be imported.
func PolicyImportReferenced(id, what, by string) *Error {
	return &Error{Status: 409, Code: "policies:import.referenceconflict",
		Message:     "The Policy with ID '" + id + "' cannot do without " + what + ": the entry '" + by + "' refers to it.",
		Description: "Take that reference away first."}
}

// PolicyUnavailable: the Policy cannot be read or written now, through no fault
// of the sender.
func PolicyUnavailable(id string, err error) *Error {
	e := &Error{Status: 503, Code: "policies:policy.unavailable",
		Message:     "The Policy with ID '" + id + "' cannot be read or written at the moment.",
		Description: "The change was not stored."}
	if err != nil {
		e.Description = "Cause: " + err.Error() + "."
	}
	return e
}

// PolicyPathUnknown: a path at which a Policy has nothing.
func PolicyPathUnknown(path fmt.Stringer) *Error {
	return &Error{Status: 400, Code: "protocoladapter:unknown.path",
		Message: "The path '" + path.String() + "' does not lead to any part of a Policy.",
		Description: "A Policy has entries and imports; an entry subjects, resources, importable, allowedAdditions, " +
			"namespaces and references; an import entries and transitiveImports."}
}

// PolicyViewInvalid: the header policy-view has a value that is none.
func PolicyViewInvalid(value string) *Error {
	return &Error{Status: 400, Code: "policies:view.invalid",
		Message:     "There is no view '" + value + "' of a Policy.",
		Description: "The header 'policy-view' is 'original', which is the Policy as it is stored, or 'resolved', with all that it imports."}
}

// PolicyActionFailed: an action on a Policy that could not be done.
func PolicyActionFailed(action string, status int, why string) *Error {
	return &Error{Status: status, Code: "policies:action.failed",
		Message: "The action '" + action + "' could not be done.", Description: why}
}

// ForPolicies is an error about preconditions with the code that it has for
// Policies.
func (e *Error) ForPolicies() *Error {
	const things = "things:"
	if len(e.Code) > len(things) && e.Code[:len(things)] == things {
		e.Code = "policies:" + e.Code[len(things):]
	}
	return e
}
