package session

import (
	"testing"
	"testing/synctest"
)

func TestAQueueIsCrowdedBetweenHalfFullAndFull(t *testing.T) {
	for qos := range byte(2) {
		inBubble(t, Options{QueueMessages: 4}, func(t *testing.T, h *hall) {
			w := newTape(5)
			w.gate = make(chan struct{})
			c, _ := h.Connect(Peer{ClientID: "c", Version: 5}, Terms{Expiry: Forever}, w)
			c.Start()
			c.Subscribe(Subscription{Filter: "t", QoS: 1})
			h.say("t", "taken by the writer, which hangs", qos)
			synctest.Wait()
			for n, want := range []bool{false, false, true, false, false} {
				h.say("t", "waits", qos)
				if got := h.Crowded(); got != want {
					t.Errorf("with %d waiting at QoS %d: %v", n+1, qos, got)
				}
			}
			close(w.gate)
		})
	}
}

func TestNobodyIsCrowdedWhoIsAway(t *testing.T) {
	inBubble(t, Options{QueueMessages: 4}, func(t *testing.T, h *hall) {
		c, _, _ := h.join("c", 5, Terms{Expiry: Forever})
		c.Subscribe(Subscription{Filter: "t", QoS: 1})
		c.Detach()
		for range 3 {
			h.say("t", "waits", 1)
		}
		if h.Crowded() {
			t.Error("it is waited for")
		}
	})
}
