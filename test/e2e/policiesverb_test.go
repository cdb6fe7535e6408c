package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// keysPolicy lets ann do all and bob read what is not secret.
const keysPolicy = `{"entries":{
  "OWNER":{"subjects":{"user:ann":{"type":"by hand"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}},
  "GUEST":{"subjects":{"user:bob":{"type":"by hand"}},"resources":{"thing:/features":{"grant":["READ"],"revoke":[]},"thing:/features/secret":{"grant":[],"revoke":["READ"]}}}}}`

func TestPoliciesAreReadWrittenAndExplainedByAVerb(t *testing.T) {
	t.Parallel()
	users := harness.WriteFile(t, "users", "")
	for _, user := range []string{"ann", "bob"} {
		passwd(t, users, user, "secret-of-"+user)
	}
	b := harness.Start(t, harness.Options{Config: "auth: {users_file: " + users + "}\n"})
	url := "mqtt://" + b.MQTT()
	as := func(user string, args ...string) harness.Result {
		t.Helper()
		return harness.RunWith(t, []string{"TWINBROKER_PASSWORD=secret-of-" + user}, "", append(args, "--url", url, "--user", user)...)
	}
	file := harness.WriteFile(t, "keys.json", keysPolicy)
	for _, step := range []struct {
		user     string
		args     []string
		out, err string // what standard output is, or ends with after "…"; what standard error has in it
	}{
		{"ann", []string{"policies", "put", "org.acme:keys", "@" + file}, "created org.acme:keys\n", ""},
		{"ann", []string{"things", "put", "org.acme:lamp", `{"policyId":"org.acme:keys","features":{"lamp":{"properties":{"on":true}},"secret":{"properties":{"k":1}}}}`}, "created org.acme:lamp\n", ""},
		{"ann", []string{"policies", "put", "org.acme:keys", "/entries/GUEST/subjects/user:eve", `{"type":"too"}`}, "created org.acme:keys /entries/GUEST/subjects/user:eve\n", ""},
		{"ann", []string{"policies", "get", "org.acme:keys", "/entries/GUEST/subjects", "-o", "json"}, `{"user:bob":{"type":"by hand"},"user:eve":{"type":"too"}}` + "\n", ""},
		{"ann", []string{"policies", "delete", "org.acme:keys", "/entries/GUEST/subjects/user:eve"}, "deleted org.acme:keys /entries/GUEST/subjects/user:eve\n", ""},
		{"bob", []string{"policies", "get", "org.acme:keys"}, "", "policies:policy.notfound"},
		{"bob", []string{"policies", "delete", "org.acme:keys"}, "", "policies:policy.notmodifiable"},
		{"ann", []string{"policies", "check", "org.acme:lamp", "thing:/features", "--subject", "user:bob", "--permission", "read"},
			"READ thing:/features: partly\n" +
				"  entry 'GUEST' of Policy 'org.acme:keys' grants READ on thing:/features to user:bob\n" +
				"  entry 'GUEST' of Policy 'org.acme:keys' revokes READ on thing:/features/secret from user:bob\n", ""},
		{"ann", []string{"policies", "check", "org.acme:keys", "policy:/", "--policy", "--subject", "user:bob", "--permission", "WRITE"},
			"WRITE policy:/: no\n  no entry of Policy 'org.acme:keys' says anything about it to user:bob\n", ""},
		{"ann", []string{"policies", "check", "org.acme:lamp", "thing:/", "--subject", "eve", "--permission", "READ"},
			"READ thing:/: no\n  no entry of Policy 'org.acme:keys' says anything about it to eve\n" +
				"  'eve' has no prefix: users are user:eve, groups group:eve\n", ""},
		{"ann", []string{"policies", "check", "--subscribe", "ditto/org.acme/+/things/twin/events/#", "--subject", "user:bob"},
			"partly: org.acme:lamp (Policy org.acme:keys)\n" +
				"  not /policyId: no entry of Policy 'org.acme:keys' says anything about it to user:bob\n" +
				"  not /features/secret: entry 'GUEST' of Policy 'org.acme:keys' revokes READ on thing:/features/secret from user:bob\n", ""},
		{"ann", []string{"policies", "check", "--subscribe", "ditto/#", "--subject", "user:eve"},
			"nothing: org.acme:lamp (Policy org.acme:keys)\n  no entry of Policy 'org.acme:keys' says anything about it to user:eve\n", ""},
		{"ann", []string{"policies", "check", "--subscribe", "ditto/org.acme/lamp/#", "--subject", "user:ann"}, "all: org.acme:lamp (Policy org.acme:keys)\n", ""},
		{"ann", []string{"policies", "check", "--subscribe", "ditto/org.other/#", "--subject", "user:ann"}, "no Thing that you may READ is reached by ditto/org.other/#\n", ""},
		{"ann", []string{"policies", "check", "--subscribe", "plant/#", "--subject", "user:ann"}, "", "-c"},
		{"ann", []string{"policies", "check", "org.acme:lamp", "things:/", "--subject", "user:ann"}, "", `"things:/" is no resource`},
		{"ann", []string{"policies", "check", "org.acme:lamp"}, "", "--subject is needed"},
		{"ann", []string{"policies", "check", "org.acme:keys", "--subject", "user:ann"}, "", "--policy"},
		{"ann", []string{"policies", "put", "org.acme:keys", `{"entries":{}}`}, "", "policies:policy.modificationinvalid"},
	} {
		r := as(step.user, step.args...)
		if r.Stdout != step.out || !strings.Contains(r.Stderr, step.err) || (r.Code == 0) != (step.err == "") {
			t.Errorf("%s: %v\nstatus %d\n%s%s\nwant %s%s", step.user, step.args, r.Code, r.Stdout, r.Stderr, step.out, step.err)
		}
	}

	r := as("ann", "policies", "check", "org.acme:lamp", "--subject", "user:bob", "-o", "json")
	var answers []struct {
		Policy, Resource, Permission, Granted string
		Why                                   []string
	}
	if err := json.Unmarshal([]byte(r.Stdout), &answers); err != nil || len(answers) != 7 || answers[0].Granted != "partly" || len(answers[0].Why) == 0 {
		t.Errorf("as JSON: %v: %s%s", err, r.Stdout, r.Stderr)
	}
}

func TestRulesForTopicsAreExplainedByAVerb(t *testing.T) {
	t.Parallel()
	users := harness.WriteFile(t, "users", "")
	passwd(t, users, "ann", "secret-of-ann")
	file := harness.WriteFile(t, "config.yaml", "auth: {users_file: "+users+"}\nacl:\n"+
		"  - {subjects: [\"group:ops\"], publish: [\"plant/#\"], subscribe: [\"plant/#\"]}\n"+
		"  - {subjects: [\"user:ann\"], subscribe: [\"devices/{{ client:username }}/#\"]}\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--subscribe", "plant/+/x", "--subject", "group:ops"}, "all: what a rule grants is sent, and nothing else\n  granted plant/#\n"},
		{[]string{"--subscribe", "#", "--subject", "group:ops", "--subject", "user:ann", "--username", "ann"},
			"partly: what a rule grants is sent, and nothing else\n  granted plant/#\n  granted devices/ann/#\n"},
		{[]string{"--subscribe", "devices/ann/x", "--subject", "user:ann"}, "nothing: a rule of these subjects names what the client is called: say it with --username, or --client-id\n"},
		{[]string{"--subscribe", "x", "--subject", "group:ops"}, "nothing: none of the 2 rules in acl and acl_file grants any of it to these subjects\n"},
	} {
		if r := harness.Run(t, append([]string{"policies", "check", "-c", file}, c.args...)...); r.Stdout != c.want || r.Code != 0 {
			t.Errorf("%v: status %d\n%s%s", c.args, r.Code, r.Stdout, r.Stderr)
		}
	}
	for want, args := range map[string][]string{
		"Policies decide":      {"--subscribe", "ditto/x", "--subject", "group:ops"},
		"goes with --subscrib": {"--subject", "group:ops"},
		"stands alone":         {"--subscribe", "a/#/b", "--subject", "group:ops"},
	} {
		if r := harness.Run(t, append([]string{"policies", "check", "-c", file}, args...)...); r.Code != 1 || !strings.Contains(r.Stderr, want) {
			t.Errorf("%v: status %d, %q, want %q", args, r.Code, r.Stderr, want)
		}
	}
}
