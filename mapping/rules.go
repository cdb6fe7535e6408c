package mapping

import (
	"time"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Relay says whether a message that rules took in also reaches those who
// subscribe to its topic.
type Relay uint8

const (
	RelayStored Relay = iota // after its changes are stored, and only then
	RelayAlways              // also when it was refused
	RelayNever               // not at all
)

// Input is an MQTT message that a client published.
type Input struct {
	Topic    string
	Payload  []byte // may be kept by the changes: it must not change afterwards
	Client   string // its client ID
	Username string // "" for a client without
	Now      time.Time
}

// Change is what one rule made of a message.
type Change struct {
	Message *protocol.Message // a merge at the root of one Thing
	Create  *string           // nil: the Thing must exist; else the ID of the Policy it may be created with, "" for its own
	Rule    int               // index of the rule
	Relay   Relay             // what Rules.Relay says for the topic
}

// Rules is the compiled list of mappings. It is immutable and may be used by
// many goroutines.
type Rules struct{}

// Compile compiles the rules. Problems come in the order of the rules; when
// there are any, the Rules are nil.
func Compile(rules []RuleConfig, roots Roots) (*Rules, []Problem) { panic("not yet") }

// Matches says whether any rule takes in messages of the topic.
func (r *Rules) Matches(topic string) bool { panic("not yet") }

// Relay says what becomes of a message of the topic besides its changes.
func (r *Rules) Relay(topic string) Relay { panic("not yet") }

// Map gives the changes that the message asks for.
func (r *Rules) Map(in *Input) (changes []Change, matched bool, err *protocol.Error) {
	panic("not yet")
}
