package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

// parseID is protocol.ParseThingID for what people typed: the error says which
// part is wrong, and what was likely meant.
func parseID(id string) (protocol.ThingID, error) {
	parsed, err := protocol.ParseThingID(id)
	if err == nil {
		return parsed, nil
	}
	namespace, name, hasColon := strings.Cut(id, ":")
	switch {
	case id == "":
		return parsed, errors.New("the ID is empty: it is a namespace, a colon and a name, like org.acme:lamp-1")
	case !hasColon:
		return parsed, fmt.Errorf("%q is no ID: a namespace and a colon come before the name, as in org.acme:%s (twinbroker things list prints those that are there)", id, id)
	case namespace != "" && !protocol.ValidNamespace(namespace):
		return parsed, fmt.Errorf("%q is no ID: the namespace %q should be letters, digits and _ in parts that begin with a letter, with dots or - between them", id, namespace)
	case name == "":
		return parsed, fmt.Errorf("%q is no ID: there is no name behind the colon", id)
	}
	for i, c := range name {
		switch {
		case c == utf8.RuneError && !strings.HasPrefix(name[i:], "\uFFFD"):
			return parsed, fmt.Errorf("%q is no ID: the name is not valid UTF-8", id)
		case c == '/':
			return parsed, fmt.Errorf("%q is no ID: the name has a slash (a path in the Thing is an argument of its own)", id)
		case c < ' ' || c >= 0x7F && c <= 0xFF:
			return parsed, fmt.Errorf("%q is no ID: the name has the character %s (%U), which no ID can have; where a mapping writes names with fn:url-encode() it is %s",
				id, strings.Trim(fmt.Sprintf("%q", c), "'"), c, namespace+":"+url.PathEscape(name))
		}
	}
	return parsed, err // too long, which it says
}
