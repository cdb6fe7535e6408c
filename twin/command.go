package twin

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// Sender is who sent a message.
type Sender struct {
	Client   string          // the MQTT client's identifier
	Subjects policy.Subjects // under which names it acts; the first is the originator
	Admin    bool            // an administrator, who may see and change everything
	Token    *Token          // what it came with; nil: no token
}

// Create says how a Thing comes to be that is not there yet.
type Create struct {
	Policy  string         // its Policy's ID; "": a Policy of its own
	Initial *jsondoc.Value // definition and attributes that it gets besides what the merge says; nil: none
}

// Command is a message for a Thing, on its way to be applied. The service
// takes what clients have no say in out of the message's headers.
type Command struct {
	Message *protocol.Message
	Sender  Sender
	Receipt *store.Receipt // of a QoS 2 publish; nil for others
	// MustExist refuses a merge of a Thing that is not there, where it would
	// make one otherwise.
	MustExist bool
	// Create lets a merge, on any path, make the Thing if it is not there, and
	// says with which Policy. Without it a merge does so on the path "/" only,
	// as in Ditto.
	Create *Create

	// correlated: the correlation-id is one that the service made, as the sender
	// gave none. It goes out, but is not worth its place in history.
	correlated bool
}

// Outcome is what came of a command.
type Outcome struct {
	// Response is what goes back to the sender, success or error; nil when it
	// went well and no response was asked for.
	Response *protocol.Message
	// More are further answers to the sender, in this order: a search has as
	// many as pages were asked for.
	More []*protocol.Message
	// Err is why it was refused, nil when it was not. Nothing that was refused
	// changed anything.
	Err *protocol.Error
	// Refused is the command that Err is about.
	Refused *Command
	// Unknown: nobody can say what came of it, because the disk failed. The
	// sender must be told neither of success nor of refusal; Err is set too.
	Unknown bool
	// Policies are the events of Policies that were made together with Things:
	// they are told before Events, to who may READ the Policy.
	Policies []*protocol.Message
	// Named: one of these Policies was named by others before, so that it may
	// change who may do what. Ordinary ones are new to everybody.
	Named bool
	// Events are to be told to the world, in this order.
	Events []*protocol.Message
	// Announcements are for some subjects only.
	Announcements []Announcement
	// Things are the Things that events are about, as they are after them.
	Things []Thing
	// Before and After are the whole Thing before and after the change; nil
	// where there was or is none. Both are nil when nothing changed.
	Before, After *jsondoc.Value
	// Access says who may READ the events: those of the Thing after the change,
	// or before it where there is none after it. It is nil where there are no
	// events of Things. Where the events are of several Things, Accesses has one
	// for each event.
	Access   *policy.Enforcer
	Accesses []*policy.Enforcer
	// Overruled: the sender is an administrator, and was given what the Policy
	// alone would not have given.
	Overruled bool
}

// AccessOf says who may READ the event of that number.
func (o *Outcome) AccessOf(event int) *policy.Enforcer {
	if o.Accesses != nil {
		return o.Accesses[event]
	}
	return o.Access
}
