package gosdk

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	ditto "github.com/eclipse/ditto-clients-golang"
	"github.com/eclipse/ditto-clients-golang/model"
	"github.com/eclipse/ditto-clients-golang/protocol"
	"github.com/eclipse/ditto-clients-golang/protocol/things"

	"github.com/twinbroker/twinbroker/test/harness"
)

func TestTwoClientsOfTheSDKHaveAThingEach(t *testing.T) {
	report(t)
	b := start(t)
	spy := harness.Dial3(t, b, harness.Connect{ID: "spy"})
	spy.Subscribe("command/#")
	clients := []*client{dial(t, b, "pump-1"), dial(t, b, "pump-2")}
	correlation := protocol.WithCorrelationID

	for i, c := range clients {
		command := func() *things.Command { return things.NewCommand(c.thing) }
		meter := (&model.Feature{}).WithDefinitionFrom("org.acme:Meter:1.0.0").WithProperty("level", 12)
		c.send(command().Create((&model.Thing{}).WithID(c.thing)).Envelope(correlation("c-1")))
		c.send(command().Twin().Feature("meter").Modify(meter).Envelope(correlation("c-2")))
		c.send(command().FeatureProperty("meter", "level").Modify(17).Envelope(correlation("c-3")))
		c.send(command().FeatureProperty("meter", "level").Modify(18).Envelope(protocol.WithResponseRequired(false)))
		c.send(command().FeatureProperties("meter").Retrieve().Envelope(correlation("c-4")))

		whole := fmt.Sprintf(`{"policyId":%q,"thingId":%[1]q}`, c.thing)
		feature := `{"definition":["org.acme:Meter:1.0.0"],"properties":{"level":12}}`
		actions, messages := c.heard()
		same(t, c.connection.ID(), actions,
			"created", "create-response",
			"created", "modify-response",
			"modified", "modify-response",
			"modified",
			"retrieve-response")
		same(t, c.connection.ID(), messages, sorted(c.thing.String(),
			"events/created: c-1 0 / "+whole, "commands/create: c-1 201 / "+whole,
			"events/created: c-2 0 /features/meter "+feature, "commands/modify: c-2 201 /features/meter "+feature,
			"events/modified: c-3 0 /features/meter/properties/level 17", "commands/modify: c-3 204 /features/meter/properties/level ",
			"events/modified: UUID 0 /features/meter/properties/level 18",
			`commands/retrieve: c-4 200 /features/meter/properties {"level":18}`)...)
		other := clients[1-i]
		actions, _ = other.heard()
		same(t, other.connection.ID(), actions)
	}

	// Another's Thing is out of reach, and nobody hears of the attempt but the client itself.
	thief, owner := clients[0], clients[1]
	stolen := things.NewCommand(owner.thing).FeatureProperty("meter", "level").Modify(0)
	thief.send(stolen.Envelope(correlation("c-5")))
	thief.send(things.NewCommand(owner.thing).Retrieve().Envelope(correlation("c-6")))
	_, messages := thief.heard()
	if len(messages) != 2 || !strings.Contains(messages[0], ": c-5 400 / ") || !strings.Contains(messages[1], ": c-6 400 / ") {
		t.Errorf("the thief heard\n%s\nwant two refusals with status 400", strings.Join(messages, "\n"))
	}
	actions, _ := owner.heard()
	same(t, "the owner", actions)
	owner.send(things.NewCommand(owner.thing).FeatureProperty("meter", "level").Retrieve().Envelope(correlation("c-7")))
	_, messages = owner.heard()
	same(t, "the owner", messages, sorted(owner.thing.String(), "commands/retrieve: c-7 200 /features/meter/properties/level 18")...)
	if seen := spy.Drain("#"); len(seen) > 0 {
		t.Errorf("somebody who listens saw %v", seen)
	}
}

// The SDK chooses a client ID by chance where it connects by itself.
func TestAClientThatTheSDKConnectsIsAnsweredButHasNoThing(t *testing.T) {
	report(t)
	b := start(t)
	connected, handled := make(chan struct{}), make(chan string, atOnce)
	c := ditto.NewClient(ditto.NewConfiguration().WithBroker("tcp://" + b.MQTT()).
		WithConnectHandler(func(ditto.Client) { close(connected) }))
	c.Subscribe(func(request string, e *protocol.Envelope) { handled <- text(t, request, e) })
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	defer c.Disconnect()
	within(t, "the SDK's notice that it is connected", connected)
	pump := model.NewNamespacedIDFrom("org.acme:pump-1")
	if err := c.Send(things.NewCommand(pump).Create(&model.Thing{ID: pump}).Envelope(protocol.WithCorrelationID("c-1"))); err != nil {
		t.Fatal(err)
	}
	if answer := within(t, "the answer", handled); !strings.Contains(answer, ": c-1 400 / ") {
		t.Errorf("the client heard\n%s\nwant a refusal with status 400", answer)
	}
}

// sorted puts the name of the Thing before each message and sorts them.
func sorted(thing string, messages ...string) []string {
	for i := range messages {
		messages[i] = thing + " " + messages[i]
	}
	slices.Sort(messages)
	return messages
}

func same(t testing.TB, who string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s heard\n%s\nwant\n%s", who, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
