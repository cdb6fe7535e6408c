package twin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// limits: gateways make Things and Policies in org.acme, apps only Things there;
// nobody makes anything in org.acme.plant.
func limits() *policy.Creation {
	return &policy.Creation{
		Grant: []policy.CreationRule{
			{Namespaces: []string{"org.acme", "org.acme.*"}, Subjects: []string{"group:gateways"}},
			{Namespaces: []string{"org.acme"}, Subjects: []string{"group:apps"}, Resources: []policy.Resource{policy.Thing}},
		},
		Revoke: []policy.CreationRule{{Namespaces: []string{"org.acme.plant"}}},
	}
}

// acting is the same world for somebody with these subjects.
func (w *world) acting(subjects ...string) *world {
	other := *w
	other.sender.Subjects = subjects
	return &other
}

const entityRefused = "403 entity.notcreatable"

func TestWhoMayNotMakeAnEntityIsRefused(t *testing.T) {
	w := newWorld(t, Options{Creation: limits()})
	w.provision("org.acme:shared", everything("group:apps"))
	w.provision("org.acme:there", everything("user:gw"))
	gateway, app, other := w.acting("user:gw", "group:gateways"), w.acting("user:app", "group:apps"), w.acting("user:eve")
	gateway.must("org.acme:mine", "create", "/", `{}`)
	of := func(subject string) string { return `{"entries":` + everything(subject) + `}` }
	byMapping := func(create *Create) func(*Command) { return func(c *Command) { c.Create = create } }
	for name, c := range map[string]struct {
		by       *world
		envelope string
		set      func(*Command)
		want     string
	}{
		"create by another":                    {other, command("org.acme:a", "create", "/", `{}`), nil, entityRefused},
		"modify by another":                    {other, command("org.acme:a", "modify", "/", `{}`), nil, entityRefused},
		"merge by another":                     {other, command("org.acme:a", "merge", "/", `{"attributes":{"n":1}}`), nil, entityRefused},
		"create of what is there, by another":  {other, command("org.acme:mine", "create", "/", `{}`), nil, entityRefused},
		"with a condition that does not hold":  {other, strings.Replace(command("org.acme:a", "create", "/", `{}`), `{"correlation-id"`, `{"if-match":"\"rev:1\"","correlation-id"`, 1), nil, entityRefused},
		"a Policy by another":                  {other, policyCommand("org.acme:p", "create", "/", of("user:eve"), ""), nil, entityRefused},
		"a Policy by another, by modify":       {other, policyCommand("org.acme:p", "modify", "/", of("user:eve"), ""), nil, entityRefused},
		"a Policy that is there, by another":   {other, policyCommand("org.acme:there", "create", "/", of("user:eve"), ""), nil, entityRefused},
		"a Policy by an app":                   {app, policyCommand("org.acme:p", "create", "/", of("user:app"), ""), nil, entityRefused},
		"by a mapping, on a part":              {other, command("org.acme:a", "merge", "/attributes/n", `1`), byMapping(&Create{}), entityRefused},
		"by a mapping, with its Policy":        {other, command("org.acme:a", "merge", "/attributes/n", `1`), byMapping(&Create{Policy: "org.acme:shared"}), entityRefused},
		"in another namespace":                 {gateway, command("org.other:a", "create", "/", `{}`), nil, entityRefused},
		"where it is revoked":                  {gateway, command("org.acme.plant:a", "create", "/", `{}`), nil, entityRefused},
		"an app with a Policy of its own":      {app, command("org.acme:b", "create", "/", `{}`), nil, "403 things:thing.notcreatable"},
		"an app with an inline Policy":         {app, command("org.acme:b", "create", "/", `{"_policy":`+of("user:app")+`}`), nil, "403 things:thing.notcreatable"},
		"an app with a copied Policy":          {app, command("org.acme:b", "create", "/", `{"_copyPolicyFrom":"org.acme:shared"}`), nil, "403 things:thing.notcreatable"},
		"an app with a Policy of another's ID": {app, command("org.acme:b", "create", "/", `{"policyId":"org.acme:there","_policy":`+of("user:app")+`}`), nil, "403 things:thing.notcreatable"},
		"an app, by a mapping without Policy":  {app, command("org.acme:b", "merge", "/attributes/n", `1`), byMapping(&Create{}), "403 things:thing.notcreatable"},
		"a Policy elsewhere with a Thing here": {gateway, command("org.acme:b", "create", "/", `{"policyId":"org.other:p","_policy":`+of("user:gw")+`}`), nil, "403 things:thing.notcreatable"},
	} {
		before := w.Store().Stats().LastSeq
		if c.set == nil {
			c.set = func(*Command) {}
		}
		o := c.by.apply(c.set, c.envelope)
		if got := outcomeOf(o); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
		if w.Store().Stats().LastSeq != before || len(o.Events)+len(o.Policies) > 0 {
			t.Errorf("%s: something was stored or told", name)
		}
		if o.Err != nil && !strings.Contains(o.Err.Message, "creation.") {
			t.Errorf("%s: it is not said why: %s", name, o.Err.Message)
		}
	}
}

func outcomeOf(o *Outcome) string {
	if o.Err == nil {
		return "done"
	}
	return fmt.Sprintf("%d %s", o.Err.Status, o.Err.Code)
}

func TestWhoMayMakeAnEntityMakesIt(t *testing.T) {
	w := newWorld(t, Options{Creation: limits()})
	w.provision("org.acme:shared", everything("group:apps"))
	gateway, app := w.acting("user:gw", "group:gateways"), w.acting("user:app", "group:apps")
	gateway.must("org.acme:a", "create", "/", `{}`)
	gateway.must("org.acme.x:a", "merge", "/", `{"attributes":{"n":1}}`)
	app.must("org.acme:b", "create", "/", `{"policyId":"org.acme:shared"}`)
	// Of what is there, only the Policy decides.
	app.must("org.acme:b", "modify", "/", `{"attributes":{"n":2}}`)
	app.must("org.acme:b", "merge", "/attributes", `{"m":1}`)
	// A Policy that is there already is not made by a Thing that would bring the same.
	gateway.must("org.acme:a", "delete", "/", "")
	w.LimitCreation(&policy.Creation{Grant: []policy.CreationRule{{Resources: []policy.Resource{policy.Thing}}}})
	gateway.must("org.acme:a", "create", "/", `{}`)
	if o := gateway.send(command("org.acme:c", "create", "/", `{}`)); o.Err == nil {
		t.Error("a Policy was made by who may make Things only")
	}
	w.LimitCreation(limits())
	// What was deleted is made anew.
	app.must("org.acme:b", "delete", "/", "")
	w.LimitCreation(&policy.Creation{})
	if o := app.send(command("org.acme:b", "create", "/", `{"policyId":"org.acme:shared"}`)); o.Err == nil || o.Err.Code != "entity.notcreatable" {
		t.Errorf("a deleted Thing is made again: %v", o.Err)
	}
	w.LimitCreation(nil)
	app.must("org.acme:b", "create", "/", `{"policyId":"org.acme:shared"}`)
}

// The definition is the one that the Thing would have in the end.
func TestADefinitionDecidesWhoMayMakeAThing(t *testing.T) {
	w := newWorld(t, Options{Creation: &policy.Creation{Grant: []policy.CreationRule{{Definitions: []string{"org.acme:lamp:*"}}}}})
	initial := jsonText(t, `{"definition":"org.acme:lamp:1.0.0"}`)
	for name, c := range map[string]struct {
		envelope string
		create   *Create
		allowed  bool
	}{
		"with it":                        {command("org.acme:a", "create", "/", `{"definition":"org.acme:lamp:1.0.0"}`), nil, true},
		"without":                        {command("org.acme:b", "create", "/", `{}`), nil, false},
		"another":                        {command("org.acme:c", "create", "/", `{"definition":"org.acme:tree:1.0.0"}`), nil, false},
		"by a merge":                     {command("org.acme:d", "merge", "/", `{"definition":"org.acme:lamp:1.0.0"}`), nil, true},
		"taken away by a merge":          {command("org.acme:e", "merge", "/", `{"definition":null}`), nil, false},
		"from a mapping":                 {command("org.acme:f", "merge", "/attributes/n", `1`), &Create{Initial: initial}, true},
		"from a mapping, with another":   {command("org.acme:g", "merge", "/definition", `"org.acme:tree:1.0.0"`), &Create{Initial: initial}, false},
		"from a mapping, without":        {command("org.acme:h", "merge", "/attributes/n", `1`), &Create{}, false},
		"from a mapping, with the right": {command("org.acme:i", "merge", "/definition", `"org.acme:lamp:2.0.0"`), &Create{}, true},
	} {
		o := w.apply(func(cmd *Command) { cmd.Create = c.create }, c.envelope)
		if allowed := o.Err == nil; allowed != c.allowed || !allowed && o.Err.Code != "entity.notcreatable" {
			t.Errorf("%s: %v", name, o.Err)
		}
	}
}

// Of what a message changes by several mappings nothing is done if one of them
// may not make its Thing.
func TestNothingIsHalfAppliedWhereOneMayNotBeMade(t *testing.T) {
	w := newWorld(t, Options{Creation: limits()})
	gateway := w.acting("user:gw", "group:gateways")
	before := w.Store().Stats().LastSeq
	o := gateway.together([2]string{"org.acme:a", `{"attributes":{"n":1}}`}, [2]string{"org.other:b", `{"attributes":{"n":1}}`})
	if o.Err == nil || o.Err.Code != "entity.notcreatable" || w.Store().Stats().LastSeq != before {
		t.Errorf("%+v", o)
	}
	if o := gateway.together([2]string{"org.acme:a", `{"attributes":{"n":1}}`}, [2]string{"org.acme.b:b", `{"attributes":{"n":1}}`}); o.Err != nil {
		t.Error(o.Err)
	}
}

// An administrator makes everything, and that it did so where nothing else let it
// is noted; what is put in place is not asked for.
func TestTheOperatorMakesEverything(t *testing.T) {
	w := newWorld(t, Options{Creation: &policy.Creation{}})
	admin := w.acting("user:root")
	admin.sender.Admin = true
	if o := admin.must("org.acme:a", "create", "/", `{}`); !o.Overruled {
		t.Error("it is not noted that the administrator overruled the configuration")
	}
	m, err := protocol.ParseMessage([]byte(policyCommand("org.acme:p", "create", "/", `{"entries":`+everything("user:root")+`}`, "")), nil, jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *Outcome, 1)
	w.Handle(&Command{Message: m, Sender: admin.sender}, func(o *Outcome) { got <- o })
	if o := <-got; o.Err != nil || !o.Overruled {
		t.Errorf("a Policy by an administrator: %v, noted: %v", o.Err, o.Overruled)
	}
	if _, o := w.put(lamp, Refuse); o.Err != nil {
		t.Errorf("a Thing that is put in place: %v", o.Err)
	}
	if _, o := w.put(`{"thingId":"org.acme:own"}`, Refuse); o.Err != nil || w.policy("org.acme:own") == "" {
		t.Errorf("a Thing that is put in place with a Policy of its own: %v", o.Err)
	}
	w.LimitCreation(nil)
	if o := admin.must("org.acme:b", "create", "/", `{}`); o.Overruled {
		t.Error("it is noted that the administrator overruled what it did not")
	}
}
