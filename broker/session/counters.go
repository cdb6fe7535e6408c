package session

import "sync/atomic"

// Counters are the registry's figures for /metrics.
type Counters struct {
	Sent     atomic.Int64    // deliveries written
	Dropped  [3]atomic.Int64 // deliveries that found a queue full, by QoS
	Expired  atomic.Int64    // deliveries whose message expiry had passed
	TooLarge atomic.Int64    // deliveries beyond a client's Maximum Packet Size
	Withheld atomic.Int64    // messages that a subscriber was not allowed to have
	Revoked  atomic.Int64    // deliveries that waited until their client was not allowed to have them any longer
}

// Counters returns the live figures.
func (r *Registry) Counters() *Counters { return &r.counters }

// dropped counts a delivery that found its queue full, and says so in the log
// once a minute for each client.
func (r *Registry) dropped(s *Session, qos byte) {
	r.counters.Dropped[qos].Add(1)
	v, _ := r.warn.LoadOrStore(s.id, new(atomic.Int64))
	last := v.(*atomic.Int64)
	now := r.opts.Now().Unix()
	if before := last.Load(); now-before >= 60 && last.CompareAndSwap(before, now) {
		r.opts.Log.Warn("a subscriber is too slow: its queue is full and messages for it are dropped",
			"client", s.id, "qos", qos, "queue_messages", r.opts.QueueMessages, "queue_bytes", r.opts.QueueBytes)
	}
}
