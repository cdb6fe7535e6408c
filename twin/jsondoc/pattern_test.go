package jsondoc

import (
	"errors"
	"testing"
)

func TestCheckPatternRefusesWhatJavaReadsOtherwise(t *testing.T) {
	for name, ok := range map[string]bool{
		`{{ ~2022-.*~ }}`:                 true,
		`{{ ~^2023-04-03$~ }}`:            true,
		`{{ ~[0-9]{4}-04-.+4~ }}`:         true,
		`{{~(?i)temp|hum~}}`:              true,
		`{{ ~[]a]x~ }}`:                   true,
		`{{ ~[^]a]x~ }}`:                  true,
		`{{ ~[\[&]\\v~ }}`:                true,
		`{{ ~\Q[a&&[b]]\E~ }}`:            true,
		`{{ ~\Q[a~ }}`:                    false,
		`{{ ~\p{L}+\d\w\s~ }}`:            true,
		`{{ ~(?<year>[0-9]+)~ }}`:         true,
		`{{ /a.b/ }}`:                     true,
		`{{ ~~ }}`:                        true,
		`{{ ~(~ }}`:                       false,
		`{{ ~a)(b~ }}`:                    false,
		`{{ ~a)|(?:b~ }}`:                 false,
		`{{ ~(?=a)b~ }}`:                  false,
		`{{ ~(?!a)b~ }}`:                  false,
		`{{ ~(?<=a)b~ }}`:                 false,
		`{{ ~(a)\1~ }}`:                   false,
		`{{ ~a*+~ }}`:                     false,
		`{{ ~(?>a)~ }}`:                   false,
		`{{ ~\p{Alpha}~ }}`:               false,
		`{{ ~\u0041~ }}`:                  false,
		`{{ ~[a-z&&[^b]]~ }}`:             false,
		`{{ ~[a-z&&b]~ }}`:                false,
		`{{ ~[a[bc]]~ }}`:                 false,
		`{{ ~[[:alpha:]]~ }}`:             false,
		`{{ ~[\Q&&\E]~ }}`:                false,
		`{{ ~\v~ }}`:                      false,
		`{{ ~(?U)a~ }}`:                   false,
		`{{ ~(?i-U:a)~ }}`:                false,
		`{{ ~((a{100}){100}){100}~ }}`:    false,
		`{{ ~(?<n>a)\k<n>~ }}`:            false,
		"{{ ~\xff~ }}":                    false,
		`{{ ~((((((((((a)))))))))){2}~}}`: true,
	} {
		if !IsPattern(name, Null()) {
			t.Errorf("%s is no pattern", name)
		}
		err := CheckPattern(name)
		var bad *PatternError
		if ok && err != nil || !ok && (!errors.As(err, &bad) || bad.Name != name || bad.Problem == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"a", "{{ a }}", "{{~}}", "{{ ~a/ }}", "{{ ~a~ }", "{{}}", "{{ ~a~ }}x"} {
		if IsPattern(name, Null()) || IsPattern("{{ ~a~ }}", Bool(true)) {
			t.Errorf("%s is a pattern", name)
		}
	}
}
