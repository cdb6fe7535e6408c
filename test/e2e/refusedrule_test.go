package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

func TestARefusedMessageNamesTheMappingToOperators(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + `
limits: {message_size: 1KiB, thing_size: 1KiB}
mappings:
  - {topic: "one/{d}", thing: "a:{{ d }}", set: {/attributes/a: /a}}
  - {topic: "two/{d}", thing: "a:{{ d }}", set: {/attributes/a: /a}, create: {}}
  - {topic: "two/{d}", thing: "a:{{ d }}-twin", set: {/attributes/a: /a}}
`})
	a := newApp(t, b, 5, harness.Connect{ID: "device"})
	a.Subscribe("$SYS/twinbroker/refused")
	for _, c := range []struct{ name, topic, payload, rule, code, says string }{
		{"what the mapping cannot read", "one/x", `{"a":`, "mappings[0] (one/{d})", "connectivity:message.mapping.failed", "is not JSON"},
		{"what the twin refuses", "one/x", `{"a":1}`, "mappings[0] (one/{d})", "things:thing.notfound", "a:x"},
		{"what the twin refuses of the second", "two/x", `{"a":1}`, "mappings[2] (two/{d})", "things:thing.notfound", "a:x-twin"},
		{"what is too large", "two/x", strings.Repeat(" ", 2000), "mappings[1] (two/{d})", "messages:toolarge", "2000 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := a.in(t)
			err := a.Publish(c.topic, c.payload, 1)
			if err == nil {
				t.Fatal("it was taken")
			}
			if c.code == "things:thing.notfound" && !(strings.Contains(err.Error(), c.rule) && strings.Contains(err.Error(), "create: {}")) {
				t.Errorf("the device is told: %v", err)
			}
			var told struct{ Rule, Error, Message, Client, Topic string }
			m := a.Wait("$SYS/twinbroker/refused")
			if err := json.Unmarshal([]byte(m.Payload), &told); err != nil || told.Rule != c.rule || told.Error != c.code ||
				!strings.Contains(told.Message, c.says) || told.Client != "device" || told.Topic != c.topic {
				t.Errorf("told %s (%v)", m.Payload, err)
			}
			if line := b.WaitLog(`rule="` + c.rule + `"`); !strings.Contains(line, "message refused") {
				t.Error(line)
			}
			if n := metric(t, b, `twinbroker_mapped_refused_total{error="`+c.code+`",rule="`+c.rule+`"}`); n != 1 {
				t.Errorf("%v counted", n)
			}
		})
	}
	if thing, _ := a.state("a:x"); thing != "" {
		t.Errorf("of the refused message there is %s", thing)
	}
}
