package mapping

import (
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/expr-lang/expr/types"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Words of Go and of the library's own making that mean nothing to somebody who
// writes a configuration.
var inside = regexp.MustCompile(`\b(EOF|Operator|Identifier|Bracket|interface|map\[|uint8|float64|\(type|strconv|reflect|builtin|predicate|mismatched|pointer|non-bool|unexpected token)\b`)

// What somebody is likely to write who knows another language, or has made a
// slip, is told in words of the configuration.
func TestMistakesInExpressionsAreToldInWords(t *testing.T) {
	variables := maps.Clone(ruleVariables)
	variables["device"] = types.String
	payload, err := jsondoc.ParseString(`{"a":1,"f":1.5,"b":true,"s":"xäy","l":[1,2],"texts":["a"],"none":[],"mixed":[1,"a"],"o":{"p":1}}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ source, want string }{
		// How it is written.
		{"payload.a *", "ends too early: something is missing here (line 1, column 11)"},
		{"(payload.a", "ends too early"},
		{"payload.a > 5 ? 1", "ends too early"},
		{"let x = 1;", "ends too early"},
		{"payload?.", "ends too early"},
		{"payload.a = 5", `"=" is not expected here: equal is ==`},
		{"payload.a === 1", `"=" is not expected here: equal is ==`},
		{"payload.a & payload.b", `"&" is not expected here: and is &&`},
		{"payload.a AND payload.b", `"AND" is not expected here: it is written in small letters`},
		{"payload.a is nil", `"is" is not expected here (line 1, column 11)`},
		{".x", `"." is not expected here: it is an element, or a member of one`},
		{"[1 2]", `"2" is not expected here`},
		{"'abc", "a text has no closing quote"},
		{`"a\qb"`, `\ itself is \\`},
		{"“a”", "the character “ has no meaning here"},
		{"1x", "1x is neither a number nor a name"},
		{"0x", "0x is no number"},
		{"99999999999999999999", "the number 99999999999999999999 is too large"},
		{"let payload = 1; payload", "let cannot give the name payload: it is taken"},
		{"let len = 1; len", "let cannot give the name len: it is taken"},
		{"map([1], #x)", "there is no #x: # is the element"},
		{"null", "unknown name null (line 1, column 1): here it is nil; known are"},
		{"Math.round(1)", "here it is abs(…)"},
		{"parseInt(payload.s)", "here it is int(…)"},

		// What functions take.
		{"len()", "len takes another number of arguments: 1, not 0"},
		{"round(payload.f, 2)", "round takes another number of arguments: 1, not 2"},
		{"upper('a', 'b')", "upper has too many arguments"},
		{"split('a')", "split has not enough arguments"},
		{"map(payload.l)", "at least 2 arguments are needed here"},
		{"len(1)", "len cannot take a number"},
		{"len(payload.a)", "len cannot take a number"},
		{"len(payload.x)", "len cannot take nothing (nil) (line 1, column 1): something that it uses is not in this message"},
		{"abs(payload.s)", "abs cannot take a text"},
		{"max(payload.texts)", "max cannot take a text"},
		{"upper(1)", "upper takes a text here, not a number"},
		{"bitand(1.5, 2)", "bitand takes a whole number here"},
		{"bitand(payload.s, 1)", "bitand takes a number here, not a text"},
		{"filter(1, true)", "filter takes an array here, not a number"},
		{"filter([1], 'x')", "must give true or false, not a text"},
		{"sortBy(payload.l, #, 2)", `the order of sortBy is "asc" or "desc", not a number`},
		{"keys(payload.a)", "keys takes an object here, not a number"},
		{"first(1)", "first takes an array here, not a number"},
		{"toPairs(payload.a)", "toPairs takes an object here, not a number"},
		{"fromPairs(payload.l)", "fromPairs takes an array of arrays of two here"},
		{"fromPairs(payload.a)", "fromPairs takes an array of arrays of two here"},
		{"reverse(payload.a)", "reverse takes an array here, not a number"},
		{"concat(payload.l, payload.a)", "concat takes an array here, not a number"},
		{"take(payload.a, 1)", "take takes an array here, not a number"},
		{"take(payload.l, payload.s)", "take takes a number of elements here, not a text"},
		{"reduce(payload.none, #acc + #)", "reduce has an empty array and nothing to begin with"},
		{"int(payload.s)", `int cannot make a number of "xäy"`},
		{"int(payload.b)", "int takes a number or a text here, not true or false"},
		{"int(payload.x)", "int takes a number or a text here, not nothing (nil) (line 1, column 1): something that it uses"},
		{"duration(payload.s)", `"xäy" is no duration, as 1h30m and 250ms are`},
		{"date(payload.s)", `"xäy" is no date that is known`},
		{"date('1.7.2026', '2006-01-02')", `"1.7.2026" is no date that is written as "2006-01-02"`},
		{"fromBase64(payload.s)", "not Base64"},
		{"bitshl(1, payload.a - 2)", "a shift is by at least 0"},

		// What goes together.
		{"payload.a || 0", "cannot work out … || a number (line 1, column 11); both must be true or false, and ?? gives"},
		{"1 and 2", "both must be true or false"},
		{"-payload.s", "cannot work out - with a text"},
		{"!'a'", "cannot work out ! with a text"},
		{"1 + 'a'", "cannot work out a number + a text (line 1, column 3); float(…) makes"},
		{"device contains 1", "cannot work out a text contains a number (line 1, column 8); both must be texts"},
		{"'a' in device", "; contains looks into a text"},
		{"payload.a in payload.s", "in looks into an array or an object, not a text"},
		{"1 in payload.o", "members of an object have texts for names, and a number is none"},
		{"1.5 % 2", "% is of whole numbers"},
		{"payload.f % 2", "% is of whole numbers"},
		{"1 % 0", "cannot divide by zero"},
		{"1..'a'", "a range is from a whole number to another, not from a number to a text"},
		{"1..payload.s", "a range is from a whole number to another, not a text"},
		{"1 ? 2 : 3", "the condition before ? must be true or false, and is a number"},
		{"device.x", "a text has no member x"},
		{"device.upper()", "a text has no member upper"},
		{"device[0]", "a text has no elements"},
		{"device['a':1]", "a part of a text or an array is from a whole number to another, not a text"},
		{"payload.a[0:1]", "only texts and arrays have parts"},
		{"[1].x", "counted to by a whole number, the first is 0, not by a text"},
		{"[1, 2][1.5]", "counted to by a whole number; int(…)"},
		{"payload.l[5]", "there is no element 5: the array has 2, and the first is 0"},
		{"payload.a()", "a number is no function"},
		{"client.id()", "a text is no function"},
		{"payload.s[0]", "gives a byte of a text"},
		{"sortBy(payload.o, .x)", "an array is needed here, not an object"},
	} {
		e, err := compileExpression(test.source, variables)
		if err == nil {
			var got *jsondoc.Value
			got, err = e.value(map[string]any{"payload": decoded(payload), "device": "d", "now": time.Unix(0, 0), "client": map[string]any{"id": "c"}})
			if err == nil {
				t.Errorf("%s gives %s", test.source, got)
				continue
			}
		}
		if text := err.Error(); !strings.Contains(text, test.want) || inside.MatchString(text) {
			t.Errorf("%s: %s\nwant %s", test.source, text, test.want)
		}
	}
}
