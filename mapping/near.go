package mapping

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Near is a rule whose pattern nearly fits a topic, and why it does not.
type Near struct {
	Rule  int
	Topic string // the pattern as configured
	Why   string
}

// Nearest names the rules, most at most, whose patterns come closest to a
// topic that they do not fit: closest first, and of equals in the order of the
// configuration. A pattern that has nothing in common with the topic is none of
// them.
func (r *Rules) Nearest(topic string, most int) []Near {
	type candidate struct {
		rule     *rule
		distance int
	}
	levels := strings.Split(topic, "/")
	var candidates []candidate
	for i := range r.rules {
		rule := &r.rules[i]
		if d := rule.pattern.distance(levels); d > 0 && rule.pattern.shares(levels) {
			candidates = append(candidates, candidate{rule, d})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var list []Near
	for _, c := range candidates[:min(most, len(candidates))] {
		list = append(list, Near{Rule: c.rule.number, Topic: c.rule.topic, Why: c.rule.pattern.misfit(levels)})
	}
	return list
}

// What one level adds to the distance of a pattern from a topic.
const (
	nearLevel = 1 // written nearly the same: a typing error, capitals
	farLevel  = 3 // another word, one level too many or too few
)

// maxCompared bounds the levels that are compared: the work grows with their
// square, and topics of thousands of levels are possible.
const maxCompared = 64

// distance is how much would have to be changed for the pattern to fit: the
// edit distance over levels. 0 is a pattern that fits.
func (p *pattern) distance(levels []string) int {
	want := p.levels[:min(len(p.levels), maxCompared)]
	levels = levels[:min(len(levels), maxCompared)]
	// row[j] is the distance of the pattern's levels so far from the first j.
	row := make([]int, len(levels)+1)
	for j := range row {
		row[j] = j * farLevel
	}
	for i := range want {
		diagonal := row[0]
		row[0] += farLevel
		for j, text := range levels {
			replaced := diagonal + want[i].distance(text)
			diagonal = row[j+1]
			row[j+1] = min(replaced, diagonal+farLevel, row[j]+farLevel)
		}
	}
	if p.rest < 0 {
		return row[len(levels)]
	}
	if len(levels) == 0 {
		return row[0] + farLevel
	}
	// The rest takes what is left, at least one level.
	return min(slices.Min(row[:len(levels)]), row[len(levels)]+farLevel)
}

// shares says whether the pattern has a word in common with the topic, or has
// no words.
func (p *pattern) shares(levels []string) bool {
	words := false
	for i := range p.levels {
		l := &p.levels[i]
		if l.prefix == "" && l.suffix == "" {
			continue
		}
		words = true
		for _, text := range levels[:min(len(levels), maxCompared)] {
			if l.distance(text) < farLevel {
				return true
			}
		}
	}
	return !words
}

func (l *level) distance(text string) int {
	if _, ok := l.match(text); ok {
		return 0
	}
	if l.isNearly(text) {
		return nearLevel
	}
	return farLevel
}

// isNearly says whether a level that does not fit looks like a slip.
func (l *level) isNearly(text string) bool {
	lower := level{prefix: strings.ToLower(l.prefix), suffix: strings.ToLower(l.suffix), capture: l.capture}
	if _, ok := lower.match(strings.ToLower(strings.TrimSpace(text))); ok {
		return true
	}
	return l.capture < 0 && slips(l.prefix, text) <= 1+min(len(text), len(l.prefix))/5
}

// slips is the edit distance of two words, with a bound: beyond any that
// counts as near for words that are long.
func slips(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest || len(a) < 3 || len(b) < 3 {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0]++
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// text is the level as a pattern has it; name is that of its capture.
func (l *level) text(names []string) string {
	if l.capture < 0 {
		return l.prefix
	}
	return l.prefix + "{" + names[l.capture] + "}" + l.suffix
}

// misfit says why the topic of these levels does not fit, which it does not.
func (p *pattern) misfit(levels []string) string {
	var wrong []string
	for i := range min(len(p.levels), len(levels)) {
		if _, ok := p.levels[i].match(levels[i]); !ok {
			wrong = append(wrong, fmt.Sprintf("level %d is %q and should be %q", i+1, levels[i], p.levels[i].text(p.names)))
		}
	}
	switch most := 3; {
	case levels[0] == "" && len(levels) > 1 && len(p.levels) > 0 && p.levels[0].capture < 0 && p.levels[0].prefix != "":
		return "the topic begins with a slash, which makes an empty first level"
	case len(wrong) > most:
		wrong = append(wrong[:most], fmt.Sprintf("and %d more levels differ", len(wrong)-most))
	}
	switch need := len(p.levels); {
	case p.rest >= 0 && len(levels) <= need:
		wrong = append(wrong, fmt.Sprintf("the topic ends after level %d, and {%s...} needs at least one more", len(levels), p.names[p.rest]))
	case len(levels) < need:
		var missing []string
		for i := len(levels); i < need; i++ {
			missing = append(missing, p.levels[i].text(p.names))
		}
		wrong = append(wrong, fmt.Sprintf("the topic ends after level %d, and the pattern goes on with %q", len(levels), strings.Join(missing, "/")))
	case p.rest < 0 && len(levels) > need:
		wrong = append(wrong, fmt.Sprintf("the topic goes on after level %d with %q, and the pattern ends there ({name...} takes what remains)",
			need, strings.Join(levels[need:], "/")))
	}
	return strings.Join(wrong, "; ")
}
