package protocol

import "strings"

// Names may contain characters that no level of an MQTT topic can carry
// (MQTT 5, section 4.7.1). In MQTT topics, and only there, they are
// percent-encoded, and so is the percent sign.
const (
	escapedPlus    = "%2B"
	escapedHash    = "%23"
	escapedPercent = "%25"
	escapedSlash   = "%2F"
)

// EscapeName makes one MQTT topic level out of a name: + # % and / are
// percent-encoded. Names of Things have no slash; client identifiers, which
// become a level in reply topics, may have one.
func EscapeName(name string) string {
	if !strings.ContainsAny(name, "+#%/") {
		return name
	}
	return string(appendEscaped(nil, name, true))
}

func appendEscaped(dst []byte, s string, slashes bool) []byte {
	start := 0
	for i := range len(s) {
		var esc string
		switch s[i] {
		case '+':
			esc = escapedPlus
		case '#':
			esc = escapedHash
		case '%':
			esc = escapedPercent
		case '/':
			if !slashes {
				continue
			}
			esc = escapedSlash
		default:
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = append(dst, esc...)
		start = i + 1
	}
	return append(dst, s[start:]...)
}

// UnescapeName is the reverse of [EscapeName]. A percent sign that does not
// begin one of its four escapes is refused, so that a name has one spelling
// only and access rules written for that spelling cannot be walked around.
func UnescapeName(level string) (string, error) {
	i := strings.IndexByte(level, '%')
	if i < 0 {
		return level, nil
	}
	var b strings.Builder
	b.Grow(len(level))
	rest := level
	for i >= 0 {
		b.WriteString(rest[:i])
		if len(rest) < i+3 {
			return "", badEscape(level, rest[i:])
		}
		switch esc := rest[i : i+3]; strings.ToUpper(esc) {
		case escapedPlus:
			b.WriteByte('+')
		case escapedHash:
			b.WriteByte('#')
		case escapedPercent:
			b.WriteByte('%')
		case escapedSlash:
			b.WriteByte('/')
		default:
			return "", badEscape(level, esc)
		}
		rest = rest[i+3:]
		i = strings.IndexByte(rest, '%')
	}
	b.WriteString(rest)
	return b.String(), nil
}

func badEscape(level, at string) *Error {
	return TopicUnknown(level, "In MQTT topics a percent sign is written %25; <"+at+"> is none of %2B, %23, %25 and %2F.")
}

// ParseMQTTTopic parses what stands below the root of the Ditto tree in an
// MQTT topic: a topic path whose names are percent-encoded as [EscapeName]
// does it. The error is an [*Error], as that of [ParseTopic].
func ParseMQTTTopic(belowRoot string) (Topic, error) {
	t, err := ParseTopic(belowRoot)
	if err != nil || strings.IndexByte(belowRoot, '%') < 0 {
		return t, err
	}
	if t.Namespace, err = UnescapeName(t.Namespace); err != nil {
		return Topic{}, err
	}
	if t.Name, err = UnescapeName(t.Name); err != nil {
		return Topic{}, err
	}
	if t.Action, err = UnescapeName(t.Action); err != nil {
		return Topic{}, err
	}
	return t, nil
}

// AppendMQTT appends the topic path as it stands below the root of the Ditto
// tree in an MQTT topic.
func (t Topic) AppendMQTT(dst []byte) []byte {
	dst = appendEscaped(dst, t.Namespace, true)
	dst = append(dst, '/')
	dst = appendEscaped(dst, t.Name, true)
	action := t.Action
	t.Action = ""
	dst = t.appendRest(dst)
	if action != "" {
		dst = append(dst, '/')
		dst = appendEscaped(dst, action, false)
	}
	return dst
}
