package protocol

import (
	"strconv"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// The functions named check… look at the value of a header that a client
// sends (Ditto's header definitions and their validators). Where a header
// comes from an MQTT user property it is text, so each of them takes its value
// as text as well.

func checkNotEmpty(name string, v *jsondoc.Value) *Error {
	if s, ok := v.Text(); ok && s == "" {
		return HeaderInvalid(name, v, "a text of at least one character")
	}
	return nil
}

func checkBoolean(name string, v *jsondoc.Value) *Error {
	if v.Kind() == jsondoc.KindBool {
		return nil
	}
	if s, ok := v.Text(); ok && (s == "true" || s == "false") {
		return nil
	}
	return HeaderInvalid(name, v, "a boolean")
}

// checkVersion: the header version names the schema of the payload; there is but
// one.
func checkVersion(name string, v *jsondoc.Value) *Error {
	if n, ok := v.Int(); ok && n == 2 {
		return nil
	}
	if s, ok := v.Text(); ok && s == "2" {
		return nil
	}
	return HeaderInvalid(name, v, "a schema version; the only one is 2")
}

// checkAccept: by the header accept a retrieve can ask for another content type.
// It refuses what would be a WoT Thing Description in Ditto; any
// other wish is met by the one content type that there is.
func checkAccept(name string, v *jsondoc.Value) *Error {
	if s, _ := v.Text(); s == "application/td+json" {
		return HeaderNotSupported(name + ": " + s)
	}
	return nil
}

func checkIfEqual(name string, v *jsondoc.Value) *Error {
	return checkWord(name, v, "update", "skip", "skip-minimizing-merge")
}

// checkTimeoutStrategy: the header live-channel-timeout-strategy says what to do
// when a device does not answer. Only the live channel has to do it.
func checkTimeoutStrategy(name string, v *jsondoc.Value) *Error {
	return checkWord(name, v, "fail", "use-twin")
}

// word is a header's value where it is one of a few words: Ditto regards
// neither their case nor the space around them.
func word(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func checkWord(name string, v *jsondoc.Value, words ...string) *Error {
	s, _ := v.Text()
	for _, known := range words {
		if word(s) == known {
			return nil
		}
	}
	return HeaderInvalid(name, v, "one of "+strings.Join(words, ", "))
}

// asJSON is the JSON of a header, which may be wrapped in a text.
func asJSON(v *jsondoc.Value) *jsondoc.Value {
	s, ok := v.Text()
	if !ok {
		return v
	}
	if inner, err := jsondoc.ParseString(s); err == nil {
		return inner
	}
	return v
}

// checkTexts: a JSON array of texts.
func checkTexts(name string, v *jsondoc.Value) *Error {
	return checkArray(name, v, "an array of texts", func(string) bool { return true })
}

// checkRequestedAcks: the header requested-acks is a JSON array of labels of
// acknowledgements. The response says in any case that the change is stored,
// which is what twin-persisted stands for.
func checkRequestedAcks(name string, v *jsondoc.Value) *Error {
	return checkArray(name, v, "an array of labels of acknowledgements", isAckLabel)
}

func checkArray(name string, v *jsondoc.Value, want string, fits func(string) bool) *Error {
	list := asJSON(v)
	if list.Kind() != jsondoc.KindArray {
		return HeaderInvalid(name, v, want)
	}
	for e := range list.Elements() {
		if s, ok := e.Text(); !ok || !fits(s) {
			return HeaderInvalid(name, v, want)
		}
	}
	return nil
}

// isAckLabel: 3 to 165 letters, digits, - _ and :, perhaps behind a
// placeholder such as {{connection:id}}: (Ditto's AcknowledgementLabels).
func isAckLabel(s string) bool {
	if inside, ok := strings.CutPrefix(s, "{{"); ok {
		placeholder, rest, closed := strings.Cut(inside, "}}:")
		prefix, key, colon := strings.Cut(strings.TrimSpace(placeholder), ":")
		if !closed || !colon || !isLower(prefix) || !isLower(key) {
			return false
		}
		s = rest
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == ':':
		default:
			return false
		}
	}
	return len(s) >= 3 && len(s) <= 165
}

func isLower(s string) bool {
	for i := range len(s) {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return s != ""
}

// checkTimeout: the header timeout is a duration (Ditto's DittoDuration). It is
// for those who wait; what is done here at once heeds it only where it is zero,
// see expectsNothing.
func checkTimeout(name string, v *jsondoc.Value) *Error {
	s := v.String()
	if text, ok := v.Text(); ok {
		s = text
	}
	if _, ok := amountOfTime(s); !ok {
		return TimeoutInvalid(name, v)
	}
	return nil
}

// amountOfTime is the number in a duration.
func amountOfTime(s string) (uint64, bool) {
	end := len(s)
	for end > 0 && 'a' <= s[end-1] && s[end-1] <= 'z' {
		end--
	}
	switch s[end:] {
	case "", "ms", "s", "m", "h", "d", "w", "mo", "y":
	default:
		return 0, false
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	return uint64(n), err == nil && n >= 0
}

func isNoTime(s string) bool {
	n, ok := amountOfTime(s)
	return ok && n == 0
}

// expectsNothing is for a message that waits no time: it cannot want a response
// or acknowledgements, and wants none where it does not say (Ditto's page
// basic-acknowledgements, interaction between headers).
func (h *Headers) expectsNothing() *Error {
	response, said := h.Get(HeaderResponseRequired)
	acks := h.Value(HeaderRequestedAcks)
	if response == "true" || acks != nil && asJSON(acks).Len() > 0 {
		return HeaderUnusable(HeaderTimeout, "It must not be zero where a response or acknowledgements are wanted.")
	}
	if !said {
		h.Set(HeaderResponseRequired, jsondoc.Bool(false))
	}
	return nil
}

// checkEntityTags: entity tags, or *, separated by commas (RFC 7232).
func checkEntityTags(name string, v *jsondoc.Value) *Error {
	s, ok := v.Text()
	if !ok {
		return EntityTagsInvalid(name, v)
	}
	for tag := range strings.SplitSeq(s, ",") {
		if !isEntityTag(strings.TrimSpace(tag)) {
			return EntityTagsInvalid(name, v)
		}
	}
	return nil
}

func isEntityTag(tag string) bool {
	tag, weak := strings.CutPrefix(tag, "W/")
	if tag == "*" && !weak {
		return true
	}
	return len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"' && !strings.ContainsAny(tag[1:len(tag)-1], `"*`)
}

// checkMetadataFields: a field selector.
func checkMetadataFields(name string, v *jsondoc.Value) *Error {
	s, ok := v.Text()
	if !ok {
		return HeaderInvalid(name, v, "a field selector")
	}
	if s == "" {
		return nil
	}
	if _, err := jsondoc.ParseSelector(s); err != nil {
		return HeaderUnusable(name, err.Error()+".")
	}
	return nil
}

func checkPutMetadata(name string, v *jsondoc.Value) *Error {
	_, err := parseMetadata(name, v)
	return err
}
