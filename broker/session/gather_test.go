package session

import (
	"fmt"
	"testing"
)

func TestWhatIsToldTogetherLeavesTogether(t *testing.T) {
	inBubble(t, Options{QueueMessages: 1000}, func(t *testing.T, h *hall) {
		c, w, _ := h.join("c", 5, Terms{})
		c.Subscribe(Subscription{Filter: "t", QoS: 0})
		expect(t, w.taken()) // the writer waits
		h.Gather()
		for i := range 3 {
			h.say("t", fmt.Sprint(i), 0)
		}
		expect(t, w.taken())
		if w.writes != 0 {
			t.Errorf("%d writes before the batch was told", w.writes)
		}
		h.Send()
		expect(t, w.taken(), "Publish t=0 q0", "Publish t=1 q0", "Publish t=2 q0")
		if w.writes != 1 {
			t.Errorf("%d writes", w.writes)
		}
		h.say("t", "alone", 0)
		expect(t, w.taken(), "Publish t=alone q0")

		// The first of many does not wait for the last.
		w.writes = 0
		h.Gather()
		for range gatherMost {
			h.say("t", "x", 0)
		}
		if got := len(w.taken()); got != gatherMost {
			t.Errorf("%d of %d came before the batch was told", got, gatherMost)
		}
		h.say("t", "last", 0)
		expect(t, w.taken())
		h.Send()
		expect(t, w.taken(), "Publish t=last q0")

		// Nor does what one connection has much of wait for others.
		other, few, _ := h.join("d", 5, Terms{})
		other.Subscribe(Subscription{Filter: "u", QoS: 0})
		expect(t, few.taken())
		h.Gather()
		h.say("u", "one", 0)
		for range gatherEach {
			h.say("t", "x", 0)
		}
		if got := len(w.taken()); got != gatherEach {
			t.Errorf("%d of %d came before the batch was told", got, gatherEach)
		}
		expect(t, few.taken())
		h.Send()
		expect(t, few.taken(), "Publish u=one q0")

		// Who saw that it was enough, and comes too late, holds nobody up.
		h.gather.flush()
		h.say("t", "later", 0)
		expect(t, w.taken(), "Publish t=later q0")
	})
}
