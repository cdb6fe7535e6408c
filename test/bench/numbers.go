//go:build linux

package main

import (
	"bytes"
	"time"

	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// thingMark stands in a message for the number of a Thing.
const thingMark = "0000000"

// numbered encodes a message in which the number of the Thing, wherever
// thingMark stands, is another one each time.
func numbered(topic, payload string) template {
	frame := mqttraw.AppendPublish(nil, mqttraw.V311, &mqttraw.Publish{Topic: topic, Payload: []byte(payload), QoS: 1})
	t := template{frame: frame, id: len(frame) - len(payload) - 2}
	if at := bytes.LastIndex(frame, []byte(numberMark)); at > t.id {
		t.digits = at
	}
	for at := 0; ; at += len(thingMark) {
		i := bytes.Index(frame[at:], []byte(thingMark))
		if i < 0 {
			return t
		}
		at += i
		t.things = append(t.things, at)
	}
}

// putNumber writes a number of a Thing over thingMark.
func putNumber(dst []byte, n uint32) {
	for i := len(thingMark) - 1; i >= 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
}

// numbers says which Thing comes next: at random, or one after the other.
type numbers struct {
	of     uint32
	random uint64 // state of a generator; 0: in order
	last   uint32
}

func (n *numbers) next() uint32 {
	if n.random == 0 {
		n.last++
		return (n.last - 1) % n.of
	}
	n.random ^= n.random << 13
	n.random ^= n.random >> 7
	n.random ^= n.random << 17
	return uint32(n.random>>32) % n.of
}

// waits counts how long acknowledgements took, in steps of 10 µs up to 10 s.
type waits struct {
	counts [1_000_000]uint32
	n      uint64
}

const waitStep = 10 * time.Microsecond

func (w *waits) add(d time.Duration) {
	w.counts[min(max(int(d/waitStep), 0), len(w.counts)-1)]++
	w.n++
}

// quantile gives the time that this share of them did not exceed.
func (w *waits) quantile(share float64) time.Duration {
	rank, seen := uint64(share*float64(w.n)), uint64(0)
	for i, n := range w.counts {
		if seen += uint64(n); seen > rank {
			return time.Duration(i+1) * waitStep
		}
	}
	return 0
}
