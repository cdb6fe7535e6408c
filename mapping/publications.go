package mapping

import (
	"fmt"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Out is an MQTT message that a publication makes of a signal.
type Out struct {
	Topic       string
	Payload     []byte // empty with payload "value": what was there is gone
	QoS         byte
	Retain      bool
	ContentType string   // "" for an empty payload
	To          string   // client ID or subject that alone gets it; "" for everybody
	Subjects    []string // it carries what these may READ
	OfThing     bool     // of more of the Thing than the event tells, too
	Publication int      // index of the publication
	Err         error    // not nil: no message could be made, and why; it is counted and nothing is sent
}

// Publications is the compiled list of publications. It is immutable and may
// be used by many goroutines.
type Publications struct {
	list  []publication
	roots Roots
}

// publication is one compiled publication.
type publication struct {
	number     int
	config     *PublicationConfig
	selection  Selection
	looks      bool // selection.Looks()
	announces  bool // announcements of Policies, and no events
	path       pattern
	topic      template
	to         template
	needs      []bool // by capture: whether topic or to use it
	payload    payloadKind
	expression *expression // of payloadExpression
}

// payloadKind is what the messages of a publication carry.
type payloadKind uint8

const (
	payloadEnvelope   payloadKind = iota // the event as it is
	payloadNormalized                    // the event as a part of its Thing
	payloadValue                         // what is at the place
	payloadExpression                    // what the expression makes of it
)

// CompilePublications compiles the list. All problems are told, in the order
// of the list; when there are any, the Publications are nil.
func CompilePublications(list []PublicationConfig, roots Roots) (*Publications, []Problem) {
	p := &Publications{list: make([]publication, len(list)), roots: roots}
	var problems []Problem
	for i := range list {
		c := publicationCompiler{config: &list[i], publication: &p.list[i], at: fmt.Sprintf("publications[%d]", i)}
		c.publication.number, c.publication.config = i, c.config
		c.compile(roots)
		problems = append(problems, c.problems...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return p, nil
}

// For gives the messages that the publications make of a twin event, in the
// order of the publications. There is one for each place that a publication's
// path fits and that the event tells something of: an event from further up
// is looked into, one from further down counts as a change within. A capture
// of the rest goes down to the leaves (scalars, arrays and empty objects), so
// that the messages are the same whether a value was written by itself or
// along with others.
//
// With the payload "value", a message carries what is at the place now: a
// string without its quotes, everything else as JSON, nothing when it is gone.
// Where the event tells only a part of it (a merge, or a change further down)
// that part is sent, as a JSON merge patch (RFC 7396) of the place. What an
// event does not name is not told: when a whole parent is replaced, what was
// there before and is not any longer; when one is deleted, the places that
// captures would have to be known for.
//
// With an expression, a message carries what it makes of that value, of
// nothing (nil) where it is gone; none is sent where it gives nothing.
//
// With the payload "envelope", a message carries the whole event, once for
// each topic; with "normalized" too, as Ditto's Normalized mapper writes it.
//
// thing is the Thing after the event. Only filters and extraFields look at it.
// filtered is how many publications would have had something to tell, and
// have a filter that the event does not match.
func (p *Publications) For(event *protocol.Message, thing Thing) (outs []Out, filtered int) {
	return p.ForReaders(event, thing, nil)
}

// Readable is what subjects may READ of an event, and of the Thing after it if
// that is asked for; nil, that they may read nothing of the event.
type Readable func(subjects []string, ofThing bool) (*protocol.Message, Thing)

// ForReaders is For where a publication tells what its subjects may READ. One
// that has none tells everything.
func (p *Publications) ForReaders(event *protocol.Message, thing Thing, readable Readable) (outs []Out, filtered int) {
	if len(p.list) == 0 || event.Topic.Group != protocol.Things ||
		event.Topic.Channel != protocol.Twin || event.Topic.Criterion != protocol.Events {
		return nil, 0
	}
	s := search{roots: p.roots, event: event, thing: thing, steps: maxAllSteps}
	for i := range p.list {
		pub := &p.list[i]
		if pub.announces || !pub.selection.Wants(event.Topic.Namespace) {
			continue
		}
		if pub.payload == payloadNormalized && !isChange(event) {
			continue
		}
		s.event, s.thing = event, thing
		if readable != nil && len(pub.config.Subjects) > 0 {
			if s.event, s.thing = readable(pub.config.Subjects, pub.looks); s.event == nil {
				continue
			}
		}
		s.pub, s.tells, s.looked = pub, nil, !pub.looks
		s.run()
	}
	return s.outs, s.filtered
}
