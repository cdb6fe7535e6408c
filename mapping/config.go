package mapping

import "github.com/twinbroker/twinbroker/twin/jsondoc"

// RuleConfig is one entry of the configuration's list "mappings".
type RuleConfig struct {
	Topic   string         // pattern: "devices/{device}/telemetry", "plant/{path...}"
	Format  string         // "json" (also ""), "text", "number", "cbor", "bytes" or "ditto"
	Thing   string         // template of the Thing's ID; with "ditto" the only one that may be addressed, "" for any
	When    string         // expression; "" is always
	Each    *string        // JSON Pointer to an array, each element of which is a payload; nil: the payload is one
	Set     []SetConfig    // what is written where, in the order of the file
	Nulls   string         // "skip" (also "") or "delete"
	Headers []HeaderConfig // Ditto headers of the change, in the order of the file
	Create  *CreateConfig  // nil: a Thing that does not exist is an error
	Reply   string         // of "ditto": template of the topic that responses go to; "" for where they go without
	Relay   string         // "stored" (also ""), "always" or "never"
}

// SetConfig is one line of a rule's "set": the value that Pointer finds in the
// payload, the constant Value, or what Expr gives is written at Path.
type SetConfig struct {
	Path    string         // JSON Pointer into the Thing; its levels are templates
	Pointer string         // JSON Pointer into the payload; "" is all of it
	Value   *jsondoc.Value // when not nil, the constant that is written; strings in it are templates
	Expr    string         // when not empty, the expression
}

// HeaderConfig is one line of a rule's "headers".
type HeaderConfig struct {
	Name  string
	Value *jsondoc.Value // strings in it are templates
}

// CreateConfig says that a rule may create its Thing.
type CreateConfig struct {
	Policy     string         // template of the ID of its Policy; "" gives the Thing one of its own
	Definition *jsondoc.Value // nil: none; a template
	Attributes *jsondoc.Value // nil: none; an object, strings in it are templates
}

// PublicationConfig is one entry of the configuration's list "publications".
type PublicationConfig struct {
	Subjects   []string // it carries what these may READ
	Signals    []string // "twin/events", which is also what an empty list means
	Namespaces []string // empty: all
	Path       string   // JSON Pointer pattern: "/features/{feature}/properties/{rest...}"; "" is the whole Thing
	Filter     string   // RQL; "" is all
	Extra      string   // "extraFields": a field selector; "" is none
	Topic      string   // template of the MQTT topic
	Payload    string   // "envelope" (also ""), "value" or "normalized"
	Expr       string   // the expression that makes the payload, if it is not one of these
	QoS        int
	Retain     bool
	To         string // template of a client ID or subject; "" is everybody
}

// Roots names the topic trees that are the twin's own: no mapping takes from
// them and no publication goes there.
type Roots struct {
	Ditto string // "ditto": the Ditto Protocol
	State string // "twin": the state
}

// Problem is a mistake in a configuration.
type Problem struct {
	Path string // `mappings[2].set["/features/x"]`: the key, as the configuration nests it
	Text string // what is wrong with it
}

func (p Problem) String() string { return p.Path + ": " + p.Text }
