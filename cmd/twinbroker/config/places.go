package config

import (
	"fmt"
	"strings"
)

// places knows where each key was set: "file:line", an environment variable,
// a flag.
type places map[string]string

// of is the place of a key; for one that was not set, that of the nearest
// around it which was.
func (p places) of(key string) string {
	for {
		if place, ok := p[key]; ok {
			return place
		}
		cut := strings.LastIndexAny(key, ".[")
		if cut < 0 {
			return p[""]
		}
		key = key[:cut]
	}
}

// under is a key in a map of fixed keys.
func under(parent, key string) string {
	if parent == "" {
		return key
	}
	return parent + "." + key
}

// at is an element of a list.
func at(parent string, index int) string { return fmt.Sprintf("%s[%d]", parent, index) }

// named is a key in a map whose keys users choose.
func named(parent, key string) string { return fmt.Sprintf("%s[%q]", parent, key) }

// Place is where a key of the configuration was set, "file:line"; for one that
// was not set, where the nearest around it was.
func (c *Config) Place(key string) string { return c.places.of(key) }
