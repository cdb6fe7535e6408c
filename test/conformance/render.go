package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Vars are the values of placeholders: {{thing}}, {{ns}} and {{name}} are the
// Thing's ID and its parts, {{client}} the sender's identifier, and what an
// expectation kept with {{keep:x}} is {{x}} from then on. A placeholder that is
// not known stays as it is: Ditto has some of its own.
type Vars map[string]string

var placeholder = regexp.MustCompile(`\{\{([a-zA-Z0-9]+)\}\}`)

// Fill puts values in the place of placeholders.
func (v Vars) Fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		if value, ok := v[found[2:len(found)-2]]; ok {
			return value
		}
		return found
	})
}

// JSON is the JSON text of what stands in a file: the order of members and the
// digits of numbers are as they stand there.
func (v Vars) JSON(n *yaml.Node) (string, error) {
	var b bytes.Buffer
	err := v.write(&b, n)
	return b.String(), err
}

func (v Vars) write(b *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.AliasNode:
		return v.write(b, n.Alias)
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(quote(v.Fill(n.Content[i].Value)))
			b.WriteByte(':')
			if err := v.write(b, n.Content[i+1]); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := v.write(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case yaml.ScalarNode:
		switch n.ShortTag() {
		case "!!null":
			b.WriteString("null")
		case "!!bool", "!!int", "!!float":
			if !json.Valid([]byte(n.Value)) {
				return fmt.Errorf("line %d: %s is not JSON", n.Line, n.Value)
			}
			b.WriteString(n.Value)
		default:
			b.WriteString(quote(v.Fill(n.Value)))
		}
	default:
		return fmt.Errorf("line %d: nothing", n.Line)
	}
	return nil
}

func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}
