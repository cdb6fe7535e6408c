package documents

import (
	"fmt"
	"os"
	"strings"
)

// step is a block of a document that has a comment before it, or a comment
// that stands alone.
type step struct {
	line     int // of the comment
	does     string
	argument string
	text     string // of the block, without the last newline
}

// alone are the steps that no block belongs to.
var alone = map[string]bool{"recording": true, "no thing": true, "receives nothing": true}

// words are the steps, the longer before those that they begin with.
var words = []string{"file", "broker", "recording", "sends", "refused", "no thing", "thing", "run", "fails", "prints", "receives nothing", "receives"}

// read gives the steps of a document. A block of YAML or of commands without a
// comment is a mistake: nobody would notice when it is wrong.
func read(name string) ([]step, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var steps []step
	var open *step // whose block comes next
	lines := strings.Split(string(data), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if comment, ok := strings.CutPrefix(line, "<!-- "); ok {
			s, ok := parse(strings.TrimSuffix(comment, " -->"))
			if !ok {
				return nil, fmt.Errorf("%s:%d: is no step: %s", name, i+1, line)
			}
			s.line = i + 1
			steps = append(steps, s)
			if open = nil; !alone[s.does] {
				open = &steps[len(steps)-1]
			}
			continue
		}
		language, ok := strings.CutPrefix(line, "```")
		if !ok {
			continue
		}
		begin := i + 1
		for i++; i < len(lines) && lines[i] != "```"; i++ {
		}
		if i == len(lines) {
			return nil, fmt.Errorf("%s:%d: the block has no end", name, begin)
		}
		switch {
		case open != nil:
			open.text = strings.Join(lines[begin:i], "\n")
			open = nil
		case language == "yaml" || language == "sh" || language == "json":
			return nil, fmt.Errorf("%s:%d: a block of %s that nothing tries", name, begin, language)
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s:%d: no block follows", name, open.line)
	}
	return steps, nil
}

func parse(comment string) (step, bool) {
	for _, word := range words {
		if rest, ok := strings.CutPrefix(comment, word); ok && (rest == "" || rest[0] == ' ') {
			return step{does: word, argument: strings.TrimSpace(rest)}, true
		}
	}
	return step{}, false
}

// message is a line "topic  payload". A topic may have single spaces in it.
type message struct{ topic, payload string }

func (s *step) messages() []message {
	var list []message
	for line := range strings.SplitSeq(s.text, "\n") {
		topic, payload, _ := strings.Cut(line, "  ")
		list = append(list, message{topic, strings.TrimLeft(payload, " ")})
	}
	return list
}

// commands are the command lines of a block, taken apart as a shell does; a
// backslash at the end of a line goes on with the next.
func (s *step) commands() ([][]string, error) {
	var list [][]string
	for line := range strings.SplitSeq(strings.ReplaceAll(s.text, "\\\n", " "), "\n") {
		words, err := fields(line)
		if err != nil {
			return nil, err
		}
		list = append(list, words)
	}
	return list, nil
}

// fields splits a command line at spaces outside of quotes.
func fields(line string) ([]string, error) {
	var list []string
	var word strings.Builder
	var quote rune
	inWord := false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, inWord = c, true
		case quote == 0 && c == ' ':
			if inWord {
				list = append(list, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote is open in %s", line)
	}
	if inWord {
		list = append(list, word.String())
	}
	return list, nil
}
