package twin

import (
	"strconv"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Announcement tells some subjects what concerns them (Ditto's page
// basic-signals-announcement). Nobody else gets it.
type Announcement struct {
	Message  *protocol.Message
	Subjects policy.Subjects
}

// announceDeletion is the announcement that a subject of a Policy is deleted, or
// about to be (Ditto's page protocol-specification-policies, "Announcements").
func announceDeletion(policyID string, s *policy.Subject, at time.Time) Announcement {
	id, _ := protocol.ParseThingID(policyID) // a Policy's ID has the same form
	m := &protocol.Message{
		Topic: protocol.Topic{Namespace: id.Namespace, Name: id.Name, Group: protocol.Policies,
			Criterion: protocol.Announcements, Action: protocol.AnnouncementSubjectDeletion},
		Value: jsondoc.Object(
			jsondoc.Member{Name: "deleteAt", Value: jsondoc.String(string(protocol.AppendTime(nil, at)))},
			jsondoc.Member{Name: "subjectIds", Value: jsondoc.Array(jsondoc.String(s.ID))}),
	}
	m.Headers.Correlate()
	m.Headers.SetString(protocol.HeaderContentType, protocol.ContentTypeJSON)
	if acks := s.Announcement.RequestedAcks; len(acks) > 0 {
		labels := make([]*jsondoc.Value, 0, len(acks))
		for _, label := range acks {
			labels = append(labels, jsondoc.String(label))
		}
		m.Headers.Set(protocol.HeaderRequestedAcks, jsondoc.Array(labels...))
		if d := s.Announcement.AcksTimeout; d > 0 {
			m.Headers.SetString(protocol.HeaderTimeout, strconv.FormatInt(d.Milliseconds(), 10)+"ms")
		}
	}
	return Announcement{Message: m, Subjects: policy.Subjects{s.ID}}
}
