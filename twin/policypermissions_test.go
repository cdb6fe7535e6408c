package twin

import (
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

func orEmpty(v *jsondoc.Value) *jsondoc.Value {
	if v == nil {
		return noMembers
	}
	return v
}

func TestWhatOneMayDoCanBeAsked(t *testing.T) {
	w := newWorld(t, Options{})
	w.mustPolicy(gateID, "create", "/", gate)
	w.must(lampID, "create", "/", `{"policyId":"org.acme:gate"}`)
	ask := func(w *world, value string) *Outcome {
		return w.send(policyCommand("_:_", "checkPermissions", "/", value, ""))
	}
	const questions = `{
		"door":{"resource":"thing:/features/door/properties/open","entityId":"org.acme:lamp","hasPermissions":["READ"]},
		"write":{"resource":"thing:/features/door","entityId":"org.acme:lamp","hasPermissions":["READ","WRITE"]},
		"all":{"resource":"thing:/","entityId":"org.acme:lamp","hasPermissions":["READ"]},
		"send":{"resource":"message:/inbox/messages/x","entityId":"org.acme:lamp","hasPermissions":["WRITE"]},
		"policy":{"resource":"policy:/","entityId":"org.acme:gate","hasPermissions":["READ"]},
		"mine":{"resource":"policy:/entries/GUEST","entityId":"org.acme:gate","hasPermissions":["READ"]},
		"none":{"resource":"thing:/","entityId":"org.acme:none","hasPermissions":["READ"]},
		"gone":{"resource":"policy:/","entityId":"org.acme:none","hasPermissions":["READ"]},
		"odd":{"resource":"policy:/","entityId":"org.acme:gate","hasPermissions":["FLY"]}}`
	for _, c := range []struct{ who, value, want string }{
		{"user:ann", questions, `{"door":true,"write":true,"all":true,"send":true,"policy":true,"mine":true,"none":false,"gone":false,"odd":false}`},
		{"user:bob", questions, `{"door":true,"write":false,"all":false,"send":false,"policy":false,"mine":true,"none":false,"gone":false,"odd":false}`},
		{"user:eve", `{"permissionChecks":` + questions + `}`, `{"door":false,"write":false,"all":false,"send":false,"policy":false,"mine":false,"none":false,"gone":false,"odd":false}`},
		{"user:eve", `{}`, `{}`},
	} {
		o := ask(w.being(c.who), c.value)
		if o.Err != nil || text(o.Response.Value) != c.want || o.Response.Status != 200 || o.Response.Topic.String() != "_/_/policies/commands/checkPermissions" {
			t.Errorf("%s: %s", c.who, o.Response.AppendJSON(nil))
		}
	}
	for _, c := range []struct{ value, code string }{
		{`[]`, "json.invalid"},
		{`{"a":1}`, "json.format.invalid"},
		{`{"a":{"resource":"thing:/","entityId":"a:b"}}`, "json.field.missing"},
		{`{"a":{"resource":"thing:/","hasPermissions":["READ"]}}`, "json.field.missing"},
		{`{"a":{"entityId":"a:b","hasPermissions":["READ"]}}`, "json.field.missing"},
		{`{"a":{"resource":"other:/","entityId":"a:b","hasPermissions":["READ"]}}`, "json.format.invalid"},
		{`{"a":{"resource":"thing","entityId":"a:b","hasPermissions":["READ"]}}`, "policies:entry.invalid"},
		{`{"a":{"resource":"thing:/","entityId":"ab","hasPermissions":["READ"]}}`, "things:id.invalid"},
		{`{"a":{"resource":"policy:/","entityId":"ab","hasPermissions":["READ"]}}`, "policies:id.invalid"},
		{`{"a":{"resource":"policy:/","entityId":"a:b","hasPermissions":[]}}`, "json.format.invalid"},
		{`{"a":{"resource":"policy:/","entityId":"a:b","hasPermissions":[1]}}`, "json.format.invalid"},
	} {
		if o := ask(w, c.value); o.Err == nil || o.Err.Code != c.code {
			t.Errorf("%s: %s", c.value, o.Response.AppendJSON(nil))
		}
	}
	if o := w.send(policyCommand(gateID, "checkPermissions", "/", questions, "")); o.Err == nil || o.Err.Code != "protocoladapter:unknown.topicpath" {
		t.Errorf("asked a Policy: %+v", o.Err)
	}
}
