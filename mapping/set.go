package mapping

import (
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// line is what one line of "set" writes, and where.
type line struct {
	config     *SetConfig
	key        string    // its path as configured, for error messages
	path       []segment // none for the whole Thing
	pointer    jsondoc.Pointer
	constant   *constant   // nil: the pointer's value in the payload,
	expression *expression // or what this gives
}

// segment is one level of a line's path.
type segment struct {
	template template
	fixed    []byte // `"name":`, when it is the same for all messages
	rest     int    // the capture that fills in several levels; -1: none
}

// node is a place in the Thing: the lines of a rule put together to the tree
// that the merge patch has.
type node struct {
	name     segment
	children []*node
	line     *line // not nil: a value is written here, and there are no children
}

// patch is the merge patch (RFC 7396) that the message asks for; nil when
// nothing that the rule points to is in the payload.
//
// It is written as text, from beginning to end, and then parsed, which costs
// less than half of what putting it together from values does. Where names
// that messages fill in may turn out to be the same, the text would have them
// twice, so there it is put together line by line.
func (r *rule) patch(m *message, payload *jsondoc.Value) (*jsondoc.Value, *protocol.Error) {
	w := writer{rule: r, message: m, payload: payload}
	if r.clashes {
		return w.oneByOne()
	}
	text, ok := w.node(m.text[:0], &r.set)
	m.text = text
	if w.err != nil || !ok {
		return nil, w.err
	}
	patch, err := jsondoc.Parse(slices.Clone(text), jsondoc.Limits{Folded: true})
	switch {
	case err != nil: // the payload was accepted: only its depth within the Thing is new
		return nil, r.refuse("the change is not acceptable JSON: %v", err)
	case patch.Kind() != jsondoc.KindObject:
		return nil, r.refuse("what is merged into the whole thing must be an object")
	}
	return patch, nil
}

// writer writes the patch that one rule makes of one message.
type writer struct {
	rule    *rule
	message *message
	payload *jsondoc.Value
	err     *protocol.Error
}

// node appends the value at a node; false says that there is none.
func (w *writer) node(dst []byte, n *node) ([]byte, bool) {
	if n.line != nil {
		return w.value(dst, n.line)
	}
	begin := len(dst)
	dst = append(dst, '{')
	for _, child := range n.children {
		before := len(dst)
		if before > begin+1 {
			dst = append(dst, ',')
		}
		var depth int
		var ok bool
		if dst, depth, ok = w.name(dst, child); ok {
			if dst, ok = w.node(dst, child); ok {
				for range depth {
					dst = append(dst, '}')
				}
				continue
			}
		} else {
			w.message.tracing.unnamed(child, w)
		}
		dst = dst[:before]
	}
	return append(dst, '}'), len(dst) > begin+1
}

// name appends the name of a node's level; depth is how many levels a
// captured rest opens below the first.
func (w *writer) name(dst []byte, n *node) (out []byte, depth int, ok bool) {
	s := &n.name
	if s.fixed != nil {
		return append(dst, s.fixed...), 0, true
	}
	name, missing := s.template.text(w.message)
	if missing != "" {
		return dst, 0, false // like a value that is not there
	}
	if s.rest >= 0 {
		for {
			first, more, found := strings.Cut(name, "/")
			if !found {
				break
			}
			w.checkLevel(first, n)
			dst = append(jsondoc.AppendString(dst, first), ':', '{')
			name = more
			depth++
		}
	}
	w.checkLevel(name, n)
	return append(jsondoc.AppendString(dst, name), ':'), depth, true
}

func (w *writer) checkLevel(name string, n *node) {
	if name == "" && w.err == nil {
		for n.line == nil {
			n = n.children[0]
		}
		w.err = w.rule.refuse("the path %q has an empty level with this message", n.line.key)
	}
}

// oneByOne puts the patch together line by line.
func (w *writer) oneByOne() (*jsondoc.Value, *protocol.Error) {
	var patch *jsondoc.Value
	for i := range w.rule.lines {
		l := &w.rule.lines[i]
		text, ok := w.value(nil, l)
		if w.err != nil {
			return nil, w.err
		}
		if !ok {
			continue
		}
		path, ok := l.fill(w.message)
		if !ok {
			continue
		}
		if slices.Contains(path, "") {
			return nil, w.rule.refuse("the path %q has an empty level with this message", l.key)
		}
		value, err := jsondoc.Parse(text, jsondoc.Limits{})
		if err != nil {
			return nil, w.rule.refuse("the change is not acceptable JSON: %v", err)
		}
		if len(path)+value.Depth() > jsondoc.DefaultDepth {
			return nil, w.rule.refuse("the change is not acceptable JSON: nested too deep")
		}
		if patch == nil {
			patch = jsondoc.Nest(path, value)
			continue
		}
		_, taken := patch.Get(path)
		if !taken {
			patch, err = patch.Set(path, value)
			taken = err != nil // the path leads through another line's value
		}
		if taken {
			return nil, w.rule.refuse("two lines of set lead to one place with this message, one of them %q", l.key)
		}
	}
	return patch, nil
}

// fill gives the line's path with this message; false when a placeholder has
// no value.
func (l *line) fill(m *message) (jsondoc.Pointer, bool) {
	path := make(jsondoc.Pointer, 0, len(l.path)+4)
	for i := range l.path {
		s := &l.path[i]
		text, missing := s.template.text(m)
		switch {
		case missing != "":
			return nil, false
		case s.rest >= 0:
			path = append(path, strings.Split(text, "/")...)
		default:
			path = append(path, text)
		}
	}
	return path, true
}

// value appends the value that the line writes; false says that there is none.
func (w *writer) value(dst []byte, l *line) ([]byte, bool) {
	begin := len(dst)
	dst, ok := w.write(dst, l)
	if t := w.message.tracing; t != nil {
		t.line(l, w, dst[begin:], ok)
	}
	return dst, ok
}

func (w *writer) write(dst []byte, l *line) ([]byte, bool) {
	switch {
	case l.constant != nil:
		return l.constant.appendTo(dst, w.message)
	case l.expression != nil:
		return w.result(dst, l)
	}
	v, ok := lookup(w.payload, l.pointer)
	if !ok {
		return dst, false
	}
	return w.kept(dst, v)
}

// kept appends a value without what the rule does not want of it.
func (w *writer) kept(dst []byte, v *jsondoc.Value) ([]byte, bool) {
	if !w.rule.keepsNulls {
		v = withoutNulls(v)
	}
	if v == nil {
		return dst, false
	}
	return v.AppendTo(dst), true
}

// result appends what the line's expression gives.
func (w *writer) result(dst []byte, l *line) ([]byte, bool) {
	before := len(dst)
	if q, ok := l.expression.quickly(w.message); ok {
		if q.kind == quickNothing && !w.rule.keepsNulls {
			return dst, false
		}
		if dst, err := q.append(dst); err == nil {
			return dst, true
		}
		dst = dst[:before]
	}
	result, err := l.expression.run(w.rule.variables(w.message), &w.message.steps)
	if err == nil {
		switch result.(type) {
		case nil:
			if !w.rule.keepsNulls {
				return dst, false
			}
			return append(dst, "null"...), true
		case bool, int, float64, string:
			if dst, err = appendResult(dst, result); err == nil {
				return dst, true
			}
		default:
			var text []byte
			var v *jsondoc.Value
			if text, err = appendResult(nil, result); err == nil {
				v, err = jsondoc.Parse(text, jsondoc.Limits{})
			}
			if err == nil {
				return w.kept(dst, v)
			}
		}
	}
	if w.err == nil {
		w.err = w.rule.refuse("set[%q]: the expression %v", l.key, err)
	}
	return dst[:before], false
}

// withoutNulls takes the nulls out of objects, where a merge patch would
// understand them as deletions; nil when nothing else was there. In arrays,
// which a patch replaces as a whole, they are values like others.
func withoutNulls(v *jsondoc.Value) *jsondoc.Value {
	switch v.Kind() {
	case jsondoc.KindNull:
		return nil
	case jsondoc.KindObject:
	default:
		return v
	}
	kept := make([]jsondoc.Member, 0, v.Len())
	changed := false
	for name, value := range v.Members() {
		without := withoutNulls(value)
		changed = changed || without != value
		if without != nil {
			kept = append(kept, jsondoc.Member{Name: name, Value: without})
		}
	}
	switch {
	case !changed:
		return v
	case len(kept) == 0:
		return nil
	}
	return jsondoc.Object(kept...)
}
