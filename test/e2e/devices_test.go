package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// devices is a house with devices of two makes, and what hears of them.
const devices = harness.Anonymous + `
mappings:
  - topic: stat/{device}/POWER
    format: text
    thing: "home:{{ device }}"
    set: {/features/switch/properties/on: ""}
    create: {}
  - topic: zigbee2mqtt/{device}
    thing: "home:{{ device }}"
    set: {/features/state/properties: ""}
    create: {}
publications:
  - namespaces: [home]
    path: /features/switch/desiredProperties/on
    topic: "cmnd/{{ thing:name }}/POWER"
    payload: {expr: 'value == nil ? nil : value ? "ON" : "OFF"'}
    qos: 1
  - namespaces: [home]
    path: /features/state/desiredProperties
    topic: "zigbee2mqtt/{{ thing:name | fn:url-decode() }}/set"
    payload: value
    qos: 1
  - namespaces: [home]
    path: /features
    topic: "history/{{ thing:name }}"
    payload: normalized
    qos: 2
  - namespaces: [private]
    path: /attributes/{name}
    topic: "for/{{ thing:name | fn:upper() }}/{{ name }}"
    payload: value
    qos: 1
    to: "{{ thing:name }}"
`

func TestADesiredPropertyIsACommandToATasmota(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: devices})
	versions(t, func(t *testing.T, version byte) {
		name := fmt.Sprintf("lamp-%d", version)
		app := newApp(t, b, 5, harness.Connect{})
		device := harness.Dial(t, b, version, harness.Connect{ID: name})
		device.Subscribe("cmnd/" + name + "/#")
		app.must("home:"+name, "create", "/", `{"features":{"switch":{"properties":{"on":"OFF"}}}}`)
		for _, step := range []struct{ action, path, value, want string }{
			{"modify", "/features/switch/desiredProperties/on", "true", "ON"},
			{"merge", "/", `{"features":{"switch":{"desiredProperties":{"on":false}}}}`, "OFF"},
			{"modify", "/features/switch/desiredProperties", `{"on":true}`, "ON"},
			{"delete", "/features/switch/desiredProperties/on", "", ""},
			{"modify", "/features/switch/desiredProperties/on", "false", "OFF"},
		} {
			app.must("home:"+name, step.action, step.path, step.value)
			if step.want == "" {
				continue // the next message is that of the next step
			}
			m := device.Wait("#")
			if m.Topic != "cmnd/"+name+"/POWER" || m.Payload != step.want || m.QoS != 1 || m.Retain {
				t.Errorf("after %s of %s: received %v, want %s", step.action, step.path, m, step.want)
			}
		}
		mustPublish(t, device, "stat/"+name+"/POWER", "OFF", 1) // what it did is what is
		wantValue(t, "the state", app.must("home:"+name, "retrieve", "/features/switch/properties/on", "").Value, `"OFF"`)
		if more := device.Drain("#"); len(more) > 0 {
			t.Errorf("also received %v", more)
		}
	})
	if log := b.Log(); strings.Contains(log, "could not be published") {
		t.Errorf("log: %s", log)
	}
}

func TestDesiredPropertiesAreASetToAZigbeeDevice(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: devices})
	app := newApp(t, b, 5, harness.Connect{})
	bridge := harness.Dial(t, b, 4, harness.Connect{})
	bridge.Subscribe("zigbee2mqtt/+/set", "zigbee2mqtt/+/+/set")
	mustPublish(t, bridge, "zigbee2mqtt/bulb", `{"state":"OFF","brightness":254}`, 1)
	app.must("home:hall%2Fbulb", "create", "/", "{}")
	for _, step := range []struct{ thing, action, path, value, topic, want string }{
		{"home:bulb", "merge", "/features/state/desiredProperties", `{"state":"ON","brightness":80}`, "zigbee2mqtt/bulb/set", `{"state":"ON","brightness":80}`},
		{"home:bulb", "modify", "/features/state/desiredProperties/brightness", "90", "zigbee2mqtt/bulb/set", `{"brightness":90}`},
		{"home:hall%2Fbulb", "modify", "/features/state", `{"desiredProperties":{"color":{"x":0.123}}}`, "zigbee2mqtt/hall/bulb/set", `{"color":{"x":0.123}}`},
	} {
		app.must(step.thing, step.action, step.path, step.value)
		if m := bridge.Wait("#"); m.Topic != step.topic || m.Payload != step.want {
			t.Errorf("received %v, want %s on %s", m, step.want, step.topic)
		}
	}
	mustPublish(t, bridge, "zigbee2mqtt/bulb", `{"state":"ON","brightness":90}`, 1)
	wantValue(t, "the state", app.must("home:bulb", "retrieve", "/features/state/properties", "").Value, `{"state":"ON","brightness":90}`)
}

func TestChangesArePublishedNormalized(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: devices})
	app := newApp(t, b, 5, harness.Connect{})
	c := harness.Dial5(t, b, harness.Connect{})
	c.Subscribe("history/#", "ditto/home/#")
	mustPublish(t, app, "stat/lamp/POWER", "ON", 1)
	if m := c.Wait("history/lamp"); !strings.Contains(m.Payload, `"features":{"switch":{"properties":{"on":"ON"}}}`) || !strings.Contains(m.Payload, `"_revision":1,`) ||
		m.Props.ContentType != "application/json" || m.QoS != 2 {
		t.Errorf("received %v", m)
	}
	app.must("home:lamp", "modify", "/features/switch/properties/on", `"OFF"`)
	c.Wait("ditto/home/lamp/things/twin/events/created")
	e := read(t, c.Wait("ditto/home/lamp/things/twin/events/modified"))
	m := c.Wait("history/lamp")
	want := fmt.Sprintf(`{"thingId":"home:lamp","features":{"switch":{"properties":{"on":"OFF"}}},"_modified":%q,"_revision":2,`+
		`"_context":{"topic":"home/lamp/things/twin/events/modified","path":"/features/switch/properties/on","value":"OFF","headers":{`, e.Timestamp)
	if !strings.HasPrefix(m.Payload, want) {
		t.Errorf("received %s\nwant %s…", m.Payload, want)
	}
	app.must("home:lamp", "modify", "/attributes", `{"x":1}`) // not within the path
	app.must("home:lamp", "delete", "/features/switch/properties/on", "")
	app.must("home:lamp", "delete", "/", "")
	if m := c.Wait("history/lamp"); !strings.Contains(m.Payload, `"_deleted":"`) || !strings.Contains(m.Payload, `"_revision":5`) {
		t.Errorf("received %v", m)
	}
}

func TestAMessageToOneClientWaitsForIt(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: devices})
	app := newApp(t, b, 5, harness.Connect{})
	other := harness.Dial5(t, b, harness.Connect{})
	other.Subscribe("for/#")
	owner := harness.Dial5(t, b, harness.Connect{ID: "owner", Expiry: 600})
	owner.Subscribe("for/#")
	app.must("private:owner", "create", "/", `{"attributes":{"a":1}}`)
	if m := owner.Wait("#"); m.Topic != "for/OWNER/a" || m.Payload != "1" {
		t.Errorf("received %v", m)
	}
	owner.Drop()
	app.must("private:owner", "modify", "/attributes/a", "2")
	app.must("private:owner", "modify", "/attributes/b", "3")
	owner = harness.Dial5(t, b, harness.Connect{ID: "owner", Keep: true, Expiry: 600})
	var got []string
	for len(got) < 2 {
		m := owner.Wait("#")
		if m.Payload != "1" { // which comes again if it was dropped before its acknowledgement went out
			got = append(got, m.Topic+" "+m.Payload)
		}
	}
	if want := []string{"for/OWNER/a 2", "for/OWNER/b 3"}; !slices.Equal(got, want) {
		t.Errorf("after coming back: received %q, want %q", got, want)
	}
	if m := other.Drain("#"); len(m) > 0 {
		t.Errorf("the other received %v", m)
	}
}

func TestConfigCheckAndShowFollowIncludes(t *testing.T) {
	t.Parallel()
	included := harness.WriteFile(t, "lamps.yaml", "mappings:\n"+
		"  - {topic: \"lamps/{d}\", thing: \"a:{{ d }}\", set: {/attributes/on: \"\"}}\n"+
		"publications:\n  - topic: \"lamps/{{ thing:name }}\"\n    payload: {expr: value}\n")
	file := harness.WriteFile(t, "house.yaml", harness.Anonymous+"include: ["+included+"]\n")
	check := harness.Run(t, "config", "check", "-c", file)
	warning := included + ":4: publications[0].topic: warning: can be one that mappings[0] (lamps/{d}) takes in"
	if check.Code != 0 || check.Stdout != "ok\n" || !strings.HasPrefix(check.Stderr, warning) || strings.Count(check.Stderr, "\n") != 1 {
		t.Errorf("check: status %d, %q, %s", check.Code, check.Stdout, check.Stderr)
	}
	show := harness.Run(t, "config", "show", "-c", file)
	if show.Code != 0 || !strings.Contains(show.Stdout, "topic: lamps/{d}") || !strings.Contains(show.Stdout, "payload: {expr: value}") {
		t.Errorf("show: status %d, %s", show.Code, show.Stdout)
	}
	if err := os.WriteFile(included, []byte("publications:\n  - topic: t\n    payload: {expr: value +}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	check = harness.Run(t, "config", "check", "-c", file)
	if want := included + ":3: publications[0].payload.expr: the expression ends too early: something is missing here"; check.Code != 1 || check.Stdout != "" || !strings.HasPrefix(check.Stderr, want) {
		t.Errorf("check of a mistake: status %d, %q, %s", check.Code, check.Stdout, check.Stderr)
	}
}

func TestIncludedFilesAreReadAgainToo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, attribute string) {
		t.Helper()
		text := fmt.Sprintf("mappings: [{topic: \"%s/{d}\", thing: \"reload:{{ d }}\", set: {/attributes/%s: \"\"}, create: {}}]\n", name, attribute)
		if err := os.WriteFile(filepath.Join(dir, name+".new"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, name+".new"), filepath.Join(dir, name+".yaml")); err != nil {
			t.Fatal(err)
		}
	}
	put("a", "one")
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + "include: [\"" + dir + "/*.yaml\"]\n"})
	app := newApp(t, b, 5, harness.Connect{})
	check := func(topic, want string) {
		t.Helper()
		device := strings.ReplaceAll(topic, "/", "-")
		mustPublish(t, app, topic, "1", 1)
		wantValue(t, topic, app.must("reload:"+device[2:], "retrieve", "/attributes", "").Value, want)
	}
	check("a/1", `{"one":1}`)
	put("a", "two")
	b.WaitLog("configuration taken over\" because=\"the file changed\"")
	check("a/2", `{"two":1}`)
	put("b", "three") // fits the pattern
	put("c", "no/{{place")
	b.WaitLog(filepath.Join(dir, "c.yaml") + ":1:")
	if err := os.Remove(filepath.Join(dir, "c.yaml")); err != nil {
		t.Fatal(err)
	}
	b.Signal(syscall.SIGHUP)
	b.WaitLog("because=SIGHUP")
	check("b/3", `{"three":1}`)
}
