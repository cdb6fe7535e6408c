package broker

import (
	"slices"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/policy"
)

// announce publishes announcements of Policies under their own topics, for those
// clients that act as the subjects that they are about (Ditto's page
// basic-policy, "Subject deletion announcements").
func (b *Broker) announce(list []twin.Announcement) {
	for i := range list {
		b.metrics.announcements.Inc()
		topic := b.topicOf(list[i].Message)
		b.sessions.PublishFunc(topic, func() *session.Message {
			m := b.encode(topic, list[i].Message)
			m.Of = announced{m, list[i].Subjects}
			return m
		})
		outs := b.live.Load().Publications.ForAnnouncement(list[i].Message, list[i].Subjects)
		for j := range outs {
			b.publish(list[i].Message, &outs[j], nil, nil)
		}
	}
}

// announced is an announcement on its way.
type announced struct {
	message  *session.Message
	subjects policy.Subjects
}

// View gives the announcement to whom it is about.
func (a announced) View(who *session.Peer) *session.Message {
	if slices.ContainsFunc(a.subjects, func(s string) bool { return slices.Contains(who.Subjects, s) }) {
		return a.message
	}
	return nil
}

// itself stands for the client where what is told of comes from nobody.
var itself = &session.Peer{Identity: "twinbroker"}
