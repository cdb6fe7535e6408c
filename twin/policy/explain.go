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
	// LeftOut are the rules on the way to the path and below it that do not
	// count, as their subject is expired or they are for other namespaces.
	LeftOut []Rule
}

// Rule is what one entry of a Policy says about one resource.
type Rule struct {
	Policy, Entry string // where the resource is written
	Via           string // the entry's label in the resolved Policy, where it is another
	Subjects      []string
	Resource      string // as "thing:/features/lamp"
	Effect        string // grant or revoke
	Permission    Permission
	Why           string // why it does not count, "" where it does
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
	if r.Why != "" {
		s += ", but " + r.Why
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
	case r.Some:
		s = place + " is granted for a part"
	default:
		s = place + " is not granted"
	}
	if len(r.Here) == 0 {
		s += ": nothing is said about it itself to these subjects"
	}
	for i, rule := range slices.Concat(r.Here, r.Below, r.LeftOut) {
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
	path = flat(path)
	n, _ := e.find(set, asked, of, path)
	at := e.child(0, string(of))
	granted := false
	for depth := 0; at != nowhere; depth++ {
		if grants, revokes := e.said(at, who, set, asked, of, path[:depth]); len(revokes) > 0 {
			reason.Here, granted = revokes, false
		} else if len(grants) > 0 {
			reason.Here, granted = grants, true
		}
		if depth == len(path) {
			break
		}
		at = e.child(at, path[depth])
	}
	if n != nowhere {
		e.walk(n, path, func(below int32, path jsondoc.Pointer) {
			if grants, revokes := e.said(below, who, set, asked, of, path); granted {
				reason.Below = append(reason.Below, revokes...)
			} else if e.grantedAt(below, who, set, asked) {
				reason.Below = append(reason.Below, grants...)
			}
		})
	}
	reason.LeftOut = e.leftOut(who, asked, of, path)
	if e.another() {
		for _, rules := range [][]Rule{reason.Here, reason.Below, reason.LeftOut} {
			for i := range rules {
				rules[i].Policy = e.id
			}
		}
	}
	return reason
}

// leftOut is the rules that would be about a path if they counted.
func (e *Enforcer) leftOut(who Subjects, what perm, of Resource, path jsondoc.Pointer) (out []Rule) {
	all := e.all
	if all == nil {
		all = e.entries
	}
	for _, entry := range all {
		elsewhere := e.all != nil && !slices.Contains(e.entries, entry)
		seen := map[string]bool{}
		for _, r := range entry.resources {
			at := flat(r.Path)
			n := min(len(at), len(path))
			if r.Resource != of || !slices.Equal(at[:n], path[:n]) || seen[at.String()] {
				continue
			}
			seen[at.String()] = true
			for _, effect := range []string{memberGrant, memberRevoke} {
				if elsewhere {
					for _, rule := range entry.rules(entry.subjects, who, effect, what, of, at) {
						rule.Why = "it counts only in " + strings.Join(entry.namespaces, ", ")
						out = append(out, rule)
					}
				}
				for _, s := range entry.expired {
					for _, rule := range entry.rules([]subjectOf{s}, who, effect, what, of, at) {
						rule.Why = "the subject expired at " + formatExpiry(s.Expiry)
						out = append(out, rule)
					}
				}
			}
		}
	}
	return out
}

// flat is a path with a level for each part of a name with slashes.
func flat(path jsondoc.Pointer) jsondoc.Pointer {
	out := make(jsondoc.Pointer, 0, len(path))
	for _, name := range path {
		for part := range strings.SplitSeq(name, "/") {
			if part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

// walk calls f for each node below one.
func (e *Enforcer) walk(n int32, path jsondoc.Pointer, f func(int32, jsondoc.Pointer)) {
	for _, kid := range e.kids[e.nodes[n].kids : e.nodes[n].kids+e.nodes[n].nKids] {
		path := append(slices.Clone(path), e.nodes[kid].name)
		f(kid, path)
		e.walk(kid, path, f)
	}
}

// said is what the rules of a node grant and revoke.
func (e *Enforcer) said(n int32, who Subjects, set entrySet, what perm, of Resource, path jsondoc.Pointer) (grants, revokes []Rule) {
	for _, r := range e.rules[e.nodes[n].rules:e.nodes[n].own] {
		if !set.has(r.entry) {
			continue
		}
		entry := e.entries[r.entry]
		if r.revoke&what != 0 {
			revokes = append(revokes, entry.rules(entry.subjects, who, memberRevoke, what, of, path)...)
		}
		if r.grant&what != 0 {
			grants = append(grants, entry.rules(entry.subjects, who, memberGrant, what, of, path)...)
		}
	}
	return grants, revokes
}

// rules is what an entry says at a place to those of the subjects, in words.
func (e *resolved) rules(subjects []subjectOf, who Subjects, effect string, what perm, of Resource, path jsondoc.Pointer) (out []Rule) {
	var to []string
	for _, s := range subjects {
		if slices.Contains(who, s.ID) {
			to = append(to, s.ID)
		}
	}
	if len(to) == 0 {
		return nil
	}
	for _, p := range e.resources {
		list := p.Grant
		if effect == memberRevoke {
			list = p.Revoke
		}
		if p.Resource != of || !slices.Equal(flat(p.Path), path) {
			continue
		}
		for _, permission := range list {
			if permOf(permission) == what {
				rule := Rule{Policy: p.from.policy, Entry: p.from.label, Subjects: to, Resource: p.Key(), Effect: effect, Permission: permission}
				if e.label != p.from.label {
					rule.Via = e.label
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
