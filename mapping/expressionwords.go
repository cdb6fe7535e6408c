package mapping

import (
	"fmt"
	"regexp"
	"strconv"
)

// saying is an error of the expression library, and how it is said here. A part
// in the pattern is $1, or the kind of value that it names: $k1. $f is the
// function at the place of the error.
type saying struct {
	pattern *regexp.Regexp
	text    string
}

func said(pattern, text string) saying { return saying{regexp.MustCompile("^" + pattern + "$"), text} }

// sayings are what its parser, its checker, its functions and its machine say
// of mistakes that are likely (expr-lang, v1.17.8: parser, checker, builtin, vm).
var sayings = []saying{
	// How it is written.
	said(`unexpected token EOF|unexpected end of expression`, `the expression ends too early: something is missing here`),
	said(`unexpected token Operator\("="\)`, `"=" is not expected here: equal is ==, not equal is !=, and "let x = …; …" names a value`),
	said(`unexpected token Operator\("&"\)`, `"&" is not expected here: and is &&`),
	said(`unexpected token Operator\("(#|\.)"\)`, `"$1" is not expected here: it is an element, or a member of one, and stands within a function such as filter(…) or map(…)`),
	said(`unexpected token Identifier\("(?i:(and|or|not))"\)`, `"$1" is not expected here: it is written in small letters`),
	said(`unexpected token \w+\("(.*)"\)`, `"$1" is not expected here`),
	said(`unrecognized character: \S+ '(.*)'`, `the character $1 has no meaning here; quotes are ' and "`),
	said(`literal not terminated`, `a text has no closing quote`),
	said(`invalid char escape`, `\ begins \n, \t, \", \\ and the like in a text; \ itself is \\`),
	said(`bad number syntax: "(.*)"`, `$1 is neither a number nor a name`),
	said(`invalid \w+ literal: .* parsing "(.*)": value out of range`, `the number $1 is too large`),
	said(`invalid \w+ literal: .* parsing "(.*)": .*`, `$1 is no number`),
	said(`cannot redeclare (?:\w+ )?(\w+)`, `let cannot give the name $1: it is taken`),
	said(`unknown pointer (#\w+)`, `there is no $1: # is the element, #index its place, and #acc what reduce has so far`),

	// What functions take.
	said(`invalid number of arguments(?: for \w+)? \(expected (.*), got (\d+)\)`, `$f takes another number of arguments: $1, not $2`),
	said(`(not enough|too many) arguments to call (\w+)`, `$2 has $1 arguments`),
	said(`expected at least (\d) arguments`, `at least $1 arguments are needed here`),
	said(`invalid argument for (\w+) \(type (.+)\)`, `$1 cannot take $k2`),
	said(`cannot use float64 as argument \(type int\) to call (\w+) ?`, `$1 takes a whole number here; int(…) makes one of a number`),
	said(`cannot use (.+) as argument \(type (.+)\) to call (\w+) ?`, `$3 takes $k2 here, not $k1`),
	said(`builtin (\w+) takes only array \(got (.+)\)`, `$1 takes an array here, not $k2`),
	said(`predicate should return boolean \(got (.+)\)`, `what each element is asked must give true or false, not $k1`),
	said(`(\w+) order argument must be a string \(got (.+)\)`, `the order of $1 is "asc" or "desc", not $k2`),
	said(`cannot get (keys|values) from (.+)`, `$1 takes an object here, not $k2`),
	said(`cannot get (first|last) element from (.+)`, `$1 takes an array here, not $k2`),
	said(`cannot transform (.+) to pairs`, `toPairs takes an object here, not $k1`),
	said(`cannot transform (.+) from pairs|invalid pair .*`, `fromPairs takes an array of arrays of two here: a name and a value`),
	said(`cannot (flatten|concat|reverse|uniq) (.+)`, `$1 takes an array here, not $k2`),
	said(`cannot take from (.+)`, `take takes an array here, not $k1`),
	said(`cannot take (.+) elements`, `take takes a number of elements here, not $k1`),
	said(`reduce of empty array with no initial value`, `reduce has an empty array and nothing to begin with; a third argument is what it begins with, as in reduce(…, #acc + #, 0)`),
	said(`time: invalid duration (".*")`, `$q1 is no duration, as 1h30m and 250ms are`),
	said(`invalid date (.*)`, `"$1" is no date that is known; date(…, "02.01.2006 15:04") says how it is written`),
	said(`parsing time "(.*)" as "(.*)": .*`, `"$1" is no date that is written as "$2"; the form is how 2006-01-02 15:04:05 would be written`),
	said(`illegal base64 data at input byte (\d+)`, `the text is not Base64, from its byte $1`),
	said(`invalid operation: negative shift count .*`, `a shift is by at least 0`),

	// What goes together.
	said(`invalid operation: (\S+) \(mismatched type (.+)\)`, `cannot work out $1 with $k2`),
	said(`invalid operation: - (.+)`, `cannot work out - with $k1`),
	said(`non-bool expression \(type (.+)\) used as condition`, `the condition before ? must be true or false, and is $k1`),
	said(`operator "in" not defined on (.+)`, `in looks into an array or an object, not $k1; contains looks into a text`),
	said(`reflect\.Value\.MapIndex: value of type (.+) is not assignable to type string`, `members of an object have texts for names, and $k1 is none`),
	said(`type (.+) has no (?:field|method) (\w+)`, `$k1 has no member $2`),
	said(`type (.+)\[(.+)\] is undefined`, `$k1 has no elements`),
	said(`array elements can only be selected using an integer \(got float64\)`, `an element of an array is counted to by a whole number; int(…) makes one of a number`),
	said(`array elements can only be selected using an integer \(got (.+)\)`, `an element of an array is counted to by a whole number, the first is 0, not by $k1`),
	said(`non-integer slice index (.+)`, `a part of a text or an array is from a whole number to another, not $k1`),
	said(`cannot slice .+`, `only texts and arrays have parts from … to …`),
	said(`(.+) is not callable|invalid operation: cannot call non-function of type (.+)`, `$k1$k2 is no function`),
	said(`index out of range: (-?\d+) \(array length is (\d+)\)`, `there is no element $1: the array has $2, and the first is 0`),
	said(`reflect: call of reflect\.Value\.Type on zero Value`, `$f takes a number or a text here, not nothing (nil)`),
	said(`reflect: call of reflect\.Value\.Index on (\S+) Value`, `an array is needed here, not $k1`),
	said(`integer divide by zero`, `cannot divide by zero`),
}

var sayingPart = regexp.MustCompile(`\$([kq]?)(\d|f)`)

// reword says in words of the configuration what the expression library says;
// what it does not know stays. tail is the expression from the place on.
func reword(text, tail string) string {
	function := "it"
	if m := called.FindStringSubmatch(tail); m != nil {
		function = m[1]
	}
	for _, s := range sayings {
		found := s.pattern.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		return sayingPart.ReplaceAllStringFunc(s.text, func(part string) string {
			m := sayingPart.FindStringSubmatch(part)
			if m[2] == "f" {
				return function
			}
			n, _ := strconv.Atoi(m[2]) // a digit
			value := found[n]
			switch {
			case m[1] == "k" && value != "":
				return kindOf(value)
			case m[1] == "q":
				if plain, err := strconv.Unquote(value); err == nil {
					return `"` + plain + `"`
				}
			}
			return value
		})
	}
	return text
}

var mismatch = regexp.MustCompile(`^invalid operation: (\S+) \(mismatched types (.+) and (.+)\)$`)

// cannotWorkOut says that two values do not go with an operator, and what does.
func cannotWorkOut(x, operator, y string) (text, advice string) {
	x, y = kindOf(x), kindOf(y)
	text = fmt.Sprintf("cannot work out %s %s %s", x, operator, y)
	switch {
	case operator == "%" && x == aNumber && y == aNumber:
		advice = "; % is of whole numbers, and int(…) makes one of a number"
	case operator == "in" && y == aText:
		advice = "; contains looks into a text"
	case operator == "&&" || operator == "||" || operator == "and" || operator == "or":
		advice = "; both must be true or false"
		if operator == "||" {
			advice += ", and ?? gives something else for nil"
		}
	case operator == "..":
		text = "a range is from a whole number to another, not from " + x + " to " + y
	case operator == "matches" || operator == "contains" || operator == "startsWith" || operator == "endsWith":
		advice = "; both must be texts, and string(…) makes one of a number"
	case x == aText && y == aNumber, x == aNumber && y == aText:
		advice = "; float(…) makes a number of a text, string(…) a text of a number"
	}
	return text, advice
}

// foreign are names of other languages.
var foreign = map[string]string{
	"null": "nil", "undefined": "nil", "None": "nil", "True": "true", "False": "false", "TRUE": "true", "FALSE": "false",
	"parseFloat": "float(…)", "Number": "float(…)", "parseInt": "int(…)", "String": "string(…)", "str": "string(…)", "Math": "abs(…), ceil(…), floor(…), round(…), min(…), max(…)",
	"JSON": "fromJSON(…), toJSON(…)", "Date": "now, date(…), unix(…)", "length": "len(…)", "size": "len(…)", "toFixed": "round(… * 100) / 100",
	"substr": "text[0:3]", "substring": "text[0:3]", "toUpperCase": "upper(…)", "toLowerCase": "lower(…)", "if": "condition ? this : that",
}
