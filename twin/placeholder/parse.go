package placeholder

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// functionArguments are Ditto's functions with the fewest and the most
// arguments that they take.
var functionArguments = map[string][2]int{
	"default": {1, 1}, "delete": {0, 0}, "filter": {1, 3}, "replace": {2, 2},
	"substring-before": {1, 1}, "substring-after": {1, 1},
	"lower": {0, 0}, "upper": {0, 0}, "trim": {0, 0},
	"url-encode": {0, 0}, "url-decode": {0, 0}, "base64-encode": {0, 0}, "base64-decode": {0, 0},
	"split": {1, 1}, "join": {1, 1},
}

// takesConstants are the functions whose arguments cannot be placeholders.
var takesConstants = []string{"substring-before", "substring-after", "split", "join"}

var filterTests = []string{"eq", "ne", "exists", "like"}

// End is where the "}}" of a placeholder is that s begins with
// behind its "{{"; -1: nowhere. Braces within quotes are no end, unless the
// quotes are none.
func End(s string) int {
	var quote byte
	for i := 0; i < len(s); i++ {
		switch {
		case quote != 0:
			if s[i] == quote && s[i-1] != '\\' {
				quote = 0
			}
		case s[i] == '\'' || s[i] == '"':
			quote = s[i]
		case strings.HasPrefix(s[i:], "}}"):
			return i
		}
	}
	return strings.Index(s, "}}")
}

// cutUnquoted splits at a character that is not within quotes. As in Ditto a
// backslash before a quote keeps it from ending the text, and stays in it.
func cutUnquoted(s string, at byte) ([]string, error) {
	var pieces []string
	var quote byte
	start := 0
	for i := range len(s) {
		switch {
		case quote != 0:
			if s[i] == quote && s[i-1] != '\\' {
				quote = 0
			}
		case s[i] == '\'' || s[i] == '"':
			quote = s[i]
		case s[i] == at:
			pieces = append(pieces, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a %c without its partner", quote)
	}
	return append(pieces, strings.TrimSpace(s[start:])), nil
}

// What Ditto has errors of their own for.
var (
	ErrUnknown = errors.New("there is no function")
	ErrTooMany = errors.New("functions are more than the")
)

// HasFunctions says whether what stands between the braces is more than the
// name of a placeholder.
func HasFunctions(text string) bool {
	return strings.Contains(text, "|") || strings.HasPrefix(text, "fn:")
}

// Parse parses what stands between the braces: a placeholder and functions
// behind it, or functions alone. find finds what a placeholder's name stands for.
func Parse[P any](text string, find func(name string) (P, error)) (*Pipeline[P], error) {
	stages, err := cutUnquoted(text, '|')
	if err != nil {
		return nil, err
	}
	p := &Pipeline[P]{}
	if !strings.HasPrefix(stages[0], "fn:") {
		head, err := find(stages[0])
		if err != nil {
			return nil, err
		}
		p.Inputs, p.hasHead = append(p.Inputs, head), true
		stages = stages[1:]
	}
	if len(stages) > maxFunctions {
		return nil, fmt.Errorf("%d %w %d that one placeholder may have", len(stages), ErrTooMany, maxFunctions)
	}
	for _, stage := range stages {
		f, err := parseFunction(stage, p, find)
		if err != nil {
			return nil, err
		}
		p.functions = append(p.functions, f)
	}
	if len(p.Inputs) > MaxInputs {
		return nil, fmt.Errorf("%d placeholders are more than the %d that may stand within one pair of braces", len(p.Inputs), MaxInputs)
	}
	return p, nil
}

// parseFunction parses "fn:replace('a', "b")"; placeholders among the arguments
// are added to the pipeline's inputs.
func parseFunction[P any](stage string, p *Pipeline[P], find func(string) (P, error)) (function, error) {
	call, isFunction := strings.CutPrefix(stage, "fn:")
	if !isFunction {
		return function{}, fmt.Errorf("behind a | stands a function such as fn:default('x'), not %q", stage)
	}
	name, inside, hasParenthesis := strings.Cut(call, "(")
	name = strings.TrimSpace(name)
	allowed, known := functionArguments[name]
	switch {
	case name == "format":
		return function{}, errors.New("fn:format is for the claims of tokens (jwt:…): use several placeholders, or an expression {expr: …}")
	case !known:
		return function{}, fmt.Errorf("%w fn:%s: known are %s", ErrUnknown, name, knownFunctions())
	case !hasParenthesis:
		return function{}, fmt.Errorf("fn:%s lacks its parentheses: fn:%s()", name, name)
	case !strings.HasSuffix(inside, ")"):
		return function{}, fmt.Errorf("fn:%s(… has no closing parenthesis at its end", name)
	}
	f := function{name: name}
	inside = strings.TrimSpace(inside[:len(inside)-1])
	var texts []string
	if inside != "" {
		var err error
		if texts, err = cutUnquoted(inside, ','); err != nil {
			return function{}, err
		}
	}
	if len(texts) < allowed[0] || len(texts) > allowed[1] {
		return function{}, fmt.Errorf("fn:%s takes %s, not %d", name, countArguments(allowed), len(texts))
	}
	for _, text := range texts {
		a, err := parseArgument(text, p, find)
		if err != nil {
			return function{}, fmt.Errorf("fn:%s: %w", name, err)
		}
		if a.input >= 0 && slices.Contains(takesConstants, name) {
			return function{}, fmt.Errorf("fn:%s takes a text in quotes, not the placeholder %s", name, text)
		}
		f.arguments = append(f.arguments, a)
	}
	if name == "split" && f.arguments[0].constant == "" {
		return function{}, errors.New("fn:split needs a separator that is not empty")
	}
	if name == "filter" {
		var err error
		f.filter, err = filterOf(f.arguments)
		return f, err
	}
	return f, nil
}

// parseArgument parses a constant in quotes of either kind, or a placeholder.
func parseArgument[P any](text string, p *Pipeline[P], find func(string) (P, error)) (argument, error) {
	if text == "" {
		return argument{}, errors.New("an argument is empty: write '' for an empty text")
	}
	if quote := text[0]; quote == '\'' || quote == '"' {
		if len(text) < 2 || text[len(text)-1] != quote || strings.IndexByte(strings.ReplaceAll(text[1:len(text)-1], `\`+string(quote), ""), quote) >= 0 {
			return argument{}, fmt.Errorf("%s is not one text in quotes", text)
		}
		return argument{constant: text[1 : len(text)-1], input: -1}, nil
	}
	input, err := find(text)
	if err != nil {
		return argument{}, fmt.Errorf("the argument %s is neither a text in quotes nor a placeholder: %w", text, err)
	}
	p.Inputs = append(p.Inputs, input)
	return argument{input: len(p.Inputs) - 1}, nil
}

// filterOf gives the arguments of fn:filter their meaning.
func filterOf(arguments []argument) (*filter, error) {
	test := func(i int) string {
		if i < len(arguments) && arguments[i].input < 0 && slices.Contains(filterTests, arguments[i].constant) {
			return arguments[i].constant
		}
		return ""
	}
	f := &filter{}
	switch n := len(arguments); {
	case n == 3 && test(1) != "":
		f.test, f.value, f.against = test(1), &arguments[0], &arguments[2]
	case n == 2 && test(1) == "exists":
		f.test, f.value = test(1), &arguments[0]
	case n == 2 && test(0) != "":
		f.test, f.against = test(0), &arguments[1]
	case n == 1 && test(0) == "exists":
		f.test = test(0)
	default:
		return nil, errors.New("fn:filter takes ('eq', 'x') or (value, 'eq', 'x'), with one of 'eq', 'ne', 'like', 'exists', and ('exists') or (value, 'exists')")
	}
	if f.test == "like" && f.against.input < 0 {
		f.like = likeExpression(f.against.constant)
	}
	return f, nil
}

func countArguments(allowed [2]int) string {
	switch {
	case allowed[1] == 0:
		return "no arguments"
	case allowed[0] != allowed[1]:
		return fmt.Sprintf("%d to %d arguments", allowed[0], allowed[1])
	case allowed[0] == 1:
		return "one argument"
	}
	return fmt.Sprintf("%d arguments", allowed[0])
}

func knownFunctions() string {
	names := make([]string, 0, len(functionArguments))
	for name := range functionArguments {
		names = append(names, "fn:"+name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
