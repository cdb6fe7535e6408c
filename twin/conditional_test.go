package twin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// with is the envelope of a command for the lamp with these headers besides
// the correlation-id.
func with(action, path, value, headers string) string {
	if value != "" {
		value = `,"value":` + value
	}
	if headers != "" {
		headers = "," + headers
	}
	return fmt.Sprintf(`{"topic":"org.acme/lamp/things/twin/commands/%s","headers":{"correlation-id":"c1"%s},"path":"%s"%s}`,
		action, headers, path, value)
}

func etag(m *protocol.Message) string {
	tag, _ := m.Headers.Get("etag")
	return tag
}

func TestResponsesHaveTheEntityTagOfWhatIsThere(t *testing.T) {
	w := newWorld(t, Options{})
	hash := func(text string) string {
		v, err := jsondoc.ParseString(text)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`"hash:%x"`, jsondoc.Hash(v))
	}
	for _, tc := range []struct{ action, path, value, want string }{
		{"create", "/", lamp, `"rev:1"`},
		{"retrieve", "/", "", `"rev:1"`},
		{"retrieve", "/policyId", "", hash(`"org.acme:lamp"`)},
		{"retrieve", "/definition", "", hash(`"org.acme:lamp:1.0.0"`)},
		{"retrieve", "/attributes/place", "", hash(`{"lon":2.0,"lat":1.5}`)},
		{"retrieve", "/attributes/none", "", hash(`null`)},
		{"retrieve", "/features/bare", "", hash(`{}`)},
		{"modify", "/", strings.Replace(lamp, "L1", "L2", 1), `"rev:2"`},
		{"modify", "/attributes/model", `"L3"`, hash(`"L3"`)},
		{"modify", "/attributes/new", `[1]`, hash(`[1]`)},
		{"merge", "/attributes/place", `{"lat":null,"x":1}`, hash(`{"lon":2,"x":1}`)},
		{"merge", "/definition", `"a:b:c"`, hash(`"a:b:c"`)},
		{"merge", "/", `{"attributes":{"new":null}}`, `"rev:7"`},
		{"merge", "/attributes/model", `null`, ``},
		{"delete", "/features/bare", "", ``},
		{"retrieve", "/features/bare", "", ``},
		{"delete", "/", "", ``},
		{"retrieve", "/", "", ``},
		{"merge", "/", `{"attributes":{"a":1}}`, `"rev:11"`},
	} {
		o := w.send(with(tc.action, tc.path, tc.value, ""))
		if got := etag(o.Response); got != tc.want {
			t.Errorf("%s %s: %s, want %s", tc.action, tc.path, got, tc.want)
		}
		for _, e := range o.Events {
			if etag(e) != "" {
				t.Errorf("%s %s: an event with an entity tag", tc.action, tc.path)
			}
		}
	}
	if o := w.send(`{"topic":"org.acme/lamp/things/twin/commands/retrieve","path":"/","headers":{},"fields":"thingId"}`); etag(o.Response) != `"rev:11"` {
		t.Errorf("fields: %s", etag(o.Response))
	}
}

func TestIfMatchAndIfNoneMatch(t *testing.T) {
	const ifMatch, ifNoneMatch, failed, notModified = "if-match", "if-none-match", "things:precondition.failed", "things:precondition.notmodified"
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", lamp)
	place := etag(w.must(lampID, "retrieve", "/attributes/place", "").Response)
	for _, tc := range []struct {
		action, path, value string
		header, tags        string
		status              int
		code                string
		tag                 string // in the error; "" is none
	}{
		{"retrieve", "/", "", ifMatch, `"rev:1"`, 200, "", ""},
		{"retrieve", "/", "", ifMatch, `*`, 200, "", ""},
		{"retrieve", "/", "", ifMatch, `"rev:2"`, 412, failed, `"rev:1"`},
		{"retrieve", "/", "", ifMatch, `"rev:2", "x" ,"rev:1"`, 200, "", ""},
		{"retrieve", "/", "", ifMatch, `W/"rev:1"`, 412, failed, `"rev:1"`},
		{"retrieve", "/", "", ifNoneMatch, `"rev:1"`, 304, notModified, `"rev:1"`},
		{"retrieve", "/", "", ifNoneMatch, `*`, 304, notModified, `"rev:1"`},
		{"retrieve", "/", "", ifNoneMatch, `"rev:0"`, 200, "", ""},
		{"retrieve", "/", "", ifNoneMatch, `W/"rev:1"`, 200, "", ""},
		{"retrieve", "/attributes/place", "", ifNoneMatch, place, 304, notModified, place},
		{"retrieve", "/attributes/place", "", ifMatch, place, 200, "", ""},
		{"retrieve", "/attributes/nothing", "", ifMatch, `*`, 404, "things:attribute.notfound", ""},
		{"delete", "/attributes/nothing", "", ifMatch, `*`, 404, "things:attribute.notfound", ""},
		{"modify", "/attributes/nothing", `1`, ifMatch, `*`, 412, failed, ""},
		{"merge", "/attributes/nothing", `1`, ifMatch, `"x"`, 412, failed, ""},
		{"modify", "/features/none/properties/x", `1`, ifMatch, `*`, 412, failed, ""},
		{"modify", "/features/none/properties/x", `1`, ifNoneMatch, `*`, 404, "things:feature.notfound", ""},
		{"modify", "/attributes/place", `1`, ifNoneMatch, `*`, 412, failed, place},
		{"modify", "/attributes/place", `1`, ifMatch, `"rev:1"`, 412, failed, place},
		{"merge", "/attributes/place", `{"lat":2}`, ifNoneMatch, place, 412, failed, place},
		{"delete", "/attributes/place", "", ifMatch, `"hash:0"`, 412, failed, place},
		{"modify", "/", `{}`, ifMatch, `"rev:9"`, 412, failed, `"rev:1"`},
		{"delete", "/", "", ifMatch, `"rev:9"`, 412, failed, `"rev:1"`},
		{"create", "/", `{}`, ifNoneMatch, `*`, 412, failed, `"rev:1"`},
		{"create", "/", `{}`, ifMatch, `"rev:1"`, 409, "things:thing.conflict", ""},
		// From here on something changes.
		{"modify", "/attributes/new", `1`, ifNoneMatch, `*`, 201, "", ""},
		{"modify", "/attributes/place", `{"lat":1.50,"lon":2}`, ifMatch, `"x",` + place, 204, "", ""},
		{"merge", "/attributes/place", `{"lat":2}`, ifMatch, place, 204, "", ""},
		{"modify", "/", lamp, ifMatch, `"rev:4"`, 204, "", ""},
		{"delete", "/attributes/place", "", ifMatch, place, 204, "", ""},
		{"delete", "/", "", ifMatch, `"rev:6"`, 204, "", ""},
		{"delete", "/", "", ifMatch, `"rev:6"`, 404, "things:thing.notfound", ""},
		{"modify", "/attributes/a", "1", ifMatch, `*`, 404, "things:thing.notfound", ""},
		{"modify", "/", `{}`, ifMatch, `*`, 412, failed, ""},
		{"create", "/", `{}`, ifMatch, `*`, 412, failed, ""},
		{"modify", "/", `{}`, ifNoneMatch, `*`, 201, "", ""},
	} {
		before, rev := w.thing(lampID)
		o := w.send(with(tc.action, tc.path, tc.value, fmt.Sprintf("%q:%q", strings.ToUpper(tc.header), tc.tags)))
		if o.Response.Status != tc.status {
			t.Errorf("%s %s, %s: %s: %s", tc.action, tc.path, tc.header, tc.tags, o.Response.AppendJSON(nil))
			continue
		}
		if tc.code == "" {
			continue
		}
		code, _ := o.Response.Value.Member("error")
		said, _ := code.Text()
		if said != tc.code || etag(o.Response) != tc.tag || o.Response.Topic.Criterion != protocol.Errors {
			t.Errorf("%s %s, %s: %s: %s", tc.action, tc.path, tc.header, tc.tags, o.Response.AppendJSON(nil))
		}
		if (o.Err == nil) != (tc.status == 304) {
			t.Errorf("%s %s, %s: %s: %v", tc.action, tc.path, tc.header, tc.tags, o.Err)
		}
		if got, now := w.thing(lampID); got != before || now != rev || o.Events != nil {
			t.Errorf("%s %s, %s: %s: it was changed to %s", tc.action, tc.path, tc.header, tc.tags, got)
		}
	}
	if o := w.send(`{"topic":"org.acme/lamp/things/twin/commands/retrieve","path":"/","headers":{"if-none-match":"*"},"fields":"thingId,_policy"}`); o.Response.Status != 200 {
		t.Errorf("with its Policy: %s", o.Response.AppendJSON(nil))
	}
	if o := w.send(with("retrieve", "/", "", `"if-none-match":"*","response-required":false`)); o.Response != nil || o.Err != nil {
		t.Errorf("who wants no response: %+v", o)
	}
}

func TestIfEqual(t *testing.T) {
	for _, tc := range []struct {
		name, action, path, value, how string
		event                          string // its value; "" is none
	}{
		{"update", "modify", "/attributes/model", `"L1"`, "update", `"L1"`},
		{"the same value", "modify", "/attributes/model", `"L1"`, "skip", ""},
		{"another value", "modify", "/attributes/model", `"L2"`, "skip", `"L2"`},
		{"a new value", "modify", "/attributes/new", `null`, "skip", `null`},
		{"equal objects", "modify", "/attributes/place", `{"lon":2.0,"lat":15e-1}`, "skip", ""},
		{"the same Thing", "modify", "/", lamp, "skip", ""},
		{"the same Thing, its ID and Policy not named", "modify", "/", strings.Replace(lamp, `"thingId":"org.acme:lamp","policyId":"org.acme:lamp",`, "", 1), "skip", ""},
		{"another Thing", "modify", "/", `{}`, "skip", `{"thingId":"org.acme:lamp","policyId":"org.acme:lamp"}`},
		{"a merge of what is there", "merge", "/", `{"attributes":{"model":"L1","place":{"lat":1.5}}}`, "skip", ""},
		{"a merge that removes what is not there", "merge", "/attributes", `{"x":null}`, "skip", ""},
		{"a merge of something else", "merge", "/", `{"attributes":{"model":"L1","place":{"lat":1}}}`, "skip", `{"attributes":{"model":"L1","place":{"lat":1}}}`},
		{"a merge of a value", "merge", "/attributes/model", `"L1"`, "skip-minimizing-merge", ""},
		{"minimized", "merge", "/", `{"thingId":"org.acme:lamp","attributes":{"model":"L1","new":{"a":1},"place":{"lat":1.5,"lon":3}},"features":{"light":{"properties":{"on":true}}}}`,
			"skip-minimizing-merge", `{"attributes":{"new":{"a":1},"place":{"lon":3}}}`},
		{"minimized, with nulls", "merge", "/attributes", `{"model":"L1","none":null,"x":null}`, " Skip-Minimizing-Merge", `{"none":null,"x":null}`},
		{"minimized, an array", "merge", "/features/light", `{"definition":["org.acme:light:1.0.0"],"properties":{"on":[1]}}`, "skip-minimizing-merge", `{"properties":{"on":[1]}}`},
		{"a modify is not minimized", "modify", "/attributes/model", `"L1"`, "skip-minimizing-merge", `"L1"`},
		{"a deletion", "delete", "/attributes", "", "skip", "gone"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.must(lampID, "create", "/", lamp)
			o := w.send(with(tc.action, tc.path, tc.value, fmt.Sprintf(`"if-equal":%q`, tc.how)))
			got, rev := w.thing(lampID)
			if tc.event == "" {
				if o.Response.Status != 412 || o.Err == nil || o.Err.Code != "things:precondition.failed" || o.Events != nil || rev != 1 || got != lamp {
					t.Errorf("%s\n%d %s", o.Response.AppendJSON(nil), rev, got)
				}
				quiet := w.send(with(tc.action, tc.path, tc.value, fmt.Sprintf(`"if-equal":%q,"response-required":false`, tc.how)))
				if quiet.Response != nil || quiet.Err != nil || quiet.Events != nil || quiet.After != nil {
					t.Errorf("who wants no response: %+v", quiet)
				}
				return
			}
			if o.Err != nil || len(o.Events) != 1 || rev != 2 {
				t.Fatalf("%s", o.Response.AppendJSON(nil))
			}
			if v := o.Events[0].Value; tc.event != "gone" && text(v) != tc.event {
				t.Errorf("told %s", v)
			}
			w.reopen(Options{})
			if again, _ := w.thing(lampID); again != got {
				t.Errorf("it was %s\nand is read as %s", got, again)
			}
		})
	}
}

func TestWhatIsSkippedHoldsUpNoOthers(t *testing.T) {
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", lamp)
	together := func(envelopes ...string) *Outcome {
		t.Helper()
		var cmds []*Command
		for _, e := range envelopes {
			m, err := protocol.ParseMessage([]byte(e), nil, jsondoc.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			cmds = append(cmds, &Command{Message: m, Sender: w.sender})
		}
		got := make(chan *Outcome, 1)
		w.HandleTogether(cmds, func(o *Outcome) { got <- o })
		return <-got
	}
	same := with("merge", "/attributes", `{"model":"L1"}`, `"if-equal":"skip","response-required":false`)
	other := with("merge", "/attributes", `{"model":"L2"}`, `"if-equal":"skip","response-required":false`)
	if o := together(same, other, other); o.Err != nil || len(o.Events) != 1 || o.Events[0].Value.String() != `{"model":"L2"}` {
		t.Errorf("%+v", o)
	}
	if o := together(other, other); o.Err != nil || len(o.Events) != 0 {
		t.Errorf("%+v", o)
	}
	if _, rev := w.thing(lampID); rev != 2 {
		t.Errorf("revision %d", rev)
	}
	if o := together(with("merge", "/attributes", `{"model":"L3"}`, ""), with("merge", "/attributes", `{"x":1}`, `"condition":"eq(attributes/model,\"L1\")"`)); o.Err == nil || o.Err.Code != "things:condition.failed" {
		t.Errorf("%+v", o.Err)
	}
	if _, rev := w.thing(lampID); rev != 2 {
		t.Errorf("a half was applied: revision %d", rev)
	}
}

func TestConditions(t *testing.T) {
	const failed = "things:condition.failed"
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", lamp)
	for _, tc := range []struct {
		action, path, value, condition string
		status                         int
		code                           string
	}{
		{"retrieve", "/", "", `eq(attributes/model,"L1")`, 200, ""},
		{"retrieve", "/", "", `eq(attributes/model,"L9")`, 412, failed},
		{"retrieve", "/attributes/nothing", "", `eq(attributes/model,"L9")`, 412, failed},
		{"retrieve", "/attributes/nothing", "", `eq(attributes/model,"L1")`, 404, "things:attribute.notfound"},
		{"modify", "/attributes/a", `1`, `not(exists(attributes/a))`, 201, ""},
		{"modify", "/attributes/a", `1`, `not(exists(attributes/a))`, 412, failed},
		{"modify", "/features/none/properties/a", `1`, `exists(attributes/b)`, 412, failed},
		{"merge", "/", `{"attributes":{"b":1}}`, `and(gt(features/light/properties/color/r,0),lt(_revision,3))`, 204, ""},
		{"merge", "/", `{"attributes":{"b":1}}`, `lt(_revision,3)`, 412, failed},
		{"merge", "/", `{"attributes":{"b":1}}`, `gt(_modified,time:now-1h)`, 204, ""},
		{"modify", "/", lamp, `lt(_modified,time:now-1h)`, 412, failed},
		{"delete", "/attributes/b", "", `eq(attributes/b,2)`, 412, failed},
		{"delete", "/attributes/b", "", `eq(attributes/b,1)`, 204, ""},
		{"delete", "/", "", `eq(thingId,"a:b")`, 412, failed},
		{"create", "/", `{}`, `eq(thingId,"a:b")`, 409, "things:thing.conflict"},
		{"modify", "/attributes/a", `1`, `eq(attributes/a`, 400, "things:condition.invalid"},
		{"retrieve", "/", "", ``, 400, "things:condition.invalid"},
		{"retrieve", "/", "", `eq(nothing:here,1)`, 400, "rql.expression.invalid"},
		{"delete", "/", "", `eq(thingId,"org.acme:lamp")`, 204, ""},
		{"retrieve", "/", "", `eq(attributes/model,"L9")`, 404, "things:thing.notfound"},
		{"merge", "/", `{}`, `eq(attributes/model,"L9")`, 201, ""},
	} {
		before, rev := w.thing(lampID)
		o := w.send(with(tc.action, tc.path, tc.value, fmt.Sprintf(`"Condition":%q`, tc.condition)))
		if o.Response.Status != tc.status || tc.code != "" && (o.Err == nil || o.Err.Code != tc.code) {
			t.Errorf("%s %s if %s: %s", tc.action, tc.path, tc.condition, o.Response.AppendJSON(nil))
		}
		if got, now := w.thing(lampID); tc.status >= 400 && (got != before || now != rev || o.Events != nil) {
			t.Errorf("%s %s if %s: it was changed to %s", tc.action, tc.path, tc.condition, got)
		}
	}
}

func TestAConditionChoosesAmongManyThings(t *testing.T) {
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", lamp)
	w.must(nakedID, "create", "/", naked)
	o := w.send(`{"topic":"_/_/things/twin/commands/retrieve","path":"/","headers":{"condition":"exists(attributes/model)","if-none-match":"*"},"value":{"thingIds":["org.acme:naked","org.acme:lamp"]}}`)
	if got := text(o.Response.Value); got != "["+lamp+"]" {
		t.Errorf("%s", o.Response.AppendJSON(nil))
	}
}

func TestLiveChannelConditions(t *testing.T) {
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", lamp)
	for _, tc := range []struct{ action, condition, code, matched string }{
		{"retrieve", `exists(attributes/model)`, "", "true"},
		{"retrieve", `exists(attributes/x)`, "", "false"},
		{"retrieve", `exists(attributes/x`, "things:condition.invalid", ""},
		{"modify", `exists(attributes/x)`, "things:live.channelcondition.notallowed", ""},
		{"delete", `exists(attributes/x)`, "things:live.channelcondition.notallowed", ""},
	} {
		o := w.send(with(tc.action, "/attributes/model", `"L2"`, fmt.Sprintf(`"live-channel-condition":%q,"live-channel-timeout-strategy":"use-twin"`, tc.condition)))
		if matched, _ := o.Response.Headers.Get("live-channel-condition-matched"); matched != tc.matched || (o.Err == nil) != (tc.code == "") || o.Err != nil && o.Err.Code != tc.code {
			t.Errorf("%s %s: %s", tc.action, tc.condition, o.Response.AppendJSON(nil))
		}
	}
}

func TestTheHeadersOfARetrieveOfThePastAreAboutWhatWas(t *testing.T) {
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", lamp)
	if o := w.send(with("modify", "/attributes/model", `"L2"`, `"put-metadata":[{"key":"by","value":"me"}]`)); o.Err != nil {
		t.Fatal(o.Err)
	}
	w.must(lampID, "modify", "/attributes/model", `"L3"`)
	for _, tc := range []struct {
		headers string
		status  int
		tag     string
	}{
		{`"condition":"eq(attributes/model,\"L2\")"`, 200, `"rev:2"`},
		{`"condition":"eq(attributes/model,\"L3\")"`, 412, ""},
		{`"if-none-match":"\"rev:2\""`, 304, `"rev:2"`},
		{`"if-match":"\"rev:3\""`, 412, `"rev:2"`},
	} {
		o := w.send(with("retrieve", "/", "", `"at-historical-revision":2,`+tc.headers))
		if o.Response.Status != tc.status || etag(o.Response) != tc.tag {
			t.Errorf("%s: %s", tc.headers, o.Response.AppendJSON(nil))
		}
	}
	for revision, want := range map[string]string{"1": `{}`, "2": `{"by":"me"}`, "3": `{"by":"me"}`} {
		o := w.send(with("retrieve", "/attributes/model", "", `"get-metadata":"*","at-historical-revision":`+revision))
		if got := text(o.Response.Headers.Value("ditto-metadata")); got != want {
			t.Errorf("revision %s: %s", revision, o.Response.AppendJSON(nil))
		}
	}
}
