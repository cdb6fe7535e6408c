package config

import (
	"bytes"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

var (
	yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	// The parser counts the lines of these from 0, and those of its scanner
	// from 1. Both name the line in which the map or list begins, if that is not
	// the first.
	ofParser = regexp.MustCompile(`^did not find expected (<|node content|key|'-'|',')`)
	ofBlock  = regexp.MustCompile(`^did not find expected (key|'-')`)
	inFlow   = regexp.MustCompile(`^did not find expected ','`)
	bareExpr = regexp.MustCompile(`expr:\s*[^\s"'|>]`)
	leadsOff = regexp.MustCompile(`expr:\s*("[^"]*"|'[^']*')\s*[^\s,}]`)
)

// syntax tells an error of the YAML parser.
func (d *decoder) syntax(document []byte, key string, err error) {
	node, text := &yaml.Node{Line: 1}, err.Error()
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		text = m[2]
		if line, err := strconv.Atoi(m[1]); err == nil {
			node.Line = line
			if ofParser.MatchString(text) {
				node.Line = min(line+1, 1+bytes.Count(bytes.TrimSpace(document), []byte("\n")))
			}
		}
	}
	switch {
	case ofBlock.MatchString(text):
		text += ": here, or in what begins here, a line begins further left or right than it should"
	case inFlow.MatchString(text):
		line := lineOf(document, node.Line)
		if bareExpr.Match(line) || leadsOff.Match(line) {
			text += `: put the whole expression in quotes, as in {expr: 'payload.list[0].v == "x"'}`
		}
	}
	d.problem(node, key, "is not YAML: "+text)
}

// lineOf is a line of a text; the first is 1.
func lineOf(text []byte, number int) []byte {
	lines := bytes.Split(text, []byte("\n"))
	if number < 1 || number > len(lines) {
		return nil
	}
	return lines[number-1]
}

// bracesWithoutQuotes is the problem of an isPlaceholder.
const bracesWithoutQuotes = `is a map to YAML: put the whole text in quotes, as in "{{ … }}"`

// isPlaceholder says whether a node is {{ name }} without quotes: a map whose
// key is a map.
func isPlaceholder(node *yaml.Node) bool {
	return node.Kind == yaml.MappingNode && node.Style&yaml.FlowStyle != 0 &&
		len(node.Content) > 0 && node.Content[0].Kind == yaml.MappingNode
}
