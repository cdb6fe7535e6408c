package broker

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
)

// bothRights are those of an event that waits while its Thing gets another
// Policy: be it that the Thing was given another, or that it was deleted and
// somebody made another one of its name. The event tells what the Thing was, so
// the Policy that it was told under still counts; and what the present one does
// not grant is gone. Subjects may READ what both grant.
type bothRights struct {
	then *policy.Enforcer // of the Policy that it was told under, as that is now; as it was last, where it is gone
	now  *policy.Enforcer // of the Thing
}

func (r bothRights) Whole(who policy.Subjects, what policy.Permission, of policy.Resource, path jsondoc.Pointer) bool {
	return r.then.Whole(who, what, of, path) && r.now.Whole(who, what, of, path)
}

// Some may say yes where what is granted by one is not what is granted by the
// other; then nothing is left in their View.
func (r bothRights) Some(who policy.Subjects, what policy.Permission, of policy.Resource, path jsondoc.Pointer) bool {
	return r.then.Some(who, what, of, path) && r.now.Some(who, what, of, path)
}

func (r bothRights) View(who policy.Subjects, of policy.Resource, at jsondoc.Pointer, v *jsondoc.Value) (*jsondoc.Value, bool) {
	seen, some := r.then.View(who, of, at, v)
	if !some {
		return nil, false
	}
	return r.now.View(who, of, at, seen)
}

func (r bothRights) ViewKey(who policy.Subjects, of policy.Resource) string {
	then, now := r.then.ViewKey(who, of), r.now.ViewKey(who, of)
	if then == "" || now == "" {
		return ""
	}
	return then + "\x00" + now
}

// toldUnder is the Policy that an event was told under, where that is known.
func toldUnder(before Reader) *policy.Enforcer {
	switch was := before.(type) {
	case *policy.Enforcer:
		return was
	case bothRights:
		return was.then
	}
	return policy.Nobody
}
