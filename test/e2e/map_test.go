package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// house is the configuration of the tests of the verb "map".
const house = `mappings:
  - topic: devices/{device}/telemetry
    thing: "org.acme:{{ device }}"
    set:
      /features/climate/properties/temperature: /temp
      /features/climate/properties/humidity: /hum
      /features/climate/properties/deep: /deep/er
      /attributes/seen: {value: {at: "{{ time:now }}", by: "{{ client:id }}", of: "{{ client:username }}"}}
      /attributes/kind: {value: heater}
    create: {}
  - topic: sensors/{device}/{feature}/{property}
    format: number
    thing: "org.acme:{{ device }}"
    set: {"/features/{{ feature }}/desiredProperties/{{ property }}": ""}
    create: {policy: "org.acme:{{ device }}-policy"}
  - topic: sensors/{device}/{path...}
    format: text
    thing: "org.acme:{{ device }}"
    set: {/attributes/last: ""}
  - topic: only/{device}
    thing: "{{ payload:/id }}"
    set: {/attributes/a: /a}
  - topic: gateways/{gateway}/readings
    each: /readings
    when: payload.ok != false
    thing: "org.acme:{{ payload:/id }}"
    set: {/features/reading/properties/f: {expr: "payload.c * 9 / 5 + 32"}}
    create: {policy: "org.acme:{{ gateway }}", attributes: {gateway: "{{ gateway }}"}}
  - topic: event/{device}
    format: ditto
    thing: "org.acme:{{ device }}"
  - topic: raw/{device}
    thing: "org.acme:{{ device }}"
    set: {"/features/{{ payload:/k }}": /value}
    create: {}
  - topic: strict/{device}
    thing: "org.acme:{{ device }}"
    set: {/policyId: ""}
    format: text
publications:
  - path: /features/{feature}/desiredProperties/{property...}
    topic: "cmnd/{{ thing:name }}/{{ feature }}/{{ property }}"
    payload: value
    qos: 1
    retain: true
  - path: /attributes/last
    topic: "last/{{ thing:name }}"
    payload: value
  - namespaces: [elsewhere]
    topic: "events/{{ thing:name }}"
`

func TestMapShowsWhereEachValueComesFrom(t *testing.T) {
	t.Parallel()
	config := harness.WriteFile(t, "house.yaml", house)
	r := harness.Run(t, "map", "-c", config, "--topic", "devices/hall/telemetry", "--payload", `{"temp":21.50,"hum":null,"deep":{"x":1}}`,
		"--client", "gateway", "--time", "2026-07-01T12:00:00.042Z")
	want := `mappings[0] (devices/{device}/telemetry)  ` + config + `:2
  {device}                                  hall           topic
  thing                                     org.acme:hall  "org.acme:{{ device }}"
  /features/climate/properties/temperature  21.50          payload /temp
  /features/climate/properties/humidity     -              payload /hum: it is null (nulls: skip)
  /features/climate/properties/deep         -              payload /deep/er: /deep has no "er"; it has x
  /attributes/seen                          -              constant {"at":"{{ time:now }}","by":"{{ client:id }}","of":"{{ client:username }}"}: {{ client:username }} has no value with this message
  /attributes/kind                          "heater"       constant
  => merge of org.acme:hall, created if need be, with a Policy of its own

{
  "topic": "org.acme/hall/things/twin/commands/merge",
  "headers": {
    "response-required": false
  },
  "path": "/",
  "value": {
    "features": {
      "climate": {
        "properties": {
          "temperature": 21.50
        }
      }
    },
    "attributes": {
      "kind": "heater"
    }
  }
}
`
	if r.Code != 0 || r.Stdout != want || r.Stderr != "" {
		t.Errorf("status %d, %q, got\n%s", r.Code, r.Stderr, r.Stdout)
	}
}

func TestMapSaysWhatComesOfAMessage(t *testing.T) {
	t.Parallel()
	config := harness.WriteFile(t, "house.yaml", house)
	payload := harness.WriteFile(t, "payload.json", `{"temp":1}`)
	for _, c := range []struct {
		name  string
		args  []string
		stdin string
		code  int
		out   []string // parts of standard output
		err   string   // a part of standard error
	}{
		{name: "a payload of a file", args: []string{"--topic", "devices/a/telemetry", "--payload-file", payload}, out: []string{`"temperature": 1`}},
		{name: "a payload of standard input", args: []string{"--topic", "devices/a/telemetry", "--payload", "-"}, stdin: `{"temp":2}`, out: []string{`"temperature": 2`}},
		{name: "a payload that is piped in", args: []string{"--topic", "devices/a/telemetry"}, stdin: `{"temp":3}`, out: []string{`"temperature": 3`}},
		{name: "a user name", args: []string{"--topic", "devices/a/telemetry", "--payload", "{}", "--username", "u"}, out: []string{`"by": "twinbroker-map"`, `"of": "u"`}},

		{name: "no pattern fits", args: []string{"--topic", "devices/a/telemetri", "--payload", "{}"}, code: 1,
			out: []string{"the nearest are\n  mappings[0] (devices/{device}/telemetry)", `level 3 is "telemetri" and should be "telemetry"`},
			err: `no mapping takes messages of the topic "devices/a/telemetri"`},
		{name: "nothing is near", args: []string{"--topic", "x", "--payload", "{}"}, code: 1, err: `no mapping takes messages of the topic "x"`},
		{name: "the tree of the Ditto Protocol", args: []string{"--topic", "ditto/a/b", "--payload", "{}"}, code: 1, err: "the Ditto Protocol's"},
		{name: "the tree of the state", args: []string{"--topic", "twin/a/b", "--payload", "{}"}, code: 1, err: "the twins' state"},
		{name: "the broker's own topics", args: []string{"--topic", "$SYS/x", "--payload", "{}"}, code: 1, err: "the broker's own"},
		{name: "a topic with a wildcard", args: []string{"--topic", "devices/+/telemetry", "--payload", "{}"}, code: 1, err: "nobody can publish"},
		{name: "a refusal, and the mapping behind it", args: []string{"--topic", "sensors/a/b/c", "--payload", "21,5"}, code: 1,
			out: []string{"=> refused (400 connectivity:message.mapping.failed)", "mappings[2] (sensors/{device}/{path...})", "=> not tried"},
			err: `the payload "21,5" has a decimal comma`},
		{name: "a Thing's ID that is none", args: []string{"--topic", "only/a", "--payload", `{"id":"none","a":1}`}, code: 1, out: []string{`"{{ payload:/id }}"`}, err: `it makes the ID "none"`},
		{name: "a Thing's ID that is missing", args: []string{"--topic", "only/a", "--payload", `{"a":1}`}, code: 1, out: []string{"{{ payload:/id }} has no value"}, err: "payload:/id"},
		{name: "nothing to say", args: []string{"--topic", "only/a", "--payload", `{"id":"a:b","b":1}`}, code: 1, out: []string{`the payload has no "a"; it has id, b`, "=> nothing"}, err: "nothing to say"},
		{name: "an array", args: []string{"--topic", "gateways/g/readings", "--payload", `{"readings":[{"id":"a","c":20},{"id":"b","ok":false},{"id":"c","c":0}]}`},
			out: []string{"  each /readings/1 ", "so the mapping does not apply", "=> merge of org.acme:a, created if need be, with the Policy org.acme:g\n  => merge of org.acme:c"}},
		{name: "an array that is empty", args: []string{"--topic", "gateways/g/readings", "--payload", `{"readings":[]}`}, code: 1, err: "the array of each is empty"},
		{name: "a condition that does not hold", args: []string{"--topic", "gateways/g/readings", "--payload", `{"readings":[{"ok":false}]}`}, code: 1, err: "when does not hold"},
		{name: "the end of a retained message", args: []string{"--topic", "only/a", "--payload", "", "--retain"}, code: 1, err: "takes back what was retained"},
		{name: "an envelope", args: []string{"--topic", "event/a", "--property", "x=y", "--payload", `{"topic":"org.acme/a/things/twin/commands/retrieve","path":"/"}`},
			out: []string{"=> the envelope org.acme/a/things/twin/commands/retrieve", `"x": "y"`}},
		{name: "an envelope for another Thing", args: []string{"--topic", "event/a", "--payload", `{"topic":"org.acme/b/things/twin/commands/retrieve","path":"/"}`}, code: 1,
			out: []string{"=> refused (400 connectivity:connection.id.enforcement.failed)"}, err: "may address the thing"},
		{name: "an envelope that is the broker's to send", args: []string{"--topic", "event/a", "--payload", `{"topic":"org.acme/a/things/twin/events/modified","path":"/"}`}, code: 1, err: "the broker's to send"},
		{name: "what publications send of an envelope", args: []string{"--out", "--topic", "event/a", "--payload", `{"topic":"org.acme/a/things/twin/commands/modify","path":"/attributes/last","value":"x"}`},
			out: []string{"  => last/a  x  QoS 0\n"}},
		{name: "what the twin refuses", args: []string{"--out", "--topic", "strict/a", "--payload", "no ID"}, code: 1, err: "The change is made by mappings[7] (strict/{device})."},
		{name: "what the twin refuses, without publications", args: []string{"--topic", "raw/a", "--payload", `{"k":"meas","value":[1]}`}, code: 1,
			out: []string{"  => refused (400 "}, err: "Feature"},
		{name: "what the twin may refuse, which depends on the Thing", args: []string{"--topic", "event/a", "--payload", `{"topic":"org.acme/a/things/twin/commands/modify","path":"/features/f/properties/x","value":1}`},
			out: []string{"=> the envelope org.acme/a"}},
		{name: "a text with quotes, a number without", args: []string{"--topic", "devices/a/telemetry", "--payload", `{"temp":"21,5","hum":21.5}`},
			out: []string{` "21,5" `, " 21.5 ", " org.acme:a "}},
		{name: "a line whose path is not known", args: []string{"--topic", "raw/a", "--payload", `{"value":1}`}, code: 1,
			out: []string{"/features/{{ payload:/k }}", "{{ payload:/k }} has no value"}, err: "nothing to say"},
		{name: "more than the broker takes", args: []string{"--topic", "only/a"}, stdin: strings.Repeat(" ", 256<<10) + "{}", code: 1, err: "262146 bytes, more than the 262144 that a message which changes a twin may have"},
		{name: "two payloads", args: []string{"--topic", "only/a", "--payload", "a", "--payload-file", payload}, code: 1, err: "payload-file"},

		{name: "what publications send", args: []string{"--out", "--topic", "sensors/a/b/c", "--payload", "23.0", "--thing", "{}"},
			out: []string{"event org.acme/a/things/twin/events/merged at /", "  => cmnd/a/b/c  23.0  QoS 1, retained\n", "  => last/a  23.0  QoS 0\n",
				"=> nothing: it is for the namespaces elsewhere, and the event is of org.acme"}},
		{name: "what publications send of a message whose Thing must be there", args: []string{"--out", "--topic", "sensors/a/b", "--payload", "x"},
			out: []string{"events/merged at /", "  => last/a  x  QoS 0\n"}},
		{name: "what publications send of a Thing that a mapping makes", args: []string{"--out", "--topic", "devices/a/telemetry", "--payload", `{"temp":1}`}, code: 1,
			out: []string{"events/created at /"}, err: "no publication has anything to send"},
		{name: "what publications send of an event", args: []string{"--out", "--payload", `{"topic":"org.acme/a/things/twin/events/modified","path":"/attributes/last","value":"ON"}`},
			out: []string{"=> last/a  ON  QoS 0", `=> nothing: the event is at /attributes/last, where level 1 is "attributes" and should be "features"`}},
		{name: "what publications send of a command", args: []string{"--out", "--payload", `{"topic":"org.acme/a/things/twin/commands/modify","path":"/features/f/desiredProperties","value":{"x":{"y":1}}}`, "--thing", `{"features":{"f":{}}}`},
			out: []string{"=> cmnd/a/f/x/y  1  QoS 1, retained"}},
		{name: "a command that is refused", args: []string{"--out", "--payload", `{"topic":"org.acme/a/things/twin/commands/modify","path":"/features/f/properties/x","value":1}`}, code: 1, err: "Feature"},
		{name: "an envelope that is none", args: []string{"--out", "--payload", `{"topic":"x"}`}, code: 1, err: "topic"},
		{name: "a command that changes nothing", args: []string{"--out", "--payload", `{"topic":"org.acme/a/things/twin/commands/retrieve","path":"/"}`}, code: 1, err: "no event follows"},

		{name: "no topic", args: []string{"--payload", "x"}, code: 1, err: "--topic is missing"},
		{name: "an output that is none", args: []string{"--topic", "a", "-o", "xml"}, code: 1, err: "text or json"},
		{name: "a time that is none", args: []string{"--topic", "a", "--time", "noon"}, code: 1, err: "--time"},
		{name: "a property that is none", args: []string{"--topic", "a", "--property", "x"}, code: 1, err: "name=value"},
		{name: "flags of a recording without one", args: []string{"--topic", "a", "--count", "1"}, code: 1, err: "--record"},
		{name: "a recording of nothing", args: []string{"--record", "x.yaml"}, code: 1, err: "--filter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := harness.RunWith(t, nil, c.stdin, append([]string{"map", "-c", config}, c.args...)...)
			if r.Code != c.code || !strings.Contains(r.Stderr, c.err) || c.err == "" && r.Stderr != "" {
				t.Errorf("status %d, %q", r.Code, r.Stderr)
			}
			for _, part := range c.out {
				if !strings.Contains(r.Stdout, part) {
					t.Errorf("%q is not in\n%s", part, r.Stdout)
				}
			}
		})
	}
	t.Run("a configuration with mistakes", func(t *testing.T) {
		bad := harness.WriteFile(t, "bad.yaml", "mappings: [{topic: a, thing: 'a:b', set: {/x: /y}}]\n")
		if r := harness.Run(t, "map", "-c", bad, "--topic", "a", "--payload", ""); r.Code != 1 || !strings.Contains(r.Stderr, bad+":1: ") {
			t.Errorf("status %d: %q", r.Code, r.Stderr)
		}
	})
	t.Run("no configuration", func(t *testing.T) {
		if r := harness.Run(t, "map", "--topic", "a", "--payload", ""); r.Code != 1 || !strings.Contains(r.Stderr, "-c") {
			t.Errorf("status %d: %q", r.Code, r.Stderr)
		}
	})
}

func TestMapPrintsJSONForScripts(t *testing.T) {
	t.Parallel()
	config := harness.WriteFile(t, "house.yaml", house)
	r := harness.Run(t, "map", "-c", config, "-o", "json", "--topic", "sensors/a/b/c", "--payload", "1.50", "--out", "--thing", "{}")
	var got struct {
		Mappings []struct {
			Index    int
			Place    string
			Captures map[string]string
			Steps    []struct {
				Key, Path, From string
				Value           json.RawMessage
			}
		}
		Events []struct{ Publications []struct{ Why string } }
		Result struct {
			Changes      []struct{ Mapping string }
			Publications []struct{ Topic, Payload string }
		}
	}
	if err := json.Unmarshal([]byte(r.Stdout), &got); err != nil || r.Code != 0 || strings.Count(r.Stdout, "\n") != 1 {
		t.Fatalf("status %d, %v: %s%s", r.Code, err, r.Stdout, r.Stderr)
	}
	if len(got.Mappings) != 2 || got.Mappings[0].Index != 1 || got.Mappings[0].Place != config+":11" || got.Mappings[0].Captures["feature"] != "b" {
		t.Errorf("mappings: %+v", got.Mappings)
	}
	set := got.Mappings[0].Steps[1]
	if set.Path != "/features/b/desiredProperties/c" || string(set.Value) != "1.50" || set.From != "payload, all of it" {
		t.Errorf("set: %+v", set)
	}
	if len(got.Result.Changes) != 2 || got.Result.Publications[0].Payload != "1.50" || len(got.Events) != 2 || got.Events[0].Publications[2].Why == "" {
		t.Errorf("%s", r.Stdout)
	}
	r = harness.Run(t, "map", "-c", config, "-o", "json", "--topic", "device/a/telemetry", "--payload", "")
	if r.Code != 1 || !strings.Contains(r.Stdout, `"nearest":[{"index":0,`) || !strings.Contains(r.Stdout, `"result":{"nothing":`) {
		t.Errorf("status %d: %s", r.Code, r.Stdout)
	}
}

func TestMapTestsWithRecordedMessages(t *testing.T) {
	t.Parallel()
	config := harness.WriteFile(t, "house.yaml", house)
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + house})
	file := filepath.Join(t.TempDir(), "messages.yaml")
	recording := harness.Spawn(t, "map", "--record", file, "--filter", "#", "--count", "3", "--url", "mqtt://"+b.MQTT())
	recording.ErrorLine("recording # from")
	device := newApp(t, b, 5, harness.Connect{ID: "device"})
	publish := func(publish func(topic, payload string, qos byte) error, topic, payload string, qos byte) {
		t.Helper()
		if err := publish(topic, payload, qos); err != nil {
			t.Fatal(err)
		}
	}
	publish(device.Publish, "devices/a/telemetry", `{"temp":21.50}`, 1)
	publish(device.PublishRetained, "devices/a/unmapped", "\xff\x00", 2)
	if device.Publish("sensors/a/b/c", "high", 1) == nil {
		t.Fatal("a payload that is no number was not refused")
	}
	recording.ErrorLine(`refused, so not recorded: sensors/a/b/c from device: `)
	publish(device.Publish, "devices/b/telemetry", `{"hum":true}`, 0)
	if code := recording.Wait(); code != 0 {
		t.Fatalf("status %d: %s", code, recording.Errors())
	}
	recording.ErrorLine("signals of ditto/… left out")
	text, err := os.ReadFile(file)
	if err != nil || strings.Count(string(text), "- topic: ") != 3 || !strings.Contains(string(text), "payload: '{\"temp\":21.50}'\n") ||
		!strings.Contains(string(text), "payload_base64: /wA=\n  qos: 2\n  retain: true\n") {
		t.Fatalf("%v\n%s", err, text)
	}
	more := "- envelope: {topic: org.acme/a/things/twin/events/modified, path: /attributes/last, value: 1.50}\n"
	if err := os.WriteFile(file, append(text, more...), 0o600); err != nil {
		t.Fatal(err)
	}

	test := func(code int, args ...string) harness.Result {
		t.Helper()
		r := harness.Run(t, append([]string{"map", "-c", config, "--test", file}, args...)...)
		if r.Code != code {
			t.Fatalf("%v: status %d, want %d\n%s%s", args, r.Code, code, r.Stdout, r.Stderr)
		}
		return r
	}
	if r := test(1); !strings.Contains(r.Stdout, "nothing is expected yet") || !strings.Contains(r.Stderr, "4 of 4 messages") {
		t.Errorf("without expectations:\n%s%s", r.Stdout, r.Stderr)
	}
	if r := test(0, "--update"); !strings.Contains(r.Stdout, "updated  "+file+":2: devices/a/telemetry\n") {
		t.Errorf("updating:\n%s", r.Stdout)
	}
	if r := test(0); !strings.Contains(r.Stdout, "4 messages come to what is expected\n") {
		t.Errorf("after updating:\n%s", r.Stdout)
	}
	text, _ = os.ReadFile(file)
	changed := strings.Replace(string(text), "temperature: 21.50", "temperature: 22", 1)
	if changed == string(text) {
		t.Fatalf("nothing to change in\n%s", text)
	}
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	line := strings.Count(changed[:strings.Index(changed, "temperature: 22")], "\n") + 1
	want := "differs  " + file + ":2: devices/a/telemetry\n  " + file + ":" + strconv.Itoa(line) + ": /changes/0/message/value/features/climate/properties/temperature: expected 22, got 21.50\nok "
	if r := test(1); !strings.HasPrefix(r.Stdout, want) || !strings.Contains(r.Stderr, "1 of 4 messages") {
		t.Errorf("got\n%s%s\nwant\n%s", r.Stdout, r.Stderr, want)
	}
	if r := test(1, "-o", "json"); strings.Count(r.Stdout, "\n") != 4 || !strings.Contains(r.Stdout, `"expected":"22","actual":"21.50"`) {
		t.Errorf("as JSON:\n%s", r.Stdout)
	}
}

func TestMapPointsOutAnEntryThatExpectsNoChangeFromNowOn(t *testing.T) {
	t.Parallel()
	config := harness.WriteFile(t, "house.yaml", house)
	file := harness.WriteFile(t, "messages.yaml", "- {topic: sensors/a/b/c, payload: high}\n- {topic: only/a, payload: '{\"id\":\"a:b\"}'}\n- {topic: sensors/a/b/c, payload: '1'}\n")
	r := harness.Run(t, "map", "-c", config, "--test", file, "--update")
	for _, want := range []string{
		":1: sensors/a/b/c (now expects: refused: The message cannot be mapped",
		":2: only/a (now expects: nothing: the message has nothing to say",
		":3: sensors/a/b/c\n",
	} {
		if r.Code != 0 || !strings.Contains(r.Stdout, want) {
			t.Errorf("status %d, %q is not in\n%s%s", r.Code, want, r.Stdout, r.Stderr)
		}
	}
}

func TestMapRecordsUntilItIsInterrupted(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	recording := harness.Spawn(t, "map", "--record", "-", "--filter", "a/+", "--url", "mqtt://"+b.MQTT())
	recording.ErrorLine("Ctrl-C ends it")
	if err := newApp(t, b, 5, harness.Connect{}).Publish("a/b", "x", 1); err != nil {
		t.Fatal(err)
	}
	recording.Line("payload: 'x'")
	if code := recording.End(syscall.SIGINT); code != 0 {
		t.Errorf("status %d: %s", code, recording.Errors())
	}
	recording.ErrorLine("1 messages recorded")

	taken := harness.WriteFile(t, "taken.yaml", "- topic: a\n")
	if r := harness.Run(t, "map", "--record", taken, "--filter", "#", "--url", "mqtt://"+b.MQTT()); r.Code != 1 || !strings.Contains(r.Stderr, "is there already") {
		t.Errorf("status %d: %s", r.Code, r.Stderr)
	}
	if text, _ := os.ReadFile(taken); string(text) != "- topic: a\n" {
		t.Errorf("the file is now %q", text)
	}
	none := filepath.Join(t.TempDir(), "none.yaml")
	if r := harness.Run(t, "map", "--record", none, "--filter", "#", "--url", "mqtt://127.0.0.1:1"); r.Code != 1 || !strings.Contains(r.Stderr, "127.0.0.1:1") {
		t.Errorf("status %d: %s", r.Code, r.Stderr)
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("an empty file is left behind")
	}
}

func TestTheRecordingInTheDocumentsIsOne(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/map.md")
	if err != nil {
		t.Fatal(err)
	}
	var messages strings.Builder
	for i, part := range strings.Split(string(page), "\n```") {
		if text, ok := strings.CutPrefix(part, "text\n"); ok && i%2 == 1 && text[0] == '-' {
			messages.WriteString(text + "\n")
		}
	}
	config := harness.WriteFile(t, "lamp.yaml", `
mappings:
  - topic: devices/{device}/telemetry
    thing: "org.acme:{{ device }}"
    set: {/features/climate/properties/temperature: /temp}
    create: {}
publications:
  - path: /features/switch/desiredProperties/{command}
    topic: "cmnd/{{ thing:name }}/{{ command }}"
    payload: value
    qos: 1
`)
	r := harness.Run(t, "map", "-c", config, "--test", harness.WriteFile(t, "messages.yaml", messages.String()))
	if r.Code != 0 || !strings.HasSuffix(r.Stdout, "\n2 messages come to what is expected\n") {
		t.Errorf("status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}
