package mapping

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

// adviseID says what is wrong with an ID that a mapping made of a message, and
// what to do: the end of the refusal's sentence. What may be in an ID is on
// Ditto's page "basic-namespaces-and-names".
func adviseID(id string) string {
	namespace, name, hasColon := strings.Cut(id, ":")
	switch {
	case !hasColon:
		return ": a namespace and a colon come before the name, as in org.acme:" + strings.ReplaceAll(id, "/", "-")
	case name == "":
		return ": its name is empty"
	case namespace != "" && !protocol.ValidNamespace(namespace):
		return fmt.Sprintf(": its namespace is %s, and one has letters, digits and _ in parts that begin with a letter, with dots or - between them", excerpt([]byte(namespace), maxExcerpt))
	}
	for i, c := range name {
		broken := c == utf8.RuneError && !strings.HasPrefix(name[i:], "\uFFFD")
		switch {
		case broken:
			return ": its name is not valid UTF-8"
		case c == '/':
			return ": its name has a slash; {{ … | fn:replace('/','-') }} puts something else there"
		case c < ' ' || c >= 0x7F && c <= 0xFF:
			return fmt.Sprintf(": its name has the character %s (%U), and none of U+0000 to U+001F and U+007F to U+00FF may be there; {{ … | fn:url-encode() }} writes such names with %%, fn:replace puts something else there",
				quote([]byte(string(c))), c)
		}
	}
	return fmt.Sprintf(": it is longer than %d characters", protocol.MaxIDLength)
}
