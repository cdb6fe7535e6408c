package twin

import (
	"context"
	"strconv"

	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// EachEntity gives the text of every Policy and then of every Thing to fn, each
// sorted by ID, with the special fields _revision, _modified and _created
// behind all others: what [Service.ReadEntity] reads. The text is valid until
// fn returns. Each is shown as it is when its turn comes, once that is on disk;
// if nothing changes meanwhile, all are of one moment.
//
// It ends with fn's first error, the context's, or that of reading.
func (s *Service) EachEntity(ctx context.Context, fn func(policy bool, line []byte) error) error {
	var line []byte
	for _, kind := range [...]store.Kind{kindPolicy, kindThing} {
		err := s.store.Walk(kind, func(e *store.Standing) error {
			line = appendEntity(line[:0], e)
			if err := fn(kind == kindPolicy, line); err != nil {
				return err
			}
			return ctx.Err()
		})
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
