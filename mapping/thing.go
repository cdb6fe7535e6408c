package mapping

import (
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Thing is the Thing that a signal is about: for an event, as it is after the
// change. The zero value is of one that is not there (any longer).
type Thing struct {
	Value    *jsondoc.Value // nil: there is none
	Metadata *jsondoc.Value // nil: it has none
	Created  time.Time      // zero: not known
}

// fragment is what an event tells of its Thing, where it stands in the Thing;
// nil when that is nothing. It is what Ditto's filters look at
// (ThingEventToThingConverter): what is deleted is not in it, and of a merge
// neither are the nulls. Where the whole value of a merge is null, an empty
// object stands in its place, as there.
func fragment(event *protocol.Message) *jsondoc.Value {
	v := event.Value
	switch event.Topic.Action {
	case protocol.ActionDeleted:
		return nil
	case protocol.ActionMerged, protocol.ActionMigrated:
		if v != nil && v.Kind() == jsondoc.KindObject {
			v = jsondoc.Object().Merge(v)
		} else if v != nil && v.IsNull() {
			v = jsondoc.Object()
		}
	}
	if v == nil {
		return nil
	}
	if v = jsondoc.Nest(event.Path, v); v.Kind() != jsondoc.KindObject {
		return nil
	}
	return v
}

// laidOver has the members of both objects, within each other too. Where they
// differ the first one counts.
func laidOver(first, second *jsondoc.Value) *jsondoc.Value {
	if first.Kind() != jsondoc.KindObject || second.Kind() != jsondoc.KindObject {
		return first
	}
	members := make([]jsondoc.Member, 0, first.Len()+second.Len())
	for name, value := range first.Members() {
		if other, ok := second.Member(name); ok {
			value = laidOver(value, other)
		}
		members = append(members, jsondoc.Member{Name: name, Value: value})
	}
	for name, value := range second.Members() {
		if _, ok := first.Member(name); !ok {
			members = append(members, jsondoc.Member{Name: name, Value: value})
		}
	}
	return jsondoc.Object(members...)
}
