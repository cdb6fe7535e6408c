package mapping

import (
	"slices"
	"strconv"
	"strings"
)

// stretch is a part of a set of topics: one level, or several.
type stretch struct {
	level
	wild bool // anything stands between prefix and suffix
	many bool // any levels, at least one
}

// stretches are the topics that a pattern takes in.
func (p *pattern) stretches() []stretch {
	list := make([]stretch, 0, len(p.levels)+1)
	for _, l := range p.levels {
		list = append(list, stretch{level: l, wild: l.capture >= 0})
	}
	if p.rest >= 0 {
		list = append(list, stretch{many: true})
	}
	return list
}

// stretches are the topics that a publication's template can make, given what
// can fill in several levels.
func (t *template) stretches(fillsMany func(*part) bool) []stretch {
	list := []stretch{{}}
	for i := range t.parts {
		p := &t.parts[i]
		last := &list[len(list)-1]
		if p.source != fromText {
			last.wild, last.suffix = true, ""
			last.many = last.many || fillsMany(p)
			continue
		}
		for n, text := range strings.Split(p.text, "/") {
			if n > 0 {
				list = append(list, stretch{})
				last = &list[len(list)-1]
			}
			if last.wild {
				last.suffix += text
			} else {
				last.prefix += text
			}
		}
	}
	return list
}

// meet says whether there is a topic that both take in.
func meet(a, b []stretch) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	x, y := &a[0], &b[0]
	switch {
	case !x.many && !y.many && !x.meets(y):
		return false
	case meet(a[1:], b[1:]):
		return true
	case x.many && meet(a, b[1:]):
		return true
	}
	return y.many && meet(a[1:], b)
}

// meets says whether there is a level that both take in.
func (s *stretch) meets(o *stretch) bool {
	switch {
	case s.many || o.many:
		return true
	case !s.wild && !o.wild:
		return s.prefix == o.prefix
	case !s.wild:
		return o.takes(s.prefix)
	case !o.wild:
		return s.takes(o.prefix)
	}
	return (strings.HasPrefix(s.prefix, o.prefix) || strings.HasPrefix(o.prefix, s.prefix)) &&
		(strings.HasSuffix(s.suffix, o.suffix) || strings.HasSuffix(o.suffix, s.suffix))
}

func (s *stretch) takes(text string) bool {
	return len(text) >= len(s.prefix)+len(s.suffix) && strings.HasPrefix(text, s.prefix) && strings.HasSuffix(text, s.suffix)
}

// common is a topic that both patterns take in, which are known to meet. Every
// capture takes something of its own there.
func common(a, b *pattern) string {
	var levels []string
	for i := range max(len(a.levels), len(b.levels)) {
		switch {
		case i >= len(a.levels):
			levels = append(levels, b.levels[i].example(i))
		case i >= len(b.levels):
			levels = append(levels, a.levels[i].example(i))
		default:
			levels = append(levels, a.levels[i].exampleOfBoth(&b.levels[i], i))
		}
	}
	if a.rest >= 0 && b.rest >= 0 || len(levels) == min(restAt(a), restAt(b)) {
		levels = append(levels, filler(len(levels)))
	}
	return strings.Join(levels, "/")
}

// restAt is how many levels come before the rest; more than any without one.
func restAt(p *pattern) int {
	if p.rest < 0 {
		return maxTopic
	}
	return len(p.levels)
}

// filler is what nobody would write into a pattern.
func filler(level int) string { return "\x01" + strconv.Itoa(level) + "\x01" }

func (l *level) example(i int) string {
	if l.capture < 0 {
		return l.prefix
	}
	return l.prefix + filler(i) + l.suffix
}

// exampleOfBoth is a text that both levels take in, of which it is known that
// there is one.
func (l *level) exampleOfBoth(o *level, i int) string {
	switch {
	case l.capture < 0:
		return l.prefix
	case o.capture < 0:
		return o.prefix
	}
	byLength := func(a, b string) int { return len(a) - len(b) }
	return slices.MaxFunc([]string{l.prefix, o.prefix}, byLength) + filler(i) + slices.MaxFunc([]string{l.suffix, o.suffix}, byLength)
}

// fillsMany says whether a part of the publication's topic may be several
// levels.
func (p *publication) fillsMany(of *part) bool {
	return of.source == fromPipeline || of.source == fromCapture && of.capture == p.path.rest
}
