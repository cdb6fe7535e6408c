package twin

import (
	"regexp"
	"strings"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// policyAcceptor does with what a command brings for a Policy what has to do
// with its sender and with the time: it fills in the placeholders in subjects,
// rounds the times in them up, and refuses those that are over. What is of the
// wrong kind it leaves as it is: whether the Policy that comes of it can be is
// for [policy.Parse] to say.
type policyAcceptor struct {
	who     policy.Subjects // those of the sender
	rounded rounding
	now     time.Time
	problem *protocol.Error // the first that was met
}

// acceptor accepts what a sender brings for Policies.
func (s *Service) acceptor(who *Sender) *policyAcceptor {
	return &policyAcceptor{who: who.Subjects, rounded: s.rounding, now: time.Now()}
}

// accept gives the value that a command brings for a place of the Policy id as
// it is to be applied.
func (a *policyAcceptor) accept(id string, place *policyPlace, v *jsondoc.Value) (*jsondoc.Value, *protocol.Error) {
	switch place.is {
	case resPolicy:
		v = a.policy(id, v)
	case resEntries:
		v = a.entries(v)
	case resEntry:
		v = a.entry(v)
	case resSubjects:
		v = a.subjects(v)
	case resSubject:
		v = a.subject(v)
	}
	return v, a.problem
}

func (a *policyAcceptor) policy(id string, v *jsondoc.Value) *jsondoc.Value {
	if v.Kind() != jsondoc.KindObject {
		a.refuse(protocol.JSONFormatInvalid(nil, "a Policy, as an object"))
		return v
	}
	if said, ok := v.Member(memberPolicyID); ok && !said.IsNull() {
		if err := checkPolicyID(jsondoc.Pointer{memberPolicyID}, said); err != nil {
			a.refuse(err)
		} else if !isText(said, id) {
			text, _ := said.Text()
			a.refuse(protocol.PolicyIDNotSettable(text, id))
		}
	}
	v = v.Overwrite(jsondoc.Pointer{memberPolicyID}, jsondoc.String(id))
	return withChanged(v, memberEntries, a.entries)
}

func (a *policyAcceptor) entries(v *jsondoc.Value) *jsondoc.Value {
	return each(v, func(label string, entry *jsondoc.Value) (string, *jsondoc.Value) { return label, a.entry(entry) })
}

func (a *policyAcceptor) entry(v *jsondoc.Value) *jsondoc.Value {
	return withChanged(v, memberSubjects, a.subjects)
}

func (a *policyAcceptor) subjects(v *jsondoc.Value) *jsondoc.Value {
	return each(v, func(id string, subject *jsondoc.Value) (string, *jsondoc.Value) {
		return a.subjectID(id), a.subject(subject)
	})
}

func (a *policyAcceptor) subject(v *jsondoc.Value) *jsondoc.Value {
	v = withChanged(v, memberExpiry, a.expiry)
	return withChanged(v, memberAnnouncement, func(v *jsondoc.Value) *jsondoc.Value {
		return withChanged(v, memberBeforeExpiry, a.rounded.beforeExpiry)
	})
}

// Names of the members of subjects and their announcements.
const (
	memberExpiry       = "expiry"
	memberAnnouncement = "announcement"
	memberBeforeExpiry = "beforeExpiry"
)

// expiry rounds a time up, and refuses one that is over.
func (a *policyAcceptor) expiry(v *jsondoc.Value) *jsondoc.Value {
	v = a.rounded.expiry(v)
	if t, ok := timeOf(v); ok && !t.After(a.now) {
		a.refuse(protocol.SubjectExpiryPast(jsondoc.Pointer{memberExpiry}, string(protocol.AppendTime(nil, t))))
	}
	return v
}

// withChanged is an object with one of its members changed, if it has it.
func withChanged(v *jsondoc.Value, name string, change func(*jsondoc.Value) *jsondoc.Value) *jsondoc.Value {
	was, ok := v.Member(name)
	if !ok {
		return v
	}
	if is := change(was); is != was {
		return v.Overwrite(jsondoc.Pointer{name}, is)
	}
	return v
}

// schemaVersion stands in some of Ditto's JSON, and says nothing.
const schemaVersion = "__schemaVersion"

// each is an object of which all members are changed. Of two that get the same
// name the second one stays.
func each(v *jsondoc.Value, change func(string, *jsondoc.Value) (string, *jsondoc.Value)) *jsondoc.Value {
	if v.Kind() != jsondoc.KindObject {
		return v
	}
	members := make([]jsondoc.Member, 0, v.Len())
	places := make(map[string]int, v.Len())
	changed := false
	for was, one := range v.Members() {
		if was == schemaVersion {
			changed = true
			continue
		}
		name, is := change(was, one)
		changed = changed || name != was || is != one
		if i, twice := places[name]; twice {
			members[i].Value = is
			continue
		}
		places[name] = len(members)
		members = append(members, jsondoc.Member{Name: name, Value: is})
	}
	if !changed {
		return v
	}
	return jsondoc.Object(members...)
}

func (a *policyAcceptor) refuse(err *protocol.Error) {
	if a.problem == nil {
		a.problem = err
	}
}

// subjectPlaceholder is what stands for something in the ID of a subject, in
// the two spellings of Ditto.
var subjectPlaceholder = regexp.MustCompile(`\{\{\s*([^}]*?)\s*\}\}|\$\{\s*([^}]*?)\s*\}`)

// subjectID fills in the placeholders in the ID of a subject: {{
// request:subjectId }} is who sends the command (Ditto's page
// basic-placeholders).
func (a *policyAcceptor) subjectID(id string) string {
	if !strings.Contains(id, "{{") && !strings.Contains(id, "${") {
		return id
	}
	return subjectPlaceholder.ReplaceAllStringFunc(id, func(found string) string {
		switch name := strings.TrimSpace(strings.Trim(found, "${}")); name {
		case "request:subjectId", "request.subjectId":
			return a.who.First()
		default:
			a.refuse(protocol.PlaceholderNotResolvable(name, "request:subjectId"))
			return found
		}
	})
}

// path is a path of a Policy with the placeholders in it filled in.
func (a *policyAcceptor) path(p jsondoc.Pointer) jsondoc.Pointer {
	if len(p) < 4 || p[2] != memberSubjects {
		return p
	}
	id := strings.Join(p[3:], "/")
	if filled := a.subjectID(id); filled != id {
		return append(p[:3:3], strings.Split(filled, "/")...)
	}
	return p
}
