package twin

import (
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/rql"
	"github.com/twinbroker/twinbroker/twin/store"
)

// asked is what the headers of a command ask for beyond applying it. The zero
// value is of a command that asks for nothing, as most do.
type asked struct {
	what      protocol.Asks
	condition *rql.Filter // nil: none
	live      *rql.Filter // live-channel-condition; nil: none
}

// askedOf reads the headers that were admitted, and refuses what is wrong with
// them whatever the Thing is like.
func askedOf(m *protocol.Message) (a asked, err *protocol.Error) {
	a.what = m.Headers.Asks()
	if a.what&protocol.AsksCondition != 0 {
		if err = a.parseConditions(m); err != nil {
			return a, err
		}
	}
	if a.what&protocol.AsksMetadata != 0 {
		err = checkMetadataHeaders(m)
	}
	return a, err
}

// forbids is why the command must not be applied to the Thing as it is. Entity
// tags come before the condition, as Ditto's page basic-conditional-requests
// says (its code has it the other way round). tag is the entity tag of what the
// command is about; exempt: it has none that could be relied upon.
func (a *asked) forbids(cmd *Command, id string, e store.Entry, tag string, exempt bool) *protocol.Error {
	if a.what&protocol.AsksMatch != 0 && !exempt {
		if err := checkMatch(cmd.Message, tag); err != nil {
			return err
		}
	}
	if a.condition != nil {
		return checkCondition(a.condition, cmd, id, e)
	}
	return nil
}

// goesOn says whether the command's headers let it be applied; if not, its
// outcome is told.
func (w *writing) goesOn(tx *store.Tx, e store.Entry, cur document) bool {
	if w.asked.what == 0 {
		return true
	}
	tag := ""
	if w.asked.what&protocol.AsksMatch != 0 {
		tag = w.rights.tag(cur.Value, e.Revision, w.at, w.cmd.Message.Path)
	}
	if err := w.asked.forbids(w.cmd, w.id, e, tag, false); err != nil {
		w.abort(tx, e, err)
		return false
	}
	return true
}
