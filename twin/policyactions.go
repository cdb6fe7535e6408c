package twin

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// Token is what a client came with that has a token (JWT).
type Token struct {
	// Subjects are what activateTokenIntegration makes subjects of Policies, with
	// all placeholders filled in but {{ policy-entry:label }}:
	// "integration:{{ policy-entry:label }}:my-audience".
	Subjects []string
	Expires  time.Time // when the token does
}

// acting is an action on a Policy (Ditto's page basic-policy, "Actions"):
// activateTokenIntegration makes a subject of the sender's token, for as long as
// that is valid, deactivateTokenIntegration takes it away again. It is for all
// entries, or for the one that the path names, in which the sender is a subject
// and, to activate, may READ something of Things. The sender needs EXECUTE on
// the action in the entry, and neither READ nor WRITE.
//
// Ditto has actions in its HTTP API only. Here they are commands with the name
// of the action, for the path / or /entries/<label>.
type acting struct {
	policyWriting
	action   string
	announce *jsondoc.Value // what the subjects are to have as announcement; nil: none
}

// actOnPolicy does an action. An error that it returns depends on nothing that
// is stored.
func (s *Service) actOnPolicy(cmd *Command, done func(*Outcome)) *protocol.Error {
	m := cmd.Message
	a := &acting{action: m.Topic.Action}
	a.policyWriting.writing = writing{s: s, cmd: cmd, done: done}
	if err := a.prepare(); err != nil {
		return err
	}
	tx, err := s.store.Begin(a.key)
	if err != nil {
		done(unavailable(cmd, err))
		return nil
	}
	e := tx.Get(a.key)
	if err := a.apply(tx, e); err != nil {
		tx.Abort()
		s.refuseAfter(max(e.Seq, a.readTo), cmd, err, done)
	}
	return nil
}

func (a *acting) prepare() (err *protocol.Error) {
	m := a.cmd.Message
	if a.id, err = policyID(m.Topic); err != nil {
		return err
	}
	a.key = store.Key{Kind: kindPolicy, ID: a.id}
	if a.place, err = placeAt(m.Path); err != nil {
		return err
	}
	if a.place.is != resPolicy && a.place.is != resEntry {
		return protocol.TopicPathUnknown(m.Topic, m.Path)
	}
	token := a.cmd.Sender.Token
	if token == nil || len(token.Subjects) == 0 {
		return protocol.PolicyActionFailed(a.action, 400, "It is for clients that were authenticated by a JWT.")
	}
	if m.Value != nil && a.activates() {
		a.announce, _ = m.Value.Member(memberAnnouncement)
	}
	return nil
}

func (a *acting) activates() bool { return a.action == protocol.ActionActivateToken }

func (a *acting) apply(tx *store.Tx, e store.Entry) (err *protocol.Error) {
	cur := documentOf(e)
	if cur.Value == nil {
		return protocol.PolicyNotFound(a.id)
	}
	if a.rights, err = a.s.rightsToPolicy(a.id, &a.cmd.Sender, nil); err != nil {
		return err
	}
	a.readTo = max(a.readTo, a.rights.seq)
	m, err := policy.Parse(a.id, cur.Value)
	if err != nil {
		return err
	}
	entries, err := a.entries(m)
	if err != nil {
		return err
	}
	changed, err := a.change(cur.Value, entries)
	if err != nil {
		return err
	}
	next, perr := a.policyWriting.change.apply(cur)
	if perr != nil {
		return protocol.Internal(perr)
	}
	after, err := policy.Parse(a.id, next.Value)
	if err != nil {
		return err
	}
	if a.activates() && !after.SomebodyMayWrite() {
		return protocol.PolicyEntryModificationInvalid(a.id, entries[0].Label)
	}
	if err := a.s.checkPolicySize(cur.Value, next.Value); err != nil {
		return err
	}
	revision := a.put(tx, cur.Value, next, changed)
	if a.cmd.Message.Headers.ResponseRequired() {
		a.outcome.Response = respond(a.cmd, a.place.asked, 204, nil)
		a.outcome.Response.Headers.Set(protocol.HeaderEntityRevision, jsondoc.Int(int64(revision)))
	}
	a.finish(tx)
	return nil
}

// entries are those that the action is for.
func (a *acting) entries(m *policy.Model) ([]*policy.Entry, *protocol.Error) {
	var found []*policy.Entry
	may := false
	for i := range m.Entries {
		e := &m.Entries[i]
		if a.place.is == resEntry && e.Label != a.place.label() ||
			!a.rights.whole(policy.Execute, jsondoc.Pointer{memberEntries, e.Label, "actions", a.action}) {
			continue
		}
		if may = true; a.fits(e) {
			found = append(found, e)
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case !may && a.place.is == resEntry && a.rights.whole(policy.Execute, append(a.place.asked[:2:2], "actions", a.action)):
		return nil, protocol.PolicyActionFailed(a.action, 404, "There is no such entry.")
	case !may:
		return nil, protocol.PolicyActionFailed(a.action, 403, "The sender needs EXECUTE permission on the action in the entry.")
	case a.place.is == resPolicy:
		return nil, protocol.PolicyActionFailed(a.action, 404, "The Policy has no entry for which it could be done.")
	case a.activates():
		return nil, protocol.PolicyActionFailed(a.action, 404, "The sender must be a subject of the entry, which must grant READ on something of Things.")
	}
	return nil, protocol.PolicyActionFailed(a.action, 404, "The sender must be a subject of the entry.")
}

// fits says whether the sender is a subject of the entry, and to activate may
// READ something of Things by it.
func (a *acting) fits(e *policy.Entry) bool {
	if !slices.ContainsFunc(e.Subjects, func(s policy.Subject) bool { return slices.Contains(a.cmd.Sender.Subjects, s.ID) }) {
		return false
	}
	return !a.activates() || slices.ContainsFunc(e.Resources, func(r policy.Permissions) bool {
		return r.Resource == policy.Thing && slices.Contains(r.Grant, policy.Read) && !slices.Contains(r.Revoke, policy.Read)
	})
}

var entryLabel = regexp.MustCompile(`\{\{\s*policy-entry:label\s*\}\}`)

// change makes the change out of the action: of one subject, or of all entries
// where there are more.
func (a *acting) change(cur *jsondoc.Value, entries []*policy.Entry) (*policyEvent, *protocol.Error) {
	subject, err := a.subject()
	if err != nil {
		return nil, err
	}
	told := make([]jsondoc.Member, 0, len(entries))
	all, _ := cur.Member(memberEntries)
	var last policyPlace // of the subject, if it is one
	n := 0
	for _, e := range entries {
		ids, subjects := []*jsondoc.Value{}, []jsondoc.Member{}
		for _, pattern := range a.cmd.Sender.Token.Subjects {
			id := entryLabel.ReplaceAllLiteralString(pattern, e.Label)
			at := jsondoc.Pointer{e.Label, memberSubjects, id}
			if err := protocol.CheckSubjectID(append(jsondoc.Pointer{memberEntries}, at...), id); err != nil {
				return nil, err
			}
			n++
			last = subjectPlace(e.Label, id)
			ids, subjects = append(ids, jsondoc.String(id)), append(subjects, jsondoc.Member{Name: id, Value: subject})
			if a.activates() {
				all = all.Overwrite(at, subject)
			} else {
				all, _ = all.Delete(at)
			}
		}
		if a.activates() {
			told = append(told, jsondoc.Member{Name: e.Label, Value: jsondoc.Object(subjects...)})
		} else {
			told = append(told, jsondoc.Member{Name: e.Label, Value: jsondoc.Array(ids...)})
		}
	}
	w := &a.policyWriting
	switch {
	case n > 1:
		w.writing.change = change{op: opSet, path: jsondoc.Pointer{memberEntries}, value: all.Compact()}
		action := protocol.ActionModified
		if !a.activates() {
			action = protocol.ActionDeleted
		}
		return &policyEvent{action: action, value: jsondoc.Object(told...)}, nil
	case !a.activates():
		w.writing.change = change{op: opDelete, path: last.at}
		return &policyEvent{path: last.asked, action: protocol.ActionDeleted}, nil
	}
	w.writing.change = change{op: opSet, path: last.at, value: subject}
	action := protocol.ActionCreated
	if _, there := cur.Get(last.at); there {
		action = protocol.ActionModified
	}
	return &policyEvent{path: last.asked, action: action, value: subject}, nil
}

// subjectPlace is the place of a subject of an entry.
func subjectPlace(label, id string) policyPlace {
	return policyPlace{is: resSubject,
		asked: append(jsondoc.Pointer{memberEntries, label, memberSubjects}, strings.Split(id, "/")...),
		at:    jsondoc.Pointer{memberEntries, label, memberSubjects, id}}
}

// subject is what is made of the token; nil to take it away.
func (a *acting) subject() (*jsondoc.Value, *protocol.Error) {
	if !a.activates() {
		return nil, nil
	}
	expiry := protocol.AppendTime(nil, a.cmd.Sender.Token.Expires)
	members := []jsondoc.Member{
		{Name: "type", Value: jsondoc.String("added by " + a.action + " at " + string(protocol.AppendTime(nil, time.Now().Truncate(time.Millisecond))))},
		{Name: memberExpiry, Value: jsondoc.String(string(expiry))},
	}
	if a.announce != nil && !a.announce.IsNull() {
		members = append(members, jsondoc.Member{Name: memberAnnouncement, Value: a.announce})
	}
	acceptor := a.s.acceptor(&a.cmd.Sender)
	return acceptor.subject(jsondoc.Object(members...)).Compact(), acceptor.problem
}
