package jsondoc

import (
	"fmt"
	"regexp"
	"strings"
)

// PatternError says that a pattern in a merge patch is no regular expression.
type PatternError struct {
	Name    string // of the patch's member
	Problem string
}

// Error names the member and what is wrong with its pattern.
func (e *PatternError) Error() string {
	return fmt.Sprintf("merge patch member %q: %s", e.Name, e.Problem)
}

// MergePatterns is [Value.Merge] with Ditto's addition to it: a member of the
// patch that is null and named {{ ~regular expression~ }}, or with slashes
// instead of tildes, removes all members of the object whose whole name
// matches, before the others of the patch are applied.
//
// The expressions are Go's (RE2), which cannot be made to take exponential
// time; what Java's have beyond them (references back, looking around) is
// refused with a [*PatternError].
func (v *Value) MergePatterns(patch *Value) (*Value, error) {
	if !patch.hasPatterns() {
		return v.Merge(patch), nil
	}
	v, err := v.withoutMatching(patch)
	if err != nil {
		return nil, err
	}
	return v.Merge(patch), nil
}

// hasPatterns says whether there may be patterns somewhere in a patch.
func (v *Value) hasPatterns() bool {
	if v.kind != KindObject || v.text != "" && !strings.Contains(v.text, `{{`) && !strings.Contains(v.text, `\u007`) {
		return false
	}
	for name, member := range v.Members() {
		if _, ok := patternIn(name); ok && member.kind == KindNull || member.hasPatterns() {
			return true
		}
	}
	return false
}

// withoutMatching is the document without what the patch's patterns match, at
// every level that the patch has in common with it.
func (v *Value) withoutMatching(patch *Value) (*Value, error) {
	if v.kind != KindObject || len(v.text) == 2 || !patch.hasPatterns() {
		return v, nil
	}
	var patterns []*regexp.Regexp
	for name, member := range patch.Members() {
		if text, ok := patternIn(name); ok && member.kind == KindNull {
			pattern, err := regexp.Compile(`\A(?:` + text + `)\z`)
			if err != nil {
				return nil, &PatternError{Name: name, Problem: err.Error()}
			}
			patterns = append(patterns, pattern)
		}
	}
	parts := v.look()
	m := merging{from: parts, size: v.Size()}
	for i, name := range parts.names.keys {
		if matchesAny(patterns, name) {
			m.remove(i)
			continue
		}
		change, ok := patch.Member(name)
		if !ok {
			continue
		}
		old := parts.at(i)
		val, err := old.withoutMatching(change)
		if err != nil {
			return nil, err
		}
		if val != old {
			m.replace(i, val)
		}
	}
	if m.result == nil {
		return v, nil
	}
	return m.finish(), nil
}

func matchesAny(patterns []*regexp.Regexp, name string) bool {
	for _, p := range patterns {
		if p.MatchString(name) {
			return true
		}
	}
	return false
}

// patternIn takes the regular expression out of a member's name.
func patternIn(name string) (string, bool) {
	inside, ok := strings.CutPrefix(name, "{{")
	if !ok {
		return "", false
	}
	if inside, ok = strings.CutSuffix(inside, "}}"); !ok {
		return "", false
	}
	inside = strings.TrimSpace(inside)
	if len(inside) < 2 {
		return "", false
	}
	first, last := inside[0], inside[len(inside)-1]
	if first != last || first != '~' && first != '/' {
		return "", false
	}
	return inside[1 : len(inside)-1], true
}
