package conformance

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

// headerTable has the predefined headers that topics name. Whether one comes in
// and goes out is what the program's own table says, which has to be the same;
// whether it works is what the cases say.
func headerTable(topics []*Topic) string {
	notes := map[string]string{}
	waiting := map[string]bool{}
	for _, t := range topics {
		maps.Copy(notes, t.Headers)
	}
	for c := range cases(topics) {
		if c.Pending == "" {
			continue
		}
		for name := range c.headers() {
			waiting[name] = true
		}
	}
	yes := func(is bool, otherwise string) string {
		if is {
			return "yes"
		}
		return otherwise
	}
	var b strings.Builder
	b.WriteString("| header | from clients | in responses and events | state |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(notes)) {
		rule := protocol.RuleOf(name)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, yes(rule.In, "ignored"), yes(rule.Out, "no"), headerState(notes[name], waiting[name]))
	}
	return b.String()
}

func headerState(note string, waiting bool) string {
	given := slices.ContainsFunc([]string{"carried", "internal", "elsewhere"}, func(word string) bool { return strings.HasPrefix(note, word) })
	switch {
	case waiting && strings.HasPrefix(note, "carried"):
		return note + "; some of it not yet"
	case given:
		return note
	case waiting:
		return "not yet"
	case note != "":
		return "works: " + note
	}
	return "works"
}

// headers are the names in lower case, and the values, of the headers that a
// case sends or expects.
func (c *Case) headers() iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		for _, s := range c.Steps {
			for _, n := range []*yaml.Node{&s.Headers, Member(&s.Response, "headers"), Member(&s.Event, "headers")} {
				for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
					if !yield(strings.ToLower(n.Content[i].Value), n.Content[i+1]) {
						return
					}
				}
			}
		}
	}
}
