package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

const refusing = harness.Anonymous + `
limits: {thing_size: 4KiB, message_size: 16KiB}
mappings:
  - topic: devices/{device}/telemetry
    thing: "ref:{{ device }}"
    set: {/attributes/temp: /temp}
  - topic: numbers/{device}
    format: number
    thing: "ref:{{ device }}"
    set: {/attributes/n: ""}
`

// refusal is a message that must not be taken, and what is said of it.
type refusal struct {
	name    string
	topic   string // below "ref/lamp/things/twin/" where it begins with "~"
	payload string
	props   *paho.PublishProperties // with MQTT 5 only
	status  int
	code    string
	silent  bool // its correlation-id cannot be known
}

const (
	correlated = `"headers":{"correlation-id":"c"}`
	modify     = "~commands/modify"
	wrongJSON  = "json.invalid"
	wrongTopic = "protocoladapter:unknown.topicpath"
	notAllowed = "messages:publish.notallowed"
)

func refusals() []refusal {
	value := func(path, value string) string {
		return `{` + correlated + `,"path":"` + path + `","value":` + value + `}`
	}
	envelope := func(topic, path, value string) string {
		return `{"topic":"` + topic + `",` + correlated + `,"path":"` + path + `","value":` + value + `}`
	}
	return []refusal{
		{"no JSON", modify, `{"path":"/attributes/n","value":`, nil, 400, wrongJSON, true},
		{"nothing", modify, ``, nil, 400, wrongJSON, true},
		{"text after the envelope", modify, value("/attributes/n", "2") + "x", nil, 400, wrongJSON, true},
		{"an array for an envelope", modify, `[` + value("/attributes/n", "2") + `]`, nil, 400, wrongJSON, true},
		{"a number for an envelope", modify, `42`, nil, 400, wrongJSON, true},
		{"a string for an envelope", "ditto", `"x"`, nil, 400, wrongJSON, true},
		{"a key twice", modify, `{` + correlated + `,"path":"/attributes/n","path":"/attributes/m","value":2}`, nil, 400, wrongJSON, true},
		{"a key twice in the value", modify, value("/attributes", `{"n":2,"n":3}`), nil, 400, wrongJSON, true},
		{"a key twice, once escaped", modify, value("/attributes", `{"n":2,"\u006e":3}`), nil, 400, wrongJSON, true},
		{"nesting over the limit", modify, value("/attributes/deep", strings.Repeat("[", 65)+strings.Repeat("]", 65)), nil, 400, wrongJSON, true},
		{"nesting over the limit within the Thing", modify, value("/attributes/a/b/c/d", strings.Repeat(`[`, 62)+strings.Repeat("]", 62)), nil, 400, "json.format.invalid", false},
		{"invalid UTF-8", modify, value("/attributes/n", "\"\xff\""), nil, 400, wrongJSON, true},
		{"half a surrogate pair", modify, value("/attributes/n", `"\ud800"`), nil, 400, wrongJSON, true},
		{"a number as JSON has none", modify, value("/attributes/n", `NaN`), nil, 400, wrongJSON, true},
		{"a number with a leading zero", modify, value("/attributes/n", `01`), nil, 400, wrongJSON, true},

		{"no topic", "ditto", value("/attributes/n", "2"), nil, 400, "json.field.missing", false},
		{"a topic that is a number", "ditto", `{"topic":1,` + correlated + `,"path":"/attributes/n","value":2}`, nil, 400, wrongJSON, false},
		{"a topic that is none", "ditto", envelope("ref/lamp", "/attributes/n", "2"), nil, 400, wrongTopic, false},
		{"a topic that contradicts", modify, envelope("ref/other/things/twin/commands/modify", "/attributes/n", "2"), nil, 400, wrongTopic, false},
		{"a topic with another action", modify, envelope("ref/lamp/things/twin/commands/delete", "/attributes/n", "2"), nil, 400, wrongTopic, false},
		{"an unknown action", "~commands/explode", value("/attributes/n", "2"), nil, 400, wrongTopic, false},
		{"an action of events", "~commands/modified", value("/attributes/n", "2"), nil, 400, wrongTopic, false},
		{"no action", "~commands", value("/attributes/n", "2"), nil, 400, wrongTopic, false},
		{"levels after the action", "~commands/modify/now", value("/attributes/n", "2"), nil, 400, wrongTopic, false},
		{"an unknown criterion", "~wishes/modify", value("/attributes/n", "2"), nil, 400, wrongTopic, false},
		{"an unknown channel", "ditto/ref/lamp/things/dead/commands/modify", value("/attributes/n", "2"), nil, 400, wrongTopic, false},
		{"an unknown group", "ditto/ref/lamp/stuff/twin/commands/modify", value("/attributes/n", "2"), nil, 400, wrongTopic, false},
		{"a topic that ends early", "ditto/ref/lamp", value("/attributes/n", "2"), nil, 400, wrongTopic, false},
		{"a percent sign that encodes nothing", "ditto/ref/50%/things/twin/commands/modify", value("/attributes/n", "2"), nil, 400, wrongTopic, false},
		{"create below the Thing", "~commands/create", value("/attributes/new", "2"), nil, 400, wrongTopic, false},

		{"no path", modify, `{` + correlated + `,"value":2}`, nil, 400, "json.field.missing", false},
		{"a path that is a number", modify, `{` + correlated + `,"path":7,"value":2}`, nil, 400, wrongJSON, false},
		{"a path with an empty level", modify, value("/attributes//n", "2"), nil, 400, "json.pointer.invalid", false},
		{"a path that leads nowhere", modify, value("/colour", "2"), nil, 400, "protocoladapter:unknown.path", false},
		{"a path below the definition", modify, value("/definition/0", "2"), nil, 400, "protocoladapter:unknown.path", false},
		{"a path that no Feature has", modify, value("/features/f/state", "2"), nil, 400, "protocoladapter:unknown.path", false},

		{"no value", modify, `{` + correlated + `,"path":"/attributes/n"}`, nil, 400, wrongJSON, false},
		{"attributes that are a number", modify, value("/attributes", "2"), nil, 400, "json.format.invalid", false},
		{"features that are an array", modify, value("/features", "[]"), nil, 400, "json.format.invalid", false},
		{"properties that are a text", modify, value("/features/f/properties", `"x"`), nil, 400, "json.format.invalid", false},
		{"a definition that is none", modify, value("/definition", `"x"`), nil, 400, "things:definition.identifier.invalid", false},
		{"a Feature's definition of nothing", modify, value("/features/f/definition", `[]`), nil, 400, "things:feature.definition.empty", false},
		{"a Policy ID that is none", modify, value("/policyId", `"x"`), nil, 400, "policies:id.invalid", false},
		{"a patch of the whole that is a number", "~commands/merge", value("/", `2`), nil, 400, "things:merge.invalid", false},

		{"a namespace that is none", "ditto/1ref/lamp/things/twin/commands/create", value("/", "{}"), nil, 400, "things:id.invalid", false},
		{"a name that is empty", "ditto/ref//things/twin/commands/create", value("/", "{}"), nil, 400, wrongTopic, false},
		{"an ID that is too long", "ditto/ref/" + strings.Repeat("x", 253) + "/things/twin/commands/create", value("/", "{}"), nil, 400, "things:id.invalid", false},
		{"a name with a control character", "ditto", envelope(`ref/a\u0001b/things/twin/commands/create`, "/", "{}"), nil, 400, "things:id.invalid", false},
		{"an ID that contradicts the topic's", modify, value("/", `{"thingId":"ref:other"}`), nil, 400, "things:id.notsettable", false},
		{"an ID in the value that is none", modify, value("/", `{"thingId":"lamp"}`), nil, 400, "things:id.invalid", false},

		{"an attribute key with a slash", modify, value("/attributes", `{"a/b":1}`), nil, 400, "json.key.invalid", false},
		{"an attribute key with a slash in the path", modify, value("/attributes/a~1b", `1`), nil, 400, "json.key.invalid", false},
		{"an attribute key that is empty", modify, value("/attributes", `{"":1}`), nil, 400, "json.key.invalid", false},
		{"an attribute key beyond ASCII", modify, value("/attributes", `{"a":{"grün":1}}`), nil, 400, "json.key.invalid", false},
		{"an attribute key with a control character", modify, value("/attributes", `{"a\n":1}`), nil, 400, "json.key.invalid", false},
		{"a Feature ID with a slash", modify, value("/features", `{"a/b":{}}`), nil, 400, "json.key.invalid", false},
		{"a property key that is empty", modify, value("/features/f", `{"properties":{"":1}}`), nil, 400, "json.key.invalid", false},

		{"a Thing over the limit", modify, value("/attributes/long", `"`+strings.Repeat("x", 4096)+`"`), nil, 413, "things:thing.toolarge", false},
		{"a new Thing over the limit", "ditto/ref/large/things/twin/commands/create", value("/", `{"attributes":{"long":"`+strings.Repeat("x", 4096)+`"}}`), nil, 413, "things:thing.toolarge", false},
		{"a message over the limit", modify, value("/attributes/long", `"`+strings.Repeat("x", 17<<10)+`"`), nil, 413, "messages:toolarge", true},
		{"telemetry over the limit", "devices/lamp/telemetry", `{"x":"` + strings.Repeat("x", 17<<10) + `"}`, nil, 413, "messages:toolarge", true},

		{"headers that are an array", modify, `{"headers":[],"path":"/attributes/n","value":2}`, nil, 400, wrongJSON, true},
		{"a header of the wrong kind", modify, `{"headers":{"correlation-id":"c","response-required":7},"path":"/attributes/n","value":2}`, nil, 400, "header.invalid", false},
		{"a header that is not there yet", modify, `{"headers":{"correlation-id":"c","dry-run":true},"path":"/attributes/n","value":2}`, nil, 400, "header.notsupported", false},
		{"an entity tag that is not there", modify, `{"headers":{"correlation-id":"c","if-match":"\"rev:1\""},"path":"/attributes/n","value":2}`, nil, 412, "things:precondition.failed", false},
		{"a condition that does not hold", modify, `{"headers":{"correlation-id":"c","condition":"not(exists(thingId))"},"path":"/attributes/n","value":2}`, nil, 412, "things:condition.failed", false},
		{"a condition that is none", modify, `{"headers":{"correlation-id":"c","condition":"exists"},"path":"/attributes/n","value":2}`, nil, 400, "things:condition.invalid", false},
		{"a merge of another content type", "~commands/merge", `{"headers":{"correlation-id":"c","content-type":"application/json-patch+json"},"path":"/attributes/n","value":2}`, nil, 415, "mediatype.unsupported", false},
		{"fields that are none", "~commands/retrieve", `{` + correlated + `,"path":"/","fields":"a(b"}`, nil, 400, "json.fieldselector.invalid", false},

		{"a Thing that is there already", "~commands/create", value("/", "{}"), nil, 409, "things:thing.conflict", false},
		{"a part of no Thing", "ditto/ref/none/things/twin/commands/modify", value("/attributes/n", "2"), nil, 404, "things:thing.notfound", false},
		{"a property of no Feature", modify, value("/features/none/properties/n", "2"), nil, 404, "things:feature.notfound", false},

		{"a twin event", "~events/modified", value("/attributes/n", "2"), nil, 403, notAllowed, false},
		{"a twin event as a whole envelope", "ditto", envelope("ref/lamp/things/twin/events/modified", "/attributes/n", "2"), nil, 403, notAllowed, false},
		{"an error of the twin", "~errors", value("/", "{}"), nil, 403, notAllowed, false},
		{"an announcement", "ditto/ref/lamp/policies/announcements/subjectDeletion", value("/", "{}"), nil, 403, notAllowed, false},
		{"a reply to somebody else", "ditto/_replies/somebody", value("/", "{}"), nil, 403, notAllowed, true},
		{"the root of the replies", "ditto/_replies", value("/", "{}"), nil, 403, notAllowed, true},
		{"a topic of the broker", "$SYS/broker/version", "x", nil, 403, notAllowed, true},
		{"the state tree", "twin/ref/lamp/attributes/n/set", "2", nil, 400, "signal.unsupported", true},
		{"a live message, which is not there yet", "ditto/ref/lamp/things/live/messages/blink", value("/inbox/messages/blink", "2"), nil, 400, "signal.unsupported", false},

		{"a reply-to that would inject a command", modify, `{"headers":{"correlation-id":"c","reply-to":"ditto/ref/lamp/things/twin/commands/modify"},"path":"/attributes/n","value":2}`, nil, 400, "messages:replyto.invalid", false},
		{"a reply-to into the state tree", modify, `{"headers":{"correlation-id":"c","reply-to":"twin/ref/lamp/attributes/n/set"},"path":"/attributes/n","value":2}`, nil, 400, "messages:replyto.invalid", false},
		{"a reply-to that a mapping takes in", modify, `{"headers":{"correlation-id":"c","reply-to":"devices/lamp/telemetry"},"path":"/attributes/n","value":2}`, nil, 400, "messages:replyto.invalid", false},
		{"a reply-to of the broker", modify, `{"headers":{"correlation-id":"c","reply-to":"$SYS/broker/version"},"path":"/attributes/n","value":2}`, nil, 400, "messages:replyto.invalid", false},
		{"a reply-to with a wildcard", modify, `{"headers":{"correlation-id":"c","reply-to":"a/#"},"path":"/attributes/n","value":2}`, nil, 400, "messages:replyto.invalid", false},
		{"a Response Topic that would inject a command", modify, value("/attributes/n", "2"),
			&paho.PublishProperties{ResponseTopic: "ditto/ref/lamp/things/twin/commands/modify"}, 400, "messages:replyto.invalid", false},
		{"a Response Topic that is the root", modify, value("/attributes/n", "2"), &paho.PublishProperties{ResponseTopic: "ditto"}, 400, "messages:replyto.invalid", false},
		{"a Response Topic that a mapping takes in", modify, value("/attributes/n", "2"),
			&paho.PublishProperties{ResponseTopic: "numbers/lamp"}, 400, "messages:replyto.invalid", false},

		{"telemetry that is no JSON", "devices/lamp/telemetry", `{"temp":`, nil, 400, "connectivity:message.mapping.failed", true},
		{"telemetry that is no number", "numbers/lamp", `warm`, nil, 400, "connectivity:message.mapping.failed", true},
		{"telemetry of no Thing", "devices/none/telemetry", `{"temp":1}`, nil, 404, "things:thing.notfound", true},
	}
}

// reasons are the reason codes of the statuses; others have 0x83.
var reasons = map[int]byte{400: 0x99, 403: 0x87, 413: 0x97}

func TestWhatIsRefusedLeavesNoTraceButTheRefusal(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: refusing})
	watch := newApp(t, b, 5, harness.Connect{ID: "watcher"})
	watch.must("ref:lamp", "create", "/", `{"definition":"a:b:1.0","attributes":{"n":1,"list":[1]},"features":{"f":{"properties":{"text":"x"}}}}`)
	watch.Subscribe("#", "$SYS/twinbroker/refused")
	before, revision := watch.state("ref:lamp")
	watch.Drain("#")
	for n, r := range refusals() {
		for _, version := range []byte{5, 4} {
			if version == 4 && r.props != nil {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", r.name, version), func(t *testing.T) {
				watch, counter := watch.in(t), `twinbroker_refused_total{error="`+r.code+`"}`
				counted := metric(t, b, counter)
				c := harness.Dial(t, b, version, harness.Connect{ID: fmt.Sprintf("refused-%d-%d", n, version)})
				r.send(t, c, byte(1+n%2))
				r.checkTold(t, watch, c.ID())
				for _, m := range watch.Drain("#") {
					t.Errorf("another client received %v", m)
				}
				if more := metric(t, b, counter) - counted; more != 1 {
					t.Errorf("%s rose by %v, want 1", counter, more)
				}
				line := b.WaitLog("client=" + c.ID() + " ")
				if !strings.Contains(line, "message refused") || !strings.Contains(line, "error="+r.code) || len(line) > 2000 {
					t.Errorf("logged %s", line)
				}
				if thing, now := watch.state("ref:lamp"); thing != before || now != revision {
					t.Errorf("the Thing is %s at revision %d, before %s at %d", thing, now, before, revision)
				}
				watch.Drain("#")
			})
		}
	}
	for _, id := range []string{"ref:other", "ref:large", "ref:none"} {
		if thing, _ := watch.state(id); thing != "" {
			t.Errorf("there is %s", thing)
		}
	}
}

// fullTopic is the MQTT topic that the message is published to.
func (r *refusal) fullTopic() string {
	if rest, ok := strings.CutPrefix(r.topic, "~"); ok {
		return "ditto/ref/lamp/things/twin/" + rest
	}
	return r.topic
}

// send publishes it and checks what the sender is told.
func (r *refusal) send(t *testing.T, c harness.Client, qos byte) {
	t.Helper()
	own := "ditto/_replies/" + c.ID()
	c.Subscribe("ditto/_replies/#")
	if c5, ok := c.(*harness.Client5); ok {
		err := c5.Send(&paho.Publish{Topic: r.fullTopic(), QoS: qos, Payload: []byte(r.payload), Properties: r.props})
		want, known := reasons[r.status]
		if !known {
			want = 0x83
		}
		refused, ok := err.(*harness.Refused)
		if !ok || refused.Code != want || !strings.HasPrefix(refused.Reason, r.code+": ") {
			t.Errorf("acknowledged with %v, want %#x and a reason that begins with %s", err, want, r.code)
		}
	} else if err := c.Publish(r.fullTopic(), r.payload, qos); err != nil {
		t.Errorf("MQTT 3.1.1 knows no refusal, and it is not acknowledged: %v", err)
	}
	m := c.Wait("#")
	correlation := "c"
	if r.silent {
		correlation = ""
	}
	e := read(t, m)
	e.wantError(t, r.status, r.code, correlation)
	if m.Topic != own || m.QoS != qos {
		t.Errorf("answered with %v, want it on %s at QoS %d", m, own, qos)
	}
	if also := c.Drain("#"); len(also) > 0 {
		t.Errorf("answered with %v besides", also)
	}
}

// checkTold checks what operators are told.
func (r *refusal) checkTold(t *testing.T, watch *app, client string) {
	t.Helper()
	var told struct {
		Time, Client, Topic, Error, Message string
		Status                              int
	}
	m := watch.Wait("$SYS/twinbroker/refused")
	if err := json.Unmarshal([]byte(m.Payload), &told); err != nil {
		t.Fatalf("%v: %s", err, m.Payload)
	}
	wantTime(t, told.Time)
	if told.Client != client || told.Topic != r.fullTopic() || told.Error != r.code || told.Status != r.status || told.Message == "" {
		t.Errorf("operators are told %s", m.Payload)
	}
	if more := watch.Drain("$SYS/twinbroker/refused"); len(more) > 0 {
		t.Errorf("operators are also told %v", more)
	}
}

func TestAWillThatNobodyMaySendIsRefusedAtConnect(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: refusing})
	for _, version := range []byte{5, 4} {
		for topic, in := range map[string]bool{
			"ditto/ref/lamp/things/twin/events/modified":  false,
			"ditto/ref/lamp/things/twin/errors":           false,
			"ditto/_replies/somebody":                     false,
			"$SYS/broker/version":                         false,
			"twin/ref/lamp/attributes/n/set":              false,
			"ditto/ref/lamp/things/twin/commands/explode": false,
			"ditto/ref/lamp/things/twin/commands/modify":  true,
			"devices/lamp/telemetry":                      true,
			"plain/topic":                                 true,
		} {
			o := mqttraw.Options{ClientID: fmt.Sprintf("will-%d", version), Version: version, Clean: true, Will: &mqttraw.Will{
				Topic: topic, Payload: []byte(`{"path":"/attributes/n","value":9}`), QoS: 1}}
			c, ack, err := mqttraw.Dial(b.MQTT(), o)
			if err == nil {
				_ = c.Disconnect()
			}
			want := byte(0)
			if !in && version == 5 {
				want = 0x87
			} else if !in {
				want = 5
			}
			if ack.Reason != want || in != (err == nil) {
				t.Errorf("%s: answered with %#x, %v; want %#x", topic, ack.Reason, err, want)
			}
			if !in && version == 5 && (ack.Props == nil || !strings.HasPrefix(ack.Props.ReasonString, "will: ")) {
				t.Errorf("%s: refused without a reason that speaks of the will: %+v", topic, ack.Props)
			}
		}
	}
	a := newApp(t, b, 5, harness.Connect{})
	if n := metric(t, b, "twinbroker_connections_refused_total"); n != 12 {
		t.Errorf("twinbroker_connections_refused_total is %v, want 12", n)
	}
	if thing, _ := a.state("ref:lamp"); thing != "" {
		t.Errorf("there is %s", thing)
	}
}

func TestAWillThatIsRefusedWhenItIsDueIsCountedAndChangesNothing(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: refusing})
	a := newApp(t, b, 5, harness.Connect{})
	a.Subscribe("#", "$SYS/twinbroker/refused")
	a.must("ref:lamp", "create", "/", `{}`)
	a.Drain("#")
	for _, will := range []struct{ topic, payload, code string }{
		{"ditto/ref/lamp/things/twin/commands/modify", `{"path":"/nowhere","value":1}`, "protocoladapter:unknown.path"},
		{"ditto", `{"topic":"ref/lamp/things/twin/events/modified","path":"/","value":1}`, notAllowed},
		{"numbers/lamp", "none", "connectivity:message.mapping.failed"},
	} {
		harness.Dial3(t, b, harness.Connect{Will: &paho.WillMessage{Topic: will.topic, Payload: []byte(will.payload), QoS: 1}}).Drop()
		if m := a.Wait("$SYS/twinbroker/refused"); !strings.Contains(m.Payload, `"error":"`+will.code+`"`) {
			t.Errorf("operators are told %s, want %s", m.Payload, will.code)
		}
		for _, m := range a.Drain("#") {
			t.Errorf("received %v", m)
		}
	}
	if _, revision := a.state("ref:lamp"); revision != 1 {
		t.Errorf("the Thing is at revision %d", revision)
	}
}

func TestARetainFlagInTheDittoTreeIsIgnored(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		a := newApp(t, b, version, harness.Connect{})
		topic := fmt.Sprintf("ditto/keep/v%d/things/twin/", version)
		a.Subscribe(topic + "#")
		if err := a.PublishRetained(topic+"commands/create", `{"path":"/","value":{}}`, 1); err != nil {
			t.Fatal(err)
		}
		if m := a.Wait(topic + "events/created"); m.Retain {
			t.Errorf("told %v", m)
		}
		if m := a.Wait("ditto/_replies/#"); m.Retain {
			t.Errorf("answered %v", m)
		}
		late := harness.Dial(t, b, version, harness.Connect{})
		late.Subscribe(topic + "#")
		if got := late.Drain("#"); len(got) > 0 {
			t.Errorf("a later subscriber received %v", got)
		}
		if got := a.Drain(topic + "commands/#"); len(got) > 0 {
			t.Errorf("the command itself was relayed: %v", got)
		}
	})
}

func TestRefusalsOfOneClientDoNotFloodTheLog(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	noisy, quiet := newApp(t, b, 5, harness.Connect{ID: "noisy"}), newApp(t, b, 5, harness.Connect{ID: "quiet"})
	for range 100 {
		noisy.command("log:none", "retrieve", "/", "")
	}
	quiet.command("log:none", "retrieve", "/", "")
	b.WaitLog("client=quiet ")
	if n := strings.Count(b.Log(), "client=noisy "); n < 5 || n > 15 {
		t.Errorf("100 refusals made %d lines", n)
	}
	if n := metric(t, b, `twinbroker_refused_total{error="things:thing.notfound"}`); n != 101 {
		t.Errorf("%v are counted, want 101", n)
	}
}
