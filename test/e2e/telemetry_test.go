package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
)

// mappings is the configuration of the tests of telemetry.
const mappings = harness.Anonymous + `
mappings:
  - topic: devices/{device}/telemetry
    thing: "org.acme:{{ device }}"
    set:
      /features/environment/properties/temperature: /temp
      /features/environment/properties/inner/humidity: /deep/hum
      /attributes/lastSeen: {value: "{{ time:now }}"}
      /attributes/by: {value: "{{ client:id }}"}
      /attributes/kind: {value: {of: "device {{ device }}", n: 1.50, list: [true, null]}}
    create: {policy: "org.acme:devices"}
  - topic: whole/{device}
    thing: "org.acme:{{ device }}"
    set: {/features/all/properties: ""}
    create: {}
  - topic: only/{device}
    thing: "org.acme:{{ device }}"
    set: {/attributes/a: /a, /attributes/b: /b}
    create: {}
  - topic: nulls/{device}
    thing: "org.acme:{{ device }}"
    set: {/attributes/a: /a, /attributes/b: /b}
    nulls: delete
    create: {}
  - topic: sensors/{device}/{feature}/{property}
    format: text
    thing: "org.acme:{{ device }}"
    set: {"/features/{{ feature }}/properties/{{ property }}": ""}
    create: {}
  - topic: numbers/{device}/{path...}
    format: number
    thing: "org.acme:{{ device }}"
    set: {"/attributes/{{ path }}": ""}
    create: {}
  - topic: tele-{device}/state
    thing: "{{ payload:/id }}"
    set: {/attributes/state: /state}
    create: {}
  - topic: strict/{device}
    thing: "org.acme:{{ device }}"
    set: {/attributes/a: /a}
  - topic: always/{device}
    thing: "org.acme:{{ device }}"
    set: {/attributes/a: /a}
    relay: always
  - topic: never/{device}
    thing: "org.acme:{{ device }}"
    set: {/attributes/a: /a}
    create: {}
    relay: never
  - topic: two/{device}
    thing: "org.acme:{{ device }}"
    set: {/attributes/a: /a}
    create: {}
  - topic: two/{device}
    thing: "org.acme:{{ device }}-twin"
    set: {/attributes/a: /a}
    create: {}
`

func TestTelemetryBecomesAChangeOfATwin(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: mappings})
	newApp(t, b, 5, harness.Connect{ID: "operator"}).must("org.acme:devices", "create", "/", "{}")
	versions(t, func(t *testing.T, version byte) {
		a := newApp(t, b, version, harness.Connect{ID: fmt.Sprintf("gateway-%d", version)})
		for n, c := range []struct {
			name, topic, payload string // %s is the device
			path, want           string
		}{
			{"JSON pointers into the payload", "devices/%s/telemetry", `{"temp":23.40,"deep":{"hum":40},"x":1}`,
				"/features", `{"environment":{"properties":{"temperature":23.40,"inner":{"humidity":40}}}}`},
			{"what is missing is skipped", "devices/%s/telemetry", `{"temp":[1]}`, "/features", `{"environment":{"properties":{"temperature":[1]}}}`},
			{"a null is skipped", "devices/%s/telemetry", `{"temp":null,"deep":{"hum":"wet"}}`, "/features", `{"environment":{"properties":{"inner":{"humidity":"wet"}}}}`},
			{"constants with placeholders", "devices/%s/telemetry", `{}`, "/attributes/kind", `{"of":"device %s","n":1.50,"list":[true,null]}`},
			{"the client's ID", "devices/%s/telemetry", `{}`, "/attributes/by", `"` + a.ID() + `"`},
			{"the Policy of the Thing that is made", "devices/%s/telemetry", `{}`, "/policyId", `"org.acme:devices"`},
			{"the whole payload", "whole/%s", `{"a":{"b":[1,2.0]}}`, "/features/all/properties", `{"a":{"b":[1,2.0]}}`},
			{"a Policy of its own", "whole/%s", `{}`, "/policyId", `"org.acme:%s"`},
			{"a text", "sensors/%s/door/state", `half open "x"`, "/features/door/properties", `{"state":"half open \"x\""}`},
			{"a text that looks like a number", "sensors/%s/door/state", `12`, "/features/door/properties/state", `"12"`},
			{"an empty text", "sensors/%s/door/state", ``, "/features/door/properties/state", `""`},
			{"a number", "numbers/%s/level", ` 23.420 `, "/attributes", `{"level":23.420}`},
			{"a number below several captured levels", "numbers/%s/room/1/level", `-1e3`, "/attributes", `{"room":{"1":{"level":-1e3}}}`},
			{"an ID from the payload", "tele-%s/state", `{"id":"org.acme:%s","state":"on"}`, "/attributes", `{"state":"on"}`},
		} {
			t.Run(c.name, func(t *testing.T) {
				a := a.in(t)
				device := fmt.Sprintf("m%d-%d", version, n)
				fill := func(s string) string { return strings.ReplaceAll(s, "%s", device) }
				mustPublish(t, a, fill(c.topic), fill(c.payload), 1)
				e := a.must("org.acme:"+device, "retrieve", c.path, "")
				wantValue(t, c.path, e.Value, fill(c.want))
				if got := string(e.Value); strings.Contains(c.want, ".") && got != fill(c.want) {
					t.Errorf("%s is %s, want the digits of %s", c.path, got, c.want)
				}
			})
		}
	})
}

func TestOneMessageIsOneMergeAndOneEvent(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: mappings})
	a := newApp(t, b, 5, harness.Connect{ID: "gateway"})
	a.must("org.acme:devices", "create", "/", "{}") // with the Policy of that ID
	a.Subscribe("ditto/org.acme/lamp/things/twin/events/#")
	topic := "devices/lamp/telemetry"
	mustPublish(t, a, topic, `{"temp":1,"deep":{"hum":2}}`, 2)
	if e := read(t, a.Wait("ditto/+/+/things/twin/events/created")); e.Revision != 1 || e.Path != "/" {
		t.Errorf("told %+v", e)
	}
	mustPublish(t, a, topic, `{"temp":3}`, 2)
	m := a.Wait("ditto/+/+/things/twin/events/#")
	e := read(t, m)
	var seen time.Time
	if _, rest, ok := strings.Cut(string(e.Value), `"lastSeen":"`); ok {
		at, _, _ := strings.Cut(rest, `"`)
		wantTime(t, at)
		seen, _ = time.Parse(time.RFC3339Nano, at)
	}
	if !strings.HasSuffix(m.Topic, "/merged") || e.Revision != 2 || e.Path != "/" || seen.IsZero() ||
		!strings.Contains(string(e.Value), `"temperature":3`) || strings.Contains(string(e.Value), "humidity") {
		t.Errorf("told %v", m)
	}
	if also := a.Drain("ditto/#"); len(also) > 0 {
		t.Errorf("also told or answered %v", also)
	}
	thing, _ := a.state("org.acme:lamp")
	if !strings.Contains(thing, `"humidity":2`) || !strings.Contains(thing, `"temperature":3`) {
		t.Errorf("the Thing is %s", thing)
	}
}

func TestWhatANullInThePayloadMeans(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: mappings})
	a := newApp(t, b, 4, harness.Connect{})
	for _, c := range []struct{ topic, want string }{{"only/n", `{"a":1,"b":3}`}, {"nulls/n", `{"b":3}`}} {
		mustPublish(t, a, c.topic, `{"a":1,"b":2}`, 1)
		mustPublish(t, a, c.topic, `{"a":null,"b":3}`, 1)
		wantValue(t, c.topic, a.must("org.acme:n", "retrieve", "/attributes", "").Value, c.want)
	}
}

func TestAMessageWithNothingToSayChangesNothing(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: mappings})
	a := newApp(t, b, 5, harness.Connect{})
	a.Subscribe("only/#", "ditto/org.acme/#")
	mustPublish(t, a, "only/nothing", `{"c":1}`, 1)
	if m := a.Wait("only/nothing"); m.Payload != `{"c":1}` {
		t.Errorf("relayed %v", m)
	}
	if m := a.Drain("#"); len(m) > 0 {
		t.Errorf("received %v", m)
	}
	if thing, _ := a.state("org.acme:nothing"); thing != "" {
		t.Errorf("there is %s", thing)
	}
}

func TestEveryMappingThatFitsAppliesAndAllTogether(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: mappings})
	a := newApp(t, b, 5, harness.Connect{})
	mustPublish(t, a, "two/x", `{"a":1}`, 1)
	for _, id := range []string{"org.acme:x", "org.acme:x-twin"} {
		wantValue(t, id, a.must(id, "retrieve", "/attributes/a", "").Value, "1")
	}
	long := strings.Repeat("x", 256-len("org.acme:")-len("-twin")+1) // with -twin it is no ID any more
	if err := a.Publish("two/"+long, `{"a":1}`, 1); err == nil {
		t.Error("the message was taken")
	}
	if thing, _ := a.state("org.acme:" + long); thing != "" {
		t.Errorf("of a refused message there is %s", thing)
	}
}

func TestAMappedMessageIsRelayedAsItsMappingSays(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: mappings})
	versions(t, func(t *testing.T, version byte) {
		from := newApp(t, b, version, harness.Connect{})
		to := harness.Dial(t, b, version, harness.Connect{})
		device := fmt.Sprintf("relayed-%d", version)
		to.Subscribe("+/" + device)
		from.must("org.acme:"+device, "create", "/", "{}")
		for _, c := range []struct {
			topic, payload string
			relayed        bool
		}{
			{"strict", `{"a":1}`, true}, {"strict", `{"a":`, false},
			{"always", `{"a":2}`, true}, {"always", `{"a":`, true},
			{"never", `{"a":3}`, false}, {"never", `{"a":`, false},
			{"strict", `{"b":1}`, true}, // nothing to say
		} {
			for qos := range byte(3) {
				_ = from.Publish(c.topic+"/"+device, c.payload, qos)
				from.Drain("x") // QoS 0 has no acknowledgement
				got := to.Drain("#")
				if len(got) > 1 || len(got) == 1 != c.relayed || len(got) == 1 && (got[0].Payload != c.payload || got[0].QoS != qos) {
					t.Errorf("%s at QoS %d on %s: relayed %v, want that: %v", c.payload, qos, c.topic, got, c.relayed)
				}
			}
		}
		wantValue(t, "the last that was stored", from.must("org.acme:"+device, "retrieve", "/attributes/a", "").Value, "3")
	})
}

func TestAMessageThatCannotBeMappedIsRefused(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: mappings})
	versions(t, func(t *testing.T, version byte) {
		a := newApp(t, b, version, harness.Connect{})
		for _, c := range []struct {
			name, topic, payload string
			status               int
			code                 string
		}{
			{"no JSON", "devices/d/telemetry", `{"temp"`, 400, "connectivity:message.mapping.failed"},
			{"nothing", "devices/d/telemetry", ``, 400, "connectivity:message.mapping.failed"},
			{"a key twice", "devices/d/telemetry", `{"temp":1,"temp":2}`, 400, "connectivity:message.mapping.failed"},
			{"no number", "numbers/d/x", `12 °C`, 400, "connectivity:message.mapping.failed"},
			{"a number as JSON has none", "numbers/d/x", `0x10`, 400, "connectivity:message.mapping.failed"},
			{"a text that is no UTF-8", "sensors/d/f/p", "\xff", 400, "connectivity:message.mapping.failed"},
			{"an ID that is not in the payload", "tele-d/state", `{"state":1}`, 400, "connectivity:message.mapping.failed"},
			{"an ID that is none", "tele-d/state", `{"id":"d","state":1}`, 400, "things:id.invalid"},
			{"a Thing that is not there", "strict/none", `{"a":1}`, 404, "things:thing.notfound"},
			{"a key that Ditto forbids", "whole/d", `{"":1}`, 400, "json.key.invalid"},
			{"a property where there must be an object", "whole/d", `1`, 400, "json.invalid"},
		} {
			t.Run(c.name, func(t *testing.T) {
				a := a.in(t)
				err := a.Publish(c.topic, c.payload, 1)
				if refused, ok := err.(*harness.Refused); version == 5 && (!ok || !strings.HasPrefix(refused.Reason, c.code+":")) {
					t.Errorf("acknowledged with %v", err)
				} else if version == 4 && err != nil {
					t.Error(err)
				}
				e := read(t, a.Wait("ditto/_replies/#"))
				e.wantError(t, c.status, c.code, "")
				for _, id := range []string{"org.acme:d", "org.acme:none"} {
					if thing, _ := a.state(id); thing != "" {
						t.Errorf("there is %s", thing)
					}
				}
			})
		}
	})
}

const publications = harness.Anonymous + `
publications:
  - subjects: ["anonymous:local"]
    path: /features/{feature}/desiredProperties/{property...}
    topic: "cmnd/{{ thing:name }}/{{ feature }}/{{ property }}"
    payload: value
    qos: 1
  - subjects: ["anonymous:local"]
    namespaces: [org.acme]
    path: /attributes/{name}
    topic: "state/{{ thing:id }}/{{ name }}"
    payload: value
    qos: 2
    retain: true
  - subjects: ["anonymous:local"]
    signals: [twin/events]
    topic: "all/{{ thing:namespace }}"
    payload: envelope
  - subjects: ["anonymous:local"]
    path: /attributes/secret
    topic: "private/{{ thing:name }}"
    payload: value
    qos: 1
    to: "owner-of-{{ thing:name }}"
mappings:
  - topic: "state/{id}/{name}"
    thing: "{{ id }}"
    set: {"/attributes/mapped-{{ name }}": ""}
    format: text
`

func TestEventsArePublishedOnTopicsOfOnesOwn(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: publications})
	a := newApp(t, b, 5, harness.Connect{})
	c := harness.Dial5(t, b, harness.Connect{})
	c.Subscribe("cmnd/#", "state/#")
	a.must("org.acme:lamp", "create", "/", `{"attributes":{"room":"hall","place":{"x":1.50}},"features":{"light":{"desiredProperties":{"on":true,"color":{"r":1,"g":[2]}}}}}`)
	a.must("org.other:lamp", "create", "/", `{"attributes":{"room":"cellar"}}`)
	for _, step := range []struct {
		name, action, path, value string
		want                      []string // topic, space, payload
	}{
		{name: "what the creation said", want: []string{
			"cmnd/lamp/light/color/g [2]", "cmnd/lamp/light/color/r 1", "cmnd/lamp/light/on true",
			`state/org.acme:lamp/place {"x":1.50}`, "state/org.acme:lamp/room hall"}},
		{"one value", "modify", "/features/light/desiredProperties/on", "false", []string{"cmnd/lamp/light/on false"}},
		{"several values by one merge", "merge", "/", `{"attributes":{"room":"attic"},"features":{"light":{"desiredProperties":{"on":null}}}}`,
			[]string{"cmnd/lamp/light/on ", "state/org.acme:lamp/room attic"}},
		{"an empty payload where it is gone", "delete", "/attributes/room", "", []string{"state/org.acme:lamp/room "}},
		{"nothing where the path does not fit", "modify", "/features/light/properties", `{"on":true}`, nil},
	} {
		if step.action != "" {
			a.must("org.acme:lamp", step.action, step.path, step.value)
		}
		var got []string
		for _, m := range c.Drain("#") {
			got = append(got, m.Topic+" "+m.Payload)
			if qos := byte(1); m.QoS != qos+byte(strings.Count(m.Topic, "state/")) || m.Retain {
				t.Errorf("%s: received %v", step.name, m)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, step.want) {
			t.Errorf("%s: received %q, want %q", step.name, got, step.want)
		}
	}
	t.Run("retained, and gone when the value is", func(t *testing.T) {
		late := harness.Dial5(t, b, harness.Connect{})
		late.Subscribe("state/#")
		got := late.Drain("#")
		if len(got) != 1 || got[0].Topic != "state/org.acme:lamp/place" || !got[0].Retain || got[0].Props.ContentType != "application/json" {
			t.Errorf("received %v", got)
		}
	})
	t.Run("whole envelopes", func(t *testing.T) {
		late := harness.Dial5(t, b, harness.Connect{})
		late.Subscribe("all/#", "ditto/org.other/#")
		a.must("org.other:lamp", "merge", "/attributes", `{"room":1,"b":2}`)
		m, e := late.Wait("all/org.other"), late.Wait("ditto/org.other/#")
		if m.Payload != e.Payload || m.QoS != 0 || m.Props.ContentType != "application/vnd.eclipse.ditto+json" {
			t.Errorf("received %v and %v", m, e)
		}
	})
	t.Run("to one client only", func(t *testing.T) {
		owner, other := harness.Dial(t, b, 4, harness.Connect{ID: "owner-of-lamp"}), harness.Dial5(t, b, harness.Connect{})
		owner.Subscribe("private/#")
		other.Subscribe("private/#")
		a.must("org.acme:lamp", "modify", "/attributes/secret", `"1234"`)
		if m := owner.Wait("private/lamp"); m.Payload != "1234" {
			t.Errorf("received %v", m)
		}
		if got := other.Drain("#"); len(got) > 0 {
			t.Errorf("the other received %v", got)
		}
	})
	t.Run("and are never mapped again", func(t *testing.T) {
		thing, _ := a.state("org.acme:lamp")
		if strings.Contains(thing, "mapped-") {
			t.Errorf("the Thing is %s", thing)
		}
	})
}
