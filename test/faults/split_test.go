//go:build linux

package faults

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// startSplit starts a broker whose journal has a file system of its own.
func startSplit(t *testing.T, config string) (b *harness.Broker, data, journal disk) {
	t.Helper()
	disks := smallDisks(t, diskSize, diskSize)
	return harness.Start(t, harness.Options{Config: config, Dir: disks[0].dir}), disks[0], disks[1]
}

// The journal's own file system is the one whose room counts for a change.
func TestAFullJournalBesidesASnapshotWithRoom(t *testing.T) {
	t.Parallel()
	b, _, journal := startSplit(t, impatient)
	w := newThing(t, b, "lamp")
	journal.fill(1 << 20)
	awaitAiling(t, b, filepath.Join(b.Dir(), "journal"), "disk is full")
	refusedFive(t, dialFive(t, b), w, 1, 1, []string{filepath.Join(b.Dir(), "journal"), "disk is full", "make room"})
	w.want(0, 0)
	journal.empty()
	must(t, w.c.Publish(w.topic(), number(2), 1))
	w.event(1)
}

func dialFive(t *testing.T, b *harness.Broker) *harness.Client5 {
	c := harness.Dial5(t, b, harness.Connect{})
	c.Subscribe("ditto/_replies/#")
	return c
}

// The snapshot file has no room, but the journal has: changes are taken until
// those that memory has to keep are as many as it may hold, then held, then
// refused; and taken again when there is room.
func TestAFullSnapshotBesidesAJournalWithRoom(t *testing.T) {
	t.Parallel()
	b, data, _ := startSplit(t, harness.Anonymous+"store: {patience: 300ms, memory: 4MiB}\n")
	w := newThing(t, b, "lamp")
	data.fill(0)
	c := raw(t, b, mqttraw.V5, "writer")
	text := strings.Repeat("x", 60_000)
	stored := 0
	create := func(n int) *mqttraw.Packet {
		must(t, c.Publish(&mqttraw.Publish{
			Topic: fmt.Sprintf("ditto/f/x%d/things/twin/commands/create", n), QoS: 1, ID: uint16(n),
			Payload: fmt.Appendf(nil, `{"path":"/","value":{"attributes":{"text":%q}},"headers":{"response-required":false}}`, text),
		}))
		return await(t, c, mqttraw.PUBACK, uint16(n))
	}
	var refused *mqttraw.Packet
	for n := 1; refused == nil; n++ {
		if p := create(n); p.Reason != 0 {
			refused = p
		} else {
			stored = n
		}
		if n > 1000 {
			t.Fatal("60 MB are kept in memory for a snapshot file that cannot be written")
		}
	}
	words := []string{filepath.Join(b.Dir(), "state.db"), "store.memory", "no space left"}
	if refused.Reason != 0x83 || refused.Props == nil || !contains(refused.Props.ReasonString, words) {
		t.Errorf("refused with %s, want 0x83 and %q", refused, words)
	}
	if stored == 0 {
		t.Error("nothing was taken although the journal has room")
	}
	awaitAiling(t, b, words...)
	awaitMetric(t, b, "twinbroker_store_snapshot_errors_total", 1)
	awaitMetric(t, b, "twinbroker_store_busy_total", 1)
	if n := strings.Count(b.Log(), "snapshot failed"); n != 1 {
		t.Errorf("the log says %d times that the snapshot failed", n)
	}
	w.want(0, 0)
	data.empty()
	awaitReady(t, b)
	b.WaitLog("the snapshot can be written again")
	if p := create(stored + 1); p.Reason != 0 {
		t.Errorf("with room again: %s", p)
	}
	b.Kill()
	b.Restart()
	w.follow(b)
	for n := 1; n <= stored+1; n++ {
		o := thing{t: t, c: w.c, name: fmt.Sprint("x", n)}
		if a := o.ask("retrieve", `"fields":"_revision"`); string(a.Value) != `{"_revision":1}` {
			t.Errorf("%s: %d %.100s", o.name, a.Status, a.Value)
		}
	}
}
