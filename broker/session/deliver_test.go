package session

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestUnacknowledgedDeliveriesAreSentAgain(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, w, _ := h.join("c", 4, Terms{})
		c.Subscribe(Subscription{Filter: "a/#", QoS: 2})
		h.say("a/0", "0", 0)
		h.say("a/1", "1", 1)
		h.say("a/2", "2", 2)
		h.say("a/3", "3", 2)
		h.say("a/4", "4", 1)
		expect(t, w.taken(), "Publish a/0=0 q0", "Publish a/1=1 q1 #1", "Publish a/2=2 q2 #2", "Publish a/3=3 q2 #3", "Publish a/4=4 q1 #4")
		c.Puback(4)
		c.Pubrec(2, 0)
		c.Puback(3) // the wrong packet: ignored
		expect(t, w.taken(), "Pubrel #2")
		c.Detach()
		h.say("a/0", "lost", 0)
		h.say("a/5", "5", 1)

		c, w, present := h.join("c", 4, Terms{})
		if !present {
			t.Error("the session is gone")
		}
		expect(t, w.taken(), "Publish a/1=1 q1 #1 dup", "Pubrel #2", "Publish a/3=3 q2 #3 dup", "Publish a/5=5 q1 #5")
		c.Puback(1)
		c.Pubcomp(2)
		c.Pubrec(3, 0x80) // refused: nothing more is owed
		c.Puback(5)
		c.Pubrec(9, 0)
		expect(t, w.taken(), "Pubrel #9")
		if len(c.sess.flights) != 0 || len(c.sess.sent) != 0 || c.window != 0 {
			t.Errorf("left over: %d flights, %d sent, window %d", len(c.sess.flights), len(c.sess.sent), c.window)
		}
	})
}

func TestTheClientsReceiveMaximumIsKept(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, w, _ := h.join("c", 5, Terms{ReceiveMaximum: 2})
		c.Subscribe(Subscription{Filter: "#", QoS: 2})
		for i := range 5 {
			h.say("t", fmt.Sprint(i), 1)
		}
		h.say("t", "zero", 0)
		expect(t, w.taken(), "Publish t=0 q1 #1", "Publish t=1 q1 #2", "Publish t=zero q0")
		c.Puback(2)
		expect(t, w.taken(), "Publish t=2 q1 #3")
		c.Detach()
		c, w, _ = h.join("c", 5, Terms{ReceiveMaximum: 1})
		expect(t, w.taken(), "Publish t=0 q1 #1 dup")
		c.Puback(1)
		expect(t, w.taken(), "Publish t=2 q1 #3 dup")
		c.Puback(3)
		expect(t, w.taken(), "Publish t=3 q1 #4")
	})
}

func TestAStalledClientLosesOnlyBeyondItsQueueAndStallsNobody(t *testing.T) {
	inBubble(t, Options{QueueMessages: 10, SendMaximum: 100}, func(t *testing.T, h *hall) {
		slow, fast := newTape(5), newTape(5)
		slow.gate = make(chan struct{})
		c, _ := h.Connect(Peer{ClientID: "slow", Version: 5}, Terms{Expiry: Forever, ReceiveMaximum: 100}, slow)
		c.Start()
		c.Subscribe(Subscription{Filter: "t", QoS: 1})
		f, _ := h.Connect(Peer{ClientID: "fast", Version: 5}, Terms{Expiry: Forever, ReceiveMaximum: 100}, fast)
		f.Start()
		f.Subscribe(Subscription{Filter: "t", QoS: 1})
		h.say("t", "first", 1)
		synctest.Wait() // the slow writer now hangs in its write
		for i := range 12 {
			h.say("t", fmt.Sprint(i), 1)
			f.Puback(uint16(i + 1))
			synctest.Wait() // nobody else waits
		}
		for i := range 13 {
			h.say("t", fmt.Sprint(i), 0)
			synctest.Wait()
		}
		if n := len(fast.taken()); n != 1+12+13 {
			t.Errorf("the fast one has %d", n)
		}
		if one, zero := h.Counters().Dropped[1].Load(), h.Counters().Dropped[0].Load(); one != 2 || zero != 3 {
			t.Errorf("dropped %d at QoS 1, %d at QoS 0", one, zero)
		}
		close(slow.gate)
		if got := slow.taken(); len(got) != 1+10+10 || got[0] != "Publish t=first q1 #1" || got[10] != "Publish t=9 q1 #11" {
			t.Errorf("the slow one has %q", got)
		}
	})
}

func TestOverlappingSubscriptionsGiveOneDelivery(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, w, _ := h.join("c", 5, Terms{})
		c.Subscribe(Subscription{Filter: "a/+", QoS: 0, ID: 3})
		c.Subscribe(Subscription{Filter: "a/b", QoS: 1, ID: 4})
		c.Subscribe(Subscription{Filter: "#", QoS: 0})
		h.say("a/b", "x", 2)
		expect(t, w.taken(), "Publish a/b=x q1 #1 ids[4 3]")
		if !c.Unsubscribe("a/b") || c.Unsubscribe("a/b") {
			t.Error("Unsubscribe says wrongly whether it was there")
		}
		h.say("a/b", "y", 2)
		expect(t, w.taken(), "Publish a/b=y q0 ids[3]")
	})
}

func TestNoLocalAndRetainAsPublished(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, w, _ := h.join("c", 5, Terms{})
		c.Subscribe(Subscription{Filter: "own", QoS: 1, NoLocal: true})
		c.Subscribe(Subscription{Filter: "kept", QoS: 0, RetainAsPublished: true})
		c.Subscribe(Subscription{Filter: "bare", QoS: 0})
		h.Publish(&Message{Topic: "own", From: "c"})
		h.Publish(&Message{Topic: "own", From: "d", Payload: []byte("1")})
		h.Publish(&Message{Topic: "kept", Retain: true, Payload: []byte("2")})
		h.Publish(&Message{Topic: "bare", Retain: true, Payload: []byte("3")})
		expect(t, w.taken(), "Publish own=1 q0", "Publish kept=2 q0 retain", "Publish bare=3 q0")
	})
}

func TestSharedGroupsTakeTurnsAmongThoseWhoMayAndCan(t *testing.T) {
	denied := ""
	inBubble(t, Options{May: func(p *Peer, _ *Message) bool { return p.ClientID != denied }}, func(t *testing.T, h *hall) {
		count := func(w *tape) int { return len(w.taken()) }
		var conns []*Conn
		var tapes []*tape
		for i := range 3 {
			c, w, _ := h.join(fmt.Sprint("m", i), 5, Terms{})
			c.Subscribe(Subscription{Filter: "$share/g/t", QoS: 0})
			conns, tapes = append(conns, c), append(tapes, w)
		}
		other, ow, _ := h.join("other", 5, Terms{})
		other.Subscribe(Subscription{Filter: "$share/h/t", QoS: 0})
		for range 6 {
			h.say("t", "x", 0)
		}
		if a, b, c, d := count(tapes[0]), count(tapes[1]), count(tapes[2]), count(ow); a != 2 || b != 2 || c != 2 || d != 6 {
			t.Errorf("got %d %d %d %d", a, b, c, d)
		}
		conns[0].Detach()
		denied = "m1"
		for range 6 {
			h.say("t", "x", 0)
		}
		if b, c := count(tapes[1]), count(tapes[2]); b != 0 || c != 6 {
			t.Errorf("one away, one denied: got %d %d", b, c)
		}
	})
}

func TestSharedGroupsOfSeveralTopicsDoNotDisturbEachOthersTurns(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		var tapes []*tape
		for i := range 2 {
			c, w, _ := h.join(fmt.Sprint("m", i), 5, Terms{})
			c.Subscribe(Subscription{Filter: "$share/g/a"})
			c.Subscribe(Subscription{Filter: "$share/g/b"})
			tapes = append(tapes, w)
		}
		for range 4 {
			h.say("a", "", 0)
			h.say("b", "", 0)
		}
		for _, w := range tapes {
			expect(t, w.taken(), "Publish a= q0", "Publish b= q0", "Publish a= q0", "Publish b= q0")
		}
	})
}

func TestWhatAMemberOfASharedGroupLeavesBehindGoesToTheOthers(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		leaving, w, _ := h.join("leaving", 5, Terms{Expiry: -1, ReceiveMaximum: 3})
		leaving.Subscribe(Subscription{Filter: "$share/g/t", QoS: 2})
		leaving.Subscribe(Subscription{Filter: "own", QoS: 2})
		h.say("own", "x", 1)
		h.say("t", "sent at 1", 1)
		h.say("t", "sent at 2", 2) // the client may have it: MQTT-4.8.2-5
		h.say("t", "waiting", 2)
		expect(t, w.taken(), "Publish own=x q1 #1", "Publish t=sent at 1 q1 #2", "Publish t=sent at 2 q2 #3")
		staying, w, _ := h.join("staying", 5, Terms{})
		staying.Subscribe(Subscription{Filter: "$share/g/t", QoS: 2})
		other, w2, _ := h.join("other", 5, Terms{})
		other.Subscribe(Subscription{Filter: "$share/h/t", QoS: 2})
		other.Subscribe(Subscription{Filter: "t", QoS: 2})
		leaving.Detach()
		expect(t, w.taken(), "Publish t=sent at 1 q1 #1", "Publish t=waiting q2 #2")
		expect(t, w2.taken())
	})
}

func TestAMessageForOneReachesThatOne(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		var tapes []*tape
		for _, id := range []string{"a", "b"} {
			w := newTape(5)
			c, _ := h.Connect(Peer{ClientID: id, Version: 5, Subjects: []string{"user:" + id, "group:all"}}, Terms{Expiry: Forever}, w)
			c.Start()
			c.Subscribe(Subscription{Filter: "t", QoS: 0})
			tapes = append(tapes, w)
		}
		for _, to := range []string{"a", "user:b", "group:all", "nobody"} {
			h.PublishTo(to, &Message{Topic: "t", Payload: []byte(to)})
		}
		expect(t, tapes[0].taken(), "Publish t=a q0", "Publish t=group:all q0")
		expect(t, tapes[1].taken(), "Publish t=user:b q0", "Publish t=group:all q0")
	})
}

func TestAMessageToASubjectWaitsForWhoHadIt(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		come := func(subjects ...string) (*Conn, *tape) {
			w := newTape(5)
			c, _ := h.Connect(Peer{ClientID: "a", Version: 5, Subjects: subjects}, Terms{Expiry: Forever}, w)
			c.Start()
			return c, w
		}
		publish := func(to string) { h.PublishTo(to, &Message{Topic: "t", QoS: 1, Payload: []byte(to)}) }
		c, w := come("user:a", "group:x")
		c.Subscribe(Subscription{Filter: "t", QoS: 1})
		publish("group:x") // is not acknowledged
		expect(t, w.taken(), "Publish t=group:x q1 #1")
		c.Detach()
		publish("user:a")
		publish("group:x")
		publish("user:b")
		publish("a")

		c, w = come("user:a") // not in the group any more
		expect(t, w.taken(), "Publish t=user:a q1 #2", "Publish t=a q1 #3")
		publish("group:x")
		expect(t, w.taken())
		c.Detach()
		c, w = come("user:b") // somebody else
		expect(t, w.taken(), "Publish t=a q1 #3 dup")
		c.Detach()
	})
}

func TestRepliesReachTheirOwnSessionOnly(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		a, wa, _ := h.join("a", 5, Terms{})
		b, wb, _ := h.join("b", 5, Terms{})
		reply := func() *Message { return &Message{Topic: "ditto/_replies/a", Payload: []byte("r"), QoS: 1} }
		if a.Session().Reply("ditto/_replies/a", reply) {
			t.Error("delivered without a subscription")
		}
		a.Subscribe(Subscription{Filter: "ditto/_replies/#", QoS: 1, ID: 9})
		b.Subscribe(Subscription{Filter: "ditto/_replies/#", QoS: 1})
		b.Subscribe(Subscription{Filter: "#", QoS: 1})
		if !a.Session().Reply("ditto/_replies/a", reply) {
			t.Error("not delivered")
		}
		expect(t, wa.taken(), "Publish ditto/_replies/a=r q1 #1 ids[9]")
		expect(t, wb.taken())
	})
}

func TestWills(t *testing.T) {
	will := func(d time.Duration) *Will { return &Will{Message: &Message{Topic: "gone"}, Delay: d} }
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, _, _ := h.join("polite", 5, Terms{Will: will(0)})
		c.DropWill()
		c.Detach()
		c, _, _ = h.join("broken", 5, Terms{Will: will(0)})
		c.Detach()
		expect(t, h.willsSent(), "broken:gone")

		c, _, _ = h.join("late", 5, Terms{Will: will(10 * time.Second)})
		c.Detach()
		time.Sleep(9 * time.Second)
		expect(t, h.willsSent())
		time.Sleep(2 * time.Second)
		expect(t, h.willsSent(), "late:gone")

		c, _, _ = h.join("back", 5, Terms{Will: will(10 * time.Second)})
		c.Detach()
		time.Sleep(5 * time.Second)
		h.join("back", 5, Terms{})
		time.Sleep(20 * time.Second)
		expect(t, h.willsSent())

		c, _, _ = h.join("short", 5, Terms{Will: will(10 * time.Second), Expiry: 3 * time.Second})
		c.Detach()
		time.Sleep(4 * time.Second)
		expect(t, h.willsSent(), "short:gone") // the session's end brings it

		c, _, _ = h.join("taken", 5, Terms{Will: will(0)})
		c2, _, _ := h.join("taken", 5, Terms{Will: will(time.Second)})
		c.Detach()
		expect(t, h.willsSent(), "taken:gone")
		c3, _, _ := h.join("taken", 5, Terms{Will: will(time.Second)})
		c2.Detach()
		expect(t, h.willsSent()) // it had a delay, and its session goes on
		h.join("taken", 5, Terms{CleanStart: true})
		c3.Detach()
		expect(t, h.willsSent(), "taken:gone") // its session ended
	})
}

func TestSessionsEnd(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, _, _ := h.join("c", 5, Terms{Expiry: time.Minute})
		c.Subscribe(Subscription{Filter: "t", QoS: 1})
		c.DropWill()
		c.Detach()
		time.Sleep(59 * time.Second)
		if _, _, present := h.join("c", 5, Terms{Expiry: time.Minute}); !present {
			t.Error("the session ended early")
		}
		c = h.sessions["c"].conn
		c.DropWill()
		c.Detach()
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if n, _ := h.Sessions(); n != 0 || h.Subscriptions() != 0 {
			t.Errorf("%d sessions, %d subscriptions are left", n, h.Subscriptions())
		}
		c, _, _ = h.join("clean", 4, Terms{Expiry: -1})
		c.Subscribe(Subscription{Filter: "t", QoS: 1})
		c.Detach()
		if n, _ := h.Sessions(); n != 0 || h.Subscriptions() != 0 {
			t.Errorf("a clean session left %d sessions, %d subscriptions", n, h.Subscriptions())
		}
		c, _, _ = h.join("d", 5, Terms{})
		c.Subscribe(Subscription{Filter: "t", QoS: 1})
		if _, _, present := h.join("d", 5, Terms{CleanStart: true}); present || h.Subscriptions() != 0 {
			t.Errorf("clean start: present %v, %d subscriptions", present, h.Subscriptions())
		}
		c.Detach() // the old connection ends late: the new one stays
		if _, connected := h.Sessions(); connected != 1 {
			t.Error("the end of the old connection ended the new one")
		}
	})
}

func TestMessagesExpireAndTooLargeOnesAreNotSent(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		before, _, _ := h.join("c", 5, Terms{MaxPacket: 40})
		before.Subscribe(Subscription{Filter: "t", QoS: 1})
		before.Detach()
		h.Publish(&Message{Topic: "t", Payload: []byte("old"), QoS: 1, Expires: time.Now().Add(time.Second)})
		h.Publish(&Message{Topic: "t", Payload: []byte("new"), QoS: 1, Expires: time.Now().Add(time.Minute)})
		h.Publish(&Message{Topic: "t", Payload: make([]byte, 50), QoS: 1})
		time.Sleep(2 * time.Second)
		c, w, _ := h.join("c", 5, Terms{MaxPacket: 40})
		synctest.Wait()
		if len(w.seen) != 1 || w.seen[0].Properties.MessageExpiryInterval != 58 || string(w.seen[0].Payload) != "new" {
			t.Errorf("got %+v", w.seen)
		}
		if h.Counters().Expired.Load() != 1 || h.Counters().TooLarge.Load() != 1 {
			t.Error("not counted")
		}
		w.taken()
		accept(t, c, 1, 1, false).Refuse(0x99, "a reason that is too long", false, nil)
		expect(t, w.taken(), "Puback #1 0x99 ")
		c, w, _ = h.join("c", 5, Terms{MaxPacket: 8}) // less than was sent before
		expect(t, w.taken())
		if h.Counters().TooLarge.Load() != 2 || len(c.sess.flights) != 0 || c.window != 0 {
			t.Errorf("%d too large, %d flights, window %d", h.Counters().TooLarge.Load(), len(c.sess.flights), c.window)
		}
	})
}

func TestRetainedMessagesForOneWhoDoesNotReadAreBounded(t *testing.T) {
	inBubble(t, Options{QueueMessages: 10}, func(t *testing.T, h *hall) {
		w := newTape(5)
		w.gate = make(chan struct{})
		c, _ := h.Connect(Peer{ClientID: "c", Version: 5}, Terms{Expiry: Forever}, w)
		c.Start()
		c.Subscribe(Subscription{Filter: "t"})
		h.say("t", "first", 0)
		synctest.Wait()
		all := make([]*Message, 50)
		for i := range all {
			all[i] = &Message{Topic: "t", Payload: []byte("kept")}
		}
		for range 20 {
			c.Retained(Subscription{Filter: "t"}, all)
		}
		if n := c.sess.atMostOnce.len(); n != 50+10 {
			t.Errorf("%d wait", n)
		}
		close(w.gate)
	})
}

func TestADeliveryThatIsNeverAcknowledgedKeepsNoOtherInMemory(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, w, _ := h.join("c", 5, Terms{})
		c.Subscribe(Subscription{Filter: "t", QoS: 1})
		h.say("t", "forgotten", 1)
		for id := range 10_000 {
			h.say("t", "x", 1)
			w.taken()
			c.Puback(uint16(id + 2))
		}
		if len(c.sess.sent) > 100 || cap(c.sess.sent) > 1000 {
			t.Errorf("%d of %d are remembered as sent", len(c.sess.sent), cap(c.sess.sent))
		}
		_, w, _ = h.join("c", 5, Terms{})
		expect(t, w.taken(), "Publish t=forgotten q1 #1 dup")
	})
}

// BenchmarkFanOut is one publish to one QoS 0 subscriber, writer included.
func BenchmarkFanOut(b *testing.B) {
	r := NewRegistry(Options{QueueMessages: 1 << 30, QueueBytes: 1 << 40, ReceiveMaximum: 10, SendMaximum: 10})
	c, _ := r.Connect(Peer{ClientID: "c", Version: 5}, Terms{Expiry: Forever}, discard{})
	c.Start()
	c.Subscribe(Subscription{Filter: "ditto/+/+/things/twin/events/#"})
	m := &Message{Topic: "ditto/org.acme/lamp-1/things/twin/events/modified", Payload: make([]byte, 300)}
	b.ReportAllocs()
	for b.Loop() {
		r.Publish(m)
	}
}

type discard struct{}

func (discard) Write([]byte) error { return nil }
func (discard) Hurry(time.Time)    {}
func (discard) Close(error)        {}
