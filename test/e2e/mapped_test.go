package e2e

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"github.com/twinbroker/twinbroker/test/harness"
)

// rules is the configuration of the tests of mappings that do more than to
// point into a payload.
const rules = harness.Anonymous + `
mappings:
  - topic: gateways/{gateway}/readings
    each: /readings
    thing: "org.acme:{{ payload:/id | fn:lower() }}"
    set:
      /attributes/value: /v
      /attributes/fahrenheit: {expr: "payload.v == nil ? nil : payload.v * 9 / 5 + 32"}
      /attributes/at: {value: "{{ message:/at }} {{ header:site | fn:default('nowhere') }}"}
    create: {definition: "org.acme:sensor:{{ payload:/fw | fn:default('1.0.0') }}", attributes: {gateway: "{{ gateway }}", value: 0}}
  - topic: fresh/{device}
    format: number
    when: "!mqtt.retain"
    thing: "org.acme:{{ device }}"
    set: {/attributes/level: ""}
    create: {}
  - topic: packed/{device}
    format: cbor
    thing: "org.acme:{{ device }}"
    set: {/attributes: ""}
    create: {}
  - topic: shots/{device}
    format: bytes
    thing: "org.acme:{{ device }}"
    set: {/attributes/shot: ""}
    headers: {correlation-id: "{{ mqtt:correlation-data }}"}
    create: {}
  - topic: presence/{device}
    format: text
    thing: "org.acme:{{ device }}"
    set: {/attributes/online: {expr: "payload == 'Online'"}}
    create: {}
  - topic: e
    format: ditto
    reply: "command///req//{{ topic:action }}-response"
  - topic: event/{tenant}/{device}
    format: ditto
    thing: "{{ device }}"
  - topic: event/{tenant}/{device}
    format: bytes
    thing: "{{ device }}"
    set: {/attributes/tenant: {value: "{{ tenant }}"}}
    create: {}
`

func TestOneChangeForEachElementOfAnArray(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: rules})
	a := newApp(t, b, 5, harness.Connect{})
	a.Subscribe("ditto/org.acme/+/things/twin/events/#")
	send := func(payload string) error {
		return a.Client.(*harness.Client5).Send(&paho.Publish{Topic: "gateways/g1/readings", QoS: 2, Payload: []byte(payload),
			Properties: &paho.PublishProperties{User: paho.UserProperties{{Key: "site", Value: "Ulm"}}}})
	}
	if err := send(`{"at":7,"readings":[{"id":"A","v":20},{"id":"b","v":21.5,"fw":"2.0.0"},{"id":"a","v":25}]}`); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"a created 1", "b created 1", "a merged 2"} {
		m := a.Wait("ditto/+/+/things/twin/events/#")
		levels := strings.Split(m.Topic, "/")
		if got := fmt.Sprint(levels[2], " ", levels[6], " ", read(t, m).Revision); got != want {
			t.Errorf("event %d is %s, want %s", i, got, want)
		}
	}
	wantValue(t, "a", a.must("org.acme:a", "retrieve", "/attributes", "").Value, `{"gateway":"g1","value":25,"fahrenheit":77,"at":"7 Ulm"}`)
	wantValue(t, "b", a.must("org.acme:b", "retrieve", "/", "").Value,
		`{"thingId":"org.acme:b","policyId":"org.acme:b","definition":"org.acme:sensor:2.0.0","attributes":{"gateway":"g1","value":21.5,"fahrenheit":70.7,"at":"7 Ulm"}}`)
	a.Drain("ditto/#")
	for _, bad := range []struct{ name, payload, says string }{
		{"an element without an ID", `{"readings":[{"id":"a","v":1},{"v":2}]}`, "(element 1 of /readings)"},
		{"an element with a wrong value", `{"readings":[{"id":"a","v":1},{"id":"b","v":"hot"}]}`, `set["/attributes/fahrenheit"]: the expression cannot work out a text * a number`},
		{"an element that the twin refuses", `{"readings":[{"id":"a","v":1},{"id":"c","v":2,"fw":"no version/"}]}`, "efinition"},
	} {
		err := send(bad.payload)
		refused, ok := err.(*harness.Refused)
		if !ok || !strings.Contains(refused.Reason, bad.says) {
			t.Errorf("%s: %v", bad.name, err)
		}
		a.Wait("ditto/_replies/#")
	}
	if got := a.Drain("ditto/+/+/things/twin/events/#"); len(got) > 0 {
		t.Errorf("of refused messages was told %v", got)
	}
	if thing, revision := a.state("org.acme:a"); revision != 2 {
		t.Errorf("a refused message changed %s", thing)
	}
}

func TestFormatsOfPayloads(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: rules})
	a := newApp(t, b, 5, harness.Connect{})
	packed, _ := hex.DecodeString("a26474656d70fa41bb3333626f6ef5")
	mustPublish(t, a, "packed/c", string(packed), 1)
	wantValue(t, "CBOR", a.must("org.acme:c", "retrieve", "/attributes", "").Value, `{"temp":23.4,"on":true}`)
	mustPublish(t, a, "shots/s", "\x00\xff\xfe", 1)
	wantValue(t, "bytes", a.must("org.acme:s", "retrieve", "/attributes/shot", "").Value, `"AP/+"`)
	for _, bad := range []struct{ topic, payload, says string }{
		{"fresh/f", "21,5", "decimal comma"}, {"fresh/f", "23.4 °C", "unit"}, {"fresh/f", "NaN", "is not a number that JSON has"},
		{"packed/c", `{"a":1}`, "is not CBOR"}, {"shots/s", strings.Repeat("\xff\xd8", 5<<20), "limits.message_size"},
		{"presence/p", "\xff\xd8\xff\xe0", "JPEG"},
	} {
		refused, ok := a.Publish(bad.topic, bad.payload, 1).(*harness.Refused)
		if !ok || !strings.Contains(refused.Reason, bad.says) {
			t.Errorf("%.20q on %s: %v", bad.payload, bad.topic, refused)
		}
	}
}

// What was retained is not mapped again by a broker that starts, and what a
// client sends again as retained can be left out by a condition.
func TestOldValuesDoNotOverwriteNewOnes(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: rules})
	a := newApp(t, b, 5, harness.Connect{})
	mustPublish(t, a, "fresh/f", "1", 1)
	mustPublish(t, a, "presence/f", "Online", 1)
	if err := a.Client.(*harness.Client5).PublishRetained("presence/f", "Online", 1); err != nil {
		t.Fatal(err)
	}
	mustPublish(t, a, "presence/f", "Offline", 1)
	if err := a.Client.(*harness.Client5).PublishRetained("fresh/f", "0", 1); err != nil { // an old value
		t.Fatal(err)
	}
	b.Restart()
	a = newApp(t, b, 5, harness.Connect{})
	wantValue(t, "after a restart", a.must("org.acme:f", "retrieve", "/attributes", "").Value, `{"level":1,"online":false}`)
	if err := a.Client.(*harness.Client5).PublishRetained("presence/f", "", 1); err != nil {
		t.Errorf("taking a retained message back: %v", err)
	}
	a.Subscribe("presence/#")
	if got := a.Drain("presence/#"); len(got) > 0 {
		t.Errorf("still retained: %v", got)
	}
	wantValue(t, "and nothing changed", a.must("org.acme:f", "retrieve", "/attributes", "").Value, `{"level":1,"online":false}`)
}

func TestAWillIsMappedInItsClientsName(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: rules})
	a := newApp(t, b, 5, harness.Connect{})
	a.Subscribe("ditto/org.acme/lamp/things/twin/events/merged")
	device := harness.Dial(t, b, 4, harness.Connect{Will: &paho.WillMessage{Topic: "presence/lamp", Payload: []byte("Offline"), QoS: 1}})
	mustPublish(t, device, "presence/lamp", "Online", 1)
	device.(*harness.Client3).Drop()
	if e := read(t, a.Wait("ditto/+/lamp/#")); string(e.Value) != `{"attributes":{"online":false}}` {
		t.Errorf("told %s", e.Value)
	}
}

func TestABurstOfOneDeviceIsAppliedInItsOrder(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: rules})
	a := newApp(t, b, 5, harness.Connect{})
	const n = 300
	done := make(chan error, n)
	for i := 1; i <= n; i++ {
		if i == n {
			for range n - 1 {
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			}
			mustPublish(t, a, "fresh/burst", fmt.Sprint(i), 1)
			break
		}
		go func() { done <- a.Publish("fresh/burst", fmt.Sprint(i), byte(1+i%2)) }()
	}
	thing, revision := a.state("org.acme:burst")
	if revision != n || !strings.Contains(thing, fmt.Sprintf(`"level":%d`, n)) {
		t.Errorf("after %d messages revision %d: %s", n, revision, thing)
	}
}

func TestEnvelopesOnATopicOfOnesOwn(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: rules})
	versions(t, func(t *testing.T, version byte) {
		one, two := newApp(t, b, version, harness.Connect{}), newApp(t, b, version, harness.Connect{})
		one.Subscribe("command///req/#")
		two.Subscribe("command///req/#")
		name := fmt.Sprintf("sdk%d", version)
		send := func(action, path, value string) {
			mustPublish(t, one, "e", fmt.Sprintf(`{"topic":"org.acme/%s/things/twin/commands/%s","headers":{"correlation-id":"c-%s"},"path":%q,"value":%s}`, name, action, action, path, value), 1)
		}
		send("create", "/", `{}`)
		m := one.Wait("command///req/#")
		if e := read(t, m); m.Topic != "command///req//create-response" || e.Status != 201 || e.correlation() != "c-create" {
			t.Errorf("answered with %v", m)
		}
		send("retrieve", "/thingId", `null`)
		if m := one.Wait("command///req//retrieve-response"); string(read(t, m).Value) != `"org.acme:`+name+`"` {
			t.Errorf("answered with %v", m)
		}
		_ = one.Publish("e", fmt.Sprintf(`{"topic":"org.acme/%s-none/things/twin/commands/modify","headers":{"correlation-id":"c-none"},"path":"/attributes/a","value":1}`, name), 1)
		m = one.Wait("command///req//modify-response")
		e := read(t, m)
		e.wantError(t, 404, "things:thing.notfound", "c-none")
		if got := two.Drain("#"); len(got) > 0 {
			t.Errorf("the other client received %v", got)
		}
		_ = one.Publish("e", `{"topic":"org.acme/x/things/twin/events/modified","path":"/","value":1}`, 1)
		e = read(t, one.Wait("#"))
		e.wantError(t, 403, "messages:publish.notallowed", "")
	})
}

func TestAnEnvelopeIsForTheThingOfItsTopicOnly(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: rules})
	a := newApp(t, b, 5, harness.Connect{})
	envelope := func(name, action, value string) string {
		return fmt.Sprintf(`{"topic":"org.acme/%s/things/twin/commands/%s","headers":{"correlation-id":"c1"},"path":"/attributes/a","value":%s}`, name, action, value)
	}
	a.must("org.acme:d", "create", "/", `{}`)
	mustPublish(t, a, "event/t1/org.acme:d", envelope("d", "modify", "1"), 2)
	if e := a.answer("c1"); e.Status != 201 {
		t.Errorf("answered with %+v", e)
	}
	wantValue(t, "both mappings", a.must("org.acme:d", "retrieve", "/attributes", "").Value, `{"a":1,"tenant":"t1"}`)
	for _, bad := range []struct {
		payload string
		status  int
		code    string
	}{
		{envelope("other", "modify", "1"), 400, "connectivity:connection.id.enforcement.failed"},
		{envelope("d", "retrieve", "null"), 400, "connectivity:message.mapping.failed"}, // beside another mapping
		{`{"a":1}`, 400, "json.field.missing"},
	} {
		refused, ok := a.Publish("event/t2/org.acme:d", bad.payload, 1).(*harness.Refused)
		if !ok || !strings.HasPrefix(refused.Reason, bad.code) {
			t.Errorf("%s: %v", bad.payload, refused)
		}
		e := read(t, a.Wait("ditto/_replies/#"))
		correlation := "c1"
		if !strings.Contains(bad.payload, correlation) {
			correlation = ""
		}
		e.wantError(t, bad.status, bad.code, correlation)
	}
	wantValue(t, "what was refused", a.must("org.acme:d", "retrieve", "/attributes", "").Value, `{"a":1,"tenant":"t1"}`)
}
