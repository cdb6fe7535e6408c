package conformance

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Compare says where JSON is not as it must be: the same members, and the same
// values to the digit, in any order of members. In what must be, these texts
// stand for what varies: {{any}} for any value, {{text}} for a text that is not
// empty, {{number}} for a number, {{time}} for a point in time of now as Ditto
// prints it, {{absent}} for no such member, {{maybe}} for any or none, {{match:…}} for a text that fits the
// regular expression, {{keep:x}} for a text or number, which is kept as {{x}}.
func (v Vars) Compare(want, got string) error {
	w, err := decode(want)
	if err != nil {
		return fmt.Errorf("what must be is not JSON: %w: %s", err, want)
	}
	g, err := decode(got)
	if err != nil {
		return fmt.Errorf("it is not JSON: %w", err)
	}
	return v.compare("", w, g, true)
}

func decode(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var value any
	err := d.Decode(&value)
	return value, err
}

func show(value any) string {
	text, _ := json.Marshal(value)
	return string(text)
}

func (v Vars) compare(at string, want, got any, there bool) error {
	if text, ok := want.(string); ok && strings.HasPrefix(text, "{{") && strings.HasSuffix(text, "}}") {
		if known, err := v.varies(text[2:len(text)-2], got, there); known {
			if err != nil {
				return fmt.Errorf("%s: %w", place(at), err)
			}
			return nil
		}
	}
	if !there {
		return fmt.Errorf("%s is not there, and must be %s", place(at), show(want))
	}
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		for name, value := range w {
			inner, there := g[name]
			if err := v.compare(at+"/"+name, value, inner, there); err != nil {
				return err
			}
		}
		for name, value := range g {
			if _, ok := w[name]; !ok {
				return fmt.Errorf("%s must not be there, and is %s", place(at+"/"+name), show(value))
			}
		}
		return nil
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			break
		}
		for i := range w {
			if err := v.compare(fmt.Sprintf("%s/%d", at, i), w[i], g[i], true); err != nil {
				return err
			}
		}
		return nil
	default:
		if want == got {
			return nil
		}
	}
	return fmt.Errorf("%s is %s, and must be %s", place(at), show(got), show(want))
}

func place(at string) string {
	if at == "" {
		return "it"
	}
	return at
}

// varies compares with a placeholder, if it is one.
func (v Vars) varies(what string, got any, there bool) (known bool, _ error) {
	text, isText := got.(string)
	_, isNumber := got.(json.Number)
	kind, rest, _ := strings.Cut(what, ":")
	ok := false
	switch kind {
	case "any":
		ok = there
	case "text":
		ok = isText && text != ""
	case "number":
		ok = isNumber
	case "absent":
		ok = !there
	case "maybe":
		ok = true
	case "time":
		ok = isText && isNow(text)
	case "match":
		ok = isText && regexp.MustCompile("^(?:"+rest+")$").MatchString(text)
	case "keep":
		if ok = isText || isNumber; ok {
			v[rest] = fmt.Sprint(got)
		}
	default:
		return false, nil
	}
	switch {
	case ok:
		return true, nil
	case !there:
		return true, fmt.Errorf("it is not there, and must be {{%s}}", what)
	}
	return true, fmt.Errorf("it is %s, and must be {{%s}}", show(got), what)
}

// Ditto prints points in time by java.time.Instant.
var instant = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(\d{3}){1,3})?Z$`)

func isNow(text string) bool {
	at, err := time.Parse(time.RFC3339Nano, text)
	return err == nil && instant.MatchString(text) && time.Since(at).Abs() < time.Hour
}

// outward are the headers that Ditto writes into responses and events by
// itself. Others are there because the command had them, or must not be.
var outward = []string{"correlation-id", "content-type", "ditto-originator", "etag", "entity-revision", "response-required", "version", "requested-acks", "historical-headers"}

// CompareHeaders compares those that must be as they are, where {{absent}}
// stands for one that must not be there, and refuses any that neither the
// command had nor Ditto writes by itself.
func (v Vars) CompareHeaders(want map[string]any, got map[string]any, sent map[string]any) error {
	for name, value := range want {
		inner, there := got[name]
		if err := v.compare("/headers/"+name, value, inner, there); err != nil {
			return err
		}
	}
	for name, value := range got {
		_, expected := want[name]
		_, came := sent[name]
		if !expected && !came && !slices.Contains(outward, name) {
			return fmt.Errorf("/headers/%s must not be there, and is %s", name, show(value))
		}
	}
	return nil
}
