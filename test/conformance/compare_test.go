package conformance

import (
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

func TestCompare(t *testing.T) {
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	for _, tc := range []struct{ want, got, wrong string }{ // wrong: a part of what is told; "" where they are the same
		{`{"a":1,"b":[true,null]}`, `{"b":[true,null],"a":1}`, ""},
		{`{"a":1}`, `{"a":1.0}`, "/a is 1.0, and must be 1"},
		{`{"a":1}`, `{"a":1,"b":2}`, "/b must not be there"},
		{`{"a":1,"b":null}`, `{"a":1}`, "/b is not there"},
		{`{"a":{"b":"x"}}`, `{"a":{"b":"y"}}`, `/a/b is "y", and must be "x"`},
		{`[1,2]`, `[2,1]`, "/0 is 2"},
		{`[1]`, `[1,2]`, "it is [1,2]"},
		{`{}`, `[]`, "it is []"},
		{`{"a":"{{any}}"}`, `{"a":null}`, ""},
		{`{"a":"{{any}}"}`, `{}`, "/a: it is not there"},
		{`{"a":"{{maybe}}"}`, `{}`, ""},
		{`{"a":"{{absent}}"}`, `{}`, ""},
		{`{"a":"{{absent}}"}`, `{"a":1}`, "/a: it is 1"},
		{`"{{text}}"`, `"x"`, ""},
		{`"{{text}}"`, `""`, "must be {{text}}"},
		{`"{{number}}"`, `1e3`, ""},
		{`"{{number}}"`, `"1"`, "must be {{number}}"},
		{`"{{match:a+}}"`, `"aa"`, ""},
		{`"{{match:a+}}"`, `"ab"`, "must be {{match:a+}}"},
		{`"{{time}}"`, `"` + now + `"`, ""},
		{`"{{time}}"`, `"2001-01-01T00:00:00Z"`, "must be {{time}}"},
		{`"{{time}}"`, `"` + strings.Replace(now, "Z", "1Z", 1) + `"`, "must be {{time}}"},
		{`"{{ ~x~ }}"`, `"{{ ~x~ }}"`, ""},
		{`1`, `x`, "it is not JSON"},
	} {
		err := Vars{}.Compare(tc.want, tc.got)
		if tc.wrong == "" && err != nil || tc.wrong != "" && (err == nil || !strings.Contains(err.Error(), tc.wrong)) {
			t.Errorf("%s with %s: %v, want %q", tc.got, tc.want, err, tc.wrong)
		}
	}
}

func TestHeadersThatNobodyKnowsAreRefused(t *testing.T) {
	want, sent := map[string]any{"a": "x", "b": "{{absent}}"}, map[string]any{"own": "1"}
	for _, tc := range []struct {
		got   map[string]any
		wrong string
	}{
		{map[string]any{"a": "x", "own": "1", "etag": "e"}, ""},
		{map[string]any{"a": "y"}, "/headers/a"},
		{map[string]any{}, "/headers/a"},
		{map[string]any{"a": "x", "b": "1"}, "/headers/b"},
		{map[string]any{"a": "x", "ditto-secret": "1"}, "/headers/ditto-secret"},
	} {
		err := Vars{}.CompareHeaders(want, tc.got, sent)
		if tc.wrong == "" && err != nil || tc.wrong != "" && (err == nil || !strings.Contains(err.Error(), tc.wrong)) {
			t.Errorf("%v: %v, want %q", tc.got, err, tc.wrong)
		}
	}
}

func TestWhatIsKeptIsUsedAfterwards(t *testing.T) {
	v := Vars{}
	if err := v.Compare(`{"etag":"{{keep:tag}}"}`, `{"etag":"\"rev:1\""}`); err != nil {
		t.Fatal(err)
	}
	if got := v.Fill("{{tag}} {{other}}"); got != `"rev:1" {{other}}` {
		t.Errorf("got %s", got)
	}
}

func TestValuesAreSentAsTheyStandInTheFile(t *testing.T) {
	const want = `{"b":1.50,"a":[1e3,true,null,"x y","1","2021-08-10T15:07:20.398Z"],"{{ ~x~ }}":"org.acme:t"}`
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(`{b: 1.50, a: [1e3, true, null, x y, "1", 2021-08-10T15:07:20.398Z], "{{ ~x~ }}": "{{thing}}"}`), &n); err != nil {
		t.Fatal(err)
	}
	if got, err := (Vars{"thing": "org.acme:t"}).JSON(n.Content[0]); err != nil || got != want {
		t.Errorf("got %s %v, want %s", got, err, want)
	}
	if err := yaml.Unmarshal([]byte(`0x10`), &n); err != nil {
		t.Fatal(err)
	}
	if got, err := (Vars{}).JSON(n.Content[0]); err == nil {
		t.Errorf("0x10 is sent as %s", got)
	}
}
