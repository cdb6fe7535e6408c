package mapping

import (
	"slices"
	"strings"
)

// index finds the rules whose pattern fits a topic: a tree of levels, so that
// the cost of a lookup is that of the topic's levels and not of the number of
// rules. It tells which rules; each rule's own pattern then takes the captures.
type index struct {
	literal map[string]*index
	mixed   []mixedLevel // captures with a prefix or a suffix
	any     *index       // captures of a whole level
	rest    []int32      // rules that take all levels from here on
	end     []int32      // rules that end here
}

type mixedLevel struct {
	level
	next *index
}

// add puts a rule's pattern into the tree.
func (x *index) add(p *pattern, rule int32) {
	for _, l := range p.levels {
		x = x.step(l)
	}
	if p.rest >= 0 {
		x.rest = append(x.rest, rule)
	} else {
		x.end = append(x.end, rule)
	}
}

func (x *index) step(l level) *index {
	switch {
	case l.capture < 0:
		if x.literal == nil {
			x.literal = map[string]*index{}
		}
		if x.literal[l.prefix] == nil {
			x.literal[l.prefix] = new(index)
		}
		return x.literal[l.prefix]
	case l.prefix == "" && l.suffix == "":
		if x.any == nil {
			x.any = new(index)
		}
		return x.any
	}
	for _, m := range x.mixed {
		if m.prefix == l.prefix && m.suffix == l.suffix {
			return m.next
		}
	}
	x.mixed = append(x.mixed, mixedLevel{level: l, next: new(index)})
	return x.mixed[len(x.mixed)-1].next
}

// find appends the rules whose pattern fits the topic, in their order. Topics
// that begin with $ fit no pattern that begins with a capture [MQTT-4.7.2-1];
// as none begins with $ either, they fit none.
func (x *index) find(topic string, rules []int32) []int32 {
	if topic == "" || topic[0] == '$' {
		return rules
	}
	rules = x.collect(topic, true, rules)
	if len(rules) > 1 {
		slices.Sort(rules)
	}
	return rules
}

// collect is one step of find; more says whether levels remain, the text of
// the last of which may be empty.
func (x *index) collect(topic string, more bool, rules []int32) []int32 {
	if !more {
		return append(rules, x.end...)
	}
	rules = append(rules, x.rest...)
	text, tail, more := strings.Cut(topic, "/")
	if next := x.literal[text]; next != nil {
		rules = next.collect(tail, more, rules)
	}
	for i := range x.mixed {
		if _, ok := x.mixed[i].match(text); ok {
			rules = x.mixed[i].next.collect(tail, more, rules)
		}
	}
	if x.any != nil {
		rules = x.any.collect(tail, more, rules)
	}
	return rules
}
