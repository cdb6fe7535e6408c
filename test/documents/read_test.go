package documents

import (
	"slices"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

func TestWhatNothingTriesIsAMistake(t *testing.T) {
	for name, test := range map[string]struct{ text, says string }{
		"a block of YAML":            {"```yaml\na: 1\n```\n", ":1: a block of yaml that nothing tries"},
		"commands":                   {"text\n```sh\nls\n```\n", ":2: a block of sh that nothing tries"},
		"an unknown comment":         {"<!-- braodcast -->\n```\n```\n", ":1: is no step"},
		"a block without an end":     {"<!-- sends -->\n```text\na  b\n", ":2: the block has no end"},
		"a comment without a block":  {"<!-- sends -->\n", ":1: no block follows"},
		"a block of text":            {"```text\nread me\n```\n", ""},
		"steps that have no block":   {"<!-- no thing a:b -->\n<!-- receives nothing -->\n", ""},
		"the block behind a comment": {"<!-- thing a:b -->\ntext\n```json\n{}\n```\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(harness.WriteFile(t, "page.md", test.text))
			switch {
			case test.says == "" && err != nil:
				t.Error(err)
			case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

func TestMessagesAndCommandsOfABlock(t *testing.T) {
	s := step{text: "a/b c   {\"x\": 1}\nd  "}
	if got, want := s.messages(), []message{{"a/b c", `{"x": 1}`}, {"d", ""}}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	s = step{text: "twinbroker map --payload '{\"a\": \"b c\"}' \\\n  -o \"json\"\nnext ''"}
	commands, err := s.commands()
	if err != nil || len(commands) != 2 ||
		!slices.Equal(commands[0], []string{"twinbroker", "map", "--payload", `{"a": "b c"}`, "-o", "json"}) || !slices.Equal(commands[1], []string{"next", ""}) {
		t.Errorf("%q %v", commands, err)
	}
	if _, err := (&step{text: "a 'b"}).commands(); err == nil {
		t.Error("a quote that is open is taken")
	}
}
