package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/recording"
	"github.com/twinbroker/twinbroker/mapping"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// trialSender is who changes the Thing of a trial.
func trialSender(client string) twin.Sender {
	if client == "" {
		client = defaultClient
	}
	return twin.Sender{Client: client, Subjects: []string{config.AnonymousSubject}}
}

// commandsOf are the changes of mappings as the broker hands them to the twin.
func commandsOf(changes []mapping.Change, m *recording.Message) []*twin.Command {
	cmds := make([]*twin.Command, len(changes))
	for i, c := range changes {
		cmds[i] = &twin.Command{Message: c.Message, Sender: trialSender(m.Client), MustExist: c.Create == nil && !c.Ditto}
		if c.Create != nil {
			cmds[i].Create = &twin.Create{Policy: c.Create.Policy, Initial: c.Create.Initial}
		}
	}
	return cmds
}

// envelope tells a twin event to the publications, or those that follow from
// any other envelope.
func (d *dryRun) envelope(r *dryResult) error {
	m, err := protocol.ParseMessage([]byte(r.entry.Envelope.String()), nil, jsondoc.Limits{})
	if err != nil {
		r.refused = protocol.AsError(err)
		return nil
	}
	if m.Topic.Criterion == protocol.Events {
		d.tell(r, m, thingAfter(r.entry.Thing, m))
		return nil
	}
	return d.apply(r, []*twin.Command{{Message: m, Sender: trialSender(r.entry.Message.Client)}})
}

// tell tells an event to the publications; thing is the Thing after it.
func (d *dryRun) tell(r *dryResult, event *protocol.Message, thing mapping.Thing) {
	r.events = append(r.events, told{event: event, publications: d.cfg.Published.Explain(event, thing)})
}

// thingAfter is what an event that somebody gives makes of the Thing that is
// there already, or of an empty one.
func thingAfter(thing *jsondoc.Value, event *protocol.Message) mapping.Thing {
	if thing == nil || thing.Kind() != jsondoc.KindObject {
		thing = jsondoc.Object()
	}
	id := jsondoc.Member{Name: "thingId", Value: jsondoc.String(event.Topic.EntityID())}
	thing = thing.Merge(jsondoc.Object(id))
	value := event.Value
	if value == nil {
		value = jsondoc.Null()
	}
	var err error
	switch event.Topic.Action {
	case protocol.ActionDeleted:
		if len(event.Path) == 0 {
			return mapping.Thing{}
		}
		thing, _ = thing.Delete(event.Path)
	case protocol.ActionMerged, protocol.ActionMigrated:
		thing, err = thing.MergePatterns(jsondoc.Nest(event.Path, value))
	default:
		thing, err = thing.Set(event.Path, value)
	}
	if err != nil { // no event of such a Thing
		return mapping.Thing{}
	}
	return mapping.Thing{Value: thing}
}

// apply applies commands to the Thing of the trial, with the code that the
// broker has for it, in a folder that is gone afterwards. The Thing is the one
// that the entry says. Where it says none, there is none if the commands may
// make one, and else an empty one.
func (d *dryRun) apply(r *dryResult, cmds []*twin.Command) error {
	dir, err := os.MkdirTemp("", "twinbroker-map-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	at := r.entry.Message.Time
	service, err := twin.Open(dir, twin.Options{
		ThingSize: documentLimit(d.cfg.Limits.ThingSize), DropEmptied: d.cfg.Merge.DropEmptied, PolicySize: documentLimit(d.cfg.Limits.PolicySize),
		Store: store.Options{SegmentSize: trialSegment, Clock: func() time.Time { return at }},
	})
	if err != nil {
		return fmt.Errorf("a store for the trial, in %s: %w", dir, err)
	}
	defer service.Close()
	handle := func(cmds []*twin.Command) *twin.Outcome {
		done := make(chan *twin.Outcome, 1)
		service.HandleTogether(cmds, func(o *twin.Outcome) { done <- o })
		return <-done
	}
	given := map[string]bool{}
	for _, cmd := range cmds {
		id := cmd.Message.Topic.EntityID()
		if given[id] || r.entry.Thing == nil && mayMake(cmd) {
			continue
		}
		given[id] = true
		if o := handle([]*twin.Command{thingBefore(cmd.Message.Topic, r.entry.Thing)}); o.Err != nil {
			return fmt.Errorf("the Thing that is there already cannot be made: %s", o.Err.Message)
		}
	}
	o := handle(cmds)
	switch {
	case o.Err == nil:
		for _, e := range o.Events {
			after := o.ThingAfter(e)
			d.tell(r, e, mapping.Thing{Value: after.Value, Metadata: after.Metadata, Created: after.Created})
		}
	case r.trace != nil && slices.Contains(cmds, o.Refused):
		d.refuse(r, o.Err, slices.Index(cmds, o.Refused))
	default:
		r.refused = o.Err
	}
	return nil
}

// trialSegment is the size of the journal of a trial, which holds a few
// changes.
const trialSegment = 1 << 20

// check looks for what the twin would refuse whatever it has.
func (d *dryRun) check(r *dryResult, cmds []*twin.Command) {
	for i, cmd := range cmds {
		if !writes(&cmd.Message.Topic) {
			continue
		}
		if err := twin.Check(cmd); err != nil {
			d.refuse(r, err, i)
			return
		}
	}
}

// writes says whether a command writes a value into a Thing.
func writes(t *protocol.Topic) bool {
	writes := t.Action == protocol.ActionCreate || t.Action == protocol.ActionModify || t.Action == protocol.ActionMerge
	return writes && t.Group == protocol.Things && t.Channel == protocol.Twin && t.Criterion == protocol.Commands
}

// refuse is for an error of one of the changes.
func (d *dryRun) refuse(r *dryResult, err *protocol.Error, at int) {
	change := &r.trace.Changes[at]
	r.refused = d.cfg.Rules.Refused(err, change)
	for i := range r.trace.Rules {
		if t := &r.trace.Rules[i]; t.Rule == change.Rule {
			t.Err = r.refused
		}
	}
	r.trace.Changes = nil
}

// mayMake says whether a command may make its Thing.
func mayMake(cmd *twin.Command) bool {
	switch cmd.Message.Topic.Action {
	case protocol.ActionCreate, protocol.ActionModify, protocol.ActionMerge:
		return cmd.Create != nil || !cmd.MustExist && len(cmd.Message.Path) == 0
	}
	return false
}

// thingBefore makes the Thing that is there already.
func thingBefore(topic protocol.Topic, thing *jsondoc.Value) *twin.Command {
	if thing == nil {
		thing = jsondoc.Object()
	}
	members := []jsondoc.Member{}
	for name, v := range thing.Members() {
		if name != "thingId" { // the one of the change is meant
			members = append(members, jsondoc.Member{Name: name, Value: v})
		}
	}
	return &twin.Command{
		Sender: trialSender(""),
		Message: &protocol.Message{
			Topic: protocol.Topic{
				Namespace: topic.Namespace, Name: topic.Name,
				Group: protocol.Things, Channel: protocol.Twin, Criterion: protocol.Commands, Action: protocol.ActionModify,
			},
			Value: jsondoc.Object(members...),
		},
	}
}
