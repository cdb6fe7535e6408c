package protocol

import (
	"fmt"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// The errors about values of headers.

// HeaderInvalid: the value of a header is of the wrong kind.
func HeaderInvalid(name string, v *jsondoc.Value, want string) *Error {
	return &Error{Status: 400, Code: "header.invalid", Header: strings.ToLower(name),
		Message:     fmt.Sprintf("The header '%s' is %s, and should be %s.", name, v, want),
		Description: "Correct the header and try again."}
}

// HeaderUnusable: the value of a header is of the right kind, and cannot be
// used for the reason given.
func HeaderUnusable(name, why string) *Error {
	return &Error{Status: 400, Code: "header.invalid", Header: strings.ToLower(name),
		Message: fmt.Sprintf("The value of the header '%s' cannot be used.", name), Description: why}
}

// EntityTagsInvalid: if-match or if-none-match has something else than entity
// tags.
func EntityTagsInvalid(name string, v *jsondoc.Value) *Error {
	e := HeaderInvalid(name, v, `* or entity tags such as "rev:7", with their quotes, separated by commas`)
	e.Href = "https://www.rfc-editor.org/rfc/rfc7232#section-2.3"
	return e
}

// TimeoutInvalid: timeout is no duration.
func TimeoutInvalid(name string, v *jsondoc.Value) *Error {
	return &Error{Status: 400, Code: "timeout.invalid",
		Message:     fmt.Sprintf("The header '%s' is %s, and should be a duration of at least 0.", name, v),
		Description: "It is a whole number with one of the units ms, s, m, h, d, w, mo, y; without a unit it is of seconds."}
}

// DryRunNotSupported: only migrations can be tried. Ditto passes over the
// header, and changes what was only to be tried.
func DryRunNotSupported() *Error {
	return &Error{Status: 400, Code: "header.notsupported",
		Message: "The header '" + HeaderDryRun + "' is for migrations only.", Description: "Nothing was changed. Leave it out to apply the command."}
}
