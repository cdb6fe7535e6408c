package gosdk

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	ditto "github.com/eclipse/ditto-clients-golang"
	"github.com/eclipse/ditto-clients-golang/model"
	"github.com/eclipse/ditto-clients-golang/protocol"
	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/twinbroker/twinbroker/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// start starts the program with the recipe.
func start(t testing.TB) *harness.Broker {
	t.Helper()
	recipe, err := filepath.Abs("../../docs/recipes/ditto-go-sdk.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return harness.Start(t, harness.Options{Config: harness.Anonymous + "include: [" + recipe + "]\n"})
}

// report makes the test fail for what the SDK logs as warnings and errors: an
// envelope that it cannot read, say. It has one logger for all its clients, so
// these tests do not run side by side.
func report(t testing.TB) {
	ditto.WARN, ditto.ERROR = complaints{t}, complaints{t}
	t.Cleanup(func() { ditto.WARN, ditto.ERROR = ditto.LoggerStub{}, ditto.LoggerStub{} })
}

type complaints struct{ testing.TB }

func (c complaints) Println(v ...any)               { c.Errorf("the SDK says: %s", fmt.Sprint(v...)) }
func (c complaints) Printf(format string, v ...any) { c.Errorf("the SDK says: "+format, v...) }

// client is a client of the SDK on a connection of its own, as the recipe shows it.
type client struct {
	t testing.TB
	ditto.Client
	connection *harness.Client3
	thing      *model.NamespacedID
	arrived    chan string // MQTT topics of what reached the connection, in this order
	handled    chan string // what the SDK made of it and gave to the handler, in any order
}

// atOnce is more than what a client hears in these tests before it is asked what it heard.
const atOnce = 100

// dial connects a client whose Thing has its name.
func dial(t testing.TB, b *harness.Broker, id string) *client {
	t.Helper()
	c := &client{
		t:          t,
		connection: harness.Dial3(t, b, harness.Connect{ID: id}),
		thing:      model.NewNamespacedIDFrom("org.acme:" + id),
		arrived:    make(chan string, atOnce),
		handled:    make(chan string, atOnce),
	}
	// The SDK calls the handler for each message in a goroutine. So that one
	// knows when the last has come, what arrives is counted beside the SDK.
	c.connection.Paho.AddRoute("command/#", func(_ mqtt.Client, m mqtt.Message) { c.arrived <- m.Topic() })
	connected, lost := make(chan struct{}), make(chan error, 1)
	sdk, err := ditto.NewClientMQTT(c.connection.Paho, ditto.NewConfiguration().
		WithConnectHandler(func(ditto.Client) { close(connected) }).
		WithConnectionLostHandler(func(_ ditto.Client, err error) { lost <- err }))
	if err != nil {
		t.Fatal(err)
	}
	c.Client = sdk
	c.Subscribe(func(request string, e *protocol.Envelope) { c.handled <- text(t, request, e) })
	if err := c.Connect(); err != nil {
		t.Fatalf("connecting the SDK: %v", err)
	}
	within(t, "the SDK's notice that it is connected", connected)
	t.Cleanup(func() {
		c.Disconnect()
		if err := within(t, "the SDK's notice that it is disconnected", lost); err != nil {
			t.Errorf("disconnecting the SDK: %v", err)
		}
	})
	return c
}

// within takes what has to come.
func within[T any](t testing.TB, what string, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(harness.Patience):
		t.Fatalf("%s does not come within %v", what, harness.Patience)
	}
	return v
}

// given is a correlation-id that the broker gave, as the command had none.
var given = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// text is a message as the SDK gives it to a handler: "thing criterion/action:
// correlation status path value"; the correlation is UUID where the broker gave it.
func text(t testing.TB, request string, e *protocol.Envelope) string {
	if request != "" {
		t.Errorf("the SDK takes %v %s for the request %q", e.Topic, e.Path, request)
	}
	value := ""
	if e.Value != nil {
		v, err := json.Marshal(e.Value)
		if err != nil {
			t.Errorf("%v %s: %v", e.Topic, e.Path, err)
		}
		value = string(v)
	}
	correlation := given.ReplaceAllString(e.Headers.CorrelationID(), "UUID")
	return fmt.Sprintf("%s:%s %s/%s: %s %d %s %s", e.Topic.Namespace, e.Topic.EntityName,
		e.Topic.Criterion, e.Topic.Action, correlation, e.Status, e.Path, value)
}

// send sends a command of which the SDK says that it has arrived.
func (c *client) send(e *protocol.Envelope) {
	c.t.Helper()
	if err := c.Send(e); err != nil {
		c.t.Fatalf("sending %v %s: %v", e.Topic, e.Path, err)
	}
}

// heard takes all that came to the client since it was last asked: the topics
// of what arrived, without what they begin with, and what the handler got, sorted.
func (c *client) heard() (actions, messages []string) {
	c.t.Helper()
	if others := c.connection.Drain("#"); len(others) > 0 {
		c.t.Errorf("beside the SDK's subscription there arrived %v", others)
	}
	for len(c.arrived) > 0 {
		action, found := strings.CutPrefix(<-c.arrived, "command///req//")
		if !found {
			c.t.Errorf("the SDK takes %s for a request, or for nothing", action)
		}
		actions = append(actions, action)
		messages = append(messages, within(c.t, "what the SDK makes of "+action, c.handled))
	}
	slices.Sort(messages)
	return actions, messages
}
