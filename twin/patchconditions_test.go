package twin

import (
	"strconv"
	"strings"
	"testing"
)

func TestPartsOfAMergeDependOnConditions(t *testing.T) {
	const patch = `{"attributes":{"model":"L2"},"features":{"light":{"properties":{"on":false}},"bare":{"properties":{"a":1}}}}`
	for _, c := range []struct {
		name, path, value, conditions string
		drop                          bool
		told                          string // "": nothing happens
		after                         []string
	}{
		{"those that hold", "/", patch, `{"attributes/model":"eq(attributes/model,\"L1\")","/features/light":"exists(features/bare)"}`, false,
			patch, []string{`"L1" => "L2"`, `"on":true => "on":false`, `"bare":{} => "bare":{"properties":{"a":1}}`}},
		{"one that does not", "/", patch, `{"attributes/model":"eq(attributes/model,\"L3\")"}`, false,
			`{"attributes":{},"features":{"light":{"properties":{"on":false}},"bare":{"properties":{"a":1}}}}`,
			[]string{`"on":true => "on":false`, `"bare":{} => "bare":{"properties":{"a":1}}`}},
		{"emptied objects are dropped", "/", patch, `{"attributes/model":"eq(attributes/model,\"L3\")","features/bare/properties/a":"exists(attributes/x)"}`, true,
			`{"features":{"light":{"properties":{"on":false}}}}`, []string{`"on":true => "on":false`}},
		{"emptied objects are merged", "/features", `{"bare":{"properties":{"a":1}}}`, `{"bare/properties/a":"exists(attributes/x)"}`, false,
			`{"bare":{"properties":{}}}`, []string{`"bare":{} => "bare":{"properties":{}}`}},
		{"nothing is left", "/features", `{"bare":{"properties":{"a":1}}}`, `{"bare/properties/a":"exists(attributes/x)"}`, true, ``, nil},
		{"relative to the path", "/features", `{"light":{"properties":{"on":false}}}`, `{"light/properties/on":"eq(features/light/properties/on,false)"}`, false,
			`{"light":{"properties":{}}}`, nil},
		{"what is not in the patch", "/attributes", `{"model":"L2"}`, `{"x":"exists(attributes/x)"}`, false, `{"model":"L2"}`, []string{`"L1" => "L2"`}},
		{"a scalar", "/attributes/model", `"L2"`, `{"x":"exists(attributes/x)"}`, false, `"L2"`, []string{`"L1" => "L2"`}},
		{"with a pattern", "/attributes", `{"{{ ~no.*~ }}":null,"model":"L2"}`, `{"model":"exists(attributes/x)"}`, false,
			`{"{{ ~no.*~ }}":null}`, []string{`,"none":null => `}},
		{"a null", "/attributes", `{"model":null,"none":1}`, `{"model":"exists(attributes/x)"}`, true, `{"none":1}`, []string{`"none":null => "none":1`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, header := range []string{c.conditions, strconv.Quote(c.conditions)} { // an object, and the text of one
				w := newWorld(t, Options{DropEmptied: c.drop})
				w.must(lampID, "create", "/", lamp)
				envelope := strings.Replace(command(lampID, "merge", c.path, c.value), `"c1"`, `"c1","merge-thing-patch-conditions":`+header, 1)
				o := w.send(envelope)
				if o.Err != nil || o.Response.Status != 204 || o.Response.Value != nil {
					t.Fatalf("answered %s", o.Response.AppendJSON(nil))
				}
				want, wantRevision := lamp, uint64(2)
				for _, change := range c.after {
					old, new, _ := strings.Cut(change, " => ")
					want = strings.Replace(want, old, new, 1)
				}
				if c.told == "" {
					wantRevision = 1
					if len(o.Events) != 0 {
						t.Error("there is an event")
					}
				} else if text(o.Events[0].Value) != c.told {
					t.Errorf("told %s", text(o.Events[0].Value))
				}
				if got, revision := w.thing(lampID); got != want || revision != wantRevision {
					t.Errorf("the Thing is %d\n%s\nwant %d\n%s", revision, got, wantRevision, want)
				}
			}
		})
	}
}

func TestPatchConditionsThatAreNoneAreRefused(t *testing.T) {
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", lamp)
	for header, code := range map[string]string{
		`1`: "header.invalid", `"x"`: "header.invalid", `"[]"`: "header.invalid", `{"a":1}`: "header.invalid", `{"a":null}`: "header.invalid",
		`{"a//b":"exists(attributes)"}`: "header.invalid", `{"a":"eq("}`: "rql.expression.invalid", `{"a":""}`: "rql.expression.invalid",
	} {
		envelope := strings.Replace(command(lampID, "merge", "/attributes", `{"model":"L2"}`), `"c1"`, `"c1","merge-thing-patch-conditions":`+header, 1)
		if o := w.send(envelope); o.Err == nil || o.Err.Code != code {
			t.Errorf("%s: %v", header, o.Err)
		}
	}
	// They are for merges, and for what is there.
	for _, action := range []string{"modify", "merge"} {
		id := "org.acme:" + action
		envelope := strings.Replace(command(id, action, "/", `{"attributes":{"a":1}}`), `"c1"`, `"c1","merge-thing-patch-conditions":{"attributes":"exists(attributes/x)"}`, 1)
		if o := w.send(envelope); o.Err != nil {
			t.Error(o.Err)
		}
		if got, _ := w.thing(id); !strings.Contains(got, `{"a":1}`) {
			t.Errorf("%s made %s", action, got)
		}
	}
}
