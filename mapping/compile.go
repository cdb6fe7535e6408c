package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/types"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/placeholder"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Compile compiles the rules. All problems are told, in the order of the
// rules; when there are any, the Rules are nil.
func Compile(rules []RuleConfig, roots Roots) (*Rules, []Problem) {
	r := &Rules{rules: make([]rule, len(rules))}
	var problems []Problem
	for i := range rules {
		c := ruleCompiler{config: &rules[i], rule: &r.rules[i], at: fmt.Sprintf("mappings[%d]", i)}
		c.rule.number = i
		c.compile(roots)
		if len(c.problems) == 0 {
			r.index.add(&c.rule.pattern, int32(i))
		}
		problems = append(problems, c.problems...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return r, nil
}

// ruleCompiler compiles one rule and collects what is wrong with it.
type ruleCompiler struct {
	config   *RuleConfig
	rule     *rule
	at       string
	problems []Problem

	variables types.Map // of its expressions
	shadowed  string    // a capture that has the name of one of them; "": none
}

func (c *ruleCompiler) problem(key, text string) {
	c.problems = append(c.problems, Problem{Path: c.at + key, Text: text})
}

func (c *ruleCompiler) compile(roots Roots) {
	c.rule.topic, c.rule.config = c.config.Topic, c.config
	c.choices()
	c.missing()
	pattern, err := parseTopicPattern(c.config.Topic)
	if err != nil {
		c.problem(".topic", err.Error())
		return // without it nothing is known of the captures that the rest uses
	}
	c.rule.pattern = pattern
	if root := roots.reachedBy(&pattern); root != "" {
		c.problem(".topic", fmt.Sprintf("takes from the tree %s/…, which is the twin's own", root))
	}
	c.each()
	c.expressions()
	sc := &scope{
		captures: &c.rule.pattern, placeholders: rulePlaceholders,
		payload: c.rule.format.hasInside(), each: c.rule.each != nil, message: true, strict: true,
	}
	c.when()
	c.thing(sc)
	sc.placeholders = changePlaceholders
	c.headers(sc)
	if c.rule.format == formatDitto {
		c.reply(sc, roots)
		return
	}
	c.create(sc)
	c.set(sc)
}

// missing finds the keys that a rule of this format needs or cannot have.
func (c *ruleCompiler) missing() {
	if c.rule.format != formatDitto {
		if c.config.Thing == "" {
			c.problem(".thing", `is missing: the ID of the thing that is changed, as in "org.acme:{{ device }}"`)
		}
		if len(c.config.Set) == 0 {
			c.problem(".set", "is missing: what is written where in the thing")
		}
		if c.config.Reply != "" {
			c.problem(".reply", "is for mappings of format ditto: what other mappings change is not responded to")
		}
		return
	}
	for _, key := range []struct {
		name string
		has  bool
	}{
		{"set", len(c.config.Set) > 0}, {"each", c.config.Each != nil},
		{"create", c.config.Create != nil}, {"nulls", c.config.Nulls != ""},
	} {
		if key.has {
			c.problem("."+key.name, "has no use with format ditto: the envelope says all of what is changed")
		}
	}
}

// choices reads the keys that have a few words for values.
func (c *ruleCompiler) choices() {
	switch c.config.Format {
	case "", "json":
	case "text":
		c.rule.format = formatText
	case "number":
		c.rule.format = formatNumber
	case "cbor":
		c.rule.format = formatCBOR
	case "bytes":
		c.rule.format = formatBytes
	case "ditto":
		c.rule.format = formatDitto
	default:
		c.problem(".format", fmt.Sprintf("%q is not one of json, text, number, cbor, bytes, ditto", c.config.Format))
	}
	switch c.config.Nulls {
	case "", "skip":
	case "delete":
		c.rule.keepsNulls = true
	default:
		c.problem(".nulls", fmt.Sprintf("%q is not one of skip, delete", c.config.Nulls))
	}
	switch c.config.Relay {
	case "", "stored":
	case "always":
		c.rule.relay = RelayAlways
	case "never":
		c.rule.relay = RelayNever
	default:
		c.problem(".relay", fmt.Sprintf("%q is not one of stored, always, never", c.config.Relay))
	}
}

func (c *ruleCompiler) thing(sc *scope) {
	if c.config.Thing == "" {
		return
	}
	t, err := parseTemplate(c.config.Thing, sc)
	if err != nil {
		c.problem(".thing", err.Error())
		return
	}
	c.rule.thing = t
	if err := checkID(&t, isThingID); err != nil {
		c.problem(".thing", err.Error())
	}
}

func isThingID(id string) error {
	if _, err := protocol.ParseThingID(id); err != nil {
		return err
	}
	return nil
}

func isPolicyID(id string) error {
	if err := protocol.CheckPolicyID(id); err != nil {
		return err
	}
	return nil
}

// checkID checks as much of an ID as is known before there is a message.
func checkID(t *template, isID func(string) error) error {
	if text, ok := t.literal(); ok {
		return isID(text)
	}
	if first := t.parts[0]; first.source == fromText {
		if namespace, _, ok := strings.Cut(first.text, ":"); ok && isID(namespace+":x") != nil {
			return fmt.Errorf("begins with %q, which is not a namespace", namespace)
		}
	}
	return nil
}

func (c *ruleCompiler) set(sc *scope) {
	c.rule.lines = make([]line, len(c.config.Set))
	for i := range c.config.Set {
		config, l := &c.config.Set[i], &c.rule.lines[i]
		l.key, l.config = config.Path, config
		err := c.what(l, config, sc)
		if err == nil {
			l.path, err = parseSetPath(config.Path, sc)
		}
		if err == nil {
			err = c.rule.set.put(l)
		}
		if err != nil {
			c.problem(fmt.Sprintf(".set[%q]", config.Path), err.Error())
		}
	}
	c.rule.clashes = c.rule.set.clashes()
}

// what reads what a line writes.
func (c *ruleCompiler) what(l *line, config *SetConfig, sc *scope) error {
	if config.Expr != "" {
		var err error
		l.expression, err = c.expression(config.Expr)
		return err
	}
	if config.Value != nil {
		values := *sc
		values.strict = false // braces may be meant in a value
		constant, err := compileConstant(config.Value, &values)
		l.constant = &constant
		return err
	}
	switch {
	case config.Pointer == "":
	case config.Pointer[0] != '/':
		return fmt.Errorf("is %q: a JSON pointer into the payload begins with a slash; a constant is written {value: %s}", config.Pointer, inYAML(config.Pointer))
	case !c.rule.format.hasInside():
		return fmt.Errorf(`points to %q: a payload of format %s has no inside; "" is all of it`, config.Pointer, c.config.Format)
	}
	pointer, err := jsondoc.ParsePointer(config.Pointer)
	if err != nil {
		return fmt.Errorf("points to %q, which is not a JSON pointer: %w", config.Pointer, err)
	}
	l.pointer = pointer
	return nil
}

// parseSetPath parses "/features/{{ feature }}/properties/temperature". The
// root has no segments.
func parseSetPath(s string, sc *scope) ([]segment, error) {
	if s == "" || s == "/" {
		return nil, nil
	}
	texts, err := splitOutsideBraces(strings.TrimPrefix(s, "/"))
	if err != nil {
		return nil, err
	}
	path := make([]segment, len(texts))
	for i, text := range texts {
		if path[i], err = parseSegment(text, sc); err != nil {
			return nil, err
		}
	}
	return path, checkThingPath(path)
}

// splitOutsideBraces splits at slashes, but not in "{{ payload:/a/b }}".
func splitOutsideBraces(s string) ([]string, error) {
	var levels []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "{{"):
			end := placeholder.End(s[i+2:])
			if end < 0 {
				return nil, fmt.Errorf("has {{ without }} in %q", s[i:])
			}
			i += 2 + end + 1
		case s[i] == '/':
			levels = append(levels, s[start:i])
			start = i + 1
		}
	}
	return append(levels, s[start:]), nil
}

func parseSegment(text string, sc *scope) (segment, error) {
	if text == "" {
		return segment{}, errors.New("has an empty level")
	}
	t, err := parseTemplate(text, sc)
	if err != nil {
		return segment{}, err
	}
	s := segment{template: t, rest: -1}
	for i := range t.parts {
		p := &t.parts[i]
		switch {
		case p.source == fromText:
			if p.text, err = unescapeLevel(p.text); err != nil {
				return segment{}, err
			}
		case p.source == fromCapture && p.capture == sc.captures.rest:
			if len(t.parts) > 1 {
				return segment{}, fmt.Errorf("has {{ %s }} beside other text: it fills in several levels and stands alone", p.text)
			}
			s.rest = p.capture
		}
	}
	if name, isFixed := t.literal(); isFixed {
		s.fixed = append(jsondoc.AppendString(nil, name), ':')
	}
	return s, nil
}

// checkThingPath checks the levels whose names a Thing prescribes (Ditto's
// page "basic-thing"), as far as they are not filled in by a message.
func checkThingPath(path []segment) error {
	name := func(i int) string {
		if i >= len(path) || slices.ContainsFunc(path[:i], func(s segment) bool { return s.rest >= 0 }) {
			return ""
		}
		text, _ := path[i].template.literal()
		return text
	}
	for i := 1; i < len(path); i++ {
		if key, isFixed := path[i].template.literal(); isFixed {
			if err := protocol.CheckKey(key); err != nil {
				return err
			}
		}
	}
	switch name(0) {
	case "attributes":
	case "features":
		if part := name(2); part != "" && part != "properties" && part != "desiredProperties" && part != "definition" {
			return fmt.Errorf("leads to %q in a feature, which has properties, desiredProperties and a definition", part)
		}
		if len(path) > 3 && name(2) == "definition" {
			return errors.New("leads into a definition, which is written as a whole")
		}
	case "definition", "policyId":
		if len(path) > 1 {
			return fmt.Errorf("leads into %s, which is written as a whole", name(0))
		}
	default:
		return errors.New("leads to no place of a thing: it begins with /attributes, /features, /definition or /policyId")
	}
	return nil
}

// put puts a line into the tree.
func (n *node) put(l *line) error {
	for i := range l.path {
		if n.line != nil {
			return fmt.Errorf("lies within %q, which another line writes", n.line.key)
		}
		n = n.child(&l.path[i])
	}
	switch {
	case n.line != nil:
		return fmt.Errorf("is written by another line, %q, already", n.line.key)
	case len(n.children) > 0:
		for n.line == nil {
			n = n.children[0]
		}
		return fmt.Errorf("has %q within it, which another line writes", n.line.key)
	}
	n.line = l
	return nil
}

// child gives the child for a level, made if need be.
func (n *node) child(s *segment) *node {
	for _, c := range n.children {
		if c.name.same(s) {
			return c
		}
	}
	c := &node{name: *s}
	n.children = append(n.children, c)
	return c
}

// clashes says whether two places in the tree may turn out to be the same:
// where a name that messages fill in has siblings.
func (n *node) clashes() bool {
	for _, c := range n.children {
		if c.name.fixed == nil && len(n.children) > 1 || c.clashes() {
			return true
		}
	}
	return false
}

// same says whether two segments give the same name with every message.
func (s *segment) same(other *segment) bool {
	if len(s.template.parts) != len(other.template.parts) {
		return false
	}
	for i := range s.template.parts {
		a, b := &s.template.parts[i], &other.template.parts[i]
		if a.source != b.source || a.text != b.text || a.capture != b.capture {
			return false
		}
	}
	return true
}
