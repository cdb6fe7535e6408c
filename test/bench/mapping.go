//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"
)

// comparison is a row whose yardstick is the broker itself, configured or used
// in another way.
type comparison struct {
	key, name   string
	bound       float64
	most        bool // the figure may be at most the bound, and not at least
	base, other traffic
	figure      func(base, other outcome) float64
	show        func(outcome) string // what is printed of each
}

const telemetryRule = `  - topic: devices/{device}/telemetry
    thing: "org.acme:{{ device }}"
    set:
      /features/environment/properties/temperature: /temp
      /features/environment/properties/humidity: /hum
      /attributes/lastSeen: {value: "{{ time:now }}"}
`

// benchRules are the mappings of the telemetry row, and of all rows that say
// nothing else.
const benchRules = "mappings:\n" + telemetryRule

// eachCount is how many elements a message has that makes a change of each.
const eachCount = 20

var (
	oneRule       = mapped(telemetryMessage, benchRules)
	amongMany     = mapped(telemetryMessage, manyRules(1000))
	twoPointers   = mapped(telemetryMessage, twoValues("/temp", "/battery"))
	twoFormulas   = mapped(telemetryMessage, twoValues(`{expr: "payload.temp * 9 / 5 + 32"}`, `{expr: "payload.battery > 3.6 ? \"full\" : \"low\""}`))
	oneReading    = mapped(readingMessage, gatewayRules)
	openModifies  = traffic{clients: 50, window: 16, message: modifyMessage, filter: eventFilter}
	openTelemetry = mapped(telemetryMessage, benchRules)
	withoutDevice = mapped(modifyMessage, benchRules)

	// As many changes are under way as with messages of one, or nearly.
	manyReadings = traffic{
		clients: 50, window: 2, message: readingsMessage, filter: eventFilter, rules: gatewayRules,
		messages: things / eachCount, changes: eachCount,
	}
	withDevice = traffic{
		clients: 50, window: 16, message: modifyMessage, filter: eventFilter, rules: benchRules + devicePublication,
		device: "cmnd/#",
	}
)

var comparisons = []comparison{
	{
		key: "mappings", bound: 0.95, base: oneRule, other: amongMany,
		name:   "telemetry through one mapping among 1,000, against one among 1",
		figure: byRate, show: rateOf,
	},
	{
		key: "expressions", bound: 0.9, base: twoPointers, other: twoFormulas,
		name:   "a mapping with two expressions, against one with two pointers",
		figure: byRate, show: rateOf,
	},
	{
		key: "each", bound: 1, base: oneReading, other: manyReadings,
		name:   fmt.Sprintf("changes/s by messages of %d each, against messages of one", eachCount),
		figure: byRate, show: rateOf,
	},
	{
		key: "publication", bound: 1.1, most: true, base: withoutDevice, other: withDevice,
		name:   "processor time of a change that is published to a device too, against one that is not",
		figure: func(base, other outcome) float64 { return float64(other.cost) / float64(max(1, base.cost)) },
		show:   func(o outcome) string { return o.cost.Round(10 * time.Nanosecond).String() },
	},
	doors("guarded", "stored modifies/s where clients have passwords and each device a Policy, against all open", openModifies),
	doors("guardedtelemetry", "the same, plain telemetry through a mapping", openTelemetry),
	doors("guardedsingle", "the same, modifies of one client, 64 unacknowledged", traffic{clients: 1, window: 64, message: modifyMessage, filter: eventFilter}),
	doors("guardedslowsync", "the same as in the first line, each sync 10 ms slower", traffic{clients: 50, window: 16, message: modifyMessage, filter: eventFilter, slow: 10 * time.Millisecond}),
	doors("guardedretrieve", "the same, retrieves", traffic{clients: 50, window: 16, message: retrieveMessage, replies: true}),
}

func byRate(base, other outcome) float64 { return other.rate / max(1, base.rate) }

func rateOf(o outcome) string { return fmt.Sprintf("%.0f/s", o.rate) }

// mapped is the traffic of the telemetry row with another message and other
// rules.
func mapped(m message, rules string) traffic {
	return traffic{clients: 50, window: 16, message: m, filter: eventFilter, rules: rules}
}

// manyRules has the mapping of the telemetry row in the middle of others, of
// which half begin alike.
func manyRules(n int) string {
	var b strings.Builder
	b.WriteString("mappings:\n")
	for i := range n - 1 {
		if i == n/2 {
			b.WriteString(telemetryRule)
		}
		topic := fmt.Sprintf("devices/{device}/sensor-%d", i)
		if i%2 == 0 {
			topic = fmt.Sprintf("line-%d/{device}/{property...}", i)
		}
		fmt.Fprintf(&b, "  - {topic: %q, thing: \"org.acme:{{ device }}\", set: {/attributes/a%d: /temp}}\n", topic, i)
	}
	return b.String()
}

func twoValues(one, other string) string {
	return `mappings:
  - topic: devices/{device}/telemetry
    thing: "org.acme:{{ device }}"
    set:
      /features/environment/properties/temperature: ` + one + `
      /features/environment/properties/battery: ` + other + "\n"
}

// gatewayRules take the same reading in by itself and as one of many.
const gatewayRules = `mappings:
  - topic: gateways/{gateway}/reading
    thing: "org.acme:{{ payload:/id }}"
    set: {/features/environment/properties: /values}
  - topic: gateways/{gateway}/readings
    each: /readings
    thing: "org.acme:{{ payload:/id }}"
    set: {/features/environment/properties: /values}
`

const devicePublication = `publications:
  - path: /features/{feature}/properties/{property...}
    topic: "cmnd/{{ thing:name }}/{{ property }}"
    payload: value
`

func reading(thing int) string {
	return fmt.Sprintf(`{"id":"lamp-%d","values":{"temperature":%s,"humidity":61.5}}`, thing, numberMark)
}

func readingMessage(thing int) (topic, payload string) {
	return fmt.Sprintf("gateways/gw-%d/reading", thing%10), reading(thing)
}

func readingsMessage(group int) (topic, payload string) {
	var all []string
	for i := range eachCount {
		all = append(all, strings.Replace(reading(group*eachCount+i), numberMark, "21.50", 1))
	}
	all[0] = reading(group * eachCount) // the one that is another each time
	return fmt.Sprintf("gateways/gw-%d/readings", group%10), `{"readings":[` + strings.Join(all, ",") + `]}`
}

// measureComparison measures both ways, side by side in time.
func (b *bench) measureComparison(table *report, c comparison) error {
	var bases, others []outcome
	peace := b.peace()
	for len(others) < b.rounds {
		peace.await()
		var both [2]outcome
		for i, t := range []traffic{c.base, c.other} {
			o, err := b.measure(broker, t)
			if err != nil {
				return err
			}
			both[i] = o
			fmt.Fprintf(b.log, "%-9s round %d  %-6s %7.0f/s  (delivered %.0f/s, dropped %d; CPU each: side %v, load %v; others used %.2f cores)\n",
				c.key, len(others)+1, []string{"base", "other"}[i], o.rate, o.delivered, o.dropped, o.cost.Round(10*time.Nanosecond), o.load.Round(10*time.Nanosecond), o.foreign)
			for _, text := range o.problems {
				fmt.Fprintf(b.log, "%-9s round %d  PROBLEM: %s\n", c.key, len(others)+1, text)
			}
		}
		if peace.disturbed(max(both[0].foreign, both[1].foreign)) {
			fmt.Fprintf(b.log, "%-9s round %d  was disturbed and is repeated\n", c.key, len(others)+1)
			continue
		}
		bases, others = append(bases, both[0]), append(others, both[1])
	}
	table.addComparison(c, bases, others)
	return nil
}

// addComparison adds a row whose figure is the median of what the rounds came
// to.
func (r *report) addComparison(c comparison, bases, compared []outcome) {
	var figures []float64
	problems := 0
	var foreign []float64
	for i := range compared {
		figures = append(figures, c.figure(bases[i], compared[i]))
		problems += len(bases[i].problems) + len(compared[i].problems)
		foreign = append(foreign, max(bases[i].foreign, compared[i].foreign))
	}
	figure, sign := median(figures), "≥"
	held := figure >= c.bound
	if c.most {
		sign, held = "≤", figure <= c.bound
	}
	r.lines = append(r.lines, line{
		what:   fmt.Sprintf("%s (%s)", c.name, c.show(middle(bases))),
		broker: c.show(middle(compared)),
		figure: fmt.Sprintf("%.2f", figure), bound: fmt.Sprintf("%s %.2f", sign, c.bound), held: held && problems == 0,
	})
	note := fmt.Sprintf("%s: CPU for each change: %v, against %v", c.key,
		median(pick(compared, costOf)).Round(10*time.Nanosecond), median(pick(bases, costOf)).Round(10*time.Nanosecond))
	if problems > 0 {
		note += fmt.Sprintf("; %d problems, see above", problems)
	}
	r.notes = append(r.notes, note+others(median(foreign)))
}

func costOf(o outcome) time.Duration { return o.cost }

// middle is what several rounds came to, each figure by itself.
func middle(rounds []outcome) outcome {
	return outcome{rate: median(pick(rounds, func(o outcome) float64 { return o.rate })), cost: median(pick(rounds, costOf))}
}
