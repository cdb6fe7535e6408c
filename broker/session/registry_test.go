package session

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

func TestATakeoverWaitsForThePublishInHand(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		first, _, _ := h.join("c", 5, Terms{})
		first.Handling()
		slot := accept(t, first, 1, 1, false)
		joined := make(chan string, 2)
		for _, name := range []string{"second", "third"} { // the third must not overtake while the second waits
			go func() {
				h.join("c", 5, Terms{})
				joined <- name
			}()
			synctest.Wait()
		}
		select {
		case name := <-joined:
			t.Errorf("the %s connection did not wait", name)
		default:
		}
		slot.Ack(nil)
		first.Handled()
		<-joined
		<-joined
	})
}

func TestAReaderThatWaitsForRoomIsLetGoByATakeover(t *testing.T) {
	inBubble(t, Options{ReceiveMaximum: 1}, func(t *testing.T, h *hall) {
		c, _, _ := h.join("c", 4, Terms{})
		accept(t, c, 1, 1, false)
		got := make(chan Verdict)
		go func() {
			c.Handling()
			defer c.Handled()
			_, v := c.Accept(2, 1, false)
			got <- v
		}()
		synctest.Wait()
		go h.join("c", 4, Terms{})
		if v := <-got; v != Closed {
			t.Errorf("verdict %d", v)
		}
		synctest.Wait()
	})
}

func TestTheEndOfASessionEndsItsReceipts(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, _, _ := h.join("plain", 5, Terms{Expiry: -1})
		accept(t, c, 1, 1, false).Ack(nil)
		c.Detach()
		if len(h.store.forgot) != 0 {
			t.Error("receipts are forgotten where there were none")
		}
		c, _, _ = h.join("c", 5, Terms{Expiry: time.Second})
		_, epoch, _, _ := accept(t, c, 1, 2, false).Receipt()
		h.store.hold = true
		c.Detach()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(h.store.forgot) != 1 || h.store.forgot[0] != epoch {
			t.Fatalf("forgot %d, want %d", h.store.forgot, epoch)
		}
		// What is being forgotten is not taken over.
		h.store.epoch, h.store.ids = epoch, []uint16{1}
		c, _, present := h.join("c", 5, Terms{Expiry: time.Second})
		if _, later, _, _ := accept(t, c, 1, 2, true).Receipt(); present || later <= epoch {
			t.Errorf("present %v, epoch %d after %d", present, later, epoch)
		}
		h.store.held[0](nil)
		if len(h.over) != 0 {
			t.Errorf("still to be forgotten: %v", h.over)
		}
	})
}

func TestAWillThatWasTakenBackIsNotSentByATakeover(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, _, _ := h.join("c", 5, Terms{Will: &Will{Message: &Message{Topic: "gone"}}})
		h.join("c", 5, Terms{})
		c.DropWill() // its DISCONNECT is read late
		c.Detach()
		expect(t, h.willsSent())
	})
}

func TestAConnectionThatComesWhileTheBrokerStopsIsEnded(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		h.Close(packets.ErrServerShuttingDown)
		_, w, _ := h.join("late", 5, Terms{})
		expect(t, w.taken(), "Disconnect 0x8b")
		if w.closed == nil {
			t.Error("it was not closed")
		}
	})
}
