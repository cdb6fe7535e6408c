package config

import (
	"github.com/twinbroker/twinbroker/mapping"
	"go.yaml.in/yaml/v3"
)

// decode reads the whole document. Scalars are only collected, by key: they
// meet those of the environment and of the flags later.
func (c *Config) decode(d *decoder, root *yaml.Node) (scalars map[string]string) {
	scalars = map[string]string{}
	s := d.section(root, "")
	s.scalars(scalars, "data_dir")
	c.Listeners = d.listeners(s.take("listeners"), "listeners")
	s.inner("http").only(scalars, "address")
	auth := s.inner("auth")
	c.Auth.Anonymous = auth.texts("anonymous")
	auth.later(laterAuth...)
	auth.end()
	s.inner("topics").only(scalars, "root", "state", "state_payload")
	c.Mappings = d.mappings(s.take("mappings"), "mappings")
	c.Publications = d.publications(s.take("publications"), "publications")
	s.inner("store").only(scalars, "memory", "sync", "patience")
	history := s.inner("history")
	c.History.Headers = history.texts("headers")
	history.only(scalars, "retention", "max_size", "forget_deleted")
	limits := s.inner("limits")
	limits.later("state_on_subscribe")
	limits.only(scalars, "packet_size", "message_size", "thing_size", "policy_size", "clients", "queue_messages", "queue_size")
	s.inner("log").only(scalars, "level", "format")
	s.later(laterSections...)
	if s.has("connections") && s.isEmpty("connections") {
		s.take("connections") // none are asked for
	} else {
		s.later("connections")
	}
	s.end()
	return scalars
}

// What the contract has and this version does not.
var (
	laterAuth        = []string{"users_file", "certificates", "jwt", "admin_subjects"}
	laterSections    = []string{"acl", "provision"}
	laterMapping     = []string{"when", "each", "headers", "reply"}
	laterPublication = []string{"filter", "extraFields"}
)

// inner is the section that is the value of a key.
func (s *section) inner(name string) *section {
	return s.d.section(s.take(name), under(s.key, name))
}

// scalars collects scalars by their key.
func (s *section) scalars(into map[string]string, names ...string) {
	for _, name := range names {
		if text, ok := s.d.scalar(s.take(name), under(s.key, name)); ok {
			into[under(s.key, name)] = text
		}
	}
}

// only collects the scalars of a section that has no other keys.
func (s *section) only(into map[string]string, names ...string) {
	s.scalars(into, names...)
	s.end()
}

// mappings reads the list of mappings.
func (d *decoder) mappings(node *yaml.Node, key string) []mapping.RuleConfig {
	var list []mapping.RuleConfig
	d.each(node, key, func(element *yaml.Node, key string) {
		s := d.section(element, key)
		rule := mapping.RuleConfig{
			Topic: s.text("topic"), Format: s.text("format"), Thing: s.text("thing"),
			Nulls: s.text("nulls"), Relay: s.text("relay"),
			Set: d.set(s.take("set"), under(key, "set")),
		}
		rule.Create = d.create(s)
		s.later(laterMapping...)
		s.end()
		list = append(list, rule)
	})
	return list
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
		case value.Kind == yaml.MappingNode:
			if line.Value = d.setValue(value, place); line.Value == nil {
				continue
			}
		case value.Kind != yaml.ScalarNode:
			d.problemf(value, place, "is %s, but should be a JSON pointer into the payload or {value: …}", kindName(value))
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
