package twin

import (
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Whatever comes in: one outcome, a readable answer, and no change unless an
// event says so.
func FuzzHandle(f *testing.F) {
	for _, s := range []string{
		command(lampID, "create", "/", lamp), command(lampID, "modify", "/attributes/a/b", `{"c":[1]}`),
		command(lampID, "merge", "/", `{"features":{"light":{"properties":{"on":null}}}}`),
		command(lampID, "merge", "/features/f/definition", `["a:b:c"]`), command(lampID, "delete", "/features/light/properties/on", ``),
		command(lampID, "retrieve", "/", ``), command(lampID, "modify", "/policyId", `"a:b"`), command(lampID, "delete", "/", ``),
		`{"topic":"_/_/things/twin/commands/retrieve","path":"/","value":{"thingIds":["org.acme:lamp"]},"fields":"features/*/properties"}`,
		searchMessage("subscribe", `{"namespaces":["a"],"options":"size(2)"}`), searchMessage("request", `{"subscriptionId":"x","demand":1}`),
		`{"topic":"a/b/things/twin/commands/modify","headers":{"response-required":false,"if-equal":"update"},"path":"/definition","value":null}`,
	} {
		f.Add(s)
	}
	w := newWorld(f, Options{})
	w.must(lampID, "create", "/", lamp)
	f.Fuzz(func(t *testing.T, envelope string) {
		m, err := protocol.ParseMessage([]byte(envelope), nil, jsondoc.Limits{})
		if err != nil {
			return
		}
		id := m.Topic.EntityID()
		if len(id) > 512 {
			return
		}
		w.t = t
		if id == "" || strings.Contains(id, "\x00") {
			id = lampID
		}
		before, rev := w.thing(id)
		o := w.send(envelope)
		after, newRev := w.thing(id)
		if (o.Err != nil) != (o.Response != nil && o.Response.Topic.Criterion == protocol.Errors) {
			t.Fatalf("%s: error %v, response %v", envelope, o.Err, o.Response)
		}
		for _, m := range append(o.More, append(o.Events, o.Response)...) {
			if m == nil {
				continue
			}
			if _, err := protocol.ParseMessage(m.AppendJSON(nil), nil, jsondoc.Limits{Depth: 100}); err != nil {
				t.Fatalf("%s: %s cannot be read: %v", envelope, m.AppendJSON(nil), err)
			}
		}
		if newRev-rev != uint64(len(o.Events)) || len(o.Events) == 0 && after != before || o.Err != nil && len(o.Events) != 0 {
			t.Fatalf("%s: %d events, revision %d after %d", envelope, len(o.Events), newRev, rev)
		}
		if after != "" {
			if doc, err := jsondoc.ParseString(after); err != nil || doc.Kind() != jsondoc.KindObject || policyIDOf(doc) == "" {
				t.Fatalf("%s made %s", envelope, after)
			}
		}
	})
}
