package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapFloor is how much is allocated between two collections of garbage at
// least. The live heap of a broker with few Things is so small that Go would
// collect several times a second, and each collection holds up what arrives
// meanwhile: with the floor the 99th percentile of acknowledgements at 2,000
// publishes a second is a third of what it is without.
const heapFloor = 96 << 20

// collectSeldom has the collector keep to heapFloor, and to half of the live
// heap where that is more: Go's own measure, all of it, would have a
// broker with a full store.memory take more than twice that. An operator who
// sets GOGC knows better.
func collectSeldom() {
	if os.Getenv("GOGC") != "" {
		return
	}
	percent := mostPercent
	debug.SetGCPercent(percent)
	type mark struct{ _ *byte }
	var after func(*mark)
	after = func(m *mark) { // runs after each collection
		if next := gcPercent(liveHeap()); next != percent {
			percent = next
			debug.SetGCPercent(percent)
		}
		runtime.SetFinalizer(m, after)
	}
	runtime.SetFinalizer(&mark{}, after)
}

// mostPercent makes Go's smallest heap, which is 4 MiB at 100, heapFloor.
const mostPercent = 100 * heapFloor / (4 << 20)

const leastPercent = 50

// gcPercent is the GOGC that leaves heapFloor between collections, in steps so
// that it seldom changes.
func gcPercent(live uint64) int {
	percent := int(100 * heapFloor / max(live, 1))
	return min(max(percent/50*50, leastPercent), mostPercent)
}

func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return heapFloor // of a Go that does not say: its own measure
	}
	return sample[0].Value.Uint64()
}
