package twin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// together has merges at "/" applied as one; each is a Thing's ID and a patch,
// and makes its Thing.
func (w *world) together(merges ...[2]string) *Outcome {
	w.t.Helper()
	var cmds []*Command
	for _, merge := range merges {
		m, err := protocol.ParseMessage([]byte(command(merge[0], "merge", "/", merge[1])), nil, jsondoc.Limits{})
		if err != nil {
			w.t.Fatal(err)
		}
		cmds = append(cmds, &Command{Message: m, Sender: w.sender, Create: &Create{}})
	}
	cmds[len(cmds)-1].Receipt = &store.Receipt{Client: "c1", Epoch: 3, PacketID: 17}
	got := make(chan *Outcome, 2)
	w.HandleTogether(cmds, func(o *Outcome) { got <- o })
	return <-got
}

func TestTogetherAllChangesAreAppliedOrNone(t *testing.T) {
	w := newWorld(t, Options{})
	o := w.together(
		[2]string{"org.acme:a", `{"attributes":{"n":1}}`},
		[2]string{"org.acme:b", `{"attributes":{"n":1}}`},
		[2]string{"org.acme:a", `{"attributes":{"m":2}}`})
	if o.Err != nil || len(o.Events) != 3 || o.Events[0].Topic.Action != "created" || o.Events[2].Topic.Action != "merged" || o.Events[2].Revision != 2 {
		t.Fatalf("%+v", o)
	}
	before := w.Store().Stats().LastSeq
	for name, bad := range map[string][2]string{
		"refused by what it is":           {"org.acme:c", `{"attributes":{"":1}}`},
		"refused by what is there":        {"org.acme:c", `{"thingId":"org.acme:other"}`},
		"refused by what it would become": {"org.acme:a", `{"attributes":{"x":"` + fmt.Sprintf("%0200000d", 1) + `"}}`},
	} {
		o := w.together([2]string{"org.acme:a", `{"attributes":{"n":9}}`}, [2]string{"org.acme:new", `{}`}, bad)
		if o.Err == nil || len(o.Events) != 0 {
			t.Errorf("%s: %+v", name, o)
		}
	}
	w.reopen(Options{})
	a, revision := w.thing("org.acme:a")
	if want := `{"thingId":"org.acme:a","policyId":"org.acme:a","attributes":{"n":1,"m":2}}`; a != want || revision != 2 {
		t.Errorf("%d %s", revision, a)
	}
	if b, _ := w.thing("org.acme:b"); b == "" || w.policy("org.acme:b") == "" {
		t.Error("the second Thing or its Policy is not there")
	}
	if n, _ := w.thing("org.acme:new"); n != "" || w.Store().Stats().LastSeq != before {
		t.Error("something of what was refused is there")
	}
	if epoch, ids := w.Store().Receipts("c1"); epoch != 3 || fmt.Sprint(ids) != "[17]" {
		t.Errorf("receipts: epoch %d, packets %v", epoch, ids)
	}
}

func TestAThingIsMadeWithWhatItsCommandSays(t *testing.T) {
	w := newWorld(t, Options{})
	initial, err := jsondoc.ParseString(`{"definition":"org.acme:lamp:1.0.0","attributes":{"serial":"7","n":0,"gone":1}}`)
	if err != nil {
		t.Fatal(err)
	}
	merge := func(path, patch string, create *Create) *Outcome {
		m, err := protocol.ParseMessage([]byte(command("org.acme:lamp", "merge", path, patch)), nil, jsondoc.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan *Outcome, 1)
		w.Handle(&Command{Message: m, Sender: w.sender, Create: create}, func(o *Outcome) { got <- o })
		return <-got
	}
	wrong, _ := jsondoc.ParseString(`{"definition":"lamp"}`)
	if o := merge("/", `{}`, &Create{Initial: wrong}); o.Err == nil || o.Err.Status != 400 {
		t.Errorf("a definition that is none: %+v", o)
	}
	if thing, _ := w.thing("org.acme:lamp"); thing != "" {
		t.Fatalf("of what was refused there is %s", thing)
	}
	if o := merge("/", `{"attributes":{"n":1,"gone":null},"features":{"f":{}}}`, &Create{Initial: initial}); o.Err != nil {
		t.Fatal(o.Err)
	}
	want := `{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","definition":"org.acme:lamp:1.0.0","attributes":{"serial":"7","n":1},"features":{"f":{}}}`
	if thing, _ := w.thing("org.acme:lamp"); thing != want {
		t.Errorf("made %s, want %s", thing, want)
	}
	// It says nothing of a Thing that is there.
	if o := merge("/attributes", `{"serial":"8"}`, &Create{Initial: initial}); o.Err != nil {
		t.Fatal(o.Err)
	}
	if thing, _ := w.thing("org.acme:lamp"); thing != strings.Replace(want, `"serial":"7"`, `"serial":"8"`, 1) {
		t.Errorf("merged %s", thing)
	}
}

func TestTogetherEachCommandThatWantsOneIsResponded(t *testing.T) {
	w := newWorld(t, Options{})
	var cmds []*Command
	for i, required := range []bool{true, false, true} {
		m, err := protocol.ParseMessage([]byte(command(fmt.Sprintf("org.acme:%c", 'a'+i), "merge", "/", `{"attributes":{"n":1}}`)), nil, jsondoc.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		m.Headers.Set("response-required", jsondoc.Bool(required))
		cmds = append(cmds, &Command{Message: m, Sender: w.sender})
	}
	got := make(chan *Outcome, 1)
	w.HandleTogether(cmds, func(o *Outcome) { got <- o })
	o := <-got
	if o.Err != nil || len(o.More) != 2 || o.More[0].Topic.Name != "a" || o.More[1].Topic.Name != "c" || len(o.Events) != 3 {
		t.Errorf("%+v", o)
	}
}

func TestTogetherEachChangeKeepsItsOwnHeaders(t *testing.T) {
	w := newWorld(t, Options{History: []string{"correlation-id", "acme-n"}})
	var cmds []*Command
	for i, headers := range []string{`"correlation-id":"x","acme-n":1`, `"correlation-id":"y"`, `"correlation-id":"z","acme-n":[3]`} {
		id := []string{"org.acme:a", "org.acme:b", "org.acme:a"}[i]
		m, err := protocol.ParseMessage([]byte(strings.Replace(command(id, "merge", "/", fmt.Sprintf(`{"attributes":{"n":%d}}`, i)),
			`"correlation-id":"c1"`, headers, 1)), nil, jsondoc.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, &Command{Message: m, Sender: w.sender})
	}
	got := make(chan *Outcome, 1)
	w.HandleTogether(cmds, func(o *Outcome) { got <- o })
	if o := <-got; o.Err != nil {
		t.Fatal(o.Err)
	}
	for _, tc := range []struct {
		id       string
		revision int
		want     string
	}{
		{"org.acme:a", 1, `{"correlation-id":"x","acme-n":1,"entity-revision":1}`},
		{"org.acme:b", 1, `{"correlation-id":"y","entity-revision":1}`},
		{"org.acme:a", 2, `{"correlation-id":"z","acme-n":[3],"entity-revision":2}`},
	} {
		o := w.send(ask(tc.id, "/", atRevision(tc.revision), ""))
		if o.Err != nil || text(o.Response.Headers.Value("historical-headers")) != tc.want {
			t.Errorf("%s at %d: %s, want %s", tc.id, tc.revision, o.Response.AppendJSON(nil), tc.want)
		}
	}
}
