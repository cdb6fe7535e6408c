package twin

import (
	"strconv"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Metadata, and the headers put-metadata, get-metadata, delete-metadata and
// ditto-metadata (Ditto's page basic-metadata; its AbstractThingCommandStrategy
// and MetadataFromCommand). Metadata are an object with the Thing's structure,
// in which something is said about its parts. A command's headers name places
// in it relative to the command's path.
//
// A Thing that is made takes the metadata in its _metadata; those of any other
// command are left aside. Metadata are told to who retrieves the field
// _metadata or has get-metadata; events and responses do not have them, as in
// Ditto. They count for the size of the Thing.

// checkMetadataHeaders: a command has at most one of the three.
func checkMetadataHeaders(m *protocol.Message) *protocol.Error {
	n := 0
	for _, key := range [...]string{protocol.HeaderPutMetadata, protocol.HeaderGetMetadata, protocol.HeaderDeleteMetadata} {
		if m.Headers.Value(key) != nil {
			n++
		}
	}
	switch {
	case n <= 1:
		return nil
	case m.Topic.Action == protocol.ActionRetrieve:
		return protocol.MetadataConflict("'get-metadata'")
	}
	return protocol.MetadataConflict("'put-metadata' or 'delete-metadata'")
}

// describe finds the metadata that the change brings.
func (w *writing) describe(cur document) *protocol.Error {
	asks := w.asked.what&protocol.AsksMetadata != 0
	inline := w.parts.metadata
	if cur.Value != nil {
		inline = nil
	}
	if !asks && inline == nil {
		return nil
	}
	h := &w.cmd.Message.Headers
	entries := h.MetadataToPut()
	switch {
	case inline != nil && len(entries) > 0:
		return protocol.MetadataNotModifiable()
	case inline != nil:
		w.change.metadata = inline.Compact()
	case w.change.op == opDelete || w.change.op == opRemove || w.change.value.IsNull() && w.change.op.merges():
		// What goes takes its metadata with it.
	case len(entries) > 0:
		return w.putMetadata(cur, entries)
	default:
		if fields := h.MetadataFields(protocol.HeaderDeleteMetadata); fields != nil {
			return w.deleteMetadata(cur, fields)
		}
	}
	return nil
}

// metadataAt are the metadata of what is at the path; nil where there are none.
func (d document) metadataAt(p jsondoc.Pointer) *jsondoc.Value {
	if d.metadata == nil {
		return nil
	}
	m, ok := d.metadata.Get(p)
	if !ok || m.Kind() != jsondoc.KindObject {
		return nil
	}
	return m
}

// putMetadata adds entries to the metadata of what the command is about.
// Wildcards stand for what is in the command's value.
func (w *writing) putMetadata(cur document, entries []protocol.MetadataEntry) *protocol.Error {
	is := metadataTree{value: cur.metadataAt(w.change.path)}
	x := expansion{header: protocol.HeaderPutMetadata, of: w.at, value: w.change.value}
	for _, e := range entries {
		targets, err := x.expand(e.Key)
		if err != nil {
			return err
		}
		if err := w.mayDescribe(targets...); err != nil {
			return err
		}
		depth := len(w.change.path) + e.Value.Depth()
		for _, p := range targets {
			if depth+len(p) > w.s.depth {
				return protocol.HeaderUnusable(protocol.HeaderPutMetadata,
					"Metadata would be nested in more than "+strconv.Itoa(w.s.depth)+" levels.")
			}
			is.set(p, e.Value)
		}
	}
	w.change.metadata = is.object().Compact()
	return nil
}

// deleteMetadata takes the fields out of the metadata of what the command is
// about. Wildcards stand for what is in the Thing as it is.
func (w *writing) deleteMetadata(cur document, fields []jsondoc.Pointer) *protocol.Error {
	is := cur.metadataAt(w.change.path)
	if isAllMetadata(fields) {
		if is != nil {
			w.change.metadata = jsondoc.Object()
		}
		return w.mayDescribe(nil)
	}
	targets, err := expandFields(protocol.HeaderDeleteMetadata, w.at, cur.Value, w.change.path, fields)
	if err == nil {
		err = w.mayDescribe(targets...)
	}
	if err != nil || is == nil {
		return err
	}
	left := metadataTree{value: is}
	for _, p := range targets {
		left.remove(p)
	}
	w.change.metadata = withoutEmpty(left.object()).Compact()
	return nil
}

// withoutEmpty is the object without the objects in it that have nothing in
// them.
func withoutEmpty(v *jsondoc.Value) *jsondoc.Value {
	kept := keeper{from: v}
	for name, inner := range v.Members() {
		next := inner
		if inner.Kind() == jsondoc.KindObject {
			if next = withoutEmpty(inner); next.Len() == 0 {
				kept.drop()
				continue
			}
		}
		kept.keep(name, inner, next)
	}
	return kept.object()
}

// metadataToGet are the metadata that get-metadata asks for, as far as they are
// of what may be READ; nil where it is not there.
func (a *asked) metadataToGet(m *protocol.Message, at resource, thing document, may *rights) (*jsondoc.Value, *protocol.Error) {
	if a.what&protocol.AsksMetadata == 0 {
		return nil, nil
	}
	fields := m.Headers.MetadataFields(protocol.HeaderGetMetadata)
	if fields == nil {
		return nil, nil
	}
	thing.metadata = may.seeMetadata(thing.metadata)
	is, got := thing.metadataAt(m.Path), metadataTree{}
	if isAllMetadata(fields) {
		got.value = is
		return got.object(), nil
	}
	targets, err := expandFields(protocol.HeaderGetMetadata, at, thing.Value, m.Path, fields)
	if err != nil || is == nil {
		return got.object(), err
	}
	for _, p := range targets {
		if v, ok := is.Get(p); ok {
			got.set(p, v)
		}
	}
	return got.object(), nil
}

// isAllMetadata: the one field * stands for all.
func isAllMetadata(fields []jsondoc.Pointer) bool {
	return len(fields) == 1 && len(fields[0]) == 1 && fields[0][0] == "*"
}

// expandFields resolves the wildcards of fields for what is at a path of the
// Thing.
func expandFields(header string, at resource, thing *jsondoc.Value, path jsondoc.Pointer, fields []jsondoc.Pointer) ([]jsondoc.Pointer, *protocol.Error) {
	x := expansion{header: header, of: at}
	if thing != nil {
		x.value, _ = thing.Get(path)
	}
	var all []jsondoc.Pointer
	for _, p := range fields {
		targets, err := x.expand(p)
		if err != nil {
			return nil, err
		}
		all = append(all, targets...)
	}
	return all, nil
}
