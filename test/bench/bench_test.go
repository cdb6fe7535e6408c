//go:build linux

package main

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"

	"github.com/twinbroker/twinbroker/test/mqttraw"
)

func newMochi(t *testing.T) string {
	t.Helper()
	server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := server.AddHook(new(auth.AllowHook), nil); err != nil {
		t.Fatal(err)
	}
	l := listeners.NewTCP(listeners.Config{ID: "t", Address: "127.0.0.1:0"})
	if err := server.AddListener(l); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return l.Address()
}

func TestEverySentMessageIsAcknowledgedAndDelivered(t *testing.T) {
	addr := newMochi(t)
	for _, traffic := range []traffic{
		{clients: 5, window: 16, message: modifyMessage, filter: modifyFilter},
		{clients: 1, window: 64, message: telemetryMessage, filter: telemetryFilter},
	} {
		l, err := new(bench).connect(site{addr: addr}, traffic)
		if err != nil {
			t.Fatal(err)
		}
		c, took, err := l.run(20*time.Millisecond, 100*time.Millisecond)
		l.close()
		if err != nil {
			t.Fatal(err)
		}
		if ps := l.problems(traffic); len(ps) > 0 || c.acked == 0 || took < 50*time.Millisecond {
			t.Errorf("%+v in %v, problems %v", c, took, ps)
		}
	}
}

// A responder stands in for a broker that answers commands.
func TestRequestsAreCountedByTheirResponses(t *testing.T) {
	addr := newMochi(t)
	c, _, err := mqttraw.Dial(addr, mqttraw.Options{ClientID: "responder", Clean: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Subscribe(1, mqttraw.Subscription{Filter: "ditto/+/+/things/twin/commands/retrieve"}); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	_, thing := createMessage(17)
	response := []byte(`{"topic":"org.acme/lamp-17/things/twin/commands/retrieve","status":200,` + thing[1:])
	go func() {
		defer close(done)
		for {
			p, err := c.ReadPacket()
			if err != nil {
				return
			}
			if p.Type == mqttraw.PUBLISH {
				_ = c.Publish(&mqttraw.Publish{Topic: "ditto/_replies/bench-0", Payload: response})
			}
		}
	}()
	traffic := traffic{clients: 1, window: 16, message: retrieveMessage, replies: true}
	l, err := new(bench).connect(site{addr: addr}, traffic)
	if err != nil {
		t.Fatal(err)
	}
	n, _, err := l.run(20*time.Millisecond, 100*time.Millisecond)
	l.close()
	_ = c.Close()
	<-done
	if ps := l.problems(traffic); err != nil || len(ps) > 0 || n.replies == 0 {
		t.Errorf("%+v, problems %v, %v", n, ps, err)
	}
}

func TestOpenLoopKeepsItsRateAndTimesEachAcknowledgement(t *testing.T) {
	traffic := traffic{clients: 4, window: 100, message: modifyMessage, filter: modifyFilter}
	l, err := new(bench).connect(site{addr: newMochi(t)}, traffic)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	took, err := l.runOpen(2000, 50*time.Millisecond, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if ps := l.problems(traffic); len(ps) > 0 {
		t.Error(ps)
	}
	// 500 are due; the last ones may fall behind the end on a busy machine.
	if l.sent < 450 || l.sent > 520 {
		t.Errorf("%d sent in 250 ms at 2,000 a second", l.sent)
	}
	for _, d := range took {
		if d <= 0 || d > 10*time.Second {
			t.Fatalf("an acknowledgement took %v", d)
		}
	}
}

func TestClientsShareAllThingsAndTheirFramesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for client := range 7 {
		for _, tpl := range share(modifyMessage, client, 7, 0) {
			first, body, n, err := mqttraw.Next(tpl.frame)
			if err != nil || n != len(tpl.frame) {
				t.Fatalf("%d of %d bytes, %v", n, len(tpl.frame), err)
			}
			tpl.frame[tpl.id+1] = 1 // a packet id of 0 is none
			p, err := mqttraw.Decode(mqttraw.V311, first, body)
			if err != nil {
				t.Fatal(err)
			}
			if p.ID != 1 || string(tpl.frame[tpl.digits:tpl.digits+5]) != numberMark {
				t.Fatalf("%s: packet id or number is elsewhere", p)
			}
			if seen[p.Topic] {
				t.Fatalf("%s twice", p.Topic)
			}
			seen[p.Topic] = true
		}
	}
	if len(seen) != things {
		t.Errorf("%d Things", len(seen))
	}
}

func TestFigureIsTheMedianOfTheRoundsSharesAndMissesAreCounted(t *testing.T) {
	r := &report{machine: "here", rounds: 3, length: time.Second}
	p := func(m, b float64) pair { return pair{mochi: outcome{rate: m}, broker: outcome{rate: b}} }
	r.addShare(row{key: "a", name: "first", bound: 0.5}, []pair{p(100, 40), p(100, 60), p(50, 45)})
	r.addShare(row{key: "b", name: "second", bound: 0.7}, []pair{p(100, 40), p(100, 60), p(50, 45)})
	r.addLatency([]latencies{{p50: 1e6, p99: 2e6}}, []latencies{{p50: 1e6, p99: 12e6}}, []commits{{median: 1e6, two: 2e6}})
	var out strings.Builder
	r.print(&out)
	for _, want := range []string{
		"| first | 100/s | 45/s | 0.60 | ≥ 0.50 | yes |",
		"| second | 100/s | 45/s | 0.60 | ≥ 0.70 | **no** |",
		"| 12ms | ≤ 12ms | yes |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("missing %s in\n%s", want, out.String())
		}
	}
	if r.missed() != 1 {
		t.Errorf("%d missed", r.missed())
	}
}

func TestTwoCommitsAreWaitedForFromAnyMoment(t *testing.T) {
	// 99 commits of 1 ms and one of 100 ms in the middle: it is one of a
	// hundred commits, but half of the time.
	var ends []time.Duration
	at := time.Duration(0)
	for i := range 100 {
		if at += time.Millisecond; i == 50 {
			at += 99 * time.Millisecond
		}
		ends = append(ends, at)
	}
	c := commitsOf(ends)
	if c.median != time.Millisecond || c.p99 != 100*time.Millisecond || c.two < 90*time.Millisecond || c.two > 101*time.Millisecond {
		t.Errorf("got %+v", c)
	}
	if c := commitsOf(ends[:40]); c.two != 2*time.Millisecond {
		t.Errorf("of even commits: %+v", c)
	}
}

func TestWrongFlagsAreNamed(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-rows nonsense", `no row "nonsense"`},
		{"-only both", "mochi and broker"},
		{"-rounds 0", "-rounds"},
	} {
		err := run(strings.Fields(c.args), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", c.args, err)
		}
	}
}
