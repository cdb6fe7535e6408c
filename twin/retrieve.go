package twin

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// Snapshot is a Thing as it is at one moment, with what the store knows of it.
type Snapshot struct {
	ID                string
	Thing             *jsondoc.Value
	Revision          uint64
	Created, Modified time.Time
}

// Snapshot gives a Thing to fn when what it shows is on disk, as Handle does;
// nil when there is none. The error says that it cannot be read.
func (s *Service) Snapshot(id string, fn func(*Snapshot, error)) {
	e, err := s.store.View(store.Key{Kind: kindThing, ID: id})
	if err != nil {
		fn(nil, err)
		return
	}
	s.store.After(e.Seq, func(err error) {
		switch thing := documentOf(e).Value; {
		case err != nil:
			fn(nil, err)
		case thing == nil:
			fn(nil, nil)
		default:
			fn(&Snapshot{id, thing, e.Revision, e.Created, e.Modified}, nil)
		}
	})
}

// retrieve answers a retrieve. An error that it returns depends on nothing
// that is stored.
func (s *Service) retrieve(cmd *Command, done func(*Outcome)) *protocol.Error {
	m := cmd.Message
	if m.Topic.Name == protocol.Placeholder {
		return s.retrieveMany(cmd, done)
	}
	if _, err := m.Topic.ThingID(); err != nil {
		return protocol.AsError(err)
	}
	at, perr := resourceAt(m.Path)
	if perr != nil {
		return perr
	}
	fields, perr := parseFields(m.Fields)
	if perr != nil {
		return perr
	}
	id := m.Topic.EntityID()
	e, err := s.store.View(store.Key{Kind: kindThing, ID: id})
	if err != nil {
		return protocol.ThingUnavailable(id, err)
	}
	value, perr := s.view(id, e, at, m.Path, fields, cmd.Sender.Subjects)
	if perr != nil {
		s.refuseAfter(e.Seq, cmd, perr, done)
		return nil
	}
	s.answer(e.Seq, cmd, value, done)
	return nil
}

// answer tells the value of a retrieve. Ditto answers it even where the
// sender wants no response; here nobody is told what he does not want to know.
func (s *Service) answer(seq uint64, cmd *Command, value *jsondoc.Value, done func(*Outcome)) {
	o := new(Outcome)
	if cmd.Message.Headers.ResponseRequired() {
		o.Response = respond(cmd, cmd.Message.Path, 200, value)
	}
	s.tellAfter(seq, cmd, o, done)
}

// view is what stands at a path of a Thing.
func (s *Service) view(id string, e store.Entry, at resource, p jsondoc.Pointer, fields *jsondoc.Selector,
	who policy.Subjects) (*jsondoc.Value, *protocol.Error) {
	thing := documentOf(e).Value
	if thing == nil || !policy.Allows(policyIDOf(thing), who, policy.Read, policy.Thing, p) {
		return nil, protocol.ThingNotFound(id)
	}
	if at == resThing {
		return s.selectThing(id, e, thing, fields), nil
	}
	value, ok := thing.Get(p)
	if !ok {
		// Ditto names the outermost part that is missing, but not features.
		for outer, op, more := at.parent(p); more; outer, op, more = outer.parent(op) {
			if _, there := thing.Get(op); !there {
				at, p = outer, op
			}
		}
		return nil, at.notFound(id, p)
	}
	if fields != nil && at.hasFields() {
		value = value.SelectBelow(p, *fields)
	}
	return value, nil
}

func (r resource) hasFields() bool {
	switch r {
	case resAttributes, resFeatures, resFeature, resProperties, resDesiredProperties:
		return true
	}
	return false
}

// parseFields reads a field selector; nil when there is none.
func parseFields(fields string) (*jsondoc.Selector, *protocol.Error) {
	if fields == "" {
		return nil, nil
	}
	selector, err := jsondoc.ParseSelector(fields)
	if err != nil {
		return nil, protocol.FieldSelectorInvalid(fields, err)
	}
	return &selector, nil
}

// selectThing is a Thing, or the fields of it that are asked for. Those that
// begin with an underscore are not part of it otherwise.
func (s *Service) selectThing(id string, e store.Entry, thing *jsondoc.Value, fields *jsondoc.Selector) *jsondoc.Value {
	if fields == nil {
		return thing
	}
	var special []jsondoc.Member
	for _, p := range fields.Pointers() {
		known := func(m jsondoc.Member) bool { return m.Name == p[0] }
		if v := s.specialField(p[0], id, e); v != nil && !slices.ContainsFunc(special, known) {
			special = append(special, jsondoc.Member{Name: p[0], Value: v})
		}
	}
	if special != nil {
		members := make([]jsondoc.Member, 0, thing.Len()+len(special))
		for name, v := range thing.Members() {
			members = append(members, jsondoc.Member{Name: name, Value: v})
		}
		thing = jsondoc.Object(append(members, special...)...)
	}
	return thing.Select(*fields)
}

// specialField is a field of a Thing that is there only for those who ask for
// it, nil when there is none of this name.
func (s *Service) specialField(name, id string, e store.Entry) *jsondoc.Value {
	switch name {
	case "_revision":
		return jsondoc.Int(int64(e.Revision))
	case "_modified":
		return jsondoc.String(string(protocol.AppendTime(nil, e.Modified)))
	case "_created":
		return jsondoc.String(string(protocol.AppendTime(nil, e.Created)))
	case "_namespace":
		namespace, _, _ := strings.Cut(id, ":")
		return jsondoc.String(namespace)
	}
	return nil
}

// answerSize bounds what is answered to a retrieve of many Things: an ID takes
// a few bytes in the question, and its Thing a hundred KiB in the answer.
const answerSize = 8 << 20

// retrieveMany answers a retrieve of the Things that the value names. Those
// that are not there are left out of the answer, which is in the order of the
// question.
func (s *Service) retrieveMany(cmd *Command, done func(*Outcome)) *protocol.Error {
	m := cmd.Message
	if len(m.Path) > 0 {
		return protocol.TopicPathUnknown(m.Topic, m.Path)
	}
	fields, perr := parseFields(m.Fields)
	if perr != nil {
		return perr
	}
	ids, perr := thingIDs(m)
	if perr != nil {
		return perr
	}
	things := make([]*jsondoc.Value, 0, len(ids))
	var seq uint64
	var size int
	for _, id := range ids {
		e, err := s.store.View(store.Key{Kind: kindThing, ID: id})
		if err != nil {
			return protocol.ThingUnavailable(id, err)
		}
		seq = max(seq, e.Seq)
		thing, perr := s.view(id, e, resThing, nil, fields, cmd.Sender.Subjects)
		if perr != nil {
			continue
		}
		if size += thing.Size(); size > answerSize {
			s.refuseAfter(seq, cmd, protocol.AnswerTooLarge(answerSize), done)
			return nil
		}
		things = append(things, thing)
	}
	s.answer(seq, cmd, jsondoc.Array(things...), done)
	return nil
}

// thingIDs are the IDs in the value of a retrieve of many Things.
func thingIDs(m *protocol.Message) ([]string, *protocol.Error) {
	at := jsondoc.Pointer{"thingIds"}
	if m.Value == nil {
		return nil, protocol.JSONValueMissing("an object with thingIds")
	}
	list, ok := m.Value.Member(at[0])
	if !ok || list.Kind() != jsondoc.KindArray {
		return nil, protocol.JSONFormatInvalid(at, "an array of Thing IDs")
	}
	ids := make([]string, 0, list.Len())
	for v := range list.Elements() {
		id, ok := v.Text()
		if !ok {
			return nil, protocol.JSONFormatInvalid(at, "an array of Thing IDs")
		}
		parsed, err := protocol.ParseThingID(id)
		if err != nil {
			return nil, protocol.AsError(err)
		}
		if m.Topic.Namespace != protocol.Placeholder && parsed.Namespace != m.Topic.Namespace {
			return nil, protocol.JSONFormatInvalid(at, "Thing IDs of the topic's namespace "+strconv.Quote(m.Topic.Namespace))
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil, protocol.ThingIDsMissing()
	}
	return ids, nil
}
