package mapping

import (
	"fmt"
	"slices"
	"strings"
)

// Doubts tells of what is allowed and likely a mistake, in the order of the
// configuration: mappings that write the same place of the same Thing with one
// message, so that only the last of them has an effect, and publications to
// topics that a mapping takes in, which it will never be shown.
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
	}
	for i := range p.list {
		pub := &p.list[i]
		topics := pub.topic.stretches(pub.fillsMany)
		var takers []string
		for j := range r.rules {
			if meet(topics, taken[j]) {
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
// or when it depends on the message.
func (r *rule) overwrites(earlier *rule) *line {
	topic := common(&r.pattern, &earlier.pattern)
	var mine, its [maxCaptures]string
	if !r.pattern.matchTopic(topic, mine[:]) || !earlier.pattern.matchTopic(topic, its[:]) ||
		r.thing.shape(&mine) != earlier.thing.shape(&its) {
		return nil
	}
	for i := range r.lines {
		for j := range earlier.lines {
			if slices.Equal(r.lines[i].shape(&mine), earlier.lines[j].shape(&its)) {
				return &r.lines[i]
			}
		}
	}
	return nil
}

// shape is the path of a line as far as it is known without a message.
func (l *line) shape(caps *[maxCaptures]string) []string {
	var path []string
	for i := range l.path {
		path = append(path, l.path[i].template.shape(caps))
	}
	return path
}

// shape is a template as far as it is known without a message: what the
// captures take is filled in, other placeholders stand for themselves.
func (t *template) shape(caps *[maxCaptures]string) string {
	var b strings.Builder
	for i := range t.parts {
		t.parts[i].shape(&b, caps)
	}
	return b.String()
}

func (p *part) shape(b *strings.Builder, caps *[maxCaptures]string) {
	switch p.source {
	case fromText:
		b.WriteString(p.text)
	case fromCapture:
		b.WriteString(caps[p.capture])
	case fromPipeline:
		functions := p.text
		if p.pipeline.hasHead {
			_, functions, _ = strings.Cut(p.text, "|")
		}
		b.WriteString("\x02" + strings.TrimSpace(functions) + "\x02")
		for i := range p.pipeline.inputs {
			p.pipeline.inputs[i].shape(b, caps)
		}
	default:
		b.WriteString("\x02" + p.text + "\x02")
	}
}

// fillsMany says whether a part of the publication's topic may be several
// levels.
func (p *publication) fillsMany(of *part) bool {
	return of.source == fromPipeline || of.source == fromCapture && of.capture == p.path.rest
}
