package mapping

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

var (
	nanWithin    = regexp.MustCompile(`(?i)[:\[,]\s*[+-]?(nan|inf|infinity)\b`)
	commaWithin  = regexp.MustCompile(`[:\[,]\s*-?\d+,\d+\s*[,}\]]`)
	singleQuoted = regexp.MustCompile(`^\s*[{\[]\s*'`)
	bareName     = regexp.MustCompile(`[{,]\s*[A-Za-z_]\w*\s*:`)
	likeNumber   = regexp.MustCompile(`^[+-]?[\d.,]+\s*\S{0,8}$`)
	likeText     = regexp.MustCompile(`^[\pL\pN_ .:%/+-]+$`)
)

// adviseJSON is for a payload that is meant as JSON and is none, and what the
// parser says of it: the end of the refusal's sentence, which says what it
// probably is and what to do, or "" where nothing better is known than what
// the parser says.
func adviseJSON(payload []byte, err error) string {
	if known := looksLike(payload); known != "" {
		return known
	}
	text := strings.TrimSpace(string(payload))
	switch {
	case text == "":
		return "; it is empty, which is how a retained message is ended"
	case !utf8.Valid(payload):
		return "; it is not text at all: a binary payload is taken in with format: cbor or bytes"
	case bytes.IndexByte(payload, 0) == len(payload)-1:
		return "; it ends with a zero byte, as texts do in C: let the device send it without"
	case text[0] != '{' && text[0] != '[' && text[0] != '"':
		return adviseScalar(text)
	case singleQuoted.MatchString(text):
		return "; JSON has double quotes where this has single ones"
	}
	var syntax *jsondoc.SyntaxError
	if !errors.As(err, &syntax) {
		return ""
	}
	near := text[:min(len(text), syntax.Offset+12)]
	near = near[max(0, min(len(near), syntax.Offset)-24):]
	switch {
	case bareName.MatchString(near):
		return "; JSON has the names of members in double quotes"
	case nanWithin.MatchString(near):
		return "; JSON has no NaN and no infinity: let the device send null, or leave the member out, when there is no measurement"
	case commaWithin.MatchString(near):
		return "; JSON has a decimal point where this seems to have a comma"
	case syntax.Offset >= len(text)-1:
		return "; it seems to be cut off, as by a buffer of the device that is too small"
	}
	return ""
}

// adviseScalar is for what may be meant as a text or a number.
func adviseScalar(text string) string {
	const longest = 256 // what is longer is something else
	switch {
	case len(text) > longest:
		return ""
	case likeNumber.MatchString(text):
		return "; a plain number is taken in with format: number"
	case likeText.MatchString(text):
		return "; a plain text is taken in with format: text"
	}
	return ""
}
