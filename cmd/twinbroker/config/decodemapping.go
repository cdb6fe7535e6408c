package config

import (
	"github.com/twinbroker/twinbroker/mapping"
	"go.yaml.in/yaml/v3"
)

// mappings reads the list of mappings.
func (d *decoder) mappings(node *yaml.Node, key string) []mapping.RuleConfig {
	var list []mapping.RuleConfig
	d.each(node, key, func(element *yaml.Node, key string) {
		s := d.section(element, key)
		rule := mapping.RuleConfig{
			Topic: s.text("topic"), Format: s.text("format"), Thing: s.text("thing"), When: s.text("when"),
			Nulls: s.text("nulls"), Reply: s.text("reply"), Relay: s.text("relay"),
			Set:     d.set(s.take("set"), under(key, "set")),
			Headers: d.mappingHeaders(s.take("headers"), under(key, "headers")),
		}
		if text, ok := d.scalar(s.take("each"), under(key, "each")); ok {
			rule.Each = &text
		} else if s.has("each") && s.isEmpty("each") {
			d.problem(s.keys["each"], under(key, "each"), `is empty: write "" for a payload that is an array itself, or a JSON pointer to one`)
		}
		rule.Create = d.create(s)
		s.end()
		list = append(list, rule)
	})
	return list
}

// mappingHeaders reads the Ditto headers of a mapping's changes.
func (d *decoder) mappingHeaders(node *yaml.Node, key string) []mapping.HeaderConfig {
	s := d.keys(node, key, true)
	var headers []mapping.HeaderConfig
	for _, name := range s.names {
		place := s.at(name)
		d.places[place] = d.place(s.keys[name].Line)
		if resolve(s.values[name]) == nil {
			d.problem(s.keys[name], place, "is empty: a header has a value")
			continue
		}
		if value := d.constant(s.values[name], place); value != nil {
			headers = append(headers, mapping.HeaderConfig{Name: name, Value: value})
		}
	}
	return headers
}

func (d *decoder) create(s *section) *mapping.CreateConfig {
	node := s.take("create")
	if node == nil {
		if s.has("create") {
			d.problem(s.keys["create"], under(s.key, "create"), "is empty: write {} for a thing with a policy of its own, or leave it out")
		}
		return nil
	}
	create := d.section(node, under(s.key, "create"))
	config := &mapping.CreateConfig{Policy: create.text("policy")}
	if definition := create.take("definition"); definition != nil {
		config.Definition = d.constant(definition, under(create.key, "definition"))
	}
	if attributes := create.take("attributes"); attributes != nil {
		config.Attributes = d.constant(attributes, under(create.key, "attributes"))
	}
	create.end()
	return config
}

// set reads the lines of a mapping's "set".
func (d *decoder) set(node *yaml.Node, key string) []mapping.SetConfig {
	s := d.keys(node, key, true)
	var lines []mapping.SetConfig
	for _, path := range s.names {
		place := s.at(path)
		d.places[place] = d.place(s.keys[path].Line)
		value := resolve(s.values[path])
		line := mapping.SetConfig{Path: path}
		switch {
		case value == nil:
			d.problem(s.keys[path], place, `is empty: write "" for the whole payload, or a JSON pointer into it`)
			continue
		case isPlaceholder(value):
			d.problem(value, place, bracesWithoutQuotes)
			continue
		case value.Kind == yaml.MappingNode:
			if !d.setMap(&line, value, place) {
				continue
			}
		case value.Kind != yaml.ScalarNode:
			d.problemf(value, place, "is %s, but should be a JSON pointer into the payload, {expr: …} or {value: …}", kindName(value))
			continue
		case value.Tag != "!!str":
			d.problemf(value, place, "is %s: write {value: %s} for a constant", value.Value, value.Value)
			continue
		default:
			line.Pointer = value.Value
		}
		lines = append(lines, line)
	}
	return lines
}

// setMap reads {value: …} or {expr: …}; false after a problem was told.
func (d *decoder) setMap(line *mapping.SetConfig, node *yaml.Node, key string) bool {
	s := d.section(node, key)
	line.Expr = s.text("expr")
	s.take("value")
	s.end()
	switch {
	case s.has("value") && s.has("expr"):
		d.problem(node, key, "has a value and an expr: one line writes one of them")
	case s.has("value"):
		line.Value = d.constant(s.values["value"], key)
		return line.Value != nil
	case s.has("expr") && line.Expr == "":
		d.problem(node, key, `has an empty expr: write an expression such as {expr: "payload.temp * 9 / 5 + 32"}`)
	case len(s.names) == 0:
		d.problem(node, key, "is an empty map: write {value: …} for a constant, {expr: …} for an expression")
	}
	return line.Expr != ""
}
