package session

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// notice is a signal of which each subject may have what is granted to it.
type notice struct {
	topic string
	qos   byte
	mu    sync.Mutex
	may   map[string]string // by subject, what of it
	made  int               // messages that were made of it
	views map[string]*Message
}

func (n *notice) View(who *Peer) *Message {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range who.Subjects {
		if text := n.may[s]; text != "" {
			if n.views == nil {
				n.views = map[string]*Message{}
			}
			if n.views[text] == nil {
				n.made++
				n.views[text] = &Message{Topic: n.topic, QoS: n.qos, Payload: []byte(text), Of: n}
			}
			return n.views[text]
		}
	}
	return nil
}

func (n *notice) allow(subject, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.may[subject] = text
}

// come connects a client that acts under these subjects.
func (h *hall) come(id string, terms Terms, subjects ...string) (*Conn, *tape) {
	w := newTape(5)
	if terms.Expiry == 0 {
		terms.Expiry = Forever
	}
	c, _ := h.Connect(Peer{ClientID: id, Version: 5, Subjects: subjects}, terms, w)
	c.Start()
	return c, w
}

func TestEachClientGetsWhatItMayHaveOfASignal(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		tapes := map[string]*tape{}
		for _, id := range []string{"all-1", "all-2", "part-1", "part-2", "none-1"} {
			c, w := h.come(id, Terms{}, id[:strings.IndexByte(id, '-')])
			c.Subscribe(Subscription{Filter: "t/#", QoS: 1})
			c.Subscribe(Subscription{Filter: "t/+", QoS: 0}) // overlapping: still once
			tapes[id] = w
		}
		n := &notice{topic: "t/x", qos: 1, may: map[string]string{"all": "abc", "part": "a"}}
		if reached := h.Publish(&Message{Topic: "t/x", QoS: 1, Of: n}); reached != 4 {
			t.Errorf("reached %d", reached)
		}
		for id, want := range map[string][]string{
			"all-1": {"Publish t/x=abc q1 #1"}, "all-2": {"Publish t/x=abc q1 #1"},
			"part-1": {"Publish t/x=a q1 #1"}, "part-2": {"Publish t/x=a q1 #1"}, "none-1": nil,
		} {
			expect(t, tapes[id].taken(), want...)
		}
		if n.made != 2 || h.Counters().Withheld.Load() != 1 {
			t.Errorf("made %d times, withheld %d", n.made, h.Counters().Withheld.Load())
		}
	})
}

func TestASharedGroupsMemberIsOneWhoMayHaveTheSignal(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		may, mw := h.come("may", Terms{}, "s")
		not, nw := h.come("not", Terms{}, "other")
		may.Subscribe(Subscription{Filter: "$share/g/t", QoS: 1})
		not.Subscribe(Subscription{Filter: "$share/g/t", QoS: 1})
		for range 3 {
			h.Publish(&Message{Topic: "t", QoS: 1, Of: &notice{topic: "t", qos: 1, may: map[string]string{"s": "x"}}})
		}
		if got := len(mw.taken()); got != 3 {
			t.Errorf("got %d", got)
		}
		expect(t, nw.taken())
	})
}

func TestWhatWaitsIsLookedAtAgainWhenRightsChange(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, w := h.come("c", Terms{ReceiveMaximum: 2}, "s")
		c.Subscribe(Subscription{Filter: "#", QoS: 2})
		var all []*notice
		for i := range 7 {
			n := &notice{topic: "t", qos: byte(1 + i%2), may: map[string]string{"s": "whole" + string(rune('0'+i))}}
			all = append(all, n)
			h.Publish(&Message{Topic: "t", QoS: n.qos, Of: n})
		}
		h.say("plain", "p", 1)
		expect(t, w.taken(), "Publish t=whole0 q1 #1", "Publish t=whole1 q2 #2")
		all[0].allow("s", "")
		all[2].allow("s", "")
		all[3].allow("s", "part3")
		all[5].allow("s", "")
		h.RightsChanged()
		c.Puback(1)
		expect(t, w.taken(), "Publish t=part3 q2 #3")
		c.Pubrec(2, 0)
		c.Pubcomp(2)
		expect(t, w.taken(), "Pubrel #2", "Publish t=whole4 q1 #4")
		c.Detach()

		// It comes back with the same rights, and then with others.
		all[3].allow("s", "")
		h.RightsChanged()
		c, w = h.come("c", Terms{}, "s")
		expect(t, w.taken(), "Publish t=whole4 q1 #4 dup", "Publish t=whole6 q1 #5", "Publish plain=p q1 #6")
		c.Detach()
		all[6].allow("else", "else6")
		c, w = h.come("c", Terms{}, "else")
		expect(t, w.taken(), "Publish t=else6 q1 #5 dup", "Publish plain=p q1 #6 dup")
		if got := h.Counters().Revoked.Load(); got != 4 { // 2, 5, 3, 4
			t.Errorf("revoked %d", got)
		}
		c.Detach()
	})
}

func TestPlainMessagesThatWaitAreLookedAtAgain(t *testing.T) {
	var mu sync.Mutex
	closed := ""
	may := func(p *Peer, m *Message) bool {
		mu.Lock()
		defer mu.Unlock()
		return m.Topic != closed && !slices.Contains(p.Subjects, "nothing")
	}
	inBubble(t, Options{May: may, QueueMessages: 2000, SendMaximum: 2000}, func(t *testing.T, h *hall) {
		c, _ := h.come("c", Terms{}, "s")
		c.Subscribe(Subscription{Filter: "#", QoS: 1})
		c.Detach()
		const n = rechecks + rechecks/2 // so that it takes several turns
		for range n {
			h.say("a", "x", 1)
			h.say("b", "y", 1)
		}
		mu.Lock()
		closed = "a"
		mu.Unlock()
		h.RightsChanged()
		_, w := h.come("c", Terms{ReceiveMaximum: 2000}, "s")
		got := w.taken()
		if len(got) != n || h.Counters().Revoked.Load() != n {
			t.Fatalf("%d came, %d did not", len(got), h.Counters().Revoked.Load())
		}
		for i, p := range got {
			if !strings.HasPrefix(p, "Publish b=y") {
				t.Errorf("%d: %s", i, p)
			}
		}
		c, w = h.come("c", Terms{}, "nothing")
		c.Subscribe(Subscription{Filter: "kept", QoS: 1})
		c.Retained(Subscription{Filter: "kept", QoS: 1}, []*Message{{Topic: "kept", Payload: []byte("k")}})
		expect(t, w.taken())
	})
}

func TestAReplyIsNotLookedAtAgain(t *testing.T) {
	inBubble(t, Options{May: func(*Peer, *Message) bool { return false }}, func(t *testing.T, h *hall) {
		c, _ := h.come("c", Terms{}, "s")
		c.Subscribe(Subscription{Filter: "r/#", QoS: 1})
		s := c.Session()
		c.Detach()
		s.Reply("r/c", func() *Message { return &Message{Topic: "r/c", Payload: []byte("1"), QoS: 1} })
		h.RightsChanged()
		_, w := h.come("c", Terms{}, "other")
		expect(t, w.taken(), "Publish r/c=1 q1 #1")
	})
}

func TestAWillIsSentByTheRightsOfNow(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		for _, test := range []struct {
			name string
			end  func(*Conn)
			want string
		}{
			{"of a client as it was let in", (*Conn).Detach, "[old]"},
			{"of one that acts under others by now", func(c *Conn) { c.Know(&Peer{Subjects: []string{"new"}}); c.Detach() }, "[new]"},
			{"of one that comes back as another", func(c *Conn) { h.come(c.Peer().ClientID, Terms{}, "later"); c.Detach() }, "[later]"},
		} {
			will := &Will{Message: &Message{Topic: "w"}, Peer: Peer{ClientID: test.name, Subjects: []string{"old"}}}
			c, _ := h.come(test.name, Terms{Will: will}, "old")
			test.end(c)
			if got := h.willsSent(); len(got) != 1 || fmt.Sprint(h.inWhose) != test.want {
				t.Errorf("%s: %v in the name of %v", test.name, got, h.inWhose)
			}
		}
	})
}

func TestWhatWaitsGoesByTheSubjectsThatAClientHasByNow(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *hall) {
		c, w := h.come("c", Terms{ReceiveMaximum: 1}, "s")
		c.Subscribe(Subscription{Filter: "#", QoS: 1})
		for range 2 {
			h.Publish(&Message{Topic: "t", QoS: 1, Of: &notice{topic: "t", qos: 1, may: map[string]string{"s": "for s", "o": "for o"}}})
		}
		expect(t, w.taken(), "Publish t=for s q1 #1")
		c.Know(&Peer{Subjects: []string{"o"}})
		c.Puback(1)
		expect(t, w.taken(), "Publish t=for o q1 #2")
	})
}
