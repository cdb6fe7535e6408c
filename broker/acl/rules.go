package acl

import (
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/broker/topics"
)

// Rules is a compiled list of rules. It is immutable and may be used by many
// goroutines. Where there is none, nil, everything is granted.
type Rules struct {
	count int
	// bySubject, byUser and nameless are what a client has for itself; patterns
	// is what all have who can fill them in, and comes after a file's rules for
	// one user, as in mosquitto.
	bySubject map[string][]permission
	byUser    map[string][]permission
	nameless  []permission // of clients without a user name
	patterns  []permission
}

// permission is one filter of a rule.
type permission struct {
	filter template
	what   access
}

// access is what a filter is for.
type access uint8

const (
	publish access = 1 << iota
	receive
	deny // both
)

// Len is the number of rules: entries of the list, and lines of the file.
func (r *Rules) Len() int {
	if r == nil {
		return 0
	}
	return r.count
}

// Verdict is the answer to a question.
type Verdict uint8

// The answers.
const (
	Refused Verdict = iota
	Granted
	ByAdmin // no rule grants it, or not all of it, but the client is an administrator
)

// Publish says whether the client may publish to the topic.
func (r *Rules) Publish(c *Client, topic string) Verdict {
	return r.ask(c, func(g *grants) bool { return g.allow(publish, topic) })
}

// Receive says whether the client may get what is published to the topic.
func (r *Rules) Receive(c *Client, topic string) Verdict {
	return r.ask(c, func(g *grants) bool { return g.allow(receive, topic) })
}

// Subscribe says whether the client may get anything of what the filter
// matches; the filter must be valid and without a share prefix. An administrator
// gets all of it, and Granted says that a rule grants all of it.
func (r *Rules) Subscribe(c *Client, filter string) Verdict {
	return r.ask(c, func(g *grants) bool {
		if c.Admin {
			return g.cover(filter)
		}
		return g.reach(filter)
	})
}

func (r *Rules) ask(c *Client, may func(*grants) bool) Verdict {
	switch {
	case r == nil || may(c.grants(r)):
		return Granted
	case c.Admin:
		return ByAdmin
	}
	return Refused
}

// grants are the rules as they are for one client.
type grants struct {
	rules  *Rules
	stages [3][]filled // each asked if those before have no answer
}

type filled struct {
	filter string
	what   access
}

// grantsFor fills in what applies to the client.
func (r *Rules) grantsFor(c *Client) *grants {
	g := &grants{rules: r}
	own := r.nameless
	if c.Username != "" {
		own = r.byUser[c.Username]
	}
	g.stages[0] = fillIn(nil, own, c)
	g.stages[1] = fillIn(nil, r.patterns, c)
	for _, subject := range c.Subjects {
		g.stages[2] = fillIn(g.stages[2], r.bySubject[subject], c)
	}
	return g
}

func fillIn(list []filled, permissions []permission, c *Client) []filled {
	for i := range permissions {
		p := &permissions[i]
		if text, ok := p.filter.fill(c); ok {
			list = append(list, filled{text, p.what})
		}
	}
	return list
}

func (g *grants) allow(what access, topic string) bool {
	for _, stage := range g.stages {
		granted := false
		for i := range stage {
			f := &stage[i]
			if f.what&(what|deny) == 0 || !topics.Match(f.filter, topic) {
				continue
			}
			if f.what == deny {
				return false
			}
			granted = true
		}
		if granted {
			return true
		}
	}
	return false
}

// reach says whether something that the filter matches is granted: not exactly,
// where denials lie within what is granted, but never no where allow says yes.
func (g *grants) reach(filter string) bool {
	var denied []string
	for _, stage := range g.stages {
		for i := range stage {
			if stage[i].what == deny {
				denied = append(denied, stage[i].filter)
			}
		}
		for i := range stage {
			f := &stage[i]
			if f.what&receive == 0 || !topics.Overlap(f.filter, filter) {
				continue
			}
			if !slices.ContainsFunc(denied, func(d string) bool {
				return topics.Covers(d, filter) || topics.Covers(d, f.filter)
			}) {
				return true
			}
		}
	}
	return false
}

// cover says whether one filter grants all that another matches; it may say no
// where several together do.
func (g *grants) cover(filter string) bool {
	for _, stage := range g.stages {
		covered := false
		for i := range stage {
			switch f := &stage[i]; {
			case f.what == deny && topics.Overlap(f.filter, filter):
				return false
			case f.what&receive != 0 && topics.Covers(f.filter, filter):
				covered = true
			}
		}
		if covered {
			return true
		}
	}
	return false
}

// template is a filter with placeholders.
type template struct {
	parts []part
}

type part struct {
	text string
	from source
}

type source uint8

const (
	fromText source = iota
	fromClientID
	fromUsername
)

// fill gives the filter for a client; false when it does not apply to it.
func (t *template) fill(c *Client) (string, bool) {
	if len(t.parts) == 1 && t.parts[0].from == fromText {
		return t.parts[0].text, true
	}
	var b strings.Builder
	for i := range t.parts {
		value := t.parts[i].text
		switch t.parts[i].from {
		case fromClientID:
			value = c.ID
		case fromUsername:
			value = c.Username
		}
		if t.parts[i].from != fromText && !isPartOfLevel(value, b.Len() == 0) {
			return "", false
		}
		b.WriteString(value)
	}
	return b.String(), true
}

// isPartOfLevel says whether a value can stand in a filter without making more
// of it: a slash would add a level, a wildcard take in others, and a $ at the
// beginning lead to the broker's own topics.
func isPartOfLevel(value string, first bool) bool {
	return value != "" && !strings.ContainsAny(value, "/+#\x00") && !(first && value[0] == '$')
}

func (t *template) uses(from source) bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.from == from })
}
