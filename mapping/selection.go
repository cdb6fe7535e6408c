package mapping

import (
	"fmt"
	"slices"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/rql"
)

// SelectionConfig says which signals somebody wants, and what of the Thing is
// to be told with them. Empty texts and lists ask for nothing.
type SelectionConfig struct {
	Namespaces  []string // of Things; empty: all
	Filter      string   // RQL
	ExtraFields string   // a field selector; its fields may have placeholders
}

// Selection is which signals somebody wants (Ditto's page
// "basic-changenotifications") and what is told with them (page
// "basic-enrichment"). A publication has one, and so may whoever else is told
// of signals. It never changes and may be used by many goroutines; the zero
// value wants everything, as it is.
type Selection struct {
	namespaces []string
	filter     *rql.Filter
	extra      *extraFields
	alone      bool // the filter looks at none of the extra fields
}

// CompileSelection compiles what is asked for. Problems are told by their key:
// ".namespaces[0]", ".filter", ".extraFields". What is wrong with a filter or
// a selector is told with the character that it is at.
func CompileSelection(config *SelectionConfig) (Selection, []Problem) {
	var problems []Problem
	s := Selection{namespaces: config.Namespaces}
	for i, namespace := range config.Namespaces {
		if !protocol.ValidNamespace(namespace) {
			problems = append(problems, Problem{Path: fmt.Sprintf(".namespaces[%d]", i), Text: fmt.Sprintf("%q is not a namespace, such as org.acme", namespace)})
		}
	}
	var err error
	if config.Filter != "" {
		if s.filter, err = rql.Parse(config.Filter, rql.Signals); err != nil {
			problems = append(problems, Problem{Path: ".filter", Text: err.Error()})
		}
	}
	if config.ExtraFields != "" {
		if s.extra, err = parseExtraFields(config.ExtraFields); err != nil {
			problems = append(problems, Problem{Path: ".extraFields", Text: err.Error()})
		}
	}
	if s.filter != nil {
		s.alone = !slices.ContainsFunc(s.filter.Fields(), s.extra.mayHave)
	}
	return s, problems
}

// Wants says whether signals of a namespace are wanted.
func (s *Selection) Wants(namespace string) bool {
	return len(s.namespaces) == 0 || slices.Contains(s.namespaces, namespace)
}

// Looks says whether signals must be looked at by Select.
func (s *Selection) Looks() bool { return s.filter != nil || s.extra != nil }

// Select says whether a signal is wanted by its content, and gives what is to
// be told with it as its "extra": the fields of the Thing that are asked for,
// nil where it has none of them. Filters see what the signal itself tells of
// the Thing and, where fields are asked for, these too; what the signal tells
// counts first. With a signal that is not wanted, extra may be nil. Namespaces
// are the business of [Selection.Wants].
func (s *Selection) Select(signal *protocol.Message, thing *Thing) (extra *jsondoc.Value, wanted bool) {
	if s.alone && !s.matches(signal, thing, nil) {
		return nil, false
	}
	extra = s.fields(signal, thing)
	return extra, s.alone || s.filter == nil || s.matches(signal, thing, extra)
}

func (s *Selection) matches(signal *protocol.Message, thing *Thing, extra *jsondoc.Value) bool {
	known, about := signalOf(signal), rql.Subject{}
	s.about(&about, signal, thing, extra)
	about.Signal = &known
	return s.filter.Matches(&about)
}

// why says which part of the filter decided on a signal, and what it found.
func (s *Selection) why(signal *protocol.Message, thing *Thing) string {
	known, about := signalOf(signal), rql.Subject{}
	s.about(&about, signal, thing, s.fields(signal, thing))
	about.Signal = &known
	return s.filter.Why(&about)
}

// fields are the extra fields of a signal, also of one that is not wanted.
func (s *Selection) fields(signal *protocol.Message, thing *Thing) *jsondoc.Value {
	if s.extra == nil {
		return nil
	}
	return s.extra.of(signal, thing)
}

// about says what the filter is held against.
func (s *Selection) about(about *rql.Subject, signal *protocol.Message, thing *Thing, extra *jsondoc.Value) {
	if len(s.filter.Fields()) == 0 {
		return // it looks at placeholders alone
	}
	if signal.Topic.Criterion == protocol.Events && signal.Topic.Group == protocol.Things {
		about.ID = signal.Topic.EntityID()
		about.Thing = fragment(signal)
		about.Revision, about.Modified = signal.Revision, signal.Timestamp
	}
	if extra == nil {
		return
	}
	if about.Thing == nil {
		about.Thing = extra
	} else {
		about.Thing = laidOver(about.Thing, extra)
	}
	if _, ok := extra.Member(fieldThingID); ok {
		about.ID = signal.Topic.EntityID()
	}
	if _, ok := extra.Member(fieldCreated); ok {
		about.Created = thing.Created
	}
	about.Metadata, _ = extra.Member(fieldMetadata)
}

// signalOf is a signal as placeholders know it.
func signalOf(m *protocol.Message) rql.Signal {
	t := &m.Topic
	g := rql.Signal{
		Namespace: t.Namespace, Name: t.Name, Group: t.Group.String(), Channel: t.Channel.String(), Criterion: t.Criterion.String(),
		Resource: "thing", Path: m.Path, Value: m.Value,
	}
	switch {
	case t.Criterion == protocol.Messages:
		g.Subject, g.Resource = t.Action, "message"
	case t.Criterion == protocol.Acks:
		g.Subject = t.Action
	default:
		g.Action = t.Action
	}
	switch t.Group {
	case protocol.Policies:
		g.Resource = "policy"
	case protocol.Connections:
		g.Resource = "connection"
	}
	return g
}
