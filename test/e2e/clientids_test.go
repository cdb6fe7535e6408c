package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// reloaded writes a configuration anew and waits until it is taken over.
func reloaded(t *testing.T, b *harness.Broker, file, text string) {
	t.Helper()
	before := strings.Count(b.Log(), "configuration taken over")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "the configuration is taken over", func() bool { return strings.Count(b.Log(), "configuration taken over") > before })
}

func TestClientsHaveTheIdentifiersThatRulesGiveThem(t *testing.T) {
	t.Parallel()
	hash := auth.Hash([]byte("password"))
	users := harness.WriteFile(t, "users", "ann:"+hash+":ops\nbob:"+hash+"\nroot:"+hash+":admins\n")
	audit := filepath.Join(t.TempDir(), "audit.jsonl")
	const open = "auth: {users_file: FILE, anonymous: [\"anonymous:some\"], admin_subjects: [\"group:admins\"]RULES}\n" +
		"acl:\n  - {subjects: [\"group:ops\"], subscribe: [\"$SYS/#\", \"gone/#\", \"harness/fence/#\"], publish: [\"harness/fence/#\"]}\n  - {subjects: [\"user:bob\"], publish: [\"gone/#\"]}\naudit: {file: AUDIT}\n"
	config := func(rules string) string {
		return strings.NewReplacer("FILE", users, "AUDIT", audit, "RULES", rules).Replace(open)
	}
	b := harness.Start(t, harness.Options{Config: config("")})
	as := func(user, id string) harness.Connect {
		return harness.Connect{ID: id, Username: user, Password: "password"}
	}

	// Before there are rules: bob has taken what is to be ann's, and is away.
	squat := as("bob", "ann:phone")
	squat.Expiry, squat.Will = 600, &paho.WillMessage{Topic: "gone/bob", Payload: []byte("x")}
	harness.Dial5(t, b, squat).Disconnect()
	living := harness.Dial5(t, b, func() harness.Connect { c := as("bob", "ann"); c.Will = squat.Will; return c }())
	given, ack, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: mqttraw.V5, Username: "bob", Password: "password", SessionExpiry: 600, Clean: true})
	if err != nil || ack.Props == nil || ack.Props.AssignedClientID == "" {
		t.Fatalf("no identifier is given: %v %+v", err, ack)
	}
	if got := connackCode(t, b, as("ann", "ann:phone")); got != 0x87 {
		t.Errorf("an identifier that is taken: %#x", got)
	}
	reloaded(t, b, b.ConfigFile(), config(`, client_ids: ["{{ client:username }}", "{{ client:username }}:*", {subjects: ["anonymous:some"], ids: ["guest-*"]}]`))
	if code := ended(t, living); code != 0x98 {
		t.Errorf("a client with an identifier that is not its own any more is disconnected with %#x", code)
	}

	watch := harness.Dial5(t, b, as("ann", "ann:watch"))
	watch.Subscribe("$SYS/twinbroker/refused", "gone/#")
	refusedBefore := metric(t, b, "twinbroker_connections_refused_total")
	for _, row := range []struct {
		name string
		as   harness.Connect
		want byte
	}{
		{"the session that somebody else had is gone", as("ann", "ann:phone"), 0},
		{"the user name", as("bob", "bob"), 0},
		{"another's", as("bob", "ann"), 0x85},
		{"a free one", as("bob", "lamp-1"), 0x85},
		{"an administrator's", as("root", "lamp-1"), 0},
		{"a rule of its subject", harness.Connect{ID: "guest-7"}, 0},
		{"a rule of another subject", as("ann", "guest-7"), 0x85},
		{"nobody with somebody's name", harness.Connect{ID: "ann", Username: "ann"}, 0x86},
		{"the wrong password with a free one", harness.Connect{ID: "lamp-1", Username: "bob", Password: "x"}, 0x86},
	} {
		if got := connackCode(t, b, row.as); got != row.want {
			t.Errorf("%s: %#x, want %#x", row.name, got, row.want)
		}
	}
	old, code3, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: 4, ClientID: "lamp-1", Username: "bob", Password: "password", Clean: true})
	if err == nil || code3.Reason != 2 {
		t.Errorf("by 3.1.1: %v %+v %v", old, code3, err)
	}
	_, refused, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: mqttraw.V5, ClientID: "lamp-1", Username: "bob", Password: "password", Clean: true})
	if err == nil || refused.Reason != 0x85 || refused.Props == nil || !strings.Contains(refused.Props.ReasonString, "auth.client_ids") {
		t.Errorf("by 5: %+v %v", refused, err)
	}

	// Who was given one comes back to its session, and nobody else does.
	assigned := ack.Props.AssignedClientID
	_ = given.Close()
	again, ack, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: mqttraw.V5, ClientID: assigned, Username: "bob", Password: "password", SessionExpiry: 600})
	if err != nil || !ack.SessionPresent {
		t.Errorf("with the identifier that it was given: %+v, %v", ack, err)
	} else {
		_ = again.Close()
	}
	if got := connackCode(t, b, as("ann", assigned)); got != 0x85 {
		t.Errorf("with the identifier that another was given: %#x", got)
	}
	// The program's own verbs take one that they are given.
	if r := harness.RunWith(t, []string{"TWINBROKER_PASSWORD=password"}, "", "things", "list", "--url", "mqtt://"+b.MQTT(), "--user", "bob"); r.Code != 0 {
		t.Errorf("things list: %+v", r)
	}

	if n := metric(t, b, "twinbroker_connections_refused_total") - refusedBefore; n != 8 {
		t.Errorf("%v refusals are counted, want 8", n)
	}
	b.WaitLog(`msg="client refused" client=lamp-1 username=bob`)
	told := map[string]bool{}
	for range 8 {
		m := watch.Wait("$SYS/twinbroker/refused")
		var one struct {
			Action, Client, Username, Remote, Message, Identity string
			Code                                                int
		}
		if err := json.Unmarshal([]byte(m.Payload), &one); err != nil || one.Action != "connect" || one.Remote != "127.0.0.1" || one.Message == "" {
			t.Errorf("operators are told %s (%v)", m.Payload, err)
		}
		if one.Code == 0x86 && one.Message != "bad user name or password" {
			t.Errorf("operators are told which users there are: %s", m.Payload)
		}
		told[one.Client+" "+one.Username] = true
	}
	for _, want := range []string{"ann bob", "lamp-1 bob", "guest-7 ann", "ann ann", assigned + " ann"} {
		if !told[want] {
			t.Errorf("operators are not told of %s: %v", want, told)
		}
	}
	if got := watch.Drain("gone/#"); len(got) > 0 {
		t.Errorf("the will of a client that is not let in any more: %v", got)
	}
	lines := written(t, audit)
	for _, want := range []map[string]any{
		{"msg": "refused", "action": "connect", "client": "lamp-1", "username": "bob"},
		{"msg": "allowed to an administrator only", "identity": "user:root", "action": "connect", "on": "the client identifier lamp-1"},
	} {
		if !said(lines, want) {
			t.Errorf("there is no line with %v in\n%v", want, lines)
		}
	}
}

// Refused connections are told to operators as often as the log says them, and
// without what nobody is to see.
func TestRefusedConnectionsAreToldSeldomAndWithoutSecrets(t *testing.T) {
	t.Parallel()
	d := openDoors(t, "log: {level: error}\n")
	root := d.as("root", 5)
	root.Subscribe("$SYS/twinbroker/refused")
	const token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
	if got := connackCode(t, d.Broker, harness.Connect{Username: token, Password: "a secret"}); got != 0x86 {
		t.Fatalf("%#x", got)
	}
	if m := root.Wait("$SYS/twinbroker/refused"); strings.Contains(m.Payload, token) || strings.Contains(m.Payload, "a secret") || !strings.Contains(m.Payload, `"username":"(a token)"`) {
		t.Errorf("told %s", m.Payload)
	}
	for range 30 {
		if got := connackCode(t, d.Broker, harness.Connect{ID: "user:x", Username: "ann", Password: "password"}); got != 0x85 {
			t.Fatalf("%#x", got)
		}
	}
	if n := len(root.Drain("$SYS/twinbroker/refused")); n < 5 || n > 15 {
		t.Errorf("30 refusals are told %d times", n)
	}
	open := harness.Start(t, harness.Options{})
	all := harness.Dial5(t, open, harness.Connect{})
	all.Subscribe("$SYS/twinbroker/refused")
	if _, _, err := mqttraw.Dial(open.MQTT(), mqttraw.Options{Version: mqttraw.V5, ClientID: "x", Clean: true, Will: &mqttraw.Will{Topic: "$SYS/x"}}); err == nil {
		t.Fatal("let in")
	}
	if m := all.Wait("$SYS/twinbroker/refused"); strings.Contains(m.Payload, "127.0.0.1\"") || strings.Contains(m.Payload, `"remote"`) || !strings.Contains(m.Payload, `"client":"x"`) {
		t.Errorf("everybody is told %s", m.Payload)
	}
}

// A delayed will is sent under the subjects that its client has by then.
func TestADelayedWillIsSentByWhoItsClientIsByThen(t *testing.T) {
	t.Parallel()
	hash := auth.Hash([]byte("password"))
	users := filepath.Join(t.TempDir(), "users")
	write := func(lines ...string) {
		t.Helper()
		if err := os.WriteFile(users, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	line := func(name, groups string) string { return name + ":" + hash + ":" + groups }
	write(line("watch", "ops"), line("moved", "old"), line("same", "old"), line("gone", "old"), line("off", "old"), line("new", ""))
	b := harness.Start(t, harness.Options{Config: "auth: {users_file: " + users + "}\nacl:\n" +
		"  - {subjects: [\"group:ops\"], subscribe: [\"w/#\", \"$SYS/#\", \"harness/fence/#\"], publish: [\"harness/fence/#\"]}\n" +
		"  - {subjects: [\"group:old\"], publish: [\"w/#\"]}\n" +
		"  - {subjects: [\"user:new\"], publish: [\"w/new/#\"]}\n"})
	watch := harness.Dial5(t, b, harness.Connect{Username: "watch", Password: "password"})
	watch.Subscribe("w/#", "$SYS/twinbroker/refused")
	const delay = 2
	for _, user := range []string{"moved", "same", "gone", "off", "new"} {
		topic := "w/" + user
		if user == "new" {
			topic = "w/new/x"
		}
		c, _, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: mqttraw.V5, ClientID: "c-" + user, Username: user, Password: "password", SessionExpiry: 600, Clean: true,
			Will: &mqttraw.Will{Topic: topic, Payload: []byte("gone"), QoS: 1, Props: &mqttraw.Properties{WillDelay: delay}}})
		if err != nil {
			t.Fatal(user, err)
		}
		_ = c.Close()
	}
	before := strings.Count(b.Log(), "configuration taken over")
	write(line("watch", "ops"), line("moved", "later"), line("same", "old"), "off:!"+hash+":old", line("new", "later"))
	until(t, "the users are taken over", func() bool { return strings.Count(b.Log(), "configuration taken over") > before })
	got := map[string]bool{}
	for range 2 {
		got[watch.Wait("w/#").Topic] = true
	}
	if !got["w/same"] || !got["w/new/x"] {
		t.Errorf("sent: %v", got)
	}
	m := watch.Wait("$SYS/twinbroker/refused")
	if !strings.Contains(m.Payload, `"identity":"user:moved"`) || !strings.Contains(m.Payload, `"topic":"w/moved"`) {
		t.Errorf("operators are told %s", m.Payload)
	}
	for _, m := range watch.Drain("#") {
		t.Errorf("also received %v", m)
	}
}
