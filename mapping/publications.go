package mapping

import "github.com/twinbroker/twinbroker/twin/protocol"

// Out is an MQTT message that a publication makes of a signal.
type Out struct {
	Topic       string
	Payload     []byte // empty: what was there is gone
	QoS         byte
	Retain      bool
	ContentType string   // "" for an empty payload
	To          string   // client ID or subject that alone gets it; "" for everybody
	Subjects    []string // it carries what these may READ
	Publication int      // index of the publication
	Err         error    // not nil: no message could be made, and why; count it and send nothing
}

// Publications is the compiled list of publications. It is immutable and may
// be used by many goroutines.
type Publications struct{}

// CompilePublications compiles the list.
func CompilePublications(list []PublicationConfig, roots Roots) (*Publications, []Problem) {
	panic("not yet")
}

// For gives the messages that the publications make of a twin event.
func (p *Publications) For(event *protocol.Message) []Out { panic("not yet") }
