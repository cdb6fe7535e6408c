package twin

import (
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/twin/policy"
)

const (
	activate   = "activateTokenIntegration"
	deactivate = "deactivateTokenIntegration"
)

// acted has eve, who came with a token, do an action for her gate.
func (w *world) act(action, path, value string, token *Token) *Outcome {
	w.t.Helper()
	return w.apply(func(cmd *Command) {
		cmd.Sender = Sender{Client: "eve", Subjects: policy.Subjects{"jwt:eve"}, Token: token}
	}, policyCommand(gateID, action, path, value, ""))
}

func TestATokenIsMadeASubject(t *testing.T) {
	token := &Token{Subjects: []string{"integration:{{ policy-entry:label }}:app"}, Expires: time.Now().Add(time.Hour)}
	execute := `{"grant":["EXECUTE"],"revoke":[]}`
	eve := `"jwt:eve":{"type":"x"}`
	made := `{"policyId":"org.acme:gate","entries":{"OWNER":` + owner +
		`,"A":` + entryOf(eve, `"thing:/a":`+ro+`,"policy:/entries/A":`+execute, "") +
		`,"B":` + entryOf(eve, `"thing:/b":`+ro+`,"policy:/entries/B/actions/`+activate+`":`+execute, "") +
		`,"C":` + entryOf(eve, `"message:/":`+ro+`,"policy:/entries/C":`+execute, "") +
		`,"D":` + entryOf(eve, `"thing:/":`+ro, "") +
		`,"E":` + entryOf(`"jwt:other":{"type":"x"}`, `"thing:/":`+ro, "") +
		`,"F":` + entryOf(eve, `"policy:/entries/E":`+execute, "") + `}}`
	for _, c := range []struct {
		name, action, path string
		status             int
		code, event        string
		in                 string // the entries that have it then
	}{
		{"in an entry", activate, "/entries/A", 204, "", "created /entries/A/subjects/integration:A:app", "A"},
		{"in all entries where it may be", activate, "/", 204, "", "modified /", "A B"},
		{"not in one that grants nothing of Things", activate, "/entries/C", 404, "policies:action.failed", "", ""},
		{"not without EXECUTE", activate, "/entries/D", 403, "policies:action.failed", "", ""},
		{"not in one in which the sender is not", activate, "/entries/E", 404, "policies:action.failed", "", ""},
		{"not in one that is not there", activate, "/entries/Z", 403, "policies:action.failed", "", ""},
		{"not in what is no entry", activate, "/entries", 400, "protocoladapter:unknown.topicpath", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.mustPolicy(gateID, "create", "/", made)
			o := w.act(c.action, c.path, "", token)
			if o.Response.Status != c.status || textIn(orEmpty(o.Response.Value), "error") != c.code {
				t.Fatalf("answered %s", o.Response.AppendJSON(nil))
			}
			if got := toldOf(o); got != c.event {
				t.Errorf("told %q", got)
			}
			if got := has(w, "integration:"); got != c.in {
				t.Errorf("it is in %q: %s", got, w.policy(gateID))
			}
		})
	}

	t.Run("with an announcement, and taken away again", func(t *testing.T) {
		w := newWorld(t, Options{})
		w.keepTime()
		w.mustPolicy(gateID, "create", "/", made)
		if o := w.act(activate, "/", `{"announcement":{"whenDeleted":true}}`, token); o.Err != nil {
			t.Fatal(o.Err)
		}
		if got := w.policy(gateID); strings.Count(got, `"announcement":{"whenDeleted":true}`) != 2 || strings.Count(got, `"expiry":`) != 2 {
			t.Errorf("it is %s", got)
		}
		if o := w.act(activate, "/entries/A", "", token); toldOf(o) != "modified /entries/A/subjects/integration:A:app" {
			t.Errorf("again: %s", toldOf(o))
		}
		o := w.act(deactivate, "/", "", token)
		if o.Err != nil || toldOf(o) != "deleted /" || has(w, "integration:") != "B" {
			t.Errorf("it is in %q, %s", has(w, "integration:"), toldOf(o))
		}
	})
	t.Run("not without a token", func(t *testing.T) {
		w := newWorld(t, Options{})
		w.mustPolicy(gateID, "create", "/", made)
		if o := w.act(activate, "/", "", nil); o.Err == nil || o.Err.Status != 400 || o.Err.Code != "policies:action.failed" {
			t.Errorf("%+v", o.Err)
		}
	})
	t.Run("not where there is no Policy", func(t *testing.T) {
		w := newWorld(t, Options{})
		if o := w.act(activate, "/", "", token); o.Err == nil || o.Err.Code != "policies:policy.notfound" {
			t.Errorf("%+v", o.Err)
		}
	})
	t.Run("of several subjects", func(t *testing.T) {
		w := newWorld(t, Options{})
		w.mustPolicy(gateID, "create", "/", made)
		o := w.act(activate, "/entries/A", "", &Token{Subjects: []string{"a:{{policy-entry:label}}", "b:x"}, Expires: token.Expires})
		if o.Err != nil || toldOf(o) != "modified /" || has(w, `"a:A"`) != "A" || has(w, `"b:x"`) != "A" {
			t.Errorf("%s: %s", toldOf(o), w.policy(gateID))
		}
		if entry, ok := o.Events[0].Value.Member("A"); !ok || entry.Len() != 2 {
			t.Errorf("told %s", o.Events[0].Value)
		}
	})
}

// toldOf is action and path of what was told.
func toldOf(o *Outcome) string {
	if len(o.Events) == 0 {
		return ""
	}
	return o.Events[0].Topic.Action + " " + o.Events[0].Path.String()
}

// has are the labels of the entries of the gate that have a text in them.
func has(w *world, text string) string {
	entries, _ := jsonText(w.t, w.policy(gateID)).Member("entries")
	var labels []string
	for label, entry := range entries.Members() {
		subjects, _ := entry.Member("subjects")
		if strings.Contains(subjects.String(), text) {
			labels = append(labels, label)
		}
	}
	return strings.Join(labels, " ")
}
