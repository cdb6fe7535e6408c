package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
)

const (
	exactTimes = "policies: {subject_expiry_granularity: 0s, subject_announcement_spread: 0s}\n"

	policyReplies = "ditto/_replies/+"
	// of the Policy a:gate
	gateCommands      = "ditto/a/gate/policies/commands/"
	gateEvents        = "ditto/a/gate/policies/events/#"
	gateAnnouncements = "ditto/+/+/policies/announcements/#"
)

// gateRules are a Policy of ann; bob may read his entry of it.
const gateRules = `{"entries":{
 "owner":{"subjects":{"user:ann":{"type":"t"}},"resources":{"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}},
 "guest":{"subjects":{"user:bob":{"type":"t"}},"resources":{"policy:/entries/guest":{"grant":["READ"],"revoke":[]}}}}}`

// tell sends a command for the gate and gives the status of the answer.
func tellGate(t testing.TB, c harness.Client, action, path, value string) envelope {
	t.Helper()
	if value != "" {
		value = `,"value":` + value
	}
	_ = c.Publish(gateCommands+action, fmt.Sprintf(`{"path":%q%s}`, path, value), 1)
	return read(t, c.Wait(policyReplies))
}

func TestPoliciesAreChangedOverMQTT(t *testing.T) {
	t.Parallel()
	d := openDoors(t, "")
	ann, bob, eve, root := d.as("ann", 5), d.as("bob", 4), d.as("eve", 5), d.as("root", 5)
	for _, c := range []harness.Client{ann, bob, eve, root} {
		c.Subscribe("ditto/_replies/#", gateEvents)
	}
	if e := tellGate(t, ann, "create", "/", gateRules); e.Status != 201 {
		t.Fatalf("created: %+v", e)
	}
	for who, c := range map[string]harness.Client{"ann": ann, "bob": bob, "root": root} {
		m := c.Wait(gateEvents)
		if !strings.HasSuffix(m.Topic, "/created") || strings.Contains(m.Payload, `"owner"`) == (who == "bob") || !strings.Contains(m.Payload, "user:bob") {
			t.Errorf("%s is told %s: %s", who, m.Topic, m.Payload)
		}
	}
	for _, row := range []struct {
		who    harness.Client
		action string
		path   string
		value  string
		status int
	}{
		{bob, "retrieve", "/entries/guest", "", 200}, {bob, "retrieve", "/entries/owner", "", 404}, {bob, "modify", "/entries/guest", "{}", 403},
		{eve, "retrieve", "/", "", 404}, {eve, "delete", "/", "", 403},
		{ann, "modify", "/entries/owner/subjects/user:eve", `{"type":"t"}`, 201},
	} {
		if e := tellGate(t, row.who, row.action, row.path, row.value); e.Status != row.status {
			t.Errorf("%s %s: %+v", row.action, row.path, e)
		}
	}
	// Eve, who subscribed before she was let in, is told of that, and bob is not.
	if m := eve.Wait(gateEvents); !strings.Contains(m.Payload, "/entries/owner/subjects/user:eve") {
		t.Errorf("eve is told %s", m.Payload)
	}
	if got := bob.Drain(gateEvents); len(got) > 0 {
		t.Errorf("bob is told %v", got)
	}
	if e := tellGate(t, eve, "delete", "/", ""); e.Status != 204 {
		t.Errorf("deleted: %+v", e)
	}
	if m := ann.Wait("ditto/a/gate/policies/events/deleted"); !strings.Contains(m.Payload, `"path":"/"`) {
		t.Errorf("ann is told %s", m.Payload)
	}
	// An administrator makes another one.
	if e := tellGate(t, root, "modify", "/", gateRules); e.Status != 201 {
		t.Errorf("made again: %+v", e)
	}
}

func TestAPolicyThatIsMadeWithAThingIsToldToItsReaders(t *testing.T) {
	t.Parallel()
	d := openDoors(t, "")
	ann, eve := d.as("ann", 5), d.as("eve", 4)
	const events = "ditto/a/+/policies/events/#"
	for _, c := range []harness.Client{ann, eve} {
		c.Subscribe(events, "ditto/_replies/#")
	}
	_ = ann.Publish("ditto/a/lamp/things/twin/commands/create", `{"path":"/","value":{}}`, 1)
	if m := ann.Wait(events); m.Topic != "ditto/a/lamp/policies/events/created" || !strings.Contains(m.Payload, `"policyId":"a:lamp"`) {
		t.Errorf("ann is told %s: %s", m.Topic, m.Payload)
	}
	// What comes to eve next is what she makes herself.
	_ = eve.Publish("ditto/a/door/things/twin/commands/create", `{"path":"/","value":{}}`, 1)
	if m := eve.Wait(events); m.Topic != "ditto/a/door/policies/events/created" {
		t.Errorf("eve is told %s: %s", m.Topic, m.Payload)
	}
}

func TestSubjectsExpireByThemselves(t *testing.T) {
	t.Parallel()
	d := openDoors(t, `  - {signals: [policies/announcements], subjects: ["user:bob"], topic: "plant/leaves/{{ policy:name }}/{{ topic:action }}", payload: {expr: "value.subjectIds[0]"}}
  - {signals: [policies/announcements], subjects: ["user:eve"], topic: "plant/others"}
`+exactTimes)
	ann, bob, eve := d.as("ann", 5), d.as("bob", 4), d.as("eve", 5)
	for _, c := range []harness.Client{ann, bob, eve} {
		c.Subscribe("ditto/_replies/#", gateEvents, gateAnnouncements)
	}
	if e := tellGate(t, ann, "create", "/", gateRules); e.Status != 201 {
		t.Fatalf("created: %+v", e)
	}
	ann.Subscribe("plant/leaves/#", "plant/others")
	leave := func(after time.Duration) {
		t.Helper()
		at := time.Now().Add(after).UTC().Format(time.RFC3339Nano)
		if e := tellGate(t, ann, "modify", "/entries/guest/subjects/user:bob", `{"type":"t","expiry":"`+at+`","announcement":{"whenDeleted":true}}`); e.Status/100 != 2 {
			t.Fatalf("modified: %+v", e)
		}
	}
	leave(300 * time.Millisecond)
	if m := ann.Wait("ditto/a/gate/policies/events/deleted"); !strings.Contains(m.Payload, `"/entries/guest/subjects/user:bob"`) {
		t.Errorf("ann is told %s", m.Payload)
	}
	if m := bob.Wait(gateAnnouncements); m.Topic != "ditto/a/gate/policies/announcements/subjectDeletion" || !strings.Contains(m.Payload, `"subjectIds":["user:bob"]`) {
		t.Errorf("bob is told %s: %s", m.Topic, m.Payload)
	}
	for who, c := range map[string]harness.Client{"ann": ann, "eve": eve} {
		if got := c.Drain(gateAnnouncements); len(got) > 0 {
			t.Errorf("%s is told %v", who, got)
		}
	}
	// The publication tells it to all who may have its topic.
	if m := ann.Wait("plant/#"); m.Topic != "plant/leaves/gate/subjectDeletion" || m.Payload != "user:bob" {
		t.Errorf("ann is told %s: %s", m.Topic, m.Payload)
	}
	if e := tellGate(t, bob, "retrieve", "/", ""); e.Status != 404 {
		t.Errorf("bob retrieves it: %+v", e)
	}

	// It is known after a crash when a subject's time has come.
	leave(300 * time.Millisecond)
	d.Kill()
	d.Restart()
	ann = d.as("ann", 5)
	ann.Subscribe("ditto/_replies/#")
	for deadline := time.Now().Add(harness.Patience); tellGate(t, ann, "retrieve", "/entries/guest/subjects/user:bob", "").Status != 404; {
		if time.Now().After(deadline) {
			t.Fatal("bob is still there")
		}
	}
}
