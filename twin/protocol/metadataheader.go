package protocol

import (
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// MetadataEntry is one element of the header put-metadata: what is to stand
// at Key, which may have wildcards.
type MetadataEntry struct {
	Key   jsondoc.Pointer
	Value *jsondoc.Value
}

// MetadataToPut is the header put-metadata, in the order in which it is to be
// applied: what is for all leaves first, so that what is for one of them has
// the last word, and otherwise by key. It must have been admitted.
func (h *Headers) MetadataToPut() []MetadataEntry {
	v := h.Value(HeaderPutMetadata)
	if v == nil {
		return nil
	}
	entries, _ := parseMetadata(HeaderPutMetadata, v)
	slices.SortStableFunc(entries, func(a, b MetadataEntry) int {
		if all, one := a.Key[0] == "*", b.Key[0] == "*"; all != one {
			if all {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Key.String(), b.Key.String())
	})
	return entries
}

// MetadataFields are the paths that get-metadata or delete-metadata names. The
// header must have been admitted.
func (h *Headers) MetadataFields(key string) []jsondoc.Pointer {
	s, ok := h.Get(key)
	if !ok || s == "" {
		return nil
	}
	selector, err := jsondoc.ParseSelector(s)
	if err != nil {
		return nil
	}
	return selector.Pointers()
}

// parseMetadata reads put-metadata: an array of objects with key and value.
// Elements that are no objects are passed over, as in Ditto.
func parseMetadata(name string, v *jsondoc.Value) ([]MetadataEntry, *Error) {
	if s, ok := v.Text(); ok && s == "" {
		return nil, nil
	}
	list := asJSON(v)
	if list.Kind() != jsondoc.KindArray {
		return nil, HeaderInvalid(name, v, "an array of objects with key and value")
	}
	entries := make([]MetadataEntry, 0, list.Len())
	for e := range list.Elements() {
		if e.Kind() != jsondoc.KindObject {
			continue
		}
		key, ok := e.Member("key")
		if !ok {
			return nil, HeaderUnusable(name, "An element has no key.")
		}
		text, ok := key.Text()
		if !ok {
			return nil, HeaderUnusable(name, "The key "+key.String()+" is no text.")
		}
		p, err := jsondoc.ParsePointer(text)
		if err != nil {
			return nil, HeaderUnusable(name, "The key "+key.String()+" is no path: "+err.Error()+".")
		}
		if len(p) == 0 {
			return nil, HeaderUnusable(name, "A key is empty.")
		}
		value, ok := e.Member("value")
		if !ok {
			return nil, HeaderUnusable(name, "The element with the key "+key.String()+" has no value.")
		}
		entries = append(entries, MetadataEntry{Key: p, Value: value})
	}
	return entries, nil
}
