//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// side is one of the two that are compared.
type side string

const (
	mochi  side = "mochi"
	broker side = "broker"
)

// traffic is a load on one side.
type traffic struct {
	clients, window int
	message         message
	filter          string        // what the subscriber subscribes to; empty: there is none
	replies         bool          // a message is done when its response is there
	slow            time.Duration // added to each sync of the broker
	rules           string        // the broker's mappings and publications; empty: benchRules
	device          string        // what another subscriber subscribes to; empty: there is none
	messages        int           // how many different ones there are; 0: one for each Thing
	changes         int           // that each message makes; 0: one
	guarded         bool          // clients have passwords, and each Thing a Policy for its client
	before          bool          // it is for the program of before, if there is one
}

// slowSync is the environment variable by which the broker slows its syncs.
const slowSync = "TWINBROKER_BENCH_SYNC_DELAY"

const (
	eventFilter     = "ditto/+/+/things/twin/events/#"
	modifyFilter    = "ditto/+/+/things/twin/commands/modify"
	telemetryFilter = "devices/+/telemetry"
)

// row is one line of the table: a share of what bare mochi relays.
type row struct {
	key, name     string
	bound         float64
	mochi, broker traffic
}

var rows = []row{
	{
		key: "modify", bound: 0.5,
		name:   "stored modifies/s, 50 clients × 16 unacknowledged, QoS 1",
		mochi:  traffic{clients: 50, window: 16, message: modifyMessage, filter: modifyFilter},
		broker: traffic{clients: 50, window: 16, message: modifyMessage, filter: eventFilter},
	},
	{
		key: "telemetry", bound: 0.45,
		name:   "the same, plain telemetry through a mapping",
		mochi:  traffic{clients: 50, window: 16, message: telemetryMessage, filter: telemetryFilter},
		broker: traffic{clients: 50, window: 16, message: telemetryMessage, filter: eventFilter},
	},
	{
		key: "single", bound: 0.35,
		name:   "stored modifies/s, one client, 64 unacknowledged",
		mochi:  traffic{clients: 1, window: 64, message: modifyMessage, filter: modifyFilter},
		broker: traffic{clients: 1, window: 64, message: modifyMessage, filter: eventFilter},
	},
	{
		key: "retrieve", bound: 0.45,
		name:   "retrieves/s of a Thing, request to response, 50 clients × 16",
		mochi:  traffic{clients: 50, window: 16, message: modifyMessage, filter: modifyFilter},
		broker: traffic{clients: 50, window: 16, message: retrieveMessage, replies: true},
	},
	{
		key: "slowsync", bound: 0.3,
		name:   "stored modifies/s as in the first line, each sync 10 ms slower",
		mochi:  traffic{clients: 50, window: 16, message: modifyMessage, filter: modifyFilter},
		broker: traffic{clients: 50, window: 16, message: modifyMessage, filter: eventFilter, slow: 10 * time.Millisecond},
	},
}

// outcome is what one run of a load came to.
type outcome struct {
	rate      float64       // messages/s that went all the way; see the fields below
	acked     float64       // acknowledged/s
	delivered float64       // delivered/s to the subscriber, or responses/s
	dropped   uint64        // of the whole run: acknowledged but not delivered
	cost      time.Duration // processor time of the side for each message
	load      time.Duration // processor time of the generator for each message
	foreign   float64       // cores that others than the broker and the load used
	problems  []string
}

// measure runs the traffic on a fresh process of that side.
func (b *bench) measure(s side, t traffic) (o outcome, err error) {
	srv, done, err := b.fresh(s, t)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, done()) }()
	l, err := b.connect(srv.site, t)
	if err != nil {
		return o, err
	}
	defer l.close()

	watch := watchCPU(srv.cmd.Process.Pid)
	c, took, err := l.run(b.warm, b.length)
	if err != nil {
		return o, err
	}
	srvCPU, loadCPU, foreign := watch.used()
	o.foreign = foreign

	per := func(n uint64) float64 { return float64(n) / took.Seconds() }
	o.acked, o.delivered = per(c.acked), per(c.delivered)
	total := l.acked
	switch {
	case t.replies:
		o.delivered = per(c.replies)
		o.rate, total = o.delivered, l.replies
	case s == mochi:
		o.rate = o.delivered // what it relays
	default:
		o.rate = o.acked * float64(max(1, t.changes)) // what it stores
		total *= uint64(max(1, t.changes))
	}
	o.cost, o.load = srvCPU/time.Duration(max(1, total)), loadCPU/time.Duration(max(1, total))
	if stored := l.acked * uint64(max(1, t.changes)); l.sub != nil && stored > l.delivered {
		o.dropped = stored - l.delivered
	}
	o.problems = l.problems(t)
	if s == broker && !t.replies {
		o.problems = append(o.problems, storedProblems(srv.site, l.acked*uint64(max(1, t.changes)))...)
	}
	return o, nil
}

// problems is what must not happen in any run.
func (l *load) problems(t traffic) []string {
	var ps []string
	if l.acked != l.sent {
		ps = append(ps, fmt.Sprintf("%d publishes sent, %d acknowledged, %d refused", l.sent, l.acked, l.refused))
	}
	if l.disordered > 0 {
		ps = append(ps, fmt.Sprintf("%d acknowledgements out of order", l.disordered))
	}
	if t.replies && l.replies != l.sent {
		ps = append(ps, fmt.Sprintf("%d requests sent, %d responses", l.sent, l.replies))
	}
	if l.wrong > 0 {
		ps = append(ps, fmt.Sprintf("%d of %d responses looked at are not the Thing, such as %.300q", l.wrong, l.replies/64+1, l.sample))
	}
	if l.sub != nil && l.delivered == 0 && l.acked > 0 {
		ps = append(ps, "nothing was delivered to the subscriber")
	}
	if stored := l.acked * uint64(max(1, t.changes)); l.sub != nil && l.delivered > stored {
		ps = append(ps, fmt.Sprintf("%d delivered of %d", l.delivered, stored))
	}
	if l.device != nil && l.heard == 0 && l.acked > 0 {
		ps = append(ps, "nothing was delivered to the device")
	}
	return ps
}

// storedProblems asks the broker whether as many changes are stored as it
// acknowledged; creating a Thing was its revision 1.
func storedProblems(at site, acked uint64) []string {
	sum, err := revisions(at)
	if err != nil {
		return []string{"revisions not checked: " + err.Error()}
	}
	if sum != acked+things {
		return []string{fmt.Sprintf("%d changes acknowledged, but revisions tell of %d", acked, sum-things)}
	}
	return nil
}

// fresh starts a side on a fresh folder, with the Things in it.
func (b *bench) fresh(s side, t traffic) (*server, func() error, error) {
	slow := t.slow
	if s == mochi {
		srv, err := b.programs.startMochi()
		if err != nil {
			return nil, nil, err
		}
		return srv, srv.stop, nil
	}
	dir, err := os.MkdirTemp(b.dir, "run-")
	if err != nil {
		return nil, nil, err
	}
	var env []string
	if slow > 0 {
		env = []string{slowSync + "=" + slow.String()}
	}
	srv, err := b.startBroker(dir, t, env...)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	done := func() error { return errors.Join(srv.stop(), os.RemoveAll(dir)) }
	fastest, err := createThings(srv.site)
	if err == nil && fastest < slow {
		err = fmt.Errorf("%s has no effect: a change was acknowledged after %v", env[0], fastest)
	}
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return srv, done, nil
}

// connect makes the clients of a load.
func (b *bench) connect(at site, t traffic) (*load, error) {
	l, err := newLoad(t.window)
	if err != nil {
		return nil, err
	}
	l.byReply, l.expected = t.replies, isThing
	for i := range t.clients {
		id, reply := fmt.Sprintf("bench-%d", i), ""
		if t.replies {
			reply = "ditto/_replies/" + id
		}
		if err = l.addPublisher(at, id, share(t.message, i, t.clients, t.messages), reply); err != nil {
			break
		}
	}
	if err == nil && t.filter != "" {
		err = l.addSubscriber(at, t.filter)
	}
	if err == nil && t.device != "" {
		err = l.addDevice(at, t.device)
	}
	if err != nil {
		l.close()
		return nil, fmt.Errorf("connect to %s: %w", at.addr, err)
	}
	return l, nil
}

// latencies are one open-loop run's times to the acknowledgement.
type latencies struct {
	p50, p99 time.Duration
	foreign  float64 // cores that others used
}

const openRate = 2000

func (b *bench) measureLatency(s side) (lat latencies, err error) {
	srv, done, err := b.fresh(s, traffic{})
	if err != nil {
		return lat, err
	}
	defer func() { err = errors.Join(err, done()) }()
	t := traffic{clients: 50, window: 1000, message: modifyMessage, filter: eventFilter}
	if s == mochi {
		t.filter = modifyFilter
	}
	l, err := b.connect(srv.site, t)
	if err != nil {
		return lat, err
	}
	defer l.close()
	watch := watchCPU(srv.cmd.Process.Pid)
	took, err := l.runOpen(openRate, b.warm, b.length)
	if err != nil {
		return lat, err
	}
	_, _, lat.foreign = watch.used()
	if ps := l.problems(t); len(ps) > 0 {
		return lat, fmt.Errorf("%s: %v", s, ps)
	}
	if len(took) == 0 {
		return lat, errors.New("no acknowledgement was timed")
	}
	slices.Sort(took)
	lat.p50, lat.p99 = took[len(took)/2], took[len(took)*99/100]
	return lat, nil
}

// idle is what the broker is when nothing happens.
type idle struct {
	ready  time.Duration
	memory int
	binary int64
}

func (b *bench) measureIdle(wait time.Duration) (i idle, err error) {
	dir, err := os.MkdirTemp(b.dir, "idle-")
	if err != nil {
		return i, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	srv, err := b.programs.startIdle(dir)
	if err != nil {
		return i, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	i.ready = srv.ready
	time.Sleep(wait)
	if i.memory, err = anonymousMemory(srv.cmd.Process.Pid); err != nil {
		return i, err
	}
	st, err := os.Stat(b.programs.broker)
	if err != nil {
		return i, err
	}
	i.binary = st.Size()
	return i, nil
}
