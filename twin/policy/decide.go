package policy

import (
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// entrySet is a set of entries.
type entrySet []uint64

// setRoom is room for the set of entries that somebody is in.
type setRoom [16]uint64

// of is the set of entries that have one of the subjects.
func (e *Enforcer) of(who Subjects, room *setRoom) entrySet {
	words := (len(e.entries) + 63) / 64
	set := entrySet(room[:])
	if words > len(set) {
		set = make(entrySet, words)
	}
	set = set[:words]
	for _, subject := range who {
		for _, entry := range e.subjects[subject] {
			set[entry>>6] |= 1 << (entry & 63)
		}
	}
	return set
}

func (s entrySet) has(entry int32) bool { return s[entry>>6]&(1<<(entry&63)) != 0 }

// at is whether the permission is granted at a node, when above it is or not.
func (e *Enforcer) at(n int32, set entrySet, what perm, above bool) bool {
	for _, r := range e.rules[e.nodes[n].rules:e.nodes[n].own] {
		if !set.has(r.entry) {
			continue
		}
		if r.revoke&what != 0 {
			return false
		}
		above = above || r.grant&what != 0
	}
	return above
}

// find walks to a path: the node there, if any, and whether the permission is
// granted.
func (e *Enforcer) find(set entrySet, what perm, of Resource, path jsondoc.Pointer) (int32, bool) {
	n := e.child(0, string(of))
	if n == nowhere {
		return nowhere, false
	}
	granted := e.at(n, set, what, false)
	for _, name := range path {
		if n == nowhere {
			break
		}
		n, granted = e.step(n, set, what, name, granted)
	}
	return n, granted
}

// step goes down by a member's name. In a name with slashes each part is a
// level of its own: so "policy:/entries/a/resources/thing:/features" is about
// the member "thing:/features" of the resources.
func (e *Enforcer) step(n int32, set entrySet, what perm, name string, granted bool) (int32, bool) {
	for more := true; more && n != nowhere; {
		part := name
		if i := strings.IndexByte(name, '/'); i >= 0 {
			part, name = name[:i], name[i+1:]
		} else {
			more = false
		}
		if part == "" {
			continue
		}
		if n = e.child(n, part); n != nowhere {
			granted = e.at(n, set, what, granted)
		}
	}
	return n, granted
}

// Whole says whether the permission is granted at the path and for all below
// it: it is not revoked at any place below, not even where it is granted again
// (Ditto: unrestricted permissions).
func (e *Enforcer) Whole(who Subjects, what Permission, of Resource, path jsondoc.Pointer) bool {
	var room setRoom
	set, asked := e.of(who, &room), permOf(what)
	n, granted := e.find(set, asked, of, path)
	if !granted || n == nowhere {
		return granted
	}
	for _, r := range e.below(n) {
		if r.revoke&asked != 0 && set.has(r.entry) {
			return false
		}
	}
	return true
}

// Some says whether the permission is granted at the path, or somewhere below
// it to one of the subjects (Ditto: partial permissions). As there, what one
// subject is granted below the path counts, also where it is revoked from
// another.
func (e *Enforcer) Some(who Subjects, what Permission, of Resource, path jsondoc.Pointer) bool {
	var room setRoom
	set, asked := e.of(who, &room), permOf(what)
	n, granted := e.find(set, asked, of, path)
	if granted || n == nowhere {
		return granted
	}
	for below := n + 1; below < e.nodes[n].end; below++ {
		if e.grantedAt(below, who, set, asked) {
			return true
		}
	}
	return false
}

// grantedAt says whether one of the subjects is granted the permission at a
// node, and it is not revoked from the same one there.
func (e *Enforcer) grantedAt(n int32, who Subjects, set entrySet, what perm) bool {
	var grant, revoke bool
	own := e.rules[e.nodes[n].rules:e.nodes[n].own]
	for _, r := range own {
		if set.has(r.entry) {
			grant = grant || r.grant&what != 0
			revoke = revoke || r.revoke&what != 0
		}
	}
	if !grant || !revoke {
		return grant
	}
	for _, subject := range who {
		in := e.subjects[subject]
		grant, revoke = false, false
		for _, r := range own {
			if _, is := slices.BinarySearch(in, r.entry); is {
				grant = grant || r.grant&what != 0
				revoke = revoke || r.revoke&what != 0
			}
		}
		if grant && !revoke {
			return true
		}
	}
	return false
}
