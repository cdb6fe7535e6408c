package policy

import (
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Reason is why somebody may do something, or not.
type Reason struct {
	Permission Permission
	Resource   Resource
	Path       jsondoc.Pointer
	Whole      bool // what [Enforcer.Whole] says
	Some       bool // what [Enforcer.Some] says
	// Here are the rules that decided at the path: the deepest on the way to it,
	// and those that revoke if there are any. None: nothing is said about it.
	Here []Rule
	// Below are the rules below the path that make the answer for what is below
	// another than for the path itself.
	Below []Rule
}

// Rule is what one entry of a Policy says about one resource.
type Rule struct {
	Policy, Entry string // where the resource is written
	Via           string // the entry's label in the resolved Policy, where it is another
	Subjects      []string
	Resource      string // as "thing:/features/lamp"
	Effect        string // grant or revoke
	Permission    Permission
}

// String is the rule as a sentence.
func (r Rule) String() string {
	effect, to := "grants", " to "
	if r.Effect == memberRevoke {
		effect, to = "revokes", " from "
	}
	s := "entry '" + r.Entry + "' of Policy '" + r.Policy + "' " + effect + " " + string(r.Permission) +
		" on " + r.Resource + to + strings.Join(r.Subjects, ", ")
	if r.Via != "" {
		s += " (by way of '" + r.Via + "')"
	}
	return s
}

// String is the reason as a few sentences.
func (r Reason) String() string {
	place := string(r.Permission) + " on " + string(r.Resource) + ":" + r.Path.String()
	var s string
	switch {
	case r.Whole:
		s = place + " is granted"
	case r.Some && len(r.Below) > 0:
		s = place + " is granted for a part"
	default:
		s = place + " is not granted"
	}
	if len(r.Here) == 0 {
		s += ": no entry of the Policy says anything about it to these subjects"
	}
	for i, rule := range append(slices.Clone(r.Here), r.Below...) {
		if i == 0 && len(r.Here) > 0 {
			s += ": "
		} else {
			s += "; "
		}
		s += rule.String()
	}
	return s + "."
}

// Explain says which entries and resources decide what [Enforcer.Whole] and
// [Enforcer.Some] say.
func (e *Enforcer) Explain(who Subjects, what Permission, of Resource, path jsondoc.Pointer) Reason {
	var room setRoom
	set, asked := e.of(who, &room), permOf(what)
	reason := Reason{Permission: what, Resource: of, Path: slices.Clone(path),
		Whole: e.Whole(who, what, of, path), Some: e.Some(who, what, of, path)}
	n, _ := e.find(set, asked, of, path)
	at := e.child(0, string(of))
	granted := false
	for depth := 0; at != nowhere; depth++ {
		if rules := e.deciding(at, who, set, asked, of, path[:depth]); len(rules) > 0 {
			reason.Here = rules
			granted = rules[0].Effect == memberGrant
		}
		if depth == len(path) {
			break
		}
		at = e.child(at, path[depth])
	}
	if n != nowhere {
		e.walk(n, path, func(below int32, path jsondoc.Pointer) {
			for _, rule := range e.deciding(below, who, set, asked, of, path) {
				if (rule.Effect == memberGrant) != granted {
					reason.Below = append(reason.Below, rule)
				}
			}
		})
	}
	return reason
}

// walk calls f for each node below one.
func (e *Enforcer) walk(n int32, path jsondoc.Pointer, f func(int32, jsondoc.Pointer)) {
	for _, kid := range e.kids[e.nodes[n].kids : e.nodes[n].kids+e.nodes[n].nKids] {
		path := append(slices.Clone(path), e.nodes[kid].name)
		f(kid, path)
		e.walk(kid, path, f)
	}
}

// deciding is the rules of a node that decide there: those that revoke, or else
// those that grant.
func (e *Enforcer) deciding(n int32, who Subjects, set entrySet, what perm, of Resource, path jsondoc.Pointer) []Rule {
	var grants, revokes []Rule
	for _, r := range e.rules[e.nodes[n].rules:e.nodes[n].own] {
		if !set.has(r.entry) {
			continue
		}
		if r.revoke&what != 0 {
			revokes = append(revokes, e.rulesOf(r.entry, who, memberRevoke, what, of, path)...)
		} else if r.grant&what != 0 {
			grants = append(grants, e.rulesOf(r.entry, who, memberGrant, what, of, path)...)
		}
	}
	if len(revokes) > 0 {
		return revokes
	}
	return grants
}

// rulesOf is what an entry says at a place, in words.
func (e *Enforcer) rulesOf(entry int32, who Subjects, effect string, what perm, of Resource, path jsondoc.Pointer) []Rule {
	in := e.entries[entry]
	var subjects []string
	for _, s := range in.subjects {
		if slices.Contains(who, s.ID) {
			subjects = append(subjects, s.ID)
		}
	}
	var out []Rule
	for _, p := range in.resources {
		list := p.Grant
		if effect == memberRevoke {
			list = p.Revoke
		}
		if p.Resource != of || !slices.Equal(p.Path, path) {
			continue
		}
		for _, permission := range list {
			if permOf(permission) == what {
				rule := Rule{Policy: p.from.policy, Entry: p.from.label, Subjects: subjects, Resource: p.Key(), Effect: effect, Permission: permission}
				if in.label != p.from.label {
					rule.Via = in.label
				}
				out = append(out, rule)
			}
		}
	}
	return out
}

// Readers are the subjects that may READ at the path or somewhere below it,
// each for itself, in no order.
func (e *Enforcer) Readers(of Resource, path jsondoc.Pointer) []string {
	var readers []string
	for subject := range e.subjects {
		if e.Some(Subjects{subject}, Read, of, path) {
			readers = append(readers, subject)
		}
	}
	return readers
}
