package session

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

func accept(t *testing.T, c *Conn, id uint16, qos byte, dup bool) *Slot {
	t.Helper()
	slot, verdict := c.Accept(id, qos, dup)
	if verdict != Fresh {
		t.Fatalf("publish %d: verdict %d", id, verdict)
	}
	return slot
}

func TestAcknowledgementsLeaveInTheOrderOfThePublishes(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, w, _ := h.join("c", 5, Terms{})
		var order []string
		one := accept(t, c, 1, 1, false)
		two := accept(t, c, 2, 2, false)
		three := accept(t, c, 3, 1, false)
		zero := accept(t, c, 0, 0, false)
		four := accept(t, c, 4, 1, false)
		four.Ack(func() { order = append(order, "4") })
		zero.Ack(func() { order = append(order, "0") })
		three.Refuse(0x99, "bad", false, nil)
		two.Ack(func() { order = append(order, "2") })
		expect(t, w.taken())
		one.Ack(func() { order = append(order, "1") })
		expect(t, w.taken(), "Puback #1", "Pubrec #2", "Puback #3 0x99 bad", "Puback #4")
		expect(t, order, "1", "2", "0", "4")
	})
}

func TestReceiveMaximumDisconnectsMQTT5AndSlowsTheOthers(t *testing.T) {
	inBubble(t, Options{ReceiveMaximum: 2}, func(t *testing.T, h *hall) {
		c, _, _ := h.join("five", 5, Terms{})
		accept(t, c, 1, 1, false)
		two := accept(t, c, 2, 2, false)
		if _, v := c.Accept(3, 1, false); v != Exceeded {
			t.Errorf("the third: %d", v)
		}
		two.Ack(nil) // PUBREC does not free the place, PUBCOMP does
		if _, v := c.Accept(3, 1, false); v != Exceeded {
			t.Errorf("before the PUBREL: %d", v)
		}
	})
	inBubble(t, Options{ReceiveMaximum: 2}, func(t *testing.T, h *hall) {
		c, w, _ := h.join("four", 4, Terms{})
		one := accept(t, c, 1, 1, false)
		accept(t, c, 2, 1, false).Ack(nil)
		got := make(chan Verdict)
		go func() { _, v := c.Accept(3, 1, false); got <- v }()
		synctest.Wait()
		select {
		case v := <-got:
			t.Fatalf("the third did not wait: %d", v)
		default:
		}
		one.Ack(nil)
		if v := <-got; v != Fresh {
			t.Errorf("the third: %d", v)
		}
		expect(t, w.taken(), "Puback #1", "Puback #2")
		go func() { _, v := c.Accept(4, 0, false); got <- v }()
		if v := <-got; v != Fresh {
			t.Errorf("QoS 0 with room: %d", v)
		}
		go func() { _, v := c.Accept(0, 0, false); got <- v }()
		synctest.Wait()
		c.Detach()
		if v := <-got; v != Closed {
			t.Errorf("waiting when the connection ended: %d", v)
		}
	})
}

func TestARedeliveryJoinsThePublishThatIsPending(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, w, _ := h.join("c", 4, Terms{})
		one, two := accept(t, c, 1, 1, false), accept(t, c, 2, 2, false)
		for id, qos := range map[uint16]byte{1: 1, 2: 2} {
			if _, v := c.Accept(id, qos, true); v != Repeated {
				t.Errorf("%d again: %d", id, v)
			}
		}
		one.Ack(nil)
		two.Ack(nil)
		expect(t, w.taken(), "Puback #1", "Pubrec #2")
		if _, v := c.Accept(2, 2, true); v != Repeated {
			t.Errorf("after its PUBREC: %d", v)
		}
		expect(t, w.taken(), "Pubrec #2")
		c.Pubrel(2)
		c.Pubrel(2)
		expect(t, w.taken(), "Pubcomp #2", "Pubcomp #2")
		accept(t, c, 2, 2, false)
		accept(t, c, 1, 1, true) // QoS 1 again after its PUBACK is a new one
	})
}

func TestATakeoverLeavesQoS2ToTheSessionAndDropsTheRest(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, w, _ := h.join("c", 5, Terms{})
		one, two := accept(t, c, 1, 1, false), accept(t, c, 2, 2, false)
		c2, w2, present := h.join("c", 5, Terms{})
		if !present {
			t.Error("the session did not go on")
		}
		expect(t, w.taken(), "Disconnect 0x8e")
		if _, v := c2.Accept(2, 2, true); v != Repeated {
			t.Errorf("redelivery: %d", v)
		}
		relayed := 0
		one.Ack(func() { relayed++ })
		two.Ack(func() { relayed++ })
		expect(t, w.taken())
		expect(t, w2.taken(), "Pubrec #2")
		if relayed != 2 {
			t.Errorf("%d releases ran", relayed)
		}
		c2.Pubrel(2)
		expect(t, w2.taken(), "Pubcomp #2")
		c.Detach()
	})
}

func TestReceiptsOutliveTheProcess(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		h.store.epoch, h.store.ids = 7, []uint16{5, 6}
		c, w, _ := h.join("c", 4, Terms{Expiry: Forever})
		if _, v := c.Accept(5, 2, true); v != Repeated {
			t.Errorf("redelivery after a restart: %d", v)
		}
		expect(t, w.taken(), "Pubrec #5")
		slot := accept(t, c, 6, 2, false) // not a redelivery: a new message under an old number
		if _, epoch, id, ok := slot.Receipt(); epoch != 7 || id != 6 || !ok {
			t.Errorf("receipt %d %d %v", epoch, id, ok)
		}
		slot.Ack(nil)
		h.store.hold = true
		c.Pubrel(6)
		expect(t, w.taken(), "Pubrec #6")
		h.store.held[0](errors.New("the disk is full"))
		expect(t, w.taken())
		if w.closed == nil { // only on a new connection does a client send its PUBREL again
			t.Error("a release that is not stored leaves the client waiting")
		}
		c.Detach()
		c, w, _ = h.join("c", 4, Terms{Expiry: Forever})
		c.Pubrel(6)
		h.store.held[1](nil)
		expect(t, w.taken(), "Pubcomp #6")
	})
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		h.store.epoch, h.store.ids = 1<<62, []uint16{5}
		c, _, _ := h.join("c", 4, Terms{CleanStart: true})
		if _, epoch, _, _ := accept(t, c, 5, 2, true).Receipt(); len(h.store.forgot) != 1 || h.store.forgot[0] != 1<<62 || epoch <= 1<<62 {
			t.Errorf("a clean start keeps receipts: forgot %d, epoch %d", h.store.forgot, epoch)
		}
	})
}

func TestWhatTheBrokerCouldNotStore(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, w, _ := h.join("c", 5, Terms{})
		accept(t, c, 1, 1, false).Refuse(0x83, "disk full", true, nil)
		accept(t, c, 2, 2, false).Refuse(0x83, "disk full", true, nil)
		expect(t, w.taken(), "Puback #1 0x83 disk full", "Pubrec #2 0x83 disk full")
		accept(t, c, 2, 2, true) // its identifier is free again
	})
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, w, _ := h.join("c", 4, Terms{})
		accept(t, c, 1, 1, false).Refuse(0x99, "bad", false, nil)
		accept(t, c, 2, 2, false).Refuse(0x99, "bad", false, nil)
		expect(t, w.taken(), "Puback #1", "Pubrec #2")
		c.Pubrel(2)
		expect(t, w.taken(), "Pubcomp #2")
		accept(t, c, 3, 1, false).Refuse(0x83, "disk full", true, nil)
		expect(t, w.taken())
		if w.closed == nil {
			t.Error("a client of MQTT 3 whose message was not stored stays connected")
		}
		c.Detach()
	})
}

func TestQuotaIsGivenBack(t *testing.T) {
	inBubble(t, Options{ReceiveMaximum: 3}, func(t *testing.T, h *hall) {
		c, w, _ := h.join("c", 5, Terms{})
		for i := range 50 {
			id := uint16(i + 1)
			switch i % 3 {
			case 0:
				accept(t, c, id, 1, false).Ack(nil)
			case 1:
				accept(t, c, id, 2, false).Ack(nil)
				c.Pubrel(id)
			case 2:
				accept(t, c, id, 2, false).Refuse(0x97, "no", false, nil)
			}
		}
		if n := len(w.taken()); n != 17+17*2+16 {
			t.Errorf("%d packets", n)
		}
		if c.quota != 0 || c.Pending() != 0 || len(c.sess.received) != 0 {
			t.Errorf("left over: quota %d, pending %d, received %d", c.quota, c.Pending(), len(c.sess.received))
		}
	})
}

func TestAClientThatDoesNotReadItsAcknowledgementsIsReadNoFurther(t *testing.T) {
	inBubble(t, Options{ReceiveMaximum: 10}, func(t *testing.T, h *hall) {
		w := newTape(5)
		w.gate = make(chan struct{})
		c, _ := h.Connect(Peer{ClientID: "deaf", Version: 5}, Terms{Expiry: Forever, ProblemInfo: true}, w)
		c.Start()
		const publishes = 500
		reason := strings.Repeat("x", 1000) // an answer of some weight
		sent := make(chan int)
		go func() {
			n := 0
			for range publishes {
				slot, v := c.Accept(1, 1, false)
				if v != Fresh {
					break
				}
				slot.Refuse(0x99, reason, false, nil)
				n++
			}
			sent <- n
		}()
		synctest.Wait()
		c.sess.mu.Lock()
		held := len(c.acks)
		c.sess.mu.Unlock()
		if held < ackBound || held > ackBound+1100 {
			t.Errorf("%d bytes are held", held)
		}
		close(w.gate)
		if n := <-sent; n != publishes {
			t.Errorf("%d publishes were taken in the end", n)
		}
	})
}

func TestAPubrelIsAnsweredButFreesNothingTwice(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, w, _ := h.join("c", 5, Terms{})
		slot := accept(t, c, 1, 2, false)
		slot.Receipt()
		if c.Pubrel(1) {
			t.Error("a PUBREL before the PUBREC was taken")
		}
		slot.Ack(nil)
		expect(t, w.taken(), "Pubrec #1")
		h.store.hold = true
		for range 2 {
			if !c.Pubrel(1) {
				t.Error("a PUBREL was not taken")
			}
		}
		for _, done := range h.store.held {
			done(nil)
		}
		expect(t, w.taken(), "Pubcomp #1", "Pubcomp #1")
		if c.quota != 0 {
			t.Errorf("the quota is %d", c.quota)
		}
	})
}

func TestWhatComesLateOverAConnectionThatWasTakenOverCountsForNothing(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		old, w, _ := h.join("c", 5, Terms{ReceiveMaximum: 2})
		old.Subscribe(Subscription{Filter: "t", QoS: 2})
		h.say("t", "1", 1)
		h.say("t", "2", 2)
		expect(t, w.taken(), "Publish t=1 q1 #1", "Publish t=2 q2 #2")
		accept(t, old, 9, 2, false).Ack(nil)
		expect(t, w.taken(), "Pubrec #9")
		c, w, _ := h.join("c", 5, Terms{ReceiveMaximum: 2})
		expect(t, w.taken(), "Publish t=1 q1 #1 dup", "Publish t=2 q2 #2 dup")
		old.Puback(1)
		old.Pubrec(2, 0)
		old.Pubcomp(2)
		old.Pubrel(9)
		if c.window != 2 || len(c.sess.flights) != 2 || len(c.sess.received) != 1 {
			t.Errorf("window %d, %d flights, %d received", c.window, len(c.sess.flights), len(c.sess.received))
		}
		c.Puback(1)
		c.Pubrec(2, 0)
		c.Pubcomp(2)
		c.Pubrel(9)
		expect(t, w.taken(), "Pubrel #2", "Pubcomp #9")
		h.say("t", "3", 1)
		h.say("t", "4", 1)
		expect(t, w.taken(), "Publish t=3 q1 #3", "Publish t=4 q1 #4")
	})
}

// Of what nobody can say whether it is stored the client is told nothing, of
// either version; the publishes before it are acknowledged.
func TestWhatIsPerhapsStoredIsNeitherAcknowledgedNorRefused(t *testing.T) {
	for version, told := range map[byte][]string{4: {"Puback #1"}, 5: {"Puback #1", "Disconnect 0x83"}} {
		for _, qos := range []byte{1, 2} {
			inBubble(t, Options{}, func(t *testing.T, h *hall) {
				c, w, _ := h.join("c", version, Terms{Expiry: Forever})
				before, lost, after := accept(t, c, 1, 1, false), accept(t, c, 2, qos, false), accept(t, c, 3, 1, false)
				lost.Abandon()
				after.Ack(nil)
				expect(t, w.taken())
				before.Ack(nil)
				expect(t, w.taken(), told...)
				if w.closed == nil {
					t.Errorf("version %d, QoS %d: the connection is not closed", version, qos)
				}
				c.Detach()
			})
		}
	}
}
