package twin

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

// put reads a line, puts it there and waits for what came of it.
func (w *world) put(line string, how OnConflict) (Placed, *Outcome) {
	w.t.Helper()
	e, err := w.ReadEntity([]byte(line))
	if err != nil {
		return 0, &Outcome{Err: err}
	}
	type result struct {
		placed Placed
		o      *Outcome
	}
	got := make(chan result, 2)
	w.PutEntity(e, w.sender, how, func(p Placed, o *Outcome) { got <- result{p, o} })
	r := <-got
	return r.placed, r.o
}

// lines are all entities.
func (w *world) lines() string {
	w.t.Helper()
	var out strings.Builder
	err := w.EachEntity(context.Background(), func(line *Line) error {
		out.Write(append(line.Text, '\n'))
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.String()
}

func TestWhatCannotBeAnEntityIsNamed(t *testing.T) {
	w := newWorld(t, Options{ThingSize: 300, PolicySize: 200})
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	for _, c := range []struct{ name, line, code, where string }{
		{"no JSON", `thingId: a:b`, "json.invalid", "At byte 0"},
		{"cut off", `{"thingId":"a:b","attributes":{`, "json.invalid", "At byte 31"},
		{"a member twice", `{"thingId":"a:b","attributes":{"x":1,"\u0078":2}}`, "json.invalid", "At byte 37"},
		{"no UTF-8", "{\"thingId\":\"a:b\",\"attributes\":{\"x\":\"\xff\"}}", "json.invalid", "At byte 36"},
		{"half a surrogate pair", `{"thingId":"a:b","attributes":{"x":"\ud800"}}`, "json.invalid", "At byte"},
		{"nested too deep", `{"thingId":"a:b","attributes":` + deep + `}`, "json.invalid", "At byte"},
		{"no object", `["a:b"]`, "json.invalid", "found: array"},
		{"no ID", `{"attributes":{}}`, "json.field.missing", "thingId"},
		{"an ID that is no text", `{"thingId":1}`, "json.format.invalid", "/thingId"},
		{"an ID that is none", `{"thingId":"a b"}`, "things:id.invalid", "a b"},
		{"an ID that is too long", `{"thingId":"a:` + strings.Repeat("x", 256) + `"}`, "things:id.invalid", ""},
		{"a Policy's ID that is none", `{"thingId":"a:b","policyId":"p"}`, "policies:id.invalid", "p"},
		{"attributes that are none", `{"thingId":"a:b","attributes":[1]}`, "json.invalid", "/attributes"},
		{"a key that may not be", `{"thingId":"a:b","attributes":{"x":{"a/b":1}}}`, "json.key.invalid", "a/b"},
		{"a definition that is none", `{"thingId":"a:b","definition":"x"}`, "things:definition.identifier.invalid", "x"},
		{"a Feature that is none", `{"thingId":"a:b","features":{"f":1}}`, "json.invalid", "/features/f"},
		{"a member that a Thing has not", `{"thingId":"a:b","atributes":{}}`, "json.format.invalid", "/atributes"},
		{"a member that a Feature has not", `{"thingId":"a:b","features":{"f":{"properties":{},"x":1}}}`, "json.format.invalid", "/features/f/x"},
		{"what a creation could say more", `{"thingId":"a:b","_policy":{}}`, "", "_policy"},
		{"a Thing that is too large", `{"thingId":"a:b","policyId":"a:b","attributes":{"x":"` + strings.Repeat("x", 300) + `"}}`, "things:thing.toolarge", ""},
		{"revision 0", `{"thingId":"a:b","_revision":0}`, "json.format.invalid", "/_revision"},
		{"a revision that is no number", `{"thingId":"a:b","_revision":"7"}`, "json.format.invalid", "/_revision"},
		{"a revision beyond counting", `{"thingId":"a:b","_revision":9007199254740992}`, "json.format.invalid", "/_revision"},
		{"a time that is none", `{"thingId":"a:b","_modified":"yesterday"}`, "json.format.invalid", "/_modified"},
		{"a time before time", `{"thingId":"a:b","_created":"1969-12-31T23:59:59Z"}`, "json.format.invalid", "/_created"},
		{"a Policy without entries", `{"policyId":"a:b"}`, "json.field.missing", "entries"},
		{"a Policy with entries that are none", `{"policyId":"a:b","entries":[]}`, "json.format.invalid", "/entries"},
		{"a Policy with an entry that is none", `{"policyId":"a:b","entries":{"x":1}}`, "json.format.invalid", "/entries/x"},
		{"a Policy with subjects that are none", `{"policyId":"a:b","entries":{"x":{"subjects":[]}}}`, "json.format.invalid", "/entries/x/subjects"},
		{"a Policy with imports that are none", `{"policyId":"a:b","imports":[],"entries":{}}`, "json.format.invalid", "/imports"},
		{"a member that a Policy has not", `{"policyId":"a:b","entries":{},"attributes":{}}`, "json.format.invalid", "/attributes"},
		{"a Policy that is too large", `{"policyId":"a:b","entries":{"x":{"subjects":{"a:b":{"type":"` + strings.Repeat("x", 200) + `"}}}}}`, "policies:policy.toolarge", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, o := w.put(c.line, Replace)
			if o.Err == nil || !strings.Contains(o.Err.Code, c.code) || !strings.Contains(o.Err.Error(), c.where) {
				t.Errorf("%v, want %s %s", o.Err, c.code, c.where)
			}
		})
	}
	if all := w.lines(); all != "" {
		t.Errorf("yet there is\n%s", all)
	}
}

func TestAnEntityIsPutInItsPlace(t *testing.T) {
	const (
		one = `{"thingId":"a:t","policyId":"a:p","attributes":{"x":1.50}}`
		two = `{"thingId":"a:t","policyId":"a:p","attributes":{"x":1.5}}`
		p1  = `{"policyId":"a:p","entries":{}}`
		p2  = `{"policyId":"a:p","imports":{},"entries":{}}`
	)
	for _, c := range []struct {
		name, first, second string
		how                 OnConflict
		want                Placed
		code                string
		revision            uint64
		event               string
	}{
		{"another Thing is refused", one, two, Refuse, 0, "things:thing.conflict", 1, ""},
		{"another Thing is skipped", one, two, Skip, Skipped, "", 1, ""},
		{"another Thing is replaced", one, two, Replace, Replaced, "", 2, "modified"},
		{"the same Thing is left alone", one, one, Refuse, Unchanged, "", 1, ""},
		{"the same Thing is not replaced", one, one, Replace, Unchanged, "", 1, ""},
		{"white space makes no other Thing", one, strings.ReplaceAll(one, ",", " ,\t"), Refuse, Unchanged, "", 1, ""},
		{"a Thing keeps its Policy", one, `{"thingId":"a:t","attributes":{"x":1.50}}`, Refuse, Unchanged, "", 1, ""},
		{"a revision given later says nothing", one, strings.Replace(two, "}}", `},"_revision":77}`, 1), Replace, Replaced, "", 2, "modified"},
		{"another Policy is refused", p1, p2, Refuse, 0, "policies:policy.conflict", 1, ""},
		{"another Policy is skipped", p1, p2, Skip, Skipped, "", 1, ""},
		{"another Policy is replaced", p1, p2, Replace, Replaced, "", 2, "modified"},
		{"the same Policy is left alone", p1, p1, Replace, Unchanged, "", 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			if p, o := w.put(c.first, Refuse); p != Created || o.Err != nil {
				t.Fatalf("the first: %v, %v", p, o.Err)
			}
			p, o := w.put(c.second, c.how)
			if p != c.want || (o.Err == nil) != (c.code == "") || o.Err != nil && o.Err.Code != c.code {
				t.Fatalf("%v, %v", p, o.Err)
			}
			event := ""
			for _, e := range o.Events {
				event += e.Topic.Action
			}
			if event != c.event {
				t.Errorf("told %q, want %q", event, c.event)
			}
			if all := w.lines(); !strings.Contains(all, fmt.Sprintf(`"_revision":%d,`, c.revision)) || strings.Count(all, "\n") != 1 {
				t.Errorf("there is\n%s", all)
			}
		})
	}
}

func TestAThingThatNamesNoPolicyGetsItsOwn(t *testing.T) {
	w := newWorld(t, Options{})
	made := newWorld(t, Options{})
	made.must("a:t", "create", "/", `{"attributes":{"x":1.50}}`)
	if p, o := w.put(`{"attributes":{"x":1.50},"thingId":"a:t"}`, Refuse); p != Created || o.Err != nil || len(o.Events) != 1 || o.Events[0].Topic.Action != "created" {
		t.Fatalf("%v: %+v", p, o)
	}
	if got, want := w.policy("a:t"), made.policy("a:t"); got != want || got == "" {
		t.Errorf("its Policy is\n%s\nwant\n%s", got, want)
	}
	if thing, _ := w.thing("a:t"); thing != `{"attributes":{"x":1.50},"thingId":"a:t","policyId":"a:t"}` {
		t.Errorf("it is %s", thing)
	}
	// Another Policy of that ID stands in the way, as it does for a command.
	if _, o := w.put(`{"policyId":"a:u","entries":{}}`, Refuse); o.Err != nil {
		t.Fatal(o.Err)
	}
	if p, o := w.put(`{"thingId":"a:u"}`, Replace); p != 0 || o.Err == nil || o.Err.Code != "things:thing.notcreatable" {
		t.Errorf("%v, %v", p, o.Err)
	}
	w.sender.Subjects = nil
	if p, o := w.put(`{"thingId":"a:v"}`, Replace); p != 0 || o.Err == nil || o.Err.Code != "things:thing.notcreatable" {
		t.Errorf("without a subject: %v, %v", p, o.Err)
	}
	// Whether a Policy is there that a Thing names is not asked, as on creation.
	if p, o := w.put(`{"thingId":"a:w","policyId":"not:there"}`, Replace); p != Created || o.Err != nil {
		t.Errorf("%v, %v", p, o.Err)
	}
}

// Also what came about by changes, escapes and all, is the same again
// elsewhere, and goes on from there.
func TestWhatIsShownCanBePutElsewhere(t *testing.T) {
	w := newWorld(t, Options{})
	w.must("a:t", "create", "/", `{}`)
	w.must("a:t", "merge", "/attributes/x", `{"\u0061":1e3,"n":-0.0,"big":123456789012345678901234567890.50}`)
	w.must("a:t", "modify", "/definition", `"a:b:1"`)
	w.must("a:t", "modify", "/features", `{"f":{"properties":{"t":23.420},"definition":["a:b:1"]},"none":null}`)
	w.must("a:t", "modify", "/attributes", `null`)
	w.must("a:u", "create", "/", `{"attributes":{"\"\\€😀":"\u00e9é\/\n"}}`)
	w.must("a:gone", "create", "/", `{}`)
	w.must("a:gone", "delete", "/", "")
	all := w.lines()
	other := newWorld(t, Options{})
	for line := range strings.Lines(all) {
		if p, o := other.put(line, Refuse); p != Created || o.Err != nil {
			t.Errorf("%v, %v: %s", p, o.Err, line)
		}
	}
	if got := other.lines(); got != all || strings.Count(all, "\n") != 5 {
		t.Errorf("there is\n%s\nwant\n%s", got, all)
	}
	if o := other.must("a:t", "modify", "/attributes", `{}`); o.Events[0].Revision != 6 {
		t.Errorf("it goes on with revision %d", o.Events[0].Revision)
	}
	if _, o := other.put(`{"thingId":"a:gone","policyId":"a:gone","_revision":9}`, Refuse); o.Err != nil || o.Events[0].Revision != 9 {
		t.Errorf("never there: %+v", o)
	}
	if _, o := w.put(`{"thingId":"a:gone","policyId":"a:gone","_revision":9}`, Refuse); o.Err != nil || o.Events[0].Revision != 3 {
		t.Errorf("deleted before: %+v", o)
	}
}

func TestAClosedServicePutsNothing(t *testing.T) {
	w := newWorld(t, Options{})
	entities := make([]*Entity, 2)
	for i, line := range []string{`{"thingId":"a:t","policyId":"a:p"}`, `{"policyId":"a:p","entries":{}}`} {
		var err *protocol.Error
		if entities[i], err = w.ReadEntity([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, e := range entities {
		w.PutEntity(e, w.sender, Refuse, func(p Placed, o *Outcome) {
			if p != 0 || o.Err == nil || o.Err.Status != 503 {
				t.Errorf("%s: %v, %v", e.ID(), p, o.Err)
			}
		})
	}
}
