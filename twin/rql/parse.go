package rql

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// deepest is how many of and, or and not may stand in one another. Ditto has
// no limit but its stack.
const deepest = 200

// longest is how many bytes an expression may have. Ditto has no limit but
// those of what carries it.
const longest = 32 << 10

// Parse reads an RQL expression for a scope. The error is an [*Error].
//
// An expression has at most 32 KiB, and and, or and not stand in one another at
// most 200 deep.
func Parse(text string, scope Scope) (*Filter, error) {
	p := parser{text: text, scope: scope}
	if len(text) > longest {
		p.refuse(longestEnd(text), fmt.Sprintf("the expression goes on beyond the %d bytes that one may have", longest))
		return nil, p.err
	}
	f := &Filter{scope: scope}
	if !p.whole(&f.root) {
		return nil, p.err
	}
	f.fields = make([]jsondoc.Pointer, 0, p.properties)
	var seen map[string]bool
	if p.properties > 16 { // below that, comparing each with each is cheaper
		seen = make(map[string]bool, p.properties)
	}
	f.collect(&f.root, seen)
	return f, nil
}

// longestEnd is where the first character begins that is too much.
func longestEnd(text string) int {
	end := longest
	for end > longest-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return end
}

// parser goes through a text. Its methods say whether all went well; where
// not, err says why.
type parser struct {
	text  string
	at    int
	scope Scope
	depth int
	err   *Error

	properties int // so far
}

func (p *parser) whole(n *node) bool {
	if !utf8.ValidString(p.text) {
		at := 0
		for r, size := utf8.DecodeRuneInString(p.text); r != utf8.RuneError || size != 1; r, size = utf8.DecodeRuneInString(p.text[at:]) {
			at += size
		}
		return p.fail(at, "a byte that is no UTF-8")
	}
	p.space()
	if !p.query(n) {
		return false
	}
	if p.at < len(p.text) {
		return p.fail(p.at, p.found(p.at)+" behind the end of the expression")
	}
	return true
}

func (p *parser) fail(at int, problem string) bool {
	p.err = &Error{Text: p.text, Offset: at, Problem: problem, Syntax: true}
	return false
}

// refuse is for what follows the grammar and makes no sense.
func (p *parser) refuse(at int, problem string) bool {
	p.err = &Error{Text: p.text, Offset: at, Problem: problem}
	return false
}

// unexpected fails with what is at a place instead of what is wanted.
func (p *parser) unexpected(at int, wanted string) bool {
	return p.fail(at, p.found(at)+" where "+wanted+" should be")
}

// found tells what is at a place.
func (p *parser) found(at int) string {
	if at >= len(p.text) {
		return "the text ends"
	}
	r, _ := utf8.DecodeRuneInString(p.text[at:])
	return fmt.Sprintf("%q", r)
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \n\r\t\f", p.text[p.at]) >= 0 {
		p.at++
	}
}

// take goes behind c; wanted is for the error.
func (p *parser) take(c byte, wanted string) bool {
	if p.at >= len(p.text) || p.text[p.at] != c {
		return p.unexpected(p.at, wanted)
	}
	p.at++
	return true
}

// query reads one operator with all that is in its parentheses.
func (p *parser) query(n *node) bool {
	start := p.at
	for p.at < len(p.text) && p.text[p.at] >= 'a' && p.text[p.at] <= 'z' {
		p.at++
	}
	var ok bool
	if n.op, ok = opOf(p.text[start:p.at]); !ok {
		const wanted = "an operator (eq, ne, gt, ge, lt, le, in, like, ilike, exists, empty, and, or, not)"
		if start == p.at {
			return p.unexpected(start, wanted)
		}
		return p.fail(start, fmt.Sprintf("%.20q where %s should be", p.text[start:p.at], wanted))
	}
	if !p.take('(', `"("`) {
		return false
	}
	switch n.op {
	case opAnd, opOr, opNot:
		return p.queries(n)
	case opExists, opEmpty:
		return p.property(n, ')', `")"`)
	}
	if !p.property(n, ',', `"," and a value`) {
		return false
	}
	at := p.at
	n.values = make([]literal, 1)
	if !p.literal(&n.values[0]) {
		return false
	}
	for n.op == opIn && p.at < len(p.text) && p.text[p.at] == ',' {
		p.at++
		n.values = append(n.values, literal{})
		if !p.literal(&n.values[len(n.values)-1]) {
			return false
		}
	}
	wanted := `")"`
	if n.op == opIn {
		wanted = `"," or ")"`
	}
	if !p.take(')', wanted) {
		return false
	}
	if l := &n.values[0]; (n.op == opLike || n.op == opILike) && (l.kind != jsondoc.KindString || l.now != nil) {
		return p.refuse(at, opNames[n.op]+" takes a string in quotes")
	}
	return true
}

// queries reads what is in the parentheses of and, or and not. There may be
// spaces behind a comma, but not elsewhere: so it is in Ditto.
func (p *parser) queries(n *node) bool {
	if p.depth++; p.depth > deepest {
		return p.refuse(p.at, fmt.Sprintf("nested deeper than %d", deepest))
	}
	if n.op != opNot {
		n.nodes = make([]node, 0, 3)
	}
	for {
		n.nodes = append(n.nodes, node{})
		if !p.query(&n.nodes[len(n.nodes)-1]) {
			return false
		}
		if n.op == opNot || p.at >= len(p.text) || p.text[p.at] != ',' {
			break
		}
		p.at++
		p.space()
	}
	p.depth--
	if n.op == opNot {
		return p.take(')', `")"`)
	}
	return p.take(')', `"," or ")"`)
}

// property reads a property, which ends before a comma or a parenthesis, and
// goes behind what must follow; wanted is for the error.
func (p *parser) property(n *node, next byte, wanted string) bool {
	start := p.at
	for p.at < len(p.text) && strings.IndexByte(`,)"\`, p.text[p.at]) < 0 {
		p.at++
	}
	name := p.text[start:p.at]
	if p.at < len(p.text) && p.text[p.at] == '\\' {
		buf := []byte(name)
		for p.at < len(p.text) && strings.IndexByte(`,)"`, p.text[p.at]) < 0 {
			if p.text[p.at] != '\\' {
				buf = append(buf, p.text[p.at])
				p.at++
				continue
			}
			var ok bool
			if buf, ok = p.escape(buf, '"'); !ok {
				return false
			}
		}
		name = string(buf)
	}
	if p.at < len(p.text) && p.text[p.at] == '"' {
		return p.fail(p.at, `a quote in the name of a property: it is written without quotes, and with \" for one in it`)
	}
	if name == "" && (p.at == len(p.text) || p.text[p.at] != next) {
		return p.unexpected(p.at, "a property")
	}
	if !p.take(next, wanted) { // before it is asked whether there is such a property: grammar comes first
		return false
	}
	if problem, syntax := n.field.set(name, p.scope, n.op >= opExists); problem != "" {
		p.err = &Error{Text: p.text, Offset: start, Problem: problem, Syntax: syntax}
		return false
	}
	p.properties++
	return true
}
