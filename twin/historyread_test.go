package twin

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// ask is a retrieve with more headers and fields.
func ask(id, path, headers, fields string) string {
	envelope := command(id, "retrieve", path, "")
	envelope = strings.Replace(envelope, `"correlation-id":"c1"`, `"correlation-id":"c1",`+headers, 1)
	if fields != "" {
		envelope = `{"fields":"` + fields + `",` + envelope[1:]
	}
	return envelope
}

func atRevision(n int) string { return fmt.Sprintf(`"at-historical-revision":%d`, n) }

func atTime(t time.Time) string {
	return `"at-historical-timestamp":"` + t.Format(time.RFC3339Nano) + `"`
}

func TestAThingIsRetrievedWithoutAPolicyThatWasNotThereYet(t *testing.T) {
	w := newWorld(t, Options{})
	if _, o := w.put(`{"thingId":"org.acme:lamp","policyId":"org.acme:late"}`, Skip); o.Err != nil {
		t.Fatal(o.Err)
	}
	w.provision("org.acme:late", everything("user:ann"))
	w.must(lampID, "modify", "/attributes", `{}`)
	o := w.send(`{"topic":"org.acme/lamp/things/twin/commands/retrieve","headers":{` + atRevision(1) + `},"path":"/","fields":"thingId,_policy"}`)
	if o.Err != nil || text(o.Response.Value) != `{"thingId":"org.acme:lamp"}` {
		t.Errorf("%v %s", o.Err, text(o.Response.Value))
	}
}

func TestAThingIsRetrievedAsItWas(t *testing.T) {
	w := newWorld(t, Options{})
	var times []time.Time // when each revision came to be
	do := func(action, path, value string) {
		times = append(times, w.must(lampID, action, path, value).Events[0].Timestamp)
	}
	do("create", "/", lamp)                                             // 1
	do("modify", "/attributes/place/lat", "2.50e0")                     // 2
	do("delete", "/attributes", "")                                     // 3
	do("merge", "/features/light", `{"properties":{"on":false,"x":1}}`) // 4
	do("delete", "/", "")                                               // 5
	do("create", "/", `{"attributes":{"again":true}}`)                  // 6
	at := func(revision int) time.Time { return times[revision-1] }
	for _, tc := range []struct {
		name, path, headers, fields string
		revision                    int    // that is shown; 0: an error
		answer                      string // the value, or the code of the error
	}{
		{"at the first revision", "/", atRevision(1), "", 1, lamp},
		{"at a revision, as text", "/", `"At-Historical-Revision":"1"`, "", 1, lamp},
		{"at the newest revision", "/", atRevision(6), "attributes", 6, `{"attributes":{"again":true}}`},
		{"a number as it was written", "/attributes/place/lat", atRevision(2), "", 2, `2.50e0`},
		{"and as it was written before", "/attributes/place/lat", atRevision(1), "", 1, `1.50`},
		{"the ID", "/thingId", atRevision(3), "", 3, `"org.acme:lamp"`},
		{"the Policy ID", "/policyId", atRevision(3), "", 3, `"org.acme:lamp"`},
		{"the definition", "/definition", atRevision(3), "", 3, `"org.acme:lamp:1.0.0"`},
		{"attributes", "/attributes", atRevision(2), "model", 2, `{"model":"L1"}`},
		{"no attributes then", "/attributes", atRevision(3), "", 0, "things:attributes.notfound"},
		{"features", "/features", atRevision(4), "*/properties/x", 4, `{"light":{"properties":{"x":1}}}`},
		{"a Feature", "/features/bare", atRevision(4), "", 4, `{}`},
		{"a Feature's definition", "/features/light/definition", atRevision(4), "", 4, `["org.acme:light:1.0.0"]`},
		{"properties", "/features/light/properties", atRevision(4), "on,x", 4, `{"on":false,"x":1}`},
		{"a property", "/features/light/properties/on", atRevision(3), "", 3, `true`},
		{"no property then", "/features/light/properties/x", atRevision(3), "", 0, "things:feature.property.notfound"},
		{"desired properties", "/features/light/desiredProperties", atRevision(4), "", 4, `{"on":false}`},
		{"a desired property", "/features/light/desiredProperties/on", atRevision(4), "", 4, `false`},
		{"what only those get who ask", "/", atRevision(2), "_revision,_modified,_created", 2,
			fmt.Sprintf(`{"_revision":2,"_modified":"%s","_created":"%s"}`, protocol.AppendTime(nil, at(2)), protocol.AppendTime(nil, at(1)))},
		{"with its Policy", "/", atRevision(6), "thingId,_policy/policyId", 6, `{"thingId":"org.acme:lamp","_policy":` + w.policy(lampID) + `}`},
		{"with the Policy that it had", "/", atRevision(2), "thingId,_policy", 2, `{"thingId":"org.acme:lamp","_policy":` + w.policy(lampID) + `}`},

		{"at a time between two changes", "/attributes/place/lat", atTime(at(3).Add(-1)), "", 2, `2.50e0`},
		{"at the time of a change, which is not seen yet", "/attributes/place/lat", atTime(at(3)), "", 2, `2.50e0`},
		{"just behind a change", "/attributes", atTime(at(3).Add(1)), "", 0, "things:attributes.notfound"},
		{"at a time elsewhere", "/attributes/model", atTime(at(2).Add(1).In(time.FixedZone("", 5400))), "", 2, `"L1"`},
		{"with its Policy at a time", "/", atTime(at(6).Add(1)), "_policy", 6, `{"_policy":` + w.policy(lampID) + `}`},
		{"now", "/attributes", atTime(at(6).Add(1)), "", 6, `{"again":true}`},

		{"when it was deleted", "/", atRevision(5), "", 0, "things:thing.notfound"},
		{"a part when it was deleted", "/attributes/model", atTime(at(6)), "", 0, "things:thing.notfound"},
		{"at no revision yet", "/", atRevision(7), "", 0, "things:thing.history.notfound"},
		{"at revision 0", "/", atRevision(0), "", 0, "things:thing.history.notfound"},
		{"below", "/", atRevision(-1), "", 0, "things:thing.history.notfound"},
		{"before it was there", "/", atTime(at(1)), "", 0, "things:thing.history.notfound"},
		{"long before, without seconds", "/", `"at-historical-timestamp":"2001-10-24T07:11Z"`, "", 0, "things:thing.history.notfound"},
		{"before all time", "/", `"at-historical-timestamp":"0001-01-02T00:00:00Z"`, "", 0, "things:thing.history.notfound"},
		{"in the future", "/", atTime(time.Now().Add(time.Hour)), "", 0, "things:thing.history.notfound"},
		{"at a revision and a time", "/", atRevision(1) + "," + atTime(at(1)), "", 0, "header.invalid"},
		{"at a revision that is none", "/", `"at-historical-revision":"first"`, "", 0, "header.invalid"},
		{"at a time that is none", "/", `"at-historical-timestamp":"1.1.2024"`, "", 0, "header.invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := w.send(ask(lampID, tc.path, tc.headers, tc.fields))
			if tc.revision == 0 {
				if o.Err == nil || o.Err.Code != tc.answer {
					t.Fatalf("%s, want %s", o.Response.AppendJSON(nil), tc.answer)
				}
				if said := strings.ToLower(o.Err.Error()); strings.Contains(tc.answer, "h") && o.Err.Status == 400 || strings.Contains(tc.answer, "history") {
					if !strings.Contains(said, strings.ToLower(strings.Split(tc.headers, `"`)[1])) {
						t.Errorf("does not name the header: %s", said)
					}
				}
				return
			}
			if o.Err != nil {
				t.Fatal(o.Err)
			}
			h := &o.Response.Headers
			if got := text(o.Response.Value); got != tc.answer || o.Response.Status != 200 || text(h.Value("entity-revision")) != fmt.Sprint(tc.revision) {
				t.Errorf("%s\nwant %s of revision %d", o.Response.AppendJSON(nil), tc.answer, tc.revision)
			}
			want := fmt.Sprintf(`{"ditto-originator":"user:ann","correlation-id":"c1","entity-revision":%d}`, tc.revision)
			if got := text(h.Value("historical-headers")); got != want {
				t.Errorf("kept %s, want %s", got, want)
			}
			if _, back := h.Get("at-historical-revision"); back {
				t.Errorf("the question comes back: %s", o.Response.AppendJSON(nil))
			}
		})
	}
	if o := w.send(ask("org.acme:nobody", "/", atRevision(1), "")); o.Err == nil || o.Err.Code != "things:thing.notfound" {
		t.Errorf("of a Thing that never was: %v", o.Err)
	}
	w.must(lampID, "delete", "/", "")
	if o := w.send(ask(lampID, "/", atRevision(1), "")); o.Err == nil || o.Err.Code != "things:thing.notfound" {
		t.Errorf("of a Thing that is gone: %v", o.Err)
	}
	if o := w.send(ask(lampID, "/", `"response-required":false,`+atRevision(1), "")); o.Err == nil || o.Response == nil {
		t.Errorf("an error is told nobody: %+v", o)
	}
}

func TestManyThingsAreRetrievedAsTheyWere(t *testing.T) {
	w := newWorld(t, Options{})
	w.must("org.acme:a", "create", "/", `{"attributes":{"n":1}}`)
	w.must("org.acme:a", "modify", "/attributes/n", `2`)
	middle := w.must("org.acme:b", "create", "/", `{"attributes":{"n":10}}`).Events[0].Timestamp.Add(1)
	w.must("org.acme:b", "modify", "/attributes/n", `20`)
	w.must("org.acme:young", "create", "/", `{}`)
	w.must("org.acme:gone", "create", "/", `{}`)
	w.must("org.acme:gone", "delete", "/", ``)
	for headers, want := range map[string]string{
		atRevision(1):                        `[{"thingId":"org.acme:b","attributes":{"n":10}},{"thingId":"org.acme:young"},{"thingId":"org.acme:a","attributes":{"n":1}}]`,
		atRevision(2):                        `[{"thingId":"org.acme:b","attributes":{"n":20}},{"thingId":"org.acme:a","attributes":{"n":2}}]`,
		atTime(middle):                       `[{"thingId":"org.acme:b","attributes":{"n":10}},{"thingId":"org.acme:a","attributes":{"n":2}}]`,
		atTime(time.Now().Add(time.Hour)):    `[]`,
		atRevision(1) + "," + atTime(middle): "header.invalid",
	} {
		o := w.send(`{"topic":"_/_/things/twin/commands/retrieve","headers":{` + headers + `},"path":"/","fields":"thingId,attributes",` +
			`"value":{"thingIds":["org.acme:b","org.acme:young","org.acme:nobody","org.acme:gone","org.acme:a"]}}`)
		got := text(o.Response.Value)
		if o.Err != nil {
			got = o.Err.Code
		}
		if got != want {
			t.Errorf("%s: %s, want %s", headers, got, want)
		}
	}
}

func TestWhatIsNotKeptIsNotAccessible(t *testing.T) {
	w := newWorld(t, Options{})
	w.provision(lampID, everything("user:ann"))
	if placed, o := w.put(`{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","_revision":57,"_modified":"2024-05-17T09:30:00Z"}`, Skip); o.Err != nil {
		t.Fatal(placed, o.Err)
	}
	w.must(lampID, "modify", "/attributes", "{}")
	for _, headers := range []string{atRevision(56), `"at-historical-timestamp":"2024-05-17T09:30:00Z"`} {
		o := w.send(ask(lampID, "/", headers, ""))
		if o.Err == nil || o.Err.Code != "things:thing.history.notfound" || !strings.Contains(o.Err.Description, "oldest revision that is kept is 57, of 2024-05-17T09:30:00Z") {
			t.Errorf("%s: %v", headers, o.Err)
		}
	}
	if o := w.send(ask(lampID, "/", atRevision(57), "")); o.Err != nil {
		t.Error(o.Err)
	}
}

func TestHeadersAreKeptWithEachChange(t *testing.T) {
	w := newWorld(t, Options{History: []string{"x-none", "x-number", "requested-acks", "ditto-originator", "X-Text"}})
	for i, headers := range []string{`"x-number":1.0,"x-text":"\u00e4\"b","Requested-Acks":["twin-persisted"]`, `"x-number":null`, `"x-text":{"a":[1e2]}`} {
		o := w.send(fmt.Sprintf(`{"topic":"org.acme/lamp/things/twin/commands/modify","headers":{%s},"path":"/","value":{"attributes":{"i":%d}}}`, headers, i))
		if o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	w.reopen(Options{})
	for i, want := range []string{
		`{"x-number":1.0,"requested-acks":["twin-persisted"],"ditto-originator":"user:ann","X-Text":"\u00e4\"b","entity-revision":1}`,
		`{"ditto-originator":"user:ann","entity-revision":2}`,
		`{"ditto-originator":"user:ann","X-Text":{"a":[1e2]},"entity-revision":3}`,
	} {
		if o := w.send(ask(lampID, "/", atRevision(i+1), "")); text(o.Response.Headers.Value("historical-headers")) != want {
			t.Errorf("%s\nwant %s", o.Response.AppendJSON(nil), want)
		}
	}
	w.sender.Subjects = nil
	none := newWorld(t, Options{History: []string{}})
	none.must(lampID, "create", "/", `{}`)
	if o := none.send(ask(lampID, "/", atRevision(1), "")); text(o.Response.Headers.Value("historical-headers")) != `{"entity-revision":1}` {
		t.Errorf("%s", o.Response.AppendJSON(nil))
	}
}

// A slow disk holds up the reads of history, and nothing else.
func TestReadsOfHistoryHoldNothingUp(t *testing.T) {
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", lamp)
	var all sync.WaitGroup
	stuck, runs := make(chan struct{}), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(stuck) })
	defer goOn()
	for i := range readsAtOnce {
		all.Add(1)
		w.past.read(fmt.Sprint("slow", i), func(context.Context) { runs <- struct{}{}; <-stuck; all.Done() })
		<-runs
	}
	type told struct {
		i int
		o *Outcome
	}
	order := make(chan told, 10)
	send := func(i int, envelope string) {
		m, err := protocol.ParseMessage([]byte(envelope), nil, jsondoc.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		w.Handle(&Command{Message: m, Sender: w.sender}, func(o *Outcome) { order <- told{i, o} })
	}
	send(1, ask(lampID, "/attributes/model", atRevision(1), ""))
	send(2, ask(lampID, "/attributes/model", atRevision(2), "")) // which comes only behind it
	send(3, command(lampID, "modify", "/attributes/model", `"L2"`))
	send(4, ask(lampID, "/attributes/model", atRevision(2), ""))
	for _, i := range []int{2, 3} {
		if got := <-order; got.i != i {
			t.Fatalf("the answer to %d came, want that to %d", got.i, i)
		} else if i == 2 && (got.o.Err == nil || got.o.Err.Code != "things:thing.history.notfound") {
			t.Fatalf("%s", got.o.Response.AppendJSON(nil))
		}
	}
	select {
	case got := <-order:
		t.Fatalf("the answer to %d came", got.i)
	default:
	}
	goOn()
	if got := <-order; got.i != 1 || text(got.o.Response.Value) != `"L1"` {
		t.Fatalf("%d: %s", got.i, got.o.Response.AppendJSON(nil))
	}
	if got := <-order; got.i != 4 || text(got.o.Response.Value) != `"L2"` {
		t.Fatalf("%d: %s", got.i, got.o.Response.AppendJSON(nil))
	}
	all.Wait()
}

func TestAClientWaitsWhileItHasTooManyReadsOfHistory(t *testing.T) {
	r := newReaders(nil)
	stuck, ran := make(chan struct{}), make(chan int, readsEach+10)
	r.read("a", func(context.Context) { <-stuck })
	for i := range readsEach - 1 {
		r.read("a", func(context.Context) { ran <- i })
	}
	last := make(chan struct{})
	go func() {
		r.read("a", func(context.Context) { ran <- readsEach - 1 })
		close(last)
	}()
	other := make(chan struct{})
	r.read("b", func(context.Context) { close(other) })
	<-other // is not kept waiting by a
	select {
	case <-last:
		t.Error("taken")
	default:
	}
	close(stuck)
	<-last
	r.close()
	for i := range readsEach {
		if got := <-ran; got != i {
			t.Fatalf("%d ran, want %d", got, i)
		}
	}
	after := false
	r.read("a", func(context.Context) { after = true })
	if !after || len(r.lines) != 0 {
		t.Error(after, r.lines)
	}
}

func TestReadsOfHistoryAreAnsweredBeforeTheServiceCloses(t *testing.T) {
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", lamp)
	m, err := protocol.ParseMessage([]byte(ask(lampID, "/attributes/model", atRevision(1), "")), nil, jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan *Outcome, readsEach)
	for range readsEach {
		w.Handle(&Command{Message: m, Sender: w.sender}, func(o *Outcome) { answers <- o })
	}
	w.reopen(Options{})
	for range readsEach {
		select {
		case o := <-answers:
			if o.Err != nil || text(o.Response.Value) != `"L1"` {
				t.Fatalf("%v", o.Err)
			}
		default:
			t.Fatal("one was not answered")
		}
	}
}

func TestACorrelationIDThatTheSenderDidNotGiveIsNotKept(t *testing.T) {
	w := newWorld(t, Options{})
	w.must("a:t", "create", "/", `{"attributes":{"n":0}}`)
	for i, headers := range []string{`"correlation-id":"given",`, ""} {
		o := w.send(`{"topic":"a/t/things/twin/commands/modify","headers":{` + headers + `"response-required":true},"path":"/attributes/n","value":1}`)
		if o.Err != nil || o.Events[0].Headers.CorrelationID() == "" {
			t.Fatalf("%v: the event has no correlation-id", o.Err)
		}
		past := w.send(fmt.Sprintf(`{"topic":"a/t/things/twin/commands/retrieve","headers":{"at-historical-revision":%d},"path":"/"}`, i+2))
		kept, _ := past.Response.Headers.Get(protocol.HeaderHistoricalHeaders)
		if has := strings.Contains(kept, "correlation-id"); has != (i == 0) {
			t.Errorf("with %q: kept %s", headers, kept)
		}
	}
}
