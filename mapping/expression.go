package mapping

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// expression is one {expr: …} or "when" of the configuration, compiled (the
// language of github.com/expr-lang/expr). It may be used by many goroutines.
//
// What it may take of time and memory is bounded, whatever it says and
// whatever is in a message: see budget.
type expression struct {
	source  string // for what is said of it
	program *vm.Program
	simple  quickNode // computes it where nothing is out of the ordinary; nil: never
	uses    uses
}

// quickly gives what the expression gives, where that needs no machine; false
// where it does.
func (e *expression) quickly(from quickVariables) (quick, bool) {
	if e.simple == nil {
		return quick{}, false
	}
	return e.simple.quick(from)
}

// uses says which variables an expression looks at.
type uses map[string]*usage

// usage is what is needed of one variable.
type usage struct {
	members []string // of an object, these
	whole   bool     // all of it
}

// compileExpression compiles an expression that may use the variables, of
// these types. The error is for the configuration: one line, with the place in
// the expression.
func compileExpression(source string, variables types.Map) (*expression, error) {
	if strings.TrimSpace(source) == "" {
		return nil, errors.New("is empty: an expression such as payload.temp * 9 / 5 + 32")
	}
	options := withUnix([]expr.Option{expr.Env(variables), expr.DisableBuiltin("now")}, variables)
	// Once as it is written, for its mistakes; then with its price on it.
	written, err := expr.Compile(source, options...)
	if err != nil {
		return nil, errors.New(adviseCompile(err, source, variables))
	}
	e := &expression{source: source, simple: quickly(written.Node()), uses: uses{}}
	priced := maps.Clone(variables)
	priced[budgetVariable] = types.TypeOf(&budget{})
	options[0] = expr.Env(priced)
	pricing := &pricer{}
	options = append(options, expr.Patch(&usageFinder{uses: e.uses, alone: map[string]int{}}), expr.Patch(pricing))
	if e.program, err = expr.Compile(source, append(options, pricedFunctions...)...); err != nil {
		return nil, errors.New(oneLine(err))
	}
	if pricing.problem != "" {
		return nil, errors.New(pricing.problem)
	}
	if e.uses["$env"] != nil {
		for name := range variables {
			e.uses[name] = &usage{whole: true}
		}
	}
	return e, nil
}

// add takes over what another expression uses.
func (u uses) add(other uses) {
	for name, needed := range other {
		have := u[name]
		if have == nil {
			have = &usage{}
			u[name] = have
		}
		have.whole = have.whole || needed.whole
		for _, member := range needed.members {
			if !slices.Contains(have.members, member) {
				have.members = append(have.members, member)
			}
		}
	}
}

// array stands for an array of which members are wanted by name: there are
// none, and this is how the error calls it.
type array struct{}

// decode gives what is needed of a JSON value to expressions.
func (u *usage) decode(v *jsondoc.Value) any {
	if u.whole || v.Kind() != jsondoc.KindObject && v.Kind() != jsondoc.KindArray {
		return decoded(v)
	}
	if v.Kind() == jsondoc.KindArray {
		return array{}
	}
	object := make(map[string]any, len(u.members))
	for _, name := range u.members {
		if member, ok := v.Member(name); ok {
			object[name] = decoded(member)
		}
	}
	return object
}

// machine is what runs expressions, used again for the next one.
type machine struct {
	vm     vm.VM
	budget budget
}

var machines = sync.Pool{New: func() any { return new(machine) }}

// run gives what the expression gives with these variables. It may use the
// steps that are left of those for the message, and takes its own off. The
// error says in one line what went wrong where in the expression.
func (e *expression) run(variables map[string]any, steps *int) (any, error) {
	m := machines.Get().(*machine)
	m.budget = budget{left: maxSteps, all: *steps}
	variables[budgetVariable] = &m.budget
	result, err := m.vm.Run(e.program, variables)
	*steps = m.budget.all
	machines.Put(m)
	if err != nil {
		return nil, errors.New(adviseRun(err, e.source))
	}
	return result, nil
}

// holds is the result of an expression that says yes or no.
func (e *expression) holds(variables map[string]any, steps *int) (bool, error) {
	result, err := e.run(variables, steps)
	if err != nil {
		return false, err
	}
	yes, ok := result.(bool)
	if !ok {
		return false, fmt.Errorf("gives %s, not true or false", describe(result))
	}
	return yes, nil
}

// oneLine is an error of the expression library without the drawing below it,
// and without all of a long text that it quotes.
func oneLine(err error) string {
	text, place := parts(err)
	return text + place
}

// parts is what oneLine says, and where.
func parts(err error) (text, place string) {
	var at *file.Error
	text = err.Error()
	if errors.As(err, &at) {
		text, place = at.Message, fmt.Sprintf(" (line %d, column %d)", max(at.Line, 1), at.Column+1)
	}
	text, _, _ = strings.Cut(text, "\n")
	const most = 300
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text, place
}

// decoded is a JSON value as expressions see it: an integer as an int where
// it is one, every other number as a float64.
func decoded(v *jsondoc.Value) any {
	switch v.Kind() {
	case jsondoc.KindBool:
		b, _ := v.Bool()
		return b
	case jsondoc.KindNumber:
		if i, ok := v.Int(); ok {
			return whole(i)
		}
		f, ok := v.Float()
		if !ok {
			return math.Inf(1) // more than a float64 can hold; no result can have it
		}
		return f
	case jsondoc.KindString:
		s, _ := v.Text()
		return s
	case jsondoc.KindArray:
		list := make([]any, 0, v.Len())
		for element := range v.Elements() {
			list = append(list, decoded(element))
		}
		return list
	case jsondoc.KindObject:
		object := make(map[string]any, v.Len())
		for name, member := range v.Members() {
			object[name] = decoded(member)
		}
		return object
	}
	return nil
}

// whole is a whole number as expressions see it: where an int has 32 bits only,
// one that does not fit is a float64.
func whole(i int64) any {
	if i == int64(int(i)) {
		return int(i)
	}
	return float64(i)
}
