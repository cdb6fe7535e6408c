package policy

import (
	"fmt"
	"slices"

	"github.com/twinbroker/twinbroker/twin/rql"
)

// Creation says who may make Things and Policies: who a rule of Grant is for, and
// none of Revoke (Ditto's page installation-operating, "Restricting entity
// creation"; its CreationRestrictionPreEnforcer).
type Creation struct {
	Grant, Revoke []CreationRule
}

// CreationRule is for what is made if all of its lists are; an empty list is for
// everything. In patterns * stands for any number of characters, and ? for one.
type CreationRule struct {
	Resources  []Resource // Thing, Policy
	Namespaces []string   // patterns
	Subjects   []string   // patterns, one of which is for one subject of the sender
	// Definitions are patterns too, "" for a Thing that has none. They are for
	// Things alone; what a Policy has to do with passes them by.
	Definitions []string
}

// Making is an entity that is to be made.
type Making struct {
	Is         Resource // Thing or Policy
	Namespace  string
	Definition string // of the Thing; "": none
}

// Refuses says which rule keeps the sender from making the entity, or that none
// lets it; "": it may make it.
func (c *Creation) Refuses(m *Making, sender Subjects) (why string) {
	if !slices.ContainsFunc(c.Grant, func(r CreationRule) bool { return r.isFor(m, sender) }) {
		return "no rule of 'creation.grant' lets the sender make " + c.what(m)
	}
	for i := range c.Revoke {
		if c.Revoke[i].isFor(m, sender) {
			return fmt.Sprintf("'creation.revoke[%d]' forbids the sender to make %s", i, c.what(m))
		}
	}
	return ""
}

// what is what is refused, in words.
func (c *Creation) what(m *Making) string {
	byDefinition := func(r CreationRule) bool { return len(r.Definitions) > 0 }
	what := "Things"
	switch {
	case m.Is == Policy:
		what = "Policies"
	case !slices.ContainsFunc(c.Grant, byDefinition) && !slices.ContainsFunc(c.Revoke, byDefinition):
	case m.Definition == "":
		what += " without a definition"
	default:
		what += " with that definition"
	}
	return what + " in the namespace '" + m.Namespace + "'"
}

func (r *CreationRule) isFor(m *Making, sender Subjects) bool {
	fits := func(s string, patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return rql.Like(s, p) })
	}
	switch {
	case len(r.Resources) > 0 && !slices.Contains(r.Resources, m.Is),
		len(r.Namespaces) > 0 && !fits(m.Namespace, r.Namespaces),
		len(r.Subjects) > 0 && !slices.ContainsFunc(sender, func(s string) bool { return fits(s, r.Subjects) }):
		return false
	case len(r.Definitions) == 0 || m.Is != Thing:
		return true
	case m.Definition == "":
		return slices.Contains(r.Definitions, "")
	}
	return fits(m.Definition, r.Definitions)
}
