package twin

import (
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

// after is the Thing after an event, as text.
func (w *world) after(o *Outcome, event int) (value, metadata string, created time.Time) {
	w.t.Helper()
	if o.Err != nil || event >= len(o.Events) {
		w.t.Fatalf("%+v", o)
	}
	thing := o.ThingAfter(o.Events[event])
	return text(thing.Value), text(thing.Metadata), thing.Created
}

// Who is told of an event can be told of the Thing as it was after it.
func TestAnOutcomeHasTheThingAfterEachEvent(t *testing.T) {
	w := newWorld(t, Options{})
	const id, thing = "org.acme:a", `{"thingId":"org.acme:a","policyId":"org.acme:a"`
	o := w.must(id, "create", "/", `{"attributes":{"n":1}}`)
	born := o.Events[0].Timestamp
	for _, step := range []struct {
		outcome         *Outcome
		value, metadata string
	}{
		{o, thing + `,"attributes":{"n":1}}`, ""},
		{w.must(id, "modify", "/attributes/n", "2"), thing + `,"attributes":{"n":2}}`, ""},
		{w.must(id, "merge", "/", `{"attributes":{"n":null,"m":3}}`), thing + `,"attributes":{"m":3}}`, ""},
		{w.send(`{"topic":"org.acme/a/things/twin/commands/modify","headers":{"put-metadata":[{"key":"by","value":"x"}]},"path":"/attributes/m","value":4}`),
			thing + `,"attributes":{"m":4}}`, `{"attributes":{"m":{"by":"x"}}}`},
		{w.must(id, "delete", "/attributes", ""), thing + `}`, "{}"},
	} {
		value, metadata, created := w.after(step.outcome, 0)
		if value != step.value || metadata != step.metadata || !created.Equal(born) {
			t.Errorf("got  %s %s %v\nwant %s %s %v", value, metadata, created, step.value, step.metadata, born)
		}
	}
	if value, _, _ := w.after(w.must(id, "delete", "/", ""), 0); value != "" {
		t.Errorf("after it was deleted: %s", value)
	}
	if o := w.must("org.acme:b", "create", "/", "{}"); o.ThingAfter(&protocol.Message{}).Value != nil {
		t.Error("of an event that is not its own")
	}
}

func TestThingsThatAreChangedTogetherAreEachAsTheyWereThen(t *testing.T) {
	w := newWorld(t, Options{})
	o := w.together(
		[2]string{"org.acme:a", `{"attributes":{"n":1}}`},
		[2]string{"org.acme:b", `{"attributes":{"n":2}}`},
		[2]string{"org.acme:a", `{"attributes":{"n":3}}`})
	for i, want := range []string{
		`{"thingId":"org.acme:a","policyId":"org.acme:a","attributes":{"n":1}}`,
		`{"thingId":"org.acme:b","policyId":"org.acme:b","attributes":{"n":2}}`,
		`{"thingId":"org.acme:a","policyId":"org.acme:a","attributes":{"n":3}}`,
	} {
		if value, _, created := w.after(o, i); value != want || !created.Equal(o.Events[0].Timestamp) {
			t.Errorf("event %d: %s, created %v", i, value, created)
		}
	}
}

func TestAThingThatComesFromElsewhereWasCreatedThere(t *testing.T) {
	w := newWorld(t, Options{})
	_, o := w.put(`{"thingId":"org.acme:a","attributes":{"n":1},"_revision":7,"_created":"2020-01-02T03:04:05Z","_modified":"2021-01-01T00:00:00Z"}`, Refuse)
	value, _, created := w.after(o, 0)
	if value != `{"thingId":"org.acme:a","policyId":"org.acme:a","attributes":{"n":1}}` && value != `{"thingId":"org.acme:a","attributes":{"n":1},"policyId":"org.acme:a"}` ||
		!created.Equal(time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("%s, created %v", value, created)
	}
}
