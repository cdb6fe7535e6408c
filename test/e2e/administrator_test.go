package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/test/harness"
)

// What an administrator subscribes to and is sent only as one is written down,
// once for each subscription and not for each event.
func TestWhatAdministratorsSubscribeToIsAudited(t *testing.T) {
	t.Parallel()
	hash := auth.Hash([]byte("password"))
	users := filepath.Join(t.TempDir(), "users")
	lines := func(ann string) string { return "boss:" + hash + ":admins,ops\nann:" + hash + ":" + ann + "\n" }
	if err := os.WriteFile(users, []byte(lines("ops")), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	b := harness.Start(t, harness.Options{Config: fmt.Sprintf(`
auth: {users_file: %s, admin_subjects: ["group:admins"]}
acl:
  - {subjects: ["group:ops"], publish: ["harness/fence/#"], subscribe: ["plant/#", "harness/fence/#"]}
audit: {file: %s}
`, users, file)})
	as := func(user, id string, keep bool) *harness.Client5 {
		return harness.Dial5(t, b, harness.Connect{ID: id, Username: user, Password: "password", Keep: keep, Expiry: 600})
	}
	// those are the filters that were written down of a user since they were last
	// asked for.
	read := map[string]int{}
	those := func(user string) (filters []string) {
		for _, line := range written(t, file) {
			if line["msg"] == "allowed to an administrator only" && line["identity"] == "user:"+user && line["action"] == "subscribe" {
				filters = append(filters, line["on"].(string))
			}
		}
		since := filters[read[user]:]
		read[user] = len(filters)
		slices.Sort(since)
		return since
	}
	want := func(when, user string, filters ...string) {
		t.Helper()
		if got := those(user); !slices.Equal(got, filters) {
			t.Errorf("%s: %q, want %q", when, got, filters)
		}
	}
	ann, boss := as("ann", "ann", true), as("boss", "boss", true)
	policy := func(user string) string {
		return `{"path":"/","value":{"_policy":{"entries":{"own":{"subjects":{"user:` + user + `":{"type":"t"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}}}}}}`
	}
	mustPublish(t, boss, "ditto/a/his%2Bown/things/twin/commands/create", policy("boss"), 1)
	mustPublish(t, ann, "ditto/a/hers/things/twin/commands/create", policy("ann"), 1)
	boss.Subscribe("ditto/_replies/#", "ditto/a/his%2Bown/things/twin/events/#", "ditto/a/his%2Bown/#", "ditto/a/hers/things/twin/commands/#", "plant/#", "plant/a/b", "harness/#")
	want("what he may have anyway, and what is not his", "boss", "harness/#")
	boss.Subscribe("ditto/#", "ditto/a/hers/things/twin/events/modified", "ditto/a/hers/policies/events/#", "$share/g/ditto/+/+/things/twin/#", "+/x", "ditto/a/none/#", "$SYS/#")
	all := []string{"$SYS/#", "$share/g/ditto/+/+/things/twin/#", "+/x", "ditto/#", "ditto/a/hers/policies/events/#", "ditto/a/hers/things/twin/events/modified", "ditto/a/none/#"}
	want("what he has as an administrator", "boss", all...)
	for range 5 {
		mustPublish(t, ann, "ditto/a/hers/things/twin/commands/modify", `{"path":"/attributes/n","value":1}`, 1)
	}
	if got := boss.Drain("ditto/a/hers/things/twin/events/+"); len(got) < 5 {
		t.Errorf("he was told %v", got)
	}
	want("events", "boss")
	boss.Subscribe("ditto/#")
	want("once more", "boss", "ditto/#")
	boss.Disconnect()
	as("boss", "boss", true)
	want("a session that goes on", "boss", append(all, "harness/#")...)

	ann.Subscribe("ditto/#", "plant/#")
	want("who is no administrator", "ann")
	before := strings.Count(b.Log(), "configuration taken over")
	if err := os.WriteFile(users, []byte(lines("ops,admins")), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "the users are taken over", func() bool { return strings.Count(b.Log(), "configuration taken over") > before })
	want("who becomes one", "ann", "ditto/#")
	want("who stays one", "boss")
}
