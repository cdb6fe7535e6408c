package twin

import (
	"strconv"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// Migration of a Thing's definition (Ditto's page httpapi-concepts, "Migrate
// Thing definitions"; its MigrateThingDefinitionStrategy), and the header
// dry-run, which is for migrations only.
//
// A migration is one merge of the Thing: its new definition, and the
// migrationPayload without the parts whose patchConditions do not hold (and
// without the objects that are emptied by that). Texts in the payload may be
// placeholders for what the Thing has, as far as the sender may READ it:
// {{ thing-json:attributes/x }}. No
// skeleton is made of the definition's WoT Thing Model, so there are no default
// values from which initializeMissingPropertiesFromDefaults could initialize
// anything.
//
// The event migrated and the response tell the patch; with dry-run the response
// is all that there is.

const (
	memberDefinitionURL    = "thingDefinitionUrl"
	memberMigrationPayload = "migrationPayload"
	memberPatchConditions  = "patchConditions"
	memberInitialize       = "initializeMissingPropertiesFromDefaults"
)

// migration is the value of the command, read.
type migration struct {
	definition *jsondoc.Value
	payload    *jsondoc.Value // an object
}

// migrate applies the action of that name. An error that it returns depends on
// nothing that is stored.
func (s *Service) migrate(cmd *Command, done func(*Outcome)) *protocol.Error {
	m := cmd.Message
	if len(m.Path) > 0 {
		return protocol.TopicPathUnknown(m.Topic, m.Path)
	}
	w := &writing{s: s, cmd: cmd, done: done, at: resThing, change: change{op: opMerge}}
	if _, err := m.Topic.ThingID(); err != nil {
		return protocol.AsError(err)
	}
	w.id = m.Topic.EntityID()
	w.key = store.Key{Kind: kindThing, ID: w.id}
	var err *protocol.Error
	if w.asked, err = askedOf(m); err != nil {
		return err
	}
	mig, err := w.readMigration()
	if err != nil {
		return err
	}
	tx, failed := s.store.Begin(w.key)
	if failed != nil {
		done(unavailable(cmd, failed))
		return nil
	}
	w.applyMigration(tx, mig)
	return nil
}

func (w *writing) readMigration() (mig migration, err *protocol.Error) {
	m := w.cmd.Message
	if m.Value == nil {
		return mig, protocol.JSONValueMissing("the new definition")
	}
	if m.Value.Kind() != jsondoc.KindObject {
		return mig, protocol.JSONFormatInvalid(nil, "a migration, as an object")
	}
	if err := w.checkDepth(m); err != nil {
		return mig, err
	}
	mig.payload = jsondoc.Object()
	for name, part := range m.Value.Members() {
		want := part.Kind()
		switch name {
		case memberDefinitionURL:
			mig.definition, want = part, jsondoc.KindString
		case memberMigrationPayload:
			mig.payload, want = part, jsondoc.KindObject
		case memberPatchConditions:
			if want = jsondoc.KindObject; part.Kind() == want {
				w.conditions, err = migrationConditions(part)
			}
		case memberInitialize:
			want = jsondoc.KindBool
		}
		if part.Kind() != want {
			return mig, protocol.JSONWrongKind(jsondoc.Pointer{name}.String(), part.Kind(), want)
		}
		if err != nil {
			return mig, err
		}
	}
	if mig.definition == nil {
		return mig, protocol.JSONFieldMissing("/" + memberDefinitionURL)
	}
	return mig, checkDefinition(jsondoc.Pointer{memberDefinitionURL}, mig.definition)
}

// migrationConditions reads the conditions of a migration, whose keys are those
// of a Policy's resources: thing:/path.
func migrationConditions(v *jsondoc.Value) ([]patchCondition, *protocol.Error) {
	var said []protocol.PatchCondition
	for key, expression := range v.Members() {
		at := jsondoc.Pointer{memberPatchConditions, key}
		_, path, ok := strings.Cut(key, ":")
		if !ok {
			return nil, memberError(protocol.JSONFormatInvalid(at, "a key like thing:/features/lamp"))
		}
		p, err := jsondoc.ParsePointer(path)
		if err != nil {
			return nil, protocol.PointerInvalid(path, err)
		}
		text, ok := expression.Text()
		if !ok {
			return nil, protocol.JSONFormatInvalid(at, "an RQL expression, as a string")
		}
		said = append(said, protocol.PatchCondition{Path: p, Expression: text})
	}
	return parsePatchConditions(said)
}

func (w *writing) applyMigration(tx *store.Tx, mig migration) {
	e := tx.Get(w.key)
	cur := documentOf(e)
	if cur.Value == nil {
		w.abort(tx, e, protocol.ThingNotFound(w.id))
		return
	}
	if err := w.mayMigrate(cur); err != nil {
		w.abort(tx, e, err)
		return
	}
	if !w.goesOn(tx, e, cur) {
		return
	}
	patch, err := w.migrationPatch(mig, e, cur)
	if err != nil {
		w.abort(tx, e, err)
		return
	}
	members := []jsondoc.Member{{Name: memberThingID, Value: jsondoc.String(w.id)}}
	for name, part := range patch.Members() {
		members = append(members, jsondoc.Member{Name: name, Value: part})
	}
	w.change.value = jsondoc.Object(members...).Compact()
	if patch.HasPatterns() {
		w.change.op = opPrune
	}
	if w.asked.what&protocol.AsksDryRun != 0 {
		w.tryMigration(tx, e, cur, patch)
		return
	}
	w.answer = migrationAnswer(w.id, patch, "APPLIED")
	w.commit(tx, e, cur, protocol.ActionMigrated, 200)
}

// migrationPatch is what the migration merges into the Thing, checked.
func (w *writing) migrationPatch(mig migration, e store.Entry, cur document) (*jsondoc.Value, *protocol.Error) {
	payload := mig.payload
	if len(w.conditions) > 0 {
		payload = withoutEmpty(w.allowed(payload, e, cur))
	}
	fill := filling{thing: cur.Value, rights: &w.rights, room: w.s.thingSize}
	if fill.room < 0 {
		fill.room = DefaultThingSize
	}
	limit := fill.room
	payload, err := fill.value(payload)
	if err == nil && (fill.room < 0 || payload.Size() > max(limit, mig.payload.Size())) {
		// Before it is written out: placeholders may say much in few words.
		err = protocol.ThingTooLarge(max(payload.Size(), limit-fill.room), limit)
	}
	if err == nil && payload.Depth() > w.s.depth {
		err = protocol.JSONFormatInvalid(nil, "at most "+strconv.Itoa(w.s.depth)+" levels of objects and arrays in a Thing")
	}
	if err != nil {
		return nil, err
	}
	parts, err := acceptThing(w.id, payload, true)
	if err != nil {
		return nil, err
	}
	var members []jsondoc.Member
	if parts.policyID != "" {
		members = append(members, jsondoc.Member{Name: memberPolicyID, Value: jsondoc.String(parts.policyID)})
	}
	if parts.definition == nil {
		parts.definition = mig.definition
	}
	for _, part := range [...]jsondoc.Member{
		{Name: memberDefinition, Value: parts.definition},
		{Name: memberAttributes, Value: parts.attributes},
		{Name: memberFeatures, Value: parts.features},
	} {
		if part.Value != nil {
			members = append(members, part)
		}
	}
	return jsondoc.Object(members...), nil
}

// tryMigration tells what the migration would do, and leaves it at that.
func (w *writing) tryMigration(tx *store.Tx, e store.Entry, cur document, patch *jsondoc.Value) {
	next, err := w.change.apply(cur)
	if err != nil {
		w.abort(tx, e, protocol.Internal(err))
		return
	}
	if err := w.s.checkSize(cur, next); err != nil {
		w.abort(tx, e, err)
		return
	}
	if err := w.mayChangePolicy(cur, next); err != nil {
		w.abort(tx, e, err)
		return
	}
	tx.Abort()
	o := &Outcome{Overruled: w.rights.overruled}
	if w.cmd.Message.Headers.ResponseRequired() {
		o.Response = respond(w.cmd, nil, 202, migrationAnswer(w.id, patch, "DRY_RUN"))
	}
	w.s.tellAfter(max(e.Seq, w.readTo), w.cmd, o, w.done)
}

func migrationAnswer(id string, patch *jsondoc.Value, status string) *jsondoc.Value {
	return jsondoc.Object(
		jsondoc.Member{Name: memberThingID, Value: jsondoc.String(id)},
		jsondoc.Member{Name: "patch", Value: patch},
		jsondoc.Member{Name: "mergeStatus", Value: jsondoc.String(status)})
}
