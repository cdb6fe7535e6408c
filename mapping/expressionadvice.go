package mapping

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
)

// This file says in words of the configuration what the expression library
// says in words of Go.

const languagePage = "https://expr-lang.org/docs/language-definition"

var (
	unknownName  = regexp.MustCompile(`^unknown name (\S+)$`)
	unknownField = regexp.MustCompile(`^unknown field (.+)$`)
	before       = regexp.MustCompile(`(\w+)\s*(?:\?\.|\.|(?:\?\.)?\[\s*['"]?)\s*$`) // an object, then its member
)

// adviseCompile is what oneLine says of an error of the compiler, and what is
// there instead of a name that is not.
func adviseCompile(err error, source string, variables types.Map) string {
	text, place := parts(err)
	if m := unknownName.FindStringSubmatch(text); m != nil {
		return text + place + ": " + knownNames(m[1], variables)
	}
	if m := unknownField.FindStringSubmatch(text); m != nil {
		if advice := knownMembers(m[1], source, err, variables); advice != "" {
			return text + place + ": " + advice
		}
	}
	if m := mismatch.FindStringSubmatch(text); m != nil {
		text, advice := cannotWorkOut(m[2], m[1], m[3])
		return text + place + advice
	}
	return reword(text, tailAt(source, err)) + place
}

// tailAt is the expression from the place of an error on.
func tailAt(source string, err error) string {
	var at *file.Error
	if !errors.As(err, &at) {
		return ""
	}
	_, tail := cutAt(source, at)
	return tail
}

// knownNames says what an expression can name.
func knownNames(name string, variables types.Map) string {
	names := slices.Sorted(maps.Keys(variables))
	advice := "known are " + strings.Join(names, ", ") + ", and the functions of " + languagePage
	if _, taken := variables[unixFunction]; !taken {
		advice += " and " + unixFunction
	}
	if here := foreign[name]; here != "" {
		return "here it is " + here + "; " + advice
	}
	for _, known := range names {
		if slips(strings.ToLower(name), strings.ToLower(known)) <= 1+len(known)/5 {
			return "did you mean " + known + "? " + strings.ToUpper(advice[:1]) + advice[1:]
		}
	}
	return advice
}

// knownMembers says what the object has of which an unknown member is taken.
func knownMembers(name, source string, err error, variables types.Map) string {
	var at *file.Error
	if !errors.As(err, &at) {
		return ""
	}
	head, _ := cutAt(source, at)
	found := before.FindStringSubmatch(head)
	if found == nil {
		return ""
	}
	object, ok := variables[found[1]].(types.Map)
	if !ok {
		return ""
	}
	names := slices.Sorted(maps.Keys(object))
	for i, known := range names {
		written := found[1] + "." + known
		if !isPlainName(known) {
			written = found[1] + `["` + known + `"]`
		}
		// The name up to a - is what is left of mqtt.content-type.
		if plain := onlyLetters(known); plain == onlyLetters(name) || strings.HasPrefix(known, name+"-") {
			return "did you mean " + written + "?"
		}
		names[i] = written
	}
	return "there are " + strings.Join(names, ", ")
}

func onlyLetters(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// cutAt cuts an expression at the place of an error.
func cutAt(source string, at *file.Error) (head, tail string) {
	lines := strings.Split(source, "\n")
	if at.Line < 1 || at.Line > len(lines) {
		return "", ""
	}
	line := []rune(lines[at.Line-1])
	column := min(max(at.Column, 0), len(line))
	return string(line[:column]), string(line[column:])
}

var (
	conversion  = regexp.MustCompile(`^interface conversion: interface \{\} is (.+), not (.+)$`)
	notIterable = regexp.MustCompile(`^reflect: call of reflect\.Value\.Len on (\S+) Value$`)
	cannotFetch = regexp.MustCompile(`^cannot fetch (.+) from (\S+)$`)
	operation   = regexp.MustCompile(`^invalid operation: (\S+|interface \{\}|\[\]interface \{\}|map\[string\]interface \{\}) ([-+*/%^<>=!]+) (.+)$`)
	toNumber    = regexp.MustCompile(`^invalid operation: (int|float)\((.*)\)$`)
	commaNumber = regexp.MustCompile(`^\s*[-+]?\d+,\d+\s*$`)
	called      = regexp.MustCompile(`^(\w+)\s*\(`)
	missing     = regexp.MustCompile(`(^|\W)nil(\W|$)`)
)

// adviseRun is what oneLine says of an error of an expression that ran.
func adviseRun(err error, source string) string {
	text, place := parts(err)
	tail := tailAt(source, err)
	function := ""
	if m := called.FindStringSubmatch(tail); m != nil {
		function = m[1]
	}
	advice := ""
	if m := conversion.FindStringSubmatch(text); m != nil {
		text = takes(function, kindOf(m[2]), kindOf(m[1]))
		if number := kindOf(m[1]) == aNumber; number && function == "date" {
			advice = "; " + unixFunction + "(…) makes a time of seconds since 1970"
		} else if number && kindOf(m[2]) == aText {
			advice = "; string(…) makes a text of it"
		}
	} else if m := notIterable.FindStringSubmatch(text); m != nil {
		text = takes(function, anArray, kindOf(m[1]))
	} else if m := cannotFetch.FindStringSubmatch(text); m != nil {
		text = fmt.Sprintf("cannot fetch %s from %s", m[1], kindOf(m[2]))
		if kindOf(m[2]) == anArray {
			advice = "; an element is counted to, as in payload[0]"
		}
	} else if text == "invalid operation: int(string)" && strings.HasPrefix(tail, "..") {
		text = "a range is from a whole number to another, not a text"
	} else if text == "invalid operation: int(string)" {
		text = `an array or a text has no members with names: an element of an array is counted to, as in payload.list[0], or found, as in find(payload.list, .name == "x")`
	} else if m := toNumber.FindStringSubmatch(text); m != nil {
		text = m[1] + " cannot make a number of " + strconv.Quote(m[2])
		if kind := kindOf(m[2]); kind != m[2] {
			text = m[1] + " takes a number or a text here, not " + kind
		}
		if commaNumber.MatchString(m[2]) {
			advice = `: a number has a point, not a comma: float(replace(…, ",", "."))`
		}
	} else if m := operation.FindStringSubmatch(text); m != nil {
		text, advice = cannotWorkOut(m[1], m[2], m[3])
	} else {
		text = reword(text, tail)
	}
	if missing.MatchString(text) {
		advice = `: something that it uses is not in this message; "payload.x ?? 0" gives such a value, and "payload.x == nil ? nil : …" leaves the line out`
	}
	return text + place + advice
}

func takes(function, wanted, is string) string {
	if function == "" {
		return fmt.Sprintf("%s is needed here, not %s", wanted, is)
	}
	return fmt.Sprintf("%s takes %s here, not %s", function, wanted, is)
}

// What the configuration calls values.
const (
	aNumber = "a number"
	aText   = "a text"
	anArray = "an array"
)

// kindOf is what the configuration calls a value of a type of Go.
func kindOf(name string) string {
	switch name {
	case "int", "int64", "float64", "int8", "uint8", "uint":
		return aNumber
	case "string", "[]uint8":
		return aText
	case "bool":
		return "true or false"
	case "[]interface {}", "[]string", "[]int", "mapping.array", "slice":
		return anArray
	case "map[string]interface {}", "map":
		return "an object"
	case "unknown", "interface {}":
		return "…" // known only when it runs
	case "nil", "<nil>", "zero":
		return "nothing (nil)"
	case "time.Time":
		return "a time"
	case "time.Duration":
		return "a duration"
	}
	return name
}
