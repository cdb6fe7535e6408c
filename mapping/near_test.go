package mapping

import (
	"reflect"
	"strings"
	"testing"
)

func TestTopicsThatFitNoPatternHaveANearestOne(t *testing.T) {
	patterns := []string{
		"devices/{device}/telemetry",
		"devices/{device}/status",
		"tele/tasmota-{device}/SENSOR",
		"plant/{path...}",
		"gateways/{gateway}/readings/{kind}",
	}
	var configs []RuleConfig
	for _, p := range patterns {
		configs = append(configs, RuleConfig{Topic: p, Thing: "org.acme:x", Set: []SetConfig{{Path: "/attributes/a"}}})
	}
	rules, problems := Compile(configs, Roots{Ditto: "ditto", State: "twin"})
	if problems != nil {
		t.Fatal(problems)
	}
	for _, c := range []struct{ name, topic, pattern, why string }{
		{"a typing error", "devices/lamp/telemetri", "devices/{device}/telemetry", `level 3 is "telemetri" and should be "telemetry"`},
		{"capitals", "tele/tasmota-1/sensor", "tele/tasmota-{device}/SENSOR", `level 3 is "sensor" and should be "SENSOR"`},
		{"a missing prefix", "tele/1/SENSOR", "tele/tasmota-{device}/SENSOR", `level 2 is "1" and should be "tasmota-{device}"`},
		{"a level too many", "devices/lamp/status/now", "devices/{device}/status", `the topic goes on after level 3 with "now", and the pattern ends there ({name...} takes what remains)`},
		{"a level too few", "gateways/g1/readings", "gateways/{gateway}/readings/{kind}", `the topic ends after level 3, and the pattern goes on with "{kind}"`},
		{"nothing for the rest", "plant", "plant/{path...}", `the topic ends after level 1, and {path...} needs at least one more`},
		{"a slash at the beginning", "/devices/lamp/status", "devices/{device}/status", "the topic begins with a slash, which makes an empty first level"},
		{"a slash at the end", "devices/lamp/status/", "devices/{device}/status", `the topic goes on after level 3 with "", and the pattern ends there ({name...} takes what remains)`},
		{"two levels", "device/lamp/telemetri", "devices/{device}/telemetry", `level 1 is "device" and should be "devices"; level 3 is "telemetri" and should be "telemetry"`},
		{"nothing in common", "a/b/c/d/e/f", "", ""},
		{"a topic that fits", "plant/hall", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got Near
			near := rules.Nearest(c.topic, 3)
			if len(near) > 0 {
				got = near[0]
			}
			if c.pattern == "" {
				if len(near) > 0 {
					t.Errorf("near: %v", near)
				}
				return
			}
			if got.Topic != c.pattern || got.Why != c.why || patterns[got.Rule] != got.Topic {
				t.Errorf("got %+v", near)
			}
		})
	}
	if near := rules.Nearest("devices/lamp/stat", 1); len(near) != 1 {
		t.Errorf("one was asked for: %v", near)
	}
	if near := rules.Nearest(strings.Repeat("/", maxTopic), 3); len(near) > 3 {
		t.Errorf("%d for a topic of slashes", len(near))
	}
	if none, _ := Compile(nil, Roots{}); !reflect.DeepEqual(none.Nearest("a", 3), []Near(nil)) {
		t.Error("a rule came near where there is none")
	}
}
