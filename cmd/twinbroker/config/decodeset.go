package config

import (
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
			Path: s.text("path"), Topic: s.text("topic"),
			QoS: s.whole("qos"), Retain: s.flag("retain"), To: s.text("to"),
		}
		if payload := s.take("payload"); payload != nil && payload.Kind == yaml.MappingNode {
			inner := d.section(payload, under(key, "payload"))
			inner.later("expr")
			inner.end()
		} else {
			publication.Payload, _ = d.scalar(payload, under(key, "payload"))
		}
		s.later(laterPublication...)
		s.end()
		list = append(list, publication)
	})
	return list
}
