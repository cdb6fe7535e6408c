package twin

import (
	"strings"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

// The header content-type is of the value in an envelope, not of the envelope
// (Ditto's page protocol-specification; what it writes itself is done by its
// ThingMergeCommand, ThingMerged and ProtocolFactory). A client may leave it
// out; an MQTT 5 content type stands for it where it says more than that there
// is an envelope. In what goes out it is always that of the value there.

// checkMergeType: Ditto wants a merge to say that it is a merge patch. Where it
// says nothing, or only that it is a Ditto Protocol message, it is taken for
// one; what says that it is something else is refused, as there.
func checkMergeType(h *protocol.Headers) *protocol.Error {
	switch is := mediaType(h.ContentType()); is {
	case "", protocol.ContentTypeMergePatch, protocol.ContentTypeDitto:
		return nil
	default:
		return protocol.MediaTypeUnsupported(is, protocol.ContentTypeMergePatch)
	}
}

// mediaType is a content type without its parameters.
func mediaType(s string) string {
	s, _, _ = strings.Cut(s, ";")
	return strings.ToLower(strings.TrimSpace(s))
}

// typeResponse gives the response to a change its content type, where that is
// another than JSON's.
func typeResponse(h *protocol.Headers, action string) {
	if action == protocol.ActionMerged {
		h.SetString(protocol.HeaderContentType, protocol.ContentTypeMergePatch)
	}
}

// typeEvent gives an event the content type of its value.
func typeEvent(h *protocol.Headers, action string) {
	switch action {
	case protocol.ActionDeleted: // there is no value that a content type could be of
	case protocol.ActionMerged, protocol.ActionMigrated:
		h.SetString(protocol.HeaderContentType, protocol.ContentTypeMergePatch)
	default:
		h.SetString(protocol.HeaderContentType, protocol.ContentTypeJSON)
	}
}
