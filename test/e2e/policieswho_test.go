package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/test/harness"
)

// The configuration says which groups a user has, and so what the user may do.
func TestPoliciesCheckKnowsTheUsersOfAConfiguration(t *testing.T) {
	t.Parallel()
	hash := auth.Hash([]byte("password"))
	users := harness.WriteFile(t, "users", fmt.Sprintf("ann:%[1]s:ops,night\nbob:%[1]s\noff:!%[1]s:ops\nroot:%[1]s:admins\nlamp-1:%[1]s:devices\n", hash))
	rules := harness.WriteFile(t, "acl.conf", "user ann\ntopic deny plant/secret\n")
	config := fmt.Sprintf(`
auth: {users_file: %s, admin_subjects: ["group:admins"]}
acl:
  - {subjects: ["group:ops"], publish: ["plant/#"], subscribe: ["plant/#"]}
  - {subjects: ["group:devices"], publish: ["devices/{{ client:username }}/#"], subscribe: ["cmnd/{{ client:username }}/#"]}
acl_file: %s
mappings:
  - {topic: "devices/{device}/t", thing: "a:{{ device }}", set: {/attributes/t: ""}, format: text}
`, users, rules)
	b := harness.Start(t, harness.Options{Config: config})
	root := harness.Dial5(t, b, harness.Connect{Username: "root", Password: "password"})
	mustPublish(t, root, "ditto/a/lamp/things/twin/commands/create", `{"path":"/","value":{"_policy":{"entries":{
		"all":{"subjects":{"user:root":{"type":"t"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}},
		"night":{"subjects":{"group:night":{"type":"t"}},"resources":{"thing:/":{"grant":["READ"],"revoke":[]}}}}}}}`, 1)
	check := func(args ...string) harness.Result {
		t.Helper()
		return harness.RunWith(t, []string{"TWINBROKER_PASSWORD=password"}, "", append([]string{"policies", "check", "--url", "mqtt://" + b.MQTT(), "--user", "root"}, args...)...)
	}
	c := b.ConfigFile()
	for _, row := range []struct {
		args     []string
		out, err string
	}{
		{[]string{"a:lamp", "thing:/", "--permission", "READ", "-c", c, "--as-user", "ann"},
			"READ thing:/: yes\n  entry 'night' of Policy 'a:lamp' grants READ on thing:/ to group:night\n", "ann is user:ann, group:ops, group:night\n"},
		{[]string{"a:lamp", "thing:/", "--permission", "READ", "-c", c, "--as-user", "bob"},
			"READ thing:/: no\n  no entry of Policy 'a:lamp' says anything about it to user:bob\n", "bob is user:bob\n"},
		{[]string{"a:lamp", "thing:/", "--permission", "READ", "-c", c, "--as-user", "bob", "--subject", "group:night"},
			"READ thing:/: yes\n  entry 'night' of Policy 'a:lamp' grants READ on thing:/ to group:night\n", "bob is user:bob, group:night\n"},
		{[]string{"a:lamp", "thing:/", "--permission", "READ", "-c", c, "--subject", "user:ann", "--subject", "group:ops"},
			"READ thing:/: no\n  no entry of Policy 'a:lamp' says anything about it to user:ann, group:ops\n", "user:ann has group:night besides, which is not asked about: --as-user ann takes all\n"},
		{[]string{"--subscribe", "ditto/a/#", "-c", c, "--as-user", "ann"}, "all: a:lamp (Policy a:lamp)\n", "ann is user:ann, group:ops, group:night\n"},
		{[]string{"--subscribe", "plant/#", "-c", c, "--as-user", "bob"}, "nothing: none of the 3 rules in acl and acl_file grants any of it to these subjects\n", "bob is user:bob\n"},
		{[]string{"--subscribe", "cmnd/lamp-1/#", "-c", c, "--as-user", "lamp-1"}, "all: what a rule grants is sent, and nothing else\n  granted cmnd/lamp-1/#\n", "lamp-1 is user:lamp-1, group:devices\n"},
		{[]string{"--subscribe", "x", "-c", c, "--as-user", "root"}, "all: they are an administrator's (auth.admin_subjects), and nothing else allows all of it\n",
			"root is user:root, group:admins\ngroup:admins is one of auth.admin_subjects: whoever has it may see and change everything, whatever Policies and rules say\n"},
		{[]string{"--publish", "plant/valve", "-c", c, "--as-user", "ann"}, "yes: a rule grants it\n  granted plant/#\n", "ann is user:ann, group:ops, group:night\n"},
		{[]string{"--publish", "plant/secret", "-c", c, "--as-user", "ann"}, "no: a line of acl_file denies it\n  denied plant/secret\n", "ann is user:ann, group:ops, group:night\n"},
		{[]string{"--publish", "plant/valve", "-c", c, "--as-user", "off"}, "yes: a rule grants it\n  granted plant/#\n", "the user off is disabled: it is not let in\noff is user:off, group:ops\n"},
		{[]string{"--publish", "plant/valve", "-c", c, "--as-user", "bob"}, "no: none of the 3 rules in acl and acl_file grants it to these subjects\n", "bob is user:bob\n"},
		{[]string{"--publish", "devices/lamp-1/t", "-c", c, "--as-user", "lamp-1"},
			"yes: a rule grants it\n  granted devices/lamp-1/#\n  taken in by mappings[0] (devices/{device}/t), which then needs the Thing's Policy to let them WRITE what it sets\n", "lamp-1 is user:lamp-1, group:devices\n"},
		{[]string{"--publish", "devices/lamp-2/x", "-c", c, "--as-user", "lamp-1"}, "no: none of the 3 rules in acl and acl_file grants it to these subjects\n", "lamp-1 is user:lamp-1, group:devices\n"},
		{[]string{"--publish", "devices/lamp-1/x", "-c", c, "--subject", "group:devices"}, "no: a rule of these subjects names what the client is called: say it with --username, or --client-id\n", ""},
		{[]string{"--publish", "devices/lamp-1/x", "-c", c, "--subject", "group:devices", "--username", "lamp-1"}, "yes: a rule grants it\n  granted devices/lamp-1/#\n", ""},
		{[]string{"--publish", "x", "-c", c, "--as-user", "root"}, "yes: they are an administrator's (auth.admin_subjects), and nothing else allows it\n",
			"root is user:root, group:admins\ngroup:admins is one of auth.admin_subjects: whoever has it may see and change everything, whatever Policies and rules say\n"},
	} {
		if r := check(row.args...); r.Code != 0 || r.Stdout != row.out || r.Stderr != row.err {
			t.Errorf("%v: status %d\n%s%s\nwant\n%s%s", row.args, r.Code, r.Stdout, r.Stderr, row.out, row.err)
		}
	}
	for want, args := range map[string][]string{
		"--as-user needs -c":           {"a:lamp", "--as-user", "ann"},
		"there is no such user":        {"a:lamp", "-c", c, "--as-user", "eve"},
		"has no auth.users_file":       {"a:lamp", "-c", harness.WriteFile(t, "other.yaml", "log: {level: info}\n"), "--as-user", "ann"},
		"--publish needs -c":           {"--publish", "plant/x", "--subject", "user:ann"},
		"--subject is needed":          {"--publish", "plant/x", "-c", c},
		"ask one":                      {"--publish", "plant/x", "--subscribe", "plant/x", "-c", c, "--as-user", "ann"},
		"leave the ID out":             {"a:lamp", "--publish", "plant/x", "-c", c, "--as-user", "ann"},
		"--permission WRITE":           {"--publish", "ditto/a/lamp/things/twin/commands/modify", "-c", c, "--as-user", "ann"},
		"begin with $":                 {"--publish", "$SYS/x", "-c", c, "--as-user", "ann"},
		`twin/ is the broker's own`:    {"--publish", "twin/x", "-c", c, "--as-user", "ann"},
		`--publish "a/#"`:              {"--publish", "a/#", "-c", c, "--as-user", "ann"},
		"name a user with --as-user":   {"--subscribe", "ditto/#", "-c", c, "--subject", "user:ann"},
		"say what is to be asked":      {"-c", c, "--as-user", "ann"},
		"is not a key of the configur": {"a:lamp", "-c", harness.WriteFile(t, "wrong.yaml", "x: 1\n"), "--as-user", "ann"},
	} {
		if r := check(args...); r.Code != 1 || r.Stdout != "" || !strings.Contains(r.Stderr, want) {
			t.Errorf("%v: status %d, %q %q, want %q", args, r.Code, r.Stdout, r.Stderr, want)
		}
	}
	var told struct {
		Allowed  bool
		Grants   []string
		Mappings []string
		Why      string
	}
	r := check("--publish", "devices/lamp-1/t", "-c", c, "--as-user", "lamp-1", "-o", "json")
	if err := json.Unmarshal([]byte(r.Stdout), &told); err != nil || !told.Allowed || len(told.Grants) != 1 || len(told.Mappings) != 1 || told.Why == "" {
		t.Errorf("as JSON: %v: %s%s", err, r.Stdout, r.Stderr)
	}
}
