package config

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// lists are the keys whose value is a list, which the environment gives as
// JSON.
var lists = []struct {
	key  string
	read func(c *Config, d *decoder, node *yaml.Node, key string)
}{
	{"include", func(c *Config, d *decoder, n *yaml.Node, key string) { c.Include = d.texts(n, key) }},
	{"listeners", func(c *Config, d *decoder, n *yaml.Node, key string) { c.Listeners = d.listeners(n, key) }},
	{"auth.anonymous", func(c *Config, d *decoder, n *yaml.Node, key string) { c.Auth.Anonymous = d.texts(n, key) }},
	{"auth.jwt", func(c *Config, d *decoder, n *yaml.Node, key string) { c.Auth.Tokens = d.tokens(n, key) }},
	{"auth.admin_subjects", func(c *Config, d *decoder, n *yaml.Node, key string) { c.Auth.AdminSubjects = d.texts(n, key) }},
	{"auth.client_ids", func(c *Config, d *decoder, n *yaml.Node, key string) { c.Auth.ClientIDs = d.clientIDs(n, key) }},
	{"acl", func(c *Config, d *decoder, n *yaml.Node, key string) { c.ACL = d.acl(n, key) }},
	{"creation.grant", func(c *Config, d *decoder, n *yaml.Node, key string) { c.limited().Grant = d.creationRules(n, key) }},
	{"creation.revoke", func(c *Config, d *decoder, n *yaml.Node, key string) { c.limited().Revoke = d.creationRules(n, key) }},
	{"mappings", func(c *Config, d *decoder, n *yaml.Node, key string) { c.Mappings = d.mappings(n, key) }},
	{"publications", func(c *Config, d *decoder, n *yaml.Node, key string) { c.Publications = d.publications(n, key) }},
	{"history.headers", func(c *Config, d *decoder, n *yaml.Node, key string) { c.History.Headers = d.texts(n, key) }},
}

// environment reads the lists that environment variables set; they replace
// those of the file.
func (c *Config) environment(d *decoder) {
	for _, list := range lists {
		name := variable(list.key)
		text := os.Getenv(name)
		if text == "" {
			continue
		}
		for key := range c.places {
			if key == list.key || strings.HasPrefix(key, list.key+"[") {
				delete(c.places, key)
			}
		}
		d.place = func(int) string { return name }
		c.places[list.key] = name
		node := d.document([]byte(text), list.key)
		switch {
		case node == nil: // a syntax error was told
		case node.Kind != yaml.SequenceNode:
			d.problemf(node, list.key, `is %s, but should be a list in JSON, such as ["…"]`, kindName(node))
		default:
			list.read(c, d, node, list.key)
		}
	}
}

// foreign are variables that container platforms set for a service that is
// called twinbroker.
var foreign = regexp.MustCompile(`^TWINBROKER_(SERVICE_(HOST|PORT.*)|PORT|PORT_.*)$`)

// strayVariables tells of variables that look like a setting and are none.
func strayVariables() Problems {
	var known []string
	for _, s := range settings {
		known = append(known, variable(s.key))
	}
	for _, list := range lists {
		known = append(known, variable(list.key))
	}
	var later []string
	for _, key := range []string{"connections", "limits.state_on_subscribe"} {
		later = append(later, variable(key))
	}
	var problems Problems
	for _, entry := range os.Environ() {
		name, text, _ := strings.Cut(entry, "=")
		switch {
		case !strings.HasPrefix(name, envPrefix+"_") || text == "" || foreign.MatchString(name) || slices.Contains(known, name):
		case slices.Contains(later, name):
			problems = append(problems, Problem{Place: name, Text: "is not supported yet by this version of twinbroker: leave it out"})
		default:
			if meant := nearest(name, known); meant != "" && distance(name, meant) <= 2 {
				problems = append(problems, Problem{Place: name, Warning: true,
					Text: fmt.Sprintf("is not a setting and does nothing; did you mean %s?", meant)})
			}
		}
	}
	return problems
}
