package broker

import (
	"context"
	"strconv"
	"time"

	"github.com/twinbroker/twinbroker/broker/session"
)

// statusEvery is how often the $SYS topics are renewed.
const statusEvery = 10 * time.Second

// tellStatus publishes the broker's figures as retained messages below
// $SYS/broker, under the names that other brokers gave them.
func (b *Broker) tellStatus(ctx context.Context) {
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	for {
		b.publishStatus()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (b *Broker) publishStatus() {
	all, connected := b.sessions.Sessions()
	counters := b.sessions.Counters()
	var dropped int64
	for i := range counters.Dropped {
		dropped += counters.Dropped[i].Load()
	}
	say := func(name, value string) {
		m := &session.Message{Topic: "$SYS/broker/" + name, Payload: []byte(value), QoS: 2, Retain: true}
		b.relay(m, true)
	}
	number := func(name string, n int64) { say(name, strconv.FormatInt(n, 10)) }
	say("version", "twinbroker "+b.cfg.Version)
	say("uptime", strconv.FormatInt(int64(time.Since(b.started)/time.Second), 10)+" seconds")
	number("clients/connected", int64(connected))
	number("clients/disconnected", int64(all-connected))
	number("clients/total", int64(all))
	number("subscriptions/count", int64(b.sessions.Subscriptions()))
	number("retained messages/count", int64(b.retained.Len()))
	number("messages/received", b.metrics.receivedTotal())
	number("messages/sent", counters.Sent.Load())
	number("publish/messages/dropped", dropped)
}
