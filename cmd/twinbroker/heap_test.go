package main

import (
	"runtime"
	"testing"
)

func TestGarbageIsCollectedByTheFloorOrByTheLiveHeap(t *testing.T) {
	for live, want := range map[uint64]int{0: 800, 1 << 20: 800, 4 << 20: 800, 8 << 20: 400, 16 << 20: 200, 32 << 20: 100, 1 << 30: 100} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d bytes live: GOGC %d, want %d", live, got, want)
		}
	}
	runtime.GC()
	if live := liveHeap(); live == 0 || live > 1<<30 {
		t.Errorf("the live heap has %d bytes", live)
	}
}
