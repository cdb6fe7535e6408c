package broker

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Reader says what subjects may READ; a *policy.Enforcer is one.
type Reader interface {
	Whole(who policy.Subjects, what policy.Permission, of policy.Resource, path jsondoc.Pointer) bool
	Some(who policy.Subjects, what policy.Permission, of policy.Resource, path jsondoc.Pointer) bool
	View(who policy.Subjects, of policy.Resource, at jsondoc.Pointer, v *jsondoc.Value) (visible *jsondoc.Value, any bool)
	ViewKey(who policy.Subjects, of policy.Resource) string
}

// cut is what subjects may READ of an event: the event itself when that is all
// of it, nil when it is nothing. Of an object there is what they may read in it;
// that something was deleted, or has a value without parts, is told to those who
// may read what stood at its path.
//
// Source: Ditto 3.9's partial change notifications (AdaptablePartialAccessFilter):
// whoever may read a part of a Thing is told which one it is, and when.
func cut(m *protocol.Message, by Reader, who policy.Subjects, of policy.Resource) *protocol.Message {
	all := by.Whole(who, policy.Read, of, nil)
	if all || m.Extra == nil && by.Whole(who, policy.Read, of, m.Path) {
		return m
	}
	part := *m
	switch {
	case m.Value == nil:
		if _, readable := by.View(who, of, m.Path, jsondoc.Null()); !readable {
			return nil
		}
	case isEmptyObject(m.Value): // what was in it is gone, and some of it may have been theirs
		if !by.Some(who, policy.Read, of, m.Path) {
			return nil
		}
	default:
		visible, readable := by.View(who, of, m.Path, m.Value)
		if !readable || isEmptyObject(visible) {
			return nil
		}
		if len(m.Path) == 0 && of == policy.Thing {
			visible = withIdentity(m.Value, visible)
		}
		part.Value = visible
	}
	if m.Extra != nil {
		part.Extra, _ = by.View(who, of, nil, m.Extra)
		part.Extra = withIdentity(m.Extra, part.Extra)
	}
	return &part
}

func isEmptyObject(v *jsondoc.Value) bool { return v.Kind() == jsondoc.KindObject && v.Len() == 0 }

// withIdentity is the view of a Thing with what everybody sees who may read
// anything of it.
func withIdentity(whole, visible *jsondoc.Value) *jsondoc.Value {
	if whole.Kind() != jsondoc.KindObject {
		return visible
	}
	var members []jsondoc.Member
	for name, value := range whole.Members() {
		if isIdentity(name) {
			members = append(members, jsondoc.Member{Name: name, Value: value})
		} else if visible != nil {
			if seen, ok := visible.Member(name); ok {
				members = append(members, jsondoc.Member{Name: name, Value: seen})
			}
		}
	}
	if len(members) == 0 {
		return visible
	}
	return jsondoc.Object(members...)
}

func isIdentity(name string) bool {
	switch name {
	case "thingId", "_namespace", "_revision", "_modified", "_created":
		return true
	}
	return false
}
