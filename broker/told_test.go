package broker

import (
	"testing"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/mapping"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// What a publication told stays for as long as its subjects may READ it.
func TestWhatWasPublishedIsWithdrawnWhenItsSubjectsMayNotReadItAnyLonger(t *testing.T) {
	for _, test := range []struct {
		name, then, now string // Policies
		path, value     string
		extra           string
		stays           bool
	}{
		{"nothing changed", "s:s + thing:/", "s:s + thing:/", "/attributes", `{"a":1,"b":2}`, "", true},
		{"they may read more", "s:s + thing:/attributes/a", "s:s + thing:/", "/attributes", `{"a":1,"b":2}`, "", true},
		{"they may read less of what was told", "s:s + thing:/", "s:s + thing:/attributes/a", "/attributes", `{"a":1,"b":2}`, "", false},
		{"they may read less of what was not", "s:s + thing:/", "s:s + thing:/attributes", "/attributes", `{"a":1,"b":2}`, "", true},
		{"they may read something else", "s:s + thing:/attributes/a", "s:s + thing:/attributes/b", "/attributes", `{"a":1,"b":2}`, "", false},
		{"they may read nothing", "s:s + thing:/", "s:other + thing:/", "/attributes/a", `1`, "", false},
		{"that something is gone", "s:s + thing:/", "s:s + thing:/features", "/attributes/a", ``, "", false},
		{"extra fields", "s:s + thing:/", "s:s + thing:/attributes/a", "/attributes/a", `1`, "attributes/b", false},
		{"extra fields that they may read still", "s:s + thing:/attributes", "s:s + thing:/", "/attributes/a", `1`, "attributes/b", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t)
			publications, problems := mapping.CompilePublications([]mapping.PublicationConfig{
				{Subjects: []string{"s:s"}, Topic: "p", Retain: true, Extra: test.extra},
			}, mapping.Roots{Ditto: "ditto", State: "twin"})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			s.live.Store(&Live{Publications: publications})
			s.things["a:t"] = enforcer(t, test.then)
			action := "modified"
			if test.value == "" {
				action = "deleted"
			}
			event := change(t, action, test.path, test.value)
			thing := change(t, "modified", "/", `{"thingId":"a:t","attributes":{"a":1,"b":2}}`).Value
			s.tell(&session.Peer{}, &twin.Outcome{Events: []*protocol.Message{event}, Things: []twin.Thing{{Event: event, Value: thing}}, Access: s.things["a:t"]})
			kept := s.retained.Match("p")
			if len(kept) != 1 {
				t.Fatalf("%d messages are retained", len(kept))
			}
			anybody := &session.Peer{}
			if kept[0].Of.View(anybody) == nil {
				t.Fatal("nothing came at first")
			}
			s.things["a:t"] = enforcer(t, test.now)
			s.sessions.RightsChanged()
			for range 2 {
				if got := kept[0].Of.View(anybody) != nil; got != test.stays {
					t.Errorf("%v", got)
				}
			}
			// The Thing is gone, and its Policy as well: nobody may read anything.
			delete(s.things, "a:t")
			s.policies["a:p"] = policy.Nobody
			s.sessions.RightsChanged()
			if kept[0].Of.View(anybody) != nil {
				t.Error("it stays for ever")
			}
		})
	}
}
