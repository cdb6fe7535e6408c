package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"go.yaml.in/yaml/v3"
)

// What a constant in a configuration may come to, so that a few aliases of
// aliases do not become a document that fills the memory.
const (
	maxConstantDepth = 64
	maxConstantNodes = 10000
)

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// constants turns YAML values into JSON ones.
type constants struct {
	d     *decoder
	nodes int
}

// constant is the JSON value of a node, nil after a problem was told.
func (d *decoder) constant(node *yaml.Node, key string) *jsondoc.Value {
	c := constants{d: d}
	return c.value(node, key, 0)
}

func (c *constants) value(node *yaml.Node, key string, depth int) *jsondoc.Value {
	original := node
	if node = resolve(node); node == nil {
		return jsondoc.Null()
	}
	if c.nodes++; depth > maxConstantDepth || c.nodes > maxConstantNodes {
		c.d.problem(original, key, "is larger or nested deeper than a constant may be")
		return nil
	}
	switch node.Kind {
	case yaml.MappingNode:
		return c.object(node, key, depth)
	case yaml.SequenceNode:
		elements := make([]*jsondoc.Value, len(node.Content))
		for i, element := range node.Content {
			if elements[i] = c.value(element, key, depth+1); elements[i] == nil {
				return nil
			}
		}
		return jsondoc.Array(elements...)
	}
	v, err := scalarJSON(node)
	if err != nil {
		c.d.problem(node, key, err.Error())
	}
	return v
}

func (c *constants) object(node *yaml.Node, key string, depth int) *jsondoc.Value {
	members := make([]jsondoc.Member, 0, len(node.Content)/2)
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name := resolve(node.Content[i])
		switch {
		case isPlaceholder(node):
			c.d.problem(node, key, bracesWithoutQuotes)
			return nil
		case name == nil || name.Kind != yaml.ScalarNode || name.Tag == "!!merge":
			c.d.problem(node.Content[i], key, noName(node.Content[i]))
			return nil
		case seen[name.Value]:
			c.d.problemf(name, key, "has the key %q twice", name.Value)
			return nil
		}
		seen[name.Value] = true
		value := c.value(node.Content[i+1], key, depth+1)
		if value == nil {
			return nil
		}
		members = append(members, jsondoc.Member{Name: name.Value, Value: value})
	}
	return jsondoc.Object(members...)
}

// scalarJSON is the JSON value of a YAML scalar. A number that JSON writes the
// same way keeps its digits.
func scalarJSON(node *yaml.Node) (*jsondoc.Value, error) {
	switch node.Tag {
	case "!!bool":
		var b bool
		if err := node.Decode(&b); err != nil {
			return nil, fmt.Errorf("has the value %q, which is not true or false", node.Value)
		}
		return jsondoc.Bool(b), nil
	case "!!int", "!!float":
		if jsonNumber.MatchString(node.Value) {
			return jsondoc.Number(node.Value)
		}
		return unusualNumber(node)
	case "!!binary":
		return nil, fmt.Errorf("has a binary value, which JSON does not have")
	}
	return jsondoc.String(node.Value), nil
}

// unusualNumber converts 0x1F, 1_000, 1. and the like.
func unusualNumber(node *yaml.Node) (*jsondoc.Value, error) {
	if node.Tag == "!!int" {
		var n int64
		if node.Decode(&n) == nil {
			return jsondoc.Int(n), nil
		}
	}
	var f float64
	if err := node.Decode(&f); err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, fmt.Errorf("has the number %s, which JSON does not have", node.Value)
	}
	return jsondoc.Number(strconv.FormatFloat(f, 'g', -1, 64))
}
