package config

import (
	"github.com/twinbroker/twinbroker/mapping"
	"go.yaml.in/yaml/v3"
)

func (c *Config) showMappings() *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range c.Mappings {
		rule := &c.Mappings[i]
		node := &yaml.Node{Kind: yaml.MappingNode}
		add(node, "topic", textNode(rule.Topic))
		addText(node, "format", rule.Format)
		addText(node, "when", rule.When)
		if rule.Each != nil {
			add(node, "each", textNode(*rule.Each))
		}
		addText(node, "thing", rule.Thing)
		if len(rule.Set) > 0 {
			set := &yaml.Node{Kind: yaml.MappingNode}
			for _, line := range rule.Set {
				add(set, line.Path, setNode(line))
			}
			add(node, "set", set)
		}
		addText(node, "nulls", rule.Nulls)
		if len(rule.Headers) > 0 {
			headers := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
			for _, h := range rule.Headers {
				add(headers, h.Name, jsonNode(h.Value))
			}
			add(node, "headers", headers)
		}
		if rule.Create != nil {
			add(node, "create", createNode(rule.Create))
		}
		addText(node, "reply", rule.Reply)
		addText(node, "relay", rule.Relay)
		list.Content = append(list.Content, node)
	}
	return list
}

func createNode(create *mapping.CreateConfig) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	addText(node, "policy", create.Policy)
	if create.Definition != nil {
		add(node, "definition", jsonNode(create.Definition))
	}
	if create.Attributes != nil {
		add(node, "attributes", jsonNode(create.Attributes))
	}
	return node
}

// setNode is the value of a line of "set".
func setNode(line mapping.SetConfig) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	switch {
	case line.Expr != "":
		add(node, "expr", textNode(line.Expr))
	case line.Value != nil:
		add(node, "value", jsonNode(line.Value))
	default:
		return textNode(line.Pointer)
	}
	return node
}
