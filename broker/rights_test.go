package broker

import (
	"testing"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

func TestWhatChangesRights(t *testing.T) {
	for _, test := range []struct {
		name, action, path string
		revision           uint64
		before, after      string
		want               bool
	}{
		{"a part", "modified", "/attributes/a", 2, `{"policyId":"a:p"}`, `{"policyId":"a:p"}`, false},
		{"the Policy that it has", "modified", "/policyId", 2, `{"policyId":"a:p"}`, `{"policyId":"a:q"}`, true},
		{"the same Policy", "modified", "/policyId", 2, `{"policyId":"a:p"}`, `{"policyId":"a:p"}`, false},
		{"all of it, but for its Policy", "modified", "/", 2, `{"policyId":"a:p"}`, `{"policyId":"a:p"}`, false},
		{"all of it", "merged", "/", 2, `{"policyId":"a:p"}`, `{"policyId":"a:q"}`, true},
		{"all of one among several", "merged", "/", 2, "", "", true},
		{"it is new", "created", "/", 1, "", `{"policyId":"a:p"}`, false},
		{"it is there again", "created", "/", 5, "", `{"policyId":"a:p"}`, true},
		{"it is deleted", "deleted", "/", 5, `{"policyId":"a:p"}`, "", false},
	} {
		e := change(t, test.action, test.path, "1")
		e.Revision = test.revision
		out := &twin.Outcome{}
		if test.before != "" {
			out.Before = change(t, "modified", "/", test.before).Value
		}
		if test.after != "" {
			out.After = change(t, "modified", "/", test.after).Value
		}
		if got := changesRights(out, e); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
	e := change(t, "modified", "/entries", "{}")
	e.Topic.Group = protocol.Policies
	if !changesRights(&twin.Outcome{}, e) {
		t.Error("a Policy")
	}
}

// Each new device may bring a Policy of its own, which nobody else goes by: what
// waits for others is not looked at again for that.
func TestAPolicyThatIsNewToEverybodyHasNothingLookedAtAgain(t *testing.T) {
	s := newStage(t)
	made := change(t, protocol.ActionCreated, "/", `{"thingId":"a:t","policyId":"a:t"}`)
	made.Revision = 1
	made.Headers.SetString(protocol.HeaderOriginator, "user:ann")
	itsPolicy := *made
	itsPolicy.Topic.Group, itsPolicy.Topic.Channel = protocol.Policies, protocol.None
	for _, named := range []bool{false, true} {
		before := s.sessions.Rights()
		s.tell(&session.Peer{}, &twin.Outcome{Policies: []*protocol.Message{&itsPolicy}, Named: named, Events: []*protocol.Message{made}, Access: policy.Nobody})
		if changed := s.sessions.Rights() != before; changed != named {
			t.Errorf("named by others: %v, what waits is looked at again: %v", named, changed)
		}
	}
}
