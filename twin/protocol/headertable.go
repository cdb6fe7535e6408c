package protocol

import (
	"slices"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Names of headers that are used by name.
const (
	HeaderCondition      = "condition"
	HeaderContentType    = "content-type"
	HeaderCorrelationID  = "correlation-id"
	HeaderDeleteMetadata = "delete-metadata"
	HeaderDryRun         = "dry-run"
	// HeaderAllowPolicyLockout: a Policy may be made that its maker may not change.
	HeaderAllowPolicyLockout = "allow-policy-lockout"
	HeaderETag               = "etag"
	HeaderGetMetadata        = "get-metadata"
	HeaderIfEqual            = "if-equal"
	HeaderIfMatch            = "if-match"
	HeaderIfNoneMatch        = "if-none-match"
	HeaderLiveCondition      = "live-channel-condition"
	HeaderLiveMatched        = "live-channel-condition-matched"
	HeaderMetadata           = "ditto-metadata"
	HeaderOriginator         = "ditto-originator"
	HeaderPatchConditions    = "merge-thing-patch-conditions"
	HeaderPolicyView         = "policy-view"
	HeaderPutMetadata        = "put-metadata"
	HeaderReplyTo            = "reply-to"
	HeaderRequestedAcks      = "requested-acks"
	HeaderResponseRequired   = "response-required"
	HeaderTimeout            = "timeout"
	HeaderVersion            = "version"
)

// Content types of Ditto Protocol messages and of what they carry.
const (
	ContentTypeDitto      = "application/vnd.eclipse.ditto+json"
	ContentTypeJSON       = "application/json"
	ContentTypeMergePatch = "application/merge-patch+json"
)

// Asks is what a message wants beyond being applied, by its headers; [Headers.Asks]
// tells. What each of them means stands in one file of package twin.
type Asks uint8

const (
	// AsksMatch: if-match, if-none-match; see twin/entitytag.go.
	AsksMatch Asks = 1 << iota
	// AsksIfEqual: if-equal other than update; see twin/ifequal.go.
	AsksIfEqual
	// AsksCondition: condition, live-channel-condition; see twin/condition.go.
	AsksCondition
	// AsksMetadata: put-metadata, get-metadata, delete-metadata; see twin/metadata.go.
	AsksMetadata
	// AsksPatches: merge-thing-patch-conditions; see twin/patchconditions.go.
	AsksPatches
	// AsksDryRun: dry-run other than false; see twin/migrate.go.
	AsksDryRun
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
	// Asks is the part of package twin that a message with it has to go through.
	Asks Asks
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

	// These are about what a Thing was, and are done in twin/historyread.go.
	HeaderAtRevision:        {In: true, check: checkRevision},
	HeaderAtTimestamp:       {In: true, check: checkTime},
	HeaderHistoricalHeaders: {Out: true},
	HeaderEntityRevision:    {Out: true},

	// These are carried: they are checked, and nothing acts on them yet. Leaving
	// them aside changes no Thing: at worst an answer comes sooner, or without
	// what it would say.
	HeaderRequestedAcks:              {In: true, Out: true, check: checkRequestedAcks},
	"declared-acks":                  {In: true, check: checkTexts},
	HeaderTimeout:                    {In: true, Out: true, check: checkTimeout},
	"live-channel-timeout-strategy":  {In: true, check: checkTimeoutStrategy},
	"divert-response-to-connection":  {In: true, check: checkNotEmpty},
	"divert-expected-response-types": {In: true, check: checkNotEmpty},

	// These say when a command is applied, and are done in twin/entitytag.go,
	// twin/ifequal.go and twin/condition.go.
	HeaderIfMatch:       {In: true, Asks: AsksMatch, check: checkEntityTags},
	HeaderIfNoneMatch:   {In: true, Asks: AsksMatch, check: checkEntityTags},
	HeaderIfEqual:       {In: true, Asks: AsksIfEqual, check: checkIfEqual},
	HeaderCondition:     {In: true, Asks: AsksCondition},
	HeaderLiveCondition: {In: true, Asks: AsksCondition},

	// These are about Policies, and are done in twin/policywrite.go and
	// twin/policyview.go.
	HeaderAllowPolicyLockout: {In: true, check: checkBoolean},
	HeaderPolicyView:         {In: true},

	// These are about how much of a merge or a migration is done, in
	// twin/patchconditions.go and twin/migrate.go.
	HeaderPatchConditions: {In: true, Asks: AsksPatches, check: checkPatchConditions},
	HeaderDryRun:          {In: true, Asks: AsksDryRun, check: checkBoolean},

	// These are about a Thing's metadata, and are done in twin/metadata.go.
	HeaderPutMetadata:    {In: true, Asks: AsksMetadata, check: checkPutMetadata},
	HeaderGetMetadata:    {In: true, Asks: AsksMetadata, check: checkMetadataFields},
	HeaderDeleteMetadata: {In: true, Asks: AsksMetadata, check: checkMetadataFields},

	// These only ever go out.
	HeaderETag:                          {Out: true}, // twin/entitytag.go
	HeaderMetadata:                      {Out: true}, // twin/metadata.go
	"ditto-weak-ack":                    {Out: true},
	"ditto-connection-id":               {Out: true},
	HeaderLiveMatched:                   {Out: true}, // twin/condition.go
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
// value that is of the wrong kind (header.invalid, timeout.invalid) and headers
// that ask for what is not there yet (header.notsupported).
func (h *Headers) Admit() *Error {
	foreign := false
	var asks Asks
	for i := range h.list {
		hd := &h.list[i]
		key := hd.key()
		rule := RuleOf(key)
		if !rule.In {
			foreign = true
			continue
		}
		if rule.check != nil {
			if err := rule.check(hd.name, hd.asValue()); err != nil {
				return err
			}
		}
		if rule.Changes && !asksForNothing(key, hd) {
			return HeaderNotSupported(hd.name)
		}
		if rule.Asks != 0 && !asksForNothing(key, hd) {
			asks |= rule.Asks
		}
		if key == HeaderTimeout && isNoTime(hd.asText()) {
			if err := h.expectsNothing(); err != nil {
				return err
			}
		}
	}
	h.asks = asks
	if foreign {
		h.list = slices.DeleteFunc(h.list, func(hd header) bool { return !RuleOf(hd.key()).In })
	}
	return nil
}

// Asks is what the message wants beyond being applied, once it was admitted.
func (h *Headers) Asks() Asks { return h.asks }

// asksForNothing: if-equal: update is what happens anyway, dry-run: false too.
func asksForNothing(key string, hd *header) bool {
	switch key {
	case HeaderIfEqual:
		return word(hd.asText()) == "update"
	case HeaderDryRun:
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
