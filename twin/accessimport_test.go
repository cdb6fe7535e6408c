package twin

import (
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/policy"
)

// What a Policy made with a Thing imports and refers to, its maker must be
// allowed to READ, as of a Policy that is made by itself.
func TestAPolicyMadeWithAThingImportsOnlyWhatItsMakerMayRead(t *testing.T) {
	w := newWorld(t, Options{})
	w.provision("org.acme:secret", `{"X":{"subjects":{"user:hidden":{"type":"x"}},"resources":{"thing:/hidden":`+ro+`}}}`)
	w.provision("org.acme:open", everything("user:ann"))
	importing := func(id, more string) string {
		return `{"imports":{"` + id + `":{}},"entries":{"OWN":{"subjects":{"user:ann":{"type":"x"}},"resources":{"thing:/":` + rw + `,"policy:/":` + rw + `}}` + more + `}}`
	}
	w.force("org.acme:copied", strings.Replace(importing("org.acme:secret", ""), "{", `{"policyId":"org.acme:copied",`, 1))
	referring := importing("org.acme:secret", `,"REF":{"references":[{"import":"org.acme:secret","entry":"X"}]}`)
	for _, c := range []struct{ name, value, want string }{
		{"inline", `{"_policy":` + importing("org.acme:secret", "") + `}`, "policies:policy.notfound"},
		{"inline, with a reference", `{"_policy":` + referring + `}`, "policies:policy.notfound"},
		{"inline, of what is not there", `{"_policy":` + importing("org.acme:none", "") + `}`, "policies:policy.notfound"},
		{"a copy", `{"_copyPolicyFrom":"org.acme:copied"}`, "policies:policy.notfound"},
		{"inline, of what may be read", `{"_policy":` + importing("org.acme:open", "") + `}`, ""},
	} {
		id := "org.acme:" + strings.NewReplacer(" ", "-", ",", "").Replace(c.name)
		o := w.send(command(id, "create", "/", c.value))
		got := ""
		if o.Err != nil {
			got = o.Err.Code
		}
		if got != c.want {
			t.Errorf("%s: %v", c.name, o.Err)
		}
		if (w.policy(id) != "") != (c.want == "") {
			t.Errorf("%s: %s", c.name, w.policy(id))
		}
	}
	o := w.as("admin", command("org.acme:by-admin", "create", "/", `{"_policy":`+referring+`}`))
	if o.Err != nil || !o.Overruled {
		t.Errorf("an administrator: %v, %v", o.Err, o.Overruled)
	}
}

// In the resolved view each piece is shown to who may READ it where it is
// written, by whatever way it came.
func TestTheResolvedViewShowsNothingOfOthersThatMayNotBeRead(t *testing.T) {
	w := newWorld(t, Options{})
	readable := `"SELF":{"subjects":{"user:bob":{"type":"x"}},"resources":{"policy:/":` + ro + `},"importable":"never"}`
	secret := `"X":{"subjects":{"user:hidden":{"type":"x"}},"resources":{"thing:/hidden":` + ro + `}}`
	w.provision("org.acme:a", `{`+readable+`}`)
	w.provision("org.acme:a-b", `{`+secret+`}`)
	w.provision("org.acme:far", `{`+secret+`}`)
	w.force("org.acme:near", `{"policyId":"org.acme:near","imports":{"org.acme:far":{}},"entries":{`+readable+`}}`)
	w.force("org.acme:view", `{"policyId":"org.acme:view","imports":{"org.acme:a":{},"org.acme:a-b":{},"org.acme:near":{"transitiveImports":["org.acme:far"]}},"entries":{`+
		readable+`,"REF":{"subjects":{"user:known":{"type":"x"}},"references":[{"import":"org.acme:a-b","entry":"X"}]}}}`)
	if a, err := w.PolicyAccess("org.acme:view"); err != nil || !strings.Contains(a.Resolved().String(), "imported-org.acme:near-imported-org.acme:far-X") {
		t.Fatalf("it does not come to what this is about: %v", err)
	}
	for range 20 { // the order of maps is another each time
		o := w.being("user:bob").send(policyCommand("org.acme:view", "retrieve", "/", "", `"policy-view":"resolved"`))
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		got := o.Response.Value.String()
		if strings.Contains(got, "hidden") || !strings.Contains(got, "user:known") {
			t.Fatal(got)
		}
	}
	o := w.as("admin", policyCommand("org.acme:view", "retrieve", "/", "", `"policy-view":"resolved"`))
	if o.Err != nil || strings.Count(o.Response.Value.String(), "user:hidden") != 3 || !o.Overruled {
		t.Errorf("an administrator: %v %s", o.Err, text(o.Response.Value))
	}
}

// Who makes a Policy that counts for a whole namespace would let himself into
// it.
func TestAPolicyOfANamespaceIsMadeByAdministrators(t *testing.T) {
	w := newWorld(t, Options{NamespacePolicies: policy.Roots{"org.*": {"org.root:all"}}})
	const refused = "policies:policy.notcreatable"
	w.must("org.acme:other", "create", "/", `{}`)
	inline := everything("user:ann")
	for name, envelope := range map[string]string{
		"by itself":                   policyCommand("org.root:all", "create", "/", `{"entries":`+inline+`}`, ""),
		"by itself, modified":         policyCommand("org.root:all", "modify", "/", `{"entries":`+inline+`}`, `"allow-policy-lockout":true`),
		"with a Thing":                command("org.acme:t", "create", "/", `{"_policy":{"policyId":"org.root:all","entries":`+inline+`}}`),
		"with a Thing of that ID":     command("org.root:all", "create", "/", `{}`),
		"as a copy":                   command("org.acme:t", "create", "/", `{"policyId":"org.root:all","_copyPolicyFrom":"org.acme:other"}`),
		"with a merge of a new Thing": command("org.root:all", "merge", "/", `{"attributes":{}}`),
	} {
		if o := w.send(envelope); o.Err == nil || o.Err.Code != refused {
			t.Errorf("%s: %v", name, o.Err)
		}
	}
	if o := w.as("admin user:boss", policyCommand("org.root:all", "create", "/", `{"entries":`+inline+`}`, "")); o.Err == nil {
		t.Error("only a name makes nobody an administrator")
	}
	if o := w.as("admin", policyCommand("org.root:all", "create", "/", `{"entries":`+inline+`}`, "")); o.Err != nil || !o.Overruled {
		t.Errorf("an administrator: %v", o.Err)
	}
	w.mustPolicy("org.root:all", "modify", "/entries/more", `{}`)
}

// No event tells of a Policy that is made with a Thing, so the outcome does.
func TestAnOutcomeNamesThePoliciesThatWereMade(t *testing.T) {
	w := newWorld(t, Options{})
	if o := w.must("org.acme:t", "create", "/", `{}`); len(o.Policies) != 1 || o.Policies[0].Topic.EntityID() != "org.acme:t" {
		t.Errorf("%v", o.Policies)
	}
	if o := w.must("org.acme:u", "create", "/", `{"policyId":"org.acme:t"}`); len(o.Policies) != 0 {
		t.Errorf("%v", o.Policies)
	}
	if o := w.send(command("org.acme:v", "create", "/", `{"_policy":{"entries":`+everything("user:bob")+`}}`)); o.Err == nil || len(o.Policies) != 0 {
		t.Errorf("refused: %v", o.Policies)
	}
}

// Who makes anew what a deleted Policy imported could not write that one before.
func TestWhatADeletedPolicyImportedLetsNobodyMakeItAnew(t *testing.T) {
	w := newWorld(t, Options{})
	w.mustPolicy("org.acme:base", "create", "/", `{"entries":`+everything("user:ann")+`}`)
	w.mustPolicy("org.acme:own", "create", "/", `{"imports":{"org.acme:base":{}},"entries":`+everything("user:ann")+`}`)
	w.must("org.acme:t", "create", "/", `{"policyId":"org.acme:own"}`)
	w.mustPolicy("org.acme:own", "delete", "/", "")
	w.mustPolicy("org.acme:base", "delete", "/", "")
	bob := w.being("user:bob")
	bob.mustPolicy("org.acme:base", "create", "/", `{"entries":`+everything("user:bob")+`}`)
	envelope := policyCommand("org.acme:own", "create", "/", `{"entries":`+everything("user:bob")+`}`, "")
	if o := bob.send(envelope); o.Err == nil || o.Err.Code != "policies:policy.notcreatable" {
		t.Errorf("%v", o.Err)
	}
	if o := w.send(policyCommand("org.acme:own", "create", "/", `{"entries":`+everything("user:ann")+`}`, "")); o.Err != nil {
		t.Errorf("who could: %v", o.Err)
	}
}
