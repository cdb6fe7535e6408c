//go:build linux

package faults

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// A stop while the disk is full ends in good order: what is held is refused
// rather than waited for, everything acknowledged is there at the next start,
// and that there is no room for the snapshot is no failure.
func TestAStopWhileTheDiskIsFull(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, way fullness) {
		b := way.start(t, harness.Anonymous+"store: {patience: 2s}\n")
		w := newThing(t, b, "lamp")
		must(t, w.c.Publish(w.topic(), number(1), 1))
		way.full(b)
		c := raw(t, b, mqttraw.V311, "held")
		must(t, c.Publish(w.publish(2, 2)))
		awaitMetric(t, b, "twinbroker_publishes_pending", 1)
		b.Signal(syscall.SIGTERM)
		for _, p := range closed(t, c) {
			if p.Type == mqttraw.PUBREC {
				t.Errorf("%s for what is not stored", p)
			}
		}
		if code := b.Wait(); code != 0 {
			t.Errorf("the status is %d, want 0", code)
		}
		if way.fillsFileSystem {
			way.room(b)
		}
		b.Restart()
		w.follow(b)
		w.want(1, 1)
		c = raw(t, b, mqttraw.V311, "held")
		must(t, c.Publish(again(w.publish(2, 2))))
		await(t, c, mqttraw.PUBREC, 2)
		w.want(2, 2)
	})
}

// On a disk that is full already the broker starts on data that are there: it
// shows them, says that it is not ready, and takes changes when there is room.
func TestAStartOnAFullDisk(t *testing.T) {
	t.Parallel()
	small := smallDisks(t, diskSize)[0]
	b := harness.Start(t, harness.Options{Config: impatient, Dir: filepath.Join(small.dir, "data")})
	w := newThing(t, b, "lamp")
	for change, end := range []func(){b.Stop, b.Kill} {
		small.fill(0)
		end()
		b.Restart()
		awaitAiling(t, b, b.Dir(), "disk is full", "make room")
		w.follow(b)
		w.want(change, change)
		bystander(t, b)
		refusedThree(t, b, w, 100, nil)
		small.empty()
		awaitReady(t, b)
		must(t, w.c.Publish(w.topic(), number(change+1), 1))
		w.event(change + 1)
	}
}

// Where files have to be made first there is nothing to show: the start fails,
// and says why and what to do.
func TestAFirstStartOnAFullDisk(t *testing.T) {
	t.Parallel()
	small := smallDisks(t, diskSize)[0]
	dir := filepath.Join(small.dir, "data")
	small.fill(0)
	r := harness.Run(t, "serve", "--data-dir", dir, "--listen", "tcp://127.0.0.1:0", "--http", "off")
	lines := strings.Split(strings.TrimSpace(r.Stderr), "\n")
	if last := lines[len(lines)-1]; r.Code != 1 || !contains(last, []string{"disk is full", dir, "make room", "data_dir"}) {
		t.Errorf("status %d, %q", r.Code, last)
	}
	small.empty()
	b := harness.Start(t, harness.Options{Dir: dir})
	newThing(t, b, "lamp").want(0, 0)
}
