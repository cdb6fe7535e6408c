package mapping

import (
	"fmt"
	"slices"
	"strings"
)

// Doubts tells of what is allowed and likely a mistake, in the order of the
// configuration: mappings that write the same place of the same Thing with one
// message, so that only the last of them has an effect, publications to topics
// that a mapping takes in, which it will never be shown, captures in single
// braces, which stand for themselves, and filters that look at what they do not
// see. A mapping with a condition may leave such topics alone, and is not
// suspected.
func Doubts(r *Rules, p *Publications) []Problem {
	var doubts []Problem
	taken := make([][]stretch, len(r.rules)) // by rule
	for i := range r.rules {
		taken[i] = r.rules[i].pattern.stretches()
		var key string
		var overwritten []string
		for j := range r.rules[:i] {
			if !meet(taken[i], taken[j]) {
				continue
			}
			if l := r.rules[i].overwrites(&r.rules[j]); l != nil {
				key = l.key
				overwritten = append(overwritten, r.rules[j].name())
			}
		}
		if len(overwritten) > 0 {
			doubts = append(doubts, Problem{
				Path: fmt.Sprintf("mappings[%d].set[%q]", i, key),
				Text: fmt.Sprintf("writes over what %s with the same message", several(overwritten, "writes", "write")),
			})
		}
		doubts = append(doubts, r.rules[i].bracedDoubts()...)
	}
	for i := range p.list {
		pub := &p.list[i]
		topics := pub.topic.stretches(pub.fillsMany)
		var takers []string
		for j := range r.rules {
			if r.rules[j].when == nil && meet(topics, taken[j]) {
				takers = append(takers, r.rules[j].name())
			}
		}
		if len(takers) > 0 {
			doubts = append(doubts, Problem{
				Path: fmt.Sprintf("publications[%d].topic", i),
				Text: fmt.Sprintf("can be one that %s in: that will not happen, as what is published is never mapped again", several(takers, "takes", "take")),
			})
		}
		if pub.config.To != "" && pub.config.Retain {
			doubts = append(doubts, Problem{
				Path: fmt.Sprintf("publications[%d].retain", i),
				Text: "has no effect beside to: what is for one client is not retained",
			})
		}
		doubts = append(doubts, pub.doubts()...)
	}
	return doubts
}

// several names the last of the rules, with how many others, and its verb.
func several(names []string, one, many string) string {
	last := names[len(names)-1]
	switch others := len(names) - 1; others {
	case 0:
		return last + " " + one
	case 1:
		return last + " and one other " + many
	default:
		return fmt.Sprintf("%s and %d others %s", last, others, many)
	}
}

// overwrites gives the first line that writes a place which an earlier rule,
// with topics in common, writes with the same message; nil when there is none,
// or when it depends on the message: on what is in it, or on a condition.
func (r *rule) overwrites(earlier *rule) *line {
	if r.when != nil || earlier.when != nil {
		return nil
	}
	topic := common(&r.pattern, &earlier.pattern)
	mine, its := shaper{rule: r}, shaper{rule: earlier}
	if !r.pattern.matchTopic(topic, mine.caps[:]) || !earlier.pattern.matchTopic(topic, its.caps[:]) ||
		mine.template(&r.thing) != its.template(&earlier.thing) {
		return nil
	}
	for i := range r.lines {
		for j := range earlier.lines {
			if slices.Equal(mine.path(&r.lines[i]), its.path(&earlier.lines[j])) {
				return &r.lines[i]
			}
		}
	}
	return nil
}

// shaper gives what a rule makes of a message as far as it is known without
// one: what the captures take is filled in, other placeholders stand for
// themselves.
type shaper struct {
	rule *rule
	caps [maxCaptures]string
	text strings.Builder
}

func (s *shaper) path(l *line) []string {
	var path []string
	for i := range l.path {
		path = append(path, s.template(&l.path[i].template))
	}
	return path
}

func (s *shaper) template(t *template) string {
	s.text.Reset()
	for i := range t.parts {
		s.part(&t.parts[i])
	}
	return s.text.String()
}

func (s *shaper) part(p *part) {
	switch p.source {
	case fromText:
		s.text.WriteString(p.text)
	case fromCapture:
		s.text.WriteString(s.caps[p.capture])
	case fromPipeline:
		functions := p.text
		if p.pipeline.HasHead() {
			_, functions, _ = strings.Cut(p.text, "|")
		}
		s.text.WriteString("\x02" + strings.TrimSpace(functions) + "\x02")
		for i := range p.pipeline.Inputs {
			s.part(&p.pipeline.Inputs[i])
		}
	default:
		s.text.WriteString("\x02" + p.text + "\x02")
		if p.source == fromPayload && s.rule.each != nil {
			s.text.WriteString(s.rule.each.String() + "\x02") // it is in the element
		}
	}
}
