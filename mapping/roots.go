package mapping

import "strings"

// maxTopic is the length of the longest MQTT topic in bytes.
const maxTopic = 65535

// of is the root of the tree that the topic lies in, "" for none.
func (r Roots) of(topic string) string {
	for _, root := range []string{r.Ditto, r.State} {
		if root != "" && strings.HasPrefix(topic, root) && (len(topic) == len(root) || topic[len(root)] == '/') {
			return root
		}
	}
	return ""
}

// reachedBy is the root of a tree whose topics the pattern asks for by name;
// "" for none. A pattern that begins with a capture may fit such a topic, but
// does not ask for it: it is never shown one.
func (r Roots) reachedBy(p *pattern) string {
	var literal []string
	for _, l := range p.levels {
		if l.capture >= 0 {
			break
		}
		literal = append(literal, l.prefix)
	}
	return r.of(strings.Join(literal, "/"))
}
