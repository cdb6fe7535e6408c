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
// stands in no topic path).
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
	// Ditto has these as actions of its HTTP API only.
	ActionActivateToken   = "activateTokenIntegration"
	ActionDeactivateToken = "deactivateTokenIntegration"

	AnnouncementSubjectDeletion = "subjectDeletion"

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

// ParseTopic parses a topic path as Ditto does. The error is an [*Error] with
// the code protocoladapter:unknown.topicpath. Whether namespace and name make
// an identifier is not looked at here: see [ParseThingID].
//
// Where Ditto overlooks levels after the action of a command or an event,
// ParseTopic refuses them: nobody can say what they were meant to do.
func ParseTopic(s string) (Topic, error) {
	var t Topic
	var ok bool
	rest := s
	if t.Namespace, rest, ok = strings.Cut(rest, "/"); !ok {
		return Topic{}, TopicUnknown(s, "It ends before the name of the entity.")
	}
	t.Name, rest, ok = strings.Cut(rest, "/")
	if t.Name == "" {
		return Topic{}, TopicUnknown(s, "It ends before the name of the entity.")
	}
	if !ok {
		return Topic{}, TopicUnknown(s, "It ends before the group: things, policies or connections.")
	}
	return parseRest(s, t, rest)
}

// parseRest parses what follows namespace and name; whole is for the error.
func parseRest(whole string, t Topic, rest string) (Topic, error) {
	var ok bool
	level, rest, more := strings.Cut(rest, "/")
	if t.Group, ok = groupOf(level); !ok {
		return Topic{}, TopicUnknown(whole, "After the name comes things, policies or connections, not <"+level+">.")
	}
	if !more {
		return Topic{}, TopicUnknown(whole, "It ends after the group.")
	}
	level, rest, more = strings.Cut(rest, "/")
	if t.Group == Things {
		if t.Channel, ok = channelOf(level); !ok {
			return Topic{}, TopicUnknown(whole, "After things comes the channel, twin or live, not <"+level+">.")
		}
		if !more {
			return Topic{}, TopicUnknown(whole, "It ends before the criterion, such as commands.")
		}
		level, rest, more = strings.Cut(rest, "/")
	}
	if t.Criterion, ok = criterionOf(level); !ok {
		return Topic{}, TopicUnknown(whole, "There is no criterion <"+level+">.")
	}
	switch t.Criterion {
	case Messages, Acks, Announcements:
		t.Action = rest
		return t, nil
	case Errors:
		if more && rest != "" {
			return Topic{}, TopicUnknown(whole, "Nothing follows errors in a topic path.")
		}
		return t, nil
	}
	if t.Action, ok = actionOf(t.Criterion, rest); !ok {
		if rest == "" {
			return Topic{}, TopicUnknown(whole, "It ends before the action, such as modify.")
		}
		return Topic{}, TopicUnknown(whole, "There is no action <"+rest+"> of "+t.Criterion.String()+".")
	}
	return t, nil
}

func groupOf(s string) (Group, bool) {
	switch s {
	case "things":
		return Things, true
	case "policies":
		return Policies, true
	case "connections":
		return Connections, true
	}
	return 0, false
}

func channelOf(s string) (Channel, bool) {
	switch s {
	case "twin":
		return Twin, true
	case "live":
		return Live, true
	}
	return 0, false
}

func criterionOf(s string) (Criterion, bool) {
	switch s {
	case "commands":
		return Commands, true
	case "events":
		return Events, true
	case "messages":
		return Messages, true
	case "acks":
		return Acks, true
	case "search":
		return Search, true
	case "streaming":
		return Streaming, true
	case "errors":
		return Errors, true
	case "announcements":
		return Announcements, true
	}
	return 0, false
}

// actionOf checks an action against those of its criterion and gives back the
// constant, so that a parsed topic does not hold on to its text for it.
func actionOf(c Criterion, s string) (string, bool) {
	if c == Commands || c == Events {
		// Ditto knows one set of actions for both; which of them a command or
		// an event may have is for whoever handles it.
		switch s {
		case ActionModify:
			return ActionModify, true
		case ActionMerge:
			return ActionMerge, true
		case ActionRetrieve:
			return ActionRetrieve, true
		case ActionCreate:
			return ActionCreate, true
		case ActionDelete:
			return ActionDelete, true
		case ActionModified, ActionMerged, ActionCreated, ActionDeleted,
			ActionMigrate, ActionMigrated, ActionCheckPermissions, ActionActivateToken, ActionDeactivateToken:
			return s, true
		}
		return "", false
	}
	switch s {
	case "subscribe", "subscribeForPersistedEvents":
		return s, (s == "subscribe") == (c == Search)
	case "cancel", "request", "complete", "created", "failed", "next", "error":
		return s, true
	}
	return "", false
}
