package config

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/twinbroker/twinbroker/twin/policy"
)

// namespaceRoots reads the namespace root Policies: lists of IDs by patterns of
// namespaces.
func (d *decoder) namespaceRoots(node *yaml.Node, key string) policy.Roots {
	s := d.keys(node, key, true)
	roots := policy.Roots{}
	for _, pattern := range s.names {
		place := s.at(pattern)
		d.places[place] = d.place(s.keys[pattern].Line)
		ids := d.texts(resolve(s.values[pattern]), place)
		if err := (policy.Roots{pattern: ids}).Check(); err != nil {
			d.problem(s.keys[pattern], place, err.Error())
			continue
		}
		roots[pattern] = ids
	}
	if len(roots) == 0 {
		return nil
	}
	return roots
}

func (c *Config) showNamespaceRoots(section *yaml.Node) {
	roots := &yaml.Node{Kind: yaml.MappingNode}
	for _, pattern := range slices.Sorted(maps.Keys(c.Policies.NamespaceRoots)) {
		add(roots, pattern, textNodes(c.Policies.NamespaceRoots[pattern]))
	}
	if len(roots.Content) > 0 {
		add(section, "namespace_roots", roots)
	}
}
