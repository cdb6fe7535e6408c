package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// The Policy of the villas: somebody for each way of being allowed something.
const villaRules = `{"policyId":"org.acme:house","entries":{
"owner":{"subjects":{"user:owner":{"type":"x"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}},
"reader":{"subjects":{"group:readers":{"type":"x"}},"resources":{"thing:/":{"grant":["READ"],"revoke":[]}}},
"writer":{"subjects":{"user:writer":{"type":"x"}},"resources":{"thing:/":{"grant":["WRITE"],"revoke":[]}}},
"guest":{"subjects":{"user:guest":{"type":"x"}},"resources":{
 "thing:/attributes":{"grant":["READ","WRITE"],"revoke":[]},
 "thing:/attributes/code":{"grant":[],"revoke":["READ","WRITE"]},
 "thing:/attributes/box/key":{"grant":[],"revoke":["READ","WRITE"]},
 "thing:/features/door/properties/open":{"grant":["READ"],"revoke":[]},
 "thing:/features/door/desiredProperties/open":{"grant":["READ","WRITE"],"revoke":[]}}}}}`

const villa = `{"policyId":"org.acme:house","definition":"a:b:1","attributes":{"open":1,"code":1234,"box":{"a":1,"key":"k"}},` +
	`"features":{"door":{"definition":["a:b:1"],"properties":{"open":true,"pin":7},"desiredProperties":{"open":false}},"safe":{"properties":{"content":"gold"}}}}`

// permission is what comes of a command of somebody: a status below 400 with the
// value that is answered, or an error's code.
type permission struct {
	who, action, path, value string
	status                   int
	answer                   string
	more                     string // header
}

var permissions = []permission{
	{"owner", "retrieve", "/attributes/code", "", 200, `1234`, ""},
	{"admin", "retrieve", "/attributes/code", "", 200, `1234`, ""},
	{"reader", "retrieve", "/features/safe", "", 200, `{"properties":{"content":"gold"}}`, ""},
	{"reader", "retrieve", "/policyId", "", 200, `"org.acme:house"`, ""},
	{"guest", "retrieve", "/attributes", "", 200, `{"open":1,"box":{"a":1}}`, ""},
	{"guest", "retrieve", "/attributes/box", "", 200, `{"a":1}`, ""},
	{"guest", "retrieve", "/attributes/box/key", "", 404, "things:attribute.notfound", ""},
	{"guest", "retrieve", "/attributes/code", "", 404, "things:attribute.notfound", ""},
	{"guest", "retrieve", "/features", "", 200, `{"door":{"properties":{"open":true},"desiredProperties":{"open":false}}}`, ""},
	{"guest", "retrieve", "/features/door/properties", "", 200, `{"open":true}`, ""},
	{"guest", "retrieve", "/features/door/properties/pin", "", 404, "things:feature.property.notfound", ""},
	{"guest", "retrieve", "/features/safe", "", 404, "things:feature.notfound", ""},
	{"guest", "retrieve", "/policyId", "", 404, "things:policyId.notfound", ""},
	{"guest", "retrieve", "/definition", "", 404, "things:definition.notfound", ""},
	{"writer", "retrieve", "/", "", 404, "things:thing.notfound", ""},
	{"writer", "retrieve", "/attributes/open", "", 404, "things:thing.notfound", ""},
	{"nobody", "retrieve", "/", "", 404, "things:thing.notfound", ""},
	{"nobody", "retrieve", "/features/door", "", 404, "things:thing.notfound", ""},

	{"owner", "modify", "/", `{"attributes":{}}`, 204, "", ""},
	{"writer", "modify", "/", `{"attributes":{}}`, 204, "", ""},
	{"admin", "modify", "/", `{"attributes":{}}`, 204, "", ""},
	{"reader", "modify", "/", `{"attributes":{}}`, 403, "things:thing.notmodifiable", ""},
	{"guest", "modify", "/", `{"attributes":{}}`, 403, "things:thing.notmodifiable", ""},
	{"nobody", "modify", "/", `{"attributes":{}}`, 403, "things:thing.notmodifiable", ""},
	{"guest", "delete", "/", "", 403, "things:thing.notdeletable", ""},
	{"nobody", "delete", "/", "", 403, "things:thing.notdeletable", ""},
	{"writer", "delete", "/attributes", "", 204, "", ""},
	{"guest", "modify", "/policyId", `"org.acme:house"`, 403, "things:policyId.notmodifiable", ""},
	{"writer", "modify", "/policyId", `"org.acme:none"`, 404, "policies:policy.notfound", ""},
	{"guest", "modify", "/definition", `"a:b:2"`, 403, "things:definition.notmodifiable", ""},
	{"guest", "modify", "/attributes", `{}`, 403, "things:attributes.notmodifiable", ""},
	{"guest", "delete", "/attributes", "", 403, "things:attributes.notmodifiable", ""},
	{"guest", "modify", "/attributes/open", `2`, 204, "", ""},
	{"guest", "delete", "/attributes/open", "", 204, "", ""},
	{"guest", "modify", "/attributes/new", `2`, 201, `2`, ""},
	{"guest", "modify", "/attributes/code", `2`, 403, "things:attribute.notmodifiable", ""},
	{"guest", "modify", "/attributes/box", `{}`, 403, "things:attribute.notmodifiable", ""},
	{"guest", "delete", "/attributes/box", "", 403, "things:attribute.notmodifiable", ""},
	{"guest", "modify", "/attributes/code/x", `2`, 403, "things:attribute.notmodifiable", ""},
	{"guest", "modify", "/features", `{}`, 403, "things:features.notmodifiable", ""},
	{"guest", "modify", "/features/door", `{}`, 403, "things:feature.notmodifiable", ""},
	{"guest", "delete", "/features/safe", "", 403, "things:feature.notmodifiable", ""},
	{"guest", "delete", "/features/door/definition", "", 403, "things:feature.definition.notmodifiable", ""},
	{"guest", "modify", "/features/door/properties", `{}`, 403, "things:feature.properties.notmodifiable", ""},
	{"guest", "modify", "/features/door/properties/open", `false`, 403, "things:feature.property.notmodifiable", ""},
	{"guest", "modify", "/features/door/desiredProperties", `{}`, 403, "things:feature.desiredProperties.notmodifiable", ""},
	{"guest", "modify", "/features/door/desiredProperties/x", `{}`, 403, "things:feature.desiredProperty.notmodifiable", ""},
	{"guest", "modify", "/features/door/desiredProperties/open", `true`, 204, "", ""},
	{"reader", "modify", "/attributes/open", `2`, 403, "things:attribute.notmodifiable", ""},

	{"guest", "merge", "/", `{"attributes":{"open":2},"features":{"door":{"desiredProperties":{"open":true}}}}`, 204, "", ""},
	{"guest", "merge", "/", `{"attributes":{"open":2,"code":2}}`, 403, "things:thing.notmodifiable", ""},
	{"guest", "merge", "/", `{"attributes":null}`, 403, "things:thing.notmodifiable", ""},
	{"guest", "merge", "/", `{"attributes":{"box":{"a":null}}}`, 204, "", ""},
	{"guest", "merge", "/", `{"attributes":{"box":null}}`, 403, "things:thing.notmodifiable", ""},
	{"guest", "merge", "/", `{"attributes":{"code":{"x":1}}}`, 403, "things:thing.notmodifiable", ""},
	{"guest", "merge", "/attributes", `{"{{ /c.*/ }}":null}`, 403, "things:thing.notmodifiable", ""},
	{"guest", "merge", "/definition", `null`, 403, "things:thing.notmodifiable", ""},
	{"nobody", "merge", "/", `{"attributes":{"a":1}}`, 403, "things:thing.notmodifiable", ""},
	{"admin", "merge", "/", `{"attributes":{"code":null}}`, 204, "", ""},
	{"guest", "migrate", "/", `{"thingDefinitionUrl":"a:b:2"}`, 403, "things:thing.notmodifiable", ""},
	{"writer", "migrate", "/", `{"thingDefinitionUrl":"a:b:2","migrationPayload":{"attributes":{"x":"{{ thing-json:attributes/code }}"}}}`, 400, "placeholder:unresolved", ""},
	{"nobody", "create", "/", `{}`, 409, "things:thing.conflict", ""},

	{"guest", "modify", "/attributes/open", `2`, 412, "things:condition.failed", `"condition":"eq(attributes/code,1234)"`},
	{"guest", "modify", "/attributes/open", `2`, 204, "", `"condition":"eq(attributes/open,1)"`},
	{"guest", "retrieve", "/attributes", "", 412, "things:condition.failed", `"condition":"eq(attributes/code,1234)"`},
	{"nobody", "delete", "/", "", 412, "things:condition.failed", `"condition":"eq(attributes/open,1)"`},
	{"guest", "merge", "/attributes", `{"open":2}`, 412, "things:condition.failed", `"merge-thing-patch-conditions":{"open":"eq(attributes/code,1234)"}`},
	{"writer", "modify", "/attributes/code", `2`, 412, "things:precondition.failed", `"if-match":"\"hash:1\""`},
	{"writer", "modify", "/attributes/code", `1234`, 204, "", `"if-equal":"skip"`},
	{"owner", "modify", "/attributes/code", `1234`, 412, "things:precondition.failed", `"if-equal":"skip"`},
	{"guest", "retrieve", "/attributes/code", "", 404, "things:attribute.notfound", `"at-historical-revision":1`},
	{"guest", "retrieve", "/attributes", "", 200, `{"open":1,"box":{"a":1}}`, `"at-historical-revision":1`},
	{"nobody", "retrieve", "/attributes", "", 404, "things:thing.notfound", `"at-historical-revision":1`},
}

func TestCommandsOfManyUsersAreDecidedByThePolicy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	users, policies := filepath.Join(dir, "users"), filepath.Join(dir, "policies")
	if err := os.Mkdir(policies, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(policies, "house.json"), []byte(villaRules), 0o600); err != nil {
		t.Fatal(err)
	}
	groups := map[string]string{"owner": "", "reader": "readers", "writer": "", "guest": "", "nobody": "", "admin": "admins"}
	for user, group := range groups {
		var more []string
		if group != "" {
			more = []string{"--group", group}
		}
		passwd(t, users, user, "secret of "+user, more...)
	}
	b := harness.Start(t, harness.Options{Config: fmt.Sprintf(
		"auth: {users_file: %s, admin_subjects: [\"group:admins\"]}\nprovision: {policies: %s}\n", users, policies)})
	versions(t, func(t *testing.T, version byte) {
		apps := map[string]*app{}
		for user := range groups {
			apps[user] = newApp(t, b, version, harness.Connect{Username: user, Password: "secret of " + user})
		}
		owner := apps["owner"]
		for n, c := range permissions {
			t.Run(fmt.Sprintf("%s %s %s", c.who, c.action, strings.ReplaceAll(c.path, "/", "⁄")), func(t *testing.T) {
				c.run(t, owner.in(t), apps[c.who].in(t), fmt.Sprintf("org.acme:v%d-%d", version, n))
			})
		}
	})
}

// run has somebody send the command for a house of its own, whose owner hears
// of what is changed, and of nothing else.
func (c permission) run(t *testing.T, owner, who *app, id string) {
	events := "ditto/" + topicOf(id) + "/things/twin/events/#"
	owner.Subscribe(events)
	defer owner.Unsubscribe(events)
	owner.must(id, "create", "/", villa)
	if e := read(t, owner.Wait(events)); e.Revision != 1 {
		t.Fatalf("told %+v", e)
	}
	correlation := fmt.Sprintf("c-%d", correlations.Add(1))
	members := fmt.Sprintf(`"path":%q,"headers":{"correlation-id":%q`, c.path, correlation)
	if c.more != "" {
		members += "," + c.more
	}
	members += "}"
	if c.value != "" {
		members += `,"value":` + c.value
	}
	err := who.Publish("ditto/"+topicOf(id)+"/things/twin/commands/"+c.action, "{"+members+"}", 1)
	if (err != nil) != (c.status >= 400) && who.Version() == 5 {
		t.Errorf("acknowledged with %v", err)
	}
	answer := who.answer(correlation)
	if c.status >= 400 {
		answer.wantError(t, c.status, c.answer, correlation)
	} else if answer.Status != c.status {
		t.Errorf("answered with %d %s", answer.Status, answer.Value)
	} else {
		wantValue(t, "the answer", answer.Value, c.answer)
	}
	// What was refused is told to nobody, and changes nothing.
	owner.must(id, "modify", "/attributes/marker", "1")
	want := []string{"/attributes/marker"}
	if c.status < 300 && c.action != "retrieve" {
		want = []string{c.path, "/attributes/marker"}
	}
	for i, path := range want {
		if e := read(t, owner.Wait(events)); e.Path != path || e.Revision != uint64(i+2) {
			t.Errorf("told %+v, want a change of %s", e, path)
		}
	}
}
