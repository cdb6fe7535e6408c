package sessions

import (
	"fmt"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// waitFor waits for something on a channel.
func waitFor[T any](c <-chan T) (v T, err error) {
	select {
	case v = <-c:
		return v, nil
	case <-time.After(harness.Patience):
		return v, errNothing
	}
}

func TestWhenAWillIsSent(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	drop := func(t *testing.T, c *mqttraw.Conn) { must(t, c.Close()) }
	goodbye := func(reason byte, props *mqttraw.Properties) func(*testing.T, *mqttraw.Conn) {
		return func(t *testing.T, c *mqttraw.Conn) {
			must(t, c.WriteRaw(mqttraw.AppendDisconnect(nil, mqttraw.V5, reason, props)))
			ended(t, c)
		}
	}
	const soon, never = 0, -1
	for _, row := range []struct {
		name          string
		delay, expiry uint32
		end           func(*testing.T, *mqttraw.Conn)
		after         int // seconds; never: not at all
	}{
		{"when the connection is lost", 0, 60, drop, soon},
		{"with a delay, when that is over", 1, 60, drop, 1},
		{"with a delay, when the session ends before", 60, 1, drop, 1},
		{"with a delay, when the session ends with the connection", 60, 0, drop, soon},
		{"not after a goodbye", 0, 60, goodbye(0, nil), never},
		{"not after a goodbye, with a delay", 1, 60, goodbye(0, nil), never},
		{"after a goodbye that asks for it", 0, 60, goodbye(0x04, nil), soon},
		{"after a goodbye with an error", 0, 60, goodbye(0x80, nil), soon},
		{"after a goodbye that ends the session and asks for it", 60, 60, goodbye(0x04, &mqttraw.Properties{Raw: []byte{0x11, 0, 0, 0, 0}}), soon},
		{"after a packet that breaks the protocol", 0, 60, func(t *testing.T, c *mqttraw.Conn) {
			must(t, c.Publish(&mqttraw.Publish{Topic: "a/+", QoS: 1, ID: 1}))
			ended(t, c)
		}, soon},
		{"when the keep-alive runs out", 0, 60, func(t *testing.T, c *mqttraw.Conn) { ended(t, c) }, soon},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			topic := "wills/" + row.name
			watcher := harness.Dial5(t, b, harness.Connect{})
			watcher.Subscribe(topic)
			o := mqttraw.Options{
				ClientID: topic, Version: mqttraw.V5, Clean: true, SessionExpiry: row.expiry, KeepAlive: 1,
				Will: &mqttraw.Will{Topic: topic, Payload: []byte("gone"), QoS: 1, Props: &mqttraw.Properties{WillDelay: row.delay}},
			}
			start := time.Now()
			c := dial(t, b, o)
			row.end(t, c)
			lost := time.Now()
			if row.after == never {
				if m, err := watcher.WaitWithin(topic, 1500*time.Millisecond); err == nil {
					t.Errorf("received %v", m)
				}
				return
			}
			if m := watcher.Wait(topic); m.Payload != "gone" || m.QoS != 1 {
				t.Errorf("received %v", m)
			}
			due := time.Duration(row.after) * time.Second
			if time.Since(start) < due {
				t.Errorf("it came %v after the end, want %v", time.Since(lost), due)
			}
		})
	}
}

func TestAWillWithADelayIsForgottenWhenItsClientComesBack(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	watcher := harness.Dial5(t, b, harness.Connect{})
	watcher.Subscribe("will")
	o := lasting("back", mqttraw.V5)
	o.Will = &mqttraw.Will{Topic: "will", Payload: []byte("first"), Props: &mqttraw.Properties{WillDelay: 5}} // time enough to come back, on a busy machine too
	c := dial(t, b, o)
	must(t, c.Close())
	awaitMetric(t, b, "twinbroker_clients_connected", exactly(1))
	o.Will = &mqttraw.Will{Topic: "will", Payload: []byte("second"), Props: &mqttraw.Properties{WillDelay: 6}}
	c = dial(t, b, o)
	must(t, c.Close())
	if m := watcher.Wait("will"); m.Payload != "second" {
		t.Errorf("received %v", m)
	}
	if n := metric(t, b, "twinbroker_wills_total"); n != 1 {
		t.Errorf("%v wills were sent", n)
	}
}

// A will's message expiry counts from when it is sent, not from when its client
// connected.
func TestAWillExpiresFromWhenItIsSent(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	watcher := harness.Dial5(t, b, harness.Connect{})
	watcher.Subscribe("will")
	c := dial(t, b, mqttraw.Options{ClientID: "mortal", Version: mqttraw.V5, Clean: true, SessionExpiry: 60, Will: &mqttraw.Will{
		Topic: "will", Payload: []byte("gone"), Props: &mqttraw.Properties{MessageExpiry: 1, WillDelay: 2},
	}})
	must(t, c.Close())
	m := watcher.Wait("will")
	if m.Props.MessageExpiry == nil || *m.Props.MessageExpiry != 1 {
		t.Errorf("it expires in %v", m.Props.MessageExpiry)
	}
}

// A will is a publish in every respect: it changes a twin too, once.
func TestAWillThatIsACommandChangesTheTwin(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	each(t, func(t *testing.T, version byte) {
		for qos := range byte(3) {
			w := newTwin(t, b, fmt.Sprintf("bequeathed-%d-%d", version, qos))
			c := dial(t, b, mqttraw.Options{ClientID: w.name, Version: version, Clean: true,
				Will: &mqttraw.Will{Topic: w.topic(), Payload: number(2), QoS: qos}})
			must(t, c.Publish(w.change(1, 1, 1))) // before, as it was sent before
			must(t, c.Close())
			w.event(2)
			w.event(3)
			w.want(2, 2)
		}
	})
}
