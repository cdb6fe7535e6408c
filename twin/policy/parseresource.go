package policy

import (
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// parseResource reads the key of a resource that stands at a place.
func parseResource(at jsondoc.Pointer, key string) (Permissions, *protocol.Error) {
	if why := protocol.CheckCharacters(key); why != "" {
		return Permissions{}, protocol.PolicyEntryInvalid(at, "The resource '"+key+"' is invalid. "+why)
	}
	kind, path, ok := strings.Cut(key, ":")
	if !ok || kind == "" || strings.Contains(kind, "/") {
		return Permissions{}, protocol.PolicyEntryInvalid(at, "The resource '"+key+
			"' is invalid. It is a kind, a colon and a path, like 'thing:/features/lamp'.")
	}
	pointer, err := jsondoc.ParsePointer(path)
	if err != nil {
		return Permissions{}, protocol.PointerInvalid(key, err)
	}
	return Permissions{Resource: Resource(kind), Path: pointer}, nil
}
