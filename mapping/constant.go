package mapping

import "github.com/twinbroker/twinbroker/twin/jsondoc"

// constant is a configured value: one that is the same for every message, a
// string with placeholders, or an object or array with such in it.
type constant struct {
	fixed    *jsondoc.Value
	text     *template
	names    []string // of an object's members, in the order of parts
	parts    []constant
	isObject bool
}

// compileConstant finds the placeholders in the strings of a value.
func compileConstant(v *jsondoc.Value, sc *scope) (constant, error) {
	switch v.Kind() {
	case jsondoc.KindString:
		s, _ := v.Text()
		t, err := parseTemplate(s, sc)
		if err != nil {
			return constant{}, err
		}
		if _, ok := t.literal(); ok {
			return constant{fixed: v}, nil
		}
		return constant{text: &t}, nil
	case jsondoc.KindObject:
		c := constant{isObject: true}
		for name, member := range v.Members() {
			if err := c.add(member, sc); err != nil {
				return constant{}, err
			}
			c.names = append(c.names, name)
		}
		return c.fixedIfSame(v), nil
	case jsondoc.KindArray:
		var c constant
		for element := range v.Elements() {
			if err := c.add(element, sc); err != nil {
				return constant{}, err
			}
		}
		return c.fixedIfSame(v), nil
	}
	return constant{fixed: v}, nil
}

func (c *constant) add(v *jsondoc.Value, sc *scope) error {
	part, err := compileConstant(v, sc)
	c.parts = append(c.parts, part)
	return err
}

// fixedIfSame gives v itself when no part of it depends on the message.
func (c *constant) fixedIfSame(v *jsondoc.Value) constant {
	for i := range c.parts {
		if c.parts[i].fixed == nil {
			return *c
		}
	}
	return constant{fixed: v}
}

// value fills in the placeholders; nil when one of them has no value.
func (c *constant) value(m *message) *jsondoc.Value {
	switch {
	case c.fixed != nil:
		return c.fixed
	case c.text != nil:
		text, missing := c.text.text(m)
		if missing != "" {
			return nil
		}
		return jsondoc.String(text)
	case c.isObject:
		members := make([]jsondoc.Member, len(c.parts))
		for i := range c.parts {
			v := c.parts[i].value(m)
			if v == nil {
				return nil
			}
			members[i] = jsondoc.Member{Name: c.names[i], Value: v}
		}
		return jsondoc.Object(members...)
	}
	elements := make([]*jsondoc.Value, len(c.parts))
	for i := range c.parts {
		if elements[i] = c.parts[i].value(m); elements[i] == nil {
			return nil
		}
	}
	return jsondoc.Array(elements...)
}
