package mapping

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/expr-lang/expr/types"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/rql"
)

// This file compiles the keys of a rule that most rules do without.

func (c *ruleCompiler) each() {
	if c.config.Each == nil || c.rule.format == formatDitto {
		return
	}
	each := *c.config.Each
	switch {
	case !c.rule.format.hasInside():
		c.problem(".each", fmt.Sprintf("has no use with format %s: a payload of it has no array inside", c.config.Format))
		return
	case each != "" && each[0] != '/':
		c.problem(".each", fmt.Sprintf(`is %q: a JSON pointer to an array in the payload begins with a slash; "" is the payload itself`, each))
		return
	}
	pointer, err := jsondoc.ParsePointer(each)
	if err != nil {
		c.problem(".each", fmt.Sprintf("is %q, which is not a JSON pointer: %v", each, err))
		return
	}
	c.rule.each = &pointer
}

// expressions says what the rule's expressions can name.
func (c *ruleCompiler) expressions() {
	c.variables = maps.Clone(ruleVariables)
	switch c.rule.format {
	case formatText, formatBytes:
		c.variables["payload"] = types.String
	}
	if c.rule.each == nil {
		delete(c.variables, "message")
	}
	c.rule.uses = uses{}
	for _, name := range c.rule.pattern.names {
		if _, taken := c.variables[name]; taken {
			c.shadowed = name
			continue
		}
		c.variables[name] = types.String
	}
}

func (c *ruleCompiler) expression(source string) (*expression, error) {
	if c.shadowed != "" {
		return nil, fmt.Errorf("is an expression, in which %s is the message's own: give the capture {%s} another name", c.shadowed, c.shadowed)
	}
	e, err := compileExpression(source, c.variables)
	if err != nil {
		for _, name := range c.rule.pattern.names {
			if strings.Contains(name, "-") && strings.Contains(source, name) {
				return nil, fmt.Errorf(`has an expression that does not compile: %w; a name with - in it is written $env["%s"]`, err, name)
			}
		}
		return nil, fmt.Errorf("has an expression that does not compile: %w", err)
	}
	c.rule.uses.add(e.uses)
	return e, nil
}

func (c *ruleCompiler) when() {
	if c.config.When == "" {
		return
	}
	var err error
	if c.rule.when, err = c.expression(c.config.When); err != nil {
		c.problem(".when", err.Error())
		return
	}
	uses := c.rule.when.uses
	c.rule.whenFirst = uses["payload"] == nil && uses["message"] == nil
}

// headers compiles the headers of the change. What the twin would refuse in a
// message is told now.
func (c *ruleCompiler) headers(sc *scope) {
	values := *sc
	values.strict = false
	for _, config := range c.config.Headers {
		if err := c.header(config, &values); err != nil {
			c.problem(fmt.Sprintf(".headers[%q]", config.Name), err.Error())
		}
	}
}

func (c *ruleCompiler) header(config HeaderConfig, sc *scope) error {
	name := strings.ToLower(config.Name)
	switch {
	case name == protocol.HeaderResponseRequired && c.rule.format != formatDitto:
		return errors.New("is the mapping's own: what it changes is not responded to, but acknowledged by MQTT")
	case name == protocol.HeaderContentType && c.rule.format != formatDitto:
		return errors.New("is the mapping's own: its change is a merge patch")
	case name == protocol.HeaderDryRun && c.rule.format != formatDitto:
		return errors.New("is for migrations, and a mapping's change is a merge: leave it out")
	case name == protocol.HeaderLiveCondition && c.rule.format != formatDitto:
		return errors.New("is for retrieving, and a mapping's change is a merge: leave it out")
	case !protocol.RuleOf(name).In:
		return errors.New("is not a header that a client may send")
	}
	value, err := compileConstant(config.Value, sc)
	if err != nil {
		return err
	}
	var tried protocol.Headers
	if value.fixed != nil { // else its values are known only with messages
		tried.Set(config.Name, value.fixed)
	}
	if refused := tried.Admit(); refused != nil {
		return errors.New(strings.TrimSuffix(refused.Message, ".") + "; correct it, or leave it out")
	}
	if condition, ok := tried.Get(protocol.HeaderCondition); ok {
		if _, err := rql.Parse(condition, rql.Condition); err != nil {
			return err
		}
	}
	parts, _ := tried.PatchConditions()
	for _, part := range parts {
		if _, err := rql.Parse(part.Expression, rql.Condition); err != nil {
			return err
		}
	}
	c.rule.headers = append(c.rule.headers, headerLine{name: config.Name, value: value})
	return nil
}

func (c *ruleCompiler) create(sc *scope) {
	config := c.config.Create
	if config == nil {
		return
	}
	k := &creation{}
	c.rule.create = k
	t, err := parseTemplate(config.Policy, sc)
	if err != nil {
		c.problem(".create.policy", err.Error())
		return
	}
	k.policy = t
	if len(t.parts) > 0 {
		if err := checkID(&t, isPolicyID); err != nil {
			c.problem(".create.policy", err.Error())
		}
	}
	values := *sc
	values.strict = false
	if config.Definition != nil {
		if kind := config.Definition.Kind(); kind != jsondoc.KindString {
			c.problem(".create.definition", fmt.Sprintf("is a JSON %s, but should be a text such as org.acme:lamp:1.0.0", kind))
		}
		c.member(".create.definition", memberLine{name: "definition"}, config.Definition, &values)
	}
	if config.Attributes != nil {
		if kind := config.Attributes.Kind(); kind != jsondoc.KindObject {
			c.problem(".create.attributes", fmt.Sprintf("is a JSON %s, but should be a map of names and values", kind))
		}
		for name, value := range config.Attributes.Members() {
			if err := protocol.CheckKey(name); err != nil {
				c.problem(".create.attributes", err.Error())
			}
			c.member(".create.attributes", memberLine{name: name, isAttribute: true}, value, &values)
		}
	}
	k.fix()
}

func (c *ruleCompiler) member(key string, line memberLine, value *jsondoc.Value, sc *scope) {
	var err error
	if line.value, err = compileConstant(value, sc); err != nil {
		c.problem(key, err.Error())
		return
	}
	c.rule.create.members = append(c.rule.create.members, line)
}

// reply compiles the topic that responses go to.
func (c *ruleCompiler) reply(sc *scope, roots Roots) {
	if c.config.Reply == "" {
		return
	}
	inReply := *sc
	inReply.payload, inReply.response = false, true
	t, err := parseTemplate(c.config.Reply, &inReply)
	if err == nil {
		err = checkTopic(c.config.Reply, &t, roots)
	}
	if err != nil {
		c.problem(".reply", err.Error())
		return
	}
	c.rule.reply = &t
}
