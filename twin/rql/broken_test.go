package rql

import (
	"errors"
	"strings"
	"testing"
)

// brokenOff are expressions that end too early, or go on as they should not:
// each with the character that the error points at.
var brokenOff = []struct {
	text string
	at   int
	says string
}{
	{`exists`, 7, `the text ends where "(" should be`},
	{`exists(`, 8, `the text ends where a property should be`},
	{`exists(attributes/a`, 20, `the text ends where ")"`},
	{`exists(foo`, 11, `the text ends where ")"`},
	{`exists(attributes/a))`, 21, `')' behind the end`},
	{`exists(attributes/a)exists(attributes/b)`, 21, `'e' behind the end`},
	{`exists attributes/a`, 7, `' ' where "("`},
	{`exists[attributes/a]`, 7, `'[' where "("`},
	{`exists(attributes/a,`, 20, `',' where ")"`},
	{`empty(`, 7, `the text ends where a property`},
	{`empty("`, 7, `a quote in the name of a property`},
	{`eq`, 3, `the text ends where "("`},
	{`eq(`, 4, `the text ends where a property`},
	{`eq(foo`, 7, `the text ends where "," and a value`},
	{`eq(attributes/a`, 16, `the text ends where "," and a value`},
	{`eq(attributes/a,`, 17, `the text ends where a value`},
	{`eq(attributes/a 1)`, 18, `')' where "," and a value`},
	{`eq(foo=1)`, 9, `')' where "," and a value`},
	{`eq(attributes/a,"x`, 19, `the text ends within the string that begins at character 17`},
	{`eq(attributes/a,'x")`, 21, `within the string that begins at character 17`},
	{`eq(attributes/a,"\`, 19, `within the string`},
	{`eq(attributes/a,"\u12`, 22, `within the string`},
	{`eq(attributes/a,tru)`, 17, `'t' where a value`},
	{`eq(attributes/a,nul`, 17, `'n' where a value`},
	{`eq(attributes/a,True)`, 17, `'T' where a value`},
	{`eq(attributes/a,time)`, 17, `'t' where a value`},
	{`eq(attributes/a,time:`, 17, `time:now and time:now_epoch_millis`},
	{`eq(attributes/a,time:now`, 25, `the text ends where ")"`},
	{`eq(attributes/a,time:now[`, 17, `a closing bracket`},
	{`eq(attributes/a,-`, 18, `where a digit`},
	{`eq(attributes/a,1.`, 19, `where a digit`},
	{`eq(attributes/a,1-2)`, 18, `'-' where ")"`},
	{`eq(attributes/a,[1])`, 17, `'[' where a value`},
	{`eq(attributes/a,{})`, 17, `'{' where a value`},
	{`in(attributes/a`, 16, `the text ends where "," and a value`},
	{`in(attributes/a,`, 17, `the text ends where a value`},
	{`in(attributes/a,1`, 18, `the text ends where "," or ")"`},
	{`in(attributes/a,1,`, 19, `the text ends where a value`},
	{`in(attributes/a,1,)`, 19, `')' where a value`},
	{`in(attributes/a,(1,2))`, 17, `'(' where a value`},
	{`like(attributes/a,"`, 20, `within the string that begins at character 19`},
	{`and(`, 5, `the text ends where an operator`},
	{`and(exists(thingId)`, 20, `the text ends where "," or ")"`},
	{`and(exists(thingId),`, 21, `the text ends where an operator`},
	{`and(exists(thingId)exists(policyId))`, 20, `'e' where "," or ")"`},
	{`and(exists(thingId);exists(policyId))`, 20, `';' where`},
	{`or(eq(attributes/a,1),eq(attributes/b`, 38, `the text ends where "," and a value`},
	{`not(`, 5, `the text ends where an operator`},
	{`not(not(exists(thingId))`, 25, `the text ends where ")"`},
	{`not exists(thingId)`, 4, `' ' where "("`},
	{`attributes/a>5`, 1, `"attributes" where an operator`},
	{`exists(thingId) and exists(policyId)`, 16, `' ' behind the end`},
	{`nor(exists(thingId))`, 1, `"nor" where an operator`},
	{`eq(attributes/grö\`, 19, `the text ends where an escaped character`},
}

func TestBrokenExpressionsPointAtTheCharacter(t *testing.T) {
	for _, tc := range brokenOff {
		_, err := Parse(tc.text, Signals)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", tc.text, err)
			continue
		}
		if e.Character() != tc.at || !strings.Contains(e.Problem, tc.says) {
			t.Errorf("%s: %v, want %q at character %d\n%s", tc.text, e, tc.says, tc.at, e.Marked())
		}
	}
}

func TestExpressionsAreBounded(t *testing.T) {
	within := `in(attributes/a` + strings.Repeat(`,"ä"`, (longest-len(`in(attributes/a)`))/len(`,"ä"`)) + `)`
	parse(t, within, Condition)
	_, err := Parse(within[:len(within)-1]+strings.Repeat(`,"ä"`, 10)+`)`, Condition)
	var e *Error
	if !errors.As(err, &e) || e.Syntax || !strings.Contains(e.Problem, "32768 bytes") || e.Offset > longest || e.Offset < longest-3 {
		t.Error(err)
	}
	deep := strings.Repeat("not(", deepest) + "exists(thingId)" + strings.Repeat(")", deepest)
	parse(t, deep, Condition)
	if _, err := Parse("not("+deep+")", Condition); err == nil || !strings.Contains(err.Error(), "at character 805: nested deeper than 200") {
		t.Error(err)
	}
}

// What anybody sends must not keep the broker busy.
func TestWhatTakesTooLongDoesNotMatch(t *testing.T) {
	long, list := strings.Repeat("a", 100<<10), strings.Repeat("1,", 40_000)
	s := &Subject{ID: "a:b", Thing: document(t, `{"attributes":{"text":"`+long+`","list":[`+list+`1]}}`)}
	in := `in(attributes/list` + strings.Repeat(",0", 10_000) + `)`
	for _, text := range []string{
		`not(like(attributes/text,"*` + strings.Repeat("a", 20_000) + `b*"))`,
		`ilike(attributes/text,"*` + strings.Repeat("?", 20_000) + `b*")`,
		"or(" + in + ",exists(thingId))",
	} {
		if parse(t, text, Condition).Matches(s) {
			t.Errorf("%.40s… matches", text)
		}
	}
	if why := parse(t, in, Condition).Why(s); why != "it takes more than ten million comparisons" {
		t.Error(why)
	}
	for _, text := range []string{`like(attributes/text,"a*")`, `like(attributes/text,"*a")`, `not(like(attributes/text,"*b*"))`, `ne(attributes/list,0)`, `in(attributes/list,0,1)`} {
		if !parse(t, text, Condition).Matches(s) {
			t.Errorf("%s does not match", text)
		}
	}
}
