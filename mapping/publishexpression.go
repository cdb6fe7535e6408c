package mapping

import (
	"fmt"

	"github.com/expr-lang/expr/types"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// publicationVariables are what the expression of a publication may use,
// besides the captures of its path.
var publicationVariables = types.Map{
	"value":    types.Any, // at the place now; nil: gone
	"extra":    types.Any, // the fields of extraFields; nil: the Thing has none of them
	"path":     types.String,
	"action":   types.String,
	"revision": types.Int,
	"thing":    types.Map{"id": types.String, "namespace": types.String, "name": types.String},
}

// expression compiles the expression of a publication.
func (c *publicationCompiler) expression(path *pattern) {
	variables := types.Map{}
	for name, of := range publicationVariables {
		variables[name] = of
	}
	for _, name := range path.names {
		if _, taken := publicationVariables[name]; taken {
			c.problem(".path", fmt.Sprintf("captures {%s}, which is what an expression calls something else: give it another name", name))
		}
		variables[name] = types.String
	}
	e, err := compileExpression(c.config.Expr, variables)
	if err != nil {
		c.problem(".payload.expr", err.Error())
		return
	}
	if e.uses["extra"] != nil && c.config.Extra == "" && e.uses["$env"] == nil {
		c.problem(".payload.expr", "uses extra, which is what extraFields names of the Thing: name some")
	}
	c.publication.expression = e
}

// evaluate makes the payload of a message by the publication's expression;
// false where it gives nothing. A text is sent as itself, all else as JSON.
func (s *search) evaluate(out *Out, c content) (bool, error) {
	e := s.pub.expression
	gone := s.gone(c)
	if q, ok := e.quickly(heard(c)); ok && !gone {
		switch {
		case q.kind == quickNothing:
			return false, nil
		case q.kind == quickText && len(q.text) <= maxResult:
			out.text(q.text)
			return true, nil
		case q.kind != quickText:
			var err error
			if out.Payload, err = q.append(nil); err == nil {
				out.ContentType = protocol.ContentTypeJSON
				return true, nil
			}
		}
	}
	variables := make(map[string]any, len(e.uses)+1)
	for i, name := range s.pub.path.names {
		if e.uses[name] != nil {
			variables[name] = s.caps[i]
		}
	}
	if u := e.uses["value"]; u != nil && !gone {
		variables["value"] = u.decode(c.value)
	}
	if u := e.uses["extra"]; u != nil && s.extra != nil {
		variables["extra"] = u.decode(s.extra)
	}
	if e.uses["thing"] != nil {
		topic := &s.event.Topic
		variables["thing"] = map[string]any{"id": topic.EntityID(), "namespace": topic.Namespace, "name": topic.Name}
	}
	if e.uses["path"] != nil {
		variables["path"] = s.event.Path.String()
	}
	if e.uses["action"] != nil {
		variables["action"] = s.event.Topic.Action
	}
	if e.uses["revision"] != nil {
		variables["revision"] = int(s.event.Revision)
	}
	result, err := e.run(variables, &s.steps)
	switch {
	case err != nil && gone:
		return false, fmt.Errorf(`the expression: %w; the value is gone: "value == nil ? nil : …" sends nothing then`, err)
	case err != nil:
		return false, fmt.Errorf("the expression: %w", err)
	case result == nil:
		return false, nil
	}
	if text, ok := result.(string); ok && len(text) <= maxResult {
		out.text(text)
		return true, nil
	}
	if out.Payload, err = appendResult(nil, result); err != nil {
		return false, fmt.Errorf("the expression %w", err)
	}
	out.ContentType = protocol.ContentTypeJSON
	return true, nil
}

// heard is the value that an event tells, for a [quickNode].
type heard struct{ value *jsondoc.Value }

func (h heard) variable(name string) (*jsondoc.Value, bool) {
	return h.value, name == "value" && h.value != nil
}

// text makes a text the payload.
func (o *Out) text(text string) {
	o.Payload, o.ContentType = []byte(text), textPlain
	if text == "" {
		o.ContentType = ""
	}
}
