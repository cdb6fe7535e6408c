package access

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// actor sends commands and reads their answers.
type actor struct {
	*harness.Client5
	t testing.TB
}

func newActor(t testing.TB, b *harness.Broker, user string) *actor {
	c := harness.Dial5(t, b, credentials5(user))
	c.Subscribe("ditto/_replies/#")
	return &actor{c, t}
}

func credentials5(user string) harness.Connect {
	return harness.Connect{Username: user, Password: password}
}

// ask sends a command and gives "status code", or the value of a retrieve.
func (a *actor) ask(topic, path, value string) string {
	a.t.Helper()
	payload := fmt.Sprintf(`{"path":%q}`, path)
	if value != "" {
		payload = fmt.Sprintf(`{"path":%q,"value":%s}`, path, value)
	}
	m := a.Request("ditto/"+topic, payload, 1, "ditto/_replies/"+a.ID()+"/x")
	var e struct {
		Status int
		Value  json.RawMessage
	}
	if err := json.Unmarshal([]byte(m.Payload), &e); err != nil {
		a.t.Fatalf("%v: %s", err, m.Payload)
	}
	var wrong struct{ Error string }
	if e.Status >= 400 {
		_ = json.Unmarshal(e.Value, &wrong)
		return fmt.Sprint(e.Status, " ", wrong.Error)
	}
	if e.Status == 200 {
		return string(e.Value)
	}
	return fmt.Sprint(e.Status)
}

const all = `{"grant":["READ","WRITE"],"revoke":[]}`

func entry(user, more string) string {
	return fmt.Sprintf(`{"subjects":{"user:%s":{"type":"t"}},"resources":{"thing:/":%s,"policy:/":%[2]s}%s}`, user, all, more)
}

func TestPoliciesThatAreMadeToBreakThings(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: fmt.Sprintf(config, users(t, cast...)) + "limits: {policy_size: 8KiB}\n"})
	ann, eve := newActor(t, b, "ann"), newActor(t, b, "eve")
	policy := func(name, action string) string { return "p/" + name + "/policies/commands/" + action }
	must := func(want, got, what string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}

	// A chain of imports, which goes in circles in the end, is resolved as far as
	// it says, and nobody waits for it.
	const links = 60
	for i := range links {
		name := fmt.Sprint("link", i)
		got := ann.ask(policy(name, "create"), "/", `{"entries":{"owner":`+entry("ann", "")+`}}`)
		must("201", strings.SplitN(got, " ", 2)[0], name)
	}
	for i := range links {
		next := fmt.Sprintf("p:link%d", (i+1)%links)
		var through []string
		for n := 2; n < 5; n++ {
			through = append(through, fmt.Sprintf("%q", fmt.Sprintf("p:link%d", (i+n)%links)))
		}
		got := ann.ask(policy(fmt.Sprint("link", i), "modify"), "/imports/"+next, `{"transitiveImports":[`+strings.Join(through, ",")+`]}`)
		if got != "201" && !strings.HasPrefix(got, "400 policies:import") {
			t.Errorf("link %d: %s", i, got)
		}
	}
	must("201", ann.ask("p/chained/things/twin/commands/create", "/", `{"policyId":"p:link0","attributes":{"a":"classified"}}`), "a Thing of it")
	must(`"classified"`, ann.ask("p/chained/things/twin/commands/retrieve", "/attributes/a", ""), "its owner")
	must("404 things:thing.notfound", eve.ask("p/chained/things/twin/commands/retrieve", "/attributes/a", ""), "another")
	must("400 policies:import.invalid", ann.ask(policy("link0", "modify"), "/imports/p:link0", `{}`), "an import of itself")
	must("400 policies:import.invalid", ann.ask(policy("self", "create"), "/", `{"entries":{"owner":`+entry("ann", "")+`},"imports":{"p:self":{}}}`), "a Policy that is made with an import of itself")

	// Too much.
	var subjects []string
	for i := range 400 {
		subjects = append(subjects, fmt.Sprintf(`"user:somebody-with-a-long-name-%d":{"type":"t"}`, i))
	}
	crowd := `{"subjects":{` + strings.Join(subjects, ",") + `},"resources":{"thing:/":` + all + `}}`
	must("413 policies:policy.toolarge", ann.ask(policy("link1", "modify"), "/entries/crowd", crowd), "an entry that is too large")
	must("413 policies:policy.toolarge", eve.ask(policy("large", "create"), "/", `{"entries":{"owner":`+entry("eve", "")+`,"crowd":`+crowd+`}}`), "a Policy that is too large")
	if got := eve.ask("p/inline/things/twin/commands/create", "/", `{"_policy":{"entries":{"owner":`+entry("eve", "")+`,"crowd":`+crowd+`}}}`); !strings.HasPrefix(got, "413") {
		t.Errorf("a Thing with a Policy that is too large: %s", got)
	}
	must("404 things:thing.notfound", eve.ask("p/inline/things/twin/commands/retrieve", "/", ""), "afterwards")
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	if got := eve.ask(policy("deep", "create"), "/", `{"entries":{"owner":`+entry("eve", `,"more":`+deep)+`}}`); !strings.HasPrefix(got, "4") && got != "201" {
		t.Errorf("a Policy that is deep: %s", got)
	}

	// What is no Policy is refused, and nothing is changed.
	before := ann.ask(policy("link2", "retrieve"), "/", "")
	for _, bad := range []string{
		`1`, `null`, `[]`, `"x"`, `{}`, `{"entries":1}`, `{"entries":{"":{}}}`, `{"entries":{"x":{"subjects":{},"resources":{}}}}`,
		`{"entries":{"x":{"subjects":{"noissuer":{"type":"t"}},"resources":{"policy:/":` + all + `}}}}`,
		`{"entries":{"x":{"subjects":{"user:ann":{"type":"t"}},"resources":{"nothing":` + all + `}}}}`,
		`{"entries":{"x":{"subjects":{"user:ann":{"type":"t"}},"resources":{"policy:/":{"grant":["ADMIN"],"revoke":[]}}}}}`,
		`{"entries":{"x":{"subjects":{"user:ann":{"type":"t","expiry":"2001-01-01T00:00:00Z"}},"resources":{"policy:/":` + all + `}}}}`,
		`{"entries":{"x":{"subjects":{"user:ann":{"type":"t"}},"resources":{"policy:/":{"grant":["READ","WRITE"],"revoke":["WRITE"]}}}}}`,
	} {
		if got := ann.ask(policy("link2", "modify"), "/", bad); !strings.HasPrefix(got, "4") {
			t.Errorf("%s: %s", bad, got)
		}
	}
	must(before, ann.ask(policy("link2", "retrieve"), "/", ""), "what is there")
	must("400 things:thing.notcreatable", ann.ask("p/lost/things/twin/commands/create", "/", `{"policyId":"p:none"}`), "a Thing with a Policy that is not there")
}
