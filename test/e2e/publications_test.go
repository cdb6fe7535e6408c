package e2e

import (
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// selecting is publications that look at what changes, and at the Thing.
const selecting = harness.Anonymous + `
mappings:
  - topic: climate/{room}/{device}
    thing: "org.acme:{{ device }}"
    set:
      /features/climate/properties/temperature: /t
      /features/climate/properties/humidity: /h
    create: {attributes: {room: "{{ room }}"}}
  - topic: pair
    each: ""
    thing: "org.acme:{{ payload:/id }}"
    set: {/attributes/n: /n}
    create: {}
publications:
  - path: /features/climate/properties
    filter: "gt(features/climate/properties/temperature,40)"
    topic: "hot/{{ thing:name }}"
    payload: value
  - filter: and(eq(attributes/room,"kitchen"),exists(features/climate/properties/humidity))
    extraFields: attributes/room,features/{{ feature:id }}/definition,_revision,_created
    topic: "kitchen/{{ thing:name }}"
  - path: /features/{feature}/properties/temperature
    filter: "in(topic:action,'created','modified','merged')"
    extraFields: attributes(room,owner)
    topic: "said/{{ thing:name }}"
    payload: {expr: 'extra.attributes.room + ": " + string(value)'}
  - path: /features
    extraFields: attributes/room
    topic: "whole/{{ thing:name }}"
    payload: normalized
  - filter: "and(in(topic:action,'created','deleted'),eq(resource:path,'/'))"
    extraFields: attributes/room
    topic: "life/{{ thing:name }}"
    payload: {expr: 'action + (extra == nil ? "" : " in the " + extra.attributes.room)'}
  - path: /attributes/n
    extraFields: thingId,attributes/n
    topic: pairs
    payload: {expr: 'extra.thingId + "=" + string(extra.attributes.n)'}
`

func TestPublicationsSelectAndEnrichEvents(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: selecting})
	a := newApp(t, b, 5, harness.Connect{})
	old := harness.Dial3(t, b, harness.Connect{})
	old.Subscribe("said/#", "fence")
	a.Subscribe("hot/#", "kitchen/#", "whole/#", "life/#", "pairs", "fence")
	send := func(topic, payload string) {
		t.Helper()
		if err := a.Client.Publish(topic, payload, 1); err != nil {
			t.Fatal(err)
		}
	}
	send("climate/kitchen/oven", `{"t":21,"h":40}`)
	want := func(filter, payload string) {
		t.Helper()
		if got := string(a.Wait(filter).Payload); got != payload {
			t.Errorf("%s:\ngot  %s\nwant %s", filter, got, payload)
		}
	}
	want("life/oven", `created in the kitchen`)
	created := string(a.Wait("kitchen/oven").Payload)
	if !strings.Contains(created, `"extra":{"attributes":{"room":"kitchen"},"_revision":1,"_created":"20`) {
		t.Error(created)
	}
	send("climate/kitchen/oven", `{"t":180,"h":41}`)
	want("hot/oven", `{"temperature":180,"humidity":41}`)
	merged := string(a.Wait("kitchen/oven").Payload)
	if !strings.Contains(merged, `"value":{"features":{"climate":{"properties":{"temperature":180,"humidity":41}}}},"extra":{"attributes":{"room":"kitchen"},"_revision":2,"_created":"20`) {
		t.Error(merged)
	}
	for range 2 {
		if whole := string(a.Wait("whole/oven").Payload); !strings.HasPrefix(whole, `{"attributes":{"room":"kitchen"},"thingId":"org.acme:oven","`) {
			t.Error(whole)
		}
	}
	send("climate/kitchen/oven", `{"t":60}`)    // no humidity: not for the kitchen
	send("climate/cellar/freezer", `{"t":-18}`) // not hot, nor in the kitchen
	want("hot/oven", `{"temperature":60}`)
	want("life/freezer", `created in the cellar`)
	for _, text := range []string{"kitchen: 21", "kitchen: 180", "kitchen: 60", "cellar: -18"} {
		if got := string(old.Wait("said/#").Payload); got != text {
			t.Errorf("said %s, want %s", got, text)
		}
	}
	a.must("org.acme:oven", "delete", "/", "")
	want("life/oven", `deleted`)
	// Of several Things that one message changes, each event has its own.
	send("pair", `[{"id":"a","n":1},{"id":"b","n":2},{"id":"a","n":3}]`)
	want("pairs", `org.acme:a=1`)
	want("pairs", `org.acme:b=2`)
	want("pairs", `org.acme:a=3`)
	send("fence", "")
	a.Wait("fence")
	for _, filter := range []string{"hot/#", "kitchen/#"} {
		if rest := a.Client.Drain(filter); len(rest) > 0 {
			t.Errorf("and %v", rest)
		}
	}
	if metric(t, b, "twinbroker_publications_filtered_total") == 0 {
		t.Error("nothing was filtered")
	}
}

func TestMapSaysWhyAFilterDoesNotMatch(t *testing.T) {
	t.Parallel()
	file := harness.WriteFile(t, "twinbroker.yaml", selecting)
	const oven = `{"attributes":{"room":"kitchen","owner":"Ann"},"features":{"climate":{"properties":{"temperature":20}}}}`
	for _, test := range []struct {
		name string
		args []string
		says []string
	}{
		{"a message", []string{"--topic", "climate/kitchen/oven", "--payload", `{"t":21}`, "--thing", oven}, []string{
			"=> nothing: its filter does not match: gt(features/climate/properties/temperature,40) is false: it is 21",
			`  extra {"attributes":{"room":"kitchen"},"_revision":2,"_created":"`,
			"=> nothing: its filter does not match: exists(features/climate/properties/humidity) is false: it is not there",
			`  extra {"attributes":{"room":"kitchen","owner":"Ann"}}`,
			"said/oven  kitchen: 21  QoS 0",
			"=> nothing: its filter does not match: in(topic:action,\"created\",\"deleted\") is false: it is merged",
		}},
		{"an event", []string{"--payload", `{"topic":"org.acme/oven/things/twin/events/modified","path":"/features/climate/properties/temperature","value":50}`, "--thing", oven}, []string{
			"hot/oven  {\"temperature\":50}", "said/oven  kitchen: 50",
		}},
		{"for scripts", []string{"-o", "json", "--topic", "climate/kitchen/oven", "--payload", `{"t":21}`, "--thing", oven}, []string{
			`"extra":{"attributes":{"room":"kitchen","owner":"Ann"}}`, `"why":"its filter does not match: `,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := harness.Run(t, append([]string{"map", "-c", file, "--out"}, test.args...)...)
			if r.Code != 0 {
				t.Errorf("exit %d: %s", r.Code, r.Stderr)
			}
			out := r.Stdout
			if test.name == "for scripts" {
				out = strings.NewReplacer("\n", "", " ", "").Replace(out)
			}
			for _, text := range test.says {
				if test.name == "for scripts" {
					text = strings.ReplaceAll(text, " ", "")
				}
				if !strings.Contains(out, text) {
					t.Errorf("%q is not in\n%s", text, r.Stdout)
				}
			}
		})
	}
}

func TestConfigCheckTellsWhereAFilterIsWrong(t *testing.T) {
	t.Parallel()
	file := harness.WriteFile(t, "twinbroker.yaml", harness.Anonymous+"\npublications:\n  - topic: a\n    filter: \"and(exists(attributes/a),exists(\"\n    extraFields: atributes/a\n")
	r := harness.Run(t, "config", "check", "-c", file)
	for _, text := range []string{
		": publications[0].filter: RQL at character 33: the text ends where a property should be",
		": publications[0].extraFields: field selector at character 1: a Thing has no field \"atributes\"",
	} {
		if r.Code != 1 || !strings.Contains(r.Stderr, text) {
			t.Errorf("exit %d, %q is not in\n%s", r.Code, text, r.Stderr)
		}
	}
	if r := harness.Run(t, "config", "show", "-c", harness.WriteFile(t, "right.yaml", selecting)); !strings.Contains(r.Stdout, "extraFields: attributes(room,owner)") || !strings.Contains(r.Stdout, "filter: gt(features/climate") {
		t.Error(r.Stdout, r.Stderr)
	}
}
