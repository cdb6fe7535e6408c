//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
)

func TestAComparisonIsHeldByTheMedianOfItsRounds(t *testing.T) {
	r := &report{}
	o := func(rate float64, cost time.Duration) outcome { return outcome{rate: rate, cost: cost} }
	least := comparison{key: "a", name: "first", bound: 0.95, figure: byRate, show: rateOf}
	r.addComparison(least, []outcome{o(100, 1), o(100, 1), o(100, 1)}, []outcome{o(90, 1), o(96, 1), o(99, 1)})
	least.name, least.bound = "second", 0.97
	r.addComparison(least, []outcome{o(100, 1), o(100, 1), o(100, 1)}, []outcome{o(90, 1), o(96, 1), o(99, 1)})
	most := comparisons[slices.IndexFunc(comparisons, func(c comparison) bool { return c.most })]
	most.name = "third"
	r.addComparison(most, []outcome{o(1, 10*time.Microsecond)}, []outcome{o(1, 11*time.Microsecond)})
	r.addComparison(most, []outcome{o(1, 10*time.Microsecond)}, []outcome{{cost: 10 * time.Microsecond, problems: []string{"one"}}})
	var out strings.Builder
	r.print(&out)
	for _, want := range []string{
		"| first (100/s) |  | 96/s | 0.96 | ≥ 0.95 | yes |",
		"| second (100/s) |  | 96/s | 0.96 | ≥ 0.97 | **no** |",
		"| third (10µs) |  | 11µs | 1.10 | ≤ 1.10 | yes |",
		"| third (10µs) |  | 10µs | 1.00 | ≤ 1.10 | **no** |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("missing %s in\n%s", want, out.String())
		}
	}
}

func TestTheRulesOfEveryComparisonTakeItsMessagesIn(t *testing.T) {
	for _, c := range comparisons {
		for _, traffic := range []traffic{c.base, c.other} {
			file := t.TempDir() + "/bench.yaml"
			if err := writeConfig(file, t.TempDir(), "127.0.0.1:1", openAuth, traffic.rules); err != nil {
				t.Fatal(err)
			}
			cfg, problems := config.Load(file, config.Flags{})
			if len(problems) > 0 {
				t.Fatalf("%s: %s", c.key, problems)
			}
			topic, _ := traffic.message(3)
			if mapped := cfg.Rules.Matches(topic); mapped == strings.HasPrefix(topic, "ditto/") {
				t.Errorf("%s: %s is mapped: %v", c.key, topic, mapped)
			}
			frames := 0
			for client := range traffic.clients {
				frames += len(share(traffic.message, client, traffic.clients, traffic.messages))
			}
			if frames*max(1, traffic.changes) != things {
				t.Errorf("%s: %d messages of %d changes are not one for each Thing", c.key, frames, traffic.changes)
			}
		}
	}
}
