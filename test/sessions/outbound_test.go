package sessions

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// say publishes a plain message and waits until the broker has it.
func say(t testing.TB, c harness.Client, topic, payload string, qos byte) {
	t.Helper()
	must(t, c.Publish(topic, payload, qos))
}

// A delivery reaches its client once at QoS 2 and at least once at QoS 1,
// wherever in its exchange the connection ends. This is about the sessions in
// memory: they end with the broker.
func TestDeliveriesAreResumedWhereverTheConnectionEnds(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	sender := harness.Dial5(t, b, harness.Connect{})
	type step func(*testing.T, *mqttraw.Conn, *mqttraw.Packet)
	ack := func(typ byte) step {
		return func(t *testing.T, c *mqttraw.Conn, p *mqttraw.Packet) { must(t, c.Ack(typ, p.ID, 0)) }
	}
	release := func(t *testing.T, c *mqttraw.Conn, p *mqttraw.Packet) {
		ack(mqttraw.PUBREC)(t, c, p)
		if got := next(t, c, mqttraw.PUBREL); got.ID != p.ID {
			t.Fatal(got)
		}
	}
	points := []struct {
		name  string
		qos   byte
		first step
		then  byte // what comes again
	}{
		{"before the PUBACK", 1, func(*testing.T, *mqttraw.Conn, *mqttraw.Packet) {}, mqttraw.PUBLISH},
		{"after the PUBACK", 1, ack(mqttraw.PUBACK), 0},
		{"before the PUBREC", 2, func(*testing.T, *mqttraw.Conn, *mqttraw.Packet) {}, mqttraw.PUBLISH},
		{"before the PUBCOMP", 2, release, mqttraw.PUBREL},
		{"after the PUBCOMP", 2, func(t *testing.T, c *mqttraw.Conn, p *mqttraw.Packet) {
			release(t, c, p)
			ack(mqttraw.PUBCOMP)(t, c, p)
		}, 0},
	}
	for _, way := range ways[:3] {
		for i, point := range points {
			t.Run(way.name+" "+point.name, func(t *testing.T) {
				each(t, func(t *testing.T, version byte) {
					topic := fmt.Sprintf("resumed/%s/%d/%d", way.name, i, version)
					o := lasting("for "+topic, version)
					c := dial(t, b, o)
					subscribe(t, c, topic, 2)
					say(t, sender, topic, "first", point.qos)
					p := next(t, c, mqttraw.PUBLISH)
					if p.Dup || p.QoS != point.qos {
						t.Fatal(p)
					}
					point.first(t, c, p)
					if point.then == 0 { // the acknowledgement is read before the next publish is acknowledged
						must(t, c.Publish(&mqttraw.Publish{Topic: "plain", QoS: 1, ID: 9}))
						await(t, c, mqttraw.PUBACK, 9)
					}
					way.end(t, b, c)
					say(t, sender, topic, "second", point.qos)
					c, present := join(t, b, o)
					if !present {
						t.Error("the session did not go on")
					}
					switch point.then {
					case mqttraw.PUBLISH:
						if got := next(t, c, mqttraw.PUBLISH); !got.Dup || got.ID != p.ID || string(got.Payload) != "first" {
							t.Errorf("came again: %s", got)
						}
					case mqttraw.PUBREL:
						if got := next(t, c, mqttraw.PUBREL); got.ID != p.ID {
							t.Errorf("came again: %s", got)
						}
					}
					if got := next(t, c, mqttraw.PUBLISH); string(got.Payload) != "second" {
						t.Errorf("came then: %s", got)
					}
				})
			})
		}
	}
}

func TestPacketIdentifiersOfBothDirectionsDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	each(t, func(t *testing.T, version byte) {
		const many = 100
		w := newTwin(t, b, fmt.Sprint("ids-", version))
		c := dial(t, b, lasting(w.name, version))
		subscribe(t, c, "ids/#", 2)
		sender := harness.Dial5(t, b, harness.Connect{})
		var deliveries []*mqttraw.Packet
		for n := range many {
			say(t, sender, "ids/x", fmt.Sprint(n), byte(1+n%2))
			deliveries = append(deliveries, next(t, c, mqttraw.PUBLISH))
		}
		// The same identifiers, for publishes of the other quality of service,
		// for subscriptions too, while all of these are unacknowledged.
		for n, d := range deliveries {
			c.Queue(w.change(n+1, 3-d.QoS, d.ID))
		}
		must(t, c.Flush())
		for _, d := range deliveries {
			typ := mqttraw.PUBREC
			if d.QoS == 2 {
				typ = mqttraw.PUBACK
			}
			if got := next(t, c, typ); got.ID != d.ID || got.Reason != 0 {
				t.Fatalf("%s for %d", got, d.ID)
			}
		}
		if _, err := c.Subscribe(deliveries[0].ID, mqttraw.Subscription{Filter: "more/#"}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Unsubscribe(deliveries[1].ID, "more/#"); err != nil {
			t.Fatal(err)
		}
		for _, d := range deliveries {
			if d.QoS == 1 {
				must(t, c.Ack(mqttraw.PUBACK, d.ID, 0))
				must(t, c.Ack(mqttraw.PUBREL, d.ID, 0)) // of the publish with the same identifier
				await(t, c, mqttraw.PUBCOMP, d.ID)
				continue
			}
			must(t, c.Ack(mqttraw.PUBREC, d.ID, 0))
			await(t, c, mqttraw.PUBREL, d.ID)
			must(t, c.Ack(mqttraw.PUBCOMP, d.ID, 0))
		}
		w.want(many, many)
		// Nothing is owed any more, in either direction.
		c = dial(t, b, lasting(w.name, version))
		say(t, sender, "ids/x", "last", 1)
		if got := next(t, c, mqttraw.PUBLISH); string(got.Payload) != "last" {
			t.Errorf("after all: %s", got)
		}
	})
}

// stalled connects a client that will not read, with buffers so small that it
// is felt soon.
func stalled(t *testing.T, b *harness.Broker, version byte, filter string, qos byte) *mqttraw.Conn {
	t.Helper()
	o := lasting("stalled "+filter, version)
	o.ReadBuffer = 64 << 10
	c := dial(t, b, o)
	subscribe(t, c, filter, qos)
	return c
}

func TestAClientThatStopsReadingDisturbsNobodyAndLosesNothing(t *testing.T) {
	t.Parallel()
	const many = 1500 // more than may be under way, and than the network takes by itself
	padding := strings.Repeat("x", 6000)
	payload := func(n int) string { return fmt.Sprintf("%06d%s", n, padding) }
	for _, qos := range []byte{1, 2} {
		t.Run(fmt.Sprint("QoS ", qos), func(t *testing.T) {
			each(t, func(t *testing.T, version byte) {
				t.Parallel()
				b := harness.Start(t, harness.Options{})
				c := stalled(t, b, version, "flow/#", qos)
				reader := harness.Dial5(t, b, harness.Connect{})
				reader.Subscribe("flow/#")
				sender := harness.Dial5(t, b, harness.Connect{})
				for n := range many { // each acknowledged, and read by the other, though the stalled one reads nothing
					say(t, sender, "flow/x", payload(n), qos)
					if m := reader.Wait("flow/x"); m.Payload != payload(n) {
						t.Fatalf("the other client has %.6s, want %06d", m.Payload, n)
					}
				}
				for n := range many {
					p := await1(t, c, mqttraw.PUBLISH)
					if string(p.Payload) != payload(n) || p.Dup {
						t.Fatalf("it has %.80s, want %06d", p, n)
					}
					if qos == 1 {
						must(t, c.Ack(mqttraw.PUBACK, p.ID, 0))
						continue
					}
					must(t, c.Ack(mqttraw.PUBREC, p.ID, 0))
					must(t, c.Ack(mqttraw.PUBCOMP, p.ID, 0)) // as soon as the PUBREL can be there
				}
				if n := metric(t, b, fmt.Sprintf(`twinbroker_deliveries_dropped_total{qos="%d"}`, qos)); n != 0 {
					t.Errorf("%v are dropped", n)
				}
			})
		})
	}
}

// await1 is the next packet of that type.
func await1(t testing.TB, c *mqttraw.Conn, typ byte) *mqttraw.Packet {
	t.Helper()
	for {
		p, err := c.ReadPacket()
		if err != nil {
			t.Fatalf("waiting for %s: %v", mqttraw.TypeName(typ), err)
		}
		if p.Type == typ {
			return p
		}
	}
}

func TestWhatDoesNotFitAQueueIsDroppedAndCounted(t *testing.T) {
	t.Parallel()
	const bound, many = 100, 2000
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + fmt.Sprintf("limits: {queue_messages: %d}\n", bound)})
	sender := harness.Dial5(t, b, harness.Connect{})
	padding := strings.Repeat("x", 5000)
	for qos := range byte(3) {
		t.Run(fmt.Sprint("QoS ", qos), func(t *testing.T) {
			topic := fmt.Sprint("drop/", qos)
			c := stalled(t, b, mqttraw.V5, topic, qos)
			counter := fmt.Sprintf(`twinbroker_deliveries_dropped_total{qos="%d"}`, qos)
			for n := range many {
				must(t, sender.Publish(topic, fmt.Sprintf("%06d%s", n, padding), qos))
			}
			sender.Drain("#") // all of QoS 0 is there
			dropped := int(metric(t, b, counter))
			if dropped == 0 || dropped > many-bound {
				t.Fatalf("%d of %d are counted as dropped", dropped, many)
			}
			read := func(after int) (n int) {
				p := await1(t, c, mqttraw.PUBLISH)
				if _, err := fmt.Sscanf(string(p.Payload[:6]), "%d", &n); err != nil || n <= after || p.QoS != qos {
					t.Fatalf("after %d: %.80s", after, p)
				}
				switch qos {
				case 1:
					must(t, c.Ack(mqttraw.PUBACK, p.ID, 0))
				case 2:
					must(t, c.Ack(mqttraw.PUBREC, p.ID, 0))
					must(t, c.Ack(mqttraw.PUBCOMP, p.ID, 0))
				}
				return n
			}
			last := -1
			for range many - dropped {
				last = read(last)
			}
			// The connection goes on.
			must(t, sender.Publish(topic, fmt.Sprintf("%06d", many), qos))
			if n := read(last); n != many {
				t.Errorf("then came %d", n)
			}
		})
	}
}

func TestAClientsReceiveMaximumIsHonoured(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	sender := harness.Dial5(t, b, harness.Connect{})
	o := lasting("narrow", mqttraw.V5)
	o.ReceiveMaximum = 3
	c := dial(t, b, o)
	subscribe(t, c, "narrow/#", 2)
	for n := range 10 {
		say(t, sender, "narrow/x", fmt.Sprint(n), byte(1+n%2))
	}
	say(t, sender, "narrow/x", "overtakes", 0) // QoS 0 does not count
	var under []*mqttraw.Packet
	for {
		p := next(t, c, mqttraw.PUBLISH)
		if p.QoS == 0 {
			break
		}
		under = append(under, p)
	}
	if len(under) != 3 {
		t.Fatalf("%d are under way, of 3", len(under))
	}
	for n := 3; n < 10; n++ {
		p := under[0]
		under = under[1:]
		if p.QoS == 1 {
			must(t, c.Ack(mqttraw.PUBACK, p.ID, 0))
		} else {
			// A PUBREC gives no room, a PUBCOMP does.
			must(t, c.Ack(mqttraw.PUBREC, p.ID, 0))
			next(t, c, mqttraw.PUBREL)
			say(t, sender, "narrow/x", "overtakes", 0)
			if got := next(t, c, mqttraw.PUBLISH); got.QoS != 0 {
				t.Fatalf("after a PUBREC: %s", got)
			}
			must(t, c.Ack(mqttraw.PUBCOMP, p.ID, 0))
		}
		p = next(t, c, mqttraw.PUBLISH)
		if string(p.Payload) != fmt.Sprint(n) {
			t.Fatalf("%s, want %d", p, n)
		}
		under = append(under, p)
	}
}

func TestMessagesWaitForAClientThatIsAway(t *testing.T) {
	t.Parallel()
	const bound = 50
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + fmt.Sprintf("limits: {queue_messages: %d}\n", bound)})
	sender := harness.Dial5(t, b, harness.Connect{})
	each(t, func(t *testing.T, version byte) {
		topic := fmt.Sprint("away/", version)
		o := lasting("is "+topic, version)
		c := dial(t, b, o)
		subscribe(t, c, topic, 2)
		must(t, c.Disconnect())
		// From when the broker has noticed, QoS 0 is not kept.
		awaitMetric(t, b, "twinbroker_clients_connected", exactly(1))
		dropped := metric(t, b, `twinbroker_deliveries_dropped_total{qos="1"}`)
		say(t, sender, topic, "not kept", 0)
		for n := range bound + 7 {
			say(t, sender, topic, fmt.Sprint(n), 1)
		}
		if n := metric(t, b, `twinbroker_deliveries_dropped_total{qos="1"}`) - dropped; n != 7 {
			t.Errorf("%v are dropped, want 7", n)
		}
		c, present := join(t, b, o)
		if !present {
			t.Error("the session did not go on")
		}
		for n := range bound {
			p := next(t, c, mqttraw.PUBLISH)
			if string(p.Payload) != fmt.Sprint(n) || p.Dup {
				t.Fatalf("%s, want %d", p, n)
			}
			must(t, c.Ack(mqttraw.PUBACK, p.ID, 0))
		}
		// A clean start ends all that.
		must(t, c.Disconnect())
		awaitMetric(t, b, "twinbroker_clients_connected", exactly(1))
		say(t, sender, topic, "for the old session", 1)
		o.Clean = true
		c, present = join(t, b, o)
		if present {
			t.Error("a session goes on after a clean start")
		}
		say(t, sender, topic, "for nobody", 1)
		subscribe(t, c, topic, 1)
		say(t, sender, topic, "for the new session", 1)
		if p := next(t, c, mqttraw.PUBLISH); string(p.Payload) != "for the new session" {
			t.Errorf("after a clean start: %s", p)
		}
		must(t, c.Disconnect())
	})
	t.Run("until the session expires", func(t *testing.T) {
		c := dial(t, b, mqttraw.Options{ClientID: "expires", Version: mqttraw.V5, SessionExpiry: 1})
		subscribe(t, c, "expires", 1)
		sessions := metric(t, b, "twinbroker_sessions")
		must(t, c.Disconnect())
		start := time.Now()
		awaitMetric(t, b, "twinbroker_sessions", exactly(sessions-1))
		if d := time.Since(start); d < 900*time.Millisecond {
			t.Errorf("it ended after %v, its expiry is a second", d)
		}
		if _, present := join(t, b, mqttraw.Options{ClientID: "expires", Version: mqttraw.V5}); present {
			t.Error("the session goes on after its expiry")
		}
	})
}

// What is retained is what a subscriber has seen last, however many publish to
// the topic and subscribe to it at the same time.
func TestTheRetainedMessageIsTheOneSeenLast(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	const publishers, each = 4, 300
	subscribers := make([]*harness.Client5, 6)
	for i := range subscribers {
		subscribers[i] = harness.Dial5(t, b, harness.Connect{})
	}
	finished := make(chan error, publishers)
	for i := range publishers {
		c := harness.Dial5(t, b, harness.Connect{})
		go func() {
			var err error
			for n := range each {
				if err == nil {
					err = c.PublishRetained("kept", fmt.Sprintf("%d from %d", n, i), 1)
				}
			}
			finished <- err
		}()
	}
	for _, c := range subscribers { // each at another moment of it
		c.Subscribe("kept")
	}
	for range publishers {
		must(t, <-finished)
	}
	late := harness.Dial5(t, b, harness.Connect{})
	late.Subscribe("kept")
	want := late.Wait("kept").Payload
	for i, c := range subscribers {
		all := c.Drain("kept")
		if len(all) == 0 || all[len(all)-1].Payload != want {
			t.Errorf("subscriber %d has seen last: %v; retained is %q", i, all[max(0, len(all)-1):], want)
		}
	}
}
