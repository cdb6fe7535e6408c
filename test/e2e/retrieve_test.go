package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

func TestFieldsSelectWhatIsRetrieved(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		a := newApp(t, b, version, harness.Connect{})
		id := fmt.Sprintf("fields:v%d", version)
		a.must(id, "create", "/", strings.ReplaceAll(full, "%[1]s", id))
		for _, c := range []struct{ path, fields, want string }{
			{"/", "thingId", `{"thingId":"` + id + `"}`},
			{"/", "thingId,attributes/model", `{"thingId":"` + id + `","attributes":{"model":"L1"}}`},
			{"/", "attributes(model,place(lon))", `{"attributes":{"model":"L1","place":{"lon":2}}}`},
			{"/", "attributes(model,place/lon),definition", `{"attributes":{"model":"L1","place":{"lon":2}},"definition":"org.acme:lamp:1.0.0"}`},
			{"/", "features/*/properties/on", `{"features":{"light":{"properties":{"on":true}}}}`},
			{"/", "features/light(properties(on),desiredProperties/color)", `{"features":{"light":{"properties":{"on":true},"desiredProperties":{"color":{"r":9}}}}}`},
			{"/", "_revision,_namespace", `{"_revision":1,"_namespace":"fields"}`},
			{"/", "attributes/none", `{}`},
			{"/attributes", "place/lat", `{"place":{"lat":1.5}}`},
			{"/features", "light/definition", `{"light":{"definition":["org.acme:light:1.0.0"]}}`},
			{"/features/light", "properties/on", `{"properties":{"on":true}}`},
			{"/features/light/properties", "color", `{"color":{"r":1}}`},
		} {
			e := a.must(id, "retrieve", c.path, "", fmt.Sprintf(`"fields":%q`, c.fields))
			wantValue(t, c.path+" with fields "+c.fields, e.Value, c.want)
		}
		e := a.command(id, "retrieve", "/", "", `"fields":"a(b"`)
		e.wantError(t, 400, "json.fieldselector.invalid", e.correlation())
	})
}

func TestManyThingsAreRetrievedAtOnce(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	a := newApp(t, b, 5, harness.Connect{})
	for _, id := range []string{"many.a:1", "many.a:2", "many.b:1"} {
		a.must(id, "create", "/", `{"attributes":{"id":"`+id+`"}}`)
	}
	versions(t, func(t *testing.T, version byte) {
		a := newApp(t, b, version, harness.Connect{})
		for _, c := range []struct {
			name, topic, value, fields, want string
			status                           int
		}{
			{"of any namespace", "_:_", `{"thingIds":["many.b:1","many.a:1"]}`, "thingId", `[{"thingId":"many.b:1"},{"thingId":"many.a:1"}]`, 200},
			{"whole", "_:_", `{"thingIds":["many.a:2"]}`, "", `[{"thingId":"many.a:2","policyId":"many.a:2","attributes":{"id":"many.a:2"}}]`, 200},
			{"of one namespace", "many.a:_", `{"thingIds":["many.a:1","many.a:2"]}`, "attributes", `[{"attributes":{"id":"many.a:1"}},{"attributes":{"id":"many.a:2"}}]`, 200},
			{"some of which are not there", "_:_", `{"thingIds":["many.c:1","many.a:1"]}`, "thingId", `[{"thingId":"many.a:1"}]`, 200},
			{"none of which is there", "_:_", `{"thingIds":["many.c:1"]}`, "thingId", `[]`, 200},
			{"of another namespace than the topic's", "many.a:_", `{"thingIds":["many.b:1"]}`, "thingId", "json.format.invalid", 400},
			{"with no IDs", "_:_", `{"thingIds":[]}`, "", "things:things.ids.missing", 400},
			{"with an ID that is none", "_:_", `{"thingIds":["one"]}`, "", "things:id.invalid", 400},
			{"without a value", "_:_", ``, "", "json.invalid", 400},
		} {
			t.Run(c.name, func(t *testing.T) {
				var more []string
				if c.fields != "" {
					more = append(more, `"fields":"`+c.fields+`"`)
				}
				e := a.in(t).command(c.topic, "retrieve", "/", c.value, more...)
				if c.status != 200 {
					e.wantError(t, c.status, c.want, e.correlation())
					return
				}
				wantValue(t, "the response", e.Value, c.want)
				if want := topicOf(c.topic) + "/things/twin/commands/retrieve"; e.Topic != want || e.Status != 200 {
					t.Errorf("answered with status %d and topic %s, want %s", e.Status, e.Topic, want)
				}
			})
		}
	})
}

func TestNamesThatMQTTTopicsCannotCarryArePercentEncoded(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		a := newApp(t, b, version, harness.Connect{})
		ns := fmt.Sprintf("names.v%d", version)
		for _, c := range []struct{ name, level string }{
			{"plain", "plain"}, {"50%", "50%25"}, {"a+b", "a%2Bb"}, {"c#", "c%23"}, {"%2B", "%252B"},
			{"with space", "with space"}, {`"quoted"`, `"quoted"`}, {"a:b:c", "a:b:c"}, {"$x", "$x"}, {"(){}!*'&=~", "(){}!*'&=~"},
		} {
			t.Run(c.name, func(t *testing.T) {
				a := a.in(t)
				base := "ditto/" + ns + "/" + c.level + "/things/twin/"
				a.Subscribe(base + "events/#")
				err := a.Publish(base+"commands/create", `{"path":"/","value":{},"headers":{"correlation-id":"n"}}`, 1)
				if err != nil {
					t.Error(err)
				}
				e := a.answer("n")
				topic := ns + "/" + c.name + "/things/twin/"
				if e.Status != 201 || e.Topic != topic+"commands/create" || !strings.Contains(string(e.Value), fmt.Sprintf("%q", ns+":"+c.name)) {
					t.Errorf("answered with %d, topic %s and value %s", e.Status, e.Topic, e.Value)
				}
				m := a.Wait(base + "events/created")
				if e := read(t, m); e.Topic != topic+"events/created" {
					t.Errorf("told with topic %s, want %s", e.Topic, topic+"events/created")
				}
			})
		}
		t.Run("lower-case digits of percent-encoding are taken too", func(t *testing.T) {
			a := a.in(t)
			_ = a.Publish("ditto/"+ns+"/a%2bb/things/twin/commands/retrieve", `{"path":"/thingId","headers":{"correlation-id":"n"}}`, 1)
			e := a.answer("n")
			wantValue(t, "the response", e.Value, `"`+ns+`:a+b"`)
		})
	})
}

func TestNumbersKeepTheirDigitsAndObjectsTheirOrder(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	a := newApp(t, b, 5, harness.Connect{})
	const text = `{"z":23.420,"a":1e3,"big":9007199254740993,"long":0.1000000000000000055511151231257827,"neg":-0,"m":[1.0,{"y":"\u00e9\/","b":null}]}`
	a.must("digits:a", "create", "/", `{"attributes":`+text+`}`)
	a.Subscribe("ditto/digits/#")
	for _, where := range []string{"while it runs", "after it was killed"} {
		if e := a.must("digits:a", "retrieve", "/attributes", ""); string(e.Value) != text {
			t.Errorf("%s: retrieved %s, want %s", where, e.Value, text)
		}
		b.Kill()
		b.Restart()
		a = newApp(t, b, 5, harness.Connect{})
	}
	a.Subscribe("ditto/digits/#")
	a.must("digits:a", "modify", "/attributes", text)
	if m := a.Wait("ditto/digits/a/things/twin/events/modified"); !strings.Contains(m.Payload, `"value":`+text) {
		t.Errorf("told %s", m.Payload)
	}
}

func TestWhatIsAcknowledgedIsThereAfterSIGKILLAndRevisionsGoOn(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions := map[string]string{}
	a := newApp(t, b, 4, harness.Connect{})
	for n := range 5 {
		id := fmt.Sprintf("kept:%d", n)
		a.must(id, "create", "/", fmt.Sprintf(`{"attributes":{"n":%d}}`, n))
		for range n {
			a.must(id, "merge", "/attributes", `{"more":1}`)
		}
		versions[id], _ = a.state(id)
	}
	a.must("kept:gone", "create", "/", `{}`)
	a.must("kept:gone", "delete", "/", "")
	for _, end := range []func(){b.Kill, b.Stop} {
		end()
		b.Restart()
		a = newApp(t, b, 5, harness.Connect{})
		for n := range 5 {
			id := fmt.Sprintf("kept:%d", n)
			if thing, revision := a.state(id); thing != versions[id] || revision != uint64(n+1) {
				t.Errorf("%s is %s at revision %d, want %s at %d", id, thing, revision, versions[id], n+1)
			}
		}
		if thing, _ := a.state("kept:gone"); thing != "" {
			t.Errorf("what was deleted is %s", thing)
		}
	}
	a.must("kept:gone", "create", "/", `{}`)
	if _, revision := a.state("kept:gone"); revision != 3 {
		t.Errorf("created again at revision %d, want 3: the count goes on", revision)
	}
}
