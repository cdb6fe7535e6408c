package policy

import (
	"strings"
	"testing"
)

// Each row asks who may do what at a path: "whole" for the path and all below
// it, "some" for a part below it, "none" for nothing at all.
func TestGrantsAndRevokes(t *testing.T) {
	const owner = "u:owner has +RW thing:/; +RW policy:/; +RW message:/"
	for _, c := range []struct {
		name   string
		policy []string
		asks   []string
	}{
		{"a grant goes down", []string{"u:a has +R thing:/"}, []string{
			"u:a READ thing:/ whole", "u:a READ thing:/attributes/x/y whole",
			"u:a WRITE thing:/ none", "u:a EXECUTE thing:/ none", "u:a READ policy:/ none", "u:a READ message:/ none",
			"u:b READ thing:/ none", " READ thing:/ none"}},
		{"WRITE is not READ", []string{"u:a has +W thing:/"}, []string{"u:a READ thing:/ none", "u:a WRITE thing:/ whole"}},
		{"a revoke below a grant takes a part away", []string{"u:a has +RW thing:/; -R thing:/features/y/properties/city"}, []string{
			"u:a READ thing:/ some", "u:a READ thing:/features some", "u:a READ thing:/features/y some",
			"u:a READ thing:/features/y/properties/city none", "u:a READ thing:/features/y/properties/city/zip none",
			"u:a READ thing:/features/y/properties/other whole", "u:a READ thing:/features/x whole",
			"u:a READ thing:/attributes whole", "u:a WRITE thing:/ whole"}},
		{"a grant below gives a part only", []string{"u:a has +R thing:/attributes/x"}, []string{
			"u:a READ thing:/ some", "u:a READ thing:/attributes some", "u:a READ thing:/attributes/x whole",
			"u:a READ thing:/attributes/x/y whole", "u:a READ thing:/attributes/y none", "u:a READ thing:/features none"}},
		{"a grant below a revoke counts again", []string{"u:a has +R thing:/; -R thing:/features; +R thing:/features/x"}, []string{
			"u:a READ thing:/features some", "u:a READ thing:/features/x whole", "u:a READ thing:/features/y none", "u:a READ thing:/ some"}},
		{"also in another entry", []string{"u:a has +R thing:/", "u:a has -R thing:/features", "u:a has +R thing:/features/x"}, []string{
			"u:a READ thing:/features some", "u:a READ thing:/features/x whole", "u:a READ thing:/features/y none"}},
		{"at one place a revoke is stronger", []string{"u:a has +R thing:/attributes; -R thing:/attributes"}, []string{
			"u:a READ thing:/attributes none", "u:a READ thing:/ none"}},
		{"at one place a revoke of another entry is stronger", []string{"u:a has +R thing:/attributes", "u:a has -R thing:/attributes"}, []string{
			"u:a READ thing:/attributes none", "u:a READ thing:/ none"}},
		{"and the order of the entries does not count", []string{"u:a has -R thing:/attributes", "u:a has +R thing:/attributes"}, []string{
			"u:a READ thing:/attributes none"}},
		{"subjects of somebody count together", []string{"u:a has +R thing:/", "g:x has -R thing:/attributes/secret"}, []string{
			"u:a READ thing:/ whole", "g:x READ thing:/ none", "u:a,g:x READ thing:/ some",
			"u:a,g:x READ thing:/attributes/secret none", "u:a,g:x READ thing:/attributes/open whole"}},
		{"a revoke from a group, and a grant for the user at the same place", []string{"u:a has +R thing:/attributes", "g:x has -R thing:/attributes"}, []string{
			"u:a,g:x READ thing:/attributes none", "u:a,g:x READ thing:/attributes/y none"}},
		{"a part below that one subject has and another has not is a part all the same",
			[]string{"u:a has +R thing:/attributes/x", "g:x has -R thing:/attributes/x"}, []string{
				"u:a,g:x READ thing:/attributes/x none", "u:a,g:x READ thing:/ some"}},
		{"a grant for the user below a revoke from the group", []string{"g:x has -R thing:/attributes", "u:a has +R thing:/attributes/mine"}, []string{
			"u:a,g:x READ thing:/attributes some", "u:a,g:x READ thing:/attributes/mine whole"}},
		{"a revoke of what was not granted changes nothing", []string{"u:a has -R thing:/", "u:b has +R thing:/"}, []string{
			"u:b READ thing:/ whole", "u:a READ thing:/ none", "u:a,u:b READ thing:/ none"}},
		{"a revoke below, granted again at the same place to another subject, is still a revoke",
			[]string{"u:a has +W thing:/", "g:x has -W thing:/features/x", "u:a has +W thing:/features/x/properties"}, []string{
				"u:a,g:x WRITE thing:/features some", "u:a,g:x WRITE thing:/features/x some", "u:a,g:x WRITE thing:/features/x/properties whole"}},
		{"an entry without resources or subjects says nothing", []string{"u:a has ", " has +R thing:/"}, []string{"u:a READ thing:/ none"}},
		{"kinds of resources do not mix", []string{"u:a has +R policy:/entries; +W message:/inbox"}, []string{
			"u:a READ policy:/ some", "u:a READ policy:/entries/x whole", "u:a READ thing:/entries none", "u:a WRITE message:/inbox/messages/hi whole",
			"u:a WRITE message:/outbox none", "u:a WRITE message:/ some"}},
		{"EXECUTE is asked for by itself", []string{"u:a has +X policy:/entries/x/actions/activateTokenIntegration"}, []string{
			"u:a EXECUTE policy:/entries/x/actions/activateTokenIntegration whole", "u:a EXECUTE policy:/entries/y/actions/activateTokenIntegration none",
			"u:a READ policy:/entries/x none"}},
		{"other kinds of resources are asked for in the same way", []string{"u:a has +R lamp:/a"}, []string{"u:a READ lamp:/a/b whole", "u:a READ lamp:/ some"}},

		// The tables of basic-policy, "Which Resources can be controlled?".
		{"policy resources", []string{"u:a has +R policy:/", "u:b has +R policy:/policyId", "u:c has +R policy:/entries", "u:d has +R policy:/entries/X",
			"u:e has +R policy:/entries/X/subjects", "u:f has +R policy:/entries/X/subjects/n:Y", "u:g has +R policy:/entries/X/resources", "u:h has +R policy:/entries/X/resources/thing:/a"}, []string{
			"u:a READ policy:/entries/X/resources/thing:/a whole", "u:b READ policy:/policyId whole", "u:b READ policy:/entries none",
			"u:c READ policy:/entries/X/subjects whole", "u:c READ policy:/policyId none", "u:d READ policy:/entries/X/resources whole", "u:d READ policy:/entries/Y none",
			"u:e READ policy:/entries/X/subjects/n:Y whole", "u:e READ policy:/entries/X/resources none", "u:f READ policy:/entries/X/subjects/n:Y whole",
			"u:f READ policy:/entries/X/subjects/n:Z none", "u:f READ policy:/entries/X/subjects some", "u:g READ policy:/entries/X/resources/thing:/b whole",
			"u:h READ policy:/entries/X/resources/thing:/a whole", "u:h READ policy:/entries/X/resources/thing:/b none", "u:h READ policy:/entries/X/resources/thing:~1a whole"}},
		{"thing resources", []string{"u:a has +R thing:/thingId", "u:b has +RW thing:/policyId", "u:c has +R thing:/attributes", "u:d has +R thing:/attributes/tire/pressure"}, []string{
			"u:a READ thing:/thingId whole", "u:a READ thing:/attributes none", "u:b WRITE thing:/policyId whole", "u:c READ thing:/attributes/tire whole",
			"u:d READ thing:/attributes/tire some", "u:d READ thing:/attributes/tire/pressure/front whole", "u:d READ thing:/attributes/tire/size none"}},
		{"feature resources", []string{"u:a has +R thing:/features", "u:b has +R thing:/features/X", "u:c has +R thing:/features/X/properties",
			"u:d has +R thing:/features/X/properties/tire/pressure", "u:e has +R thing:/features/X/desiredProperties", "u:f has +R thing:/features/X/desiredProperties/Y"}, []string{
			"u:a READ thing:/features/X/properties/Y whole", "u:b READ thing:/features/X/desiredProperties whole", "u:b READ thing:/features/Y none",
			"u:c READ thing:/features/X/properties/Y whole", "u:c READ thing:/features/X/desiredProperties none", "u:c READ thing:/features/X some",
			"u:d READ thing:/features/X/properties/tire/pressure whole", "u:d READ thing:/features/X/properties/tire/size none",
			"u:e READ thing:/features/X/desiredProperties/Y whole", "u:e READ thing:/features/X/properties/Y none", "u:f READ thing:/features/X/desiredProperties/Y/z whole"}},
		{"message resources", []string{"u:a has +RW message:/", "u:b has +W message:/inbox", "u:c has +W message:/inbox/messages/X", "u:d has +R message:/outbox",
			"u:e has +R message:/outbox/messages/X", "u:f has +W message:/features", "u:g has +W message:/features/Y", "u:h has +W message:/features/Y/inbox",
			"u:i has +W message:/features/Y/inbox/messages/X", "u:j has +R message:/features/Y/outbox/messages/X"}, []string{
			"u:a WRITE message:/features/Y/inbox/messages/X whole", "u:b WRITE message:/inbox/messages/X whole", "u:b WRITE message:/features/Y/inbox/messages/X none",
			"u:c WRITE message:/inbox/messages/X whole", "u:c WRITE message:/inbox/messages/Z none", "u:d READ message:/outbox/messages/X whole", "u:d WRITE message:/inbox none",
			"u:e READ message:/outbox/messages/X whole", "u:e READ message:/outbox/messages/Y none", "u:f WRITE message:/features/Y/inbox/messages/X whole", "u:f WRITE message:/inbox none",
			"u:g WRITE message:/features/Y/inbox/messages/X whole", "u:g WRITE message:/features/Z/inbox none", "u:h WRITE message:/features/Y/inbox/messages/X whole",
			"u:h READ message:/features/Y/outbox/messages/X none", "u:i WRITE message:/features/Y/inbox/messages/X whole", "u:i WRITE message:/features/Y/inbox/messages/Z none",
			"u:j READ message:/features/Y/outbox/messages/X whole"}},
		{"the example at the page's end", []string{owner, "n:observer, n:users has +R thing:/features/featureX; +R thing:/features/featureY",
			"n:users has -R thing:/features/featureX/properties/location/city"}, []string{
			"u:owner READ thing:/ whole", "u:owner WRITE policy:/ whole", "u:owner WRITE message:/ whole",
			"n:observer READ thing:/features/featureX whole", "n:observer READ thing:/features/featureX/properties/location/city whole", "n:observer READ thing:/attributes none",
			"n:users READ thing:/features/featureX some", "n:users READ thing:/features/featureX/properties/location/city none",
			"n:users READ thing:/features/featureX/properties/location/street whole", "n:users READ thing:/features/featureY whole",
			"n:users,n:observer READ thing:/features/featureX/properties/location/city none", "n:users WRITE thing:/features/featureY none"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := enforcer(t, c.policy...)
			for _, ask := range c.asks {
				f := strings.Split(ask, " ")
				var who Subjects
				if f[0] != "" {
					who = strings.Split(f[0], ",")
				}
				of, path, err := ParseResource(f[2])
				if err != nil {
					t.Fatal(err)
				}
				got := "none"
				if e.Whole(who, Permission(f[1]), of, path) {
					got = "whole"
					if !e.Some(who, Permission(f[1]), of, path) {
						t.Errorf("%s: all of it, but no part", ask)
					}
				} else if e.Some(who, Permission(f[1]), of, path) {
					got = "some"
				}
				if got != f[3] {
					t.Errorf("%s: got %s; %s", ask, got, e.Explain(who, Permission(f[1]), of, path))
				}
			}
		})
	}
}

func TestNobodyAllowsNothing(t *testing.T) {
	who := Subjects{"u:a", ""}
	for _, what := range []Permission{Read, Write, Execute, "", "OTHER"} {
		for _, of := range []Resource{Thing, Policy, Message, ""} {
			if Nobody.Whole(who, what, of, nil) || Nobody.Some(who, what, of, pointer(t, "/a")) {
				t.Errorf("%s %s", what, of)
			}
		}
	}
	if v, any := Nobody.View(who, Thing, nil, parsed(t, `{"a":{}}`)); any || v != nil {
		t.Error(v)
	}
	if Nobody.ViewKey(who, Thing) != "" || Nobody.For("a") != Nobody || Nobody.ID() != "" || len(Nobody.Sources()) != 0 {
		t.Error("Nobody is somebody")
	}
}

func TestKindsThatAreNoneAreNotGranted(t *testing.T) {
	e := enforcer(t, "u:a has +R thing:/; +R policy:/entries")
	who := Subjects{"u:a"}
	for _, of := range []Resource{"", "/", "thing/", "policy/entries", "things", "THING"} {
		if e.Whole(who, Read, of, nil) || e.Some(who, Read, of, nil) || e.ViewKey(who, of) != "" {
			t.Errorf("%q", of)
		}
		if v, any := e.View(who, of, nil, parsed(t, `{"thing":1}`)); any {
			t.Errorf("%q: %s", of, v)
		}
	}
}

func TestPermissionsThatAreNoneAreNotGranted(t *testing.T) {
	e := enforcer(t, "u:a has +RWX thing:/")
	for _, what := range []Permission{"", "read", "ALL", "READ,WRITE"} {
		if e.Whole(Subjects{"u:a"}, what, Thing, nil) || e.Some(Subjects{"u:a"}, what, Thing, nil) {
			t.Errorf("%q", what)
		}
	}
}
