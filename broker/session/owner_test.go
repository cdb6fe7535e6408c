package session

import (
	"slices"
	"testing"
	"time"
)

func TestASessionBelongsToWhoeverMadeIt(t *testing.T) { inBubble(t, Options{}, belongs) }

func belongs(t *testing.T, h *hall) {
	known := true
	ann := Peer{ClientID: "phone", Version: 5, Identity: "user:ann", Subjects: []string{"user:ann"}, GivenID: true}
	ann.Again = func(was *Peer) (*Peer, bool) {
		now := *was
		now.Subjects = []string{"user:ann", "group:new"}
		return &now, known
	}
	bob := Peer{ClientID: "phone", Version: 5, Identity: "user:bob", Subjects: []string{"user:bob"}}
	w := newTape(5)
	first, _ := h.Connect(ann, Terms{Expiry: Forever}, w)
	first.Start()
	for _, clean := range []bool{false, true} {
		if c, present := h.Connect(bob, Terms{CleanStart: clean}, newTape(5)); c != nil || present {
			t.Errorf("another takes over a living client, clean start %v", clean)
		}
	}
	if p, ok := first.Session().Peer(); !ok || p.Identity != "user:ann" {
		t.Errorf("the living client is disturbed: %+v, %v", p, ok)
	}
	first.Detach()
	if c, _ := h.Connect(bob, Terms{CleanStart: true}, newTape(5)); c != nil {
		t.Error("another takes over a session that is kept")
	}
	if n := h.RecognizeAway(); n != 0 || !first.Session().is("group:new") {
		t.Errorf("%d sessions were ended, and it is %+v", n, first.Session().who.Load())
	}
	for of, want := range map[[2]string]bool{{"phone", "user:ann"}: true, {"phone", "user:bob"}: false, {"tablet", "user:ann"}: false} {
		if h.GaveID(of[0], of[1]) != want {
			t.Errorf("the identifier %s was given to %s: %v", of[0], of[1], !want)
		}
	}
	second, present := h.Connect(ann, Terms{Expiry: Forever}, newTape(5))
	second.Start()
	if second == nil || !present {
		t.Error("its own client does not get it back")
	}
	known = false
	if n := h.RecognizeAway(); n != 0 {
		t.Errorf("%d sessions of clients that are connected were ended", n)
	}
	second.Detach()
	if n := h.RecognizeAway(); n != 1 {
		t.Errorf("%d sessions were ended", n)
	}
	if c, present := h.Connect(bob, Terms{}, newTape(5)); c == nil || present {
		t.Error("an identifier that was given up cannot be had")
	} else {
		c.Start()
		c.Detach()
	}
}

func TestAClientActsUnderItsNewSubjectsFromNowOn(t *testing.T) { inBubble(t, Options{}, newSubjects) }

func newSubjects(t *testing.T, h *hall) {
	c, _ := h.Connect(Peer{ClientID: "a", Version: 5, Subjects: []string{"user:a", "group:old"}},
		Terms{Expiry: Forever, Will: &Will{Message: &Message{Topic: "gone"}}}, newTape(5))
	c.Subscribe(Subscription{Filter: "t", QoS: 1})
	before := c.Peer()
	if n := h.PublishTo("group:old", &Message{Topic: "t", QoS: 1}); n != 1 {
		t.Fatalf("reached %d", n)
	}
	until := time.Now().Add(time.Hour)
	c.Know(&Peer{Username: "a", Subjects: []string{"user:a", "group:new"}, Admin: true, Expires: until, Integration: []string{"i:a"}})
	if p := c.Peer(); p.Username != "a" || !slices.Equal(p.Integration, []string{"i:a"}) {
		t.Errorf("%+v", p)
	}
	if p := c.Peer(); !slices.Equal(p.Subjects, []string{"user:a", "group:new"}) || !p.Admin || !p.Expires.Equal(until) || p.ClientID != "a" {
		t.Errorf("%+v", p)
	}
	if w := c.terms.Will; w == nil || !slices.Equal(w.Peer.Subjects, []string{"user:a", "group:new"}) {
		t.Errorf("its will is sent by %+v", w)
	}
	if before.Admin || !slices.Contains(before.Subjects, "group:old") {
		t.Errorf("a publish on its way has changed hands: %+v", before)
	}
	if h.Waiting() {
		t.Error("what waits for a group that it is not in any more is still there")
	}
	if old, now := h.PublishTo("group:old", &Message{Topic: "t", QoS: 1}), h.PublishTo("group:new", &Message{Topic: "t", QoS: 1}); old != 0 || now != 1 {
		t.Errorf("reached %d by the old group, %d by the new", old, now)
	}
	c.Start()
	c.Detach()
}
