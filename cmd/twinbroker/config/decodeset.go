package config

import (
	"strings"

	"github.com/twinbroker/twinbroker/mapping"
	"go.yaml.in/yaml/v3"
)

// publications reads the list of publications.
func (d *decoder) publications(node *yaml.Node, key string) []mapping.PublicationConfig {
	var list []mapping.PublicationConfig
	d.each(node, key, func(element *yaml.Node, key string) {
		s := d.section(element, key)
		publication := mapping.PublicationConfig{
			Subjects: s.texts("subjects"), Signals: s.texts("signals"), Namespaces: s.texts("namespaces"),
			Path: s.text("path"), Filter: s.text("filter"), Extra: s.text("extraFields"), Topic: s.text("topic"),
			QoS: s.whole("qos"), Retain: s.flag("retain"), To: s.text("to"),
		}
		if payload := s.take("payload"); payload != nil && payload.Kind == yaml.MappingNode {
			publication.Expr = d.expr(payload, under(key, "payload"))
		} else {
			publication.Payload, _ = d.scalar(payload, under(key, "payload"))
		}
		s.end()
		list = append(list, publication)
	})
	return list
}

// expr is the text of {expr: …}.
func (d *decoder) expr(node *yaml.Node, key string) string {
	s := d.section(node, key)
	text := s.text("expr")
	if strings.TrimSpace(text) == "" {
		d.problem(node, key, "is a map without an expression: write {expr: …}, or one of envelope, value, normalized")
	}
	s.end()
	return text
}
