package mapping

import (
	"fmt"
	"slices"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

// announcements is the kind of signals by which Policies tell subjects what
// concerns them (Ditto's page basic-connections, target topic
// "_/_/policies/announcements").
const announcements = "policies/announcements"

// announcementPlaceholders are those of announcements: there is no Thing.
var announcementPlaceholders = withTopic(map[string]source{
	"policy:id":        fromThingID,
	"policy:name":      fromThingName,
	"policy:namespace": fromThingNamespace,
})

// announces checks a publication of announcements. These have only namespaces to
// be selected by, as in Ditto.
func (c *publicationCompiler) announces() {
	if len(c.config.Signals) > 1 {
		c.problem(".signals", announcements+" must be alone: make a publication of its own for other signals")
	}
	for _, key := range []struct{ name, said string }{{"path", c.config.Path}, {"filter", c.config.Filter}, {"extraFields", c.config.Extra}} {
		if key.said != "" {
			c.problem("."+key.name, fmt.Sprintf("is for events of Things, and the publication carries %s: leave it out", announcements))
		}
	}
	if c.config.Payload == "normalized" {
		c.problem(".payload", "normalized is for events of Things: there are envelope, value and {expr: …} for "+announcements)
	}
}

// ForAnnouncement gives the messages that the publications make of an
// announcement of a Policy, which is for some subjects. A publication that has
// subjects carries what is for one of them, one that has none carries everything.
func (p *Publications) ForAnnouncement(announcement *protocol.Message, subjects []string) []Out {
	s := search{roots: p.roots, event: announcement, steps: maxAllSteps}
	for i := range p.list {
		pub := &p.list[i]
		of := pub.config.Subjects
		if !pub.announces || !pub.selection.Wants(announcement.Topic.Namespace) ||
			len(of) > 0 && !slices.ContainsFunc(of, func(one string) bool { return slices.Contains(subjects, one) }) {
			continue
		}
		s.pub, s.tells, s.looked = pub, nil, true
		s.run()
	}
	return s.outs
}
