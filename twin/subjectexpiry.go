package twin

import (
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// expireSubjects deletes the subjects of a Policy that are expired, one after
// the other. The error says that it could not be done now.
func (s *Service) expireSubjects(id string, now time.Time, tell func(*Outcome)) error {
	for {
		tx, err := s.store.Begin(store.Key{Kind: kindPolicy, ID: id})
		if err != nil {
			return err
		}
		if !s.expireOne(tx, id, now, tell) {
			tx.Abort()
			return nil
		}
	}
}

// expireOne deletes a subject that is expired, in all entries that have it; false
// where there is none.
func (s *Service) expireOne(tx *store.Tx, id string, now time.Time, tell func(*Outcome)) bool {
	parsed, _ := protocol.ParseThingID(id) // a Policy's ID has the same form
	w := &policyWriting{writing: writing{s: s, done: tell, id: id, key: store.Key{Kind: kindPolicy, ID: id},
		cmd: &Command{Message: &protocol.Message{Topic: protocol.Topic{Namespace: parsed.Namespace, Name: parsed.Name,
			Group: protocol.Policies, Criterion: protocol.Commands, Action: protocol.ActionDelete}}}}}
	w.cmd.Message.Headers.Correlate()
	cur := documentOf(tx.Get(w.key))
	m := modelOf(id, cur.Value)
	subject, labels := expired(m, now)
	if subject == nil {
		return false
	}
	var tells policyEvent
	if len(labels) == 1 {
		place := subjectPlace(labels[0], subject.ID)
		w.change = change{op: opDelete, path: place.at}
		tells = policyEvent{path: place.asked, action: protocol.ActionDeleted}
	} else {
		entries, _ := cur.Value.Member(memberEntries)
		told := make([]jsondoc.Member, 0, len(labels))
		for _, label := range labels {
			entries, _ = entries.Delete(jsondoc.Pointer{label, memberSubjects, subject.ID})
			told = append(told, jsondoc.Member{Name: label, Value: jsondoc.Array(jsondoc.String(subject.ID))})
		}
		w.change = change{op: opSet, path: jsondoc.Pointer{memberEntries}, value: entries.Compact()}
		tells = policyEvent{action: protocol.ActionDeleted, value: jsondoc.Object(told...)}
	}
	next, err := w.change.apply(cur)
	if err != nil {
		return false
	}
	w.put(tx, cur.Value, next, &tells)
	w.finish(tx)
	return true
}

// expired is a subject that is expired, and the entries that have it just so.
func expired(m *policy.Model, now time.Time) (found *policy.Subject, labels []string) {
	if m == nil {
		return nil, nil
	}
	text := ""
	m.AllSubjects(func(label string, s *policy.Subject) {
		if !s.Expired(now) {
			return
		}
		if found == nil {
			found, text = s, s.JSON().String()
		}
		if s.ID == found.ID && s.JSON().String() == text {
			labels = append(labels, label)
		}
	})
	return found, labels
}
