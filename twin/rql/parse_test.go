package rql

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// What is accepted, and how it is printed.
func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		`eq(attributes/a,1)`:                            ``,
		" \n\r\t\feq(/attributes/a,1)":                  `eq(attributes/a,1)`,
		`eq(attributes/a,'it"s')`:                       `eq(attributes/a,"it\"s")`,
		`eq(attributes/a,"it's")`:                       ``,
		`eq(attributes/a,'it\'s')`:                      `eq(attributes/a,"it's")`,
		`eq(attributes/a,"\u00e4\/\n\\")`:               `eq(attributes/a,"ä/\n\\")`,
		`eq(attributes/a,"\ud83d\ude00")`:               `eq(attributes/a,"😀")`,
		`eq(attributes/a,1 )`:                           `eq(attributes/a,1)`,
		`in(attributes/a,1 ,"x" ,null )`:                `in(attributes/a,1,"x",null)`,
		`in(attributes/a,true,false)`:                   ``,
		`eq(attributes/a,+5)`:                           `eq(attributes/a,5)`,
		`eq(attributes/a,-5.50)`:                        ``,
		`eq(attributes/a,-0.0)`:                         ``,
		`eq(attributes/a,+0)`:                           `eq(attributes/a,0)`,
		`eq(attributes/a,9223372036854775807)`:          ``,
		`eq(attributes/a,-9223372036854775808)`:         ``,
		`eq(attributes/a,12356143287134097863590813.5)`: ``,
		`eq(attributes/with space (x,1)`:                ``,
		`eq(attributes/a\u002cb\u0029,1)`:               `eq(attributes/a\u002Cb\u0029,1)`,
		`eq(attributes/\"q\"\\,1)`:                      ``,
		`and(eq(attributes/a,1), ` + "\n" + `or(exists(features/f)),not(empty(features/f/properties)))`: `and(eq(attributes/a,1),or(exists(features/f)),not(empty(features/f/properties)))`,
		`and(exists(thingId))`:                                   ``,
		`exists(features/*)`:                                     ``,
		`exists(features/f/definition)`:                          ``,
		`exists(features/f/desiredProperties)`:                   ``,
		`exists(_metadata)`:                                      ``,
		`lt(_modified,time:now-30d[d])`:                          ``,
		`like(attributes/a,"\\E*?")`:                             ``,
		`eq(attributes/ümlaut,"☃")`:                              ``,
		`eq(attributes/complex,"!#$%&'()*+,/:;=?@[\\]{|} äaZ0")`: ``,
	} {
		f, err := Parse(text, Condition)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if want == "" {
			want = text
		}
		if got := f.String(); got != want {
			t.Errorf("%s is printed as %s", text, got)
		}
		again, err := Parse(f.String(), Condition)
		if err != nil || !reflect.DeepEqual(f.root, again.root) {
			t.Errorf("%s is another filter when it is parsed again: %v", f, err)
		}
	}
}

// What is refused, at which character, and why.
func TestParseErrors(t *testing.T) {
	const syntax, sense = true, false
	for _, tc := range []struct {
		text   string
		at     int
		syntax bool
		says   string
	}{
		{``, 1, syntax, "the text ends where an operator"},
		{`   `, 4, syntax, "the text ends where an operator"},
		{`(attributes/a,1)`, 1, syntax, "'(' where an operator"},
		{`eaq(attributes/a,1)`, 1, syntax, `"eaq" where an operator`},
		{`EQ(attributes/a,1)`, 1, syntax, "'E' where an operator"},
		{`eq (attributes/a,1)`, 3, syntax, `' ' where "(" should be`},
		{`eq(attributes/a, 1)`, 17, syntax, "' ' where a value"},
		{`eq(attributes/a,1) `, 19, syntax, "' ' behind the end"},
		{`eq(attributes/a,"x"))`, 21, syntax, "')' behind the end"},
		{`eq(attributes/a)`, 16, syntax, `')' where "," and a value`},
		{`eq(attributes/a,)`, 17, syntax, "')' where a value"},
		{`eq(attributes/a,1,2)`, 18, syntax, `',' where ")"`},
		{`eq(attributes/a,123`, 20, syntax, "the text ends where \")\""},
		{`eq(attributes/a,123())`, 20, syntax, `'(' where ")"`},
		{`eq(attributes/a,test)`, 17, syntax, "'t' where a value"},
		{`eq(thingId,foo:bar)`, 12, syntax, "'f' where a value"},
		{`gt(_modified,2021-08-10T15:10:02.592Z)`, 18, syntax, `'-' where ")"`},
		{`eq(attributes/a,"abc"")`, 22, syntax, `'"' where ")"`},
		{`eq(attributes/a,"abc)`, 22, syntax, "the string that begins at character 17"},
		{`eq(attributes/a,"\x")`, 19, syntax, "'x' where one of"},
		{`eq(attributes/a,'\"')`, 19, syntax, `'"' where one of`},
		{`eq(attributes/a,"\u12g4")`, 19, syntax, "four hexadecimal"},
		{`eq(attributes/a,"\ud83d")`, 19, syntax, "surrogate"},
		{`eq(attributes/a,"\ud83d\u0041")`, 19, syntax, "surrogate"},
		{`eq(attributes/a,-0)`, 17, syntax, "-0"},
		{`eq(attributes/a,0123)`, 18, syntax, `'1' where ")"`},
		{`eq(attributes/a,-012.7)`, 19, syntax, `'1' where ")"`},
		{`eq(attributes/a,.7)`, 17, syntax, "'.' where a value"},
		{`eq(attributes/a,-.7)`, 18, syntax, "'.' where a digit"},
		{`eq(attributes/a,127.)`, 21, syntax, "')' where a digit"},
		{`eq(attributes/a,12.7.8)`, 21, syntax, `'.' where ")"`},
		{`eq(attributes/a,1e3)`, 18, syntax, `'e' where ")"`},
		{`eq(attributes/a,9223372036854775808)`, 17, syntax, "not between"},
		{`eq(attributes//a,1)`, 4, syntax, "two slashes"},
		{`and()`, 5, syntax, "')' where an operator"},
		{`and(exists(thingId) ,exists(thingId))`, 20, syntax, `' ' where "," or ")"`},
		{`and(   ,exists(thingId))`, 5, syntax, "' ' where an operator"},
		{`and(exists(thingId), )`, 22, syntax, "')' where an operator"},
		{`not(exists(thingId),exists(thingId))`, 20, syntax, `',' where ")"`},
		{`exists("features/f")`, 8, syntax, "without quotes"},
		{`exists(features/f,"x")`, 18, syntax, `',' where ")"`},
		{`exists(attributes/a\`, 21, syntax, "the text ends where an escaped"},
		{"eq(attributes/a,\"\xff\")", 18, syntax, "no UTF-8"},
		{`eq(attributes/ä,ö)`, 17, syntax, "'ö' where a value"},

		{`eq(foo,1)`, 4, sense, `no property "foo": there are thingId`},
		{`eq( attributes/a,1)`, 4, sense, `no property " attributes/a"`},
		{`exists()`, 8, sense, `no property ""`},
		{`exists(attributes)`, 8, sense, `no property "attributes"`},
		{`exists(features)`, 8, sense, `no property "features"`},
		{`eq(features/f,1)`, 4, sense, `no property "features/f"`},
		{`eq(features/f/properties,1)`, 4, sense, "no property"},
		{`exists(features/f/x)`, 8, sense, "no property"},
		{`eq(topic:action,"modified")`, 4, sense, `no property "topic:action"`},
		{`eq(namespace,"a")`, 4, sense, `no property "namespace"`},
		{`like(attributes/a,5)`, 19, sense, "like takes a string"},
		{`ilike(attributes/a,time:now)`, 20, sense, "ilike takes a string"},
		{`eq(attributes/a,time:then)`, 17, sense, "time:now and"},
		{`eq(attributes/a,time:now+1x)`, 17, sense, "an offset"},
		{`eq(attributes/a,time:now+)`, 17, sense, "an offset"},
		{`eq(attributes/a,time:now*1h)`, 17, sense, "an offset"},
		{`eq(attributes/a,time:now[q])`, 17, sense, "cut to one of"},
		{`eq(attributes/a,time:now[h)`, 17, sense, "closing bracket"},
		{`eq(attributes/a,time:now+10001y)`, 17, sense, "ten thousand years"},
		{strings.Repeat("not(", deepest+1), 4*deepest + 5, sense, "nested deeper than 200"},
	} {
		_, err := Parse(tc.text, Condition)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", tc.text, err)
			continue
		}
		if e.Character() != tc.at || e.Syntax != tc.syntax || !strings.Contains(e.Problem, tc.says) {
			t.Errorf("%s: %v (syntax: %v)\n%s", tc.text, e, e.Syntax, e.Marked())
		}
		if !strings.Contains(err.Error(), strconv.Itoa(tc.at)+": "+e.Problem) {
			t.Error(err)
		}
	}
}

func TestErrorsMarkTheCharacter(t *testing.T) {
	_, err := Parse("eq(attributes/ä,\n1)", Condition)
	if got, want := err.(*Error).Marked(), "eq(attributes/ä, 1)\n"+strings.Repeat(" ", 16)+"^"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	long := "and(" + strings.Repeat("exists(attributes/a),", 20)
	_, err = Parse(long+"what(),"+strings.Repeat("exists(attributes/b),", 20), Condition)
	text, mark, _ := strings.Cut(err.(*Error).Marked(), "\n")
	if at := strings.Index(mark, "^"); !strings.HasPrefix(string([]rune(text)[at:]), "what()") || len(text) > 140 {
		t.Errorf("%s\n%s", text, mark)
	}
}

func TestScopesKnowTheirProperties(t *testing.T) {
	for _, tc := range []struct {
		property string
		in       [3]bool
	}{
		{"thingId", [3]bool{true, true, true}},
		{"_namespace", [3]bool{true, true, false}},
		{"namespace", [3]bool{false, false, true}},
		{"_metadata", [3]bool{true, true, false}},
		{"_metadata/attributes", [3]bool{true, true, true}},
		{"topic:action", [3]bool{false, true, false}},
		{"resource:path", [3]bool{false, true, false}},
		{"time:now", [3]bool{false, true, false}},
		{"topic:x", [3]bool{}},
		{"time:x", [3]bool{}},
		{"header:x", [3]bool{}},
		{"attributes/a:b", [3]bool{true, true, true}},
	} {
		for scope, want := range tc.in {
			f, err := Parse("exists("+tc.property+")", Scope(scope))
			if (err == nil) != want {
				t.Errorf("%s in scope %d: %v", tc.property, scope, err)
			}
			if err == nil && f.Scope() != Scope(scope) {
				t.Errorf("scope %d became %d", scope, f.Scope())
			}
		}
	}
}

func TestFieldsAreWhatMustBeReadable(t *testing.T) {
	f := parse(t, `and(eq(/attributes/a,1),not(or(eq(attributes/a,2),exists(features/*/properties/x~1y))),gt(_modified,time:now),eq(topic:action,"modified"),in(thingId,"a:b"))`, Signals)
	want := []jsondoc.Pointer{{"attributes", "a"}, {"features", "*", "properties", "x/y"}, {"_modified"}, {"thingId"}}
	if got := f.Fields(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	many := "or("
	for i := range 100 {
		many += "exists(attributes/a" + strconv.Itoa(i%50) + "),"
	}
	if got := parse(t, many+"exists(thingId))", Condition).Fields(); len(got) != 51 || !reflect.DeepEqual(got[49:], []jsondoc.Pointer{{"attributes", "a49"}, {"thingId"}}) {
		t.Errorf("got %v", got)
	}
}

// Whatever is parsed prints as a text that parses to the same filter.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`and(eq(attributes/a,1),or(in(thingId,"x",'y\'',null,true,-1.50)),not(like(features/*/properties/a~1b,"*?\u00e4")))`,
		`lt(_modified,time:now_epoch_millis-30d[mo])`, `eq(topic:action,"x")`, `exists(attributes/a\u002c\"\\)`, `eq(time:now,"\ud83d\ude00")`, `eq(a,"`, `empty(_metadata/x`, `not(not(`,
	} {
		f.Add(seed, byte(1))
	}
	s := subject(f)
	s.Signal = &Signal{Action: "modified", Value: s.Thing}
	f.Fuzz(func(t *testing.T, text string, scope byte) {
		filter, err := Parse(text, Scope(scope%3))
		if err != nil {
			e := err.(*Error)
			if e.Offset < 0 || e.Offset > len(text) || e.Problem == "" {
				t.Fatalf("%q: %#v", text, e)
			}
			_ = e.Error() + e.Marked()
			return
		}
		printed := filter.String()
		again, err := Parse(printed, filter.Scope())
		if err != nil {
			t.Fatalf("%q is printed as %q: %v", text, printed, err)
		}
		if !reflect.DeepEqual(filter, again) || again.String() != printed {
			t.Fatalf("%q is printed as %q, which is something else", text, printed)
		}
		if filter.Matches(s) != again.Matches(s) {
			t.Fatalf("%q and %q do not match the same", text, printed)
		}
	})
}
