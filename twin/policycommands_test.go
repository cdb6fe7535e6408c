package twin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

const (
	gateID = "org.acme:gate"
	rw     = `{"grant":["READ","WRITE"],"revoke":[]}`
	ro     = `{"grant":["READ"],"revoke":[]}`
)

// entryOf is an entry as it is stored.
func entryOf(subjects, resources, more string) string {
	return `{"subjects":{` + subjects + `},"resources":{` + resources + `},` + more + `"importable":"implicit"}`
}

// owner is the entry that lets ann do everything.
var owner = entryOf(`"user:ann":{"type":"owner"}`, `"policy:/":`+rw+`,"thing:/":`+rw+`,"message:/":`+rw, "")

// gate is a Policy of ann, who lets bob see a little.
var gate = `{"policyId":"org.acme:gate","entries":{"OWNER":` + owner + `,"GUEST":` +
	entryOf(`"user:bob":{"type":"guest"}`, `"policy:/entries/GUEST":`+ro+`,"thing:/features/door":`+ro, "") + `}}`

func policyCommand(id, action, path, value, headers string) string {
	namespace, name, _ := strings.Cut(id, ":")
	if value != "" {
		value = `,"value":` + value
	}
	return fmt.Sprintf(`{"topic":"%s/%s/policies/commands/%s","headers":{%s},"path":"%s"%s}`, namespace, name, action, headers, path, value)
}

// mustPolicy has a command for a Policy applied that has to go well.
func (w *world) mustPolicy(id, action, path, value string) *Outcome {
	w.t.Helper()
	o := w.send(policyCommand(id, action, path, value, ""))
	if o.Err != nil {
		w.t.Fatalf("%s %s of %s: %v", action, path, id, o.Err)
	}
	return o
}

// being has the rest said by somebody else.
func (w *world) being(subjects ...string) *world {
	other := *w
	other.sender = Sender{Client: subjects[0], Subjects: policy.Subjects(subjects)}
	return &other
}

func TestAPolicyIsChangedByCommands(t *testing.T) {
	const topic = `"topic":"org.acme/gate/policies/`
	for _, c := range []struct {
		name, action, path, value string
		status                    int
		answer, event, told       string // answer "=": the value
		after                     [2]string
	}{
		{"an entry is made", "modify", "/entries/NEW", `{"subjects":{"user:eve":{"type":"x"}},"resources":{"thing:/a/":` + ro + `}}`, 201,
			entryOf(`"user:eve":{"type":"x"}`, `"thing:/a":`+ro, ""), "created", "=", [2]string{}},
		{"an entry is replaced", "modify", "/entries/GUEST", `{"importable":"never","strange":1}`, 204, "", "modified",
			`{"subjects":{},"resources":{},"importable":"never"}`, [2]string{}},
		{"an entry goes", "delete", "/entries/GUEST", "", 204, "", "deleted", "", [2]string{`,"GUEST":` + entryOf(`"user:bob":{"type":"guest"}`, `"policy:/entries/GUEST":`+ro+`,"thing:/features/door":`+ro, ""), ""}},
		{"all entries are replaced", "modify", "/entries", `{"ONE":` + owner + `}`, 204, "", "modified", "=", [2]string{}},
		{"subjects are replaced", "modify", "/entries/GUEST/subjects", `{"user:eve":{"type":"x"}}`, 204, "", "modified", "=", [2]string{`"user:bob":{"type":"guest"}`, `"user:eve":{"type":"x"}`}},
		{"a subject is made", "modify", "/entries/GUEST/subjects/user:eve", `{"type":"x"}`, 201, "=", "created", "=", [2]string{`"user:bob":{"type":"guest"}`, `"user:bob":{"type":"guest"},"user:eve":{"type":"x"}`}},
		{"a subject with slashes is made", "modify", "/entries/GUEST/subjects/iss:a/b", `{"type":"x"}`, 201, "=", "created", "=", [2]string{`"user:bob":{"type":"guest"}`, `"user:bob":{"type":"guest"},"iss:a/b":{"type":"x"}`}},
		{"a subject is replaced", "modify", "/entries/GUEST/subjects/user:bob", `{"type":"x"}`, 204, "", "modified", "=", [2]string{`"user:bob":{"type":"guest"}`, `"user:bob":{"type":"x"}`}},
		{"a subject goes", "delete", "/entries/GUEST/subjects/user:bob", "", 204, "", "deleted", "", [2]string{`"user:bob":{"type":"guest"}`, ``}},
		{"resources are replaced", "modify", "/entries/GUEST/resources", `{"thing:/x":` + ro + `}`, 204, "", "modified", "=", [2]string{`"policy:/entries/GUEST":` + ro + `,"thing:/features/door":` + ro, `"thing:/x":` + ro}},
		{"a resource is made", "modify", "/entries/GUEST/resources/thing:/features/bell", ro, 201, "=", "created", "=", [2]string{`"thing:/features/door":` + ro, `"thing:/features/door":` + ro + `,"thing:/features/bell":` + ro}},
		{"a resource is replaced", "modify", "/entries/GUEST/resources/thing:/features/door", rw, 204, "", "modified", "=", [2]string{`"thing:/features/door":` + ro, `"thing:/features/door":` + rw}},
		{"a root resource is replaced", "modify", "/entries/OWNER/resources/thing:/", ro, 204, "", "modified", "=", [2]string{`"thing:/":` + rw, `"thing:/":` + ro}},
		{"a resource goes", "delete", "/entries/GUEST/resources/thing:/features/door", "", 204, "", "deleted", "", [2]string{`,"thing:/features/door":` + ro, ``}},
		{"an entry becomes importable", "modify", "/entries/GUEST/importable", `"explicit"`, 204, "", "modified", "=", [2]string{`"importable":"implicit"}}}`, `"importable":"explicit"}}}`}},
		{"additions are allowed", "modify", "/entries/GUEST/allowedAdditions", `["subjects"]`, 204, "", "modified", "=", [2]string{`"importable":"implicit"}}}`, `"importable":"implicit","allowedAdditions":["subjects"]}}}`}},
		{"namespaces are given", "modify", "/entries/GUEST/namespaces", `["org.acme","org.acme.*"]`, 204, "", "modified", "=", [2]string{}},
		{"references are given", "modify", "/entries/GUEST/references", `[{"entry":"OWNER"}]`, 201, "=", "modified", "=", [2]string{}},
		{"no references are given", "modify", "/entries/GUEST/references", `[]`, 204, "", "modified", "=", [2]string{gate, gate}},
		{"references that are not there go", "delete", "/entries/GUEST/references", ``, 204, "", "deleted", "", [2]string{gate, gate}},
		{"a Policy is imported", "modify", "/imports/org.acme:base", `{"entries":["X"]}`, 201, "=", "created", "=", [2]string{}},
		{"Policies are imported", "modify", "/imports", `{"org.acme:base":{}}`, 204, "", "modified", "=", [2]string{}},
		{"imports that are not there go", "delete", "/imports", ``, 204, "", "deleted", "", [2]string{gate, gate}},
		{"the Policy is replaced", "modify", "/", `{"entries":{"ONE":` + owner + `}}`, 204, "", "modified", `{"policyId":"org.acme:gate","entries":{"ONE":` + owner + `}}`, [2]string{}},
		{"the Policy goes", "delete", "/", "", 204, "", "deleted", "", [2]string{gate, ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.mustPolicy("org.acme:base", "create", "/", `{"entries":{"X":`+owner+`}}`)
			w.mustPolicy(gateID, "create", "/", gate)
			o := w.mustPolicy(gateID, c.action, c.path, c.value)
			for _, want := range []*string{&c.answer, &c.told} {
				if *want == "=" {
					*want = c.value
					if c.path == "/entries/NEW" {
						*want = c.answer
					}
				}
			}
			if o.Response.Status != c.status || text(o.Response.Value) != c.answer || o.Response.Path.String() != strings.TrimSuffix(c.path, "/") && c.path != "/" {
				t.Errorf("answered %s", o.Response.AppendJSON(nil))
			}
			e := o.Events[0]
			if got := string(e.AppendJSON(nil)); !strings.HasPrefix(got, "{"+topic+"events/"+c.event+`"`) || text(e.Value) != c.told || e.Revision != 2 || e.Path.String() != o.Response.Path.String() {
				t.Errorf("told %s\nwant %s with %s", got, c.event, c.told)
			}
			after := w.policy(gateID)
			if c.after != [2]string{} && after != strings.Replace(gate, c.after[0], c.after[1], 1) {
				t.Errorf("it is\n%s", after)
			}
			if c.after == [2]string{} && (after == gate || after == "") {
				t.Errorf("it is still\n%s", after)
			}
			w.reopen(Options{})
			if got := w.policy(gateID); got != after {
				t.Errorf("after a restart it is\n%s\nand was\n%s", got, after)
			}
		})
	}
}

func TestAPolicyIsMadeByCommands(t *testing.T) {
	for _, action := range []string{"create", "modify"} {
		w := newWorld(t, Options{})
		o := w.mustPolicy(gateID, action, "/", `{"entries":{"OWNER":{"subjects":{"{{ request:subjectId }}":{"type":"owner"}},"resources":{"policy:/":`+rw+`,"thing:/":`+rw+`,"message:/":`+rw+`}}}}`)
		want := `{"policyId":"org.acme:gate","entries":{"OWNER":` + owner + `}}`
		if o.Response.Status != 201 || text(o.Response.Value) != want || o.Events[0].Topic.Action != "created" || text(o.Events[0].Value) != want || w.policy(gateID) != want {
			t.Errorf("%s: answered %s", action, o.Response.AppendJSON(nil))
		}
		if tag, _ := o.Response.Headers.Get(protocol.HeaderETag); tag != `"rev:1"` {
			t.Errorf("its tag is %s", tag)
		}
	}
}

// refusals of commands that ann sends for her gate.
func TestWhatCannotBeDoneToAPolicy(t *testing.T) {
	w := newWorld(t, Options{PolicySize: 4096})
	w.mustPolicy("org.acme:base", "create", "/", `{"entries":{"X":`+owner+`,"N":{"importable":"never"}}}`)
	w.mustPolicy(gateID, "create", "/", strings.Replace(gate, `"entries":{`, `"imports":{"org.acme:base":{"entries":["X"]}},"entries":{"R":{"references":[{"entry":"GUEST"},{"import":"org.acme:base","entry":"X"}]},`, 1))
	w.mustPolicy("org.acme:alone", "create", "/", `{"entries":{"OWNER":`+owner+`}}`)
	hers := `{"policy:/":` + rw + `}`
	w.being("user:bob").mustPolicy("org.acme:secret", "create", "/", `{"entries":{"X":{"subjects":{"user:bob":{"type":"x"}},"resources":`+hers+`}}}`)
	before := w.policy(gateID)
	for _, c := range []struct {
		id, action, path, value, headers string
		status                           int
		code                             string
	}{
		{gateID, "create", "/", gate, "", 409, "policies:policy.conflict"},
		{"org.acme:x", "create", "/", `{"entries":{"X":{"subjects":{"user:bob":{"type":"x"}},"resources":` + hers + `}}}`, "", 403, "policies:policy.notcreatable"},
		{"org.acme:x", "modify", "/", `{"entries":{"X":{"subjects":{"user:bob":{"type":"x"}},"resources":` + hers + `}}}`, "", 403, "policies:policy.notcreatable"},
		{"org.acme:x", "create", "/", `{"entries":{}}`, `"allow-policy-lockout":true`, 403, "policies:policy.modificationinvalid"},
		{"org.acme:x", "create", "/", `{"policyId":"org.acme:y","entries":{}}`, "", 400, "policies:id.notsettable"},
		{"org.acme:x", "modify", "/entries/A", `{}`, "", 404, "policies:policy.notfound"},
		{"org.acme:x", "retrieve", "/", ``, "", 404, "policies:policy.notfound"},
		{"org.acme:x", "retrieve", "/entries", ``, "", 404, "policies:policy.notfound"},
		{"1x:x", "retrieve", "/", ``, "", 400, "policies:id.invalid"},
		{"org.acme:alone", "modify", "/", `{"entries":{}}`, "", 403, "policies:policy.modificationinvalid"},
		{"org.acme:alone", "modify", "/entries", `{}`, "", 403, "policies:policy.modificationinvalid"},
		{"org.acme:alone", "delete", "/entries/OWNER", ``, "", 403, "policies:entry.modificationinvalid"},
		{"org.acme:alone", "delete", "/entries/OWNER/subjects/user:ann", ``, "", 403, "policies:entry.modificationinvalid"},
		{"org.acme:alone", "modify", "/entries/OWNER/subjects", `{"user:ann":{"type":"x","expiry":"2999-01-01T00:00:00Z"}}`, "", 403, "policies:entry.modificationinvalid"},
		{"org.acme:alone", "modify", "/entries/OWNER/resources/policy:/", `{"grant":[],"revoke":["WRITE"]}`, "", 403, "policies:entry.modificationinvalid"},
		{"org.acme:alone", "delete", "/entries/OWNER/resources/policy:/", ``, "", 403, "policies:entry.modificationinvalid"},
		{gateID, "retrieve", "/entries/A", ``, "", 404, "policies:entry.notfound"},
		{gateID, "delete", "/entries/A", ``, "", 404, "policies:entry.notfound"},
		{gateID, "modify", "/entries/A/subjects", `{}`, "", 404, "policies:entry.notfound"},
		{gateID, "retrieve", "/entries/GUEST/namespaces", ``, "", 404, "policies:entry.notfound"},
		{gateID, "retrieve", "/entries/GUEST/subjects/user:eve", ``, "", 404, "policies:subject.notfound"},
		{gateID, "delete", "/entries/GUEST/subjects/user:eve", ``, "", 404, "policies:subject.notfound"},
		{gateID, "retrieve", "/entries/GUEST/resources/thing:/x", ``, "", 404, "policies:resource.notfound"},
		{gateID, "delete", "/entries/GUEST/resources/thing:/x", ``, "", 404, "policies:resource.notfound"},
		{gateID, "retrieve", "/imports/org.acme:none", ``, "", 404, "policies:import.notfound"},
		{gateID, "delete", "/imports/org.acme:none", ``, "", 404, "policies:import.notfound"},
		{gateID, "modify", "/imports/org.acme:none/entries", `[]`, "", 404, "policies:import.notfound"},
		{gateID, "modify", "/imports/org.acme:none", `{}`, "", 404, "policies:policy.notfound"},
		{gateID, "modify", "/imports/org.acme:secret", `{}`, "", 404, "policies:policy.notfound"},
		{gateID, "modify", "/imports/org.acme:gate", `{}`, "", 400, "policies:import.invalid"},
		{gateID, "modify", "/imports/1x", `{}`, "", 400, "policies:id.invalid"},
		{gateID, "delete", "/imports", ``, "", 409, "policies:import.referenceconflict"},
		{gateID, "delete", "/imports/org.acme:base", ``, "", 409, "policies:import.referenceconflict"},
		{gateID, "modify", "/imports", `{}`, "", 409, "policies:import.referenceconflict"},
		{gateID, "modify", "/imports/org.acme:base", `{"entries":[]}`, "", 409, "policies:import.referenceconflict"},
		{gateID, "modify", "/imports/org.acme:base/entries", `[]`, "", 409, "policies:import.referenceconflict"},
		{gateID, "delete", "/entries/GUEST", ``, "", 409, "policies:entry.referenceconflict"},
		{gateID, "modify", "/entries/GUEST/importable", `"never"`, "", 409, "policies:entry.referenceconflict"},
		{gateID, "modify", "/entries/GUEST/importable", `"perhaps"`, "", 400, "policies:entry.invalid"},
		{gateID, "modify", "/entries/R/references", `[{"entry":"NOWHERE"}]`, "", 400, "policies:entry.invalid"},
		{gateID, "modify", "/entries/R/references", `[{"entry":"R"}]`, "", 400, "policies:entry.invalid"},
		{gateID, "modify", "/entries/R/references", `[{"import":"org.acme:base","entry":"N"}]`, "", 400, "policies:import.invalid"},
		{gateID, "modify", "/entries/R/references", `[{"import":"org.acme:base","entry":"Z"}]`, "", 400, "policies:import.invalid"},
		{gateID, "modify", "/entries/imported-x", `{}`, "", 400, "policies:label.invalid"},
		{gateID, "modify", "/entries/GUEST/subjects/bob", `{"type":"x"}`, "", 400, "policies:subjectid.invalid"},
		{gateID, "modify", "/entries/GUEST/subjects", `{"bob":{"type":"x"}}`, "", 400, "policies:subjectid.invalid"},
		{gateID, "modify", "/entries/GUEST/subjects/{{ request:other }}", `{"type":"x"}`, "", 400, "placeholder:placeholder.notresolvable"},
		{gateID, "modify", "/entries/GUEST/subjects/user:x", `{"type":"x","expiry":"tomorrow"}`, "", 400, "policies:subjectexpiry.invalid"},
		{gateID, "modify", "/entries/GUEST/subjects/user:x", `{"type":"x","expiry":"2020-01-01T00:00:00Z"}`, "", 400, "policies:subjectexpiry.invalid"},
		{gateID, "modify", "/entries/GUEST/subjects/user:x", `{"type":"x","announcement":{"beforeExpiry":"soon"}}`, "", 400, "policies:subjectannouncement.invalid"},
		{gateID, "modify", "/entries/GUEST/resources/thing:/x", `{"grant":["FLY"],"revoke":[]}`, "", 400, "policies:entry.invalid"},
		{gateID, "modify", "/entries/GUEST/namespaces", `["*"]`, "", 400, "policies:entry.invalid"},
		{gateID, "modify", "/entries/GUEST/subjects/user:x", `{"type":"` + strings.Repeat("x", 4096) + `"}`, "", 413, "policies:policy.toolarge"},
		{gateID, "modify", "/entries/GUEST/nothing", `{}`, "", 400, "protocoladapter:unknown.path"},
		{gateID, "modify", "/policyId", `"a:b"`, "", 400, "protocoladapter:unknown.path"},
		{gateID, "delete", "/entries", ``, "", 400, "protocoladapter:unknown.topicpath"},
		{gateID, "create", "/entries/A", `{}`, "", 400, "protocoladapter:unknown.topicpath"},
		{gateID, "merge", "/", `{}`, "", 400, "protocoladapter:unknown.topicpath"},
		{gateID, "modify", "/entries/A", ``, "", 400, "json.invalid"},
		{gateID, "modify", "/entries/GUEST/subjects/user:bob", `{"type":"x"}`, `"if-match":"\"rev:1\""`, 412, "policies:precondition.failed"},
		{gateID, "modify", "/entries/GUEST/subjects/user:bob", `{"type":"guest"}`, `"if-equal":"skip"`, 412, "policies:precondition.failed"},
		{gateID, "create", "/", gate, `"if-none-match":"*"`, 412, "policies:precondition.failed"},
		{gateID, "retrieve", "/", ``, `"if-none-match":"\"rev:1\""`, 304, "policies:precondition.notmodified"},
		{gateID, "retrieve", "/", ``, `"policy-view":"other"`, 400, "policies:view.invalid"},
		{gateID, "retrieve", "/", ``, `"policy-view":"resolved","at-historical-revision":1`, 400, "header.invalid"},
		{gateID, "retrieve", "/", ``, `"at-historical-revision":7`, 404, "policies:policy.history.notfound"},
	} {
		o := w.send(policyCommand(c.id, c.action, c.path, c.value, c.headers))
		got := o.Response
		if got.Status != c.status || textIn(got.Value, "error") != c.code || o.Events != nil {
			t.Errorf("%s %s of %s with %s: %s", c.action, c.path, c.id, c.headers, got.AppendJSON(nil))
		}
		if want := strings.Replace(c.id, ":", "/", 1) + "/policies/errors"; c.id != "1x:x" && got.Topic.String() != want {
			t.Errorf("it comes from %s", got.Topic)
		}
	}
	if w.policy(gateID) != before || w.policy("org.acme:x") != "" {
		t.Error("something changed")
	}
}

func TestAPolicyIsRetrievedByCommands(t *testing.T) {
	w := newWorld(t, Options{})
	w.mustPolicy("org.acme:base", "create", "/", `{"entries":{"X":`+owner+`}}`)
	w.mustPolicy(gateID, "create", "/", gate)
	for _, c := range []struct{ path, more, want, tag string }{
		{"/", "", gate, `"rev:1"`},
		{"/", `,"fields":"policyId,_revision,_namespace"`, `{"policyId":"org.acme:gate","_revision":1,"_namespace":"org.acme"}`, `"rev:1"`},
		{"/", `,"fields":"entries/GUEST/subjects"`, `{"entries":{"GUEST":{"subjects":{"user:bob":{"type":"guest"}}}}}`, `"rev:1"`},
		{"/entries/GUEST", "", entryOf(`"user:bob":{"type":"guest"}`, `"policy:/entries/GUEST":`+ro+`,"thing:/features/door":`+ro, ""), "hash"},
		{"/entries/GUEST/subjects", "", `{"user:bob":{"type":"guest"}}`, "hash"},
		{"/entries/GUEST/subjects/user:bob", "", `{"type":"guest"}`, "hash"},
		{"/entries/GUEST/resources/thing:/features/door", "", ro, "hash"},
		{"/entries/OWNER/resources/thing:/", "", rw, "hash"},
		{"/entries/GUEST/importable", "", `"implicit"`, ""},
		{"/entries/GUEST/allowedAdditions", "", `[]`, "hash"},
		{"/entries/GUEST/references", "", `[]`, ""},
		{"/imports", "", `{}`, "hash"},
	} {
		o := w.send(`{"topic":"org.acme/gate/policies/commands/retrieve","path":"` + c.path + `"` + c.more + `}`)
		if o.Err != nil {
			t.Errorf("%s: %v", c.path, o.Err)
			continue
		}
		tag, _ := o.Response.Headers.Get(protocol.HeaderETag)
		if text(o.Response.Value) != c.want || o.Response.Status != 200 || !strings.HasPrefix(strings.Trim(tag, `"`), strings.Trim(c.tag, `"`)) || (tag == "") != (c.tag == "") {
			t.Errorf("%s: %s", c.path, o.Response.AppendJSON(nil))
		}
		if tag != "" {
			again := w.send(policyCommand(gateID, "retrieve", c.path, "", fmt.Sprintf(`"if-none-match":%q`, tag)))
			if c.more == "" && again.Response.Status != 304 {
				t.Errorf("%s again: %s", c.path, again.Response.AppendJSON(nil))
			}
		}
	}
}

func TestWhoMayDoWhatToAPolicyIsSaidByIt(t *testing.T) {
	w := newWorld(t, Options{})
	w.mustPolicy(gateID, "create", "/", gate)
	for _, c := range []struct {
		who, action, path, value string
		status                   int
		code                     string
	}{
		{"user:bob", "retrieve", "/", "", 200, ""},
		{"user:bob", "retrieve", "/entries", "", 200, ""},
		{"user:bob", "retrieve", "/entries/GUEST/subjects/user:bob", "", 200, ""},
		{"user:bob", "retrieve", "/entries/OWNER", "", 404, "policies:entry.notfound"},
		{"user:bob", "retrieve", "/entries/OWNER/subjects", "", 404, "policies:subjects.notfound"},
		{"user:bob", "retrieve", "/entries/OWNER/subjects/user:ann", "", 404, "policies:subject.notfound"},
		{"user:bob", "retrieve", "/entries/OWNER/resources", "", 404, "policies:resources.notfound"},
		{"user:bob", "retrieve", "/entries/OWNER/resources/policy:/", "", 404, "policies:resource.notfound"},
		{"user:bob", "retrieve", "/imports", "", 404, "policies:imports.notfound"},
		{"user:bob", "retrieve", "/imports/org.acme:x", "", 404, "policies:import.notfound"},
		{"user:bob", "modify", "/", gate, 403, "policies:policy.notmodifiable"},
		{"user:bob", "delete", "/", "", 403, "policies:policy.notmodifiable"},
		{"user:bob", "modify", "/entries", `{}`, 403, "policies:policy.notmodifiable"},
		{"user:bob", "modify", "/entries/GUEST", `{}`, 403, "policies:entry.notmodifiable"},
		{"user:bob", "modify", "/entries/GUEST/importable", `"never"`, 403, "policies:entry.notmodifiable"},
		{"user:bob", "modify", "/entries/GUEST/subjects", `{}`, 403, "policies:subjects.notmodifiable"},
		{"user:bob", "modify", "/entries/GUEST/subjects/user:bob", `{"type":"x"}`, 403, "policies:subject.notmodifiable"},
		{"user:bob", "delete", "/entries/GUEST/subjects/user:bob", ``, 403, "policies:subject.notmodifiable"},
		{"user:bob", "modify", "/entries/GUEST/resources", `{}`, 403, "policies:resources.notmodifiable"},
		{"user:bob", "modify", "/entries/GUEST/resources/thing:/", rw, 403, "policies:resource.notmodifiable"},
		{"user:bob", "modify", "/imports", `{}`, 403, "policies:imports.notmodifiable"},
		{"user:bob", "modify", "/imports/org.acme:x", `{}`, 403, "policies:import.notmodifiable"},
		{"user:eve", "retrieve", "/", "", 404, "policies:policy.notfound"},
		{"user:eve", "retrieve", "/entries/OWNER", "", 404, "policies:policy.notfound"},
		{"user:eve", "delete", "/", "", 403, "policies:policy.notmodifiable"},
	} {
		o := w.as(c.who, policyCommand(gateID, c.action, c.path, c.value, ""))
		if o.Response.Status != c.status || c.code != "" && textIn(o.Response.Value, "error") != c.code {
			t.Errorf("%s, %s %s: %s", c.who, c.action, c.path, o.Response.AppendJSON(nil))
		}
	}
	seen := w.as("user:bob", policyCommand(gateID, "retrieve", "/", "", ""))
	if got := text(seen.Response.Value); strings.Contains(got, "ann") || !strings.Contains(got, "bob") || !strings.Contains(got, gateID) {
		t.Errorf("bob sees %s", got)
	}
	if w.policy(gateID) != gate {
		t.Error("something changed")
	}
	admin := w.being("user:root")
	admin.sender.Admin = true
	if o := admin.send(policyCommand(gateID, "modify", "/entries/GUEST/subjects/user:eve", `{"type":"x"}`, "")); o.Err != nil || !o.Overruled {
		t.Errorf("the administrator: %+v", o)
	}
}

func TestAPolicyMayBeSomebodyElsesIfThatIsMeant(t *testing.T) {
	w := newWorld(t, Options{})
	o := w.send(policyCommand("org.acme:theirs", "create", "/", `{"entries":{"X":{"subjects":{"user:bob":{"type":"x"}},"resources":{"policy:/":`+rw+`}}}}`, `"allow-policy-lockout":true`))
	if o.Err != nil || o.Response.Status != 201 {
		t.Errorf("%+v", o.Err)
	}
	if o := w.send(policyCommand("org.acme:theirs", "retrieve", "/", "", "")); o.Err == nil || o.Err.Status != 404 {
		t.Error("its maker can read it")
	}
}

func TestTheResolvedViewOfAPolicyHasWhatItImports(t *testing.T) {
	w := newWorld(t, Options{NamespacePolicies: policy.Roots{"org.*": {"top:root"}}})
	admin := w.being("user:ann")
	admin.sender.Admin = true
	admin.mustPolicy("top:root", "create", "/", `{"entries":{"R":`+owner+`}}`)
	w.mustPolicy("org.acme:base", "create", "/", `{"entries":{"X":`+owner+`,"Y":{"resources":{"thing:/y":`+ro+`},"importable":"explicit"}}}`)
	w.mustPolicy(gateID, "create", "/", strings.Replace(gate, `"entries":{`, `"imports":{"org.acme:base":{"entries":["Y"]}},"entries":{`, 1))
	labels := func(w *world, headers, fields string) string {
		o := w.send(strings.Replace(policyCommand(gateID, "retrieve", "/", "", headers), `"path"`, fields+`"path"`, 1))
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		if tag, ok := o.Response.Headers.Get(protocol.HeaderETag); ok != (headers == "") {
			t.Errorf("with %s its tag is %s", headers, tag)
		}
		var list []string
		entries, _ := o.Response.Value.Member("entries")
		for label := range entries.Members() {
			list = append(list, label)
		}
		return strings.Join(list, " ")
	}
	if got := labels(w, "", ""); got != "OWNER GUEST" {
		t.Errorf("stored: %s", got)
	}
	if got := labels(w, `"policy-view":"resolved","if-none-match":"*"`, ""); got != "OWNER GUEST imported-org.acme:base-X imported-org.acme:base-Y nsimported-top:root-R" {
		t.Errorf("resolved: %s", got)
	}
	if got := labels(w, `"policy-view":"RESOLVED"`, `"fields":"entries/OWNER",`); got != "OWNER" {
		t.Errorf("a field of it: %s", got)
	}
	// Bob sees his own entry, and nothing of where he may not READ.
	if got := labels(w.being("user:bob"), `"policy-view":"resolved"`, ""); got != "GUEST" {
		t.Errorf("resolved for bob: %s", got)
	}
}

func TestAPolicyIsThereAsItWas(t *testing.T) {
	w := newWorld(t, Options{})
	w.mustPolicy(gateID, "create", "/", gate)
	w.mustPolicy(gateID, "delete", "/entries/GUEST", "")
	o := w.send(policyCommand(gateID, "retrieve", "/", "", `"at-historical-revision":1`))
	if o.Err != nil || text(o.Response.Value) != gate {
		t.Errorf("%+v %s", o.Err, o.Response.AppendJSON(nil))
	}
	if kept := o.Response.Headers.Value(protocol.HeaderHistoricalHeaders); textIn(kept, protocol.HeaderOriginator) != "user:ann" {
		t.Errorf("kept with it: %s", text(kept))
	}
	o = w.send(policyCommand(gateID, "retrieve", "/entries/GUEST/importable", "", `"at-historical-timestamp":"2999-01-01T00:00:00Z"`))
	if o.Err == nil || o.Err.Code != "policies:policy.history.notfound" {
		t.Errorf("%+v", o.Err)
	}
	// What may be READ is said by the present.
	if o := w.as("user:bob", policyCommand(gateID, "retrieve", "/", "", `"at-historical-revision":1`)); o.Err == nil || o.Err.Status != 404 {
		t.Errorf("bob: %s", o.Response.AppendJSON(nil))
	}
}

func TestPolicyCommandsThatTellNothing(t *testing.T) {
	w := newWorld(t, Options{})
	w.mustPolicy(gateID, "create", "/", gate)
	if o := w.send(policyCommand(gateID, "modify", "/entries/GUEST/subjects/user:bob", `{"type":"guest"}`, `"response-required":false,"if-equal":"skip"`)); o.Err != nil || o.Response != nil || o.Events != nil {
		t.Errorf("%+v", o)
	}
	if o := w.mustPolicy(gateID, "delete", "/entries/GUEST/allowedAdditions", ""); o.Events != nil || o.Response.Status != 204 {
		t.Errorf("%+v", o)
	}
	if o := w.send(policyCommand(gateID, "retrieve", "/", "", `"response-required":false`)); o.Err != nil || o.Response != nil {
		t.Errorf("%+v", o)
	}
	if o := w.mustPolicy(gateID, "modify", "/entries/GUEST/subjects/user:bob", `{"type":"guest"}`); o.Events[0].Revision != 2 {
		t.Errorf("the revision is %d", o.Events[0].Revision)
	}
}

func TestWhatBecomesOfThingsWhenTheirPolicyIsChangedByACommand(t *testing.T) {
	w := newWorld(t, Options{})
	w.mustPolicy(gateID, "create", "/", gate)
	w.must(lampID, "create", "/", `{"policyId":"org.acme:gate","features":{"door":{"properties":{"open":true}}}}`)
	open := func() *Outcome { return w.as("user:bob", command(lampID, "retrieve", "/features/door", "")) }
	if o := open(); o.Err != nil {
		t.Fatal(o.Err)
	}
	w.mustPolicy(gateID, "delete", "/entries/GUEST/subjects/user:bob", "")
	if o := open(); o.Err == nil {
		t.Error("bob still sees it")
	}
	w.mustPolicy(gateID, "delete", "/", "")
	if o := w.send(command(lampID, "retrieve", "/", "")); o.Err == nil {
		t.Error("a Thing without a Policy is seen")
	}
}
