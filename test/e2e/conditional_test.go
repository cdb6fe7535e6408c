package e2e

import (
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// thinned is the configuration of a sensor that repeats itself.
const thinned = harness.Anonymous + `
mappings:
  - topic: sensors/{device}
    thing: "org.acme:{{ device }}"
    set: {/features/climate/properties: ""}
    headers: {if-equal: skip}
    create: {}
  - topic: late/{device}
    thing: "org.acme:{{ device }}"
    set: {/attributes: ""}
    headers: {if-equal: skip-minimizing-merge, condition: 'not(gt(attributes/at,100))'}
    create: {}
`

func TestAMappingSkipsWhatChangesNothing(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: thinned})
	t.Run("clients", func(t *testing.T) {
		versions(t, func(t *testing.T, version byte) {
			a := newApp(t, b, version, harness.Connect{})
			device := map[byte]string{4: "s4", 5: "s5"}[version]
			a.Subscribe("ditto/org.acme/"+device+"/things/twin/events/#", "sensors/"+device)
			const reading = `{"temp":21.50,"humidity":40}`
			for range 3 {
				if err := a.Publish("sensors/"+device, reading, 1); err != nil {
					t.Fatalf("an equal reading is refused: %v", err)
				}
				if m := a.Wait("sensors/" + device); m.Payload != reading {
					t.Errorf("relayed %s", m)
				}
			}
			if err := a.Publish("sensors/"+device, `{"temp":22}`, 1); err != nil {
				t.Fatal(err)
			}
			for i, want := range []string{"created", "merged"} {
				if m := a.Wait("ditto/+/+/things/twin/events/#"); !strings.HasSuffix(m.Topic, "/"+want) || read(t, m).Revision != uint64(i+1) {
					t.Errorf("event %d is %s", i, m)
				}
			}
			if more := a.Drain("ditto/#"); len(more) > 0 {
				t.Errorf("more was told: %v", more)
			}
		})
	})
	if strings.Contains(b.Log(), "message refused") {
		t.Errorf("something was refused:\n%s", b.Log())
	}
}

func TestAMappingWithACondition(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: thinned})
	a := newApp(t, b, 5, harness.Connect{})
	a.Subscribe("ditto/org.acme/d/things/twin/events/#")
	for _, payload := range []string{`{"at":50,"x":1}`, `{"at":101,"x":1}`} {
		if err := a.Publish("late/d", payload, 1); err != nil {
			t.Fatal(err)
		}
	}
	err := a.Publish("late/d", `{"at":102,"x":2}`, 1)
	if refused, ok := err.(*harness.Refused); !ok || refused.Code != 0x83 || !strings.Contains(refused.Reason, "things:condition.failed") {
		t.Errorf("%v", err)
	}
	a.Wait("ditto/+/+/things/twin/events/created")
	wantValue(t, "what is left of the merge", read(t, a.Wait("ditto/+/+/things/twin/events/merged")).Value, `{"attributes":{"at":101}}`)
	wantValue(t, "d", a.must("org.acme:d", "retrieve", "/attributes", "").Value, `{"at":101,"x":1}`)
}

func TestAClientChangesOnlyWhatItHasSeen(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: harness.Anonymous})
	t.Run("clients", func(t *testing.T) {
		versions(t, func(t *testing.T, version byte) {
			a := newApp(t, b, version, harness.Connect{})
			id := map[byte]string{4: "org.acme:c4", 5: "org.acme:c5"}[version]
			a.must(id, "create", "/", `{"attributes":{"a":1}}`)
			seen := a.must(id, "retrieve", "/attributes/a", "")
			tag, _ := seen.Headers["etag"].(string)
			quoted := `\"` + strings.Trim(tag, `"`) + `\"`
			headers := func(h string) string { return `"headers":{"correlation-id":"x-` + id + `",` + h + `}` }
			send := func(action, value, h string) envelope {
				t.Helper()
				members := headers(h) + `,"path":"/attributes/a"`
				if value != "" {
					members += `,"value":` + value
				}
				err := a.Publish("ditto/"+topicOf(id)+"/things/twin/commands/"+action, "{"+members+"}", 1)
				e := a.answer("x-" + id)
				if version == 5 && (err != nil) != (e.Status >= 400) {
					t.Errorf("answered %d, and acknowledged with %v", e.Status, err)
				}
				return e
			}
			if e := send("retrieve", "", `"if-none-match":"`+quoted+`"`); e.Status != 304 || e.Headers["etag"] != tag {
				t.Errorf("unchanged: %d %v", e.Status, e.Headers)
			}
			if e := send("modify", "2", `"if-match":"`+quoted+`"`); e.Status != 204 {
				t.Errorf("with the tag that was seen: %d %s", e.Status, e.Value)
			}
			if e := send("modify", "3", `"if-match":"`+quoted+`"`); e.Status != 412 || e.Headers["etag"] == tag {
				t.Errorf("with an old tag: %d %s", e.Status, e.Value)
			}
			if e := send("modify", "3", `"condition":"eq(attributes/a,2)","put-metadata":[{"key":"by","value":"me"}]`); e.Status != 204 {
				t.Errorf("with a condition that holds: %d %s", e.Status, e.Value)
			}
			if e := send("modify", "4", `"condition":"eq(attributes/a,2)"`); e.Status != 412 {
				t.Errorf("with one that does not: %d %s", e.Status, e.Value)
			}
			if e := send("modify", "3", `"If-Equal":"skip"`); e.Status != 412 {
				t.Errorf("with what is there: %d %s", e.Status, e.Value)
			}
		})
	})
	b.Kill()
	b.Restart()
	a := newApp(t, b, 5, harness.Connect{})
	for _, id := range []string{"org.acme:c4", "org.acme:c5"} {
		wantValue(t, id, a.must(id, "retrieve", "/", "", `"fields":"attributes,_metadata,_revision"`).Value,
			`{"attributes":{"a":3},"_metadata":{"attributes":{"a":{"by":"me"}}},"_revision":3}`)
	}
}
