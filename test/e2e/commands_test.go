package e2e

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// The Things that commands are tried on; %s is their ID. One has everything,
// the other nothing but a Feature that is empty.
const (
	full = `{"thingId":"%[1]s","policyId":"%[1]s","definition":"org.acme:lamp:1.0.0",` +
		`"attributes":{"model":"L1","place":{"lat":1.5,"lon":2}},` +
		`"features":{"light":{"definition":["org.acme:light:1.0.0"],"properties":{"on":true,"color":{"r":1}},` +
		`"desiredProperties":{"on":false,"color":{"r":9}}}}}`
	bare = `{"thingId":"%[1]s","policyId":"%[1]s"}`
	dark = `{"thingId":"%[1]s","policyId":"%[1]s","features":{"light":{}}}`
)

// resource is a part of a Thing that commands can name.
type resource struct {
	path    string
	there   string // its value in the full Thing
	without string // the Thing that lacks it
	value   string // another value
	patch   string // a merge patch for the full Thing's
	patched string // and what comes of it
	code    string // of the error when it is not there
	outer   string // of the error of a retrieve then, where something around it is not there either
}

var resources = []resource{
	{"/definition", `"org.acme:lamp:1.0.0"`, bare, `"org.acme:lamp:2.0.0"`, `"org.acme:lamp:3.0.0"`, `"org.acme:lamp:3.0.0"`, "things:definition.notfound", ""},
	{"/attributes", `{"model":"L1","place":{"lat":1.5,"lon":2}}`, bare, `{"a":[1,2]}`,
		`{"model":null,"new":1}`, `{"place":{"lat":1.5,"lon":2},"new":1}`, "things:attributes.notfound", ""},
	{"/attributes/model", `"L1"`, bare, `"L2"`, `"L3"`, `"L3"`, "things:attribute.notfound", "things:attributes.notfound"},
	{"/attributes/place/lat", `1.5`, bare, `23.420`, `-1e3`, `-1e3`, "things:attribute.notfound", "things:attributes.notfound"},
	{"/attributes/place", `{"lat":1.5,"lon":2}`, bare, `null`, `{"lat":null}`, `{"lon":2}`, "things:attribute.notfound", "things:attributes.notfound"},
	{"/features", `{"light":{"definition":["org.acme:light:1.0.0"],"properties":{"on":true,"color":{"r":1}},"desiredProperties":{"on":false,"color":{"r":9}}}}`,
		bare, `{"f":{"properties":{"p":1}}}`, `{"light":null,"g":{}}`, `{"g":{}}`, "things:features.notfound", ""},
	{"/features/light", `{"definition":["org.acme:light:1.0.0"],"properties":{"on":true,"color":{"r":1}},"desiredProperties":{"on":false,"color":{"r":9}}}`,
		bare, `{"properties":{"on":1}}`, `{"definition":null,"properties":null}`, `{"desiredProperties":{"on":false,"color":{"r":9}}}`, "things:feature.notfound", ""},
	{"/features/light/definition", `["org.acme:light:1.0.0"]`, dark, `["a:b:1.0","c:d:2.0"]`, `["e:f:3.0"]`, `["e:f:3.0"]`, "things:feature.definition.notfound", ""},
	{"/features/light/properties", `{"on":true,"color":{"r":1}}`, dark, `{"on":false}`, `{"color":null,"x":{"y":1}}`, `{"on":true,"x":{"y":1}}`, "things:feature.properties.notfound", ""},
	{"/features/light/properties/on", `true`, dark, `false`, `"dim"`, `"dim"`, "things:feature.property.notfound", "things:feature.properties.notfound"},
	{"/features/light/properties/color/r", `1`, dark, `255`, `2.50`, `2.50`, "things:feature.property.notfound", "things:feature.properties.notfound"},
	{"/features/light/desiredProperties", `{"on":false,"color":{"r":9}}`, dark, `{}`, `{"on":null}`, `{"color":{"r":9}}`, "things:feature.desiredProperties.notfound", ""},
	{"/features/light/desiredProperties/on", `false`, dark, `true`, `1`, `1`, "things:feature.desiredProperty.notfound", "things:feature.desiredProperties.notfound"},
	{"/features/light/desiredProperties/color/r", `9`, dark, `[]`, `{"s":1}`, `{"s":1}`, "things:feature.desiredProperty.notfound", "things:feature.desiredProperties.notfound"},
}

// step is a command and what must come of it.
type step struct {
	name   string
	thing  string // that is there before; "" for none
	action string
	path   string
	value  string

	status int
	answer string // the response's value, or the error's code
	event  string // the event's action; "" for none
	told   string // the event's value
	after  string // what is at the path then; "" for nothing
}

// steps are the commands on every resource.
func steps() []step {
	var all []step
	for _, r := range resources {
		add := func(s step) {
			s.path = r.path
			s.name = s.action + " " + r.path + " " + s.name
			all = append(all, s)
		}
		add(step{name: "that is there", thing: full, action: "retrieve", status: 200, answer: r.there, after: r.there})
		add(step{name: "that is not there", thing: r.without, action: "retrieve", status: 404, answer: cmp.Or(r.outer, r.code)})
		add(step{name: "of no Thing", action: "retrieve", status: 404, answer: "things:thing.notfound"})
		add(step{name: "that is there", thing: full, action: "modify", value: r.value, status: 204, event: "modified", told: r.value, after: r.value})
		add(step{name: "that is not there", thing: r.without, action: "modify", value: r.value, status: 201, answer: r.value, event: "created", told: r.value, after: r.value})
		add(step{name: "of no Thing", action: "modify", value: r.value, status: 404, answer: "things:thing.notfound"})
		add(step{name: "that is there", thing: full, action: "merge", value: r.patch, status: 204, event: "merged", told: r.patch, after: r.patched})
		add(step{name: "that is not there", thing: r.without, action: "merge", value: r.value, status: 204, event: "merged", told: r.value, after: mergedFromNothing(r.value)})
		add(step{name: "to nothing", thing: full, action: "merge", value: "null", status: 204, event: "merged", told: "null"})
		add(step{name: "of no Thing", action: "merge", value: r.patch, status: 404, answer: "things:thing.notfound"})
		add(step{name: "that is there", thing: full, action: "delete", status: 204, event: "deleted"})
		add(step{name: "that is not there", thing: r.without, action: "delete", status: 404, answer: r.code})
		add(step{name: "of no Thing", action: "delete", status: 404, answer: "things:thing.notfound"})
	}
	return append(all, wholeThing...)
}

// mergedFromNothing is what a patch without inner nulls makes where nothing is.
func mergedFromNothing(patch string) string {
	if patch == "null" {
		return ""
	}
	return patch
}

// wholeThing are the commands on the Thing and on its IDs.
var wholeThing = []step{
	{"create a Thing", "", "create", "/", full, 201, full, "created", full, full},
	{"create a Thing of nothing", "", "create", "/", `{}`, 201, bare, "created", bare, bare},
	{"create a Thing that is there", full, "create", "/", bare, 409, "things:thing.conflict", "", "", full},
	{"modify a Thing that is not there", "", "modify", "/", full, 201, full, "created", full, full},
	{"modify a Thing that is there", full, "modify", "/", `{"attributes":{"a":1}}`, 204, "", "modified",
		`{"thingId":"%[1]s","policyId":"%[1]s","attributes":{"a":1}}`, `{"thingId":"%[1]s","policyId":"%[1]s","attributes":{"a":1}}`},
	{"merge into a Thing", full, "merge", "/", `{"definition":null,"attributes":{"model":null,"place":{"lat":7}},"features":null}`, 204, "", "merged",
		`{"definition":null,"attributes":{"model":null,"place":{"lat":7}},"features":null}`,
		`{"thingId":"%[1]s","policyId":"%[1]s","attributes":{"place":{"lat":7,"lon":2}}}`},
	{"merge into no Thing", "", "merge", "/", `{"attributes":{"a":1,"b":null}}`, 201, `{"thingId":"%[1]s","policyId":"%[1]s","attributes":{"a":1}}`,
		"created", `{"thingId":"%[1]s","policyId":"%[1]s","attributes":{"a":1}}`, `{"thingId":"%[1]s","policyId":"%[1]s","attributes":{"a":1}}`},
	{"retrieve a Thing", full, "retrieve", "/", "", 200, full, "", "", full},
	{"retrieve no Thing", "", "retrieve", "/", "", 404, "things:thing.notfound", "", "", ""},
	{"delete a Thing", full, "delete", "/", "", 204, "", "deleted", "", ""},
	{"delete no Thing", "", "delete", "/", "", 404, "things:thing.notfound", "", "", ""},

	{"retrieve the Policy ID", full, "retrieve", "/policyId", "", 200, `"%[1]s"`, "", "", `"%[1]s"`},
	{"modify the Policy ID", full, "modify", "/policyId", `"org.acme:p"`, 204, "", "modified", `"org.acme:p"`, `"org.acme:p"`},
	{"merge the Policy ID", full, "merge", "/policyId", `"org.acme:p"`, 204, "", "merged", `"org.acme:p"`, `"org.acme:p"`},
	{"merge the Policy ID away", full, "merge", "/policyId", `null`, 400, "things:policyId.notdeletable", "", "", `"%[1]s"`},
	{"delete the Policy ID", full, "delete", "/policyId", "", 400, "protocoladapter:unknown.topicpath", "", "", `"%[1]s"`},
	{"retrieve the Thing ID", full, "retrieve", "/thingId", "", 200, `"%[1]s"`, "", "", `"%[1]s"`},
	{"modify the Thing ID", full, "modify", "/thingId", `"a:b"`, 400, "protocoladapter:unknown.path", "", "", `"%[1]s"`},
	{"merge the Thing ID", full, "merge", "/thingId", `"a:b"`, 400, "protocoladapter:unknown.path", "", "", `"%[1]s"`},
	{"delete the Thing ID", full, "delete", "/thingId", "", 400, "protocoladapter:unknown.topicpath", "", "", `"%[1]s"`},
}

func TestEveryCommandOnEveryResourceIsAnsweredToldAndStored(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	newApp(t, b, 5, harness.Connect{}).must("org.acme:p", "create", "/", "{}") // with the Policy of that ID
	versions(t, func(t *testing.T, version byte) {
		a := newApp(t, b, version, harness.Connect{})
		for n, s := range steps() {
			t.Run(s.name, func(t *testing.T) { s.run(t, a.in(t), fmt.Sprintf("org.acme:v%d-%d", version, n)) })
		}
	})
}

func (s step) run(t *testing.T, a *app, id string) {
	fill := func(text string) string { return strings.ReplaceAll(text, "%[1]s", id) }
	before := uint64(0)
	if s.thing != "" {
		a.must(id, "create", "/", fill(s.thing))
		before = 1
	}
	events := "ditto/" + topicOf(id) + "/things/twin/events/"
	a.Subscribe(events + "+")

	r := a.command(id, s.action, s.path, fill(s.value))
	if r.Status != s.status || r.Path != s.path && r.Status < 400 {
		t.Errorf("answered with status %d, path %s and value %s, want %d and %s", r.Status, r.Path, r.Value, s.status, s.path)
	}
	if s.status >= 400 {
		r.wantError(t, s.status, s.answer, r.correlation())
		if want := topicOf(id) + "/things/twin/errors"; r.Topic != want {
			t.Errorf("the error's topic is %s, want %s", r.Topic, want)
		}
	} else {
		wantValue(t, "the response", r.Value, fill(s.answer))
		if want := topicOf(id) + "/things/twin/commands/" + s.action; r.Topic != want {
			t.Errorf("the response's topic is %s, want %s", r.Topic, want)
		}
	}

	after := before
	if s.event == "" {
		if m := a.Drain(events + "+"); len(m) > 0 {
			t.Errorf("told %v, want nothing", m)
		}
	} else {
		after++
		m := a.Wait(events + "+")
		e := read(t, m)
		if m.Topic != events+s.event || "ditto/"+e.Topic != m.Topic {
			t.Errorf("told on %s with topic %s, want %s", m.Topic, e.Topic, events+s.event)
		}
		if e.Path != s.path || e.Revision != after || e.correlation() != r.correlation() {
			t.Errorf("told with path %s, revision %d, correlation-id %s; want %s, %d, %s", e.Path, e.Revision, e.correlation(), s.path, after, r.correlation())
		}
		wantValue(t, "the event", e.Value, fill(s.told))
		wantTime(t, e.Timestamp)
	}
	a.Unsubscribe(events + "+")

	if got := a.command(id, "retrieve", s.path, ""); s.after == "" {
		if got.Status != 404 {
			t.Errorf("afterwards there is %s, want nothing", got.Value)
		}
	} else {
		wantValue(t, "afterwards the path", got.Value, fill(s.after))
	}
	if thing, revision := a.state(id); thing != "" && revision != after {
		t.Errorf("afterwards the revision is %d, want %d", revision, after)
	}
}
