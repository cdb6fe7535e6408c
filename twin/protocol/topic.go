package protocol

import (
	"strings"
)

// Group is the kind of entity that a topic path addresses.
type Group uint8

// The groups of the Ditto Protocol.
const (
	Things Group = iota + 1
	Policies
	Connections
)

var groupNames = [...]string{Things: "things", Policies: "policies", Connections: "connections"}

// String is the group as a topic path spells it.
func (g Group) String() string { return nameOf(groupNames[:], int(g)) }

// Channel says whether a signal is for the stored twin or for the device.
type Channel uint8

// The channels. Policies and connections have none.
const (
	None Channel = iota
	Twin
	Live
)

var channelNames = [...]string{None: "none", Twin: "twin", Live: "live"}

// String is the channel as a topic path spells it ("none" for [None], which
// a topic path of things may spell out and the others leave away).
func (c Channel) String() string { return nameOf(channelNames[:], int(c)) }

// Criterion is the kind of signal.
type Criterion uint8

// The criteria of the Ditto Protocol.
const (
	Commands Criterion = iota + 1
	Events
	Messages
	Acks
	Search
	Streaming
	Errors
	Announcements
)

var criterionNames = [...]string{
	Commands: "commands", Events: "events", Messages: "messages", Acks: "acks",
	Search: "search", Streaming: "streaming", Errors: "errors", Announcements: "announcements",
}

// String is the criterion as a topic path spells it.
func (c Criterion) String() string { return nameOf(criterionNames[:], int(c)) }

func nameOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return ""
}

// The actions of commands and events.
const (
	ActionCreate           = "create"
	ActionRetrieve         = "retrieve"
	ActionModify           = "modify"
	ActionMerge            = "merge"
	ActionDelete           = "delete"
	ActionMigrate          = "migrate"
	ActionCheckPermissions = "checkPermissions"

	ActionCreated  = "created"
	ActionModified = "modified"
	ActionMerged   = "merged"
	ActionDeleted  = "deleted"
	ActionMigrated = "migrated"
)

// Placeholder stands in a topic path for a namespace or a name that is not
// known or not meant: `_/_/things/twin/errors`.
const Placeholder = "_"

// Topic is a parsed topic path:
// <namespace>/<name>/<group>[/<channel>]/<criterion>[/<action>].
type Topic struct {
	Namespace, Name string
	Group           Group
	Channel         Channel
	Criterion       Criterion
	// Action is the action of a command, event, search or streaming message,
	// the subject of a message, the label of an acknowledgement, the name of
	// an announcement. Subjects and labels may contain slashes; they may also
	// be empty. Errors have none.
	Action string
}

// EntityID is the ID that the topic path addresses: "namespace:name", and
// only the name for a connection.
func (t Topic) EntityID() string {
	if t.Group == Connections {
		return t.Name
	}
	return t.Namespace + ":" + t.Name
}

// String is the topic path as text.
func (t Topic) String() string { return string(t.AppendTo(nil)) }

// AppendTo appends the topic path.
func (t Topic) AppendTo(dst []byte) []byte {
	dst = append(dst, t.Namespace...)
	dst = append(dst, '/')
	dst = append(dst, t.Name...)
	return t.appendRest(dst)
}

func (t Topic) appendRest(dst []byte) []byte {
	dst = append(dst, '/')
	dst = append(dst, t.Group.String()...)
	if t.Channel != None {
		dst = append(dst, '/')
		dst = append(dst, t.Channel.String()...)
	}
	dst = append(dst, '/')
	dst = append(dst, t.Criterion.String()...)
	if t.Action != "" {
		dst = append(dst, '/')
		dst = append(dst, t.Action...)
	}
	return dst
}

var _ = strings.Cut

// ParseTopic parses a topic path. The error is an [*Error] with Ditto's code
// protocoladapter:unknown.topicpath. The identifier is not looked at here:
// see [ParseThingID].
func ParseTopic(s string) (Topic, error) { panic("being written") }
