package sessions

import (
	"fmt"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

func TestAPublishIsAppliedOnceThoughItsClientIsGoneBeforeTheAcknowledgement(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Env: []string{slow}})
	for _, qos := range []byte{0, 1, 2} {
		t.Run(fmt.Sprint("QoS ", qos), func(t *testing.T) {
			each(t, func(t *testing.T, version byte) {
				w := newTwin(t, b, fmt.Sprintf("gone-%d-%d", qos, version))
				c := dial(t, b, mqttraw.Options{ClientID: w.name, Version: version, Clean: true})
				must(t, c.Publish(w.change(1, qos, 1)))
				must(t, c.NetConn().Close())
				w.event(2)
				w.want(1, 1)
			})
		})
	}
}

// ways are the ways in which a connection comes to be replaced by another.
var ways = []struct {
	name string
	end  func(*testing.T, *harness.Broker, *mqttraw.Conn)
}{
	{"the client closes", func(t *testing.T, _ *harness.Broker, c *mqttraw.Conn) { must(t, c.Close()) }},
	{"the client is taken over", func(*testing.T, *harness.Broker, *mqttraw.Conn) {}},
	{"the connection is reset", func(t *testing.T, _ *harness.Broker, c *mqttraw.Conn) { must(t, c.Reset()) }},
	{"the broker is killed", func(_ *testing.T, b *harness.Broker, _ *mqttraw.Conn) { b.Kill(); b.Restart() }},
	{"the broker is stopped", func(_ *testing.T, b *harness.Broker, _ *mqttraw.Conn) { b.Stop(); b.Restart() }},
}

// A publish at QoS 2 is applied once, wherever in its exchange the connection
// ends, and the identifier is free afterwards.
func TestQoS2IsAppliedOnceWhereverTheConnectionEnds(t *testing.T) {
	t.Parallel()
	points := []struct {
		name string
		// first is what the client does before the end, then what it does after.
		first, then func(*testing.T, *mqttraw.Conn, *mqttraw.Publish)
	}{
		{"before the PUBREC", func(t *testing.T, c *mqttraw.Conn, p *mqttraw.Publish) {
			must(t, c.Publish(p))
		}, func(t *testing.T, c *mqttraw.Conn, p *mqttraw.Publish) {
			must(t, c.Publish(again(p)))
			next(t, c, mqttraw.PUBREC)
			must(t, c.Ack(mqttraw.PUBREL, p.ID, 0))
			next(t, c, mqttraw.PUBCOMP)
		}},
		{"before the PUBREL, and the client has not seen the PUBREC", func(t *testing.T, c *mqttraw.Conn, p *mqttraw.Publish) {
			must(t, c.Publish(p))
			next(t, c, mqttraw.PUBREC)
		}, func(t *testing.T, c *mqttraw.Conn, p *mqttraw.Publish) {
			for range 2 {
				must(t, c.Publish(again(p)))
				next(t, c, mqttraw.PUBREC)
			}
			must(t, c.Ack(mqttraw.PUBREL, p.ID, 0))
			next(t, c, mqttraw.PUBCOMP)
		}},
		{"before the PUBREL", func(t *testing.T, c *mqttraw.Conn, p *mqttraw.Publish) {
			must(t, c.Publish(p))
			next(t, c, mqttraw.PUBREC)
		}, func(t *testing.T, c *mqttraw.Conn, p *mqttraw.Publish) {
			must(t, c.Ack(mqttraw.PUBREL, p.ID, 0))
			next(t, c, mqttraw.PUBCOMP)
		}},
		{"before the PUBCOMP", func(t *testing.T, c *mqttraw.Conn, p *mqttraw.Publish) {
			must(t, c.Publish(p))
			next(t, c, mqttraw.PUBREC)
			must(t, c.Ack(mqttraw.PUBREL, p.ID, 0))
		}, func(t *testing.T, c *mqttraw.Conn, p *mqttraw.Publish) {
			must(t, c.Ack(mqttraw.PUBREL, p.ID, 0))
			next(t, c, mqttraw.PUBCOMP)
		}},
		{"after the PUBCOMP, which the client has not seen", func(t *testing.T, c *mqttraw.Conn, p *mqttraw.Publish) {
			must(t, c.Publish(p))
			next(t, c, mqttraw.PUBREC)
			must(t, c.Ack(mqttraw.PUBREL, p.ID, 0))
			next(t, c, mqttraw.PUBCOMP)
		}, func(t *testing.T, c *mqttraw.Conn, p *mqttraw.Publish) {
			must(t, c.Ack(mqttraw.PUBREL, p.ID, 0))
			next(t, c, mqttraw.PUBCOMP)
		}},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			b := harness.Start(t, harness.Options{})
			for i, point := range points {
				t.Run(point.name, func(t *testing.T) {
					each(t, func(t *testing.T, version byte) {
						w := newTwin(t, b, fmt.Sprintf("once-%d-%d", i, version))
						p := w.change(1, 2, 7)
						c := dial(t, b, lasting(w.name, version))
						point.first(t, c, p)
						way.end(t, b, c)
						w.follow(b)
						c = dial(t, b, lasting(w.name, version))
						point.then(t, c, p)
						w.want(1, 1)
						must(t, c.Publish(w.change(2, 2, 7)))
						next(t, c, mqttraw.PUBREC)
						w.want(2, 2)
					})
				})
			}
		})
	}
}

// A clean start ends what QoS 2 has received: the same identifier is a new
// publish, also after a restart.
func TestACleanStartForgetsWhatQoS2HasReceived(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			b := harness.Start(t, harness.Options{})
			each(t, func(t *testing.T, version byte) {
				w := newTwin(t, b, fmt.Sprint("clean-", version))
				o := lasting(w.name, version)
				c := dial(t, b, o)
				must(t, c.Publish(w.change(1, 2, 7)))
				next(t, c, mqttraw.PUBREC)
				way.end(t, b, c)
				w.follow(b)
				o.Clean = true
				c = dial(t, b, o)
				must(t, c.Publish(again(w.change(2, 2, 7))))
				next(t, c, mqttraw.PUBREC)
				w.want(2, 2)
				if version == mqttraw.V311 {
					return // its clean session ends with the connection
				}
				way.end(t, b, c) // it is the new session's receipt that counts now
				w.follow(b)
				c = dial(t, b, lasting(w.name, version))
				must(t, c.Publish(again(w.change(2, 2, 7))))
				next(t, c, mqttraw.PUBREC)
				w.want(2, 2)
			})
		})
	}
}

// At QoS 1 a publish is applied at least once, and what was sent later stays
// later.
func TestQoS1IsAppliedAtLeastOnceAndInOrder(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			b := harness.Start(t, harness.Options{})
			each(t, func(t *testing.T, version byte) {
				const many = 50
				w := newTwin(t, b, fmt.Sprint("order-", version))
				c := dial(t, b, lasting(w.name, version))
				for n := 1; n <= many; n++ {
					c.Queue(w.change(n, 1, uint16(n)))
				}
				must(t, c.Flush())
				for n := 1; n <= many/2; n++ {
					if p := next(t, c, mqttraw.PUBACK); p.ID != uint16(n) {
						t.Fatalf("%s, want that of %d", p, n)
					}
				}
				way.end(t, b, c)
				w.follow(b)
				c = dial(t, b, lasting(w.name, version))
				for n := many/2 + 1; n <= many; n++ {
					c.Queue(again(w.change(n, 1, uint16(n))))
				}
				must(t, c.Flush())
				for n := many/2 + 1; n <= many; n++ {
					if p := next(t, c, mqttraw.PUBACK); p.ID != uint16(n) {
						t.Fatalf("%s, want that of %d", p, n)
					}
				}
				if n, _ := w.look(); n != many {
					t.Errorf("in the end there is %d", n)
				}
			})
		})
	}
}

func TestAcknowledgementsComeInTheOrderOfThePublishes(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Env: []string{slow}})
	each(t, func(t *testing.T, version byte) {
		w := newTwin(t, b, fmt.Sprint("acks-", version))
		c := dial(t, b, lasting(w.name, version))
		kinds := []*mqttraw.Publish{
			w.change(1, 1, 0), // waits for the disk
			{Topic: "plain", Payload: []byte("x"), QoS: 1},
			w.change(2, 2, 0),
			{Topic: w.topic(), Payload: []byte("no JSON"), QoS: 1},
			{Topic: w.topic(), Payload: []byte("no JSON"), QoS: 2},
			{Topic: "ditto/s/" + w.name + "/things/twin/commands/retrieve", Payload: []byte(`{"path":"/"}`), QoS: 1},
			{Topic: "ditto/s/nobody/things/twin/commands/retrieve", Payload: []byte(`{"path":"/"}`), QoS: 2},
			{Topic: "plain", Payload: []byte("x"), QoS: 2},
		}
		const rounds = 20
		for i := range rounds * len(kinds) {
			p := *kinds[i%len(kinds)]
			p.ID = uint16(i + 1)
			c.Queue(&p)
			c.Queue(&mqttraw.Publish{Topic: w.topic(), Payload: number(i)}) // at QoS 0, which is not answered
		}
		must(t, c.Flush())
		for i := range rounds * len(kinds) {
			typ := mqttraw.PUBACK
			if kinds[i%len(kinds)].QoS == 2 {
				typ = mqttraw.PUBREC
			}
			if p := next(t, c, typ); p.ID != uint16(i+1) {
				t.Fatalf("%s, want that of %d", p, i+1)
			}
		}
	})
}

// receiveMaximum is what the broker tells clients of MQTT 5.
const receiveMaximum = 1024

func TestMoreThanTheBrokersReceiveMaximumEndsTheConnection(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Env: []string{slow}})
	c, ack, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{ClientID: "greedy", Version: mqttraw.V5, Clean: true, Timeout: harness.Patience})
	must(t, err)
	defer c.Close()
	if ack.Props.ReceiveMaximum != receiveMaximum {
		t.Fatalf("the broker says %d", ack.Props.ReceiveMaximum)
	}
	other := watchFrom(t, b)
	w := newTwin(t, b, "greedy")
	// At QoS 2 a place is free again after the PUBCOMP: the limit itself may be
	// used, as often as one likes.
	for range 2 {
		for id := uint16(1); id <= receiveMaximum; id++ {
			c.Queue(w.change(int(id), 2, id))
		}
		must(t, c.Flush())
		for id := uint16(1); id <= receiveMaximum; id++ {
			if p := next(t, c, mqttraw.PUBREC); p.ID != id || p.Reason != 0 {
				t.Fatal(p)
			}
		}
		for id := uint16(1); id <= receiveMaximum; id++ {
			c.QueueAck(mqttraw.PUBREL, id, 0)
		}
		must(t, c.Flush())
		for id := uint16(1); id <= receiveMaximum; id++ {
			if p := next(t, c, mqttraw.PUBCOMP); p.Reason != 0 {
				t.Fatal(p)
			}
		}
	}
	w.want(receiveMaximum, 2*receiveMaximum)
	for id := uint16(1); id <= receiveMaximum+1; id++ {
		c.Queue(&mqttraw.Publish{Topic: "plain", Payload: []byte("x"), QoS: 2, ID: id})
	}
	must(t, c.Flush())
	if reason := ended(t, c); reason != 0x93 {
		t.Errorf("disconnected with %#x, want 0x93", reason)
	}
	other.undisturbed()
}

// A client of MQTT 3.1.1 knows no Receive Maximum: it is read more slowly.
func TestAClientThatPublishesFasterThanTheDiskIsSlowedDown(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Env: []string{slow}})
	for _, row := range []struct {
		name    string
		version byte
		qos     byte
	}{
		{"MQTT 3.1.1 at QoS 1", mqttraw.V311, 1},
		{"MQTT 3.1.1 at QoS 2", mqttraw.V311, 2},
		{"MQTT 5 at QoS 0", mqttraw.V5, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			const many = 3000
			w := newTwin(t, b, fmt.Sprintf("fast-%d-%d", row.version, row.qos))
			c := dial(t, b, mqttraw.Options{ClientID: w.name, Version: row.version, Clean: true})
			go func() {
				for n := 1; n <= many; n++ {
					c.Queue(w.change(n, row.qos, uint16(n)))
				}
				_ = c.Flush() // what does not get through is missed below
			}()
			typ := map[byte]byte{1: mqttraw.PUBACK, 2: mqttraw.PUBREC}[row.qos]
			for n := 1; n <= many && row.qos > 0; n++ {
				if p := next(t, c, typ); p.ID != uint16(n) {
					t.Fatalf("%s, want that of %d", p, n)
				}
			}
			for revision := 2; revision <= many+1; revision++ {
				w.event(revision)
			}
			w.want(many, many)
		})
	}
}
