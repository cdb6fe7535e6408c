package rql

import (
	"slices"
	"strings"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Subject is what a filter is held against: a Thing, with what is known of it
// beside its JSON. What is left out counts as missing.
type Subject struct {
	ID                string         // of the Thing: namespace:name
	Thing             *jsondoc.Value // or as much of it as is known, for an event
	Metadata          *jsondoc.Value
	Revision          uint64
	Created, Modified time.Time
	Signal            *Signal   // for placeholders; nil where there is none
	Now               time.Time // for time:now; left out: the time when it is needed
}

// Signal is an event, a message or a command, as far as placeholders know it.
// The words are those of its topic path.
type Signal struct {
	Namespace, Name, Group, Channel, Criterion string
	Action                                     string          // of a command or an event
	Subject                                    string          // of a message; the label of an acknowledgement
	Resource                                   string          // "thing", "policy", "message" or "connection"
	Path                                       jsondoc.Pointer // of the envelope
	Value                                      *jsondoc.Value  // of the envelope: for feature:id, where Path leads to no Feature
}

// IsPlaceholder says whether there is a placeholder of signals of this name,
// such as topic:action.
func IsPlaceholder(name string) bool { return slices.Contains(placeholders[:], name) }

// Placeholder is what a placeholder of signals stands for; false when that is
// nothing.
func (g *Signal) Placeholder(name string) (string, bool) {
	text, ok := g.appendPlaceholder(nil, name)
	return string(text), ok
}

// appendPlaceholder appends what a placeholder stands for; false when that is
// nothing.
func (g *Signal) appendPlaceholder(dst []byte, name string) ([]byte, bool) {
	prefix, name, _ := strings.Cut(name, ":")
	text := ""
	switch prefix {
	case "topic":
		switch name {
		case "full":
			return g.appendTopic(dst), true
		case "namespace":
			text = g.Namespace
		case "entityName":
			text = g.Name
		case "group":
			text = g.Group
		case "channel":
			text = g.Channel
		case "criterion":
			text = g.Criterion
		case "action":
			text = g.Action
		case "subject":
			text = g.Subject
		case "action-subject":
			text = g.actionOrSubject()
		}
	case "resource":
		if name == "path" {
			return g.Path.AppendTo(dst), true
		}
		text = g.Resource
	case "entity", "thing":
		switch name {
		case "id":
			dst = append(append(dst, g.Namespace...), ':')
			text = g.Name
		case "namespace":
			text = g.Namespace
		case "name":
			text = g.Name
		}
	case "feature":
		text = g.feature()
	}
	return append(dst, text...), text != ""
}

func (g *Signal) actionOrSubject() string {
	if g.Subject != "" {
		return g.Subject
	}
	return g.Action
}

// appendTopic appends the topic path.
func (g *Signal) appendTopic(dst []byte) []byte {
	dst = append(append(append(dst, g.Namespace...), '/'), g.Name...)
	for _, part := range [...]string{g.Group, g.Channel, g.Criterion, g.actionOrSubject()} {
		if part != "" && part != "none" {
			dst = append(append(dst, '/'), part...)
		}
	}
	return dst
}

// feature is the ID of the Feature that the signal is about; of several the
// first, as Ditto has it.
func (g *Signal) feature() string {
	if len(g.Path) > 1 && g.Path[0] == "features" {
		return g.Path[1]
	}
	features := g.Value
	switch {
	case features == nil:
		return ""
	case len(g.Path) == 0:
		features, _ = features.Member("features")
	case g.Path[0] != "features":
		return ""
	}
	if features != nil {
		for id := range features.Members() {
			return id
		}
	}
	return ""
}
