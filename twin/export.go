package twin

import (
	"context"
	"errors"
	"strconv"

	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// Line is a Thing or a Policy as text, as [Service.EachEntity] gives it.
type Line struct {
	Policy bool // or else a Thing
	ID     string
	Text   []byte // valid until fn returns
	// Damage, unless nil, says why there is no text: what is stored of it is
	// damaged. Where the ID is empty, so is what would lead to all that follow of
	// its kind.
	Damage error
}

// EachEntity gives every Policy and then every Thing to fn, each sorted by ID.
// The text has the special fields _revision, _modified and _created behind all
// others: it is what [Service.ReadEntity] reads. Each is shown as it is when
// its turn comes, once that is on disk; if nothing changes meanwhile, all are of
// one moment. What is made or deleted meanwhile may be there or not.
//
// It ends with fn's first error, the context's, or that of reading.
func (s *Service) EachEntity(ctx context.Context, fn func(*Line) error) error {
	var line Line
	var stop error // of fn or the context
	for _, kind := range [...]store.Kind{kindPolicy, kindThing} {
		err := s.store.Walk(kind, func(e *store.Standing) error {
			line = Line{Policy: kind == kindPolicy, ID: e.ID, Text: line.Text[:0], Damage: e.Damage}
			if e.Damage == nil {
				line.Text = appendEntity(line.Text, e)
			}
			if stop = fn(&line); stop == nil {
				stop = ctx.Err()
			}
			return stop
		})
		if stop == nil && errors.Is(err, store.ErrDamaged) {
			err = fn(&Line{Policy: kind == kindPolicy, Damage: err})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func appendEntity(dst []byte, e *store.Standing) []byte {
	dst = append(dst, e.Text[:len(e.Text)-1]...) // without the brace; there is an ID in it at least
	dst = append(dst, `,"`+fieldRevision+`":`...)
	dst = strconv.AppendUint(dst, e.Revision, 10)
	dst = append(dst, `,"`+fieldModified+`":"`...)
	dst = protocol.AppendTime(dst, e.Modified)
	dst = append(dst, `","`+fieldCreated+`":"`...)
	dst = protocol.AppendTime(dst, e.Created)
	return append(dst, `"}`...)
}
