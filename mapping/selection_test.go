package mapping

import (
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// lampAfter is org.acme:lamp after each of the events below.
func lampAfter(t testing.TB) *Thing {
	t.Helper()
	value, err := jsondoc.ParseString(`{"thingId":"org.acme:lamp","policyId":"org.acme:lamps","definition":"org.acme:lamp:1.0.0",` +
		`"attributes":{"location":"Kitchen","owner":{"name":"Ann","since":2019},"none":null},` +
		`"features":{"light":{"properties":{"level":50,"unit":"%"}},"fan":{"definition":["org.acme:fan:1.0.0"],"properties":{"level":3,"unit":"rpm"}},"bare":{}}}`)
	if err != nil {
		t.Fatal(err)
	}
	metadata, err := jsondoc.ParseString(`{"attributes":{"location":{"by":"door"}},"features":{"light":{"properties":{"level":{"by":"eye"}}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	return &Thing{Value: value, Metadata: metadata, Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

func selection(t testing.TB, filter, extraFields string) Selection {
	t.Helper()
	s, problems := CompileSelection(&SelectionConfig{Filter: filter, ExtraFields: extraFields})
	if len(problems) > 0 {
		t.Fatalf("%s %s: %v", filter, extraFields, problems)
	}
	return s
}

func timed(t testing.TB, action, path, value string) *protocol.Message {
	e := event(t, action, path, value)
	e.Timestamp = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	return e
}

// What a filter sees of an event: what the event tells, where it stands in the
// Thing, and nothing that it does not touch.
func TestFiltersSeeWhatAnEventTells(t *testing.T) {
	for _, tc := range []struct {
		name, action, path, value string
		yes, no                   []string
	}{
		{"a value", "modified", "/features/light/properties/level", `50`, []string{
			`gt(features/light/properties/level,49)`, `exists(features/light)`, `exists(features/*/properties/level)`, `eq(topic:action,"modified")`,
			`eq(resource:path,"/features/light/properties/level")`, `like(resource:path,"/features/*")`, `eq(resource:type,"thing")`, `empty(topic:subject)`,
			`eq(topic:full,"org.acme/lamp/things/twin/events/modified")`, `eq(topic:channel,"twin")`, `eq(feature:id,"light")`, `eq(thing:name,"lamp")`,
			`eq(thingId,"org.acme:lamp")`, `like(thingId,"org.acme:l*")`, `eq(_namespace,"org.acme")`, `eq(_revision,7)`, `eq(_modified,"2026-07-01T12:00:00Z")`,
			`lt(_modified,time:now)`, `gt(time:now,"2024")`, `not(exists(attributes/location))`, `ne(attributes/location,"Kitchen")`,
		}, []string{
			`gt(features/light/properties/level,50)`, `exists(features/fan)`, `exists(attributes/location)`, `eq(attributes/location,"Kitchen")`, `exists(policyId)`,
			`exists(_created)`, `exists(_metadata)`, `eq(features/*/properties/level,3)`, `exists(topic:subject)`,
		}},
		{"the whole Thing", "created", "/", `{"thingId":"org.acme:lamp","attributes":{"count":43}}`, []string{
			`gt(attributes/count,42)`, `and(in(topic:action,'created','deleted'),eq(resource:path,'/'))`, `empty(feature:id)`,
		}, []string{`gt(attributes/count,43)`}},
		{"a merge", "merged", "/", `{"attributes":{"x":5,"gone":null,"in":{"deep":null}},"features":{"f":null}}`, []string{
			`eq(attributes/x,5)`, `exists(attributes/in)`, `empty(attributes/in)`, `eq(topic:action,"merged")`,
		}, []string{`exists(attributes/gone)`, `exists(attributes/in/deep)`, `exists(features/f)`}},
		{"a null that is merged", "merged", "/attributes/x", `null`, []string{`exists(attributes/x)`, `empty(attributes/x)`}, []string{`eq(attributes/x,null)`}},
		{"a null that is a value", "modified", "/attributes/x", `null`, []string{`exists(attributes/x)`, `eq(attributes/x,null)`}, nil},
		{"a part is deleted", "deleted", "/attributes/x", ``, []string{`eq(topic:action,"deleted")`, `empty(attributes/x)`, `eq(thingId,"org.acme:lamp")`}, []string{`exists(attributes/x)`}},
		{"the Thing is deleted", "deleted", "/", ``, []string{`and(in(topic:action,'created','deleted'),eq(resource:path,'/'))`}, []string{`exists(attributes/location)`}},
		{"odd names", "modified", "/attributes/a~1b", `1`, []string{`eq(attributes/a~1b,1)`, `eq(resource:path,"/attributes/a~1b")`}, nil},
		{"a migration", "migrated", "/", `{"definition":"a:b:1","attributes":{"x":null,"y":1}}`, []string{`eq(definition,"a:b:1")`, `eq(attributes/y,1)`}, []string{`exists(attributes/x)`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, thing := timed(t, tc.action, tc.path, tc.value), lampAfter(t)
			for _, filter := range tc.yes {
				s := selection(t, filter, "")
				if extra, wanted := s.Select(e, thing); !wanted || extra != nil {
					t.Errorf("%s does not match: %s", filter, s.why(e, thing))
				}
			}
			for _, filter := range tc.no {
				s := selection(t, filter, "")
				if _, wanted := s.Select(e, thing); wanted {
					t.Errorf("%s matches: %s", filter, s.why(e, thing))
				}
			}
		})
	}
}

// What is told along, and what of it a filter sees.
func TestExtraFields(t *testing.T) {
	const level, ten = "/features/light/properties/level", `10`
	for _, tc := range []struct {
		name, action, path, value string
		fields, extra             string
		yes, no                   []string
	}{
		{"a field", "modified", level, ten, "attributes/location", `{"attributes":{"location":"Kitchen"}}`,
			[]string{`eq(attributes/location,"Kitchen")`, `and(eq(attributes/location,"Kitchen"),eq(features/light/properties/level,10))`},
			[]string{`exists(attributes/owner)`, `exists(policyId)`, `exists(_created)`}},
		{"what the event tells counts first", "modified", level, ten, "features/light", `{"features":{"light":{"properties":{"level":50,"unit":"%"}}}}`,
			[]string{`eq(features/light/properties/level,10)`, `eq(features/light/properties/unit,"%")`}, nil},
		{"parentheses", "modified", level, ten, "attributes(owner/name,location),policyId", `{"attributes":{"owner":{"name":"Ann"},"location":"Kitchen"},"policyId":"org.acme:lamps"}`,
			[]string{`eq(policyId,"org.acme:lamps")`, `eq(attributes/owner/name,"Ann")`}, []string{`exists(attributes/owner/since)`}},
		{"every Feature", "modified", level, ten, "features/*/properties/unit", `{"features":{"light":{"properties":{"unit":"%"}},"fan":{"properties":{"unit":"rpm"}}}}`,
			[]string{`eq(features/fan/properties/unit,"rpm")`, `eq(features/*/properties/unit,"rpm")`}, nil},
		{"fields that are not in the JSON", "modified", level, ten, "_revision,_modified,_created,_namespace,thingId",
			`{"_revision":7,"_modified":"2026-07-01T12:00:00Z","_created":"2026-01-02T03:04:05Z","_namespace":"org.acme","thingId":"org.acme:lamp"}`,
			[]string{`lt(_created,"2026-02")`}, nil},
		{"metadata", "modified", level, ten, "_metadata/attributes", `{"_metadata":{"attributes":{"location":{"by":"door"}}}}`,
			[]string{`eq(_metadata/attributes/location/by,"door")`}, []string{`exists(_metadata/features)`}},
		{"all metadata, once", "modified", level, ten, "_metadata/attributes,_metadata/features/*/properties", `{"_metadata":{"attributes":{"location":{"by":"door"}},"features":{"light":{"properties":{"level":{"by":"eye"}}}}}}`, nil, nil},
		{"what is not there", "modified", level, ten, "attributes/x,features/none", ``, []string{`eq(topic:action,"modified")`}, []string{`exists(attributes/x)`}},
		{"some is not there", "modified", level, ten, "attributes/x,definition", `{"definition":"org.acme:lamp:1.0.0"}`, nil, nil},
		{"a null", "modified", "/attributes/none", `null`, "attributes/none", `{"attributes":{"none":null}}`, []string{`eq(attributes/none,null)`}, nil},
		{"the Feature of the event", "modified", level, ten, "features/{{ feature:id }}/properties/unit", `{"features":{"light":{"properties":{"unit":"%"}}}}`,
			[]string{`eq(features/light/properties/unit,"%")`}, []string{`exists(features/fan)`}},
		{"no Feature in the event", "modified", "/attributes/x", `1`, "features/{{feature:id}}/properties/unit,attributes/location", `{"attributes":{"location":"Kitchen"}}`, nil, nil},
		{"nothing but such a field", "modified", "/attributes/x", `1`, "features/{{feature:id}}/properties/unit", ``, nil, []string{`exists(features/light)`}},
		{"functions", "modified", "/attributes/x", `1`, "features/{{ feature:id | fn:default('fan') }}/properties/unit", `{"features":{"fan":{"properties":{"unit":"rpm"}}}}`, nil, nil},
		{"the place of the event", "modified", level, ten, "{{ resource:path | fn:substring-after('/') }},_revision", `{"features":{"light":{"properties":{"level":50}}},"_revision":7}`, nil, nil},
		{"a header", "modified", level, ten, "attributes/{{ header:part }}", `{"attributes":{"location":"Kitchen"}}`, nil, nil},
		{"the Feature of an event of several", "merged", "/", `{"features":{"fan":{"properties":{"level":1}},"light":{}}}`, "features/{{ feature:id }}/definition", `{"features":{"fan":{"definition":["org.acme:fan:1.0.0"]}}}`, nil, nil},
		{"a part is deleted", "deleted", "/attributes/x", ``, "attributes/location", `{"attributes":{"location":"Kitchen"}}`,
			[]string{`and(eq(topic:action,"deleted"),eq(attributes/location,"Kitchen"))`}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, thing := timed(t, tc.action, tc.path, tc.value), lampAfter(t)
			e.Headers.SetString("part", "location")
			plain := selection(t, "", tc.fields)
			extra, wanted := plain.Select(e, thing)
			got := ""
			if extra != nil {
				got = extra.String()
			}
			if got != tc.extra || !wanted {
				t.Errorf("extra is %s, want %s", got, tc.extra)
			}
			for want, filters := range map[bool][]string{true: tc.yes, false: tc.no} {
				for _, filter := range filters {
					s := selection(t, filter, tc.fields)
					if _, wanted := s.Select(e, thing); wanted != want {
						t.Errorf("%s: %v; %s", filter, wanted, s.why(e, thing))
					}
				}
			}
		})
	}
}

func TestExtraFieldsOfADeletedThingAreWhatTheEventKnows(t *testing.T) {
	s := selection(t, "", "thingId,attributes,policyId,_revision,_created,_metadata")
	extra, _ := s.Select(timed(t, "deleted", "/", ""), &Thing{})
	if got, want := extra.String(), `{"thingId":"org.acme:lamp","_revision":7}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestExtraFieldsThatASignalDoesNotKnowAreLeftOut(t *testing.T) {
	s := selection(t, "", "_revision,_modified,_created,_metadata,_namespace")
	e := event(t, "modified", "/attributes/x", "1")
	e.Revision = 0
	extra, _ := s.Select(e, &Thing{Value: lampAfter(t).Value})
	if got, want := extra.String(), `{"_namespace":"org.acme"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Messages and live commands tell nothing of the Thing.
func TestSelectionsOfMessages(t *testing.T) {
	m := &protocol.Message{Topic: protocol.Topic{Namespace: "org.acme", Name: "lamp", Group: protocol.Things, Channel: protocol.Live, Criterion: protocol.Messages, Action: "ask/me"},
		Path: jsondoc.Pointer{"inbox", "messages", "ask"}}
	for filter, want := range map[string]bool{
		`eq(topic:subject,"ask/me")`: true, `eq(resource:type,"message")`: true, `empty(topic:action)`: true, `eq(thing:id,"org.acme:lamp")`: true,
		`eq(thingId,"org.acme:lamp")`: false, `eq(attributes/location,"Kitchen")`: false,
	} {
		s := selection(t, filter, "")
		if _, wanted := s.Select(m, lampAfter(t)); wanted != want {
			t.Errorf("%s: %v", filter, wanted)
		}
		s = selection(t, `and(eq(thingId,"org.acme:lamp"),eq(attributes/location,"Kitchen"))`, "thingId,attributes")
		if _, wanted := s.Select(m, lampAfter(t)); !wanted {
			t.Error("extra fields are not seen")
		}
	}
}

func TestSelectionProblems(t *testing.T) {
	for _, tc := range []struct{ filter, fields, path, says string }{
		{"exists(", "", ".filter", `RQL at character 8: the text ends where a property should be`},
		{"eq(foo,1)", "", ".filter", `RQL at character 4: no property "foo"`},
		{"eq(topic:nothing,1)", "", ".filter", `RQL at character 4: no property "topic:nothing"`},
		{"eq(attributes/{{ feature:id }},1) ", "", ".filter", "' ' behind the end"},
		{"", ",", ".extraFields", "names no field"},
		{"", "attributes(a", ".extraFields", "field selector at character 11: this parenthesis is not closed"},
		{"", "attributes/a,nothing/b", ".extraFields", `field selector at character 14: a Thing has no field "nothing": there are thingId, policyId`},
		{"", "attributes(nothing,b),/nothing", ".extraFields", `field selector at character 23: a Thing has no field "nothing"`},
		{"", "thingId, attributes/a", ".extraFields", `at character 9: the field " attributes" begins or ends with white space`},
		{"", "policyId/a", ".extraFields", "at character 1: policyId has nothing below it"},
		{"", "_policy", ".extraFields", "_policy is not told with signals"},
		{"", "attributes/{{ time:then }}", ".extraFields", "has {{ time:then }}"},
		{"", "attributes/{{ thing }}", ".extraFields", "there is no such capture; known are feature:id"},
		{"", "attributes/{{ payload:/x }}", ".extraFields", "no such placeholder here"},
		{"", "features/{{ feature:id | fn:nothing() }}", ".extraFields", "fn:nothing"},
	} {
		_, problems := CompileSelection(&SelectionConfig{Filter: tc.filter, ExtraFields: tc.fields})
		if len(problems) != 1 || problems[0].Path != tc.path || !strings.Contains(problems[0].Text, tc.says) {
			t.Errorf("%s%s: %v, want %s", tc.filter, tc.fields, problems, tc.says)
		}
	}
}

func FuzzSelection(f *testing.F) {
	f.Add(`and(eq(attributes/location,"Kitchen"),exists(features/*))`, "attributes(location,owner),features/{{ feature:id }}/properties,_metadata", byte(2), "/", `{"features":{"a":null}}`)
	f.Add(`exists(_created)`, "_created,{{ resource:path }}", byte(3), "/attributes", `1`)
	f.Add(``, "{{ header:x | fn:default('features/*/x') }},_revision", byte(1), "/features", `null`)
	actions := []string{"created", "modified", "merged", "deleted", "migrated"}
	thing := lampAfter(f)
	f.Fuzz(func(t *testing.T, filter, fields string, action byte, at, value string) {
		s, problems := CompileSelection(&SelectionConfig{Filter: filter, ExtraFields: fields})
		pointer, err := jsondoc.ParsePointer(at)
		if len(problems) > 0 || err != nil {
			return
		}
		e := event(t, actions[action%5], "", "")
		e.Path = pointer
		if e.Value, err = jsondoc.ParseString(value); err != nil {
			return
		}
		for _, thing := range []*Thing{thing, {}} {
			extra, wanted := s.Select(e, thing)
			if extra != nil && (extra.Kind() != jsondoc.KindObject || extra.Len() == 0) {
				t.Errorf("extra is %s", extra)
			}
			if s.filter != nil && s.why(e, thing) == "" {
				t.Errorf("nobody knows why it is %v", wanted)
			}
		}
	})
}
