package protocol

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Error is a refusal, with what Ditto's error JSON says. Status and Code are
// Ditto's; Message and Description are for people.
type Error struct {
	Status                           int
	Code, Message, Description, Href string
	// By is the part of the configuration that refused, "" where it is none:
	// "mappings[2] (devices/{device}/telemetry)". It is for operators and not
	// part of the JSON.
	By string
	// Header is the name of the header that is at fault, "" where none is.
	Header string
	// ETag is the entity tag of what was found where the command was to be
	// applied, for those that depend on it; it goes into the headers.
	ETag string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Description == "" {
		return e.Code + ": " + e.Message
	}
	return e.Code + ": " + e.Message + " " + e.Description
}

// AsError gets the [*Error] out of an error of this package.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Internal(err)
}

// JSON is the error as Ditto's error JSON.
func (e *Error) JSON() *jsondoc.Value {
	members := make([]jsondoc.Member, 0, 5)
	members = append(members,
		jsondoc.Member{Name: "status", Value: jsondoc.Int(int64(e.Status))},
		jsondoc.Member{Name: "error", Value: jsondoc.String(e.Code)},
		jsondoc.Member{Name: "message", Value: jsondoc.String(e.Message)})
	if e.Description != "" {
		members = append(members, jsondoc.Member{Name: "description", Value: jsondoc.String(e.Description)})
	}
	if e.Href != "" {
		members = append(members, jsondoc.Member{Name: "href", Value: jsondoc.String(e.Href)})
	}
	if e.Header != "" {
		members = append(members, jsondoc.Member{Name: "invalidHeaderKey", Value: jsondoc.String(e.Header)})
	}
	return jsondoc.Object(members...)
}

// unknownPart stands for a namespace or a name that an error could not learn
// from what it answers; Ditto prints it so.
const unknownPart = "unknown"

// Response is the envelope that tells the sender of cmd: its topic ends in
// /errors, and it comes back with the command's headers, correlation-id among
// them. cmd may be nil, or what [ParseMessage] could make of a message that is
// none.
func (e *Error) Response(cmd *Message) *Message {
	resp := &Message{
		Topic:  Topic{unknownPart, unknownPart, Things, Twin, Errors, ""},
		Status: e.Status,
		Value:  e.JSON(),
	}
	if cmd != nil {
		if t := cmd.Topic; t.Group == Policies || t.Group == Connections {
			resp.Topic.Group, resp.Topic.Channel = t.Group, None
		} else if t.Channel != None {
			resp.Topic.Channel = t.Channel
		}
		if cmd.Topic.Group == Connections && cmd.Topic.Name != "" {
			resp.Topic.Namespace, resp.Topic.Name = cmd.Topic.Namespace, cmd.Topic.Name
		} else if cmd.Topic.Name == Placeholder || validID(cmd.Topic.Namespace, cmd.Topic.Name) {
			resp.Topic.Namespace, resp.Topic.Name = cmd.Topic.Namespace, cmd.Topic.Name
		}
		resp.Headers = cmd.Headers.Outward()
	}
	if e.ETag != "" {
		resp.Headers.SetString(HeaderETag, e.ETag)
	}
	resp.Headers.SetString(HeaderContentType, ContentTypeJSON)
	resp.Headers.Set(HeaderResponseRequired, jsondoc.Bool(false))
	return resp
}

// What is wrong with the envelope itself.

// Codes that are told apart by more than the constructor.
const (
	CodeJSONInvalid       = "json.invalid"
	CodeJSONFormatInvalid = "json.format.invalid"
	CodeJSONFieldMissing  = "json.field.missing"
)

// JSONInvalid: the text is not JSON. err says where and why.
func JSONInvalid(err error) *Error {
	e := &Error{Status: 400, Code: "json.invalid", Message: "The message is not valid JSON."}
	var syntax *jsondoc.SyntaxError
	if errors.As(err, &syntax) {
		e.Description = fmt.Sprintf("At byte %d: %s.", syntax.Offset, syntax.Problem)
	} else if err != nil {
		e.Description = err.Error()
	}
	return e
}

// JSONValueMissing: a command that needs a value has none.
func JSONValueMissing(what string) *Error {
	return &Error{Status: 400, Code: "json.invalid", Message: "The message has no value.",
		Description: "It takes " + what + " as its value."}
}

// JSONWrongKind: what stands at a place of the message is of the wrong kind.
func JSONWrongKind(at string, is, want jsondoc.Kind) *Error {
	if at == "" {
		at = "/"
	}
	return &Error{Status: 400, Code: "json.invalid",
		Message:     fmt.Sprintf("The value at <%s> is not as it must be.", at),
		Description: fmt.Sprintf("Expected: %s; found: %s.", want, is)}
}

// JSONFormatInvalid: what stands at a path of the Thing cannot stand there.
func JSONFormatInvalid(at jsondoc.Pointer, want string) *Error {
	return &Error{Status: 400, Code: "json.format.invalid",
		Message:     fmt.Sprintf("The value for <%s> cannot be used.", at),
		Description: "Expected: " + want + "."}
}

// JSONFieldMissing: a member that must be there is not.
func JSONFieldMissing(at string) *Error {
	return &Error{Status: 400, Code: CodeJSONFieldMissing,
		Message:     fmt.Sprintf("The message has no <%s>.", at),
		Description: "Add it."}
}

// PointerInvalid: a path is no JSON pointer.
func PointerInvalid(path string, err error) *Error {
	e := &Error{Status: 400, Code: "json.pointer.invalid",
		Message: fmt.Sprintf("<%s> is no path.", path)}
	var problem *jsondoc.PointerError
	if errors.As(err, &problem) {
		e.Description = "At character " + strconv.Itoa(problem.Character()) + " it has " + problem.Problem + "."
	} else if err != nil {
		e.Description = err.Error() + "."
	}
	return e
}

// FieldSelectorInvalid: fields is no field selector.
func FieldSelectorInvalid(fields string, err error) *Error {
	e := &Error{Status: 400, Code: "json.fieldselector.invalid",
		Message: fmt.Sprintf("<%s> selects no fields.", fields)}
	var problem *jsondoc.SelectorError
	if errors.As(err, &problem) {
		e.Description = "At character " + strconv.Itoa(problem.Character()) + ": " + problem.Problem + "."
	} else if err != nil {
		e.Description = err.Error() + "."
	}
	return e
}

// KeyInvalid: a key of attributes or properties, or a Feature's ID, has
// characters that may not stand in one.
func KeyInvalid(key, why string) *Error {
	return &Error{Status: 400, Code: "json.key.invalid",
		Message: fmt.Sprintf("<%s> cannot be a key.", key), Description: why}
}

// TopicUnknown: a topic path that is none, or that nothing answers to.
func TopicUnknown(topic, why string) *Error {
	return &Error{Status: 400, Code: "protocoladapter:unknown.topicpath",
		Message: "There is no topic path '" + topic + "'.", Description: why}
}

// TopicContradiction: the envelope's topic is another than the MQTT topic's.
func TopicContradiction(envelope, mqtt string) *Error {
	return TopicUnknown(envelope, "The message was published for '"+mqtt+
		"'. Leave the topic out of the envelope, or make the two equal.")
}

// TopicPathUnknown: a topic that cannot be had for this path, such as the
// creation of a Feature.
func TopicPathUnknown(t Topic, path jsondoc.Pointer) *Error {
	return &Error{Status: 400, Code: "protocoladapter:unknown.topicpath",
		Message:     "The topic '" + t.String() + "' does not go with the path '" + path.String() + "'.",
		Description: "There is no such command for what stands at this path."}
}

// PathUnknown: a path at which a Thing has nothing.
func PathUnknown(path jsondoc.Pointer) *Error {
	return &Error{Status: 400, Code: "protocoladapter:unknown.path",
		Message:     "The path '" + path.String() + "' does not lead to any part of a Thing.",
		Description: "A Thing has thingId, policyId, definition, attributes and features; a Feature definition, properties and desiredProperties."}
}

// SignalUnsupported: something that the Ditto Protocol knows and this broker
// does not have yet.
func SignalUnsupported(what string) *Error {
	return &Error{Status: 400, Code: "signal.unsupported",
		Message: what + " is not supported yet.", Description: "Nothing was changed."}
}

// What is wrong with headers.

// HeaderNotSupported: a header that would change what is done, and asks for what
// there is not.
func HeaderNotSupported(name string) *Error {
	return &Error{Status: 400, Code: "header.notsupported",
		Message:     "The header '" + name + "' is not supported.",
		Description: "The message was not applied, because it would have been applied without it. Leave the header out to apply it so."}
}

// MediaTypeUnsupported: the content type is another than the command takes.
func MediaTypeUnsupported(is, want string) *Error {
	return &Error{Status: 415, Code: "mediatype.unsupported",
		Message:     "The content type <" + is + "> is not that of a merge.",
		Description: "It takes <" + want + ">."}
}

// What went wrong here.

// Internal: something that must not happen did.
func Internal(err error) *Error {
	return &Error{Status: 500, Code: "internalerror", Message: "Something went wrong in the broker.",
		Description: err.Error()}
}
