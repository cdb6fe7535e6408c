package e2e

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
)

// written are the lines of an audit log.
func written(t testing.TB, file string) []map[string]any {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []map[string]any
	for in := bufio.NewScanner(f); in.Scan(); {
		var line map[string]any
		if err := json.Unmarshal(in.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v", in.Text(), err)
		}
		lines = append(lines, line)
	}
	return lines
}

// said looks for a line with these values.
func said(lines []map[string]any, want map[string]any) bool {
	for _, line := range lines {
		all := true
		for key, value := range want {
			all = all && line[key] == value
		}
		if all {
			return true
		}
	}
	return false
}

func TestTheAuditLogSaysWhoDidWhat(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	d := openDoors(t, "audit: {file: "+file+"}\nlog: {level: error}\n")
	eve, root, ann := d.as("eve", 5), d.as("root", 5), d.as("ann", 5)
	eve.SubscribeAt("plant/#", 1)
	_ = eve.Publish("plant/x", "1", 1)
	_ = eve.Publish("ditto/a/thing/policies/commands/modify", `{"path":"/entries/x","value":{"subjects":{},"resources":{}}}`, 1)
	_, _ = harness.TryDial5(t, d.Broker, harness.Connect{Username: "eve", Password: "wrong"})
	mustPublish(t, ann, "ditto/a/thing/policies/commands/modify", `{"path":"/entries/more","value":{"subjects":{"user:new":{"type":"t"}},"resources":{"thing:/":{"grant":["READ"],"revoke":[]}}}}`, 1)
	mustPublish(t, root, "ditto/a/thing/things/twin/commands/modify", `{"path":"/attributes/open","value":"by root"}`, 1)
	mustPublish(t, root, "anything", "1", 1)
	root.Subscribe("$SYS/#")
	lines := written(t, file)
	for _, want := range []map[string]any{
		{"msg": "connected", "identity": "user:ann", "username": "ann", "admin": false},
		{"msg": "connected", "identity": "user:root", "admin": true},
		{"msg": "refused", "identity": "user:eve", "action": "subscribe", "on": "plant/#"},
		{"msg": "refused", "identity": "user:eve", "action": "publish", "on": "plant/x"},
		{"msg": "refused", "username": "eve", "action": "connect"},
		{"msg": "policy changed", "identity": "user:ann", "policy": "a:thing", "path": "/", "action": "created"},
		{"msg": "policy changed", "identity": "user:ann", "policy": "a:thing", "path": "/entries/more"},
		{"msg": "allowed to an administrator only", "identity": "user:root", "action": "command", "on": "a/thing/things/twin/commands/modify /attributes/open"},
		{"msg": "allowed to an administrator only", "identity": "user:root", "action": "publish", "on": "anything"},
		{"msg": "allowed to an administrator only", "identity": "user:root", "action": "subscribe", "on": "$SYS/#"},
	} {
		if !said(lines, want) {
			t.Errorf("there is no line with %v in\n%v", want, lines)
		}
	}
	for _, line := range lines {
		if line["msg"] == "connected" && (line["remote"] == "" || line["subjects"] == nil) {
			t.Errorf("%v", line)
		}
	}
	// The Thing's own Policy, the change by ann; what root did and read.
	if changes, overruled := metric(t, d.Broker, "twinbroker_policy_changes_total"), metric(t, d.Broker, "twinbroker_administrator_overrules_total"); changes != 2 || overruled < 3 {
		t.Errorf("%v changes of Policies and %v overrules are counted", changes, overruled)
	}
	// A file that was moved away is begun anew.
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	d.Signal(syscall.SIGHUP)
	for deadline := time.Now().Add(harness.Patience); ; time.Sleep(5 * time.Millisecond) { // a file does not tell
		if _, err := os.Stat(file); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	d.as("dan", 5)
	if !said(written(t, file), map[string]any{"msg": "connected", "identity": "user:dan"}) {
		t.Error("dan is not in the new file")
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestRulesForTopicsAreTakenOverWhileClientsAreConnected(t *testing.T) {
	t.Parallel()
	d := openDoors(t, "")
	config, err := os.ReadFile(d.ConfigFile())
	if err != nil {
		t.Fatal(err)
	}
	ann, bob := d.as("ann", 5), d.as("bob", 5)
	keep := func() harness.Client {
		return harness.Dial5(t, d.Broker, harness.Connect{ID: "keep", Keep: true, Expiry: 600, Username: "bob", Password: "password"})
	}
	away := keep()
	away.Subscribe("plant/#")
	away.Disconnect()
	bob.Subscribe("plant/#", "harness/fence/mark")
	mustPublish(t, ann, "plant/x", "before", 1)
	if got := bob.Drain("plant/x"); len(got) != 1 {
		t.Errorf("received %v", got)
	}
	if !strings.Contains(d.Log(), "8 rules in acl and acl_file") {
		t.Error("the log does not say what is closed")
	}
	reload := func(old, new string) {
		t.Helper()
		before := strings.Count(d.Log(), "configuration taken over")
		if err := os.WriteFile(d.ConfigFile(), []byte(strings.Replace(string(config), old, new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		d.Signal(syscall.SIGHUP)
		for deadline := time.Now().Add(harness.Patience); strings.Count(d.Log(), "configuration taken over") == before; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("not taken over")
			}
		}
	}
	reload(`subscribe: ["plant/#", "$SYS/#"]`, `subscribe: ["plant/y", "$SYS/#"]`)
	mustPublish(t, ann, "plant/x", "after", 1)
	mustPublish(t, ann, "plant/y", "after", 1)
	if got := bob.Drain("plant/+"); len(got) != 1 || got[0].Topic != "plant/y" {
		t.Errorf("received %v", got)
	}
	// What was kept for a session that was away goes by the rules of now.
	if got := keep().Drain("plant/+"); len(got) != 1 || got[0].Topic != "plant/y" {
		t.Errorf("received %v", got)
	}
	reload(`publish: ["plant/#"]`, `publish: ["plant/z"]`)
	if err := ann.Publish("plant/x", "1", 1); err == nil {
		t.Error("not refused")
	}
	// With a mistake everything stays as it is.
	if err := os.WriteFile(d.ConfigFile(), []byte(strings.Replace(string(config), "plant/#", "plant/#/x", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Signal(syscall.SIGHUP)
	d.WaitLog("not taken over")
	mustPublish(t, ann, "plant/z", "1", 1)
}

func TestWithoutAuthenticationTopicsAreOpen(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: harness.Anonymous})
	c := harness.Dial5(t, b, harness.Connect{Username: "whoever"})
	c.Subscribe("#", "$SYS/#")
	mustPublish(t, c, "any/topic", "1", 1)
	c.Wait("any/topic")
	if strings.Contains(b.Log(), "are closed") {
		t.Error("the log says that topics are closed")
	}
	// Rules without users: nobody's name is proved.
	b = harness.Start(t, harness.Options{Config: harness.Anonymous + `
acl:
  - {subjects: ["anonymous:local"], publish: ["harness/fence/#", "u/{{ client:username }}", "i/{{ client:id }}"], subscribe: ["harness/fence/#"]}
`})
	c = harness.Dial5(t, b, harness.Connect{ID: "lamp", Username: "whoever"})
	for topic, allowed := range map[string]bool{"u/whoever": false, "i/lamp": true, "i/other": false, "any": false} {
		if err := c.Publish(topic, "1", 1); (err == nil) != allowed {
			t.Errorf("%s: %v", topic, err)
		}
	}
	if code := c.SubscribeAt("$SYS/#", 0); code != 0x87 {
		t.Errorf("$SYS: %#x", code)
	}
}
