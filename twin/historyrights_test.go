package twin

import (
	"strings"
	"testing"
)

// Who makes a Thing or a Policy of a name that somebody else has given up sees
// nothing of what the other one was.
func TestWhatWasOfSomebodyElseIsNotToBeSeen(t *testing.T) {
	w := newWorld(t, Options{})
	bob := w.being("user:bob")
	w.must("org.acme:t", "create", "/", `{"attributes":{"secret":1}}`)
	w.mustPolicy("org.acme:t", "modify", "/entries/hidden", `{"subjects":{"user:hidden":{"type":"x"}}}`)
	w.must("org.acme:t", "modify", "/attributes/secret", "2")
	w.must("org.acme:t", "delete", "/", "")
	w.mustPolicy("org.acme:t", "delete", "/", "")
	bob.must("org.acme:t", "create", "/", `{"attributes":{"mine":1}}`)
	for name, envelope := range map[string]string{
		"a Thing":          ask("org.acme:t", "/", atRevision(1), ""),
		"a part":           ask("org.acme:t", "/attributes/secret", atRevision(2), ""),
		"its Policy":       ask("org.acme:t", "/", atRevision(1), "_policy"),
		"a Policy":         policyCommand("org.acme:t", "retrieve", "/", "", atRevision(2)),
		"a Policy's entry": policyCommand("org.acme:t", "retrieve", "/entries/hidden", "", atRevision(2)),
	} {
		o := bob.send(envelope)
		if o.Err == nil || o.Err.Status != 404 || strings.Contains(text(o.Response.Value), "hidden") {
			t.Errorf("%s: %v %s", name, o.Err, text(o.Response.Value))
		}
	}
	many := strings.Replace(ask("org.acme:t", "/", atRevision(1), ""), `"org.acme/t/`, `"org.acme/_/`, 1)
	many = strings.Replace(many, `"path":"/"`, `"path":"/","value":{"thingIds":["org.acme:t"]}`, 1)
	if o := bob.send(many); o.Err != nil || text(o.Response.Value) != "[]" {
		t.Errorf("many: %v %s", o.Err, text(o.Response.Value))
	}
	if o := bob.send(ask("org.acme:t", "/attributes", atRevision(4), "")); o.Err != nil || text(o.Response.Value) != `{"mine":1}` {
		t.Errorf("his own: %v", o.Err)
	}
	if o := w.as("admin", ask("org.acme:t", "/attributes/secret", atRevision(2), "")); o.Err != nil || text(o.Response.Value) != "2" || !o.Overruled {
		t.Errorf("an administrator: %v", o.Err)
	}
}
