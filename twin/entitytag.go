package twin

import (
	"strconv"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Entity tags, and the headers etag, if-match and if-none-match (Ditto's page
// httpapi-concepts, conditional requests; RFC 7232; its EntityTagBuilder and
// ConditionalHeadersValidator).
//
// A Thing's tag is its revision, that of a part a hash of its value: equal
// values have equal tags, however they are written and whenever they were set.
// Responses to retrieve, create, modify and merge tell the tag of what is there
// now. There is none of what is not there, so neither where a deletion went
// well.

const (
	tagRevision = `"rev:`
	tagHash     = `"hash:`
)

// revisionTag is the entity tag of a Thing.
func revisionTag(revision uint64) string {
	var room [32]byte
	buf := append(room[:0], tagRevision...)
	buf = strconv.AppendUint(buf, revision, 10)
	return string(append(buf, '"'))
}

// valueTag is the entity tag of a part of a Thing.
func valueTag(v *jsondoc.Value) string {
	var room [32]byte
	buf := append(room[:0], tagHash...)
	buf = strconv.AppendUint(buf, jsondoc.Hash(v), 16)
	return string(append(buf, '"'))
}

// checkMatch holds if-match and if-none-match against the entity tag of what is
// there, "" where nothing is. What is not there can be neither retrieved nor
// deleted, which is what its sender is told, as in Ditto.
func checkMatch(m *protocol.Message, tag string) *protocol.Error {
	action := m.Topic.Action
	reads := action == protocol.ActionRetrieve
	if tag == "" && (reads || action == protocol.ActionDelete) {
		return nil
	}
	shown := tag
	if tag == hiddenTag {
		shown = ""
	}
	if want, ok := m.Headers.Get(protocol.HeaderIfMatch); ok && !matches(want, tag) {
		return protocol.PreconditionFailed(protocol.HeaderIfMatch, want, shown)
	}
	if want, ok := m.Headers.Get(protocol.HeaderIfNoneMatch); ok && matches(want, tag) {
		if reads {
			return protocol.PreconditionNotModified(want, shown)
		}
		return protocol.PreconditionFailed(protocol.HeaderIfNoneMatch, want, shown)
	}
	return nil
}

// matches says whether a list of entity tags has this one, by RFC 7232's
// strong comparison: a weak tag matches none, as none is made here.
func matches(list, tag string) bool {
	if tag == "" {
		return false
	}
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one == "*" || one == tag {
			return true
		}
	}
	return false
}

// changedTag is the entity tag of what the change left, "" where it left
// nothing.
func (w *writing) changedTag(after *jsondoc.Value, revision uint64) string {
	if w.change.op == opSet {
		return valueTag(w.change.value)
	}
	return w.rights.tag(after, revision, w.at, w.change.path)
}

// tagExempt: what is retrieved with its Policy has no tag that would tell when
// that changes, so no condition on one holds.
func tagExempt(fields *jsondoc.Selector) bool {
	if fields == nil {
		return false
	}
	for _, p := range fields.Pointers() {
		if p[0] == fieldPolicy {
			return true
		}
	}
	return false
}

// tellTag says in a response which entity tag goes with it.
func tellTag(response *protocol.Message, tag string) {
	if tag != "" && tag != hiddenTag {
		response.Headers.SetString(protocol.HeaderETag, tag)
	}
}
