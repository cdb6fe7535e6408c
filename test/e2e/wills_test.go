package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

func TestWills(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		root := fmt.Sprintf("wills/%d/", version)
		watcher := harness.Dial(t, b, version, harness.Connect{})
		watcher.Subscribe(root + "#")
		for _, row := range []struct {
			name   string
			end    func(harness.Client)
			retain bool
			want   []string
		}{
			{"of a client that drops is sent", harness.Client.Drop, false, []string{"gone"}},
			{"of a client that says goodbye is not", harness.Client.Disconnect, false, nil},
			{"without a payload is sent", harness.Client.Drop, false, []string{""}},
			{"to be retained is", harness.Client.Drop, true, []string{"gone"}},
			{"of a client that is taken over is sent", func(c harness.Client) {
				harness.Dial(t, b, version, harness.Connect{ID: c.ID()})
			}, false, []string{"gone"}},
		} {
			t.Run(row.name, func(t *testing.T) {
				topic := root + row.name
				c := harness.Dial(t, b, version, harness.Connect{ID: "mortal " + topic,
					Will: &paho.WillMessage{Topic: topic, Payload: []byte(strings.Join(row.want, "")), QoS: 1, Retain: row.retain}})
				mustPublish(t, c, topic, "here", 1)
				watcher.Wait(topic)
				row.end(c)
				for _, want := range row.want {
					if m := watcher.Wait(topic); m.Payload != want || m.QoS != 1 || m.Retain {
						t.Errorf("received %v", m)
					}
				}
				// Whether there is none is known when the client's next session
				// has begun: that comes after the end of this one.
				harness.Dial(t, b, version, harness.Connect{ID: c.ID()})
				if got := watcher.Drain(topic); len(got) > 0 {
					t.Errorf("received %v", got)
				}
				late := harness.Dial(t, b, version, harness.Connect{})
				late.Subscribe(topic)
				if got := late.Drain(topic); len(got) > 0 != row.retain {
					t.Errorf("retained: %v", got)
				}
			})
		}
	})
	t.Run("with a delay is not sent to a client that comes back", func(t *testing.T) {
		o := mqttraw.Options{Version: mqttraw.V5, ClientID: "back", SessionExpiry: 100, Will: &mqttraw.Will{
			Topic: "wills/delayed", Payload: []byte("gone"), QoS: 1, Props: &mqttraw.Properties{
				WillDelay: 1, ContentType: "text/plain", ResponseTopic: "r", CorrelationData: []byte("c"), PayloadFormat: 1, MessageExpiry: 60, User: [][2]string{{"k", "v"}}}}}
		dial := func() *mqttraw.Conn {
			c, _, err := mqttraw.Dial(b.MQTT(), o)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		watcher := harness.Dial5(t, b, harness.Connect{})
		watcher.Subscribe("wills/delayed")
		_ = dial().Close()
		c := dial()
		if got := watcher.Drain("#"); len(got) > 0 {
			t.Errorf("received %v", got)
		}
		dropped := time.Now()
		_ = c.Close()
		m := watcher.Wait("wills/delayed")
		if d := time.Since(dropped); d < 900*time.Millisecond {
			t.Errorf("sent after %v, want a second", d)
		}
		p := m.Props
		if p.ContentType != "text/plain" || p.ResponseTopic != "r" || m.Correlation() != "c" || m.User("k") != "v" ||
			p.PayloadFormat == nil || p.MessageExpiry == nil || *p.MessageExpiry > 60 {
			t.Errorf("received %+v", p)
		}
	})
	t.Run("of a command is a command", func(t *testing.T) {
		a := newApp(t, b, 5, harness.Connect{})
		a.must("wills:twin", "create", "/", "{}")
		a.Subscribe("ditto/wills/#")
		harness.Dial5(t, b, harness.Connect{Will: &paho.WillMessage{Topic: "ditto/wills/twin/things/twin/commands/modify", QoS: 1,
			Payload: []byte(`{"path":"/attributes/online","value":false}`)}}).Drop()
		e := read(t, a.Wait("ditto/wills/twin/things/twin/events/created"))
		wantValue(t, "the event", e.Value, "false")
	})
}
