package config

import (
	"github.com/twinbroker/twinbroker/mapping"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"go.yaml.in/yaml/v3"
)

// setValue reads {value: …}; nil after a problem was told.
func (d *decoder) setValue(node *yaml.Node, key string) *jsondoc.Value {
	s := d.section(node, key)
	s.take("value")
	isLater := s.has("expr")
	s.later("expr")
	s.end()
	switch {
	case s.has("value"):
		return d.constant(s.values["value"], key)
	case !isLater && len(s.names) == 0:
		d.problem(node, key, "is an empty map: write {value: …} for a constant")
	}
	return nil
}

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
