package twin

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// What goes out, to the letter but for the time.
func TestEnvelopesOfAChange(t *testing.T) {
	for _, tc := range []struct{ name, action, path, value, headers, response, event string }{
		{"modified", "modify", "/attributes/model", `"L2"`, `"correlation-id":"c1","My-Own":[1]`,
			`{"topic":"org.acme/lamp/things/twin/commands/modify","headers":{"correlation-id":"c1","My-Own":[1],"content-type":"application/json","ditto-originator":"user:ann","response-required":false,"entity-revision":2,"etag":"\"hash:5460162702fb2729\""},"path":"/attributes/model","status":204}`,
			`{"topic":"org.acme/lamp/things/twin/events/modified","headers":{"correlation-id":"c1","My-Own":[1],"content-type":"application/json","ditto-originator":"user:ann","response-required":false,"entity-revision":2},"path":"/attributes/model","value":"L2","revision":2,"timestamp":""}`},
		{"created", "modify", "/attributes/x", `{}`, `"content-type":"application/vnd.eclipse.ditto+json"`,
			`{"topic":"org.acme/lamp/things/twin/commands/modify","headers":{"content-type":"application/json","correlation-id":"UUID","ditto-originator":"user:ann","response-required":false,"entity-revision":2,"etag":"\"hash:9e3779b97f4a7c15\""},"path":"/attributes/x","value":{},"status":201}`,
			`{"topic":"org.acme/lamp/things/twin/events/created","headers":{"content-type":"application/json","correlation-id":"UUID","ditto-originator":"user:ann","response-required":false,"entity-revision":2},"path":"/attributes/x","value":{},"revision":2,"timestamp":""}`},
		{"merged", "merge", "/", `{"attributes":null}`, `"correlation-id":"c1","content-type":"application/merge-patch+json","reply-to":"me"`,
			`{"topic":"org.acme/lamp/things/twin/commands/merge","headers":{"correlation-id":"c1","content-type":"application/merge-patch+json","reply-to":"me","ditto-originator":"user:ann","response-required":false,"entity-revision":2,"etag":"\"rev:2\""},"path":"/","status":204}`,
			`{"topic":"org.acme/lamp/things/twin/events/merged","headers":{"correlation-id":"c1","content-type":"application/merge-patch+json","ditto-originator":"user:ann","response-required":false,"entity-revision":2},"path":"/","value":{"attributes":null},"revision":2,"timestamp":""}`},
		{"deleted", "delete", "/attributes", ``, `"content-type":"text/plain","ditto-originator":"nobody","subject":"x","timeout":"10s"`,
			`{"topic":"org.acme/lamp/things/twin/commands/delete","headers":{"content-type":"application/json","timeout":"10s","correlation-id":"UUID","ditto-originator":"user:ann","response-required":false,"entity-revision":2},"path":"/attributes","status":204}`,
			`{"topic":"org.acme/lamp/things/twin/events/deleted","headers":{"content-type":"text/plain","timeout":"10s","correlation-id":"UUID","ditto-originator":"user:ann","response-required":false,"entity-revision":2},"path":"/attributes","revision":2,"timestamp":""}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.must(lampID, "create", "/", lamp)
			if tc.value != "" {
				tc.value = `,"value":` + tc.value
			}
			o := w.send(fmt.Sprintf(`{"topic":"org.acme/lamp/things/twin/commands/%s","headers":{%s},"path":"%s"%s}`,
				tc.action, tc.headers, tc.path, tc.value))
			// The same in both, where the command brings none.
			made := `"correlation-id":"` + o.Response.Headers.CorrelationID() + `"`
			if strings.Contains(tc.headers, "correlation-id") {
				made = "nothing"
			}
			if got := strings.Replace(string(o.Response.AppendJSON(nil)), made, `"correlation-id":"UUID"`, 1); got != tc.response {
				t.Errorf("answered\n%s\nwant\n%s", got, tc.response)
			}
			event := string(o.Events[0].AppendJSON(nil))
			stamp := string(protocol.AppendTime(nil, o.Events[0].Timestamp))
			if got := strings.NewReplacer(stamp, "", made, `"correlation-id":"UUID"`).Replace(event); got != tc.event {
				t.Errorf("told\n%s\nwant\n%s", got, tc.event)
			}
		})
	}
}

func TestResponsesAreSentOnlyWhereWanted(t *testing.T) {
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", lamp)
	quiet := func(action, path string) *Outcome {
		return w.send(`{"topic":"org.acme/lamp/things/twin/commands/` + action + `","headers":{"response-required":false},"path":"` + path + `","value":1}`)
	}
	if o := quiet("modify", "/attributes/x"); o.Response != nil || o.Err != nil || len(o.Events) != 1 {
		t.Errorf("%+v", o)
	}
	if o := quiet("retrieve", "/"); o.Response != nil || o.Err != nil {
		t.Errorf("%+v", o)
	}
	if o := quiet("modify", "/x"); o.Response == nil || o.Err == nil {
		t.Errorf("an error is told nobody: %+v", o)
	}
}

func TestWhatTheServiceDoesNotAnswer(t *testing.T) {
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", lamp)
	for _, tc := range []struct{ envelope, code string }{
		{`{"topic":"org.acme/lamp/things/twin/events/modified","path":"/attributes/model","value":"forged"}`, "protocoladapter:unknown.topicpath"},
		{`{"topic":"org.acme/lamp/things/twin/errors","path":"/"}`, "protocoladapter:unknown.topicpath"},
		{`{"topic":"org.acme/lamp/things/twin/messages/x","path":"/inbox/messages/x"}`, "protocoladapter:unknown.topicpath"},
		{`{"topic":"org.acme/lamp/things/twin/acks/x","path":"/"}`, "protocoladapter:unknown.topicpath"},
		{`{"topic":"org.acme/lamp/things/twin/commands/modified","path":"/","value":{}}`, "protocoladapter:unknown.topicpath"},
		{`{"topic":"org.acme/lamp/things/live/commands/modify","path":"/","value":{}}`, "signal.unsupported"},
		{`{"topic":"org.acme/lamp/things/live/messages/x","path":"/inbox/messages/x"}`, "signal.unsupported"},
		{`{"topic":"org.acme/lamp/things/twin/streaming/cancel","path":"/"}`, "signal.unsupported"},
		{`{"topic":"org.acme/lamp/policies/events/modified","path":"/","value":{}}`, "protocoladapter:unknown.topicpath"},
		{`{"topic":"org.acme/lamp/policies/commands/merge","path":"/","value":{}}`, "protocoladapter:unknown.topicpath"},
		{`{"topic":"_/c/connections/announcements/opened","path":"/"}`, "signal.unsupported"},
		{`{"topic":"1x/lamp/things/twin/commands/modify","path":"/","value":{}}`, "things:id.invalid"},
		{`{"topic":"1x/lamp/things/twin/commands/retrieve","path":"/"}`, "things:id.invalid"},
		{`{"topic":"_/_/things/twin/commands/modify","path":"/","value":{}}`, "things:id.invalid"},
		{`{"topic":"org.acme/lamp/things/twin/commands/modify","path":"/attributes/a","value":1,"headers":{"condition":"eq(attributes/a,2)"}}`, "things:condition.failed"},
		{`{"topic":"org.acme/lamp/things/twin/commands/modify","path":"/attributes/a","value":1,"headers":{"If-Match":"\"rev:1\""}}`, "things:precondition.failed"},
		{`{"topic":"org.acme/lamp/things/twin/commands/modify","path":"/attributes/a","value":1,"headers":{"response-required":"perhaps"}}`, "header.invalid"},
		{`{"topic":"org.acme/lamp/things/twin/commands/merge","path":"/","value":{},"headers":{"content-type":"application/json"}}`, "mediatype.unsupported"},
		{`{"topic":"org.acme/lamp/things/twin/commands/modify","path":"/attributes//b","value":1}`, "json.pointer.invalid"},
		{`{"topic":"org.acme/lamp/things/twin/commands/modify","path":"/","value":{"attributes":{"a":1,"a":2}}}`, "json.invalid"},
	} {
		o := w.send(tc.envelope)
		if o.Err == nil || o.Err.Code != tc.code || o.Err.Status/100 != 4 || o.Response.Topic.Criterion != protocol.Errors || o.Events != nil {
			t.Errorf("%s: %+v", tc.envelope, o.Err)
		}
	}
	if got, rev := w.thing(lampID); got != lamp || rev != 1 {
		t.Errorf("something changed: %d %s", rev, got)
	}
	for _, contentType := range []string{"application/merge-patch+json; charset=utf-8", "application/vnd.eclipse.ditto+json", "Application/Merge-Patch+JSON"} {
		if o := w.send(`{"topic":"org.acme/lamp/things/twin/commands/merge","path":"/","value":{},"headers":{"content-type":"` + contentType + `"}}`); o.Err != nil {
			t.Errorf("%s: %v", contentType, o.Err)
		}
	}
}

func TestAThingMayNotGrowBeyondItsLimit(t *testing.T) {
	w := newWorld(t, Options{ThingSize: 200})
	w.must(lampID, "create", "/", `{"attributes":{"a":"`+strings.Repeat("x", 100)+`"}}`)
	before, _ := w.thing(lampID)
	for _, envelope := range []string{
		command(lampID, "modify", "/attributes/b", `"`+strings.Repeat("y", 200-len(before))+`"`),
		command(lampID, "modify", "/", `{"attributes":{"a":"`+strings.Repeat("x", 300)+`"}}`),
		command(lampID, "merge", "/", `{"attributes":{"b":"`+strings.Repeat("x", 100)+`"}}`),
		command("org.acme:big", "create", "/", `{"attributes":{"a":"`+strings.Repeat("x", 300)+`"}}`),
	} {
		if o := w.send(envelope); o.Err == nil || o.Err.Status != 413 || o.Err.Code != "things:thing.toolarge" {
			t.Errorf("%s: %+v", envelope, o.Err)
		}
	}
	if after, rev := w.thing(lampID); after != before || rev != 1 {
		t.Errorf("changed to %s", after)
	}
	if w.policy("org.acme:big") != "" {
		t.Error("the Policy of a Thing that was refused is there")
	}
	w.must(lampID, "modify", "/attributes/b", `"`+strings.Repeat("y", 200-len(before)-len(`,"b":""`))+`"`)

	// A Thing from before the limit was lowered can still get smaller.
	w.reopen(Options{ThingSize: 100})
	w.must(lampID, "modify", "/attributes/b", `"y"`)
	if o := w.send(command(lampID, "modify", "/attributes/b", `"yy"`)); o.Err == nil || o.Err.Status != 413 {
		t.Errorf("%+v", o.Err)
	}
	w.must(lampID, "delete", "/attributes/a", "")

	w.reopen(Options{ThingSize: -1})
	w.must(lampID, "modify", "/attributes/c", `"`+strings.Repeat("y", 300)+`"`)
}

func TestAPolicyMayNotBeLargerThanItsLimit(t *testing.T) {
	w := newWorld(t, Options{PolicySize: 100})
	if o := w.send(command(lampID, "create", "/", `{}`)); o.Err == nil || o.Err.Status != 413 || o.Err.Code != "policies:policy.toolarge" {
		t.Errorf("%+v", o.Err)
	}
	if got, _ := w.thing(lampID); got != "" || w.policy(lampID) != "" {
		t.Error("it is there all the same")
	}
	w.reopen(Options{})
	w.must("org.acme:first", "create", "/", `{}`)
	w.reopen(Options{PolicySize: 100})
	w.must(lampID, "create", "/", `{"policyId":"org.acme:first"}`)
}

func TestAThingMayNotBeNestedBeyondItsLimit(t *testing.T) {
	w := newWorld(t, Options{Depth: 8})
	w.must(lampID, "create", "/", `{}`)
	deep := strings.Repeat(`{"a":`, 6) + "1" + strings.Repeat(`}`, 6)
	w.must(lampID, "modify", "/attributes/a", deep)
	for _, action := range []string{"modify", "merge"} {
		for path, value := range map[string]string{
			"/attributes/a/b": deep,
			"/attributes/a":   `[` + deep + `]`,
			"/" + "attributes" + strings.Repeat("/a", 8): "1",
		} {
			if o := w.send(command(lampID, action, path, value)); o.Err == nil || o.Err.Code != "json.format.invalid" {
				t.Errorf("%s %s %s: %+v", action, path, value, o.Err)
			}
		}
	}
	if !strings.Contains(fmt.Sprint(w.thing(lampID)), deep) {
		t.Error("changed")
	}
}

func TestCreatingMakesAPolicyOfItsOwn(t *testing.T) {
	const own = `{"policyId":"org.acme:lamp","entries":{"DEFAULT":{"subjects":{"user:ann":{"type":"generated"}},"resources":{` +
		`"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]},` +
		`"message:/":{"grant":["READ","WRITE"],"revoke":[]}},"importable":"implicit"}}}`
	for _, action := range []string{"create", "modify", "merge"} {
		t.Run("by "+action, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.must(lampID, action, "/", `{}`)
			if got := w.policy(lampID); got != own {
				t.Errorf("the Policy is %s", got)
			}
		})
	}
	t.Run("and none where the Thing names one", func(t *testing.T) {
		w := newWorld(t, Options{})
		w.must("org.acme:first", "create", "/", `{}`)
		w.must(lampID, "create", "/", `{"policyId":"org.acme:first"}`)
		if w.policy(lampID) != "" {
			t.Error("a Policy was made")
		}
	})
	t.Run("which stays when the Thing goes, and serves its creator again", func(t *testing.T) {
		w := newWorld(t, Options{})
		w.must(lampID, "create", "/", `{}`)
		w.must(lampID, "delete", "/", "")
		if w.policy(lampID) != own {
			t.Error("the Policy went with the Thing")
		}
		if o := w.must(lampID, "create", "/", `{}`); o.Events[0].Revision != 3 {
			t.Errorf("the revision begins again: %d", o.Events[0].Revision)
		}
		w.must(lampID, "delete", "/", "")
		w.sender.Subjects = policy.Subjects{"user:eve"}
		for _, value := range []string{`{}`, `{"policyId":"org.acme:lamp"}`} {
			if o := w.send(command(lampID, "create", "/", value)); o.Err == nil || o.Err.Code != "things:thing.notcreatable" || o.Err.Status != 400 {
				t.Errorf("somebody else: %+v", o.Err)
			}
		}
		w.sender.Subjects = policy.Subjects{"user:eve", "user:ann"}
		w.must(lampID, "create", "/", `{"policyId":"org.acme:lamp"}`)
	})
	t.Run("but not for somebody without a subject", func(t *testing.T) {
		w := newWorld(t, Options{})
		w.sender.Subjects = nil
		if o := w.send(command(lampID, "create", "/", `{}`)); o.Err == nil || o.Err.Code != "things:thing.notcreatable" {
			t.Errorf("%+v", o.Err)
		}
	})
}

func TestMappingsSayWhetherAMergeMayCreate(t *testing.T) {
	mustExist := func(c *Command) { c.MustExist = true }
	create := func(policyID string) func(*Command) {
		return func(c *Command) { c.Create = &Create{Policy: policyID} }
	}
	for _, tc := range []struct {
		name        string
		set         func(*Command)
		path, value string
		want        string // the Thing, or the code of the error
	}{
		{"not", mustExist, "/", `{"attributes":{"a":1}}`, "things:thing.notfound"},
		{"with a Policy", create("org.acme:devices"), "/", `{"attributes":{"a":1,"b":null}}`,
			`{"thingId":"org.acme:lamp","policyId":"org.acme:devices","attributes":{"a":1}}`},
		{"with a Policy of its own", create(""), "/", `{"attributes":{"a":1}}`,
			`{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","attributes":{"a":1}}`},
		{"with the Policy that the patch names", create("org.acme:devices"), "/", `{"policyId":"org.acme:p"}`,
			`{"thingId":"org.acme:lamp","policyId":"org.acme:p"}`},
		{"by a part of it", create(""), "/features/f/properties/p", `1`,
			`{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","features":{"f":{"properties":{"p":1}}}}`},
		{"with a Policy that is not there", create("org.acme:none"), "/", `{"attributes":{"a":1}}`, "things:thing.notcreatable"},
		{"with a Policy that is not there, named by the patch", create(""), "/", `{"policyId":"org.acme:none"}`, "things:thing.notcreatable"},
		{"by its Policy ID", create(""), "/policyId", `"org.acme:p"`, `{"thingId":"org.acme:lamp","policyId":"org.acme:p"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.provision("org.acme:devices", everything("user:ann"))
			w.provision("org.acme:p", everything("user:ann"))
			o := w.apply(tc.set, command(lampID, "merge", tc.path, tc.value))
			got, _ := w.thing(lampID)
			if o.Err != nil {
				got = o.Err.Code
			} else if ev := o.Events[0]; ev.Topic.Action != "created" || len(ev.Path) != 0 || text(ev.Value) != tc.want ||
				o.Response.Status != 201 || text(o.After) != tc.want || o.Before != nil {
				t.Errorf("told %s", ev.AppendJSON(nil))
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			if o.Err == nil {
				// From now on it is a merge like any other.
				o := w.apply(tc.set, command(lampID, "merge", "/", `{"attributes":{"z":9}}`))
				if o.Err != nil || o.Events[0].Topic.Action != "merged" || o.Events[0].Revision != 2 {
					t.Errorf("%+v", o)
				}
			}
		})
	}
}

func TestAfterARestartAllIsAsItWas(t *testing.T) {
	w := newWorld(t, Options{})
	w.provision("org.acme:p", everything("user:ann"))
	const other = "org.acme:other"
	for _, c := range [][3]string{
		{"create", "/", lamp},
		{"modify", "/attributes/none/deep/er", `[1.0,{"z":null,"a":1e5}]`},
		{"modify", "/attributes/a~0b", `"\u00e4 \/"`},
		{"merge", "/", `{"attributes":{"place":{"lat":null}},"features":{"bare":{"properties":{"p":{"q":null,"r":0}}}}}`},
		{"merge", "/features/light/properties/color", `{"g":1.0}`},
		{"delete", "/features/light/definition", ""},
		{"modify", "/policyId", `"org.acme:p"`},
		{"modify", "/definition", `null`},
		{"merge", "/features/none", `null`},
	} {
		w.must(lampID, c[0], c[1], c[2])
	}
	w.must(other, "create", "/", `{}`)
	w.must(other, "delete", "/", "")
	want, rev := w.thing(lampID)
	_, otherRev := w.thing(other)
	long := strings.Repeat("k", 200)
	w.must(lampID, "modify", "/attributes/"+long, `1`)
	w.must(lampID, "delete", "/attributes/"+long, ``)

	w.reopen(Options{})
	if got, r := w.thing(lampID); got != want || r != rev+2 {
		t.Errorf("revision %d:\n%s\nwas %d:\n%s", r, got, rev+2, want)
	}
	if got, r := w.thing(other); got != "" || r != otherRev {
		t.Errorf("a deleted Thing: %d %s", r, got)
	}
	if o := w.must(other, "create", "/", `{}`); o.Events[0].Revision != otherRev+1 {
		t.Errorf("its revision went back to %d", o.Events[0].Revision)
	}
	if w.policy(other) == "" {
		t.Error("its Policy is gone")
	}
}

func TestCommandsOfManyAtOnceAreAppliedOneByOne(t *testing.T) {
	w := newWorld(t, Options{})
	const senders, each = 8, 50
	var told sync.WaitGroup
	revisions := make(map[uint64]bool)
	var mu sync.Mutex
	created := 0
	told.Add(senders * each)
	for i := range senders {
		go func() {
			for n := range each {
				m, err := protocol.ParseMessage([]byte(command(lampID, "merge", "/", fmt.Sprintf(`{"attributes":{"s%d":%d}}`, i, n))), nil, jsondoc.Limits{})
				if err != nil {
					t.Error(err)
				}
				w.Handle(&Command{Message: m, Sender: w.sender}, func(o *Outcome) {
					mu.Lock()
					defer mu.Unlock()
					defer told.Done()
					if o.Err != nil {
						t.Error(o.Err)
						return
					}
					revisions[o.Events[0].Revision] = true
					if o.Events[0].Topic.Action == "created" {
						created++
					}
				})
			}
		}()
	}
	told.Wait()
	if len(revisions) != senders*each || created != 1 {
		t.Errorf("%d revisions, created %d times", len(revisions), created)
	}
	got, rev := w.thing(lampID)
	for i := range senders {
		if want := fmt.Sprintf(`"s%d":%d`, i, each-1); !strings.Contains(got, want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
	if rev != senders*each {
		t.Errorf("revision %d", rev)
	}
}

func TestOutcomesAreToldInOrderAndOnce(t *testing.T) {
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", `{}`)
	batches := make(chan struct{}, 1000)
	w.Store().OnBatch(func() {}, func() {
		select {
		case batches <- struct{}{}:
		default:
		}
	})
	var mu sync.Mutex
	var told []uint64
	var all sync.WaitGroup
	for n := range 100 {
		m, err := protocol.ParseMessage([]byte(command(lampID, "modify", "/attributes/n", fmt.Sprint(n))), nil, jsondoc.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		all.Add(1)
		w.Handle(&Command{Message: m, Sender: w.sender}, func(o *Outcome) {
			mu.Lock()
			told = append(told, o.Events[0].Revision)
			mu.Unlock()
			all.Done()
		})
	}
	all.Wait()
	for i, rev := range told {
		if rev != uint64(i)+2 {
			t.Fatalf("told %v", told)
		}
	}
	<-batches
}

func TestReceiptsAreStoredWithTheChange(t *testing.T) {
	w := newWorld(t, Options{})
	o := w.apply(func(c *Command) { c.Receipt = &store.Receipt{Client: "c1", Epoch: 3, PacketID: 17} }, command(lampID, "create", "/", `{}`))
	if o.Err != nil {
		t.Fatal(o.Err)
	}
	w.reopen(Options{})
	if epoch, ids := w.Store().Receipts("c1"); epoch != 3 || fmt.Sprint(ids) != "[17]" {
		t.Errorf("epoch %d, packets %v", epoch, ids)
	}
}

func TestWhenTheStoreIsClosedThingsAreNotAvailable(t *testing.T) {
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, Service: s}
	for _, envelope := range []string{
		command(lampID, "modify", "/", `{}`),
		command(lampID, "retrieve", "/", ``),
		`{"topic":"_/_/things/twin/commands/retrieve","path":"/","value":{"thingIds":["a:b"]}}`,
	} {
		if o := w.send(envelope); o.Err == nil || o.Err.Status != 503 || o.Err.Code != "things:thing.unavailable" || o.Response == nil {
			t.Errorf("%s: %+v", envelope, o.Err)
		}
	}
}
