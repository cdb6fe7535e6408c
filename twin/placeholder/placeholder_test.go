package placeholder

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// values are what placeholders stand for in these tests.
var values = map[string]Value{
	"a":    {Text: "Lamp", OK: true},
	"none": {},
	"list": {Text: "x-1", Others: []string{"y-2", "x-3"}, OK: true},
	"long": {Text: strings.Repeat("x", 200_000), OK: true},
}

// resolve has a pipeline worked out.
func resolve(text string, first bool) (string, error) {
	p, err := Parse(text, func(name string) (string, error) {
		if _, ok := values[name]; !ok {
			return "", fmt.Errorf("there is no %s", name)
		}
		return name, nil
	})
	if err != nil {
		return "", err
	}
	var inputs []Value
	for _, name := range p.Inputs {
		inputs = append(inputs, values[name])
	}
	run := p.Run
	if first {
		run = p.First
	}
	got, ok, err := run(inputs)
	if err == nil && !ok {
		return "-", nil
	}
	return got, err
}

// What each function does is shown with mappings and migrations; here stands
// what placeholders of several values make of it.
func TestSeveralValues(t *testing.T) {
	for _, test := range []struct{ text, one, first string }{
		{"a", "Lamp", "Lamp"},
		{"none", "-", "-"},
		{"fn:default(none) | fn:default('x')", "x", "x"},
		{"list | fn:join(',')", "x-1,y-2,x-3", "x-1,y-2,x-3"},
		{"list | fn:filter('like','y*')", "y-2", "y-2"},
		{"list | fn:filter('like','x*') | fn:substring-after('-')", "2 values", "1"},
		{"list | fn:filter('eq','z')", "-", "-"},
		{"list | fn:split('-') | fn:join('')", "x1y2x3", "x1y2x3"},
		{"list | fn:delete()", "-", "-"},
	} {
		got, err := resolve(test.text, false)
		if got != test.one && (err == nil || !strings.Contains(err.Error(), test.one)) {
			t.Errorf("%s: %q, %v; want %q", test.text, got, err, test.one)
		}
		if got, err := resolve(test.text, true); err != nil || got != test.first {
			t.Errorf("the first of %s: %q, %v; want %q", test.text, got, err, test.first)
		}
	}
}

func TestWhatIsWrongWithAPipeline(t *testing.T) {
	for _, test := range []struct {
		text, want string
		is         error
	}{
		{"a | fn:shout()", "there is no function fn:shout: known are fn:base64-decode", ErrUnknown},
		{"a" + strings.Repeat(" | fn:trim()", 11), "11 functions are more than the 10", ErrTooMany},
		{"fn:default(b)", "the argument b is neither a text in quotes nor a placeholder: there is no b", nil},
		{"a | fn:lower('x')", "fn:lower takes no arguments", nil},
		{"long | fn:replace('x','yy')", "fn:replace: its text would be longer than 262144 bytes", nil},
		{"long | fn:replace('xxxx','yyyyy')", "", nil},
		{"a | fn:base64-decode()", "", nil},
		{"list | fn:base64-decode()", `fn:base64-decode: "x-1" is not base64`, nil},
	} {
		got, err := resolve(test.text, true)
		if test.want == "" {
			if err != nil || got == "" {
				t.Errorf("%s: %v", test.text, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: %v, want %s", test.text, err, test.want)
		}
	}
}

// Whatever stands between the braces: an error, or something of bounded size.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a | fn:lower()", "fn:default('x\\'y')", `list|fn:split("-")|fn:filter(a,'like','*m?|x')|fn:join(',')`, "a | fn:replace('m',long)", "fn:filter('exists')", "a|", "fn:filter('like','\xf5')"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := resolve(text, true)
		if err != nil && err.Error() == "" || len(got) > MaxText {
			t.Fatalf("%q: %d bytes, %v", text, len(got), err)
		}
		if at := End(text); at >= 0 && !strings.HasPrefix(text[at:], "}}") {
			t.Fatalf("%q ends at %d", text, at)
		}
	})
}
