package twin

import (
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/policy"
)

// inline is a Policy that grants ann everything; id is put in front.
func inline(id string) string {
	return `{` + id + `"entries":{"OWNER":{"subjects":{"{{ request:subjectId }}":{"type":"me"}},` +
		`"resources":{"policy:/":{"grant":["READ","WRITE"],"revoke":[]},"thing:/":{"grant":["READ","WRITE"],"revoke":[]}}}}}`
}

func stored(id string) string {
	text := strings.Replace(inline(`"policyId":"`+id+`",`), "{{ request:subjectId }}", "user:ann", 1)
	return strings.TrimSuffix(text, "}}}") + `,"importable":"implicit"}}}`
}

func TestAThingIsMadeWithAPolicy(t *testing.T) {
	for _, action := range []string{"create", "modify", "merge"} {
		for _, c := range []struct {
			name, value, thing string // the Thing's Policy ID
			policies           map[string]string
		}{
			{"inline", `{"_policy":` + inline("") + `}`, lampID, map[string]string{lampID: stored(lampID)}},
			{"inline under the ID in it", `{"_policy":` + inline(`"policyId":"org.acme:q",`) + `}`, "org.acme:q",
				map[string]string{"org.acme:q": stored("org.acme:q"), lampID: ""}},
			{"inline under the Thing's Policy ID", `{"policyId":"org.acme:r","_policy":` + inline(`"policyId":"org.acme:q",`) + `}`, "org.acme:r",
				map[string]string{"org.acme:r": stored("org.acme:r"), "org.acme:q": ""}},
			{"a copy", `{"_copyPolicyFrom":"org.acme:old"}`, lampID, map[string]string{lampID: stored(lampID), "org.acme:old": stored("org.acme:old")}},
			{"a copy under another ID", `{"policyId":"org.acme:q","_copyPolicyFrom":"org.acme:old"}`, "org.acme:q",
				map[string]string{"org.acme:q": stored("org.acme:q"), lampID: ""}},
			{"a copy of another Thing's", `{"_copyPolicyFrom":"{{ ref:things/org.acme:other/policyId }}"}`, lampID, map[string]string{lampID: stored(lampID)}},
			{"a copy of what an attribute names", `{"_copyPolicyFrom":"{{ref:THINGS/org.acme:other/attributes/p}}"}`, lampID, map[string]string{lampID: stored(lampID)}},
			{"one that is there", `{"policyId":"org.acme:old"}`, "org.acme:old", map[string]string{lampID: ""}},
			{"one that would be as it is", `{"policyId":"org.acme:old","_policy":` + inline("") + `}`, "org.acme:old", nil},
			{"its own by name", `{"policyId":"org.acme:lamp"}`, lampID, nil},
		} {
			t.Run(action+" with "+c.name, func(t *testing.T) {
				w := newWorld(t, Options{})
				w.must("org.acme:other", "create", "/", `{"attributes":{"p":"org.acme:old"},"_policy":`+inline(`"policyId":"org.acme:old",`)+`}`)
				o := w.must(lampID, action, "/", c.value)
				want := `{"thingId":"org.acme:lamp","policyId":"` + c.thing + `"}`
				if got, rev := w.thing(lampID); got != want || rev != 1 {
					t.Errorf("made %s at revision %d", got, rev)
				}
				if text(o.Response.Value) != want || text(o.Events[0].Value) != want || o.Events[0].Topic.Action != "created" || o.Response.Status != 201 {
					t.Errorf("answered %s, told %s", text(o.Response.Value), text(o.Events[0].Value))
				}
				w.reopen(Options{})
				for id, policy := range c.policies {
					if got := w.policy(id); got != policy {
						t.Errorf("the Policy %s is\n%s\nwant\n%s", id, got, policy)
					}
				}
			})
		}
	}
}

func TestAThingIsNotMadeWithAPolicyThatIsNone(t *testing.T) {
	entry := func(more string) string { return `{"_policy":{"entries":{"x":` + more + `}}}` }
	const write = `"resources":{"policy:/":{"grant":["WRITE"],"revoke":[]},"thing:/":{"grant":["WRITE"],"revoke":[]}}`
	for _, c := range []struct{ name, value, code string }{
		{"nothing", `{"_policy":{}}`, "things:policy.invalid"},
		{"a number", `{"_policy":1}`, "json.invalid"},
		{"a null", `{"_policy":null}`, ""},
		{"entries that are none", `{"_policy":{"entries":[]}}`, "things:policy.invalid"},
		{"imports that are none", `{"_policy":{"imports":[]}}`, "things:policy.invalid"},
		{"imports of what is not there", `{"_policy":{"imports":{"a:b":{}}}}`, "policies:policy.notfound"},
		{"an entry that is none", entry(`1`), "things:policy.invalid"},
		{"nobody who may write", entry(`{"subjects":{"a:b":{}},"resources":{"policy:/":{"grant":["READ"],"revoke":[]}}}`), "things:policy.invalid"},
		{"nobody who may write all of it", entry(`{"subjects":{"a:b":{}},"resources":{"policy:/x":{"grant":["WRITE"],"revoke":[]}}}`), "things:policy.invalid"},
		{"no subjects", entry(`{` + write + `}`), "things:policy.invalid"},
		{"a subject that expires", entry(`{"subjects":{"a:b":{"expiry":"2030-01-01T00:00:00Z"}},` + write + `}`), "things:policy.invalid"},
		{"a subject that it is revoked from", entry(`{"subjects":{"a:b":{}},` + write + `},"y":{"subjects":{"a:b":{}},"resources":{"policy:/":{"grant":[],"revoke":["WRITE"]}}}`), "things:policy.invalid"},
		{"what another entry is to give", entry(`{"subjects":{"user:bob":{"type":"x"}},"references":[{"entry":"y"}]},"y":{"subjects":{"user:eve":{"type":"x"}},` + write + `}`), ""},
		{"somebody else who may write", entry(`{"subjects":{"user:eve":{"type":"x"}},` + write + `}`), "things:thing.notcreatable"},
		{"a Thing that its maker may not write", entry(`{"subjects":{"user:bob":{"type":"x"}},"resources":{"policy:/":{"grant":["WRITE"],"revoke":[]}}}`), "things:thing.notmodifiable"},
		{"a subject without an issuer", entry(`{"subjects":{"b":{}},` + write + `}`), "policies:subjectid.invalid"},
		{"a placeholder for the sender, in its old spelling", entry(`{"subjects":{"${request.subjectId}":{"type":"x"}},` + write + `}`), ""},
		{"a placeholder that stands for nothing", entry(`{"subjects":{"{{ request:x }}":{}},` + write + `}`), "placeholder:placeholder.notresolvable"},
		{"an ID that is none", `{"_policy":` + inline(`"policyId":"q",`) + `}`, "policies:id.invalid"},
		{"the ID of another one that is there", `{"_policy":` + inline(`"policyId":"org.acme:other",`) + `}`, "things:thing.notcreatable"},
		{"one that is too large", `{"_policy":{"x":1,"entries":{"x":{"subjects":{"a:b":{"type":"` + strings.Repeat("x", 1000) + `"}},` + write + `}}}}`, "policies:policy.toolarge"},
		{"a copy of nothing", `{"_copyPolicyFrom":1}`, "json.invalid"},
		{"a copy of one without an ID", `{"_copyPolicyFrom":"p"}`, "policies:id.invalid"},
		{"a copy of one that is not there", `{"_copyPolicyFrom":"a:b"}`, "policies:policy.notfound"},
		{"a copy under an ID that is taken", `{"policyId":"org.acme:other","_copyPolicyFrom":"org.acme:third"}`, "things:thing.notcreatable"},
		{"a copy of what is not there", `{"_copyPolicyFrom":"{{ ref:things/org.acme:none/policyId }}"}`, "things:thing.notfound"},
		{"a copy of what the Thing has not", `{"_copyPolicyFrom":"{{ ref:things/org.acme:other/definition }}"}`, "placeholder:placeholder.reference.unknownfield"},
		{"a copy of what is no text", `{"_copyPolicyFrom":"{{ ref:things/org.acme:other/attributes }}"}`, "json.invalid"},
		{"a copy of what is no ID", `{"_copyPolicyFrom":"{{ ref:things/org.acme:other/attributes/x }}"}`, "policies:id.invalid"},
		{"a copy of what is of no Thing", `{"_copyPolicyFrom":"{{ ref:policies/org.acme:other/policyId }}"}`, "placeholder:placeholder.reference.notsupported"},
		{"a copy of a Thing that is none", `{"_copyPolicyFrom":"{{ ref:things/other/policyId }}"}`, "things:id.invalid"},
		{"a copy of another placeholder", `{"_copyPolicyFrom":"{{ thing:id }}"}`, "policies:id.invalid"},
		{"two", `{"_policy":{},"_copyPolicyFrom":"a:b"}`, "things:policy.conflicting"},
		{"one that is not there", `{"policyId":"a:b"}`, "things:thing.notcreatable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{PolicySize: 750})
			w.must("org.acme:other", "create", "/", `{"attributes":{"x":"y"}}`)
			w.sender.Subjects = policy.Subjects{"user:bob", "user:ann"}
			w.must("org.acme:third", "create", "/", `{}`)
			before := w.Store().Stats().LastSeq
			o := w.send(command(lampID, "create", "/", c.value))
			if c.code == "" {
				if o.Err != nil {
					t.Error(o.Err)
				}
				return
			}
			if o.Err == nil || o.Err.Code != c.code {
				t.Errorf("%v", o.Err)
			}
			if got, _ := w.thing(lampID); got != "" || w.Store().Stats().LastSeq != before {
				t.Error("something of it is there")
			}
		})
	}
}

func TestThingsOfOneMessageAreMadeWithTheirPolicies(t *testing.T) {
	w := newWorld(t, Options{})
	o := w.together(
		[2]string{"org.acme:a", `{"_policy":` + inline(`"policyId":"org.acme:q",`) + `}`},
		[2]string{"org.acme:b", `{"policyId":"org.acme:q","_policy":` + inline("") + `}`})
	if o.Err != nil || w.policy("org.acme:q") != stored("org.acme:q") || w.policy("org.acme:a") != "" {
		t.Errorf("%v %s", o.Err, w.policy("org.acme:q"))
	}
}
