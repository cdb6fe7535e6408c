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

// appendTo appends the value with its placeholders filled in; false when one
// of them has no value.
func (c *constant) appendTo(dst []byte, m *message) ([]byte, bool) {
	switch {
	case c.fixed != nil:
		return c.fixed.AppendTo(dst), true
	case c.text != nil:
		var missing string
		if m.small, missing = c.text.appendTo(m.small[:0], m); missing != "" {
			return dst, false
		}
		return jsondoc.AppendString(dst, string(m.small)), true
	case c.isObject:
		dst = append(dst, '{')
	default:
		dst = append(dst, '[')
	}
	for i := range c.parts {
		if i > 0 {
			dst = append(dst, ',')
		}
		if c.isObject {
			dst = append(jsondoc.AppendString(dst, c.names[i]), ':')
		}
		var ok bool
		if dst, ok = c.parts[i].appendTo(dst, m); !ok {
			return dst, false
		}
	}
	if c.isObject {
		return append(dst, '}'), true
	}
	return append(dst, ']'), true
}
