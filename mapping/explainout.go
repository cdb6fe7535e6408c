package mapping

import (
	"fmt"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// PublicationTrace is what one publication made of an event.
type PublicationTrace struct {
	Publication int
	Topic       string         // as configured
	Outs        []Out          // what For gives for this publication
	Extra       *jsondoc.Value // what its extraFields found; nil: it has none, or nothing was found
	Why         string         // why there is none, "" when there is
}

// Explain is For, with the publications that make nothing of the event, and
// why.
func (p *Publications) Explain(event *protocol.Message, thing Thing) []PublicationTrace {
	list := make([]PublicationTrace, len(p.list))
	for i := range p.list {
		pub := &p.list[i]
		t := &list[i]
		t.Publication, t.Topic = pub.number, pub.config.Topic
		filtered := 0
		t.Outs, filtered = p.only(pub).For(event, thing)
		switch {
		case filtered > 0:
			t.Why = "its filter does not match: " + pub.selection.why(event, &thing)
		case len(t.Outs) == 0:
			var fits bool
			if t.Why, fits = p.whyNot(pub, event, thing); !fits {
				continue
			}
		}
		t.Extra = pub.selection.fields(event, &thing)
	}
	return list
}

// only is the list with one publication.
func (p *Publications) only(pub *publication) *Publications {
	one := *p
	one.list = []publication{*pub}
	return &one
}

// whyNot says why a publication has nothing to tell of an event, and whether
// it would have if its expression gave something.
func (p *Publications) whyNot(pub *publication, event *protocol.Message, thing Thing) (why string, fits bool) {
	topic, levels := &event.Topic, pub.path.levels
	switch {
	case pub.announces:
		return "it carries signals of the kind " + announcements, false
	case topic.Group != protocol.Things || topic.Channel != protocol.Twin || topic.Criterion != protocol.Events:
		return fmt.Sprintf("%s is no twin event, and it carries signals of the kind twin/events", topic), false
	case !pub.selection.Wants(topic.Namespace):
		return fmt.Sprintf("it is for the namespaces %s, and the event is of %s", strings.Join(pub.config.Namespaces, ", "), topic.Namespace), false
	case pub.payload == payloadNormalized && !isChange(event):
		return "its payload is normalized, which does not tell that a part of a Thing is deleted", false
	}
	for i := range min(len(levels), len(event.Path)) {
		if l := &levels[i]; !l.fits(event.Path[i]) {
			return fmt.Sprintf("the event is at %s, where level %d is %q and should be %q", event.Path, i+1, event.Path[i], l.text(pub.path.names)), false
		}
	}
	if pub.payload == payloadExpression {
		value := *pub
		value.payload = payloadValue
		if outs, _ := p.only(&value).For(event, thing); len(outs) > 0 {
			return "its expression gives nothing to send (nil)", true
		}
	}
	return fmt.Sprintf("what the event tells, at %s, has nothing at %s that can be named", pathOrRoot(event.Path), pub.config.Path), false
}

func (l *level) fits(text string) bool {
	_, ok := l.match(text)
	return ok
}
