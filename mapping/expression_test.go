package mapping

import (
	"maps"
	"strings"
	"testing"

	"github.com/expr-lang/expr/types"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// value is the result of run as JSON. A number that is none (NaN) or infinite
// is an error, and so is a result of more than maxResult bytes.
func (e *expression) value(variables map[string]any) (*jsondoc.Value, error) {
	steps := maxAllSteps
	result, err := e.run(variables, &steps)
	if err != nil {
		return nil, err
	}
	text, err := appendResult(nil, result)
	if err != nil {
		return nil, err
	}
	return jsondoc.Parse(text, jsondoc.Limits{})
}

// evaluate gives what an expression makes of a payload, as JSON.
func evaluate(t *testing.T, source, payload string) (string, error) {
	t.Helper()
	e, err := compileExpression(source, types.Map{"payload": types.Any, "device": types.String})
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	v, err := jsondoc.ParseString(payload)
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]any{"device": "d1"}
	if u := e.uses["payload"]; u != nil {
		variables["payload"] = u.decode(v)
	}
	quickly := whatIsQuick(t, e, v)
	result, err := e.value(variables)
	if err != nil {
		if quickly != "" {
			t.Errorf("%s of %s: quickly %s, and by the library %v", source, payload, quickly, err)
		}
		return "", err
	}
	if quickly != "" && quickly != result.String() {
		t.Errorf("%s of %s: quickly %s, and by the library %s", source, payload, quickly, result)
	}
	return result.String(), nil
}

// whatIsQuick is what the expression gives without the library; "" where it
// needs it.
func whatIsQuick(t *testing.T, e *expression, payload *jsondoc.Value) string {
	t.Helper()
	q, ok := e.quickly(&message{value: payload})
	if !ok {
		return ""
	}
	text, err := q.append(nil)
	if err != nil {
		return ""
	}
	return string(text)
}

func TestExpression(t *testing.T) {
	for _, test := range []struct{ source, payload, want string }{
		{"payload.temp * 9 / 5 + 32", `{"temp":20}`, "68"},
		{"payload.temp * 9 / 5 + 32", `{"temp":21.5}`, "70.7"},
		{"payload.n + 1", `{"n":9007199254740993}`, "9007199254740994"},
		{"payload.n - 1", `{"n":-9007199254740993}`, "-9007199254740994"},
		{"payload.n * 3", `{"n":3002399751580331}`, "9007199254740993"},
		{"payload.n * 2", `{"n":9223372036854775807}`, "18446744073709552000"},
		{"payload.n + 1", `{"n":9223372036854775807}`, "9223372036854776000"},
		{"payload.n * -1", `{"n":-9223372036854775808}`, "9223372036854776000"},
		{"payload.n", `{"n":-0.0}`, "0"},
		{"payload.n", `{"n":1e-9}`, "1e-09"},
		{"payload.absent", `{}`, "null"},
		{"payload.absent ?? 5", `{}`, "5"},
		{"payload.a?.b.c", `{}`, "null"},
		{`payload.state == "ON"`, `{"state":"ON"}`, "true"},
		{`payload["x y"] + "!"`, `{"x y":"hi"}`, `"hi!"`},
		{"device + '/' + string(payload.n)", `{"n":1}`, `"d1/1"`},
		{"payload", `{"b":[1,2.50,"x",null,true],"a":{}}`, `{"a":{},"b":[1,2.5,"x",null,true]}`},
		{"payload.list[1].v", `{"list":[{"v":1},{"v":2}]}`, "2"},
		{"payload[1]", `[1,2]`, "2"},
		{"map(payload.list, #.v * 2)", `{"list":[{"v":1},{"v":2}]}`, "[2,4]"},
		{"filter(payload.list, .ok) | map(.v)", `{"list":[{"v":1,"ok":true},{"v":2,"ok":false}]}`, "[1]"},
		{"sum(payload.list) / len(payload.list)", `{"list":[1,2,6]}`, "3"},
		{"reduce(payload.list, #acc + #, 0)", `{"list":[1,2,6]}`, "9"},
		{"max(payload.list)", `{"list":[1,2,6]}`, "6"},
		{"groupBy(payload.list, #)", `{"list":[1,2,1]}`, `{"1":[1,1],"2":[2]}`},
		{"sortBy(payload.list, .v, 'desc')", `{"list":[{"v":1},{"v":2}]}`, `[{"v":2},{"v":1}]`},
		{"{a: payload.x, b: [1, payload.y]}", `{"x":1,"y":"z"}`, `{"a":1,"b":[1,"z"]}`},
		{"let x = payload.x; x > 1 ? 'high' : 'low'", `{"x":2}`, `"high"`},
		{"fromJSON(payload.inner).id", `{"inner":"{\"id\":9007199254740993}"}`, "9007199254740993"},
		{"join(map(payload.l, string(#)), ',')", `{"l":[1,2]}`, `"1,2"`},
		{"replace(payload.s, ',', '.') | float()", `{"s":"21,5"}`, "21.5"},
		{"repeat('ab', 2)", `{}`, `"abab"`},
		{"split(payload.s, ';')[1]", `{"s":"a;b"}`, `"b"`},
		{`payload.s matches "^a.*z$"`, `{"s":"abcz"}`, "true"},
		{`payload.s in ["a", "b"]`, `{"s":"b"}`, "true"},
		{`"k" in payload`, `{"k":1}`, "true"},
		{"date(payload.at).Unix()", `{"at":"2026-07-01T12:00:00Z"}`, "1782907200"},
		{"unix(payload.ts)", `{"ts":1782907200}`, `"2026-07-01T12:00:00.000Z"`},
		{"unix(payload.ms / 1000)", `{"ms":1782907200042}`, `"2026-07-01T12:00:00.042Z"`},
		{"unix(payload.ts).Year() + 1", `{"ts":-1}`, "1970"},
		{`find(payload.meas, .k == "hum")?.v`, `{"meas":[{"k":"t","v":1},{"k":"hum","v":61}]}`, "61"},
		{`find(payload.meas, .k == "hum")?.v`, `{"meas":[]}`, "null"},
		{"date(payload.at)", `{"at":"2026-07-01T12:00:00Z"}`, `"2026-07-01T12:00:00.000Z"`},
		{"round(payload.x * 10) / 10", `{"x":1.26}`, "1.3"},
		{`keys($env.payload)`, `{"k":1}`, `["k"]`},
		{"payload.x % 7", `{"x":15}`, "1"},
	} {
		got, err := evaluate(t, test.source, test.payload)
		if err != nil || got != test.want {
			t.Errorf("%s with %s: got %s %v, want %s", test.source, test.payload, got, err, test.want)
		}
	}
}

func TestExpressionsThatFail(t *testing.T) {
	long := `"` + strings.Repeat("x", 200_000) + `"`
	many := `[` + strings.Repeat("1,", 100_000) + `1]`
	for _, test := range []struct{ source, payload, want string }{
		{"payload.temp * 9", `{}`, `(line 1, column 14): something that it uses is not in this message; "payload.x ?? 0"`},
		{"payload.temp * 9", `{"temp":"21"}`, "cannot work out a text * a number (line 1, column 14); float(…) makes a number of a text"},
		{"payload.a.b", `{"a":1}`, "cannot fetch b from a number"},
		{"payload.temp", `7`, "cannot fetch temp from a number"},
		{"payload.temp", `[7]`, "cannot fetch temp from an array (line 1, column 9); an element is counted to"},
		{"payload.l.v", `{"l":[{"v":1}]}`, `as in find(payload.list, .name == "x") (line 1, column 11)`},
		{"date(payload.ts)", `{"ts":1}`, "date takes a text here, not a number (line 1, column 1); unix(…) makes a time of seconds since 1970"},
		{"1 + len(upper(payload.n))", `{"n":1}`, "upper takes a text here, not a number (line 1, column 9); string(…) makes"},
		{"upper(payload.n)", `{"n":{}}`, "upper takes a text here, not an object"},
		{"upper(payload.n)", `{}`, "upper takes a text here, not nothing (nil) (line 1, column 1): something that it uses"},
		{"filter(payload.n, true)", `{"n":1}`, "filter takes an array here, not a number"},
		{"payload.n contains 'x'", `{"n":true}`, "a text is needed here, not true or false"},
		{"payload.n ? 1 : 2", `{"n":1}`, "true or false is needed here, not a number"},
		{"float(payload.s)", `{"s":"21,5"}`, `"21,5" (line 1, column 1): a number has a point, not a comma: float(replace(…, ",", "."))`},
		{"unix(payload.ts)", `{"ts":"1"}`, "unix takes a number, the seconds since 1970, not a text"},
		{"unix(payload.ts)", `{"ts":1782907200042}`, "unix: 1782907200042 seconds after 1970 is in no year from 1 to 9999; of milliseconds, as these may be, take unix(… / 1000)"},
		{"unix(payload.ts)", `{"ts":1e300}`, "in no year"},
		{"0.0 / payload.n", `{"n":0}`, "NaN"},
		{"1 / payload.n", `{"n":0}`, "infinite number"},
		{"payload.n % 0", `{"n":1}`, "divide by zero"},
		{"payload.n", `{"n":1e999}`, "infinite number"},
		{"duration('1h')", `{}`, ".Seconds()"},
		{"fromJSON(payload.s)", `{"s":"{\"a\":1,\"a\":2}"}`, "a"},
		{"float(payload.s)", `{"s":"23.4 °C"}`, `float cannot make a number of "23.4 °C"`},

		// Without end, or nearly.
		{"count(1..1000, count(1..1000, count(1..1000, true) > 0) > 0)", `{}`, "memory budget"},
		{"let r = 1..1000; count(r, count(r, count(r, count(r, true) == 5) == 5) == 5)", `{}`, "more than the 1000000 steps"},
		{"count(payload, count(payload, true) == 5)", many, "steps"},
		{"map(1..10000000, #)", `{}`, "memory budget"},
		{"reduce(1..10000, #acc + 'xxxxxxxxxxxxxxxxxxxx', '')", `{}`, "steps"},
		{"let a = payload + payload; let b = a + a; let c = b + b; len(c)", long, "text of more than"},
		{"let a = [1,1,1,1,1,1,1,1,1,1]; let b = [a,a,a,a,a,a,a,a,a,a]; let c = [b,b,b,b,b,b,b,b,b,b]; let d = [c,c,c,c,c,c,c,c,c,c]; let e = [d,d,d,d,d,d,d,d,d,d]; [e,e,e,e,e,e,e,e,e,e]", `{}`, "gives more than the 262144 bytes"},
		{"let a = [1,1,1,1,1,1,1,1,1,1]; let b = [a,a,a,a,a,a,a,a,a,a]; let c = [b,b,b,b,b,b,b,b,b,b]; let d = [c,c,c,c,c,c,c,c,c,c]; let e = [d,d,d,d,d,d,d,d,d,d]; let f = [e,e,e,e,e,e,e,e,e,e]; toJSON(f)", `{}`, "steps"},
		{"repeat(payload, 1000000)", long, "text of more than"},
		{"replace(payload, 'x', payload)", long, "text of more than"},
		{"join(map(1..100000, 'x'), 'yyyyyyyyyy')", `{}`, "text of more than"},
		{"len(filter(payload, # in payload)) + count(payload, # == 2)", many, "steps"},
		{"count(1..100000, payload matches 'y$')", long, "steps"},
		{"sum(map(payload, sum(payload)))", many, "steps"},
		{"reduce(1..200000, [#acc], [])", `{}`, "gives more than 64 arrays and objects within each other"},
		{"string(reduce(1..200000, [#acc], []))", `{}`, "it nests more than 128 arrays and objects"},
		{"reduce(1..200000, [#acc], []) == reduce(1..200000, [#acc], [])", `{}`, "it nests more than"},
		{"float(payload)", long, "xxx…"},
	} {
		got, err := evaluate(t, test.source, test.payload)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %.100s, error %v; want %q", test.source, got, err, test.want)
		} else if len(err.Error()) > 500 {
			t.Errorf("%s: an error of %d bytes", test.source, len(err.Error()))
		}
	}
}

func TestExpressionsThatDoNotCompile(t *testing.T) {
	for source, want := range map[string]string{
		"":                   "is empty",
		"payload.":           "ends too early",
		"payload.temp * * 9": `"*" is not expected here (line 1, column 16)`,
		"paylod.temp":        "unknown name paylod (line 1, column 1)",
		"device * 2":         "cannot work out a text * a number (line 1, column 8); float(…)",
		"now()":              "unknown name now",
		"nothing(payload)":   "unknown name nothing",
		"§budget":            "the character § has no meaning here",
		"count(1..2, 'x')":   "must give true or false, not a text",
	} {
		_, err := compileExpression(source, types.Map{"payload": types.Any, "device": types.String})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", source, err, want)
		}
	}
}

func TestUnknownNamesInExpressions(t *testing.T) {
	const known = "known are client, device, header, message, mqtt, now, payload, topic, and the functions of https://expr-lang.org/docs/language-definition and unix"
	variables := maps.Clone(ruleVariables)
	variables["device"] = types.String
	for source, want := range map[string]string{
		"foo + 1":                  "unknown name foo (line 1, column 1): " + known,
		"1 + paylod.x":             "unknown name paylod (line 1, column 5): did you mean payload? K" + known[1:],
		"mqtt.contentType":         `unknown field contentType (line 1, column 6): did you mean mqtt["content-type"]?`,
		"mqtt.content_type == 'x'": `did you mean mqtt["content-type"]?`,
		"mqtt.response-topic":      `did you mean mqtt["response-topic"]?`,
		"mqtt['contentType']":      `did you mean mqtt["content-type"]?`,
		"device + client?.name":    "unknown field name (line 1, column 18): there are client.id, client.username",
	} {
		if _, err := compileExpression(source, variables); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
}

func TestACaptureMayHaveTheNameOfAFunction(t *testing.T) {
	e, err := compileExpression("unix + '!'", types.Map{"unix": types.String})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := e.value(map[string]any{"unix": "x"}); err != nil || v.String() != `"x!"` {
		t.Error(v, err)
	}
}

func TestExpressionUses(t *testing.T) {
	e, err := compileExpression("payload.a.x + payload.b + len(payload.list)", types.Map{"payload": types.Any})
	if err != nil {
		t.Fatal(err)
	}
	if u := e.uses["payload"]; u == nil || u.whole || strings.Join(u.members, " ") != "a b list" {
		t.Errorf("it uses %+v", u)
	}
	e, err = compileExpression("payload.a + len(payload)", types.Map{"payload": types.Any})
	if err != nil {
		t.Fatal(err)
	}
	if u := e.uses["payload"]; u == nil || !u.whole {
		t.Errorf("it uses %+v", u)
	}
}

// What has no loop, no function and no text put together needs no machine; what
// is out of the ordinary does, and then means what the library says.
func TestWhatIsQuick(t *testing.T) {
	const payload = `{"t":20.5,"n":7,"big":9007199254740993,"on":true,"s":"x","e":"","nil":null,"o":{"i":-3,"l":[1]},"zero":0}`
	v, err := jsondoc.ParseString(payload)
	if err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{
		"payload.t * 9 / 5 + 32":                         "68.9",
		"payload.n * 2 - 1":                              "13",
		"payload.n / 2":                                  "3.5",
		`payload["o"].i + 1`:                             "-2",
		`payload.on ? "ON" : "OFF"`:                      `"ON"`,
		"payload.n > 7 ? 1 : nil":                        "null",
		"payload.n >= 7 and not (payload.t < 20)":        "true",
		"payload.n < 7 || payload.s == 'y'":              "false",
		"payload.t <= 20.5 && payload.nil == nil":        "true",
		"payload.not_there != nil":                       "false",
		"payload.not_there == payload.nil":               "true",
		"payload.n == 7.0":                               "true",
		"payload.n != payload.zero":                      "true",
		"payload.e == ''":                                "true",
		"payload.on == false":                            "false",
		"payload.s":                                      `"x"`,
		"payload.on or payload.not_there.further":        "true", // the right side is not looked at
		"payload.on ? payload.n : payload.s + payload.s": "7",
		"payload.big":                                    "9007199254740993",
		"payload.big + 1":                                "", // too large to be sure of
		"payload.n / payload.zero":                       "", // infinite
		"payload.zero / payload.zero > 1":                "",
		"payload.not_there + 1":                          "",
		"payload.not_there.further":                      "",
		"payload.s > 1":                                  "",
		"payload.s < 'y'":                                "",
		"payload.s == 1":                                 "",
		"payload.s + payload.s":                          "",
		"payload.n and payload.on":                       "",
		"payload.n ? 1 : 2":                              "",
		"payload.o":                                      "",
		"payload.o.l[0]":                                 "",
		"payload?.n":                                     "",
		"len(payload.s)":                                 "",
		"-payload.n":                                     "",
		"let x = payload.n; x + 1":                       "",
		"device":                                         "",
	} {
		e, err := compileExpression(source, types.Map{"payload": types.Any, "device": types.String})
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		if got := whatIsQuick(t, e, v); got != want {
			t.Errorf("%s: quickly %q, want %q", source, got, want)
		}
		if want == "" {
			continue
		}
		if got, err := evaluate(t, source, payload); got != want || err != nil {
			t.Errorf("%s: by the library %s, %v, want %s", source, got, err, want)
		}
	}
}

func BenchmarkExpression(b *testing.B) {
	e, err := compileExpression("payload.temp * 9 / 5 + 32", types.Map{"payload": types.Any})
	if err != nil {
		b.Fatal(err)
	}
	v, _ := jsondoc.ParseString(`{"temp":23.45,"hum":61.2,"seq":123456,"battery":{"level":87,"charging":false}}`)
	variables := map[string]any{}
	b.ReportAllocs()
	for b.Loop() {
		variables["payload"] = e.uses["payload"].decode(v)
		if _, err := e.value(variables); err != nil {
			b.Fatal(err)
		}
	}
}

// Whatever an expression says, it gives JSON or an error.
func FuzzExpression(f *testing.F) {
	for _, source := range []string{
		"payload.temp * 9 / 5 + 32", "map(payload.list, #.v * 2)", "reduce(1..9, [#acc], [])", "groupBy(payload.list, .v)",
		"let x = payload; {a: x, b: [x, device]} | toJSON() | fromJSON()", "replace(device, 'd', repeat('x', 9)) + join(['a', device], ',')",
		"sum(payload.list, .v) ?? payload?.temp in [1] ? date('2026-01-01') : sortBy(payload.list, .v)", "payload.list[0:1] | flatten() | uniq() | string()",
		"all(payload.list, {.v > 1}) and device matches '^d' or $env.payload == nil", "keys(payload)[-1] contains device ? -payload.temp ** 2 : payload.temp % 3",
	} {
		f.Add(source)
	}
	payload, err := jsondoc.ParseString(`{"temp":21,"list":[{"v":1},{"v":2.5},{"v":"x"}],"big":9223372036854775807}`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, source string) {
		e, err := compileExpression(source, types.Map{"payload": types.Any, "device": types.String})
		if err != nil {
			return
		}
		variables := map[string]any{"device": "d1"}
		if u := e.uses["payload"]; u != nil {
			variables["payload"] = u.decode(payload)
		}
		quickly := whatIsQuick(t, e, payload)
		v, err := e.value(variables)
		if quickly != "" && (err != nil || v.String() != quickly) {
			t.Errorf("%q: quickly %s, and by the library %v, %v", source, quickly, v, err)
		}
		if err != nil {
			if len(err.Error()) > 600 {
				t.Errorf("%q: an error of %d bytes", source, len(err.Error()))
			}
			return
		}
		if _, err := jsondoc.Parse(v.AppendTo(nil), jsondoc.Limits{}); err != nil {
			t.Errorf("%q gives %s: %v", source, v, err)
		}
	})
}
