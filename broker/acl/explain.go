package acl

import "github.com/twinbroker/twinbroker/broker/topics"

// Filter is a topic filter that a rule grants to a client, or denies it.
type Filter struct {
	Filter string // with its placeholders filled in
	Denied bool
}

// Receivable are the filters of rules for this client that have to do with what
// a topic filter would bring it, in the order in which they are asked. None
// that grants: it would bring nothing.
func (r *Rules) Receivable(c *Client, filter string) []Filter {
	if r == nil {
		return []Filter{{Filter: "#"}}
	}
	var list []Filter
	for _, stage := range c.grants(r).stages {
		for _, f := range stage {
			if f.what&(receive|deny) != 0 && topics.Overlap(f.filter, filter) {
				list = append(list, Filter{f.filter, f.what == deny})
			}
		}
	}
	return list
}

// Publishable are the filters of rules for this client that decide whether it may
// publish to a topic: what denies it, or what grants it. None: nothing does.
func (r *Rules) Publishable(c *Client, topic string) []Filter {
	if r == nil {
		return []Filter{{Filter: "#"}}
	}
	var list []Filter
	for _, stage := range c.grants(r).stages {
		for _, f := range stage {
			switch {
			case f.what&(publish|deny) == 0 || !topics.Match(f.filter, topic):
			case f.what == deny:
				return []Filter{{f.filter, true}}
			default:
				list = append(list, Filter{Filter: f.filter})
			}
		}
		if len(list) > 0 {
			break
		}
	}
	return list
}

// NeedsMore says whether a rule that would let the client subscribe names a user
// name or an identifier, which it does not have.
func (r *Rules) NeedsMore(c *Client) bool { return r.needsMore(c, receive) }

// NeedsMoreToPublish is NeedsMore of rules that would let it publish.
func (r *Rules) NeedsMoreToPublish(c *Client) bool { return r.needsMore(c, publish) }

func (r *Rules) needsMore(c *Client, what access) bool {
	if r == nil {
		return false
	}
	lacks := func(list []permission) bool {
		for i := range list {
			if _, ok := list[i].filter.fill(c); !ok && list[i].what&what != 0 && (c.Username == "" || c.ID == "") {
				return true
			}
		}
		return false
	}
	for _, subject := range c.Subjects {
		if lacks(r.bySubject[subject]) {
			return true
		}
	}
	return lacks(r.patterns)
}
