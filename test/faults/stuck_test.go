//go:build linux && (amd64 || arm64)

package faults

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// segments is in the path of every file of the journal that holds records.
const segments = "/journal/0"

// reach waits for what set returned.
func reach(t testing.TB, reached <-chan struct{}) {
	t.Helper()
	select {
	case <-reached:
	case <-time.After(harness.Patience):
		t.Fatal("the broker does not sync")
	}
}

// A sync that takes longer than store.patience: what is being written is neither
// acknowledged nor refused until the sync is over, what comes behind it is
// refused, and reading and everything that is no twin goes on.
func TestASyncThatHangsHoldsWhatItHasAndRefusesWhatComesBehind(t *testing.T) {
	t.Parallel()
	b, disk := startWithSyncs(t, harness.Options{Config: impatient})
	w := newThing(t, b, "lamp")
	other := newThing(t, b, "other")
	hanging := disk.set(hang, segments)

	var under []*mqttraw.Conn // the first is being written, the second joins it as a redelivery
	first := w.publish(1, 2)
	under = append(under, raw(t, b, mqttraw.V5, "under-way"))
	must(t, under[0].Publish(first))
	reach(t, hanging)
	behind := raw(t, b, mqttraw.V5, "behind")
	must(t, behind.Publish(w.publish(2, 1)))
	must(t, behind.Publish(other.publish(3, 2)))
	p := await(t, behind, mqttraw.PUBACK, 2)
	words := []string{b.Dir(), "not answered", "store is busy"}
	if p.Reason != 0x83 || p.Props == nil || !contains(p.Props.ReasonString, words) {
		t.Errorf("behind a sync that hangs: %s, want 0x83 and %q", p, words)
	}
	if p := await(t, behind, mqttraw.PUBREC, 3); p.Reason != 0x83 {
		t.Errorf("behind a sync that hangs: %s, want 0x83", p)
	}
	refusedThree(t, b, w, 4, words)
	awaitAiling(t, b, b.Dir(), "not answered")
	other.want(0, 0)
	bystander(t, b)
	w.quiet()
	silent(t, under[0])
	// Its client comes again while the sync still hangs, and joins.
	must(t, under[0].Close())
	resumed, ack, err := mqttraw.Dial(b.MQTT(), lasting(mqttraw.V5, "under-way"))
	must(t, err)
	t.Cleanup(func() { resumed.Close() })
	if !ack.SessionPresent {
		t.Error("the session is gone")
	}
	must(t, resumed.Publish(again(first)))
	silent(t, resumed)

	disk.set(through, "")
	if p := await(t, resumed, mqttraw.PUBREC, 1); p.Reason != 0 {
		t.Errorf("what was being written: %s", p)
	}
	must(t, resumed.Ack(mqttraw.PUBREL, 1, 0))
	await(t, resumed, mqttraw.PUBCOMP, 1)
	w.event(1)
	awaitReady(t, b)
	must(t, w.c.Publish(w.topic(), number(5), 1))
	w.event(2)
	b.WaitLog("the journal can be written again")
	for _, end := range []func(){b.Kill, b.Stop} {
		w.want(5, 2)
		other.want(0, 0)
		end()
		b.Restart()
		w.follow(b)
		other.follow(b)
	}
	w.want(5, 2)
	other.want(0, 0)
}

// Within store.patience a slow disk only slows.
func TestASyncThatComesBackWithinPatienceRefusesNothing(t *testing.T) {
	t.Parallel()
	b, disk := startWithSyncs(t, harness.Options{Config: patient})
	w := newThing(t, b, "lamp")
	hanging := disk.set(hang, segments)
	c := raw(t, b, mqttraw.V311, "slow")
	const many = 50
	for n := 1; n <= many; n++ {
		must(t, c.Publish(w.publish(n, byte(1+n%2))))
		if n == 1 {
			reach(t, hanging)
		}
	}
	awaitMetric(t, b, "twinbroker_publishes_pending", many)
	silent(t, c)
	w.quiet()
	disk.set(through, "")
	for n := 1; n <= many; n++ {
		typ := mqttraw.PUBREC
		if n%2 == 0 {
			typ = mqttraw.PUBACK
		}
		await(t, c, typ, uint16(n))
		w.event(n)
	}
	if n := metric(t, b, "twinbroker_store_refused_total"); n != 0 {
		t.Errorf("%v changes refused", n)
	}
}

// A sync that fails is the end: nothing more is acknowledged, nothing is refused
// either, because nobody can say what is on disk, and the last word says so.
// What was acknowledged before is there after a restart, and what was not is
// applied once when it is sent again.
func TestAFailedSyncEndsTheBroker(t *testing.T) {
	t.Parallel()
	for _, version := range []byte{mqttraw.V311, mqttraw.V5} {
		for qos, ack := range map[byte]byte{1: mqttraw.PUBACK, 2: mqttraw.PUBREC} {
			t.Run(fmt.Sprintf("MQTT %d, QoS %d", version, qos), func(t *testing.T) {
				b, disk := startWithSyncs(t, harness.Options{Config: impatient})
				w := newThing(t, b, "lamp")
				must(t, w.c.Publish(w.topic(), number(1), 1))
				w.event(1)
				c := raw(t, b, version, "unlucky")
				failing := disk.set(fail, segments)
				lost := w.publish(2, qos)
				must(t, c.Publish(lost))
				reach(t, failing)
				for _, p := range closed(t, c) {
					if p.Type == ack {
						t.Errorf("%s after the disk failed", p)
					}
				}
				lastWord(t, b)
				disk.set(through, "")

				b.Restart()
				c, _, err := mqttraw.Dial(b.MQTT(), lasting(version, "unlucky"))
				must(t, err)
				defer c.Close()
				w.follow(b)
				must(t, c.Publish(again(lost)))
				if p := await(t, c, ack, lost.ID); p.Reason != 0 {
					t.Errorf("sent again: %s", p)
				}
				revision := 0
				if a := w.ask("retrieve", `"fields":"_revision"`); a.Status == 200 {
					if _, err := fmt.Sscanf(string(a.Value), `{"_revision":%d}`, &revision); err != nil {
						t.Fatal(err)
					}
				}
				if qos == 2 && revision != 3 {
					t.Errorf("revision %d after a publish at QoS 2, want 3", revision)
				}
				w.want(2, revision-1)
				b.Stop()
			})
		}
	}
}

// lastWord waits for the end after a failed sync.
func lastWord(t testing.TB, b *harness.Broker) {
	t.Helper()
	if code := b.Wait(); code != 1 {
		t.Errorf("the status is %d, want 1", code)
	}
	lines := strings.Split(b.Log(), "\n")
	last := lines[len(lines)-1]
	if !contains(last, []string{"twinbroker: the disk failed", b.Dir(), "input/output error"}) {
		t.Errorf("the last word is %q", last)
	}
	if n := strings.Count(b.Log(), "level=ERROR"); n > 2 || !strings.Contains(b.Log(), `msg="the disk failed`) {
		t.Errorf("%d errors in the log", n)
	}
	if strings.Contains(b.Log(), "message refused") {
		t.Error("something was refused of which nobody can say whether it is stored")
	}
}

// The snapshot file is on the same disk.
func TestAFailedSyncOfTheSnapshotEndsTheBrokerToo(t *testing.T) {
	t.Parallel()
	b, disk := startWithSyncs(t, harness.Options{Config: harness.Anonymous + "store: {patience: 300ms, memory: 4MiB}\n"})
	w := newThing(t, b, "lamp")
	disk.set(fail, "state.db")
	c := raw(t, b, mqttraw.V311, "writer")
	acknowledged := 0
	for n := 1; ; n++ {
		p := w.publish(n, 1)
		p.Topic = fmt.Sprintf("ditto/f/x%d/things/twin/commands/create", n)
		p.Payload = fmt.Appendf(nil, `{"path":"/","value":{"attributes":{"text":%q}},"headers":{"response-required":false}}`, strings.Repeat("x", 60_000))
		if c.Publish(p) != nil {
			break
		}
		if _, err := c.Await(mqttraw.PUBACK, uint16(n)); err != nil {
			break
		}
		acknowledged = n
	}
	lastWord(t, b)
	if acknowledged == 0 {
		t.Fatal("nothing was stored before")
	}
	disk.set(through, "")
	b.Restart()
	for n := 1; n <= acknowledged; n++ {
		o := thing{t: t, name: fmt.Sprint("x", n)}
		if n == 1 {
			w.follow(b)
		}
		o.c = w.c
		if a := o.ask("retrieve", `"fields":"thingId"`); a.Status != 200 {
			t.Errorf("%s is lost: %d", o.name, a.Status)
		}
	}
}

// A sync that never comes back does not keep the broker from being stopped.
func TestAStopDoesNotWaitForASyncThatNeverComesBack(t *testing.T) {
	t.Parallel()
	for name, signals := range map[string]int{"one signal": 1, "a second signal": 2} {
		t.Run(name, func(t *testing.T) {
			config := impatient
			if signals == 2 {
				config = patient
			}
			b, disk := startWithSyncs(t, harness.Options{Config: config})
			w := newThing(t, b, "lamp")
			hanging := disk.set(hang, segments)
			c := raw(t, b, mqttraw.V5, "waiting")
			must(t, c.Publish(w.publish(1, 2)))
			reach(t, hanging)
			b.Signal(syscall.SIGTERM)
			if signals == 2 {
				b.WaitLog("a second signal stops at once")
				b.Signal(syscall.SIGTERM)
			}
			for _, p := range closed(t, c) {
				if p.Type == mqttraw.PUBREC {
					t.Errorf("%s for what is not on disk", p)
				}
			}
			if code := b.Wait(); code != 1 {
				t.Errorf("the status is %d, want 1", code)
			}
			if signals == 1 && !strings.Contains(b.Log(), "twinbroker: closing the store: the disk has not answered") {
				t.Error("the last word does not say that the disk does not answer")
			}
			disk.set(through, "")
			b.Restart()
			c = raw(t, b, mqttraw.V5, "waiting")
			must(t, c.Publish(again(w.publish(1, 2))))
			await(t, c, mqttraw.PUBREC, 1)
			w.follow(b)
			w.want(1, 1)
		})
	}
}

// Nor from being stopped while it starts.
func TestASignalEndsAStartThatHangs(t *testing.T) {
	t.Parallel()
	b, disk := startWithSyncs(t, harness.Options{Config: impatient})
	newThing(t, b, "lamp")
	b.Stop()
	hanging := disk.set(hang, segments)
	v := harness.SpawnWith(t, disk.prepare, "serve", "--data-dir", b.Dir(), "--listen", "tcp://127.0.0.1:0", "--http", "off")
	reach(t, hanging)
	if code := v.End(syscall.SIGTERM); code != 0 {
		t.Errorf("the status is %d, want 0: there was nothing to finish", code)
	}
	disk.set(through, "")
	b.Restart()
}
