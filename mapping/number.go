package mapping

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// What devices send for numbers that are none as JSON writes them.
var (
	decimalComma = regexp.MustCompile(`^[-+]?\d+,\d+$`)
	withUnit     = regexp.MustCompile(`^([-+]?\d+(?:[.,]\d+)?)\s*([^\d\s.,xX_:/-][^\d]*[²³23]?)$`)
	unusual      = regexp.MustCompile(`^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$`)
)

// readNumber reads a payload that is one number, with or without white space
// around it. What is something else is refused with advice for its kind.
func (r *rule) readNumber(payload []byte) (*jsondoc.Value, *protocol.Error) {
	text := bytes.Trim(payload, " \t\r\n")
	if n, err := jsondoc.Number(string(text)); err == nil {
		return n, nil
	}
	said := excerpt(text, maxExcerpt)
	s := string(text)
	if len(s) > maxExcerpt {
		s = "" // no number that a device means
	}
	unit := withUnit.FindStringSubmatch(s)
	switch word := strings.ToLower(strings.TrimLeft(s, "+-")); {
	case len(text) == 0:
		return nil, r.refuse("the payload is empty, not a number")
	case word == "nan" || word == "inf" || word == "infinity":
		return nil, r.refuse("the payload %s is not a number that JSON has: let the device send nothing instead", said)
	case decimalComma.MatchString(s):
		return nil, r.refuse(`the payload %s has a decimal comma, and numbers have a point here: let the device send %s, or map it with format text and {expr: 'float(replace(payload, ",", "."))'}`,
			said, strings.Replace(s, ",", ".", 1))
	case unit != nil:
		return nil, r.refuse(`the payload %s has the unit %s behind the number: let the device send %s alone, or map it with format text and {expr: 'float(trim(replace(payload, %s, "")))'}`,
			said, quote([]byte(unit[2])), unit[1], quote([]byte(unit[2])))
	case unusual.MatchString(s):
		return nil, r.refuse("the payload %s is not written as JSON writes a number (no plus sign, no leading zeros, digits on both sides of the point): map it with format text and {expr: 'float(payload)'}", said)
	}
	if len(text) > 0 && strings.IndexByte("{[\"", text[0]) >= 0 {
		return nil, r.refuse("the payload %s is not a number; it looks like JSON: map it with format json, and a pointer to the value in it", said)
	}
	return nil, r.refuse("the payload %s is not a number as JSON writes them", said)
}
