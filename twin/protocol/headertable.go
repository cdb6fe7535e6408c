package protocol

import (
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Names of headers that are used by name.
const (
	// HeaderAllowPolicyLockout: a Policy may be made that its maker may not change.
	HeaderAllowPolicyLockout = "allow-policy-lockout"
	HeaderChannel            = "channel"
	HeaderCondition          = "condition"
	HeaderContentType        = "content-type"
	HeaderCorrelationID      = "correlation-id"
	HeaderDeleteMetadata     = "delete-metadata"
	HeaderDryRun             = "dry-run"
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
// tells.
type Asks uint8

const (
	// AsksMatch: if-match, if-none-match.
	AsksMatch Asks = 1 << iota
	// AsksIfEqual: if-equal other than update.
	AsksIfEqual
	// AsksCondition: condition, live-channel-condition.
	AsksCondition
	// AsksMetadata: put-metadata, get-metadata, delete-metadata.
	AsksMetadata
	// AsksPatches: merge-thing-patch-conditions.
	AsksPatches
	// AsksDryRun: dry-run other than false.
	AsksDryRun
)

// HeaderRule is what is known about a predefined header.
type HeaderRule struct {
	// In: clients may send it. What they send of the others is ignored.
	In bool
	// Out: it is passed on in responses and events.
	Out bool
	// Asks is the part of package twin that a message with it has to go through.
	Asks Asks
	// At is the file that says, and does, what the header is for; "" where
	// nothing is done with it but what stands here.
	At string
	// check looks at the value that a client sends; nil: anything goes.
	check func(name string, v *jsondoc.Value) *Error
}

// headerRules is the one table of Ditto's predefined headers (Ditto's page
// protocol-specification and its DittoHeaderDefinition, which says what may come
// in and go out), and the map of where each is done. A header that is not in it
// and does not begin with "ditto-" is the client's own: it comes in, and goes
// out with responses and events.
var headerRules = rulesByName(map[string]HeaderRule{
	// These are about the message.
	HeaderContentType:      {In: true, Out: true, At: "twin/contenttype.go"},
	HeaderCorrelationID:    {In: true, Out: true, At: "twin/protocol/correlation.go", check: checkNotEmpty},
	HeaderReplyTo:          {In: true, Out: true, At: "broker/command.go"},
	HeaderResponseRequired: {In: true, Out: true, At: "twin/protocol/headers.go", check: checkBoolean},
	HeaderVersion:          {In: true, Out: true, At: "twin/protocol/headercheck.go", check: checkVersion},
	HeaderOriginator:       {Out: true, At: "twin/tell.go"},
	HeaderEntityRevision:   {Out: true, At: "twin/tell.go"},
	"accept":               {In: true, At: "twin/protocol/headercheck.go", check: checkAccept},
	"authorization":        {In: true},
	"location":             {In: true, Out: true},
	"traceparent":          {In: true, Out: true},
	"tracestate":           {In: true, Out: true},

	// These are about what a Thing was.
	HeaderAtRevision:        {In: true, At: "twin/historyread.go", check: checkRevision},
	HeaderAtTimestamp:       {In: true, At: "twin/historyread.go", check: checkTime},
	HeaderHistoricalHeaders: {Out: true, At: "twin/historyread.go"},

	// These are carried: they are checked, and nothing acts on them yet. Leaving
	// them aside changes no Thing: at worst an answer comes sooner, or without
	// what it would say.
	HeaderRequestedAcks:                 {In: true, Out: true, At: "twin/protocol/headercheck.go", check: checkRequestedAcks},
	"declared-acks":                     {In: true, check: checkTexts},
	HeaderTimeout:                       {In: true, Out: true, At: "twin/protocol/headercheck.go", check: checkTimeout},
	"live-channel-timeout-strategy":     {In: true, At: "twin/protocol/headercheck.go", check: checkTimeoutStrategy},
	"divert-response-to-connection":     {In: true, check: checkNotEmpty},
	"divert-expected-response-types":    {In: true, check: checkNotEmpty},
	"diverted-response-from-connection": {In: true, Out: true, check: checkNotEmpty},

	// These say when a command is applied.
	HeaderIfMatch:       {In: true, Asks: AsksMatch, At: "twin/entitytag.go", check: checkEntityTags},
	HeaderIfNoneMatch:   {In: true, Asks: AsksMatch, At: "twin/entitytag.go", check: checkEntityTags},
	HeaderETag:          {Out: true, At: "twin/entitytag.go"},
	HeaderIfEqual:       {In: true, Asks: AsksIfEqual, At: "twin/ifequal.go", check: checkIfEqual},
	HeaderCondition:     {In: true, Asks: AsksCondition, At: "twin/condition.go"},
	HeaderLiveCondition: {In: true, Asks: AsksCondition, At: "twin/condition.go"},
	HeaderLiveMatched:   {Out: true, At: "twin/condition.go"},
	HeaderChannel:       {Out: true, At: "twin/condition.go"},

	// These are about Policies.
	HeaderAllowPolicyLockout: {In: true, At: "twin/policywrite.go", check: checkBoolean},
	HeaderPolicyView:         {In: true, At: "twin/policyview.go"},

	// These are about how much of a merge or a migration is done.
	HeaderPatchConditions: {In: true, Asks: AsksPatches, At: "twin/patchconditions.go", check: checkPatchConditions},
	HeaderDryRun:          {In: true, Out: true, Asks: AsksDryRun, At: "twin/migrate.go", check: checkBoolean},

	// These are about a Thing's metadata.
	HeaderPutMetadata:    {In: true, Asks: AsksMetadata, At: "twin/metadata.go", check: checkPutMetadata},
	HeaderGetMetadata:    {In: true, Asks: AsksMetadata, At: "twin/metadata.go", check: checkMetadataFields},
	HeaderDeleteMetadata: {In: true, Asks: AsksMetadata, At: "twin/metadata.go", check: checkMetadataFields},
	HeaderMetadata:       {Out: true, At: "twin/metadata.go"},

	// These Ditto writes elsewhere than on the twin channel.
	"ditto-weak-ack":      {Out: true},
	"ditto-connection-id": {Out: true},
	"www-authenticate":    {Out: true},

	// These are internal; what a client sends of them is ignored.
	"raw-request-url": {},
	"read-subjects":   {},
	"subject":         {},
	"timeout-access":  {},
})

func rulesByName(rules map[string]HeaderRule) map[string]*HeaderRule {
	out := make(map[string]*HeaderRule, len(rules))
	for name, rule := range rules {
		out[name] = &rule
	}
	return out
}

const internalHeaderPrefix = "ditto-"

var (
	internalRule = &HeaderRule{}
	ownRule      = &HeaderRule{In: true, Out: true} // of the client's own headers
)

// RuleOf is what is known about a header, by its lower-case name.
func RuleOf(key string) *HeaderRule {
	if rule, ok := headerRules[key]; ok {
		return rule
	}
	if strings.HasPrefix(key, internalHeaderPrefix) {
		return internalRule
	}
	return ownRule
}

var timeoutRule = RuleOf(HeaderTimeout)

// known is RuleOf the header, looked up once.
func (hd *header) known() *HeaderRule {
	if hd.rule == nil {
		hd.rule = RuleOf(hd.key())
	}
	return hd.rule
}

// Admit checks the headers that a client sends with a command, a message or
// an acknowledgement, and takes out what clients have no say in. It refuses a
// value that is of the wrong kind (header.invalid, timeout.invalid) and one that
// asks for what there is not (header.notsupported).
func (h *Headers) Admit() *Error {
	foreign := false
	var asks Asks
	for i := range h.list {
		hd := &h.list[i]
		rule := hd.known()
		if !rule.In {
			foreign = true
			continue
		}
		if rule.check != nil {
			if err := rule.check(hd.name, hd.asValue()); err != nil {
				return err
			}
		}
		if rule.Asks != 0 && !asksForNothing(hd.key(), hd) {
			asks |= rule.Asks
		}
		if rule == timeoutRule && isNoTime(hd.asText()) {
			if err := h.expectsNothing(); err != nil {
				return err
			}
		}
	}
	h.asks = asks
	if foreign {
		h.list = slices.DeleteFunc(h.list, func(hd header) bool { return !hd.known().In })
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
		if h.list[i].known().Out {
			out.list = append(out.list, h.list[i])
		}
	}
	return out
}
