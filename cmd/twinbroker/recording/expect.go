package recording

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"go.yaml.in/yaml/v3"
)

// Difference is a place where what came is not what is expected.
type Difference struct {
	Place    string          // "file:line" of the value that is expected, or of the map or list that has none there
	Pointer  jsondoc.Pointer // which value within the expectation
	Expected string          // its JSON text, "nothing" for none
	Actual   string
}

func (d Difference) String() string {
	return fmt.Sprintf("%s: %s: expected %s, got %s", d.Place, d.Pointer, d.Expected, d.Actual)
}

// nothing stands for a value that is not there; JSON has no such text.
const nothing = "nothing"

// Expects says whether the entry has an expectation, and one with that member
// if a name is given.
func (e *Entry) Expects(member string) bool {
	expect := e.value(keyExpect)
	if expect == nil || expect.Tag == "!!null" {
		return false
	}
	if member == "" {
		return true
	}
	for i := 0; i+1 < len(expect.Content); i += 2 {
		if expect.Kind == yaml.MappingNode && expect.Content[i].Value == member {
			return true
		}
	}
	return false
}

// Compare says where the result differs from what the entry expects. Numbers
// are compared by their value, the members of objects in any order. The error
// is of an expectation that is no JSON.
func (e *Entry) Compare(result *jsondoc.Value) ([]Difference, error) {
	expect := e.value(keyExpect)
	if _, err := config.JSON(expect); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", e.Place(), keyExpect, err)
	}
	c := comparison{entry: e}
	c.value(expect, result)
	return c.found, nil
}

// SetExpect makes the result what the entry expects.
func (e *Entry) SetExpect(result *jsondoc.Value) {
	node := yamlOf(result)
	for i := 0; i+1 < len(e.node.Content); i += 2 {
		if e.node.Content[i].Value == keyExpect {
			e.node.Content[i+1] = node
			return
		}
	}
	e.node.Content = append(e.node.Content, plain("!!str", keyExpect), node)
	e.node.Style &^= yaml.FlowStyle
}

type comparison struct {
	entry *Entry
	at    jsondoc.Pointer
	found []Difference
}

func (c *comparison) differ(node *yaml.Node, expected, actual string) {
	c.found = append(c.found, Difference{
		Place: c.entry.at(node), Pointer: append(jsondoc.Pointer{}, c.at...), Expected: expected, Actual: actual,
	})
}

// within compares a part.
func (c *comparison) within(name string, compare func()) {
	c.at = append(c.at, name)
	compare()
	c.at = c.at[:len(c.at)-1]
}

func (c *comparison) value(node *yaml.Node, actual *jsondoc.Value) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch {
	case node.Kind == yaml.MappingNode && actual.Kind() == jsondoc.KindObject:
		c.object(node, actual)
	case node.Kind == yaml.SequenceNode && actual.Kind() == jsondoc.KindArray:
		c.array(node, actual)
	default:
		if expected, err := config.JSON(node); err == nil && !jsondoc.Equal(expected, actual) && !sameButNumbers(expected, actual) {
			c.differ(node, expected.String(), actual.String())
		}
	}
}

// entryNumber is how texts name an entry of the configuration's lists, before
// its topic in parentheses. The number changes when another is put before it.
var entryNumber = regexp.MustCompile(`\b(mappings|publications)\[\d+\] \(`)

// sameButNumbers says whether two texts differ in nothing but such numbers.
func sameButNumbers(a, b *jsondoc.Value) bool {
	textA, ok := a.Text()
	textB, also := b.Text()
	return ok && also && entryNumber.ReplaceAllString(textA, "$1[] (") == entryNumber.ReplaceAllString(textB, "$1[] (")
}

func (c *comparison) object(node *yaml.Node, actual *jsondoc.Value) {
	expected := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		expected[key.Value] = true
		c.within(key.Value, func() {
			if member, ok := actual.Member(key.Value); ok {
				c.value(value, member)
			} else {
				c.differ(key, jsonText(value), nothing)
			}
		})
	}
	for name, member := range actual.Members() {
		if !expected[name] {
			c.within(name, func() { c.differ(node, nothing, member.String()) })
		}
	}
}

func (c *comparison) array(node *yaml.Node, actual *jsondoc.Value) {
	i := 0
	for element := range actual.Elements() {
		c.within(strconv.Itoa(i), func() {
			if i < len(node.Content) {
				c.value(node.Content[i], element)
			} else {
				c.differ(node, nothing, element.String())
			}
		})
		i++
	}
	for ; i < len(node.Content); i++ {
		c.within(strconv.Itoa(i), func() { c.differ(node.Content[i], jsonText(node.Content[i]), nothing) })
	}
}

func jsonText(node *yaml.Node) string {
	v, err := config.JSON(node)
	if err != nil {
		return err.Error()
	}
	return v.String()
}

// yamlOf is a JSON value as YAML writes it; numbers keep their digits.
func yamlOf(v *jsondoc.Value) *yaml.Node {
	switch v.Kind() {
	case jsondoc.KindObject:
		node := &yaml.Node{Kind: yaml.MappingNode}
		for name, member := range v.Members() {
			node.Content = append(node.Content, plain("!!str", name), yamlOf(member))
		}
		return flowIfEmpty(node)
	case jsondoc.KindArray:
		node := &yaml.Node{Kind: yaml.SequenceNode}
		for element := range v.Elements() {
			node.Content = append(node.Content, yamlOf(element))
		}
		return flowIfEmpty(node)
	case jsondoc.KindString:
		text, _ := v.Text()
		return plain("!!str", text)
	case jsondoc.KindNumber:
		if _, fits := v.Int(); fits && !strings.ContainsAny(v.String(), ".eE") {
			return plain("!!int", v.String())
		}
		return plain("!!float", v.String()) // as YAML reads it; the digits stay
	case jsondoc.KindBool:
		return plain("!!bool", v.String())
	}
	return plain("!!null", "null")
}

func flowIfEmpty(node *yaml.Node) *yaml.Node {
	if len(node.Content) == 0 {
		node.Style = yaml.FlowStyle
	}
	return node
}
