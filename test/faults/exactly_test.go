//go:build linux

package faults

import (
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// A publish at QoS 2 goes through a full disk in every state of its exchange:
// refused, held, acknowledged and not released, released and not completed. Its
// client comes back each time and goes on where it was, and it is applied once.
func TestQoS2IsExactlyOnceAcrossAFullDisk(t *testing.T) {
	t.Parallel()
	for _, version := range []byte{mqttraw.V311, mqttraw.V5} {
		eachWay(t, func(t *testing.T, way fullness) {
			t.Logf("MQTT level %d", version)
			b := way.start(t, impatient)
			w := newThing(t, b, "lamp")
			c := raw(t, b, version, "exact")
			resume := func() {
				t.Helper()
				c.Close()
				next, ack, err := mqttraw.Dial(b.MQTT(), lasting(version, "exact"))
				must(t, err)
				t.Cleanup(func() { next.Close() })
				if !ack.SessionPresent {
					t.Error("the session is gone")
				}
				c = next
			}
			way.full(b)
			p := w.publish(1, 2)
			must(t, c.Publish(p))
			const retries = "twinbroker_store_retries_total"
			awaitMetric(t, b, retries, 1)
			before := metric(t, b, retries)
			if version == mqttraw.V5 {
				if ack := await(t, c, mqttraw.PUBREC, 1); ack.Reason != 0x83 {
					t.Errorf("%s, want 0x83", ack)
				}
				must(t, c.Publish(p)) // the identifier is free: it is another one
			} else {
				for _, p := range closed(t, c) {
					t.Errorf("%s for what is not stored", p)
				}
				resume()
				must(t, c.Publish(again(p)))
			}
			awaitMetric(t, b, retries, before+1)
			way.room(b)
			for {
				ack, err := c.Await(mqttraw.PUBREC, 1)
				if err == nil && ack.Reason == 0 {
					break
				}
				if err == nil { // patience was over first
					must(t, c.Publish(p))
					continue
				}
				resume()
				must(t, c.Publish(again(p)))
			}
			w.event(1)

			way.full(b)
			must(t, c.Ack(mqttraw.PUBREL, 1, 0))
			for _, p := range closed(t, c) {
				if p.Type == mqttraw.PUBCOMP {
					t.Errorf("%s, but the release is not stored", p)
				}
				if p.Type == mqttraw.DISCONNECT && p.Reason != 0x83 {
					t.Errorf("%s, want 0x83", p)
				}
			}
			resume()
			must(t, c.Publish(again(p))) // a client that did not see the PUBREC
			await(t, c, mqttraw.PUBREC, 1)
			way.room(b)
			for completed := false; !completed; {
				must(t, c.Ack(mqttraw.PUBREL, 1, 0))
				last, err := c.ReadPacketWithin(harness.Patience)
				completed = err == nil && last.Type == mqttraw.PUBCOMP
				if !completed {
					resume()
				}
			}
			w.want(1, 1)
			must(t, c.Publish(w.publish(1, 2))) // the identifier is free again
			await(t, c, mqttraw.PUBREC, 1)
			w.event(2)
			b.Kill()
			b.Restart()
			w.follow(b)
			w.want(1, 2)
		})
	}
}

// A client that sends on while the disk is full is not read from any further
// than its publishes may be under way; all of them are stored in the end.
func TestReadingSlowsWhileTheDiskIsFull(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, way fullness) {
		b := way.start(t, patient)
		w := newThing(t, b, "lamp")
		other := newThing(t, b, "other")
		way.full(b)
		const many, most = 3000, 1024
		c := raw(t, b, mqttraw.V311, "eager")
		sent := make(chan error, 1)
		go func() {
			for n := 1; n <= many; n++ {
				c.Queue(w.publish(n, 1))
			}
			sent <- c.Flush()
		}()
		const received = `twinbroker_publishes_received_total{qos="1"}`
		before := metric(t, b, received)
		awaitMetric(t, b, "twinbroker_publishes_pending", most)
		bystander(t, b)
		other.want(0, 0)
		if n := metric(t, b, "twinbroker_publishes_pending"); n != most {
			t.Errorf("%v publishes of one client are under way, want at most %d", n, most)
		}
		if n := metric(t, b, received) - before; n > most+100 { // the others publish too
			t.Errorf("%v publishes were read", n)
		}
		way.room(b)
		for n := 1; n <= many; n++ {
			await(t, c, mqttraw.PUBACK, uint16(n))
		}
		must(t, <-sent)
		w.want(many, many)
	})
}
