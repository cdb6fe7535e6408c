package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// sdkClient speaks as a program with Ditto's SDK for Go does (its
// client_internal.go and utils.go): MQTT 3.1.1, envelopes to the topic e with
// QoS 1, one subscription at QoS 1. The SDK itself is tried in test/gosdk.
type sdkClient struct {
	t testing.TB
	*harness.Client3
}

func newSDKClient(t testing.TB, b *harness.Broker, id string) *sdkClient {
	t.Helper()
	c := &sdkClient{t, harness.Dial3(t, b, harness.Connect{ID: id})}
	if code := c.SubscribeAt("command///req/#", 1); code != 1 {
		t.Fatalf("subscribing: %#x", code)
	}
	return c
}

// send publishes what the SDK makes of a command.
func (c *sdkClient) send(thing, action, path, headers, value string) {
	c.t.Helper()
	payload := fmt.Sprintf(`{"topic":"%s/things/twin/commands/%s"`, strings.Replace(thing, ":", "/", 1), action)
	if headers != "" {
		payload += `,"headers":` + headers
	}
	payload += `,"path":"` + path + `"`
	if value != "" {
		payload += `,"value":` + value
	}
	if err := c.Publish("e", payload+"}", 1); err != nil {
		c.t.Fatal(err)
	}
}

// sdkEnvelope is what the SDK reads of a message.
type sdkEnvelope struct {
	Topic   string
	Headers map[string]any
	Path    string
	Value   json.RawMessage
	Status  int
}

var (
	// A topic of this form is a request that waits for an answer.
	sdkRequest = regexp.MustCompile(`^command///req/([^/]+)/([^/]+)$`)
	// The SDK drops envelopes with other topics.
	sdkTopic = regexp.MustCompile(`^[^/]+(/[^/]+){4,5}$`)
)

// heard takes what came to the client, as "topic status path value".
func (c *sdkClient) heard() []string {
	c.t.Helper()
	var list []string
	for _, m := range c.Drain("command/#") {
		var e sdkEnvelope
		if err := json.Unmarshal([]byte(m.Payload), &e); err != nil || !sdkTopic.MatchString(e.Topic) {
			c.t.Errorf("the SDK cannot read %s %s: %v", m.Topic, m.Payload, err)
		}
		if sdkRequest.MatchString(m.Topic) || !strings.HasPrefix(m.Topic, "command///req/") {
			c.t.Errorf("the SDK takes %s for a request, or for nothing", m.Topic)
		}
		correlation, isText := e.Headers["correlation-id"].(string)
		if e.Headers["correlation-id"] != nil && !isText {
			c.t.Errorf("the SDK does not survive the correlation-id of %s", m.Payload)
		}
		if len(correlation) == 36 {
			correlation = "UUID" // the broker's, where the command had none
		}
		_, action, _ := strings.Cut(m.Topic, "req//")
		list = append(list, fmt.Sprintf("%s: %s %d %s %s", action, correlation, e.Status, e.Path, e.Value))
	}
	return list
}

func TestClientsOfDittosGoSDKHaveAThingEach(t *testing.T) {
	t.Parallel()
	recipe, err := filepath.Abs("../../docs/recipes/ditto-go-sdk.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + "include: [" + recipe + "]\n"})
	spy := harness.Dial3(t, b, harness.Connect{ID: "spy"})
	spy.Subscribe("command/#")
	clients := []*sdkClient{newSDKClient(t, b, "pump-1"), newSDKClient(t, b, "pump-2")}
	same := func(who string, got []string, want ...string) {
		t.Helper()
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s heard\n%s\nwant\n%s", who, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}

	for i, c := range clients {
		thing := "org.acme:" + c.ID()
		c.send(thing, "create", "/", `{"correlation-id":"c-1"}`, `{"thingId":"`+thing+`"}`)
		c.send(thing, "modify", "/features/meter", `{"correlation-id":"c-2"}`, `{"definition":["org.acme:Meter:1.0.0"],"properties":{"level":12}}`)
		c.send(thing, "modify", "/features/meter/properties/level", `{"correlation-id":"c-3"}`, `17`)
		c.send(thing, "modify", "/features/meter/properties/level", `{"response-required":false}`, `18`)
		c.send(thing, "retrieve", "/features/meter/properties", `{"correlation-id":"c-4"}`, "")
		whole := fmt.Sprintf(`{"thingId":%q,"policyId":%[1]q}`, thing)
		feature := `{"definition":["org.acme:Meter:1.0.0"],"properties":{"level":12}}`
		same(c.ID(), c.heard(),
			"created: c-1 0 / "+whole, "create-response: c-1 201 / "+whole,
			"created: c-2 0 /features/meter "+feature, "modify-response: c-2 201 /features/meter "+feature,
			"modified: c-3 0 /features/meter/properties/level 17", "modify-response: c-3 204 /features/meter/properties/level ",
			"modified: UUID 0 /features/meter/properties/level 18",
			`retrieve-response: c-4 200 /features/meter/properties {"level":18}`)
		same("the other", clients[1-i].heard())
	}

	// Another's Thing is out of reach, and nobody hears of the attempt but the client itself.
	thief := clients[0]
	thief.send("org.acme:pump-2", "modify", "/features/meter/properties/level", `{"correlation-id":"c-5"}`, "0")
	thief.send("org.acme:pump-2", "retrieve", "/", `{"correlation-id":"c-6"}`, "")
	heard := thief.heard()
	if len(heard) != 2 || !strings.Contains(heard[0], "c-5 400 / ") || !strings.Contains(heard[1], "c-6 400 / ") {
		t.Errorf("the thief heard\n%s\nwant two refusals with status 400", strings.Join(heard, "\n"))
	}
	same("the other", clients[1].heard())
	clients[1].send("org.acme:pump-2", "retrieve", "/features/meter/properties/level", `{"correlation-id":"c-7"}`, "")
	same("the other", clients[1].heard(), "retrieve-response: c-7 200 /features/meter/properties/level 18")
	if seen := spy.Drain("#"); len(seen) > 0 {
		t.Errorf("somebody who listens saw %v", seen)
	}
}
