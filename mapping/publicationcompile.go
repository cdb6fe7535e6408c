package mapping

import (
	"errors"
	"fmt"
	"strings"
)

// publicationCompiler compiles one publication and collects what is wrong
// with it.
type publicationCompiler struct {
	config      *PublicationConfig
	publication *publication
	at          string
	problems    []Problem
}

func (c *publicationCompiler) problem(key, text string) {
	c.problems = append(c.problems, Problem{Path: c.at + key, Text: text})
}

func (c *publicationCompiler) compile(roots Roots) {
	c.signals()
	c.selection()
	switch c.config.Payload {
	case "", "envelope":
		if c.config.Expr != "" {
			c.publication.payload = payloadExpression
		}
	case "normalized":
		c.publication.payload = payloadNormalized
	case "value":
		c.publication.payload = payloadValue
	default:
		c.problem(".payload", fmt.Sprintf("%q is not one of envelope, value, normalized, {expr: …}", c.config.Payload))
	}
	if c.config.QoS < 0 || c.config.QoS > 2 {
		c.problem(".qos", fmt.Sprintf("%d is not one of 0, 1, 2", c.config.QoS))
	}
	path, err := parsePathPattern(c.config.Path)
	if err != nil {
		c.problem(".path", err.Error())
		return // without it nothing is known of the captures that the topic uses
	}
	if err := checkEventPath(&path); err != nil {
		c.problem(".path", err.Error())
	}
	c.publication.path = path
	if c.publication.payload == payloadExpression {
		c.expression(&path)
	}
	sc := &scope{captures: &c.publication.path, placeholders: eventPlaceholders, strict: true, noBraces: true}
	if c.publication.announces {
		sc.placeholders = announcementPlaceholders
	}
	if c.publication.topic, err = parseTemplate(c.config.Topic, sc); err == nil {
		err = checkTopic(c.config.Topic, &c.publication.topic, roots)
	}
	if err != nil {
		c.problem(".topic", err.Error())
	}
	if c.publication.to, err = parseTemplate(c.config.To, sc); err != nil {
		c.problem(".to", err.Error())
	}
	c.publication.needs = make([]bool, len(path.names))
	for i := range c.publication.needs {
		c.publication.needs[i] = c.publication.topic.uses(i) || c.publication.to.uses(i) ||
			c.publication.expression != nil && c.publication.expression.uses[path.names[i]] != nil
	}
}

func (c *publicationCompiler) signals() {
	for i, signal := range c.config.Signals {
		key := fmt.Sprintf(".signals[%d]", i)
		switch signal {
		case "twin/events":
		case announcements:
			c.publication.announces = true
		case "live/commands", "live/events", "live/messages":
			c.problem(key, signal+" is not supported yet by this version: twin/events and "+announcements+" are")
		default:
			c.problem(key, fmt.Sprintf("%q is not a kind of signal: twin/events and %s are", signal, announcements))
		}
	}
	if c.publication.announces {
		c.announces()
	}
}

func (c *publicationCompiler) selection() {
	var problems []Problem
	c.publication.selection, problems = CompileSelection(&SelectionConfig{
		Namespaces: c.config.Namespaces, Filter: c.config.Filter, ExtraFields: c.config.Extra,
	})
	c.publication.looks = c.publication.selection.Looks()
	for _, p := range problems {
		c.problem(p.Path, p.Text)
	}
}

// checkTopic checks as much of a topic as is known before there is an event.
func checkTopic(text string, t *template, roots Roots) error {
	if text == "" {
		return errors.New("is missing: the MQTT topic that the messages go to")
	}
	known := ""
	for i := range t.parts {
		p := &t.parts[i]
		if p.source != fromText {
			continue
		}
		if err := checkTopicText(p.text); err != nil {
			return err
		}
		if i == 0 {
			known = p.text
		}
	}
	if known != "" && known[0] == '$' {
		return errors.New("begins with $, which is the broker's own")
	}
	if len(t.parts) > 1 {
		// The last level known may go on with what is filled in.
		known = known[:strings.LastIndexByte(known, '/')+1]
	}
	if root := roots.of(known); root != "" {
		return fmt.Errorf("goes into the tree %s/…, which is the twin's own", root)
	}
	return nil
}

// checkTopicText checks the text that a topic is made of.
func checkTopicText(s string) error {
	if i := strings.IndexAny(s, "+#\x00"); i >= 0 {
		return fmt.Errorf("has %q, which a topic to publish to cannot carry", s[i])
	}
	return nil
}
