package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decoder reads YAML nodes, keeps where each key was, and collects what is
// wrong.
type decoder struct {
	place    func(line int) string // how a line of this document is named
	places   places
	problems Problems
	before   map[string]int // by list, how many elements other files brought already
}

// document parses a text of one YAML document; nil for an empty one.
func (d *decoder) document(text []byte, key string) *yaml.Node {
	parser := yaml.NewDecoder(bytes.NewReader(text))
	var first, second yaml.Node
	switch err := parser.Decode(&first); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		d.syntax(text, key, err)
		return nil
	}
	switch err := parser.Decode(&second); {
	case err == nil:
		d.problem(&second, key, "is a second YAML document: a configuration is one")
	case !errors.Is(err, io.EOF):
		d.syntax(text, key, err)
	}
	if len(first.Content) != 1 {
		return nil
	}
	return first.Content[0]
}

func (d *decoder) problem(node *yaml.Node, key, text string) {
	d.problems = append(d.problems, Problem{Place: d.place(node.Line), Key: key, Text: text})
}

func (d *decoder) problemf(node *yaml.Node, key, format string, args ...any) {
	d.problem(node, key, fmt.Sprintf(format, args...))
}

// maxAliases bounds how far an alias leads to others.
const maxAliases = 10

// resolve follows aliases; nil stands for what is left empty.
func resolve(node *yaml.Node) *yaml.Node {
	for range maxAliases {
		if node == nil || node.Kind != yaml.AliasNode {
			break
		}
		node = node.Alias
	}
	if node == nil || node.Kind == yaml.AliasNode || node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		return nil
	}
	return node
}

// kindName is what people call a node.
func kindName(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	const most = 60 // of what may be a file that is no configuration at all
	if len(node.Value) > most {
		return strconv.Quote(strings.ToValidUTF8(node.Value[:most], "")) + "…"
	}
	return strconv.Quote(node.Value)
}

// noName says why a key is none that the configuration could have.
func noName(key *yaml.Node) string {
	if key.Tag == "!!merge" {
		return "has the key <<, which merges maps in some YAML programs: write what it stands for, or give a whole value a name with & and use it with *"
	}
	return "has a key that is not a plain name"
}

// section is a map of which some keys are known.
type section struct {
	d      *decoder
	key    string
	chosen bool     // the keys are the user's own
	names  []string // in the order of the file
	values map[string]*yaml.Node
	keys   map[string]*yaml.Node
	known  []string
}

// section reads a map; one that is empty or missing has no keys.
func (d *decoder) section(node *yaml.Node, key string) *section {
	return d.keys(node, key, false)
}

// keys reads a map; chosen says that its keys are the user's own.
func (d *decoder) keys(node *yaml.Node, key string, chosen bool) *section {
	s := &section{d: d, key: key, chosen: chosen, values: map[string]*yaml.Node{}, keys: map[string]*yaml.Node{}}
	node = resolve(node)
	switch {
	case node == nil:
		return s
	case node.Kind != yaml.MappingNode:
		d.problemf(node, key, "is %s, but should be a map of keys and values", kindName(node))
		return s
	}
	if _, ok := d.places[key]; !ok {
		d.places[key] = d.place(node.Line)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := resolve(node.Content[i]), node.Content[i+1]
		if name == nil || name.Kind != yaml.ScalarNode || name.Tag == "!!merge" {
			d.problem(node.Content[i], key, noName(node.Content[i]))
			continue
		}
		if first, ok := s.keys[name.Value]; ok {
			d.problemf(name, s.at(name.Value), "is there twice, first in line %d", first.Line)
			continue
		}
		s.names = append(s.names, name.Value)
		s.values[name.Value], s.keys[name.Value] = value, name
	}
	return s
}

// at is a key of the section as problems call it.
func (s *section) at(name string) string {
	if s.chosen {
		return named(s.key, name)
	}
	return under(s.key, name)
}

// take gives the value of a known key, nil when it is missing or empty.
func (s *section) take(name string) *yaml.Node {
	s.known = append(s.known, name)
	value, ok := s.values[name]
	if !ok {
		return nil
	}
	s.d.places[under(s.key, name)] = s.d.place(s.keys[name].Line)
	return resolve(value)
}

// has says whether the key is there, even if empty.
func (s *section) has(name string) bool { _, ok := s.values[name]; return ok }

// isEmpty says whether a key has nothing in it.
func (s *section) isEmpty(name string) bool {
	node := resolve(s.values[name])
	return node == nil || node.Kind != yaml.ScalarNode && len(node.Content) == 0
}

// later refuses keys that the contract has and this version does not.
func (s *section) later(names ...string) {
	for _, name := range names {
		s.known = append(s.known, name)
		if key, ok := s.keys[name]; ok {
			s.d.problem(key, under(s.key, name), "is not supported yet by this version of twinbroker: leave it out")
		}
	}
}

// end refuses the keys that nobody took.
func (s *section) end() {
	for _, name := range s.names {
		if !contains(s.known, name) {
			s.d.problem(s.keys[name], under(s.key, name), "is not a key of the configuration"+didYouMean(name, s.known))
		}
	}
}

// scalar gives the text of a scalar.
func (d *decoder) scalar(node *yaml.Node, key string) (string, bool) {
	switch {
	case node == nil:
		return "", false
	case isPlaceholder(node):
		d.problem(node, key, bracesWithoutQuotes)
		return "", false
	case node.Kind != yaml.ScalarNode:
		d.problemf(node, key, "is %s, but should be a single value", kindName(node))
		return "", false
	}
	return node.Value, true
}

// text is the value of a key that holds a text, "" when there is none.
func (s *section) text(name string) string {
	text, _ := s.d.scalar(s.take(name), under(s.key, name))
	return text
}

// texts is the value of a key that holds a list of texts.
func (s *section) texts(name string) []string {
	return s.d.texts(s.take(name), under(s.key, name))
}

func (d *decoder) texts(node *yaml.Node, key string) []string {
	var list []string
	d.each(node, key, func(element *yaml.Node, key string) {
		text, ok := d.scalar(element, key)
		switch {
		case ok && text == "" || element == nil:
			d.problems = append(d.problems, Problem{Place: d.places[key], Key: key, Text: "is empty"})
		case ok:
			list = append(list, text)
		}
	})
	return list
}

// each goes through a list.
func (d *decoder) each(node *yaml.Node, key string, do func(element *yaml.Node, key string)) {
	switch {
	case node == nil:
		return
	case node.Kind != yaml.SequenceNode:
		d.problemf(node, key, "is %s, but should be a list", kindName(node))
		return
	}
	for i, element := range node.Content {
		i += d.before[key]
		d.places[at(key, i)] = d.place(element.Line)
		do(resolve(element), at(key, i))
	}
}

// flag is the value of a key that holds true or false.
func (s *section) flag(name string) bool {
	node := s.take(name)
	text, ok := s.d.scalar(node, under(s.key, name))
	switch {
	case !ok || text == "false":
	case text == "true":
		return true
	default:
		s.d.problemf(node, under(s.key, name), "is %q, but should be true or false", text)
	}
	return false
}

// whole is the value of a key that holds a whole number.
func (s *section) whole(name string) int {
	node := s.take(name)
	text, ok := s.d.scalar(node, under(s.key, name))
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		s.d.problemf(node, under(s.key, name), "is %q, but should be a whole number", text)
	}
	return n
}
