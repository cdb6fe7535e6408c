package mapping

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// isChange says whether the payload "normalized" can tell of an event: that
// something is now, or that the whole Thing is gone. Of parts that are gone it
// tells nothing, as Ditto's Normalized mapper does by default (page
// "connectivity-mapping").
func isChange(event *protocol.Message) bool {
	return event.Topic.Action != protocol.ActionDeleted || len(event.Path) == 0
}

// normalized is a change as a part of its Thing, sparse: what changed stands
// where it stands in the Thing, beside thingId, _modified, _revision, and the
// event itself as _context; _deleted when the Thing is gone. It is what Ditto's
// Normalized mapper makes of the event. Of a merge, nulls and objects without
// anything else are left out everywhere.
//
// extra, where it is not nil, is what the Thing has besides, and stands where
// it stands in the Thing. Where the event tells of the same place it counts
// first, and what is null there is left out.
func normalized(event *protocol.Message, extra *jsondoc.Value) []byte {
	id := jsondoc.String(event.Topic.EntityID())
	members := []jsondoc.Member{{Name: "thingId", Value: id}}
	if event.Value != nil {
		for name, value := range jsondoc.Nest(event.Path, event.Value).Members() {
			members = append(members, jsondoc.Member{Name: name, Value: value})
		}
	}
	at := jsondoc.String(string(protocol.AppendTime(nil, event.Timestamp)))
	members = append(members,
		jsondoc.Member{Name: "_modified", Value: at},
		jsondoc.Member{Name: "_revision", Value: jsondoc.Int(int64(event.Revision))})
	if event.Topic.Action == protocol.ActionDeleted {
		members = append(members, jsondoc.Member{Name: "_deleted", Value: at})
	}
	if extra != nil {
		members = listOf(extra.Merge(jsondoc.Object(members...)))
	}
	members = append(members, jsondoc.Member{Name: "_context", Value: eventContext(event)})
	whole := jsondoc.Object(members...)
	if event.Topic.Action == protocol.ActionMerged {
		whole = withoutEmpty(whole)
	}
	return whole.AppendTo(make([]byte, 0, whole.Size()))
}

func listOf(object *jsondoc.Value) []jsondoc.Member {
	members := make([]jsondoc.Member, 0, object.Len()+1)
	for name, value := range object.Members() {
		members = append(members, jsondoc.Member{Name: name, Value: value})
	}
	return members
}

// eventContext is the event that something normalized was made of. Headers
// are texts there.
func eventContext(event *protocol.Message) *jsondoc.Value {
	value := event.Value
	if value == nil {
		value = jsondoc.Null()
	}
	headers := make([]jsondoc.Member, 0, event.Headers.Len())
	for name := range event.Headers.All() {
		text, _ := event.Headers.Get(name)
		headers = append(headers, jsondoc.Member{Name: name, Value: jsondoc.String(text)})
	}
	return jsondoc.Object(
		jsondoc.Member{Name: "topic", Value: jsondoc.String(event.Topic.String())},
		jsondoc.Member{Name: "path", Value: jsondoc.String(event.Path.String())},
		jsondoc.Member{Name: "value", Value: value},
		jsondoc.Member{Name: "headers", Value: jsondoc.Object(headers...)},
	)
}

// withoutEmpty takes the nulls out of an object, and the objects in which
// nothing is left.
func withoutEmpty(v *jsondoc.Value) *jsondoc.Value {
	kept := make([]jsondoc.Member, 0, v.Len())
	for name, value := range v.Members() {
		if value.Kind() == jsondoc.KindObject {
			value = withoutEmpty(value)
		}
		if value.IsNull() || value.Kind() == jsondoc.KindObject && value.Len() == 0 {
			continue
		}
		kept = append(kept, jsondoc.Member{Name: name, Value: value})
	}
	return jsondoc.Object(kept...)
}
