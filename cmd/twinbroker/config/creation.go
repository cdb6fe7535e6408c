package config

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/twinbroker/twinbroker/twin/policy"
)

// creation reads who may make Things and Policies. As in Ditto, what is left out
// of a rule is for everything, and where there is nothing but revoke, everything
// else is granted.
func (c *Config) creation(d *decoder, s *section, name string) {
	if !s.has(name) {
		return
	}
	if s.isEmpty(name) {
		d.problem(s.keys[name], name, `is empty: it takes grant and revoke, which are lists of rules such as {subjects: ["group:gateways"]}; leave it out where everybody may make Things and Policies`)
	}
	rules := s.inner(name)
	if rules.has("grant") {
		c.limited().Grant = d.creationRules(rules.take("grant"), under(name, "grant"))
	}
	c.limited().Revoke = d.creationRules(rules.take("revoke"), under(name, "revoke"))
	rules.end()
}

// limited is who may make Things and Policies, which is everybody unless it says
// otherwise.
func (c *Config) limited() *policy.Creation {
	if c.Creation == nil {
		c.Creation = &policy.Creation{Grant: []policy.CreationRule{{}}}
	}
	return c.Creation
}

func (d *decoder) creationRules(node *yaml.Node, key string) []policy.CreationRule {
	var list []policy.CreationRule
	d.each(node, key, func(element *yaml.Node, key string) {
		s := d.section(element, key)
		wrong := func(list string, i int, format string, args ...any) {
			place := at(under(key, list), i)
			d.problems = append(d.problems, Problem{Place: d.places[place], Key: place, Text: fmt.Sprintf(format, args...)})
		}
		r := policy.CreationRule{Namespaces: s.texts("namespaces"), Subjects: s.texts("subjects")}
		for i, text := range s.texts("resources") {
			if !contains(makeable, text) {
				wrong("resources", i, "%q is not one of %s%s", text, strings.Join(makeable, ", "), maybe(nearest(text, makeable)))
			}
			r.Resources = append(r.Resources, policy.Resource(text))
		}
		for i, pattern := range r.Namespaces {
			if !namespacePattern.MatchString(pattern) {
				wrong("namespaces", i, "%q is no pattern of namespaces: it is a namespace, such as org.acme, in which * stands for any number of characters and ? for one", pattern)
			}
		}
		d.each(s.take("definitions"), under(key, "definitions"), func(element *yaml.Node, key string) {
			text, ok := "", true
			if element != nil { // null is for Things without a definition
				text, ok = d.scalar(element, key)
			}
			if ok {
				r.Definitions = append(r.Definitions, text)
			}
		})
		s.end()
		list = append(list, r)
	})
	return list
}

// makeable are the resources that somebody may be kept from making.
var makeable = []string{string(policy.Thing), string(policy.Policy)}

// namespacePattern is what may stand in a namespace, and the two that stand for
// more.
var namespacePattern = regexp.MustCompile(`^[a-zA-Z0-9_.*?-]+$`)

func showCreation(c *policy.Creation) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, rules := range []struct {
		key  string
		list []policy.CreationRule
	}{{"grant", c.Grant}, {"revoke", c.Revoke}} {
		list := &yaml.Node{Kind: yaml.SequenceNode}
		if len(rules.list) == 0 {
			list.Style = yaml.FlowStyle
		}
		for i := range rules.list {
			list.Content = append(list.Content, showCreationRule(&rules.list[i]))
		}
		add(node, rules.key, list)
	}
	return node
}

func showCreationRule(r *policy.CreationRule) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	var resources []string
	for _, is := range r.Resources {
		resources = append(resources, string(is))
	}
	for _, texts := range []struct {
		key  string
		list []string
	}{{"resources", resources}, {"namespaces", r.Namespaces}, {"subjects", r.Subjects}} {
		if len(texts.list) > 0 {
			add(node, texts.key, textNodes(texts.list))
		}
	}
	if len(r.Definitions) > 0 {
		list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, pattern := range r.Definitions {
			if pattern == "" {
				list.Content = append(list.Content, plainNode("null"))
				continue
			}
			list.Content = append(list.Content, textNode(pattern))
		}
		add(node, "definitions", list)
	}
	return node
}
