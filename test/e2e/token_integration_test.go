package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
)

// A client with a token lets something else act in its place: for as long as the
// token holds, or until it takes that back.
func TestATokenIsIntegratedIntoAPolicy(t *testing.T) {
	t.Parallel()
	k := newTokens(t)
	users := filepath.Join(t.TempDir(), "users")
	passwd(t, users, "ann", "password")
	b := harness.Start(t, harness.Options{Config: exactTimes + fmt.Sprintf(`
auth:
  users_file: %s
  jwt: [{alias: acme, issuer: "https://id.example", jwks_file: %s, audience: twins, leeway: 0s, subjects: ["{{ jwt:sub }}"], integration_subjects: ["user:link-{{ policy-entry:label }}-{{ jwt:aud }}"]}]
`, users, k.file)})
	passwd(t, users, "link-app-twins", "password")
	until(t, "the new user is known", func() bool {
		return connackCode(t, b, harness.Connect{Username: "link-app-twins", Password: "password"}) == 0
	})
	ann := harness.Dial5(t, b, harness.Connect{Username: "ann", Password: "password"})
	link := harness.Dial5(t, b, harness.Connect{Username: "link-app-twins", Password: "password"})
	app := harness.Dial5(t, b, harness.Connect{Username: "jwt", Password: k.token("42", time.Now().Add(time.Hour))})
	soon := time.Now().Add(4 * time.Second).Truncate(time.Second)
	brief := harness.Dial5(t, b, harness.Connect{Username: "jwt", Password: k.token("42", soon)})
	stranger := harness.Dial5(t, b, harness.Connect{Username: "jwt", Password: k.token("43", time.Now().Add(time.Hour))})
	for _, c := range []harness.Client{ann, link, app, brief, stranger} {
		c.Subscribe("ditto/_replies/#")
	}
	ask := func(c harness.Client, topic, path, value string) envelope {
		t.Helper()
		if value != "" {
			value = `,"value":` + value
		}
		_ = c.Publish("ditto/a/gate/"+topic, fmt.Sprintf(`{"path":%q%s}`, path, value), 1) // the answer says what is wrong
		return read(t, c.Wait(policyReplies))
	}
	const activate, deactivate = "policies/commands/activateTokenIntegration", "policies/commands/deactivateTokenIntegration"
	if e := ask(ann, "things/twin/commands/create", "/", `{"attributes":{"open":1},"_policy":{"entries":{
 "owner":{"subjects":{"user:ann":{"type":"t"}},"resources":{"policy:/":{"grant":["READ","WRITE"],"revoke":[]},"thing:/":{"grant":["READ","WRITE"],"revoke":[]}}},
 "app":{"subjects":{"acme:42":{"type":"t"}},"resources":{"thing:/attributes":{"grant":["READ"],"revoke":[]},
  "policy:/entries/app/actions/activateTokenIntegration":{"grant":["EXECUTE"],"revoke":[]},"policy:/entries/app/actions/deactivateTokenIntegration":{"grant":["EXECUTE"],"revoke":[]}}}}}}`); e.Status != 201 {
		t.Fatalf("created: %+v", e)
	}
	const subject = "/entries/app/subjects/user:link-app-twins"
	sees := func(step string, status int) {
		t.Helper()
		if e := ask(link, "things/twin/commands/retrieve", "/attributes/open", ""); e.Status != status {
			t.Errorf("%s, what it stands for is answered with %d %s, want %d", step, e.Status, e.Value, status)
		}
	}
	sees("before", 404)
	for _, row := range []struct {
		name   string
		who    harness.Client
		path   string
		status int
	}{
		{"a user with a password", ann, "/entries/app", 400},
		{"the bearer of another token", stranger, "/entries/app", 403},
		{"of an entry that is not there", app, "/entries/none", 403},
		{"of an entry that it is not in", app, "/entries/owner", 403},
	} {
		if e := ask(row.who, activate, row.path, ""); e.Status != row.status {
			t.Errorf("%s: %d %s, want %d", row.name, e.Status, e.Value, row.status)
		}
	}
	if e := ask(app, activate, "/entries/app", ""); e.Status != 204 {
		t.Fatalf("activated: %+v", e)
	}
	sees("activated", 200)
	if e := ask(ann, "policies/commands/retrieve", subject, ""); e.Status != 200 || !strings.Contains(string(e.Value), `"expiry"`) {
		t.Errorf("it is in the Policy as %s", e.Value)
	}
	if e := ask(app, deactivate, "/", ""); e.Status != 204 {
		t.Errorf("deactivated: %+v", e)
	}
	sees("deactivated", 404)
	// One that is nearly over.
	if e := ask(brief, activate, "/", ""); e.Status != 204 {
		t.Fatalf("activated by a short token: %+v", e)
	}
	sees("activated by a short token", 200)
	until(t, "the subject goes with its token", func() bool {
		return ask(ann, "policies/commands/retrieve", subject, "").Status == 404
	})
	if time.Now().Before(soon) {
		t.Error("it went before its token did")
	}
	sees("the token is over", 404)
}

// Devices that share a Policy which lets them write Features, and nothing else,
// get their Things with their first messages.
func TestDevicesThatShareAPolicyGetTheirThings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	users, policies := filepath.Join(dir, "users"), filepath.Join(dir, "policies")
	if err := os.Mkdir(policies, 0o700); err != nil {
		t.Fatal(err)
	}
	passwd(t, users, "lamp", "password", "--group", "devices")
	passwd(t, users, "ann", "password", "--group", "admins")
	if err := os.WriteFile(filepath.Join(policies, "devices.json"), []byte(`{"policyId":"a:devices","entries":{
 "owner":{"subjects":{"user:owner":{"type":"t"}},"resources":{"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}},
 "devices":{"subjects":{"group:devices":{"type":"t"}},"resources":{"thing:/features":{"grant":["WRITE"],"revoke":[]}}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	b := harness.Start(t, harness.Options{Config: fmt.Sprintf(`
auth: {users_file: %s, admin_subjects: ["group:admins"]}
provision: {policies: %s}
acl:
  - {subjects: ["group:devices"], publish: ["d/{{ client:username }}/#"]}
mappings:
  - {topic: "d/{device}/t", thing: "a:{{ device }}", set: {/features/f/properties/t: ""}, create: {policy: "a:devices", attributes: {serial: "{{ device }}"}}}
  - {topic: "d/{device}/place", thing: "a:{{ device }}-2", format: text, set: {/attributes/place: ""}, create: {policy: "a:devices"}}
`, users, policies)})
	lamp := harness.Dial5(t, b, harness.Connect{Username: "lamp", Password: "password"})
	mustPublish(t, lamp, "d/lamp/t", "21.5", 1)
	mustPublish(t, lamp, "d/lamp/t", "21.7", 1)
	if err := lamp.Publish("d/lamp/place", "attic", 1); err == nil {
		t.Error("a Thing is made with what its maker may not write")
	}
	get := func(id string) string {
		r := harness.RunWith(t, []string{"TWINBROKER_PASSWORD=password"}, "", "things", "get", id, "-o", "json", "--url", "mqtt://"+b.MQTT(), "--user", "ann")
		return strings.TrimSpace(r.Stdout + r.Stderr)
	}
	if got := get("a:lamp"); !strings.Contains(got, `"policyId":"a:devices"`) || !strings.Contains(got, `"serial":"lamp"`) || !strings.Contains(got, "21.7") {
		t.Errorf("made: %s", got)
	}
	if got := get("a:lamp-2"); !strings.Contains(got, "things:thing.notfound") {
		t.Errorf("made all the same: %s", got)
	}
}
