package main

import (
	"math"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/broker"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
)

func TestLimitOfZeroIsNone(t *testing.T) {
	want := broker.Limits{Message: math.MaxInt, QueueMessages: math.MaxInt, QueueBytes: math.MaxInt}
	if got := brokerLimits(config.Limits{}); got != want {
		t.Errorf("all limits 0: %+v, want %+v", got, want)
	}
	for configured, want := range map[int64]int{0: -1, 1: 1, 100 << 10: 100 << 10} {
		if got := documentLimit(configured); got != want {
			t.Errorf("a Thing's size of %d becomes %d, want %d", configured, got, want)
		}
	}
}

func TestLimitsArriveAtTheBroker(t *testing.T) {
	got := brokerLimits(config.Limits{PacketSize: 1, MessageSize: 2, Clients: 3, QueueMessages: 4, QueueSize: 5})
	want := broker.Limits{Packet: 1, Message: 2, Clients: 3, QueueMessages: 4, QueueBytes: 5}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDurationOfZeroIsNotTheDefault(t *testing.T) {
	for configured, want := range map[time.Duration]time.Duration{0: 1, time.Hour: time.Hour} {
		if got := noTime(configured); got != want {
			t.Errorf("%v becomes %v, want %v", configured, got, want)
		}
	}
}
