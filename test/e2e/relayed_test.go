package e2e

import (
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"github.com/twinbroker/twinbroker/test/harness"
)

// What is relayed whatever becomes of it comes in the order in which its client
// sent it, also where one message waits for the disk and the next is refused
// at once.
func TestWhatIsAlwaysRelayedKeepsItsOrder(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + `
limits: {message_size: 1KiB}
mappings:
  - {topic: "m/{d}", format: number, thing: "a:{{ d }}", set: {/attributes/n: ""}, create: {}, relay: always}
`})
	a, seen := newApp(t, b, 5, harness.Connect{}), newApp(t, b, 5, harness.Connect{})
	seen.Subscribe("m/#")
	sent := []string{"1", "no number", "2", "also none", "3", strings.Repeat("7", 2000)}
	for round := range 10 {
		for _, payload := range sent {
			if err := a.Publish("m/x", payload, 0); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range sent {
			if got := seen.Wait("m/x").Payload; got != want {
				t.Fatalf("round %d: relayed %.20q, want %.20q", round, got, want)
			}
		}
	}
}

func TestUserPropertiesCountAsPartOfTheMessage(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + `
limits: {message_size: 1KiB}
mappings:
  - {topic: "m/{d}", format: number, thing: "a:{{ d }}", set: {/attributes/n: ""}, create: {}}
`})
	a := newApp(t, b, 5, harness.Connect{})
	for topic, payload := range map[string]string{"m/x": "1", "ditto/a/x/things/twin/commands/modify": `{"path":"/","value":{}}`} {
		for _, c := range []struct {
			size  int
			taken bool
		}{{500, true}, {1100, false}} {
			err := a.Client.(*harness.Client5).Send(&paho.Publish{Topic: topic, QoS: 1, Payload: []byte(payload),
				Properties: &paho.PublishProperties{User: paho.UserProperties{{Key: "k", Value: strings.Repeat("v", c.size)}}}})
			if (err == nil) != c.taken || err != nil && !strings.Contains(err.Error(), "messages:toolarge") {
				t.Errorf("%s with %d bytes of user properties: %v", topic, c.size, err)
			}
		}
	}
}
