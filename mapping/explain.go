package mapping

import (
	"slices"
	"strconv"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Trace is how a message went through the rules.
type Trace struct {
	Rules   []RuleTrace     // those whose pattern fits, in the order of the configuration
	Changes []Change        // what Map gives
	Err     *protocol.Error // what Map gives
}

// RuleTrace is what one rule made of a message.
type RuleTrace struct {
	Rule     int
	Topic    string     // the pattern as configured
	Tried    bool       // false: the message never came to it
	Each     bool       // it takes an array apart
	Captures []Captured // what the pattern took
	Steps    []Step     // in the order in which values were looked for
	Changes  []Change
	Err      *protocol.Error // not nil: the rule refused the message

	failed bool // an expression of "set" did
}

// Captured is what a capture of a pattern took from a topic.
type Captured struct{ Name, Value string }

// Step is a value that a rule looked for.
type Step struct {
	Key   string         // the key in the rule: "each", "when", "thing", "set", "headers", "create.policy", …
	Path  string         // of "set": the place in the Thing, with this message; of "headers" and "each": which one
	From  string         // where the value comes from: `payload /temp`, `"org.acme:{{ device }}"`
	Value *jsondoc.Value // nil when there is none
	Why   string         // why there is none, or what follows from it
}

// Explain is Map with a record of what happened. It takes the same way through
// the same code, which tells the trace as it goes: so it says what happened,
// and not what should have. A trace that is nil is told nothing.
func (r *Rules) Explain(in *Input) *Trace {
	t := &Trace{}
	t.Changes, _, t.Err = r.run(in, t)
	return t
}

// found tells which rules the message is for.
func (t *Trace) found(r *Rules, hits []int32) {
	if t == nil {
		return
	}
	for _, hit := range hits {
		t.Rules = append(t.Rules, RuleTrace{Rule: int(hit), Topic: r.rules[hit].topic})
	}
}

// begin is for the rule that is tried next.
func (t *Trace) begin(r *rule, m *message) *RuleTrace {
	if t == nil {
		return nil
	}
	at := &t.Rules[slices.IndexFunc(t.Rules, func(at RuleTrace) bool { return at.Rule == r.number })]
	at.Tried, at.Each = true, r.each != nil
	for c, name := range r.pattern.names {
		at.Captures = append(at.Captures, Captured{name, strings.Clone(m.caps[c])})
	}
	return at
}

// ended is for what the rule made: the changes behind those that were there
// before it.
func (t *RuleTrace) ended(before int, changes []Change, err *protocol.Error) {
	if t == nil {
		return
	}
	if t.Err = err; err == nil {
		t.Changes = slices.Clone(changes[before:])
	}
}

func (t *RuleTrace) add(s Step) {
	if t != nil {
		t.Steps = append(t.Steps, s)
	}
}

// array is for where the elements of "each" are to be.
func (t *RuleTrace) array(document *jsondoc.Value, each jsondoc.Pointer, ok bool) {
	if t != nil && !ok {
		t.add(Step{Key: "each", Path: pathOrRoot(each), From: "payload " + each.String(), Why: missingIn(document, each, false)})
	}
}

// element is for an element of "each".
func (t *RuleTrace) element(each jsondoc.Pointer, n int, element *jsondoc.Value) {
	if t != nil {
		t.add(Step{Key: "each", Path: append(slices.Clone(each), strconv.Itoa(n)).String(), From: "element " + strconv.Itoa(n), Value: element})
	}
}

func (t *RuleTrace) when(r *rule, yes bool, err error) {
	if t == nil {
		return
	}
	s := Step{Key: "when", From: "expr " + r.config.When}
	switch {
	case err != nil:
		s.Why = err.Error()
	case !yes:
		s.Value, s.Why = jsondoc.Bool(false), "so the mapping does not apply"
	default:
		s.Value = jsondoc.Bool(true)
	}
	t.add(s)
}

// template is for a text that was filled in; missing is the placeholder that
// has no value.
func (t *RuleTrace) template(key, config, text, missing string, m *message) {
	if t == nil {
		return
	}
	s := Step{Key: key, From: quote([]byte(config))}
	if missing != "" {
		s.Why = withoutValue(missing, m)
	} else {
		s.Value = jsondoc.String(strings.Clone(text))
	}
	t.add(s)
}

// withoutValue says why a text cannot be filled in.
func withoutValue(missing string, m *message) string {
	if m.fault != "" {
		return m.fault
	}
	return "{{ " + missing + " }} has no value with this message" + m.adviseEach(missing)
}

// header is for a line of "headers", and the text of its value.
func (t *RuleTrace) header(r *rule, l *headerLine, text []byte, ok bool, m *message) {
	if t == nil {
		return
	}
	s := Step{Key: "headers", Path: l.name, From: "constant"}
	switch {
	case l.value.fixed != nil:
		s.Value = l.value.fixed
	case ok:
		s.Value, _ = jsondoc.Parse(slices.Clone(text), jsondoc.Limits{})
	default:
		s.Why = withoutValue(l.value.missing(m), m)
	}
	if i := slices.IndexFunc(r.config.Headers, func(c HeaderConfig) bool { return c.Name == l.name }); i >= 0 && l.value.fixed == nil {
		s.From += " " + r.config.Headers[i].Value.String()
	}
	t.add(s)
}

// created is for what the Thing may be created with.
func (t *RuleTrace) created(c *Create, config *CreateConfig) {
	if t == nil {
		return
	}
	if c.Policy != "" {
		t.add(Step{Key: "create.policy", From: quote([]byte(config.Policy)), Value: jsondoc.String(strings.Clone(c.Policy))})
	}
	if c.Initial != nil {
		for name, value := range c.Initial.Members() {
			t.add(Step{Key: "create." + name, From: "constant " + config.member(name).String(), Value: value})
		}
	}
}

// member is what a Thing is created with as configured.
func (c *CreateConfig) member(name string) *jsondoc.Value {
	if name == "definition" {
		return c.Definition
	}
	return c.Attributes
}

// line is for a line of "set" and the text of its value.
func (t *RuleTrace) line(l *line, w *writer, text []byte, ok bool) {
	// What fails only here, in a path that nothing is written to, is no fault.
	fault := w.message.fault
	defer func() { w.message.fault = fault }()
	s := Step{Key: "set", Path: l.key, From: l.from()}
	path, filled := l.fill(w.message)
	if filled {
		s.Path = pathOrRoot(path)
	}
	if !filled {
		s.Why = withoutValue(l.missing(w.message), w.message)
	} else if ok {
		s.Value, _ = jsondoc.Parse(slices.Clone(text), jsondoc.Limits{})
	} else if l.expression != nil && w.err != nil && !t.failed {
		s.Why, t.failed = "it fails", true
	} else {
		s.Why = l.why(w)
	}
	t.add(s)
}

// unnamed is for the lines at and below a node whose name needs a placeholder
// that has no value.
func (t *RuleTrace) unnamed(n *node, w *writer) {
	if t == nil {
		return
	}
	if n.line != nil {
		t.line(n.line, w, nil, false)
	}
	for _, child := range n.children {
		t.unnamed(child, w)
	}
}

func pathOrRoot(p jsondoc.Pointer) string {
	if len(p) == 0 {
		return "/"
	}
	return p.String()
}
