package mapping

import (
	"math"
	"strconv"

	"github.com/expr-lang/expr/ast"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Most expressions of a mapping are a formula, a comparison, or a choice
// between two values. Such a one is computed straight from the payload's JSON:
// nothing is decoded into maps and no number is put into an interface, which is
// most of what the library's machine takes. Whatever is out of the ordinary (a
// value of another kind, a number too large, an object) is left to the library,
// which then gives the result or the error; so there is one meaning, not two.

// quickKind is what a [quick] is.
type quickKind uint8

const (
	quickNothing quickKind = iota // nil
	quickBool
	quickInt
	quickFloat
	quickText
)

// quick is a value that is not in an interface.
type quick struct {
	kind  quickKind
	truth bool
	int   int
	float float64
	text  string
}

// quickNode computes a part of an expression; false where that is the library's
// to do.
type quickNode interface {
	quick(from quickVariables) (quick, bool)
}

// quickVariables gives what a [quickNode] is computed from.
type quickVariables interface {
	// variable is the JSON value of a variable; false where the variable is not
	// one, or is not there.
	variable(name string) (*jsondoc.Value, bool)
}

// quickly compiles what the parser made of an expression; nil where the library
// is to compute it.
func quickly(n ast.Node) quickNode {
	switch n := n.(type) {
	case *ast.NilNode:
		return quick{}
	case *ast.BoolNode:
		return quick{kind: quickBool, truth: n.Value}
	case *ast.IntegerNode:
		return quick{kind: quickInt, int: n.Value}
	case *ast.FloatNode:
		return quick{kind: quickFloat, float: n.Value}
	case *ast.StringNode:
		return quick{kind: quickText, text: n.Value}
	case *ast.IdentifierNode, *ast.MemberNode:
		return quickPlace(n)
	case *ast.UnaryNode:
		if of := quickly(n.Node); of != nil && (n.Operator == "not" || n.Operator == "!") {
			return &quickNot{of}
		}
	case *ast.ConditionalNode:
		c := &quickChoice{quickly(n.Cond), quickly(n.Exp1), quickly(n.Exp2)}
		if c.condition != nil && c.yes != nil && c.no != nil {
			return c
		}
	case *ast.BinaryNode:
		left, right := quickly(n.Left), quickly(n.Right)
		if left == nil || right == nil {
			return nil
		}
		switch n.Operator {
		case "+", "-", "*", "/":
			return &quickSum{n.Operator[0], left, right}
		case "<", "<=", ">", ">=", "==", "!=":
			return &quickComparison{n.Operator, left, right}
		case "and", "&&":
			return &quickLogic{false, left, right}
		case "or", "||":
			return &quickLogic{true, left, right}
		}
	}
	return nil
}

func (q quick) quick(quickVariables) (quick, bool) { return q, true }

// quickMember is a variable, or a member within it.
type quickMember struct {
	variable string
	path     []string
}

// quickPlace reads payload, payload.temp, payload["battery"].level.
func quickPlace(n ast.Node) quickNode {
	m := &quickMember{}
	for {
		switch at := n.(type) {
		case *ast.IdentifierNode:
			m.variable = at.Value
			return m
		case *ast.MemberNode:
			name, ok := at.Property.(*ast.StringNode)
			if !ok || at.Optional || at.Method {
				return nil
			}
			m.path = append([]string{name.Value}, m.path...)
			n = at.Node
		default:
			return nil
		}
	}
}

func (m *quickMember) quick(from quickVariables) (quick, bool) {
	v, ok := from.variable(m.variable)
	if !ok {
		return quick{}, false
	}
	for i, name := range m.path {
		if v.Kind() != jsondoc.KindObject {
			return quick{}, false
		}
		if v, ok = v.Member(name); !ok {
			return quick{}, i == len(m.path)-1 // further inside it is an error
		}
	}
	switch v.Kind() {
	case jsondoc.KindNull:
		return quick{}, true
	case jsondoc.KindBool:
		b, _ := v.Bool()
		return quick{kind: quickBool, truth: b}, true
	case jsondoc.KindString:
		text, ok := v.Text()
		return quick{kind: quickText, text: text}, ok
	case jsondoc.KindNumber:
		if i, ok := v.Int(); ok {
			return quick{kind: quickInt, int: int(i)}, i == int64(int(i))
		}
		f, ok := v.Float()
		return quick{kind: quickFloat, float: f}, ok
	}
	return quick{}, false
}

type quickNot struct{ of quickNode }

func (n *quickNot) quick(from quickVariables) (quick, bool) {
	q, ok := n.of.quick(from)
	q.truth = !q.truth
	return q, ok && q.kind == quickBool
}

type quickChoice struct{ condition, yes, no quickNode }

func (c *quickChoice) quick(from quickVariables) (quick, bool) {
	condition, ok := c.condition.quick(from)
	switch {
	case !ok || condition.kind != quickBool:
		return quick{}, false
	case condition.truth:
		return c.yes.quick(from)
	}
	return c.no.quick(from)
}

// quickLogic is "or" where ends is true, "and" where it is false: the left side
// decides if it is that.
type quickLogic struct {
	ends        bool
	left, right quickNode
}

func (l *quickLogic) quick(from quickVariables) (quick, bool) {
	q, ok := l.left.quick(from)
	if !ok || q.kind != quickBool || q.truth == l.ends {
		return q, ok && q.kind == quickBool
	}
	q, ok = l.right.quick(from)
	return q, ok && q.kind == quickBool
}

// quickSum is one of the four operations of numbers.
type quickSum struct {
	operator    byte
	left, right quickNode
}

// safeSum: sums and differences of integers below it fit into an int, products
// of those below safeFactor.
const (
	safeSum    = 1 << 29
	safeFactor = 1 << 15
)

func (s *quickSum) quick(from quickVariables) (quick, bool) {
	x, y, ok := bothNumbers(s.left, s.right, from)
	if !ok {
		return quick{}, false
	}
	if x.kind == quickInt && y.kind == quickInt && s.operator != '/' {
		most := safeSum
		if s.operator == '*' {
			most = safeFactor
		}
		if x.int < -most || x.int > most || y.int < -most || y.int > most {
			return quick{}, false
		}
		switch s.operator {
		case '+':
			x.int += y.int
		case '-':
			x.int -= y.int
		case '*':
			x.int *= y.int
		}
		return x, true
	}
	a, b := x.number(), y.number()
	switch s.operator {
	case '+':
		a += b
	case '-':
		a -= b
	case '*':
		a *= b
	case '/':
		a /= b
	}
	return quick{kind: quickFloat, float: a}, !math.IsNaN(a) && !math.IsInf(a, 0)
}

type quickComparison struct {
	operator    string
	left, right quickNode
}

func (c *quickComparison) quick(from quickVariables) (quick, bool) {
	x, ok := c.left.quick(from)
	if !ok {
		return quick{}, false
	}
	y, ok := c.right.quick(from)
	if !ok {
		return quick{}, false
	}
	var less, equal bool
	switch {
	case x.kind == quickInt && y.kind == quickInt:
		less, equal = x.int < y.int, x.int == y.int
	case x.isNumber() && y.isNumber():
		less, equal = x.number() < y.number(), x.number() == y.number()
	case c.operator != "==" && c.operator != "!=":
		return quick{}, false
	case x.kind == quickNothing || y.kind == quickNothing:
		equal = x.kind == y.kind
	case x.kind == quickText && y.kind == quickText:
		equal = x.text == y.text
	case x.kind == quickBool && y.kind == quickBool:
		equal = x.truth == y.truth
	default:
		return quick{}, false
	}
	q := quick{kind: quickBool}
	switch c.operator {
	case "<":
		q.truth = less
	case "<=":
		q.truth = less || equal
	case ">":
		q.truth = !less && !equal
	case ">=":
		q.truth = !less
	case "==":
		q.truth = equal
	case "!=":
		q.truth = !equal
	}
	return q, true
}

func bothNumbers(left, right quickNode, from quickVariables) (x, y quick, ok bool) {
	if x, ok = left.quick(from); !ok || !x.isNumber() {
		return x, y, false
	}
	y, ok = right.quick(from)
	return x, y, ok && y.isNumber()
}

func (q quick) isNumber() bool { return q.kind == quickInt || q.kind == quickFloat }

// number is the value of a number.
func (q quick) number() float64 {
	if q.kind == quickInt {
		return float64(q.int)
	}
	return q.float
}

// append appends the value as JSON.
func (q quick) append(dst []byte) ([]byte, error) {
	switch q.kind {
	case quickBool:
		return strconv.AppendBool(dst, q.truth), nil
	case quickInt:
		return strconv.AppendInt(dst, int64(q.int), 10), nil
	case quickFloat:
		return appendFloat(dst, q.float)
	case quickText:
		return appendResult(dst, q.text)
	}
	return append(dst, "null"...), nil
}
