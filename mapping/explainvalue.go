package mapping

import (
	"fmt"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// from is where the line takes its value from.
func (l *line) from() string {
	switch {
	case l.expression != nil:
		return "expr " + l.config.Expr
	case l.constant != nil && l.constant.fixed != nil:
		return "constant"
	case l.constant != nil:
		return "constant " + l.config.Value.String()
	case len(l.pointer) == 0:
		return "payload, all of it"
	}
	return "payload " + l.pointer.String()
}

// why says why a line has no value.
func (l *line) why(w *writer) string {
	switch {
	case l.expression != nil:
		return "it gives null (nulls: skip)"
	case l.constant != nil:
		return withoutValue(l.constant.missing(w.message), w.message)
	}
	v, ok := lookup(w.payload, l.pointer)
	switch {
	case !ok:
		return missingIn(w.payload, l.pointer, w.rule.each != nil) + w.message.besideArray(l.pointer)
	case v.IsNull():
		return "it is null (nulls: skip)"
	}
	return "there are only nulls in it (nulls: skip)"
}

// missing is the first placeholder of a line's path that has no value.
func (l *line) missing(m *message) string {
	for i := range l.path {
		if _, missing := l.path[i].template.text(m); missing != "" {
			return missing
		}
	}
	return ""
}

// missing is the first placeholder of a constant that has no value.
func (c *constant) missing(m *message) string {
	if c.text != nil {
		_, missing := c.text.appendTo(nil, m)
		return missing
	}
	for i := range c.parts {
		if missing := c.parts[i].missing(m); missing != "" {
			return missing
		}
	}
	return ""
}

// missingIn says how far a pointer leads, and what is there instead of what it
// asks for. inElement says that it is an element of "each".
func missingIn(v *jsondoc.Value, p jsondoc.Pointer, inElement bool) string {
	for i, name := range p {
		next, ok := lookup(v, p[i:i+1])
		if ok {
			v = next
			continue
		}
		where := "the payload"
		if i > 0 {
			where = p[:i].String()
		}
		switch v.Kind() {
		case jsondoc.KindObject:
			return fmt.Sprintf("%s has no %q%s", where, name, membersOf(v))
		case jsondoc.KindArray:
			if !inElement && !isIndex(name) {
				return fmt.Sprintf("%s is an array of %d elements: %s", where, v.Len(), takeApart(p[:i]))
			}
			return fmt.Sprintf("%s is an array of %d elements, and %q is none of them (0 is the first)", where, v.Len(), name)
		}
		return fmt.Sprintf("%s is %s and has nothing within", where, excerpt([]byte(v.String()), maxExcerpt))
	}
	return ""
}

// membersOf lists the names of an object's members, some of them.
func membersOf(v *jsondoc.Value) string {
	const most = 8
	var names []string
	for name := range v.Members() {
		if len(names) == most {
			names = append(names, "…")
			break
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return ": it is empty"
	}
	return "; it has " + strings.Join(names, ", ")
}
