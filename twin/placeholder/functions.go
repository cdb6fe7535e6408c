package placeholder

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Pipeline is a placeholder with functions behind it, as in
// {{ device | fn:lower() | fn:default('x') }}. It does not know where
// placeholders get their values: it is given those of its inputs.
type Pipeline[P any] struct {
	Inputs    []P  // the placeholders that it needs: the first expression's, and those among arguments
	hasHead   bool // the first input is where the pipeline begins; else it begins with a function
	functions []function
}

// HasHead says that the first input is what the functions are applied to; else
// all inputs stand among their arguments.
func (p *Pipeline[P]) HasHead() bool { return p.hasHead }

// Value is that of a placeholder. One that stands for an array may have Others
// behind the first. OK is false where it has none.
type Value struct {
	Text   string
	Others []string
	OK     bool
}

// MaxText is how long, in bytes, a text may get on its way through functions.
const MaxText = 256 << 10

// ErrTooLong: a text gets longer than [MaxText].
var ErrTooLong = fmt.Errorf("its text would be longer than %d bytes", MaxText)

// MaxInputs is how many placeholders one pipeline may have.
const MaxInputs = 8

// maxFunctions is how many functions may stand behind a placeholder, as in
// Ditto.
const maxFunctions = 10

// function is one function of a pipeline with its arguments.
type function struct {
	name      string
	arguments []argument
	filter    *filter // of fn:filter, instead of arguments
}

// filter is fn:filter with its arguments by their meaning.
type filter struct {
	test    string         // "eq", "ne", "like" or "exists"
	value   *argument      // what is looked at; nil: each value of the pipeline
	against *argument      // what it is compared with; nil with "exists" alone
	like    *regexp.Regexp // of a constant pattern
}

// argument is a constant or one of the pipeline's inputs.
type argument struct {
	constant string
	input    int // -1: constant
}

// flow is what goes from function to function: no value, one, or (after
// split) several.
type flow struct {
	values  []string
	deleted bool // by fn:delete; nothing gives it a value again
}

// Run applies the functions. Without a value ok is false; the error says what
// a function could not work with, or that several values are left.
func (p *Pipeline[P]) Run(inputs []Value) (text string, ok bool, err error) {
	var room [1]string
	values, err := p.all(room[:0], inputs)
	switch {
	case err != nil || len(values) == 0:
		return "", false, err
	case len(values) > 1:
		return "", false, fmt.Errorf("fn:split leaves %d values where one is needed: join them with fn:join(',')", len(values))
	}
	return values[0], true, nil
}

// First is Run where of several values the first is to be had.
func (p *Pipeline[P]) First(inputs []Value) (text string, ok bool, err error) {
	values, err := p.all(nil, inputs)
	if err != nil || len(values) == 0 {
		return "", false, err
	}
	return values[0], true, nil
}

// All is Run where all values are to be had.
func (p *Pipeline[P]) All(inputs []Value) ([]string, error) { return p.all(nil, inputs) }

func (p *Pipeline[P]) all(room []string, inputs []Value) ([]string, error) {
	e := flow{values: room}
	if p.hasHead && inputs[0].OK {
		e.values = append(append(e.values, inputs[0].Text), inputs[0].Others...)
	}
	for i := range p.functions {
		f := &p.functions[i]
		err := f.apply(&e, inputs)
		if err == nil && slices.ContainsFunc(e.values, func(s string) bool { return len(s) > MaxText }) {
			err = ErrTooLong
		}
		if err != nil {
			return nil, fmt.Errorf("fn:%s: %w", f.name, err)
		}
	}
	if e.deleted {
		return nil, nil
	}
	return e.values, nil
}

// text is an argument's value; ok is false for a placeholder without one.
func (a *argument) text(inputs []Value) (string, bool) {
	if a.input < 0 {
		return a.constant, true
	}
	return inputs[a.input].Text, inputs[a.input].OK
}

// apply is one step (Ditto's classes PipelineFunction…).
func (f *function) apply(e *flow, inputs []Value) error {
	switch f.name {
	case "default":
		if !e.deleted && len(e.values) == 0 {
			if text, ok := f.arguments[0].text(inputs); ok {
				e.values = append(e.values, text)
			}
		}
	case "delete":
		e.values, e.deleted = nil, true
	case "filter":
		return f.filter.apply(e, inputs)
	case "replace":
		from, _ := f.arguments[0].text(inputs)
		to, ok := f.arguments[1].text(inputs)
		if !ok {
			return errors.New("what it puts in has no value with this message")
		}
		for i, value := range e.values {
			if tooLong(value, from, to) {
				return ErrTooLong
			}
			e.values[i] = strings.ReplaceAll(value, from, to)
		}
	case "split":
		e.split(f.arguments[0].constant)
	case "join":
		if len(e.values) > 1 {
			e.values = []string{strings.Join(e.values, f.arguments[0].constant)}
		}
	default:
		return e.each(f.one)
	}
	return nil
}

// each applies a step to every value, and leaves out those it gives none for.
func (e *flow) each(step func(string) (string, bool, error)) error {
	kept := e.values[:0]
	for _, value := range e.values {
		value, ok, err := step(value)
		if err != nil {
			return err
		}
		if ok {
			kept = append(kept, value)
		}
	}
	e.values = kept
	return nil
}

// split is fn:split. Like Java's String.split it leaves empty values at the
// end out; unlike there the separator is no regular expression.
func (e *flow) split(separator string) {
	var parts []string
	for _, value := range e.values {
		pieces := strings.Split(value, separator)
		for len(pieces) > 1 && pieces[len(pieces)-1] == "" {
			pieces = pieces[:len(pieces)-1]
		}
		parts = append(parts, pieces...)
	}
	e.values = parts
}

// one applies a function that makes one text of another.
func (f *function) one(s string) (string, bool, error) {
	switch f.name {
	case "lower":
		return strings.ToLower(s), true, nil
	case "upper":
		return strings.ToUpper(s), true, nil
	case "trim": // as Java's String.trim: all up to the space
		return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' }), true, nil
	case "substring-before":
		before, _, found := strings.Cut(s, f.arguments[0].constant)
		return before, found, nil
	case "substring-after":
		_, after, found := strings.Cut(s, f.arguments[0].constant)
		return after, found, nil
	case "url-encode":
		// Java's URLEncoder leaves * alone and encodes ~, Go's QueryEscape the reverse.
		return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(s), "%2A", "*"), "~", "%7E"), true, nil
	case "url-decode":
		decoded, err := url.QueryUnescape(s)
		if err != nil {
			return "", false, fmt.Errorf("%s is not URL-encoded", excerpt(s))
		}
		return strings.ToValidUTF8(decoded, "\uFFFD"), true, nil
	case "base64-encode":
		return base64.StdEncoding.EncodeToString([]byte(s)), true, nil
	}
	// base64-decode; like Java's decoder it needs no padding
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return "", false, fmt.Errorf("%s is not base64", excerpt(s))
	}
	return strings.ToValidUTF8(string(decoded), "\uFFFD"), true, nil
}

// apply keeps the values that pass. With a value of its own to look at it
// keeps or drops all of them.
func (f *filter) apply(e *flow, inputs []Value) error {
	against, hasAgainst := "", f.against == nil
	if f.against != nil {
		against, hasAgainst = f.against.text(inputs)
	}
	like := f.like
	if f.test == "like" {
		if len(against) > maxPattern {
			return fmt.Errorf("the pattern has more than %d bytes", maxPattern)
		}
		if like == nil { // once for all values
			like = likeExpression(against)
		}
	}
	if f.value == nil {
		// Without something to compare with, no value passes.
		e.values = slices.DeleteFunc(e.values, func(s string) bool { return !hasAgainst || !f.holds(s, against, like) })
		return nil
	}
	value, there := f.value.text(inputs)
	if !f.holds(value, against, like) || !there && f.against == nil {
		e.values = nil
	}
	return nil
}

// holds is the test of one value; like is the pattern of that test.
func (f *filter) holds(s, against string, like *regexp.Regexp) bool {
	switch f.test {
	case "eq":
		return s == against
	case "ne":
		return s != against
	case "exists":
		return (s != "") == (f.against == nil || strings.EqualFold(against, "true"))
	}
	return like.MatchString(s)
}

// maxPattern is how long a pattern of "like" may be: what it takes to match
// grows with it.
const maxPattern = 256

// likeExpression is the regular expression for a pattern of "like" (Ditto's
// LikeFunction: Java's whole match, in which a dot is no line break).
func likeExpression(pattern string) *regexp.Regexp {
	// A regular expression cannot hold what is no UTF-8.
	quoted := regexp.QuoteMeta(strings.ToValidUTF8(pattern, "\uFFFD"))
	quoted = strings.NewReplacer(`\*`, `.*`, `\?`, `.`, `\|`, `|`).Replace(quoted)
	return regexp.MustCompile(`\A(?:` + quoted + `)\z`)
}

// tooLong says whether a text gets too long by strings.ReplaceAll.
func tooLong(s, from, to string) bool {
	return len(to) > len(from) && strings.Count(s, from) > (MaxText-len(s))/(len(to)-len(from))
}

// excerpt is the beginning of a text, in quotes.
func excerpt(s string) string {
	const most = 40
	if len(s) > most {
		return strconv.Quote(strings.ToValidUTF8(s[:most], "\uFFFD")) + "…"
	}
	return strconv.Quote(strings.ToValidUTF8(s, "\uFFFD"))
}
