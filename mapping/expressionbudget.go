package mapping

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm/runtime"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// maxSteps is what one run of an expression may cost: a step for each round
// of a loop and each value that a function looks through, and one for every 32
// bytes of text. It is used up in a fraction of a second.
const maxSteps = 1_000_000

// maxAllSteps is what all expressions together may cost that one message, or
// one event, runs: with "each" there may be a thousand runs of every one.
const maxAllSteps = 4 * maxSteps

// budget is what is left of the steps of one run, and of all. The library
// itself bounds how many elements arrays get; it does not know how long loops
// within loops take, nor how long a text grows.
type budget struct{ left, all int }

// budgetVariable is the budget among an expression's variables. No expression
// can write its name.
const budgetVariable = "§budget"

func (b *budget) spend(steps int) {
	b.left -= steps
	b.all -= steps
	switch {
	case b.left < 0:
		panic(fmt.Sprintf("it takes more than the %d steps that an expression may", maxSteps))
	case b.all < 0:
		panic(fmt.Sprintf("it takes more than what is left of the %d steps that all expressions for one message may", maxAllSteps))
	}
}

// look pays for a function that goes once through a value.
func (b *budget) look(v any) any {
	switch v := v.(type) {
	case string:
		b.spend(1 + len(v)/32)
	case []any:
		b.spend(1 + len(v))
	case map[string]any:
		b.spend(1 + len(v))
	case []int: // a list as from..to, and of map
		b.spend(1 + len(v))
	case []string: // of split
		b.spend(1 + len(v))
	case []float64:
		b.spend(1 + len(v))
	default:
		b.spend(1)
	}
	return v
}

// maxNesting is how deep a value may be nested that a function goes through:
// deeper than any payload, and not so deep that the stack would not hold it.
const maxNesting = 2 * jsondoc.DefaultDepth

// search pays for a regular expression that goes through a text: that takes as
// long as a step for every few bytes.
func (b *budget) search(v any) any {
	if s, ok := v.(string); ok {
		b.spend(1 + len(s)/4)
	}
	return v
}

// lookInto pays for a function that goes through a value and all within it.
func (b *budget) lookInto(v any) any {
	b.lookBelow(v, 0)
	return v
}

func (b *budget) lookBelow(v any, depth int) {
	if depth > maxNesting {
		panic(fmt.Sprintf("it nests more than %d arrays and objects", maxNesting))
	}
	b.look(v)
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			b.lookBelow(element, depth+1)
		}
	case map[string]any:
		for _, member := range v {
			b.lookBelow(member, depth+1)
		}
	case map[any][]any:
		for _, group := range v {
			b.lookBelow(group, depth+1)
		}
	case map[any]any:
		for _, member := range v {
			b.lookBelow(member, depth+1)
		}
	}
}

// grow pays for a text of this many bytes.
func (b *budget) grow(size int) {
	if size > maxResult {
		panic(fmt.Sprintf("it puts together a text of more than %d bytes", maxResult))
	}
	b.spend(1 + size/32)
}

// usageFinder finds the variables that an expression uses, and the members
// that it takes of them.
type usageFinder struct {
	uses  uses
	alone map[string]int // how often a variable stands by itself
}

// Visit sees the parts of an expression before the whole: an identifier first
// and then the member access that it may be part of.
func (f *usageFinder) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		f.found(n.Value, 1)
	case *ast.MemberNode:
		variable, isVariable := n.Node.(*ast.IdentifierNode)
		name, isName := n.Property.(*ast.StringNode)
		if isVariable && isName {
			u := f.found(variable.Value, -1)
			if !slices.Contains(u.members, name.Value) {
				u.members = append(u.members, name.Value)
			}
		}
	}
}

func (f *usageFinder) found(name string, alone int) *usage {
	u := f.uses[name]
	if u == nil {
		u = &usage{}
		f.uses[name] = u
	}
	f.alone[name] += alone
	u.whole = f.alone[name] > 0
	return u
}

// pricer rewrites an expression so that what may take long pays for it first.
type pricer struct {
	problem string // what nobody can pay for; "": nothing
}

// Functions that go through the first level of what they are given, and those
// that go through all of it. What is in neither looks at one value.
var (
	lookers = []string{"len", "int", "float", "trim", "trimPrefix", "trimSuffix", "upper", "lower",
		"indexOf", "lastIndexOf", "hasPrefix", "hasSuffix", "toBase64", "fromBase64", "take", "keys", "values", "toPairs",
		"fromPairs", "reverse", "concat", "sort", "date", "duration", "timezone", "replace", "repeat"}
	deepLookers = []string{"string", "join", "max", "min", "mean", "median", "sum", "toJSON", "flatten", "uniq"}
)

// Visit rewrites one part, of which all parts within are rewritten already.
func (p *pricer) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.PredicateNode:
		n.Node = &ast.ConditionalNode{Ternary: true, Cond: priced("§step"), Exp1: n.Node, Exp2: &ast.NilNode{}}
	case *ast.BuiltinNode:
		switch n.Name {
		case "replace", "repeat", "join", "split", "splitAfter", "fromJSON":
			ast.Patch(node, priced("§"+n.Name, n.Arguments...))
			return
		}
		name := ""
		switch {
		case slices.Contains(lookers, n.Name):
			name = "§look"
		case slices.Contains(deepLookers, n.Name):
			name = "§lookInto"
		default:
			return
		}
		for i := range n.Arguments {
			if _, isPredicate := n.Arguments[i].(*ast.PredicateNode); !isPredicate && !isLiteral(n.Arguments[i]) {
				ast.Patch(&n.Arguments[i], priced(name, n.Arguments[i]))
			}
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "+", "-", "*":
			if !isLiteral(n.Left) || !isLiteral(n.Right) {
				ast.Patch(node, priced("§"+n.Operator, n.Left, n.Right))
			}
		case "==", "!=", "<", "<=", ">", ">=":
			if !isLiteral(n.Left) && !isLiteral(n.Right) {
				price(n, "§lookInto")
			}
		case "..":
			if !isLiteral(n.Left) || !isLiteral(n.Right) {
				ast.Patch(node, priced("§..", n.Left, n.Right))
			}
		case "in":
			if _, isList := n.Right.(*ast.ArrayNode); !isList {
				price(n, "§lookInto")
			}
		case "matches":
			if _, isText := n.Right.(*ast.StringNode); !isText {
				p.problem = "matches takes a pattern in quotes, not one that is made while it runs"
			}
			ast.Patch(&n.Left, priced("§search", n.Left))
		case "contains", "startsWith", "endsWith":
			price(n, "§look")
		}
	}
}

// price makes both sides of an operator pay.
func price(n *ast.BinaryNode, name string) {
	for _, side := range []*ast.Node{&n.Left, &n.Right} {
		if !isLiteral(*side) {
			ast.Patch(side, priced(name, *side))
		}
	}
}

func priced(name string, arguments ...ast.Node) ast.Node {
	return &ast.CallNode{
		Callee:    &ast.IdentifierNode{Value: name},
		Arguments: append([]ast.Node{&ast.IdentifierNode{Value: budgetVariable}}, arguments...),
	}
}

func isLiteral(n ast.Node) bool {
	switch n.(type) {
	case *ast.NilNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.StringNode:
		return true
	}
	return false
}

// pricedFunctions are what pricer puts in.
var pricedFunctions = []expr.Option{
	expr.Function("§step", func(a ...any) (any, error) { a[0].(*budget).spend(1); return true, nil }, new(func(*budget) bool)),
	expr.Function("§look", func(a ...any) (any, error) { return a[0].(*budget).look(a[1]), nil }, new(func(*budget, any) any)),
	expr.Function("§search", func(a ...any) (any, error) { return a[0].(*budget).search(a[1]), nil }, new(func(*budget, any) any)),
	expr.Function("§lookInto", func(a ...any) (any, error) { return a[0].(*budget).lookInto(a[1]), nil }, new(func(*budget, any) any)),
	expr.Function("§+", func(a ...any) (any, error) { return a[0].(*budget).add(a[1], a[2]), nil }, new(func(*budget, any, any) any)),
	expr.Function("§-", func(a ...any) (any, error) { return subtract(a[1], a[2]), nil }, new(func(*budget, any, any) any)),
	expr.Function("§*", func(a ...any) (any, error) { return multiply(a[1], a[2]), nil }, new(func(*budget, any, any) any)),
	expr.Function("§..", func(a ...any) (any, error) { return a[0].(*budget).list(a[1], a[2]), nil }, new(func(*budget, any, any) []int)),
	expr.Function("§replace", replace, new(func(*budget, string, string, string) string), new(func(*budget, string, string, string, int) string)),
	expr.Function("§repeat", repeat, new(func(*budget, string, int) string)),
	expr.Function("§join", join, new(func(*budget, any) string), new(func(*budget, any, string) string)),
	expr.Function("§split", split(strings.SplitN), new(func(*budget, string, string) []string), new(func(*budget, string, string, int) []string)),
	expr.Function("§splitAfter", split(strings.SplitAfterN), new(func(*budget, string, string) []string), new(func(*budget, string, string, int) []string)),
	expr.Function("§fromJSON", fromJSON, new(func(*budget, string) any)),
}

// add is +. Integers stay integers as long as the result fits.
func (b *budget) add(x, y any) any {
	switch x := x.(type) {
	case int:
		if y, ok := y.(int); ok {
			if sum := x + y; (sum > x) == (y > 0) {
				return sum
			}
			return float64(x) + float64(y)
		}
	case string:
		if y, ok := y.(string); ok {
			b.grow(len(x) + len(y))
		}
	}
	return runtime.Add(x, y)
}

func subtract(x, y any) any {
	if x, ok := x.(int); ok {
		if y, ok := y.(int); ok {
			if difference := x - y; (difference < x) == (y > 0) {
				return difference
			}
			return float64(x) - float64(y)
		}
	}
	return runtime.Subtract(x, y)
}

func multiply(x, y any) any {
	if x, ok := x.(int); ok {
		if y, ok := y.(int); ok {
			if high, low := bits.Mul(magnitude(x), magnitude(y)); high == 0 && low <= math.MaxInt {
				return x * y
			}
			return float64(x) * float64(y)
		}
	}
	return runtime.Multiply(x, y)
}

func magnitude(x int) uint {
	if x < 0 {
		return -uint(x)
	}
	return uint(x)
}

// list is "from..to". The library bounds its length in an expression as it is
// written, not here.
func (b *budget) list(from, to any) []int {
	first, last := runtime.ToInt(from), runtime.ToInt(to)
	if last < first {
		return []int{}
	}
	if last-first < 0 || last-first >= maxSteps {
		b.spend(maxSteps + 1)
	}
	b.spend(last - first + 1)
	return runtime.MakeRange(first, last)
}

func replace(a ...any) (any, error) {
	b, s, from, to, n := a[0].(*budget), a[1].(string), a[2].(string), a[3].(string), -1
	if len(a) > 4 {
		n = a[4].(int)
	}
	b.grow(len(s))
	b.grow(replacedSize(s, from, to, n))
	return strings.Replace(s, from, to, n), nil
}

// replacedSize is how long a text gets by strings.Replace; where that is more
// than maxResult, something more than it.
func replacedSize(s, from, to string, n int) int {
	times := strings.Count(s, from)
	if n >= 0 {
		times = min(times, n)
	}
	if len(to) > 0 && times > maxResult/len(to) && len(to) > len(from) {
		return max(maxResult, len(s)) + 1
	}
	return len(s) + times*(len(to)-len(from))
}

func repeat(a ...any) (any, error) {
	b, s, n := a[0].(*budget), a[1].(string), a[2].(int)
	if n < 0 {
		return nil, fmt.Errorf("repeat: %d is no number of times", n)
	}
	if len(s) > 0 && n > maxResult/len(s) {
		b.grow(maxResult + 1)
	}
	b.grow(len(s) * n)
	return strings.Repeat(s, n), nil
}

// split pays for the pieces, which take more room than the text.
func split(cut func(s, at string, n int) []string) func(a ...any) (any, error) {
	return func(a ...any) (any, error) {
		b, s, at, n := a[0].(*budget), a[1].(string), a[2].(string), -1
		if len(a) > 3 {
			n = runtime.ToInt(a[3])
		}
		b.grow(len(s))
		pieces := strings.Count(s, at) + 1
		if n >= 0 {
			pieces = min(pieces, n)
		}
		b.spend(pieces)
		return cut(s, at, n), nil
	}
}

func join(a ...any) (any, error) {
	b, between := a[0].(*budget), ""
	if len(a) > 2 {
		between = a[2].(string)
	}
	var texts []string
	switch list := a[1].(type) {
	case []string:
		texts = list
	case []any:
		b.look(list)
		for _, element := range list {
			text, ok := element.(string)
			if !ok {
				return nil, fmt.Errorf("join: %s is not a text", describe(element))
			}
			texts = append(texts, text)
		}
	default:
		return nil, fmt.Errorf("join: %s is not an array of texts", describe(a[1]))
	}
	size := 0
	for _, text := range texts {
		if size += len(text) + len(between); size > maxResult+len(between) {
			b.grow(size)
		}
	}
	b.grow(max(size-len(between), 0))
	return strings.Join(texts, between), nil
}

// fromJSON reads JSON as strictly as payloads are read, and keeps integers.
func fromJSON(a ...any) (any, error) {
	text := a[1].(string)
	a[0].(*budget).grow(len(text))
	v, err := jsondoc.ParseString(text)
	if err != nil {
		return nil, err
	}
	return decoded(v), nil
}
