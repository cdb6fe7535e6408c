package broker

import (
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/mapping"
)

// A will with a long delay is nobody's when what proved who its client was has
// expired meanwhile; that the connection ends for that reason it still tells.
func TestAWillDoesNotOutliveTheProofOfItsClient(t *testing.T) {
	for _, test := range []struct {
		name    string
		expired time.Duration // ago; 0: never
		sent    bool
	}{
		{"what does not expire", 0, true},
		{"what has just expired", time.Second, true},
		{"what has not expired yet", -time.Hour, true},
		{"what has expired long before", time.Hour, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t)
			s.live.Store(&Live{Rules: &mapping.Rules{}})
			w := &session.Will{Message: &session.Message{Topic: "gone", Payload: []byte("x"), Retain: true}, Peer: session.Peer{ClientID: "c", Identity: "jwt:i s"}}
			if test.expired != 0 {
				w.Peer.Expires = time.Now().Add(-test.expired)
			}
			s.publishWill(w)
			if sent := len(s.retained.Match("gone")) == 1; sent != test.sent {
				t.Errorf("sent: %v", sent)
			}
		})
	}
}
