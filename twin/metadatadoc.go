package twin

import (
	"encoding/binary"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/store"
)

// How metadata are kept: beside the Thing's value in its document, as the
// member _metadata behind all others in the text of its state, and with the
// change that brings them in the journal. So they are part of its history too.

// fieldMetadata is their name as a special field.
const fieldMetadata = "_metadata"

// AppendTo appends the text of the state.
func (d document) AppendTo(dst []byte) []byte {
	dst = d.Value.AppendTo(dst)
	if d.metadata == nil {
		return dst
	}
	dst = append(dst[:len(dst)-1], `,"`+fieldMetadata+`":`...) // there is an ID before it at least
	return append(d.metadata.AppendTo(dst), '}')
}

// Size is the length of that text.
func (d document) Size() int {
	n := d.Value.Size()
	if d.metadata != nil {
		n += len(`,"`+fieldMetadata+`":`) + d.metadata.Size()
	}
	return n
}

// foldAll is Fold for a document with metadata.
func (d document) foldAll() store.State {
	value, metadata := d.Value.Fold(), d.metadata.Fold()
	if d.held > d.Value.Size() {
		value = d.Value.Compact()
	}
	if value == d.Value && metadata == d.metadata {
		return d
	}
	next := newDocument(value)
	next.metadata = metadata
	return next
}

// splitMetadata is the document of the text of a state.
func splitMetadata(v *jsondoc.Value) document {
	if !strings.Contains(v.String(), `"`+fieldMetadata+`":`) {
		return newDocument(v)
	}
	metadata, ok := v.Member(fieldMetadata)
	if !ok {
		return newDocument(v)
	}
	value, _ := v.Delete(jsondoc.Pointer{fieldMetadata})
	d := newDocument(value.Compact())
	d.metadata = metadata.Compact()
	return d
}

// cutMetadata reads the metadata in a record, and gives what is behind them.
func cutMetadata(record []byte) (metadata *jsondoc.Value, rest []byte, _ error) {
	n, size := binary.Uvarint(record)
	if size <= 0 || n > uint64(len(record)-size) {
		return nil, nil, errRecord
	}
	text, rest := record[size:size+int(n)], record[size+int(n):]
	metadata, err := jsondoc.Parse(append([]byte(nil), text...), recovered)
	return metadata, rest, err
}

// metadataAfter are the metadata after the change, which made after of cur
// (Ditto's AbstractThingEventStrategy). Those of what a deletion or a merge
// takes away go with it; what a modify replaces keeps its own, unless there is
// nothing in it any more.
func (c *change) metadataAfter(cur document, after *jsondoc.Value) *jsondoc.Value {
	is := cur.metadata
	if after == nil || c.metadata != nil && len(c.path) == 0 {
		return c.metadata
	}
	if is == nil {
		is = jsondoc.Object()
	}
	if c.metadata != nil {
		is = is.Overwrite(c.path, c.metadata)
	}
	switch c.op {
	case opMerge, opPrune, opDelete:
		is = withoutGone(is, cur.Value, after)
	case opSet:
		if c.metadata == nil && c.value.Kind() == jsondoc.KindObject && c.value.Len() == 0 {
			if _, ok := is.Get(c.path); ok {
				is = is.Overwrite(c.path, c.value)
			}
		}
	}
	if is == cur.metadata {
		return is
	}
	return is.Compact()
}

// withoutGone are metadata without those of what was there and is not any more.
func withoutGone(metadata, was, is *jsondoc.Value) *jsondoc.Value {
	if metadata.Kind() != jsondoc.KindObject || was.Kind() != jsondoc.KindObject || was == is {
		return metadata
	}
	kept := keeper{from: metadata}
	for name, m := range metadata.Members() {
		before, ok := was.Member(name)
		if !ok {
			kept.keep(name, m, m)
			continue
		}
		if after, ok := is.Member(name); ok {
			kept.keep(name, m, withoutGone(m, before, after))
		} else {
			kept.drop()
		}
	}
	return kept.object()
}
