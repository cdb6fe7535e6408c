// Package policy is what Policies are about: the answer to "may this subject
// do that there", and what of a document somebody may see.
//
// [Parse] makes a [Model] of a Policy's JSON, [Resolve] puts it together with
// what it imports and refers to, and the [Enforcer] that comes of it answers.
// The package knows neither where Policies are stored nor who asks.
//
// Sources: Ditto's documentation page basic-policy and its JSON schema of a
// Policy; where the two leave a doubt, what Ditto 3.9 does.
package policy

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Subjects are the names under which somebody acts, such as user:ann and
// group:ops; the first one is the one that is written down as the originator.
type Subjects []string

// First is the subject that stands for all of them, "" when there is none.
func (s Subjects) First() string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// Permission is what a Policy grants or revokes.
type Permission string

// The permissions of Ditto's Policies.
const (
	Read    Permission = "READ"
	Write   Permission = "WRITE"
	Execute Permission = "EXECUTE"
)

// Resource is the kind of thing that a permission is about.
type Resource string

// The kinds of resources.
const (
	Thing   Resource = "thing"
	Policy  Resource = "policy"
	Message Resource = "message"
)

// DefaultLabel is the label of the only entry in the Policy that a Thing gets
// when it names none.
const DefaultLabel = "DEFAULT"

// Default is the Policy that Ditto makes for a Thing that names none: one
// entry, which grants the first of its creator's subjects to read and write
// the Thing, its messages and the Policy itself. Somebody without a subject
// cannot have one: the error is an [*protocol.Error] with the code
// things:thing.notcreatable.
func Default(policyID string, creator Subjects) (*jsondoc.Value, error) {
	subject := creator.First()
	if subject == "" {
		e := protocol.ThingNotCreatable(policyID, policyID)
		e.Message = "The Thing with ID '" + policyID + "' could not be created: there is no subject to grant its Policy to."
		return nil, e
	}
	return object("policyId", jsondoc.String(policyID),
		"entries", object(DefaultLabel, object(
			"subjects", object(subject, object("type", jsondoc.String("generated"))),
			"resources", object(
				"thing:/", readWrite,
				"policy:/", readWrite,
				"message:/", readWrite),
			"importable", jsondoc.String("implicit")))), nil
}

var readWrite = object(
	"grant", jsondoc.Array(jsondoc.String(string(Read)), jsondoc.String(string(Write))),
	"revoke", jsondoc.Array())

// object makes an object of names and values that take turns.
func object(namesAndValues ...any) *jsondoc.Value {
	members := make([]jsondoc.Member, 0, len(namesAndValues)/2)
	for i := 0; i < len(namesAndValues); i += 2 {
		members = append(members, jsondoc.Member{
			Name: namesAndValues[i].(string), Value: namesAndValues[i+1].(*jsondoc.Value)})
	}
	return jsondoc.Object(members...)
}
