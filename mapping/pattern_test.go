package mapping

import (
	"slices"
	"strings"
	"testing"
)

func TestTopicPatterns(t *testing.T) {
	for _, test := range []struct {
		pattern, topic string
		want           string // captures as name=value, "no" when it does not fit
	}{
		{"a/b", "a/b", ""},
		{"a/b", "a/b/c", "no"},
		{"a/b", "a", "no"},
		{"a/b", "a/B", "no"},
		{"/a", "/a", ""},
		{"/a", "a", "no"},
		{"{x}/b", "a/b", "x=a"},
		{"{x}", "a/b", "no"},
		{"a/{x}", "a/", "x="},
		{"a/{x}", "a", "no"},
		{"a/{x}/c", "a//c", "x="},
		{"a/{x...}", "a/b/c", "x=b/c"},
		{"a/{x...}", "a/", "x="},
		{"a/{x...}", "a", "no"},
		{"{x...}", "a", "x=a"},
		{"pre-{x}/b", "pre-7/b", "x=7"},
		{"pre-{x}/b", "pre/b", "no"},
		{"{x}-post", "7-post", "x=7"},
		{"p{x}p", "p", "no"},
		{"p{x}p", "pp", "x="},
		{"{x}/{y}/{z...}", "1/2/3/4", "x=1 y=2 z=3/4"},
		{"{x}/b", "$SYS/b", "no"},
		{"{x...}", "$SYS/b", "no"},
	} {
		t.Run(test.pattern+" "+test.topic, func(t *testing.T) {
			p, err := parseTopicPattern(test.pattern)
			if err != nil {
				t.Fatal(err)
			}
			var x index
			x.add(&p, 7)
			var caps [maxCaptures]string
			got := "no"
			if hits := x.find(test.topic, nil); len(hits) > 0 {
				if !p.matchTopic(test.topic, caps[:]) {
					t.Error("the index finds what the pattern does not fit")
				}
				var list []string
				for i, name := range p.names {
					list = append(list, name+"="+caps[i])
				}
				got = strings.Join(list, " ")
			} else if test.topic[0] != '$' && p.matchTopic(test.topic, caps[:]) {
				t.Error("the index does not find what the pattern fits")
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestTopicPatternsAreRefused(t *testing.T) {
	for pattern, says := range map[string]string{
		"":                        "is missing",
		"a/+/b":                   "{name} for one level",
		"a/#":                     "{name...} for the rest",
		"{x}+":                    "{name} for one level",
		"$SYS/{x}":                "begins with $",
		"a/{x...}/b":              "takes all that remain",
		"a/b{x...}":               "takes all that remain",
		"a/{}":                    "without a name",
		"a/{x":                    "without its partner",
		"a/x}":                    "without its partner",
		"a/{x}{y}":                "more than one capture",
		"a/{x}/{x}":               "captures {x} twice",
		"a/{1x}":                  "begins with a letter",
		"a/{x y}":                 "begins with a letter",
		"a/{{ x }}":               "takes a level with {name}",
		"a/\x00":                  "zero character",
		"a/\xff":                  "broken UTF-8",
		strings.Repeat("a", 7e4):  "longer than the 65535 bytes",
		strings.Repeat("{x}/", 9): "captures {x} twice",
		"{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}/{q}": "more than 16 captures",
	} {
		if _, err := parseTopicPattern(pattern); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: got %v, want an error that says %q", pattern, err, says)
		}
	}
}

func TestIndexFindsRulesInTheirOrder(t *testing.T) {
	var x index
	patterns := []string{"{a...}", "d/{b}/t", "d/x/t", "d/x{c}/t", "d/{b...}", "{a}/x/{c}", "d/x", "{z}x/y"}
	for i, text := range patterns {
		p, err := parseTopicPattern(text)
		if err != nil {
			t.Fatal(err)
		}
		x.add(&p, int32(i))
	}
	for topic, want := range map[string][]int32{
		"d/x/t": {0, 1, 2, 3, 4, 5},
		"d/x":   {0, 4, 6},
		"dx/y":  {0, 7},
		"":      nil,
		"$d/x":  nil,
	} {
		if got := x.find(topic, nil); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", topic, got, want)
		}
	}
}

func FuzzTopicPattern(f *testing.F) {
	f.Add("devices/{device}/telemetry", "devices/d1/telemetry")
	f.Add("{a}/x{b}y/{c...}", "1/x2y/3/4")
	f.Add("/{a}//", "/1//")
	f.Add("{a...}", "$SYS/x")
	f.Fuzz(func(t *testing.T, text, topic string) {
		p, err := parseTopicPattern(text)
		if err != nil {
			return
		}
		if len(p.names) > maxCaptures {
			t.Fatal("more captures than there is room for")
		}
		var x index
		x.add(&p, 0)
		var caps [maxCaptures]string
		fits := p.matchTopic(topic, caps[:])
		found := len(x.find(topic, nil)) == 1
		if topic != "" && topic[0] != '$' && fits != found {
			t.Errorf("pattern %q, topic %q: fits %v, found %v", text, topic, fits, found)
		}
		if !fits {
			return
		}
		rebuilt := text // putting the captures back must give the topic
		for i, name := range p.names {
			form := "{" + name + "}"
			if i == p.rest {
				form = "{" + name + "...}"
			}
			before, after, _ := strings.Cut(rebuilt, form)
			if i == len(p.names)-1 || !strings.ContainsAny(caps[i], "{}") {
				rebuilt = before + caps[i] + after
			} else {
				return
			}
		}
		if rebuilt != topic {
			t.Errorf("pattern %q, topic %q: the captures %q give %q", text, topic, caps[:len(p.names)], rebuilt)
		}
	})
}

func FuzzPathPattern(f *testing.F) {
	f.Add("/features/{feature}/properties/{property...}")
	f.Add("attributes/a~1b~0{x}")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePathPattern(text)
		if err == nil && len(p.names) > maxCaptures {
			t.Error("more captures than there is room for")
		}
	})
}
