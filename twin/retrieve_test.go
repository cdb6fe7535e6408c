package twin

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRetrieve(t *testing.T) {
	with := func(fields string) string { return `"fields":"` + fields + `",` }
	for _, tc := range []struct {
		name, thing, fields, path string
		status                    int
		answer                    string // the value, or the code of the error
	}{
		{"a Thing", lamp, "", "/", 200, lamp},
		{"a Thing by an empty path", lamp, "", "", 200, lamp},
		{"no Thing", "", "", "/", 404, "things:thing.notfound"},
		{"the ID", lamp, "", "/thingId", 200, `"org.acme:lamp"`},
		{"the Policy ID", lamp, "", "/policyId", 200, `"org.acme:lamp"`},
		{"the definition", lamp, "", "/definition", 200, `"org.acme:lamp:1.0.0"`},
		{"no definition", naked, "", "/definition", 404, "things:definition.notfound"},
		{"the attributes", lamp, "", "/attributes", 200, `{"model":"L1","place":{"lat":1.50,"lon":2},"none":null}`},
		{"no attributes", naked, "", "/attributes", 404, "things:attributes.notfound"},
		{"an attribute", lamp, "", "/attributes/place/lat", 200, `1.50`},
		{"an attribute without the first slash", lamp, "", "attributes/place/lat", 200, `1.50`},
		{"an attribute that is null", lamp, "", "/attributes/none", 200, `null`},
		{"no attribute", lamp, "", "/attributes/x", 404, "things:attribute.notfound"},
		{"no attribute inside a text", lamp, "", "/attributes/model/x", 404, "things:attribute.notfound"},
		{"an attribute of no attributes", naked, "", "/attributes/x", 404, "things:attributes.notfound"},
		{"the features", lamp, "", "/features", 200, lamp[strings.Index(lamp, `{"light"`) : len(lamp)-1]},
		{"no features", naked, "", "/features", 404, "things:features.notfound"},
		{"a Feature", lamp, "", "/features/bare", 200, `{}`},
		{"no Feature", lamp, "", "/features/x", 404, "things:feature.notfound"},
		{"a Feature of no features", naked, "", "/features/x", 404, "things:feature.notfound"},
		{"a Feature's definition", lamp, "", "/features/light/definition", 200, `["org.acme:light:1.0.0"]`},
		{"no Feature's definition", lamp, "", "/features/bare/definition", 404, "things:feature.definition.notfound"},
		{"the definition of no Feature", lamp, "", "/features/x/definition", 404, "things:feature.notfound"},
		{"properties", lamp, "", "/features/light/properties", 200, `{"on":true,"color":{"r":1}}`},
		{"no properties", lamp, "", "/features/bare/properties", 404, "things:feature.properties.notfound"},
		{"a property", lamp, "", "/features/light/properties/color/r", 200, `1`},
		{"no property", lamp, "", "/features/light/properties/x", 404, "things:feature.property.notfound"},
		{"a property of no properties", lamp, "", "/features/bare/properties/x", 404, "things:feature.properties.notfound"},
		{"a property of no Feature", lamp, "", "/features/x/properties/x", 404, "things:feature.notfound"},
		{"desired properties", lamp, "", "/features/light/desiredProperties", 200, `{"on":false}`},
		{"no desired properties", lamp, "", "/features/bare/desiredProperties", 404, "things:feature.desiredProperties.notfound"},
		{"a desired property", lamp, "", "/features/light/desiredProperties/on", 200, `false`},
		{"no desired property", lamp, "", "/features/light/desiredProperties/x", 404, "things:feature.desiredProperty.notfound"},
		{"a desired property of no Feature", lamp, "", "/features/x/desiredProperties/x", 404, "things:feature.notfound"},
		{"a path that nothing has", lamp, "", "/x", 400, "protocoladapter:unknown.path"},
		{"a forbidden key", lamp, "", "/attributes/a~1b", 400, "json.key.invalid"},

		{"fields", lamp, "thingId,attributes(model,place/lat)", "/", 200, `{"thingId":"org.acme:lamp","attributes":{"model":"L1","place":{"lat":1.50}}}`},
		{"fields of all features", lamp, "features/*/properties/on", "/", 200, `{"features":{"light":{"properties":{"on":true}}}}`},
		{"fields that are not there", lamp, "attributes/x", "/", 200, `{}`},
		{"fields that only those get who ask", lamp, "_revision,_namespace", "/", 200, `{"_revision":1,"_namespace":"org.acme"}`},
		{"the same field twice", lamp, "_revision,_revision/x,thingId", "/", 200, `{"_revision":1,"thingId":"org.acme:lamp"}`},
		{"fields of attributes", lamp, "place/lon", "/attributes", 200, `{"place":{"lon":2}}`},
		{"fields of features", lamp, "light/desiredProperties", "/features", 200, `{"light":{"desiredProperties":{"on":false}}}`},
		{"fields of all of features", lamp, "*/properties/on", "/features", 200, `{"light":{"properties":{"on":true}}}`},
		{"fields of a Feature", lamp, "properties(on)", "/features/light", 200, `{"properties":{"on":true}}`},
		{"fields of properties", lamp, "color", "/features/light/properties", 200, `{"color":{"r":1}}`},
		{"fields of a property count for nothing", lamp, "r", "/features/light/properties/color", 200, `{"r":1}`},
		{"fields that are none", lamp, "a(b", "/", 400, "json.fieldselector.invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			id := lampID
			if tc.thing == naked {
				id = nakedID
			}
			if tc.thing != "" {
				w.must(id, "create", "/", tc.thing)
			}
			envelope := command(id, "retrieve", tc.path, "")
			o := w.send("{" + with(tc.fields) + envelope[1:])
			if o.Response == nil || o.Response.Status != tc.status {
				t.Fatalf("answered %s", o.Response.AppendJSON(nil))
			}
			answer := text(o.Response.Value)
			if o.Err != nil {
				answer = o.Err.Code
			}
			if answer != tc.answer {
				t.Errorf("answered %s, want %s", answer, tc.answer)
			}
			if len(o.Events) != 0 || o.Before != nil || o.After != nil {
				t.Error("a retrieve has consequences")
			}
		})
	}
}

func TestRetrieveShowsWhenAThingWasMadeAndModified(t *testing.T) {
	now := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	o := Options{}
	o.Store.Clock = func() time.Time { return now }
	w := newWorld(t, o)
	made := w.must(lampID, "create", "/", `{}`).Events[0].Timestamp
	now = now.Add(time.Hour)
	modified := w.must(lampID, "modify", "/attributes", `{}`).Events[0].Timestamp
	if got := modified.Sub(made); got < time.Hour || got > time.Hour+time.Second {
		t.Fatalf("made %v, modified %v", made, modified)
	}
	envelope := command(lampID, "retrieve", "/", "")
	got := text(w.send(`{"fields":"_created,_modified",` + envelope[1:]).Response.Value)
	want := fmt.Sprintf(`{"_created":"%s","_modified":"%s"}`, made.Format(time.RFC3339Nano), modified.Format(time.RFC3339Nano))
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRetrieveOfManyThings(t *testing.T) {
	w := newWorld(t, Options{})
	w.must("org.acme:a", "create", "/", `{"attributes":{"n":1}}`)
	w.must("org.acme:b", "create", "/", `{"attributes":{"n":2}}`)
	w.must("org.other:c", "create", "/", `{"attributes":{"n":3}}`)
	w.must("org.acme:gone", "create", "/", `{}`)
	w.must("org.acme:gone", "delete", "/", "")
	for _, tc := range []struct{ name, topic, more, value, answer string }{
		{"of any namespace, in the question's order, without those that are not there", "_/_", `,"fields":"attributes/n"`,
			`{"thingIds":["org.other:c","org.acme:x","org.acme:gone","org.acme:a"]}`, `[{"attributes":{"n":3}},{"attributes":{"n":1}}]`},
		{"of one namespace", "org.acme/_", `,"fields":"thingId"`, `{"thingIds":["org.acme:b","org.acme:a"]}`,
			`[{"thingId":"org.acme:b"},{"thingId":"org.acme:a"}]`},
		{"whole", "_/_", ``, `{"thingIds":["org.acme:a"]}`, `[{"thingId":"org.acme:a","policyId":"org.acme:a","attributes":{"n":1}}]`},
		{"none of which is there", "_/_", ``, `{"thingIds":["org.acme:x"]}`, `[]`},
		{"of another namespace", "org.acme/_", ``, `{"thingIds":["org.other:c"]}`, "json.format.invalid"},
		{"none", "_/_", ``, `{"thingIds":[]}`, "things:things.ids.missing"},
		{"without thingIds", "_/_", ``, `{}`, "json.format.invalid"},
		{"with thingIds that are none", "_/_", ``, `{"thingIds":[1]}`, "json.format.invalid"},
		{"with an ID that is none", "_/_", ``, `{"thingIds":["x"]}`, "things:id.invalid"},
		{"with fields that are none", "_/_", `,"fields":"("`, `{"thingIds":["org.acme:a"]}`, "json.fieldselector.invalid"},
		{"without a value", "_/_", ``, ``, "json.invalid"},
		{"of a part", "_/_", `,"path":"/attributes"`, `{"thingIds":["org.acme:a"]}`, "protocoladapter:unknown.topicpath"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if !strings.Contains(tc.more, `"path"`) {
				tc.more += `,"path":"/"`
			}
			if tc.value != "" {
				tc.more += `,"value":` + tc.value
			}
			topic := tc.topic + "/things/twin/commands/retrieve"
			o := w.send(`{"topic":"` + topic + `","headers":{"correlation-id":"c1"}` + tc.more + `}`)
			answer := text(o.Response.Value)
			if o.Err != nil {
				answer = o.Err.Code
			} else if o.Response.Topic.String() != topic || o.Response.Status != 200 || o.Response.Headers.CorrelationID() != "c1" {
				t.Errorf("answered %s", o.Response.AppendJSON(nil))
			}
			if answer != tc.answer {
				t.Errorf("answered %s, want %s", answer, tc.answer)
			}
		})
	}
}

func TestRetrieveOfManyThingsIsBounded(t *testing.T) {
	w := newWorld(t, Options{ThingSize: -1})
	w.must(lampID, "create", "/", `{"attributes":{"a":"`+strings.Repeat("x", answerSize/10)+`"}}`)
	ask := func(times int, fields string) *Outcome {
		ids := strings.Repeat(`,"`+lampID+`"`, times)[1:]
		return w.send(`{"topic":"_/_/things/twin/commands/retrieve","path":"/","fields":"` + fields + `","value":{"thingIds":[` + ids + `]}}`)
	}
	if o := ask(9, ""); o.Err != nil || o.Response.Value.Len() != 9 {
		t.Errorf("%+v", o.Err)
	}
	if o := ask(10, ""); o.Err == nil || o.Err.Status != 413 {
		t.Errorf("%+v", o.Err)
	}
	if o := ask(1000, "thingId"); o.Err != nil || o.Response.Value.Len() != 1000 {
		t.Errorf("%+v", o.Err)
	}
}

func TestListGoesThroughThingsInOrder(t *testing.T) {
	w := newWorld(t, Options{})
	for _, id := range []string{"a:2", "a:1", "a-b:1", "b:1", "a.c:1"} {
		w.must(id, "create", "/", `{}`)
	}
	w.must("b:1", "delete", "/", "")
	for _, tc := range []struct {
		namespaces []string
		after      string
		n          int
		want       string
	}{
		{nil, "", 10, "[a-b:1 a.c:1 a:1 a:2]"},
		{nil, "a:1", 10, "[a:2]"},
		{nil, "", 2, "[a-b:1 a.c:1]"},
		{[]string{"a"}, "", 10, "[a:1 a:2]"},
		{[]string{"a", "a-b", "a"}, "", 2, "[a-b:1 a:1]"},
		{[]string{"a", "a-b"}, "a-b:1", 10, "[a:1 a:2]"},
		{[]string{"x"}, "", 10, "[]"},
	} {
		got, err := w.List(tc.namespaces, tc.after, tc.n)
		if err != nil || fmt.Sprint(got) != tc.want {
			t.Errorf("%v after %q: %v, %v; want %s", tc.namespaces, tc.after, got, err, tc.want)
		}
	}
}

func TestSnapshot(t *testing.T) {
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", lamp)
	w.must(lampID, "modify", "/attributes/model", `"L2"`)
	got := make(chan *Snapshot, 1)
	take := func(s *Snapshot, err error) {
		if err != nil {
			t.Error(err)
		}
		got <- s
	}
	w.Snapshot(lampID, take)
	if s := <-got; s == nil || s.ID != lampID || s.Revision != 2 || !s.Modified.After(s.Created) || !strings.Contains(s.Thing.String(), "L2") {
		t.Errorf("%+v", s)
	}
	w.Snapshot("org.acme:nobody", take)
	if s := <-got; s != nil {
		t.Errorf("%+v", s)
	}
}
