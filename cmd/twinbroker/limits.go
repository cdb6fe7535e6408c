package main

import (
	"math"
	"time"

	"github.com/twinbroker/twinbroker/broker"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
)

// A limit of 0 in the configuration is none, while the packages that keep the
// limits take it for their default, or let nothing pass.

// brokerLimits are the configured limits as the broker counts.
func brokerLimits(l config.Limits) broker.Limits {
	return broker.Limits{
		Packet: int(l.PacketSize), Clients: int(l.Clients), // 0 is no limit there too
		Message: bound(l.MessageSize), QueueMessages: bound(l.QueueMessages), QueueBytes: bound(l.QueueSize),
	}
}

func bound(limit int64) int {
	if limit == 0 {
		return math.MaxInt
	}
	return int(limit)
}

// documentLimit is the configured size of a Thing or a Policy as the twin
// counts: negative for no limit.
func documentLimit(size int64) int {
	if size == 0 {
		return -1
	}
	return int(size)
}

// noTime is a duration of 0 for those to whom that means their default.
func noTime(d time.Duration) time.Duration { return max(d, 1) }
