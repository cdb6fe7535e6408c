package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

func TestThingsHistoryPrintsWhatChanged(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	a := newApp(t, b, 5, harness.Connect{})
	a.must("org.acme:lamp", "create", "/", `{"attributes":{"room":"hall","height":2.50}}`)
	a.must("org.acme:lamp", "merge", "/", `{"attributes":{"room":"attic","height":null,"at":{"floor":2}}}`)
	a.must("org.acme:lamp", "modify", "/attributes/at/floor", "3")
	a.must("org.acme:lamp", "delete", "/", "")
	a.must("org.acme:lamp", "create", "/", `{"attributes":{}}`)
	a.must("org.acme:lamp", "modify", "/features/light", `{"properties":{"on":true}}`)
	when := regexp.MustCompile(`(?m)^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|-                  )  `)
	history := func(args ...string) string {
		t.Helper()
		r := harness.Run(t, append([]string{"things", "history", "--url", "mqtt://" + b.MQTT(), "org.acme:lamp"}, args...)...)
		if r.Code != 0 {
			t.Errorf("%v: status %d: %s", args, r.Code, r.Stderr)
		}
		return when.ReplaceAllString(r.Stdout, "")
	}
	const thing = `{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","attributes":`
	all := strings.Join([]string{
		`r1  anonymous:local  created  /  ` + thing + `{"room":"hall","height":2.50}}`,
		`r2  anonymous:local  modified  /attributes/room  "attic"`,
		`r2  anonymous:local  deleted  /attributes/height`,
		`r2  anonymous:local  created  /attributes/at  {"floor":2}`,
		`r3  anonymous:local  modified  /attributes/at/floor  3`,
		`r4  -  deleted  /`,
		`r5  anonymous:local  created  /  ` + thing + `{}}`,
		`r6  anonymous:local  created  /features  {"light":{"properties":{"on":true}}}`,
	}, "\n") + "\n"
	if got := history(); got != all {
		t.Errorf("printed\n%swant\n%s", got, all)
	}
	if got, want := history("--limit", "2"), all[strings.Index(all, "r5"):]; got != want {
		t.Errorf("printed\n%swant\n%s", got, want)
	}
	if got, want := history("/attributes/at", "--limit", "5"), "r2  anonymous:local  created  /attributes/at  {\"floor\":2}\n"+
		"r3  anonymous:local  modified  /attributes/at/floor  3\nr4  -  deleted  /\n"; got != want {
		t.Errorf("printed\n%swant\n%s", got, want)
	}
	lines := strings.Split(strings.TrimSpace(history("-o", "json", "/attributes/at/floor")), "\n")
	if len(lines) != 6 {
		t.Fatalf("printed %q", lines)
	}
	for i, want := range map[int]string{
		1: `^\{"thingId":"org.acme:lamp","attributes":\{"at":\{"floor":2\}\},"_revision":2,"_modified":"[^"]+","_context":\{"headers":\{"ditto-originator":"anonymous:local",.*"entity-revision":2\}\}\}$`,
		3: `^\{"thingId":"org.acme:lamp","_revision":4\}$`,
		5: `^\{"thingId":"org.acme:lamp","_revision":6,.*\}$`,
	} {
		if !regexp.MustCompile(want).MatchString(lines[i]) {
			t.Errorf("printed %s, want %s", lines[i], want)
		}
	}
	for _, args := range [][]string{{"org.acme:nobody"}, {"lamp"}, {"org.acme:lamp", "/attributes//x"}, {"org.acme:lamp", "--limit", "-1"}} {
		r := harness.Run(t, append([]string{"things", "history", "--url", "mqtt://" + b.MQTT()}, args...)...)
		if r.Code != 1 || r.Stderr == "" {
			t.Errorf("%v: status %d: %s", args, r.Code, r.Stderr)
		}
	}
}

func TestAThingIsReadAsItWas(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	for _, version := range []byte{4, 5} {
		a := newApp(t, b, version, harness.Connect{})
		id := fmt.Sprint("org.acme:v", version)
		a.must(id, "create", "/", `{"attributes":{"n":1.0}}`)
		a.must(id, "modify", "/attributes/n", `2`)
		topic := "ditto/" + topicOf(id) + "/things/twin/commands/retrieve"
		if err := a.Publish(topic, `{"path":"/attributes/n","headers":{"correlation-id":"then","at-historical-revision":1}}`, 1); err != nil {
			t.Fatal(err)
		}
		m := a.Wait("ditto/_replies/#")
		if !strings.Contains(m.Payload, `"value":1.0,`) || !strings.Contains(m.Payload, `"historical-headers":{"ditto-originator":"anonymous:local","correlation-id":"c-`) ||
			!strings.Contains(m.Payload, `"entity-revision":1`) || !strings.Contains(m.Payload, `"correlation-id":"then"`) {
			t.Errorf("answered %s", m.Payload)
		}
	}
}
