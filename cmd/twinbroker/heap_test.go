package main

import (
	"runtime"
	"testing"
)

func TestGarbageIsCollectedByTheFloorOrByTheLiveHeap(t *testing.T) {
	for live, want := range map[uint64]int{0: 2400, 1 << 20: 2400, 4 << 20: 2400, 8 << 20: 1200, 16 << 20: 600, 32 << 20: 300, 64 << 20: 150, 96 << 20: 100, 128 << 20: 50, 1 << 30: 50} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d bytes live: GOGC %d, want %d", live, got, want)
		}
	}
	runtime.GC()
	if live := liveHeap(); live == 0 || live > 1<<30 {
		t.Errorf("the live heap has %d bytes", live)
	}
}
