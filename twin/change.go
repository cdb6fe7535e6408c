package twin

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/store"
)

// document is the state of a Thing or of a Policy: the whole of it as JSON,
// without what the store knows (revision and times).
type document struct {
	*jsondoc.Value
	metadata *jsondoc.Value // of a Thing, beside its value; nil: none
	// held is how much text the value may keep in memory: its own as it was
	// made in one piece, and each value that changed it since. What is left of
	// one of those keeps all of it alive.
	held int
	// rulings are of a Thing; nil: nothing is remembered.
	rulings *rulings
}

var _ store.Folder = document{}

// newDocument is a document in one piece.
func newDocument(v *jsondoc.Value) document { return document{Value: v, held: v.Size()} }

// next is the document after it was changed to v by value. It is put into one
// piece again before it holds much more than it says; that costs as much as
// copying the text of the changes since the last time.
func (d document) next(v, value *jsondoc.Value) document {
	held := d.held
	if value != nil && value.Kind() >= jsondoc.KindObject {
		held += value.Size()
	}
	if held > 2*v.Size()+heldAnyway {
		return newDocument(v.Compact())
	}
	return document{Value: v, held: held}
}

const heldAnyway = 4096

// Fold gives the document in one piece.
func (d document) Fold() store.State {
	if d.metadata != nil {
		return d.foldAll()
	}
	if d.held > d.Value.Size() {
		return newDocument(d.Compact())
	}
	v := d.Value.Fold()
	if v == d.Value {
		return d
	}
	return newDocument(v)
}

// Unfolded is what has been looked up or changed in the document beside its
// text; nothing when it is in one piece.
func (d document) Unfolded() int {
	parts := d.Value.Unfolded()
	if parts != 0 {
		parts += max(0, d.held-d.Value.Size())
	}
	if d.metadata != nil {
		parts += d.metadata.Unfolded()
	}
	return parts
}

// recovered is for texts that the store keeps: they were checked when they
// came in, and may be nested deeper as a whole than a message may be.
var recovered = jsondoc.Limits{Depth: 4096, Folded: true}

func decodeDocument(text []byte) (store.State, error) {
	v, err := jsondoc.Parse(text, recovered)
	if err != nil {
		return nil, err
	}
	if v.Kind() != jsondoc.KindObject {
		return nil, fmt.Errorf("a document is an object, not a %s", v.Kind())
	}
	return splitMetadata(v), nil
}

// op is what a change does. The numbers are written into the journal and
// never change their meaning.
type op uint8

const (
	opPut    op = 1 // the whole document is replaced
	opSet    op = 2 // the value at the path is replaced or added
	opMerge  op = 3 // the value is a merge patch (RFC 7396) for what is at the path
	opDelete op = 4 // what is at the path goes
	opRemove op = 5 // the whole document goes
	opPrune  op = 6 // opMerge with patterns in it, which remove what they match first

	// withMetadata is added to the number of a change that brings metadata.
	withMetadata op = 0x40
)

// change is one change of a document, as it stands in the journal: the op, the
// length of the path and the path, where it brings metadata the length of their
// text and the text, and what is left is the value's text.
type change struct {
	op       op
	path     jsondoc.Pointer
	value    *jsondoc.Value // nil for opDelete and opRemove
	metadata *jsondoc.Value // what the metadata at the path are then; nil: it brings none
}

// appendTo appends the record.
func (c *change) appendTo(dst []byte) []byte {
	if c.metadata != nil {
		dst = append(dst, byte(c.op|withMetadata))
	} else {
		dst = append(dst, byte(c.op))
	}
	if c.op == opPut || c.op == opRemove {
		dst = append(dst, 0)
	} else {
		// The length is written in one byte, for nearly all paths, and put
		// right where that is not enough.
		at := len(dst)
		dst = append(dst, 0)
		dst = c.path.AppendTo(dst)
		if n := len(dst) - at - 1; n < 0x80 {
			dst[at] = byte(n)
		} else {
			path := string(dst[at+1:])
			dst = binary.AppendUvarint(dst[:at], uint64(n))
			dst = append(dst, path...)
		}
	}
	if c.metadata != nil {
		dst = binary.AppendUvarint(dst, uint64(c.metadata.Size()))
		dst = c.metadata.AppendTo(dst)
	}
	if c.value != nil {
		dst = c.value.AppendTo(dst)
	}
	return dst
}

var errRecord = errors.New("the record of a change is cut off")

// decodeChange reads a record. The value is a copy, so that the document does
// not keep hold of the record.
func decodeChange(record []byte) (change, error) {
	if len(record) < 2 {
		return change{}, errRecord
	}
	c := change{op: op(record[0]) &^ withMetadata}
	n, size := binary.Uvarint(record[1:])
	if size <= 0 || n > uint64(len(record)-1-size) {
		return change{}, errRecord
	}
	rest := record[1+size:]
	var err error
	if c.path, err = jsondoc.ParsePointer(string(rest[:n])); err != nil {
		return change{}, err
	}
	rest = rest[n:]
	if op(record[0])&withMetadata != 0 {
		if c.metadata, rest, err = cutMetadata(rest); err != nil {
			return change{}, err
		}
	}
	if text := rest; len(text) > 0 {
		if c.value, err = jsondoc.Parse(append([]byte(nil), text...), recovered); err != nil {
			return change{}, err
		}
	}
	return c, nil
}

// apply gives the document after the change, one without a value when it goes.
// It is the only way in which documents change, live and when the journal is
// read again.
//
// As in Ditto, an object takes the place of what is in the way of a path: a
// number, an array or the like.
func (c *change) apply(cur document) (document, error) {
	next, err := c.applyToValue(cur)
	if err == nil && (cur.metadata != nil || c.metadata != nil) {
		next.metadata = c.metadataAfter(cur, next.Value)
	}
	return next, err
}

// applyToValue is apply without metadata.
func (c *change) applyToValue(cur document) (document, error) {
	switch c.op {
	case opPut:
		return newDocument(c.value), nil
	case opRemove:
		return document{}, nil
	}
	if cur.Value == nil {
		return document{}, fmt.Errorf("change %d of %s: there is no document", c.op, c.path)
	}
	switch c.op {
	case opSet:
		return cur.next(cur.Overwrite(c.path, c.value), c.value), nil
	case opMerge:
		return cur.next(cur.Merge(jsondoc.Nest(c.path, c.value)), c.value), nil
	case opPrune:
		next, err := cur.MergePatterns(jsondoc.Nest(c.path, c.value))
		if err != nil {
			return document{}, err
		}
		return cur.next(next, c.value), nil
	case opDelete:
		next, _ := cur.Delete(c.path)
		return cur.next(next, nil), nil
	}
	return document{}, fmt.Errorf("there is no change of kind %d", c.op)
}

// applyRecord is apply for the store, when it reads the journal again.
func applyRecord(cur store.State, record []byte) (store.State, error) {
	c, err := decodeChange(record)
	if err != nil {
		return nil, err
	}
	if c.value == nil && c.op != opDelete && c.op != opRemove {
		return nil, errRecord
	}
	var was document
	if cur != nil {
		was = cur.(document)
	}
	next, err := c.apply(was)
	if err != nil || next.Value == nil {
		return nil, err
	}
	return next, nil
}
