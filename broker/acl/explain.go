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

// NeedsMore says whether a rule that would let the client subscribe names a user
// name or an identifier, which it does not have.
func (r *Rules) NeedsMore(c *Client) bool {
	if r == nil {
		return false
	}
	lacks := func(list []permission) bool {
		for i := range list {
			if _, ok := list[i].filter.fill(c); !ok && list[i].what&receive != 0 && (c.Username == "" || c.ID == "") {
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
