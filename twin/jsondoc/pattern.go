package jsondoc

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// PatternError says that a pattern in a merge patch is no regular expression,
// or one that Java's engine and Go's do not read alike.
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
// matches, before the others of the patch are applied. What a pattern removes
// and the patch also has is made anew, and not merged with what was there.
//
// The error is a [*PatternError], see [CheckPattern].
//
// Source: Ditto's page httpapi-concepts, "Removing fields with a regex", and
// its JsonMergePatch.
func (v *Value) MergePatterns(patch *Value) (*Value, error) {
	if !patch.HasPatterns() {
		return v.Merge(patch), nil
	}
	v, err := v.withoutMatching(patch)
	if err != nil {
		return nil, err
	}
	return v.Merge(patch), nil
}

// HasPatterns says whether there is a pattern somewhere in a patch.
func (v *Value) HasPatterns() bool {
	if v.kind != KindObject || v.text != "" && !strings.Contains(v.text, `{{`) && !strings.Contains(v.text, `\u007`) {
		return false
	}
	for name, member := range v.Members() {
		if IsPattern(name, member) || member.HasPatterns() {
			return true
		}
	}
	return false
}

// IsPattern says whether a member of a merge patch is one that removes by a
// pattern: its name is one, and it is null.
func IsPattern(name string, member *Value) bool {
	if member.kind != KindNull {
		return false
	}
	_, ok := patternIn(name)
	return ok
}

// CheckPattern checks the pattern in the name of a merge patch's member for
// which [IsPattern] is true. The error is a [*PatternError].
//
// The expressions are Go's (RE2), which cannot be made to take exponential
// time. What Java's have beyond them is refused: looking around, references
// back, possessive and atomic groups, Java's names of character classes, and
// what both engines accept but understand differently: classes within classes,
// their intersections, \v and the flag U. Left are two differences: a dot also
// stands for U+2028 and U+2029 here, and (?i) also folds letters beyond ASCII.
func CheckPattern(name string) error {
	text, _ := patternIn(name)
	_, err := compilePattern(name, text)
	return err
}

func compilePattern(name, text string) (*regexp.Regexp, error) {
	if problem := readDifferently(text); problem != "" {
		return nil, &PatternError{Name: name, Problem: problem}
	}
	// By itself first: "a)(b" is none, whatever stands around it.
	if _, err := syntax.Parse(text, syntax.Perl); err != nil {
		return nil, &PatternError{Name: name, Problem: err.Error()}
	}
	pattern, err := regexp.Compile(`\A(?:` + text + `)\z`)
	if err != nil {
		return nil, &PatternError{Name: name, Problem: err.Error()}
	}
	return pattern, nil
}

// readDifferently says what of an expression Go's engine accepts but reads in
// another way than Java's.
func readDifferently(text string) string {
	class := -1 // where the character class began that we are in
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, `\Q`):
			if class >= 0 {
				return `\Q within a character class is not taken`
			}
			end := strings.Index(rest, `\E`)
			if end < 0 {
				return `\Q without \E is not taken`
			}
			i += end + 1
		case strings.HasPrefix(rest, `\v`):
			return `\v means another thing in Java than here`
		case rest[0] == '\\':
			i++
		case class < 0 && rest[0] == '[':
			class = i
			if strings.HasPrefix(rest, "[^") {
				i++
			}
			if strings.HasPrefix(text[i+1:], "]") {
				i++
			}
		case class < 0 && strings.HasPrefix(rest, "(?") && hasFlagU(rest[2:]):
			return "the flag U means another thing in Java than here"
		case class < 0:
		case rest[0] == ']':
			class = -1
		case rest[0] == '[':
			return "a character class within a character class is not taken"
		case strings.HasPrefix(rest, "&&"):
			return "an intersection of character classes is not taken"
		}
	}
	return ""
}

// hasFlagU looks at what follows "(?".
func hasFlagU(flags string) bool {
	for _, c := range []byte(flags) {
		switch {
		case c == 'U':
			return true
		case c != '-' && (c < 'a' || c > 'z'):
			return false
		}
	}
	return false
}

// withoutMatching is the document without what the patch's patterns match, at
// every level that the patch has in common with it.
func (v *Value) withoutMatching(patch *Value) (*Value, error) {
	if v.kind != KindObject || len(v.text) == 2 || !patch.HasPatterns() {
		return v, nil
	}
	var patterns []*regexp.Regexp
	for name, member := range patch.Members() {
		if text, ok := patternIn(name); ok && member.kind == KindNull {
			pattern, err := compilePattern(name, text)
			if err != nil {
				return nil, err
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
