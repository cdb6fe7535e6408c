package protocol

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Whatever the value of a header is: it is refused by name, or it can be read;
// a text does what the value does of which it is the text; and nothing goes out
// that must not.
func FuzzHeaders(f *testing.F) {
	names := slices.Sorted(maps.Keys(headerRules))
	for i, name := range names {
		f.Add(uint8(i), name, `true`)
	}
	for _, value := range []string{`"\"rev:1\", W/\"x\",*"`, `["abc",1]`, `[{"key":"*/a","value":1}]`, `"[{\"key\":\"a\",\"value\":null}]"`,
		`"2022-10-24T07:11Z"`, `{"a/b":"eq(x,1)"}`, `-7`, `"250ms"`, `" Skip "`, `2.0`, `"a(b),*/c"`, `null`, `0`} {
		for i := range names {
			f.Add(uint8(i), "Own-Header", value)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, own, value string) {
		name := names[int(which)%len(names)]
		v, err := jsondoc.ParseString(value)
		if err != nil || own == "" || v.IsNull() {
			return
		}
		admit := func(v *jsondoc.Value) (Headers, *Error) {
			var h Headers
			h.Set(own, jsondoc.String(value))
			h.Set(strings.ToUpper(name), v)
			return h, h.Admit()
		}
		h, refused := admit(v)
		if refused != nil {
			if refused.Status != 400 || !strings.Contains(refused.Message, strings.ToUpper(name)) && !strings.Contains(refused.Message, own) &&
				!strings.Contains(refused.Message, name) || refused.Description == "" {
				t.Fatalf("%s %s: %v", name, value, refused)
			}
			return
		}
		if _, is := v.Text(); !is {
			if _, refused := admit(jsondoc.String(v.String())); refused != nil {
				t.Fatalf("%s is taken as %s, and not as text: %v", name, value, refused)
			}
		}
		for _, key := range []string{name, own} {
			if _, there := h.Get(key); there && !RuleOf(strings.ToLower(key)).In {
				t.Fatalf("%s is admitted", key)
			}
		}
		// What was admitted is read without complaint.
		if _, err := h.At(); err != nil {
			t.Fatalf("%s %s: %v", name, value, err)
		}
		if _, err := h.PatchConditions(); err != nil {
			t.Fatalf("%s %s: %v", name, value, err)
		}
		h.MetadataToPut()
		h.MetadataFields(HeaderGetMetadata)
		outward := h.Outward()
		for key := range outward.All() {
			if !RuleOf(strings.ToLower(key)).Out {
				t.Fatalf("%s goes out", key)
			}
		}
		h.Correlate()
		if h.CorrelationID() == "" {
			t.Fatalf("%s %s: the correlation-id is empty", name, value)
		}
		printed := h.AppendJSON(nil)
		if _, err := jsondoc.Parse(printed, jsondoc.Limits{Depth: 1000}); err != nil {
			t.Fatalf("%s cannot be read: %v", printed, err)
		}
	})
}
