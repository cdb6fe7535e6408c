package protocol

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// The errors about what stands in a Policy. Each has Ditto's status and code,
// and names the place in the Policy.

// PolicyLabelInvalid: the label of an entry begins with a word that stands for
// imported entries.
func PolicyLabelInvalid(at jsondoc.Pointer, label string) *Error {
	return &Error{Status: 400, Code: "policies:label.invalid",
		Message:     fmt.Sprintf("Label '%s' at <%s> is not valid!", label, at),
		Description: "It must not begin with 'imported' or 'nsimported'; such labels are those of imported entries."}
}

// PolicyEntryInvalid: something in an entry cannot stand there.
func PolicyEntryInvalid(at jsondoc.Pointer, why string) *Error {
	return &Error{Status: 400, Code: "policies:entry.invalid",
		Message: fmt.Sprintf("The Policy Entry is invalid: at <%s>.", at), Description: why}
}

// PolicyImportInvalid: something in an import, or in a reference to what is
// imported, cannot be.
func PolicyImportInvalid(at jsondoc.Pointer, why string) *Error {
	return &Error{Status: 400, Code: "policies:import.invalid",
		Message: fmt.Sprintf("The Policy Import is invalid: at <%s>.", at), Description: why}
}

// PolicyImportsTooLarge: the Policy imports more Policies than it may.
func PolicyImportsTooLarge(policyID string, n, limit int) *Error {
	return &Error{Status: 400, Code: "policies:imports.toolarge",
		Message:     fmt.Sprintf("The Policy with ID '%s' imports %d Policies; allowed are %d.", policyID, n, limit),
		Description: "Import fewer of them."}
}

// PolicyImportsTooDeep: the imports of imports do not come to an end within
// the bounds; policyID is the Policy where it was given up.
func PolicyImportsTooDeep(policyID, bound string) *Error {
	return &Error{Status: 400, Code: "policies:import.invalid",
		Message:     "The imports of Policies reach beyond " + bound + ".",
		Description: "It was given up at the Policy with ID '" + policyID + "'. Shorten the chain, or take away one of its 'transitiveImports'."}
}

// SubjectInvalid: a subject's ID that cannot be one.
func SubjectInvalid(at jsondoc.Pointer, id, why string) *Error {
	return &Error{Status: 400, Code: "policies:subjectid.invalid",
		Message: fmt.Sprintf("Subject ID '%s' at <%s> is not valid!", id, at), Description: why}
}

// SubjectExpiryInvalid: a subject's expiry is no time.
func SubjectExpiryInvalid(at jsondoc.Pointer, expiry string) *Error {
	return &Error{Status: 400, Code: "policies:subjectexpiry.invalid",
		Message:     fmt.Sprintf("Subject expiry timestamp '%s' at <%s> is not valid.", expiry, at),
		Description: "It is a time in ISO 8601, like \"2030-05-17T09:30:00Z\"."}
}

// SubjectExpiryPast: a subject's expiry is over already.
func SubjectExpiryPast(at jsondoc.Pointer, expiry string) *Error {
	return &Error{Status: 400, Code: "policies:subjectexpiry.invalid",
		Message:     fmt.Sprintf("Subject expiry timestamp '%s' at <%s> is not valid.", expiry, at),
		Description: "It must not be in the past; give a time in the future."}
}

// SubjectAnnouncementInvalid: a duration in a subject's announcement is none.
func SubjectAnnouncementInvalid(at jsondoc.Pointer, duration, want string) *Error {
	return &Error{Status: 400, Code: "policies:subjectannouncement.invalid",
		Message: fmt.Sprintf("The duration '%s' at <%s> is not valid.", duration, at), Description: want}
}

// AcknowledgementLabelInvalid: what is to be the label of an acknowledgement is
// none.
func AcknowledgementLabelInvalid(at jsondoc.Pointer, label string) *Error {
	return &Error{Status: 400, Code: "acknowledgement:label.invalid",
		Message:     fmt.Sprintf("Acknowledgement label <%s> at <%s> is invalid.", label, at),
		Description: "It has 3 to 165 of the characters a-z A-Z 0-9 _ - and colon."}
}

// PolicyIDNotSettable: the Policy in the value has another ID than the topic
// says.
func PolicyIDNotSettable(value, topic string) *Error {
	return &Error{Status: 400, Code: "policies:id.notsettable",
		Message:     "The Policy ID in the value is not the one in the topic path: '" + value + "' and '" + topic + "'.",
		Description: "Leave it out of the value, or make the two equal."}
}

// CheckLabel checks the label of a Policy's entry at a place: not empty, at
// most 256 characters, no slashes, no control characters, nothing from U+007F
// to U+00FF, and not beginning like those of imported entries. The error's
// code is policies:label.invalid or policies:entry.invalid.
func CheckLabel(at jsondoc.Pointer, label string) *Error {
	if strings.HasPrefix(label, "imported") || strings.HasPrefix(label, "nsimported") {
		return PolicyLabelInvalid(at, label)
	}
	if err := CheckKey(label); err != nil {
		return PolicyEntryInvalid(at, "The label '"+label+"' cannot be used. "+err.Description)
	}
	return nil
}

// CheckSubjectID checks the ID of a subject at a place: an issuer, a colon and
// the subject, at most 256 characters together, no control characters, nothing
// from U+007F to U+00FF. The error's code is policies:subjectid.invalid.
func CheckSubjectID(at jsondoc.Pointer, id string) *Error {
	issuer, subject, ok := strings.Cut(id, ":")
	if scheme := strings.Index(id, "://"); scheme >= 0 { // the issuer is a URL
		rest := id[scheme+len("://"):]
		issuer, subject, ok = strings.Cut(rest, ":")
	}
	if !ok || issuer == "" || subject == "" {
		return SubjectInvalid(at, id, "It is an issuer, a colon and the subject.")
	}
	if why := CheckCharacters(id); why != "" {
		return SubjectInvalid(at, id, why)
	}
	return nil
}

// CheckCharacters says why a text cannot be the ID of a subject or a resource;
// "" when it can: it has at most 256 characters, no control characters and
// nothing from U+007F to U+00FF.
func CheckCharacters(s string) string {
	units := 0
	for _, r := range s {
		switch {
		case r < 0x20 || r >= 0x7F && r <= 0xFF || r == utf8.RuneError:
			return "It has no control character and nothing from U+007F to U+00FF."
		case r > 0xFFFF:
			units++
		}
		units++
	}
	if units > MaxIDLength {
		return "It has at most 256 characters."
	}
	return ""
}
