package protocol

import (
	"strings"
	"unicode/utf8"
)

// MaxIDLength is the number of characters that an identifier, and also a key
// in attributes and properties, may have. Ditto counts UTF-16 code units.
const MaxIDLength = 256

const namespacedIDHref = "https://www.eclipse.dev/ditto/basic-namespaces-and-names.html#namespaced-id"

// ThingID is a Thing's identifier, namespace and name.
type ThingID struct{ Namespace, Name string }

// String is the ID as text, "namespace:name".
func (id ThingID) String() string { return id.Namespace + ":" + id.Name }

// ParseThingID takes a Thing ID apart and checks it against Ditto's rules
// (basic-namespaces-and-names): a namespace that is empty or made of segments
// separated by dots and dashes, each beginning with a letter; a colon; a name
// of at least one character without slashes, control characters, and U+007F
// to U+00FF; at most 256 characters. The error is an [*Error] with the code
// things:id.invalid.
func ParseThingID(s string) (ThingID, error) {
	namespace, name, ok := strings.Cut(s, ":")
	if !ok || !validID(namespace, name) {
		return ThingID{}, IDInvalid(s)
	}
	return ThingID{namespace, name}, nil
}

// ThingID is the ID of the Thing that the topic path addresses, checked as
// [ParseThingID] does it.
func (t Topic) ThingID() (ThingID, error) {
	if !validID(t.Namespace, t.Name) {
		return ThingID{}, IDInvalid(t.Namespace + ":" + t.Name)
	}
	return ThingID{t.Namespace, t.Name}, nil
}

// CheckPolicyID checks a Policy's ID; the rules are those for Things, the
// code is policies:id.invalid.
func CheckPolicyID(s string) *Error {
	namespace, name, ok := strings.Cut(s, ":")
	if !ok || !validID(namespace, name) {
		return PolicyIDInvalid(s)
	}
	return nil
}

func validID(namespace, name string) bool {
	if name == "" || len(namespace) >= MaxIDLength {
		return false
	}
	units := 0
	if !validNamespace(namespace) || !allowedChars(name, &units) {
		return false
	}
	return len(namespace)+1+units <= MaxIDLength
}

// ValidNamespace says whether s may be the namespace of an identifier that is
// not empty.
func ValidNamespace(s string) bool { return s != "" && validNamespace(s) }

func validNamespace(s string) bool {
	letterDue := true
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			letterDue = false
		case letterDue:
			return false
		case c == '.' || c == '-':
			letterDue = true
		case '0' <= c && c <= '9' || c == '_':
		default:
			return false
		}
	}
	return s == "" || !letterDue
}

// allowedChars says whether all characters may stand in a name or a key, and
// counts them in UTF-16 code units.
func allowedChars(s string, units *int) bool {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < 0x20 || c == '/' || c == 0x7F {
				return false
			}
			i++
			*units++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r <= 0xFF || r == utf8.RuneError && n == 1 {
			return false
		}
		i += n
		*units++
		if r > 0xFFFF {
			*units++
		}
	}
	return true
}

// CheckKey checks a key of attributes or properties, or a Feature's ID: not
// empty, at most 256 characters, no slashes, no control characters, nothing
// from U+007F to U+00FF. The error's code is json.key.invalid.
func CheckKey(key string) *Error {
	units := 0
	if key == "" || !allowedChars(key, &units) {
		return KeyInvalid(key, "It is not empty and has no slash, no control character and nothing from U+007F to U+00FF.")
	}
	if units > MaxIDLength {
		return KeyInvalid(key, "It has at most 256 characters.")
	}
	return nil
}
