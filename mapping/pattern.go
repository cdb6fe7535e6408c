package mapping

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxCaptures bounds the names that one pattern takes, so that they fit an
// array on the stack of whoever matches.
const maxCaptures = 16

// pattern is a sequence of levels, some of which take what stands there as
// the value of a name. Topics and paths are matched by the same patterns.
type pattern struct {
	levels []level  // without the one that takes the rest
	rest   int      // index of the capture that takes the remaining levels, at least one; -1: none
	names  []string // names of the captures, in their order
}

// level is a literal (capture < 0, all of it is the prefix), or a capture
// between a prefix and a suffix, either of which may be empty.
type level struct {
	prefix, suffix string
	capture        int
}

// match says whether the text of a level fits, and what it captures.
func (l *level) match(text string) (captured string, ok bool) {
	if l.capture < 0 {
		return "", text == l.prefix
	}
	if len(text) < len(l.prefix)+len(l.suffix) ||
		!strings.HasPrefix(text, l.prefix) || !strings.HasSuffix(text, l.suffix) {
		return "", false
	}
	return text[len(l.prefix) : len(text)-len(l.suffix)], true
}

// parseTopicPattern parses "devices/{device}/telemetry", "plant/{path...}",
// "tele/tasmota-{device}/SENSOR". A capture takes exactly one level (which may
// be empty, as for MQTT's "+"), or with "..." at the end all that remain, of
// which there must be at least one.
func parseTopicPattern(s string) (pattern, error) {
	switch {
	case s == "":
		return pattern{}, errors.New("is missing: the pattern of the MQTT topics that are meant")
	case !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0:
		return pattern{}, errors.New("is not an MQTT topic: it holds a zero character or broken UTF-8")
	case len(s) > maxTopic:
		return pattern{}, fmt.Errorf("is longer than the %d bytes of an MQTT topic", maxTopic)
	case s[0] == '$':
		return pattern{}, errors.New("begins with $: clients do not publish there")
	}
	return parseLevels(strings.Split(s, "/"), func(text string) (string, error) {
		if i := strings.IndexAny(text, "+#"); i >= 0 {
			return "", fmt.Errorf("has the wildcard %q: write {name} for one level, {name...} for the rest", text[i])
		}
		return text, nil
	})
}

// parsePathPattern parses "/features/{feature}/properties/{property...}". ""
// and "/" are the root, which has no levels.
func parsePathPattern(s string) (pattern, error) {
	if s == "" || s == "/" {
		return pattern{rest: -1}, nil
	}
	levels := strings.Split(strings.TrimPrefix(s, "/"), "/")
	for _, text := range levels {
		if text == "" {
			return pattern{}, errors.New("has an empty level")
		}
	}
	return parseLevels(levels, unescapeLevel)
}

// parseLevels makes a pattern of the texts of its levels; literal checks and
// decodes the literal text in one.
func parseLevels(texts []string, literal func(string) (string, error)) (pattern, error) {
	p := pattern{rest: -1}
	for i, text := range texts {
		prefix, name, suffix, err := cutCapture(text)
		if err != nil {
			return pattern{}, err
		}
		var l level
		if l.prefix, err = literal(prefix); err != nil {
			return pattern{}, err
		}
		if l.suffix, err = literal(suffix); err != nil {
			return pattern{}, err
		}
		if name == "" {
			l.capture = -1
			p.levels = append(p.levels, l)
			continue
		}
		name, isRest := strings.CutSuffix(name, "...")
		if err := p.addName(name); err != nil {
			return pattern{}, err
		}
		l.capture = len(p.names) - 1
		if !isRest {
			p.levels = append(p.levels, l)
			continue
		}
		if prefix != "" || suffix != "" || i != len(texts)-1 {
			return pattern{}, fmt.Errorf("has {%s...} in a place other than the last level, alone: it takes all that remain", name)
		}
		p.rest = l.capture
	}
	return p, nil
}

func (p *pattern) addName(name string) error {
	switch {
	case !isName(name):
		return fmt.Errorf("has the capture {%s}: a name is made of letters, digits, _ and -, and begins with a letter", name)
	case p.capture(name) >= 0:
		return fmt.Errorf("captures {%s} twice", name)
	case len(p.names) == maxCaptures:
		return fmt.Errorf("has more than %d captures", maxCaptures)
	}
	p.names = append(p.names, name)
	return nil
}

// capture is the index of a name, -1 when the pattern does not have it.
func (p *pattern) capture(name string) int {
	for i, n := range p.names {
		if n == name {
			return i
		}
	}
	return -1
}

// cutCapture takes "pre{name}post" apart; name is "" for a level without.
func cutCapture(text string) (prefix, name, suffix string, err error) {
	open := strings.IndexByte(text, '{')
	end := strings.IndexByte(text, '}')
	switch {
	case open < 0 && end < 0:
		return text, "", "", nil
	case strings.Contains(text, "{{"):
		return "", "", "", fmt.Errorf("has %q: a pattern takes a level with {name}; {{ name }} is how it is used elsewhere", text)
	case open < 0 || end < open:
		return "", "", "", fmt.Errorf("has a brace without its partner in %q", text)
	}
	prefix, name, suffix = text[:open], text[open+1:end], text[end+1:]
	if name == "" {
		return "", "", "", errors.New("has {} without a name")
	}
	if strings.ContainsAny(suffix, "{}") {
		return "", "", "", fmt.Errorf("has more than one capture, or a stray brace, in the level %q", text)
	}
	return prefix, name, suffix, nil
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || !('0' <= s[i] && s[i] <= '9' || s[i] == '_' || s[i] == '-')) {
			return false
		}
	}
	return s != ""
}

// unescapeLevel decodes ~0 and ~1 in one level of a JSON Pointer (RFC 6901).
func unescapeLevel(s string) (string, error) {
	at := strings.IndexByte(s, '~')
	if at < 0 {
		return s, nil
	}
	var b strings.Builder
	for at >= 0 {
		b.WriteString(s[:at])
		s = s[at+1:]
		switch {
		case strings.HasPrefix(s, "0"):
			b.WriteByte('~')
		case strings.HasPrefix(s, "1"):
			b.WriteByte('/')
		default:
			return "", errors.New("has a ~ that is neither ~0 (a tilde) nor ~1 (a slash)")
		}
		s = s[1:]
		at = strings.IndexByte(s, '~')
	}
	b.WriteString(s)
	return b.String(), nil
}

// matchTopic says whether the topic fits, and writes what the captures take
// to caps, which has a place for each of the pattern's names.
func (p *pattern) matchTopic(topic string, caps []string) bool {
	for i := range p.levels {
		text, more, found := strings.Cut(topic, "/")
		captured, ok := p.levels[i].match(text)
		if !ok {
			return false
		}
		if c := p.levels[i].capture; c >= 0 {
			caps[c] = captured
		}
		if !found {
			return i == len(p.levels)-1 && p.rest < 0
		}
		topic = more
	}
	if p.rest < 0 {
		return false // levels remain
	}
	caps[p.rest] = topic
	return true
}
