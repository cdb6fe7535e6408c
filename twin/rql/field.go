package rql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// fieldKind says where the value of a property comes from.
type fieldKind uint8

const (
	inThing fieldKind = iota
	inFeatures
	inMetadata
	theID
	theNamespace
	theRevision
	theCreated
	theModified
	inSignal
	theTime
)

// field is a property: what an operator looks at.
type field struct {
	name    string // as it was written, without a leading slash
	kind    fieldKind
	path    jsondoc.Pointer // in the Thing, in each of its Features, or in the metadata
	pointer jsondoc.Pointer // in the Thing with its special fields; nil for placeholders
	now     *moment         // of theTime
}

// placeholders are those of a signal (Ditto's page basic-placeholders).
var placeholders = [...]string{
	"topic:full", "topic:namespace", "topic:entityName", "topic:group", "topic:channel", "topic:criterion",
	"topic:action", "topic:subject", "topic:action-subject",
	"resource:type", "resource:path",
	"entity:id", "entity:namespace", "entity:name",
	"thing:id", "thing:namespace", "thing:name",
	"feature:id",
}

// set makes sense of a property's name; whole says that it may also be a
// Feature, or the properties of one, as for exists and empty. Where it makes
// none, problem says why, and syntax whether it breaks the rules of JSON
// Pointers.
func (f *field) set(name string, scope Scope, whole bool) (problem string, syntax bool) {
	name = strings.TrimPrefix(name, "/")
	f.name = name
	if scope == Signals && strings.IndexByte(name, ':') >= 0 {
		if slices.Contains(placeholders[:], name) {
			f.kind = inSignal
			return "", false
		}
		if strings.HasPrefix(name, "time:") {
			f.kind = theTime
			f.now, problem = parseMoment(name)
			return problem, false
		}
	}
	p, err := jsondoc.ParsePointer(name)
	if err != nil {
		return fmt.Sprintf("the property %q has two slashes in a row", name), true
	}
	if !f.find(name, p, scope, whole) {
		return unknown(name, scope, whole), false
	}
	f.pointer = p
	return "", false
}

// find sets kind and path; false when there is no such property.
func (f *field) find(name string, p jsondoc.Pointer, scope Scope, whole bool) bool {
	switch name {
	case "policyId", "definition":
		f.kind, f.path = inThing, p
		return true
	case "thingId":
		f.kind = theID
		return true
	case "namespace":
		f.kind = theNamespace
		return scope == Search
	case "_namespace":
		f.kind = theNamespace
		return scope != Search
	case "_revision":
		f.kind = theRevision
		return true
	case "_created":
		f.kind = theCreated
		return true
	case "_modified":
		f.kind = theModified
		return true
	case "_metadata":
		f.kind = inMetadata
		return scope != Search
	}
	first, _, below := strings.Cut(name, "/")
	switch {
	case !below:
		return false
	case first == "attributes":
		f.kind, f.path = inThing, p
		return true
	case first == "_metadata":
		f.kind, f.path = inMetadata, p[1:]
		return true
	case first != "features" || len(p) < 2:
		return false
	}
	if !isFeatureField(p[2:], whole) {
		return false
	}
	f.kind, f.path = inThing, p
	if p[1] == "*" {
		f.kind, f.path = inFeatures, p[2:]
	}
	return true
}

// isFeatureField says whether there is something to look at in a Feature.
func isFeatureField(below jsondoc.Pointer, whole bool) bool {
	if len(below) == 0 {
		return whole
	}
	switch below[0] {
	case "definition":
		return len(below) == 1
	case "properties", "desiredProperties":
		return whole || len(below) > 1
	}
	return false
}

// unknown says what properties there are.
func unknown(name string, scope Scope, whole bool) string {
	namespace, rest, feature := "_namespace", ", _metadata/…", "features/<id>/definition, features/<id>/properties/…, features/<id>/desiredProperties/…"
	if scope == Search {
		namespace = "namespace"
	}
	if whole {
		feature = "features/<id>, " + feature
	}
	if scope == Signals {
		rest += ", and placeholders of topic:, resource:, time:, entity:, thing: and feature:"
	}
	return fmt.Sprintf("no property %.60q: there are thingId, policyId, definition, %s, _revision, _created, _modified, attributes/…, %s%s",
		name, namespace, feature, rest)
}
