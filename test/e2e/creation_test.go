package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// Who may make Things is changed while clients are connected: it counts from
// their next message on, and what they have stays theirs.
func TestWhoMayMakeThingsIsChangedWhileClientsAreConnected(t *testing.T) {
	t.Parallel()
	d := openDoors(t, "creation:\n  grant: [{subjects: [\"group:ops\"], namespaces: [\"a*\"]}]\n")
	root := d.as("root", 5)
	for _, version := range []byte{4, 5} {
		eve, ann := d.as("eve", version), d.as("ann", version)
		for _, c := range []harness.Client{eve, ann} {
			c.Subscribe("ditto/_replies/#")
		}
		make := func(c harness.Client, topic string) envelope {
			t.Helper()
			_ = c.Publish(topic, `{"path":"/","value":{}}`, 1)
			return read(t, c.Wait("ditto/_replies/+"))
		}
		name := "ditto/a/v" + string('0'+version)
		refused := make(eve, name+"-eve/things/twin/commands/create")
		if refused.Status != 403 || !strings.Contains(string(refused.Value), `"entity.notcreatable"`) || !strings.Contains(string(refused.Value), "creation.grant") {
			t.Fatalf("eve is told %d %s", refused.Status, refused.Value)
		}
		if e := make(ann, "ditto/b/x/things/twin/commands/create"); e.Status != 403 {
			t.Errorf("ann in another namespace: %+v", e)
		}
		if e := make(ann, name+"-ann/things/twin/commands/create"); e.Status != 201 {
			t.Errorf("ann: %+v", e)
		}

		before, err := os.ReadFile(d.ConfigFile())
		if err != nil {
			t.Fatal(err)
		}
		change := func(text string) {
			t.Helper()
			done := strings.Count(d.Log(), "configuration taken over")
			if err := os.WriteFile(d.ConfigFile(), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			until(t, "the configuration is taken over", func() bool { return strings.Count(d.Log(), "configuration taken over") > done })
		}
		change(strings.Replace(string(before), `grant: [{subjects: ["group:ops"]`, `grant: [{subjects: ["user:eve"]`, 1))
		if e := make(eve, name+"-eve/things/twin/commands/create"); e.Status != 201 {
			t.Errorf("eve, when she may: %+v", e)
		}
		if e := make(ann, name+"-ann2/things/twin/commands/create"); e.Status != 403 {
			t.Errorf("ann, when she may not any more: %+v", e)
		}
		if e := make(ann, name+"-ann/things/twin/commands/modify"); e.Status != 204 {
			t.Errorf("ann changes what is hers: %+v", e)
		}
		change(string(before))
	}
	overruled := metric(t, d.Broker, "twinbroker_administrator_overrules_total")
	mustPublish(t, root, "ditto/z/x/things/twin/commands/create", `{"path":"/","value":{}}`, 1)
	d.WaitLog("allowed to an administrator only")
	if n := metric(t, d.Broker, "twinbroker_administrator_overrules_total"); n != overruled+1 {
		t.Errorf("%v overrules are counted, %v before", n, overruled)
	}
}
