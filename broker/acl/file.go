package acl

import (
	"fmt"
	"strings"
)

// File is what a file in mosquitto's format says (mosquitto.conf(5), acl_file).
type File struct {
	lines    []fileLine
	problems []Problem
}

// fileLine is a line that is a rule.
type fileLine struct {
	number  int
	user    string // of the user line before it; "" for clients without a user name
	pattern bool   // for everybody
	filter  string
	what    access
}

// ParseFile reads the text of a file:
//
//	# a comment
//	topic read news/#                       for clients without a user name
//	user ann                                what follows is for ann
//	topic [read|write|readwrite|deny] plant/#
//	pattern readwrite devices/%u/#          for everybody, %u the user name, %c the client identifier
func ParseFile(text string) *File {
	f := &File{}
	user := ""
	for i, line := range strings.Split(text, "\n") {
		number := i + 1
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		fail := func(format string, args ...any) {
			f.problems = append(f.problems, Problem{Line: number, Text: fmt.Sprintf(format, args...)})
		}
		word, rest := word(line)
		switch word {
		case "user":
			if user = rest; user == "" {
				fail("user is followed by the name of a user")
			}
		case "topic", "pattern":
			what, filter, err := parseAccess(word, rest)
			if err != nil {
				fail("%v", err)
				continue
			}
			f.lines = append(f.lines, fileLine{number: number, user: user, pattern: word == "pattern", filter: filter, what: what})
		default:
			fail("%q begins no line of an ACL file: these begin with user, topic or pattern", word)
		}
	}
	return f
}

// parseAccess reads what follows topic or pattern: the filter, or what is
// granted and the filter, which may then have spaces in it.
func parseAccess(kind, text string) (access, string, error) {
	first, filter := word(text)
	switch {
	case first == "":
		return 0, "", fmt.Errorf("%s is followed by a topic filter", kind)
	case filter == "":
		return publish | receive, first, nil
	}
	switch first {
	case "read":
		return receive, filter, nil
	case "write":
		return publish, filter, nil
	case "readwrite":
		return publish | receive, filter, nil
	case "deny":
		return deny, filter, nil
	}
	return 0, "", fmt.Errorf("%q is not one of read, write, readwrite, deny; before a filter with spaces in it one of them must stand", first)
}

// word takes the first word off.
func word(line string) (word, rest string) {
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		return line[:i], strings.TrimLeft(line[i:], " \t")
	}
	return line, ""
}

// file compiles the lines of a file.
func (c *compiler) file(f *File) {
	c.problems = append(c.problems, f.problems...)
	chosen := false
	for i := range f.lines {
		line := &f.lines[i]
		c.rules.count++
		fail := func(text string, warning bool) {
			c.problems = append(c.problems, Problem{Line: line.number, Text: text, Warning: warning})
		}
		filter := template{parts: []part{{text: line.filter}}}
		if line.pattern {
			filter = parsePercents(line.filter)
			if len(filter.parts) == 1 && filter.parts[0].from == fromText {
				fail(fmt.Sprintf("the pattern %q has neither %%u nor %%c in it: it is for everybody", line.filter), true)
			}
		}
		if err := filter.check(); err != nil {
			fail(err.Error(), false)
			continue
		}
		what := line.what
		if what == publish|receive {
			what = receive // a filter that only says nothing for publishing has a use
		}
		if why := c.idle(&filter, what); why != "" {
			fail(fmt.Sprintf("%q %s", line.filter, why), true)
		}
		if filter.uses(fromClientID) && line.what != deny && !chosen {
			chosen = true
			fail(fmt.Sprintf("%q: clients choose their identifiers themselves, and so what this grants; %%u is proved", line.filter), true)
		}
		p := permission{filter, line.what}
		switch {
		case line.pattern:
			c.rules.patterns = append(c.rules.patterns, p)
		case line.user == "":
			c.rules.nameless = append(c.rules.nameless, p)
		default:
			c.rules.byUser[line.user] = append(c.rules.byUser[line.user], p)
		}
	}
}

// parsePercents reads a pattern with %u and %c.
func parsePercents(text string) template {
	var t template
	add := func(text string) {
		if text != "" {
			t.parts = append(t.parts, part{text: text})
		}
	}
	from := 0
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '%' || text[i+1] != 'u' && text[i+1] != 'c' {
			continue
		}
		add(text[from:i])
		source := fromUsername
		if text[i+1] == 'c' {
			source = fromClientID
		}
		t.parts = append(t.parts, part{from: source})
		i++
		from = i + 1
	}
	add(text[from:])
	return t
}
