package twin

import (
	"strconv"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
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
	moment, perr := m.Headers.At()
	if perr != nil {
		return perr
	}
	asked, perr := askedOf(m)
	if perr != nil {
		return perr
	}
	id := m.Topic.EntityID()
	e, err := s.store.View(store.Key{Kind: kindThing, ID: id})
	if err != nil {
		return protocol.ThingUnavailable(id, err)
	}
	thing := documentOf(e).Value
	if thing == nil {
		s.refuseAfter(e.Seq, cmd, protocol.ThingNotFound(id), done)
		return nil
	}
	may, perr := s.rightsOf(id, documentOf(e), &cmd.Sender)
	if perr != nil {
		return perr
	}
	e.Seq = max(e.Seq, may.seq)
	if err := may.mayRead(cmd, &asked, id, at, m.Path); err != nil {
		s.refuseAfter(e.Seq, cmd, err, done)
		return nil
	}
	if !moment.IsPresent() {
		past := &pastRead{s: s, cmd: cmd, done: done, moment: moment, asked: asked, at: at, fields: fields}
		past.one(pastThing{id, may, e.Created, documentOf(e).policyID()}, e)
		return nil
	}
	o := s.show(cmd, &asked, id, &e, at, fields, &may, s.currentPolicy)
	s.tellAfter(e.Seq, cmd, o, done)
	return nil
}

// show is the outcome of a retrieve of a Thing that is, or was, as e says, by
// who may READ something of it. It depends on what stands at e.Seq in the
// journal.
func (s *Service) show(cmd *Command, asked *asked, id string, e *store.Entry, at resource, fields *jsondoc.Selector, may *rights, find policies) *Outcome {
	m := cmd.Message
	doc := documentOf(*e)
	tag := may.tag(doc.Value, e.Revision, at, m.Path)
	metadata, err := asked.metadataToGet(m, at, doc, may)
	if err == nil {
		err = asked.forbids(cmd, id, *e, tag, tagExempt(fields))
	}
	if err != nil {
		o := unread(cmd, err)
		o.Overruled = may.overruled
		return o
	}
	value, err := s.view(id, e, at, m.Path, fields, may, find)
	if err != nil {
		return refusal(cmd, err)
	}
	o := found(cmd, value)
	o.Overruled = may.overruled
	if o.Response != nil {
		o.Response.Headers.Set(protocol.HeaderEntityRevision, jsondoc.Int(int64(e.Revision)))
		tellTag(o.Response, tag)
		o.Response.Headers.Set(protocol.HeaderMetadata, metadata)
		asked.tellLive(o.Response, cmd, id, *e)
	}
	return o
}

// unread is what came of a retrieve that its headers do not let happen. That
// the sender has the value already is no refusal.
func unread(cmd *Command, err *protocol.Error) *Outcome {
	o := refusal(cmd, err)
	if err.Status == 304 {
		o.Err, o.Refused = nil, nil
		if !cmd.Message.Headers.ResponseRequired() {
			o.Response = nil
		}
	}
	return o
}

// found is the outcome of a retrieve that finds a value. Nobody is told what he
// does not want to know: where the sender wants no response, there is none.
func found(cmd *Command, value *jsondoc.Value) *Outcome {
	o := new(Outcome)
	if cmd.Message.Headers.ResponseRequired() {
		o.Response = respond(cmd, cmd.Message.Path, 200, value)
	}
	return o
}

// view is what may be READ of what stands at a path of a Thing that is, or was,
// as e says. What it gives depends on what stands at e.Seq in the journal.
func (s *Service) view(id string, e *store.Entry, at resource, p jsondoc.Pointer, fields *jsondoc.Selector,
	may *rights, find policies) (*jsondoc.Value, *protocol.Error) {
	thing := documentOf(*e).Value
	if at == resThing {
		return s.selectThing(id, e, fields, may, find)
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
	if at != resThingID {
		if value, ok = may.see(p, value); !ok {
			return nil, at.notFound(id, p)
		}
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
	moment, perr := m.Headers.At()
	if perr != nil {
		return perr
	}
	asked, perr := askedOf(m)
	if perr != nil {
		return perr
	}
	past := &pastRead{s: s, cmd: cmd, done: done, moment: moment, asked: asked, at: resThing, fields: fields}
	things := make([]*jsondoc.Value, 0, len(ids))
	var were []pastThing // those that can be looked for in the past
	var overruled bool
	var seq uint64
	var size int
	for _, id := range ids {
		e, err := s.store.View(store.Key{Kind: kindThing, ID: id})
		if err != nil {
			return protocol.ThingUnavailable(id, err)
		}
		seq = max(seq, e.Seq)
		if documentOf(e).Value == nil {
			continue
		}
		may, perr := s.rightsOf(id, documentOf(e), &cmd.Sender)
		if perr != nil {
			return perr
		}
		seq = max(seq, may.seq)
		if may.mayRead(cmd, &asked, id, resThing, nil) != nil {
			continue
		}
		if !moment.IsPresent() {
			if past.refused(id, e) == nil {
				were = append(were, pastThing{id, may, e.Created, documentOf(e).policyID()})
			}
			continue
		}
		if asked.forbids(cmd, id, e, "", true) != nil {
			continue
		}
		thing, perr := s.view(id, &e, resThing, nil, fields, &may, s.currentPolicy)
		seq = max(seq, e.Seq)
		overruled = overruled || may.overruled
		if perr != nil {
			return perr
		}
		if size += thing.Size(); size > answerSize {
			s.refuseAfter(seq, cmd, protocol.AnswerTooLarge(answerSize), done)
			return nil
		}
		things = append(things, thing)
	}
	if !moment.IsPresent() {
		past.many(were, seq)
		return nil
	}
	o := found(cmd, jsondoc.Array(things...))
	o.Overruled = overruled
	s.tellAfter(seq, cmd, o, done)
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
