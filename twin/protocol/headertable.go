package protocol

import (
	"slices"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Names of headers that are used by name.
const (
	HeaderContentType      = "content-type"
	HeaderCorrelationID    = "correlation-id"
	HeaderOriginator       = "ditto-originator"
	HeaderReplyTo          = "reply-to"
	HeaderResponseRequired = "response-required"
	HeaderTimeout          = "timeout"
	HeaderVersion          = "version"
)

// Content types of Ditto Protocol messages and of what they carry.
const (
	ContentTypeDitto      = "application/vnd.eclipse.ditto+json"
	ContentTypeJSON       = "application/json"
	ContentTypeMergePatch = "application/merge-patch+json"
)

// HeaderRule is what is known about a predefined header.
type HeaderRule struct {
	// In: clients may send it. What they send of the others is ignored.
	In bool
	// Out: it is passed on in responses and events.
	Out bool
	// Changes: it changes what is done or answered, in a way that is not there
	// yet. A message that has it is refused rather than done in another way
	// than its sender asked for.
	Changes bool
	// check looks at the value that a client sends; nil: anything goes.
	check func(name string, v *jsondoc.Value) *Error
}

// headerRules is the one table of Ditto's predefined headers (Ditto's page
// protocol-specification and its definitions of what may come in and go out).
// A header that is not in it and does not begin with "ditto-" is the client's
// own: it comes in, and goes out with responses and events.
var headerRules = map[string]HeaderRule{
	// These work.
	HeaderContentType:      {In: true, Out: true},
	HeaderCorrelationID:    {In: true, Out: true, check: checkNotEmpty},
	HeaderReplyTo:          {In: true, Out: true},
	HeaderResponseRequired: {In: true, Out: true, check: checkBoolean},
	HeaderVersion:          {In: true, Out: true, check: checkVersion},
	HeaderOriginator:       {Out: true},
	"accept":               {In: true, check: checkAccept},
	"authorization":        {In: true},
	"location":             {In: true, Out: true},
	"traceparent":          {In: true, Out: true},
	"tracestate":           {In: true, Out: true},

	HeaderAtRevision:        {In: true, check: checkRevision},
	HeaderAtTimestamp:       {In: true, check: checkTime},
	HeaderHistoricalHeaders: {Out: true},
	HeaderEntityRevision:    {Out: true},

	// These are carried; nothing acts on them yet. Leaving them aside changes
	// no Thing: at worst an answer comes sooner, or without what it would say.
	"requested-acks":                 {In: true, Out: true},
	"declared-acks":                  {In: true},
	HeaderTimeout:                    {In: true, Out: true},
	"allow-policy-lockout":           {In: true},
	"policy-view":                    {In: true},
	"live-channel-timeout-strategy":  {In: true},
	"divert-response-to-connection":  {In: true},
	"divert-expected-response-types": {In: true},

	// These say when, whether or how much is to be done: a message with one of
	// them is refused until they are there.
	"if-match":                     {In: true, Changes: true},
	"if-none-match":                {In: true, Changes: true},
	"if-equal":                     {In: true, Changes: true},
	"condition":                    {In: true, Changes: true},
	"merge-thing-patch-conditions": {In: true, Changes: true},
	"live-channel-condition":       {In: true, Changes: true},
	"put-metadata":                 {In: true, Changes: true},
	"get-metadata":                 {In: true, Changes: true},
	"delete-metadata":              {In: true, Changes: true},
	"dry-run":                      {In: true, Changes: true},

	// These only ever go out.
	"etag":                              {Out: true},
	"ditto-metadata":                    {Out: true},
	"ditto-weak-ack":                    {Out: true},
	"ditto-connection-id":               {Out: true},
	"live-channel-condition-matched":    {Out: true},
	"www-authenticate":                  {Out: true},
	"diverted-response-from-connection": {Out: true},

	// These are internal; what a client sends of them is ignored.
	"channel":         {},
	"raw-request-url": {},
	"read-subjects":   {},
	"subject":         {},
	"timeout-access":  {},
}

const internalHeaderPrefix = "ditto-"

// RuleOf is what is known about a header, by its lower-case name.
func RuleOf(key string) HeaderRule {
	if rule, ok := headerRules[key]; ok {
		return rule
	}
	if len(key) >= len(internalHeaderPrefix) && key[:len(internalHeaderPrefix)] == internalHeaderPrefix {
		return HeaderRule{}
	}
	return HeaderRule{In: true, Out: true}
}

// Admit checks the headers that a client sends with a command, a message or
// an acknowledgement, and takes out what clients have no say in. It refuses a
// value that is of the wrong kind (header.invalid) and headers that ask for
// what is not there yet (header.notsupported).
func (h *Headers) Admit() *Error {
	foreign := false
	for i := range h.list {
		hd := &h.list[i]
		rule := RuleOf(hd.key())
		switch {
		case !rule.In:
			foreign = true
		case rule.Changes && !asksForNothing(hd):
			return HeaderNotSupported(hd.name)
		case rule.check != nil:
			if err := rule.check(hd.name, hd.asValue()); err != nil {
				return err
			}
		}
	}
	if foreign {
		h.list = slices.DeleteFunc(h.list, func(hd header) bool { return !RuleOf(hd.key()).In })
	}
	return nil
}

// asksForNothing: if-equal: update is what happens anyway, dry-run: false too.
func asksForNothing(hd *header) bool {
	switch hd.key() {
	case "if-equal":
		return hd.asText() == "update"
	case "dry-run":
		return hd.asText() == "false"
	}
	return false
}

// Outward is the headers of a command that go back with its response and out
// with its event: those that Ditto lets out, as they came.
func (h *Headers) Outward() Headers {
	out := Headers{list: make([]header, 0, len(h.list)+4)}
	for i := range h.list {
		if RuleOf(h.list[i].key()).Out {
			out.list = append(out.list, h.list[i])
		}
	}
	return out
}

func checkNotEmpty(name string, v *jsondoc.Value) *Error {
	if s, ok := v.Text(); ok && s == "" {
		return HeaderInvalid(name, v, "text of at least one character")
	}
	return nil
}

// checkBoolean also takes "true" and "false" as text: where a header comes
// from an MQTT user property, it is text.
func checkBoolean(name string, v *jsondoc.Value) *Error {
	if v.Kind() == jsondoc.KindBool {
		return nil
	}
	if s, ok := v.Text(); ok && (s == "true" || s == "false") {
		return nil
	}
	return HeaderInvalid(name, v, "boolean")
}

func checkVersion(name string, v *jsondoc.Value) *Error {
	if n, ok := v.Int(); ok && n == 2 {
		return nil
	}
	if s, ok := v.Text(); ok && s == "2" {
		return nil
	}
	return HeaderInvalid(name, v, "schema version; the only one is 2")
}

// checkAccept refuses what would be a WoT Thing Description in Ditto; any
// other wish is met by the one content type that there is.
func checkAccept(name string, v *jsondoc.Value) *Error {
	if s, _ := v.Text(); s == "application/td+json" {
		return HeaderNotSupported(name + ": " + s)
	}
	return nil
}
