package twin

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// canBeApplied finds out whether the change can be made to the Policy as it is.
func (w *policyWriting) canBeApplied(cur *jsondoc.Value) *protocol.Error {
	if cur == nil {
		return nil
	}
	if outer, ok := w.place.parent(); ok {
		if _, there := cur.Get(outer.at); !there {
			return outer.notFound(w.id)
		}
	}
	if w.change.op == opDelete && w.place.mustBeThere() {
		if _, there := cur.Get(w.place.at); !there {
			return w.place.notFound(w.id)
		}
	}
	return w.stillReferredTo(cur)
}

// conflict refuses to make a Policy that is there. What the headers say is held
// against it only for who may READ something of it: others would learn its
// revision.
func (w *policyWriting) conflict(cur *jsondoc.Value, revision uint64) *protocol.Error {
	may, err := w.s.rightsToPolicy(w.id, &w.cmd.Sender, nil)
	if err != nil {
		return err
	}
	w.readTo = max(w.readTo, may.seq)
	if may.some(policy.Read, nil) {
		if err := w.matches(cur, revision); err != nil {
			return err
		}
	}
	return protocol.PolicyConflict(w.id)
}

// mustBeThere says of what can be deleted whether that is an error where there
// is nothing.
func (place *policyPlace) mustBeThere() bool {
	switch place.is {
	case resEntry, resSubject, resResource, resImport:
		return true
	}
	return false
}

// stillReferredTo refuses a change that takes away what an entry refers to.
func (w *policyWriting) stillReferredTo(cur *jsondoc.Value) *protocol.Error {
	deletes := w.change.op == opDelete
	switch w.place.is {
	case resEntry, resImportable:
		if !deletes && (w.place.is == resEntry || !isText(w.change.value, string(policy.Never))) {
			return nil
		}
		label := w.place.label()
		if by, ok := referrer(cur, func(ref entryReference) bool { return ref.from == "" && ref.entry == label }); ok && by != label {
			return protocol.PolicyEntryReferenced(w.id, label, by)
		}
	case resImports:
		if !deletes {
			return w.stillImported(cur, w.change.value)
		}
		if by, ok := referrer(cur, func(ref entryReference) bool { return ref.from != "" }); ok {
			return protocol.PolicyImportReferenced(w.id, "its imports", by)
		}
	case resImport:
		imported := w.place.last()
		if !deletes {
			return w.stillLabelled(cur, imported, w.change.value)
		}
		if by, ok := referrer(cur, func(ref entryReference) bool { return ref.from == imported }); ok {
			return protocol.PolicyImportReferenced(w.id, "the import of '"+imported+"'", by)
		}
	case resImportEntries:
		return w.stillLabelled(cur, w.place.at[1], jsondoc.Object(jsondoc.Member{Name: memberEntries, Value: w.change.value}))
	}
	return nil
}

// stillImported: of the new imports, none may be missing that an entry refers
// to.
func (w *policyWriting) stillImported(cur, imports *jsondoc.Value) *protocol.Error {
	was, ok := cur.Member(memberImports)
	if !ok || imports.Kind() != jsondoc.KindObject {
		return nil
	}
	for id := range was.Members() {
		now, there := imports.Member(id)
		if there {
			if err := w.stillLabelled(cur, id, now); err != nil {
				return err
			}
			continue
		}
		if by, ok := referrer(cur, func(ref entryReference) bool { return ref.from == id }); ok {
			return protocol.PolicyImportReferenced(w.id, "the import of '"+id+"'", by)
		}
	}
	return nil
}

// stillLabelled: an import may not lose the label of an entry that is referred
// to.
func (w *policyWriting) stillLabelled(cur *jsondoc.Value, imported string, now *jsondoc.Value) *protocol.Error {
	was, ok := cur.Get(jsondoc.Pointer{memberImports, imported, memberEntries})
	if !ok {
		return nil
	}
	labels, _ := now.Get(jsondoc.Pointer{memberEntries})
	left := map[string]bool{}
	for label := range texts(was) {
		left[label] = true
	}
	for label := range texts(labels) {
		delete(left, label)
	}
	if len(left) == 0 {
		return nil
	}
	var label string
	by, ok := referrer(cur, func(ref entryReference) bool {
		label = ref.entry
		return ref.from == imported && left[ref.entry]
	})
	if ok {
		return protocol.PolicyImportReferenced(w.id, "the entry '"+label+"' of '"+imported+"'", by)
	}
	return nil
}

// entryReference is a reference to an entry, of this Policy where from is "".
type entryReference struct{ from, entry string }

// referrer finds an entry with such a reference.
func referrer(doc *jsondoc.Value, is func(entryReference) bool) (label string, ok bool) {
	entries, ok := doc.Member(memberEntries)
	if !ok {
		return "", false
	}
	for label, entry := range entries.Members() {
		refs, ok := entry.Member(memberReferences)
		if !ok || refs.Kind() != jsondoc.KindArray {
			continue
		}
		for ref := range refs.Elements() {
			if is(entryReference{textIn(ref, "import"), textIn(ref, "entry")}) {
				return label, true
			}
		}
	}
	return "", false
}

func textIn(v *jsondoc.Value, name string) string {
	member, ok := v.Member(name)
	if !ok {
		return ""
	}
	text, _ := member.Text()
	return text
}

func isEmptyArray(v *jsondoc.Value) bool { return v.Kind() == jsondoc.KindArray && v.Len() == 0 }

func isText(v *jsondoc.Value, want string) bool {
	text, ok := v.Text()
	return ok && text == want
}

// texts are the strings in an array; none where it is no array.
func texts(v *jsondoc.Value) func(func(string) bool) {
	return func(yield func(string) bool) {
		if v == nil || v.Kind() != jsondoc.KindArray {
			return
		}
		for e := range v.Elements() {
			if text, ok := e.Text(); ok && !yield(text) {
				return
			}
		}
	}
}
