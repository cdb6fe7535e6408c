package broker

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// A Policy that is made with a Thing is written down.
func TestAPolicyMadeWithAThingIsAudited(t *testing.T) {
	s := newStage(t)
	var out bytes.Buffer
	s.audit = newAudit(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})), s.log)
	s.tell(&session.Peer{ClientID: "c", Identity: "user:ann"}, &twin.Outcome{Policies: []*protocol.Message{{
		Topic:    protocol.Topic{Namespace: "a", Name: "p", Group: protocol.Policies, Criterion: protocol.Events, Action: protocol.ActionCreated},
		Revision: 1,
	}}})
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%s: %v", out.Bytes(), err)
	}
	if line["msg"] != "policy changed" || line["policy"] != "a:p" || line["action"] != "created" || line["identity"] != "user:ann" {
		t.Errorf("%s", out.Bytes())
	}
}
