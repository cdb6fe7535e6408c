package mapping

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestATextStandsForEachValueOfItsPlaceholders(t *testing.T) {
	values := map[string][]string{
		"x:one": {"A"}, "x:two": {"B", "C"}, "x:none": nil, "x:list": {"a,b", "c"},
	}
	known := func(name string) error {
		if _, ok := values[name]; !ok {
			return errors.New("there is none")
		}
		return nil
	}
	of := func(name string) []string { return values[name] }
	for _, test := range []struct {
		text string
		want string // joined by spaces; an error begins with !
	}{
		{"plain", "plain"},
		{"p:{{ x:one }}", "p:A"},
		{"p:{{ x:two }}", "p:B p:C"},
		{"{{ x:two }}-{{x:two}}", "B-B B-C C-B C-C"},
		{"p:{{ x:none }}", ""},
		{"{{ x:one }}{{ x:none }}", ""},
		{"{{ x:none | fn:default('d') }}", "d"},
		{"{{ x:two | fn:lower() }}", "b c"},
		{"{{ x:two | fn:filter('ne','B') }}", "C"},
		{"{{ x:list | fn:split(',') }}", "a b c"},
		{"{{ x:none | fn:default(x:one) }}", "A"},
		{"{{ x:one | fn:delete() }}", ""},
		{"{{ x:two }}{{ x:two }}{{ x:two }}{{ x:two }}", "!more than 8"},
		{"{{ x:three }}", "!there is none"},
		{"{{ x:one", "!without }}"},
		{"{{ x:one | fn:nonsense() }}", "!no function"},
	} {
		text, err := ParseText(test.text, known)
		var got []string
		if err == nil {
			got, err = text.Values(of, 8)
		}
		why, wantErr := strings.CutPrefix(test.want, "!")
		switch {
		case wantErr && (err == nil || !strings.Contains(err.Error(), why)):
			t.Errorf("%s: error %v, want %q", test.text, err, why)
		case !wantErr && (err != nil || !slices.Equal(got, strings.Fields(test.want))):
			t.Errorf("%s: %q, %v; want %q", test.text, got, err, test.want)
		}
	}
}
