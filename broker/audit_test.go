package broker

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/twin"
)

// A Policy that is made with a Thing is written down, and others may import it.
func TestAPolicyMadeWithAThingIsAudited(t *testing.T) {
	s := newStage(t)
	var out bytes.Buffer
	s.audit = newAudit(slog.New(slog.NewJSONHandler(&out, nil)), s.log)
	before := s.sessions.Rights()
	s.tell(&session.Peer{ClientID: "c", Identity: "user:ann"}, &twin.Outcome{Policies: []string{"a:p"}})
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%s: %v", out.Bytes(), err)
	}
	if line["msg"] != "policy changed" || line["policy"] != "a:p" || line["action"] != "created" || line["identity"] != "user:ann" {
		t.Errorf("%s", out.Bytes())
	}
	if s.sessions.Rights() == before {
		t.Error("what waits is not looked at again")
	}
}
