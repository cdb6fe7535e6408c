package twin

import (
	"strings"
	"testing"
)

func TestAPolicyThatIsMadeWithAThingIsToldOf(t *testing.T) {
	w := newWorld(t, Options{})
	w.provision("org.acme:shared", everything("user:ann"))
	const created = "org.acme/x/policies/events/created"
	for _, c := range []struct{ why, action, value, want string }{
		{"one of its own", "create", `{}`, created},
		{"by a merge", "merge", `{"attributes":{"n":1}}`, created},
		{"one that it brings", "modify", `{"_policy":{"entries":` + everything("user:ann") + `}}`, created},
		{"a copy", "create", `{"_copyPolicyFrom":"org.acme:shared"}`, created},
		{"under an ID of its own", "create", `{"policyId":"org.acme:other","_policy":{"entries":` + everything("user:ann") + `}}`, "org.acme/other/policies/events/created"},
		{"one that is there", "create", `{"policyId":"org.acme:shared"}`, ""},
	} {
		o := w.send(beside(command("org.acme:x", c.action, "/", c.value), `"if-none-match":"*","mine":"1"`, ""))
		if o.Err != nil || len(o.Events) != 1 {
			t.Fatalf("%s: %v", c.why, o.Err)
		}
		got := ""
		for _, e := range o.Policies {
			got += e.Topic.String()
			text := string(e.AppendJSON(nil))
			if id := e.Topic.EntityID(); !strings.Contains(text, `"path":"/","value":`+w.policy(id)) || w.policy(id) == "" || e.Revision == 0 || !e.Timestamp.Equal(o.Events[0].Timestamp) {
				t.Errorf("%s: told %s, of %s", c.why, text, w.policy(id))
			}
			if strings.Contains(text, "if-none-match") || strings.Contains(text, "merge-patch") || !strings.Contains(text, `"correlation-id":"c1"`) || !strings.Contains(text, `"mine":"1"`) || !strings.Contains(text, `"ditto-originator":"user:ann"`) {
				t.Errorf("%s: the headers in %s", c.why, text)
			}
		}
		if got != c.want {
			t.Errorf("%s: told %q, want %q", c.why, got, c.want)
		}
		w.must("org.acme:x", "delete", "/", "")
		for _, id := range []string{"org.acme:x", "org.acme:other"} {
			if w.policy(id) != "" {
				w.mustPolicy(id, "delete", "/", "")
			}
		}
	}
	t.Run("of several at once", func(t *testing.T) {
		o := w.together([2]string{"org.acme:a", `{"attributes":{"n":1}}`}, [2]string{"org.acme:b", `{}`}, [2]string{"org.acme:a", `{"attributes":{"n":2}}`})
		if o.Err != nil || len(o.Events) != 3 || len(o.Policies) != 2 || o.Policies[0].Topic.Name != "a" || o.Policies[1].Topic.Name != "b" {
			t.Errorf("told %v of %v", o.Events, o.Policies)
		}
	})
}
