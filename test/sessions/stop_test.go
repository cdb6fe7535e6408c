package sessions

import (
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// A stop finishes what was accepted: it is stored, acknowledged and told, and
// only then are the clients sent away.
func TestAStopFinishesWhatIsPending(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Env: []string{"TWINBROKER_BENCH_SYNC_DELAY=200ms"}})
	const many = 300
	type sender struct {
		c       *mqttraw.Conn
		w       *twin
		version byte
	}
	var senders []sender
	for _, version := range []byte{mqttraw.V311, mqttraw.V5} {
		w := newTwin(t, b, fmt.Sprint("pending-", version))
		senders = append(senders, sender{dial(t, b, lasting(w.name, version)), w, version})
	}
	for _, s := range senders {
		for n := 1; n <= many; n++ {
			s.c.Queue(s.w.change(n, byte(1+n%2), uint16(n)))
		}
		must(t, s.c.Flush())
	}
	awaitMetric(t, b, "twinbroker_commands_total", atLeast(float64(len(senders)*(many+1))))
	if metric(t, b, "twinbroker_publishes_pending") == 0 {
		t.Fatal("nothing is pending")
	}
	b.Signal(syscall.SIGTERM)
	for _, s := range senders {
		for n := 1; n <= many; n++ {
			typ := mqttraw.PUBREC
			if n%2 == 0 {
				typ = mqttraw.PUBACK
			}
			if p := next(t, s.c, typ); p.ID != uint16(n) || p.Reason != 0 {
				t.Fatalf("%s, want that of %d", p, n)
			}
		}
		if reason := ended(t, s.c); s.version == mqttraw.V5 && reason != 0x8B {
			t.Errorf("sent away with %#x, want 0x8B", reason)
		}
		for revision := 2; revision <= many+1; revision++ {
			s.w.event(revision)
		}
	}
	if code := b.Wait(); code != 0 {
		t.Errorf("the status is %d", code)
	}
	b.Restart()
	for _, s := range senders {
		s.w.follow(b)
		s.w.want(many, many)
	}
}

// A client that publishes without end does not keep the broker from stopping,
// and what it was told is stored is there.
func TestAStopUnderLoad(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	w := newTwin(t, b, "busy")
	for version := mqttraw.V311; version <= mqttraw.V5; version++ {
		c := dial(t, b, lasting("busy", version))
		acked, sent := 0, 0
		send := func() {
			sent++
			c.Queue(w.change(sent, 1, uint16(1+sent%60000)))
		}
		for range 500 {
			send()
		}
		must(t, c.Flush())
		for {
			p, err := c.ReadPacket()
			if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || err == nil && p.Type == mqttraw.DISCONNECT {
				break
			}
			must(t, err)
			acked++
			if acked == 2000 {
				b.Signal(syscall.SIGTERM)
			}
			send()
			if err := c.Flush(); err != nil {
				t.Logf("writing: %v", err) // reading has the last word
			}
		}
		if code := b.Wait(); code != 0 {
			t.Errorf("the status is %d", code)
		}
		if acked < 2000 {
			t.Errorf("%d acknowledgements", acked)
		}
		b.Restart()
		w.follow(b)
		if n, _ := w.look(); n < acked || n > sent {
			t.Errorf("%d is there, %d were acknowledged, %d sent", n, acked, sent)
		}
	}
}

// A client that has stopped reading does not keep the broker from stopping, nor
// does one that says nothing after it was sent away.
func TestAStopWithClientsThatDoNotRead(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	sender := harness.Dial5(t, b, harness.Connect{})
	for qos := range byte(3) {
		stalled(t, b, mqttraw.V311+qos%2, fmt.Sprint("flood/", qos), qos)
		for n := range 1500 {
			must(t, sender.Publish(fmt.Sprint("flood/", qos), fmt.Sprintf("%04000d", n), qos))
		}
	}
	b.Stop() // fails the test if it takes too long
}
