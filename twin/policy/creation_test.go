package policy

import "testing"

func TestWhoMayMakeWhat(t *testing.T) {
	things, policies := []Resource{Thing}, []Resource{Policy}
	models := "https://acme.example/models/"
	// The first four are those of Ditto's own tests.
	restricted := &Creation{Grant: []CreationRule{
		{Resources: policies, Namespaces: []string{"some-ns-*"}},
		{Resources: things, Subjects: []string{"keycloak:some-admin"}},
	}}
	byDefinition := &Creation{Grant: []CreationRule{
		{Resources: things, Namespaces: []string{"free"}, Definitions: []string{"", models + "*"}},
		{Namespaces: []string{"bound"}, Definitions: []string{models + "lamp-?"}},
	}}
	but := &Creation{Grant: []CreationRule{{}}, Revoke: []CreationRule{
		{Namespaces: []string{"org.acme.plant", "org.?cme"}},
		{Subjects: []string{"group:guests"}, Resources: policies},
	}}
	const none = "no rule of 'creation.grant' lets the sender make "
	for name, c := range map[string]struct {
		by     *Creation
		making Making
		who    Subjects
		want   string
	}{
		"all may":                             {&Creation{Grant: []CreationRule{{}}}, Making{Thing, "a", ""}, Subjects{"user:ann"}, ""},
		"nobody may":                          {&Creation{}, Making{Thing, "a", ""}, Subjects{"user:ann"}, none + "Things in the namespace 'a'"},
		"a Policy elsewhere":                  {restricted, Making{Policy, "ns1", ""}, Subjects{"keycloak:some-admin"}, none + "Policies in the namespace 'ns1'"},
		"a Thing by an admin":                 {restricted, Making{Thing, "ns1", ""}, Subjects{"keycloak:some-admin"}, ""},
		"a Policy by a user":                  {restricted, Making{Policy, "some-ns-1", ""}, Subjects{"keycloak:some-user"}, ""},
		"a Thing by a user":                   {restricted, Making{Thing, "some-ns-1", ""}, Subjects{"keycloak:some-user"}, none + "Things in the namespace 'some-ns-1'"},
		"any of the sender's subjects counts": {restricted, Making{Thing, "x", ""}, Subjects{"a:b", "keycloak:some-admin"}, ""},
		"case counts":                         {restricted, Making{Thing, "x", ""}, Subjects{"keycloak:Some-admin"}, none + "Things in the namespace 'x'"},
		"a pattern is for all of the text":    {restricted, Making{Policy, "x.some-ns-1", ""}, nil, none + "Policies in the namespace 'x.some-ns-1'"},
		"no subjects":                         {restricted, Making{Thing, "x", ""}, nil, none + "Things in the namespace 'x'"},
		"an allowed definition":               {byDefinition, Making{Thing, "free", models + "lamp.json"}, nil, ""},
		"no definition where that is said":    {byDefinition, Making{Thing, "free", ""}, nil, ""},
		"another definition":                  {byDefinition, Making{Thing, "free", "a:b:1"}, nil, none + "Things with that definition in the namespace 'free'"},
		"a definition is due":                 {byDefinition, Making{Thing, "bound", ""}, nil, none + "Things without a definition in the namespace 'bound'"},
		"one character":                       {byDefinition, Making{Thing, "bound", models + "lamp-1"}, nil, ""},
		"two for one character":               {byDefinition, Making{Thing, "bound", models + "lamp-12"}, nil, none + "Things with that definition in the namespace 'bound'"},
		"a Policy has no definition":          {byDefinition, Making{Policy, "bound", ""}, nil, ""},
		"not revoked":                         {but, Making{Thing, "org.acmes", ""}, Subjects{"group:guests"}, ""},
		"revoked by the namespace":            {but, Making{Thing, "org.acme", ""}, Subjects{"user:ann"}, "'creation.revoke[0]' forbids the sender to make Things in the namespace 'org.acme'"},
		"revoked by the subject":              {but, Making{Policy, "a", ""}, Subjects{"user:ann", "group:guests"}, "'creation.revoke[1]' forbids the sender to make Policies in the namespace 'a'"},
	} {
		if got := c.by.Refuses(&c.making, c.who); got != c.want {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
}
