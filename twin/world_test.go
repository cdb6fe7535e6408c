package twin

import (
	"fmt"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// world is a service on a disk of its own, and somebody who talks to it.
type world struct {
	t testing.TB
	*Service
	dir    string
	sender Sender
}

func newWorld(t testing.TB, o Options) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), sender: Sender{Client: "c1", Subjects: policy.Subjects{"user:ann", "group:ops"}}}
	w.open(o)
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return w
}

func (w *world) open(o Options) {
	w.t.Helper()
	s, err := Open(w.dir, o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Service = s
}

// reopen ends the service and opens its data again.
func (w *world) reopen(o Options) {
	w.t.Helper()
	if err := w.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open(o)
}

// send has an envelope applied and waits for what comes of it.
func (w *world) send(envelope string) *Outcome {
	w.t.Helper()
	return w.apply(func(*Command) {}, envelope)
}

func (w *world) apply(set func(*Command), envelope string) *Outcome {
	w.t.Helper()
	m, err := protocol.ParseMessage([]byte(envelope), nil, jsondoc.Limits{})
	if err != nil {
		e := protocol.AsError(err)
		return &Outcome{Err: e, Response: e.Response(m)}
	}
	cmd := &Command{Message: m, Sender: w.sender}
	set(cmd)
	got := make(chan *Outcome, 2)
	w.Handle(cmd, func(o *Outcome) { got <- o })
	return <-got
}

// command is the envelope of a command for a Thing; value "" is none.
func command(id, action, path, value string) string {
	parsed, err := protocol.ParseThingID(id)
	if err != nil {
		panic(err)
	}
	if value != "" {
		value = `,"value":` + value
	}
	return fmt.Sprintf(`{"topic":"%s/%s/things/twin/commands/%s","headers":{"correlation-id":"c1"},"path":"%s"%s}`,
		parsed.Namespace, parsed.Name, action, path, value)
}

// must has a command applied that has to go well.
func (w *world) must(id, action, path, value string) *Outcome {
	w.t.Helper()
	o := w.send(command(id, action, path, value))
	if o.Err != nil {
		w.t.Fatalf("%s %s of %s: %v", action, path, id, o.Err)
	}
	return o
}

// thing is the text of a Thing and its revision; "" when there is none.
func (w *world) thing(id string) (string, uint64) {
	w.t.Helper()
	var text string
	e, err := w.store.View(store.Key{Kind: kindThing, ID: id})
	if err != nil {
		w.t.Fatal(err)
	}
	if doc := documentOf(e); doc.Value != nil {
		text = doc.String()
	}
	return text, e.Revision
}

func (w *world) policy(id string) string {
	w.t.Helper()
	e, err := w.store.View(store.Key{Kind: kindPolicy, ID: id})
	if err != nil {
		w.t.Fatal(err)
	}
	if doc := documentOf(e); doc.Value != nil {
		return doc.String()
	}
	return ""
}

// provision stores a Policy with these entries, whoever may do it.
func (w *world) provision(id, entries string) {
	w.t.Helper()
	e, err := w.ReadEntity([]byte(`{"policyId":"` + id + `","entries":` + entries + `}`))
	if err != nil {
		w.t.Fatal(err)
	}
	got := make(chan *Outcome, 2)
	w.PutEntity(e, w.sender, Replace, func(_ Placed, o *Outcome) { got <- o })
	if o := <-got; o.Err != nil {
		w.t.Fatal(o.Err)
	}
}

// everything is an entry that grants a subject all that a Policy can grant.
func everything(subject string) string {
	return `{"all":{"subjects":{"` + subject + `":{"type":"x"}},"resources":{` +
		`"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]},"message:/":{"grant":["READ","WRITE"],"revoke":[]}}}}`
}

func text(v *jsondoc.Value) string {
	if v == nil {
		return ""
	}
	return v.String()
}

func jsonText(t testing.TB, s string) *jsondoc.Value {
	t.Helper()
	v, err := jsondoc.ParseString(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
