package acl

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twinbroker/twinbroker/broker/topics"
)

// Rule is one entry of the configuration's list `acl`.
type Rule struct {
	Subjects  []string // to whom it grants
	Publish   []string // filters of the topics that they may publish to
	Subscribe []string // filters of the topics of which they may get what is published
}

// Trees are the roots of the topic trees in which Policies decide, and rules
// have no say.
type Trees []string

// Problem is something wrong with rules.
type Problem struct {
	Path    string // in the list: "acl[0].publish[1]"; "" in a file
	Line    int    // in a file, from 1
	Text    string
	Warning bool // allowed, but likely a mistake
	Chosen  bool // it is that clients choose their identifiers themselves
}

// Compile compiles a list, and the lines of a file, which may be nil. All that
// is wrong is told; the Rules are nil when any of it is an error.
func Compile(list []Rule, file *File, trees Trees) (*Rules, []Problem) {
	c := compiler{trees: trees, rules: &Rules{bySubject: map[string][]permission{}, byUser: map[string][]permission{}}}
	for i := range list {
		c.rule(&list[i], fmt.Sprintf("acl[%d]", i))
	}
	if file != nil {
		c.file(file)
	}
	for i := range c.problems {
		if !c.problems[i].Warning {
			return nil, c.problems
		}
	}
	return c.rules, c.problems
}

type compiler struct {
	trees    Trees
	rules    *Rules
	problems []Problem
}

func (c *compiler) rule(r *Rule, path string) {
	c.rules.count++
	fail := func(path, text string, warning bool) {
		c.problems = append(c.problems, Problem{Path: path, Text: text, Warning: warning})
	}
	if len(r.Subjects) == 0 {
		fail(path+".subjects", "is missing: whom the rule is for, such as [\"group:devices\"]", false)
	}
	for i, subject := range r.Subjects {
		if strings.ContainsAny(subject, "*{}") {
			fail(fmt.Sprintf("%s.subjects[%d]", path, i), fmt.Sprintf("%q: a subject is taken as it is, without wildcards and placeholders", subject), true)
		}
	}
	if len(r.Publish)+len(r.Subscribe) == 0 {
		fail(path, "grants nothing: write which topics in publish and subscribe", true)
	}
	var permissions []permission
	chosen := false
	for _, these := range []struct {
		key     string
		filters []string
		what    access
	}{{"publish", r.Publish, publish}, {"subscribe", r.Subscribe, receive}} {
		for i, text := range these.filters {
			at := fmt.Sprintf("%s.%s[%d]", path, these.key, i)
			filter, err := parseBraces(text)
			if err == nil {
				err = filter.check()
			}
			if err != nil {
				fail(at, err.Error(), false)
				continue
			}
			if why := c.idle(&filter, these.what); why != "" {
				fail(at, fmt.Sprintf("%q %s", text, why), true)
			}
			if filter.uses(fromClientID) && !chosen {
				chosen = true
				fail(at, fmt.Sprintf("%q: clients choose their identifiers themselves, and so what this grants; {{ client:username }} is proved, and auth.client_ids says who may have which identifier", text), true)
				c.problems[len(c.problems)-1].Chosen = true
			}
			permissions = append(permissions, permission{filter, these.what})
		}
	}
	for _, subject := range r.Subjects {
		c.rules.bySubject[subject] = append(c.rules.bySubject[subject], permissions...)
	}
}

// idle says why a filter grants nothing, "" when it does.
func (c *compiler) idle(t *template, what access) string {
	known := t.example()
	for _, tree := range c.trees {
		if topics.Within(known, tree) && !(what == deny) {
			return "says nothing: below " + tree + " Policies decide"
		}
	}
	if what == publish && known[0] == '$' && !topics.Overlap(known, bridgeState) {
		return "says nothing: topics that begin with $ are the broker's own to publish to"
	}
	return ""
}

// bridgeState is where bridges of mosquitto tell whether they are connected,
// the only topics below $SYS that a client publishes to.
const bridgeState = "$SYS/broker/connection/+/state"

// example is the filter filled in with something.
func (t *template) example() string {
	var b strings.Builder
	for i := range t.parts {
		if t.parts[i].from == fromText {
			b.WriteString(t.parts[i].text)
		} else {
			b.WriteByte('x')
		}
	}
	return b.String()
}

// check says what is wrong with the filter.
func (t *template) check() error {
	text := t.example()
	if err := topics.ValidFilter(text); err != nil {
		return err
	}
	if group, plain := topics.SplitShared(text); group != "" {
		return fmt.Errorf("filter %q: a rule for %q is one for its shared subscriptions, too", text, plain)
	}
	return nil
}

// parseBraces reads a filter with placeholders {{ client:id }} and
// {{ client:username }}.
func parseBraces(text string) (template, error) {
	var t template
	if text == "" {
		return t, errors.New("is empty: write a topic filter such as devices/#")
	}
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "{{")
		if before != "" {
			if strings.ContainsAny(before, "{}") {
				return t, fmt.Errorf("%q: braces stand for placeholders, {{ client:id }} and {{ client:username }}", text)
			}
			t.parts = append(t.parts, part{text: before})
		}
		if !found {
			break
		}
		name, next, closed := strings.Cut(after, "}}")
		if !closed {
			return t, fmt.Errorf("%q: a placeholder begins with {{ and has no }}", text)
		}
		switch name = strings.TrimSpace(name); name {
		case "client:id":
			t.parts = append(t.parts, part{from: fromClientID})
		case "client:username":
			t.parts = append(t.parts, part{from: fromUsername})
		default:
			return t, fmt.Errorf("%q: {{ %s }} is not a placeholder of rules: these are {{ client:id }} and {{ client:username }}", text, name)
		}
		rest = next
	}
	return t, nil
}
