package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

// PublicationTrace is what one publication made of an event.
type PublicationTrace struct {
	Publication int
	Topic       string // as configured
	Outs        []Out  // what For gives for this publication
	Why         string // why there is none, "" when there is
}

// Explain is For, with the publications that make nothing of the event, and
// why.
func (p *Publications) Explain(event *protocol.Message) []PublicationTrace {
	list := make([]PublicationTrace, len(p.list))
	for i := range p.list {
		pub := &p.list[i]
		one := *p
		one.list = p.list[i : i+1]
		t := &list[i]
		t.Publication, t.Topic, t.Outs = pub.number, pub.config.Topic, one.For(event)
		if len(t.Outs) == 0 {
			t.Why = pub.whyNot(event)
		}
	}
	return list
}

// whyNot says why a publication has nothing to tell of an event.
func (p *publication) whyNot(event *protocol.Message) string {
	topic := &event.Topic
	switch {
	case topic.Group != protocol.Things || topic.Channel != protocol.Twin || topic.Criterion != protocol.Events:
		return fmt.Sprintf("%s is no twin event, and it carries signals of the kind twin/events", topic)
	case len(p.namespaces) > 0 && !slices.Contains(p.namespaces, topic.Namespace):
		return fmt.Sprintf("it is for the namespaces %s, and the event is of %s", strings.Join(p.namespaces, ", "), topic.Namespace)
	}
	for i := range min(len(p.path.levels), len(event.Path)) {
		if l := &p.path.levels[i]; !l.fits(event.Path[i]) {
			return fmt.Sprintf("the event is at %s, where level %d is %q and should be %q", event.Path, i+1, event.Path[i], l.text(p.path.names))
		}
	}
	at := "/"
	if len(event.Path) > 0 {
		at = event.Path.String()
	}
	return fmt.Sprintf("what the event tells, at %s, has nothing at %s that can be named", at, p.config.Path)
}

func (l *level) fits(text string) bool {
	_, ok := l.match(text)
	return ok
}
