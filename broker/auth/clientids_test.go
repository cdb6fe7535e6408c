package auth

import (
	"context"
	"slices"
	"strings"
	"testing"
)

func TestWhichIdentifiersClientsMayHave(t *testing.T) {
	users := usersFile(t, "ann:"+cheap("x")+":ops", "a*b:"+cheap("x"), "root:"+cheap("x")+":admins", "Bob Öz:"+cheap("x"))
	of := func(more ...IDRule) Settings {
		return Settings{UsersFile: users, AdminSubjects: []string{"group:admins"}, Anonymous: []string{"anonymous:some"}, ClientIDs: more}
	}
	all := func(ids ...string) IDRule { return IDRule{IDs: ids} }
	own := of(all("{{ client:username }}", "{{client:username}}:*"))
	for _, test := range []struct {
		name     string
		settings Settings
		user, id string
		want     bool
	}{
		{"without rules any", of(), "ann", "lamp-1", true},
		{"without rules any, of nobody", of(), "", "lamp-1", true},
		{"the name", own, "ann", "ann", true},
		{"the name and more", own, "ann", "ann:phone", true},
		{"the name and a sign", own, "ann", "ann:", true},
		{"more without the sign", own, "ann", "ann-phone", false},
		{"something before the name", own, "ann", "xann", false},
		{"another's name", own, "ann", "bob", false},
		{"the name in other letters", own, "ann", "Ann", false},
		{"a name with a star", own, "a*b", "a*b", true},
		{"a star in a name is no star", own, "a*b", "axxb", false},
		{"a star in a name is no star before another", own, "a*b", "axb:1", false},
		{"a name with a space and more", own, "Bob Öz", "Bob Öz:1", true},
		{"nobody has a name", own, "", "ann", false},
		{"nobody has no name either", own, "", ":phone", false},
		{"an identifier that the broker makes up", own, "ann", "", true},
		{"an identifier that the broker makes up for nobody", own, "", "", true},
		{"an administrator", own, "root", "ann", true},
		{"a text", of(all("lamp-1")), "ann", "lamp-1", true},
		{"a text is not its beginning", of(all("lamp-1")), "ann", "lamp-10", false},
		{"all", of(all("*")), "", "x", true},
		{"stars", of(all("a*b*c")), "ann", "abbbc", true},
		{"stars that overlap", of(all("ab*ba")), "ann", "aba", false},
		{"stars in turn", of(all("a*x*b")), "ann", "a1b2xb", true},
		{"stars in another turn", of(all("a*x*y*b")), "ann", "ayxb", false},
		{"functions", of(all("{{ client:username | fn:upper() }}-*")), "ann", "ANN-1", true},
		{"a star in a function", of(all("{{ client:username | fn:replace('*','-') }}")), "a*b", "a-b", true},
		{"a subject's", of(IDRule{Subjects: []string{"group:x", "group:ops"}, IDs: []string{"console"}}), "ann", "console", true},
		{"a subject's, of another", of(IDRule{Subjects: []string{"group:x"}, IDs: []string{"console"}}), "ann", "console", false},
		{"any of several rules", of(all("x"), IDRule{Subjects: []string{"anonymous:some"}, IDs: []string{"guest-*"}}), "", "guest-1", true},
		{"none of several rules", of(all("x"), IDRule{Subjects: []string{"anonymous:some"}, IDs: []string{"guest-*"}}), "ann", "guest-1", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := loaded(t, test.settings)
			r := &Request{Remote: "192.0.2.1:1"}
			if test.user != "" {
				r = asUser(test.user, "x")
			}
			r.ClientID = test.id
			id, refused := a.Connect(context.Background(), r)
			if (refused == nil) != test.want || refused != nil && refused.Code != CodeBadClientID {
				t.Fatalf("%+v", refused)
			}
			if byAdmin := id != nil && a.IDByAdmin(id); byAdmin != (test.user == "root") {
				t.Errorf("as an administrator: %v", byAdmin)
			}
		})
	}
}

func TestAnIdentifierThatWasGivenStays(t *testing.T) {
	users := usersFile(t, "ann:"+cheap("x"))
	a := loaded(t, Settings{UsersFile: users})
	r := asUser("ann", "x")
	r.ClientID = "lamp"
	chosen, refused := a.Connect(context.Background(), r)
	if refused != nil {
		t.Fatal(refused)
	}
	r.OwnID = func(proof string) bool { return proof == "user:ann" }
	given, refused := a.Connect(context.Background(), r)
	if refused != nil {
		t.Fatal(refused)
	}
	if err := a.Load(Settings{UsersFile: users, ClientIDs: []IDRule{{IDs: []string{"{{ client:username }}"}}}}); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.Again(chosen); ok {
		t.Error("a client with an identifier that no rule gives it is still let in")
	}
	if _, ok := a.Again(given); !ok {
		t.Error("a client with an identifier that the broker gave it is not let in any more")
	}
	if id, refused := a.Connect(context.Background(), r); refused != nil || id.ChosenID != "" {
		t.Errorf("it cannot come back: %+v", refused)
	}
}

func TestRulesForIdentifiersThatDoNothing(t *testing.T) {
	users, mistakes, err := ReadUsers(usersFile(t, "ann:"+cheap("x")+":ops", "ann-2:"+cheap("x"), "bob:"+cheap("x")))
	if err != nil || len(mistakes) > 0 {
		t.Fatal(mistakes, err)
	}
	for _, test := range []struct {
		rule   IDRule
		want   string // of a problem, "" none
		shared bool   // between ann and ann-2
	}{
		{IDRule{IDs: []string{"{{ client:username }}", "x-*"}}, "", false},
		{IDRule{IDs: []string{"{{ client:username }}-*"}}, "", true},
		{IDRule{IDs: []string{"{{client:username}}*"}}, "", true},
		{IDRule{Subjects: []string{"group:ops"}, IDs: []string{"{{ client:username }}-*"}}, "", true},
		{IDRule{Subjects: []string{"user:bob"}, IDs: []string{"{{ client:username }}-*"}}, "", false},
		{IDRule{IDs: []string{"{{ client:username }}:*"}}, "", false},
		{IDRule{}, "client_ids[0].ids: is missing", false},
		{IDRule{IDs: []string{""}}, "client_ids[0].ids[0]: is empty", false},
		{IDRule{IDs: []string{"{{ client:id }}"}}, "client_ids[0].ids[0]: ", false},
		{IDRule{IDs: []string{"x", "{{ x"}}, "client_ids[0].ids[1]: ", false},
		{IDRule{IDs: []string{"user:*"}}, "client_ids[0].ids[0]: warning: \"user:*\" never fits", false},
		{IDRule{Subjects: []string{"group:a", "acme:x"}, IDs: []string{"x"}}, "client_ids[0].subjects[1]: warning: \"acme:x\" is a subject that no client can have", false},
	} {
		s := Settings{UsersFile: "x", ClientIDs: []IDRule{test.rule}}
		var told []string
		for _, p := range s.Check() {
			text := p.Key + ": "
			if p.Warning {
				text += "warning: "
			}
			told = append(told, text+p.Text)
		}
		if test.want == "" && len(told) > 0 || test.want != "" && !slices.ContainsFunc(told, func(s string) bool { return strings.HasPrefix(s, test.want) }) {
			t.Errorf("%+v: %q, want %q", test.rule, told, test.want)
		}
		if got := s.SharedIDs(users); strings.Contains(got, `user "ann" have identifiers that begin with the name of the user "ann-2"`) != test.shared || (got != "") != test.shared {
			t.Errorf("%+v: %q", test.rule, got)
		}
	}
	nameless := Settings{Anonymous: []string{"a:b"}, ClientIDs: []IDRule{{IDs: []string{"{{ client:username }}"}}}}
	if p := nameless.Check(); len(p) != 1 || !p[0].Warning || !strings.Contains(p[0].Text, "no client proves a user name") {
		t.Errorf("%+v", p)
	}
}
