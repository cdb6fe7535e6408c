package twin

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Ditto's errors about Things, and those of JSON, headers and topics that
// commands about Things can meet: what is in its documentation under
// protocol/examples/things/generated/exceptions, and what its model of Things
// and its base have besides. Each is given by an envelope, or it is said why
// none gives it.
func TestErrorsAreDittos(t *testing.T) {
	const (
		elsewhere = "is given elsewhere: see the test named"
		acks      = "acknowledgements are not aggregated yet"
		old       = "Ditto 3.9 has the code, and gives it nowhere"
	)
	header := func(headers, envelope string) string {
		return strings.Replace(envelope, `"c1"`, `"c1",`+headers, 1)
	}
	get := func(path string) string { return command(lampID, "retrieve", path, "") }
	put := func(path, value string) string { return command(lampID, "modify", path, value) }
	patch := func(path, value string) string { return command(lampID, "merge", path, value) }
	tree := func(id string) string { return command(id, "retrieve", "/attributes", "") }
	naked := func(path string) string { return command(nakedID, "retrieve", path, "") }
	to := func(topic string) string { return `{"topic":"` + topic + `","path":"/","value":{}}` }
	shut := func(action, path, value string) string { return command("org.acme:shut", action, path, value) }
	large := `"` + strings.Repeat("x", DefaultThingSize) + `"`

	table := []struct {
		code     string
		status   int
		envelope string
		never    string // why there is none
	}{
		{"things:attribute.notfound", 404, get("/attributes/x"), ""},
		{"things:attribute.notmodifiable", 403, shut("modify", "/attributes/a", `1`), ""},
		{"things:attribute.pointerinvalid", 400, "", "a path below attributes is never empty"},
		{"things:attributes.notfound", 404, naked("/attributes"), ""},
		{"things:attributes.notmodifiable", 403, shut("delete", "/attributes", ``), ""},
		{"things:condition.failed", 412, header(`"condition":"exists(attributes/x)"`, put("/attributes/a", "1")), ""},
		{"things:condition.invalid", 400, header(`"condition":"eq(attributes/a"`, put("/attributes/a", "1")), ""},
		{"things:definition.identifier.invalid", 400, put("/definition", `"a:b"`), ""},
		{"things:definition.notfound", 404, naked("/definition"), ""},
		{"things:definition.notmodifiable", 403, shut("modify", "/definition", `"a:b:c"`), ""},
		{"things:event.notallowed", 403, "", "the live channel is not there yet"},
		{"things:feature.definition.empty", 400, put("/features/light/definition", `[]`), ""},
		{"things:feature.definition.identifier.invalid", 400, "", "the example is of an older version; it is things:definition.identifier.invalid now"},
		{"things:feature.definition.notfound", 404, get("/features/bare/definition"), ""},
		{"things:feature.definition.notmodifiable", 403, shut("delete", "/features/f/definition", ``), ""},
		{"things:feature.desiredProperties.notfound", 404, get("/features/bare/desiredProperties"), ""},
		{"things:feature.desiredProperties.notmodifiable", 403, shut("modify", "/features/f/desiredProperties", `{}`), ""},
		{"things:feature.desiredProperty.notfound", 404, get("/features/light/desiredProperties/x"), ""},
		{"things:feature.desiredProperty.notmodifiable", 403, shut("modify", "/features/f/desiredProperties/p", `1`), ""},
		{"things:feature.notfound", 404, get("/features/x"), ""},
		{"things:feature.notmodifiable", 403, shut("modify", "/features/f", `{}`), ""},
		{"things:feature.properties.notfound", 404, get("/features/bare/properties"), ""},
		{"things:feature.properties.notmodifiable", 403, shut("delete", "/features/f/properties", ``), ""},
		{"things:feature.property.notfound", 404, get("/features/light/properties/x"), ""},
		{"things:feature.property.notmodifiable", 403, shut("modify", "/features/f/properties/p", `1`), ""},
		{"things:features.notfound", 404, naked("/features"), ""},
		{"things:features.notmodifiable", 403, shut("modify", "/features", `{}`), ""},
		{"things:field.selection.invalid", 400, "", "extraFields are not there yet"},
		{"things:id.invalid", 400, to("org.acme/ü/things/twin/commands/create"), ""},
		{"things:id.notdeletable", 400, patch("/", `{"thingId":null}`), ""},
		{"things:id.notsettable", 400, put("/", `{"thingId":"org.acme:x"}`), ""},
		{"things:live.channelcondition.notallowed", 405, header(`"live-channel-condition":"exists(attributes)"`, put("/attributes/a", "1")), ""},
		{"things:merge.invalid", 400, patch("/", `1`), ""},
		{"things:metadata.headersconflict", 400, header(`"put-metadata":[],"delete-metadata":"*"`, put("/attributes/a", "1")), ""},
		{"things:metadata.notmodifiable", 400, header(`"put-metadata":[{"key":"/a","value":1}]`, command("org.acme:new", "create", "/", `{"_metadata":{"a":1}}`)), ""},
		{"things:policy.conflicting", 400, command("org.acme:new", "create", "/", `{"_policy":{},"_copyPolicyFrom":"a:b"}`), ""},
		{"things:policy.id.missing", 400, "", "a Thing that names no Policy gets one of its own"},
		{"things:policy.id.notallowed", 400, "", old},
		{"things:policy.invalid", 400, command("org.acme:new", "create", "/", `{"_policy":{}}`), ""},
		{"things:policy.notallowed", 400, "", old},
		{"things:policyId.notallowed", 400, "", "the example is of an older version"},
		{"things:policyId.notdeletable", 400, patch("/policyId", `null`), ""},
		{"things:policyId.notfound", 404, "", "a Thing always has a Policy ID"},
		{"things:policyId.notmodifiable", 403, shut("modify", "/policyId", `"a:b"`), ""},
		{"things:precondition.failed", 412, header(`"if-match":"\"rev:99\""`, put("/attributes/a", "1")), ""},
		{"things:precondition.notmodified", 304, header(`"if-none-match":"\"rev:1\""`, get("/")), ""},
		{"things:thing.conflict", 409, command(lampID, "create", "/", `{}`), ""},
		{"things:thing.history.notfound", 404, "", elsewhere + " after reads of history"},
		{"things:thing.notcreatable", 400, command("org.acme:new", "create", "/", `{"policyId":"org.acme:none"}`), ""},
		{"things:thing.notdeletable", 403, shut("delete", "/", ``), ""},
		{"things:thing.notfound", 404, tree("org.acme:none"), ""},
		{"things:thing.notmodifiable", 403, shut("merge", "/", `{"attributes":{"a":1}}`), ""},
		{"things:thing.toolarge", 413, put("/attributes/a", large), ""},
		{"things:thing.toomanymodifyingrequests", 429, "", "who sends too much is slowed down"},
		{"things:thing.unavailable", 503, "", elsewhere + " after a store that fails"},
		{"things:things.ids.missing", 400, `{"topic":"_/_/things/twin/commands/retrieve","path":"/","value":{"thingIds":[]}}`, ""},

		{"policies:id.invalid", 400, put("/policyId", `"p"`), ""},
		{"policies:policy.notfound", 404, command("org.acme:new", "create", "/", `{"_copyPolicyFrom":"a:b"}`), ""},
		{"policies:subjectid.invalid", 400, command("org.acme:new", "create", "/", `{"_policy":{"entries":{"a":{"subjects":{"b":{}}}}}}`), ""},
		{"placeholder:placeholder.notresolvable", 400, command("org.acme:new", "create", "/", `{"_policy":{"entries":{"a":{"subjects":{"{{ x }}":{}}}}}}`), ""},
		{"placeholder:placeholder.reference.notsupported", 400, command("org.acme:new", "create", "/", `{"_copyPolicyFrom":"{{ ref:policies/a:b/c }}"}`), ""},
		{"placeholder:placeholder.reference.unknownfield", 400, command("org.acme:new", "create", "/", `{"_copyPolicyFrom":"{{ ref:things/org.acme:lamp/x }}"}`), ""},
		{"placeholder:unresolved", 400, command(lampID, "migrate", "/", `{"thingDefinitionUrl":"a:b:c","migrationPayload":{"attributes":{"a":"{{ x }}"}}}`), ""},
		{"placeholder:function.unknown", 400, command(lampID, "migrate", "/", `{"thingDefinitionUrl":"a:b:c","migrationPayload":{"attributes":{"a":"{{ x | fn:x() }}"}}}`), ""},
		{"placeholder:function.signature.invalid", 400, command(lampID, "migrate", "/", `{"thingDefinitionUrl":"a:b:c","migrationPayload":{"attributes":{"a":"{{ x | fn:trim(1) }}"}}}`), ""},
		{"placeholder:function.too.complex", 400, command(lampID, "migrate", "/", `{"thingDefinitionUrl":"a:b:c","migrationPayload":{"attributes":{"a":"{{ x`+strings.Repeat("|fn:trim()", 11)+` }}"}}}`), ""},
		{"rql.expression.invalid", 400, header(`"merge-thing-patch-conditions":{"a":"eq("}`, patch("/attributes", `{}`)), ""},

		{"json.invalid", 400, `{`, ""},
		{"json.field.missing", 400, `{"topic":"org.acme/lamp/things/twin/commands/retrieve"}`, ""},
		{"json.fieldselector.invalid", 400, `{"topic":"org.acme/lamp/things/twin/commands/retrieve","path":"/","fields":"a(b"}`, ""},
		{"json.format.invalid", 400, put("/attributes", `1`), ""},
		{"json.key.invalid", 400, put("/attributes/a", `{"b/c":1}`), ""},
		{"json.pointer.invalid", 400, put("/attributes//a", `1`), ""},
		{"protocoladapter:unknown.path", 400, put("/x", `1`), ""},
		{"protocoladapter:unknown.topicpath", 400, to("org.acme/lamp/things/twin/commands/switch"), ""},
		{"header.invalid", 400, header(`"response-required":7`, put("/attributes/a", "1")), ""},
		{"header.notsupported", 400, header(`"dry-run":true`, put("/attributes/a", "1")), ""},
		{"timeout.invalid", 400, header(`"timeout":"x"`, put("/attributes/a", "1")), ""},
		{"mediatype.unsupported", 415, header(`"content-type":"text/plain"`, patch("/attributes", `{}`)), ""},
		{"acknowledgement:request.parsing.failed", 422, "", acks},
		{"acknowledgement:request.timeout", 408, "", acks},
		{"unsupported.api.version", 404, "", "the header version is of the wrong kind then: header.invalid"},
	}
	page, err := os.ReadFile("../docs/ditto-compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, Options{})
	w.sender.Subjects = policy.Subjects{"user:ann"}
	w.must(lampID, "create", "/", lamp)
	w.must(nakedID, "create", "/", `{}`)
	w.provision("org.acme:shut", everything("user:eve"))
	if _, o := w.put(`{"thingId":"org.acme:shut","policyId":"org.acme:shut","features":{"f":{}}}`, Refuse); o.Err != nil {
		t.Fatal(o.Err)
	}
	before := w.Store().Stats().LastSeq
	seen := map[string]bool{}
	for _, c := range table {
		if seen[c.code] || (c.envelope == "") != (c.never != "") {
			t.Errorf("%s: twice, or neither given nor explained", c.code)
		}
		seen[c.code] = true
		if c.envelope == "" {
			continue
		}
		o := w.send(c.envelope)
		if o.Response == nil || o.Response.Value == nil {
			t.Errorf("%s: %+v", c.code, o)
			continue
		}
		for name, want := range map[string]string{"error": c.code, "status": strconv.Itoa(c.status), "message": "", "description": ""} {
			v, ok := o.Response.Value.Member(name)
			if !ok || want != "" && strings.Trim(v.String(), `"`) != want || v.String() == `""` {
				t.Errorf("%s: answered %s", c.code, o.Response.AppendJSON(nil))
			}
		}
		if o.Response.Status != c.status || o.Response.Topic.Criterion != protocol.Errors {
			t.Errorf("%s: answered %s", c.code, o.Response.AppendJSON(nil))
		}
		if !strings.Contains(string(page), "`"+c.code+"`") {
			t.Errorf("%s is not in the table of errors", c.code)
		}
	}
	if w.Store().Stats().LastSeq != before {
		t.Error("something was changed")
	}
}
