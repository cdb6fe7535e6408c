package mapping

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

func pointer(s string) *string { return &s }

func parsed(t testing.TB, text string) *jsondoc.Value {
	t.Helper()
	v, err := jsondoc.ParseString(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWhen(t *testing.T) {
	rule := one(t, "json", "/attributes/a", "/temp")
	for _, test := range []struct{ when, payload, want string }{
		{"payload.temp != nil", `{"temp":1}`, `org.acme:d1 {"attributes":{"a":1}}`},
		{"payload.temp != nil", `{"temp":null}`, ``},
		{"payload.temp > 20 and device == 'd1'", `{"temp":21}`, `org.acme:d1 {"attributes":{"a":21}}`},
		{"mqtt.qos == 1 && mqtt.retain && client.id == 'c1' && client.username == nil", `{"temp":21}`, `org.acme:d1 {"attributes":{"a":21}}`},
		{"topic startsWith 't/' and mqtt['content-type'] == nil", `{"temp":21}`, `org.acme:d1 {"attributes":{"a":21}}`},
		{"header.site == 'Ulm'", `{"temp":21}`, ``},
		{"payload.at < now", `{"temp":21,"at":1782907200041}`, `org.acme:d1 {"attributes":{"a":21}}`},
		{"payload.temp", `{"temp":21}`, `! when: gives the number 21, not true or false`},
		{"payload.temp > 20", `{}`, `! when: cannot work out nothing (nil) > a number (line 1, column 14): something that it uses is not in this message`},
	} {
		rule.When = test.when
		got, refused := map1(t, rule, Input{Payload: []byte(test.payload), QoS: 1, Retain: true})
		if want, isRefused := strings.CutPrefix(test.want, "! "); isRefused && !strings.Contains(refused, want) || !isRefused && got != want {
			t.Errorf("%s with %s: got %s %s, want %s", test.when, test.payload, got, refused, test.want)
		}
	}
}

func TestExpressionsInSet(t *testing.T) {
	rule := one(t, "json", "/attributes/raw", "/temp")
	rule.Set = append(rule.Set,
		SetConfig{Path: "/features/env/properties/fahrenheit", Expr: "payload.temp * 9 / 5 + 32"},
		SetConfig{Path: "/features/env/properties/hot", Expr: "payload.hot"})
	for _, test := range []struct{ nulls, payload, want string }{
		{"", `{"temp":21.5,"hot":{"a":null,"b":1}}`, `org.acme:d1 {"attributes":{"raw":21.5},"features":{"env":{"properties":{"fahrenheit":70.7,"hot":{"b":1}}}}}`},
		{"", `{"temp":21.5}`, `org.acme:d1 {"attributes":{"raw":21.5},"features":{"env":{"properties":{"fahrenheit":70.7}}}}`},
		{"delete", `{"temp":21.5}`, `org.acme:d1 {"attributes":{"raw":21.5},"features":{"env":{"properties":{"fahrenheit":70.7,"hot":null}}}}`},
		{"", `{}`, `! mappings[0] (t/{device}): set["/features/env/properties/fahrenheit"]: the expression cannot work out nothing (nil) * a number (line 1, column 14)`},
		{"", `{"temp":"21"}`, `cannot work out a text * a number`},
		{"", `{"temp":1e308}`, `the expression gives an infinite number`},
	} {
		rule.Nulls = test.nulls
		got, refused := map1(t, rule, Input{Payload: []byte(test.payload)})
		if got != test.want && (refused == "" || !strings.Contains(refused, strings.TrimPrefix(test.want, "! "))) {
			t.Errorf("%s: got %s %s, want %s", test.payload, got, refused, test.want)
		}
	}
	rule = RuleConfig{Topic: "t/{device}", Format: "text", Thing: "org.acme:{{ device }}",
		Set: []SetConfig{{Path: "/attributes/{{ device }}", Expr: `float(replace(payload, ",", "."))`}, {Path: "/attributes/b", Expr: `1`}}}
	if got, refused := map1(t, rule, Input{Payload: []byte("21,5")}); got != `org.acme:d1 {"attributes":{"d1":21.5,"b":1}}` {
		t.Errorf("text: got %s %s", got, refused)
	}
	rule.Set[0].Expr = "repeat(payload, 1000000)"
	if _, refused := map1(t, rule, Input{Payload: []byte("21,5")}); !strings.Contains(refused, "text of more than 262144 bytes") {
		t.Errorf("without end: refused with %s", refused)
	}
}

func TestEach(t *testing.T) {
	rule := RuleConfig{Topic: "t/{device}", Each: pointer("/readings"), Thing: "org.acme:{{ payload:/id }}",
		Set: lines(t, "/attributes/v", "/v", "/attributes/at", `="{{ message:/at }}"`)}
	rule.Set = append(rule.Set, SetConfig{Path: "/attributes/twice", Expr: "payload.v == nil ? nil : payload.v * message.factor"})
	many := `{"readings":[` + strings.Repeat(`{"id":"a","v":1},`, 1000) + `{}]}`
	for _, test := range []struct{ name, payload, want string }{
		{"one change for each, in order", `{"at":7,"factor":2,"readings":[{"id":"a","v":1},{"id":"b","v":2},{"id":"a","v":3}]}`,
			`org.acme:a {"attributes":{"v":1,"at":"7","twice":2}} | org.acme:b {"attributes":{"v":2,"at":"7","twice":4}} | org.acme:a {"attributes":{"v":3,"at":"7","twice":6}}`},
		{"an element that has nothing to say", `{"readings":[{"id":"a"},{"id":"b","v":2}],"factor":1}`, `org.acme:b {"attributes":{"v":2,"twice":2}}`},
		{"no elements", `{"readings":[]}`, ``},
		{"no array", `{}`, ``},
		{"null", `{"readings":null}`, ``},
		{"something else", `{"readings":{"id":"a"}}`, `! each element of /readings is wanted, but it is a JSON object and not an array`},
		{"an element that is none", `{"readings":[{"id":"a","v":1},7],"factor":1}`, `! the thing's ID needs {{ payload:/id }}, which this message does not have (element 1 of /readings).`},
		{"an element with a wrong ID", `{"readings":[{"id":"a","v":1},{"id":"x/y"}],"factor":1}`, `(element 1 of /readings).`},
		{"too many", many, `! 1001 elements of /readings are more than the 1000 changes`},
	} {
		got, refused := map1(t, rule, Input{Payload: []byte(test.payload)})
		if want, isRefused := strings.CutPrefix(test.want, "! "); isRefused && !strings.Contains(refused, want) || refused == "" && got != want {
			t.Errorf("%s: got %s %s, want %s", test.name, got, refused, test.want)
		}
	}
	rule = RuleConfig{Topic: "t/{device}", Each: pointer(""), Format: "cbor", When: "payload > 1", Thing: "org.acme:x", Set: lines(t, "/attributes/v", "")}
	if got, refused := map1(t, rule, Input{Payload: unhex(t, "83 01 02 03")}); got != `org.acme:x {"attributes":{"v":2}} | org.acme:x {"attributes":{"v":3}}` {
		t.Errorf("the payload itself: got %s %s", got, refused)
	}
}

func TestHeadersAndCreate(t *testing.T) {
	rule := one(t, "json", "/attributes/a", "/v")
	rule.Headers = []HeaderConfig{
		{"correlation-id", parsed(t, `"{{ mqtt:correlation-data }}"`)}, {"site", parsed(t, `"{{ header:site | fn:upper() }}"`)},
		{"kind", parsed(t, `"fixed"`)}, {"requested-acks", parsed(t, `["x:y"]`)}, {"if-equal", parsed(t, `"update"`)},
	}
	rule.Create = &CreateConfig{Policy: "org.acme:{{ thing:name }}", Definition: parsed(t, `"org.acme:lamp:{{ payload:/fw }}"`),
		Attributes: parsed(t, `{"serial":"{{ device }}","room":"{{ payload:/room }}","n":[1.0]}`)}
	changes, _, err := compile(t, rule).Map(&Input{Topic: "t/d1", Payload: []byte(`{"v":1,"fw":"1.0.0"}`), Now: noon,
		Properties: &Properties{Correlation: []byte("c-1"), User: []UserProperty{{"Site", "ulm"}}}})
	if err != nil || len(changes) != 1 {
		t.Fatal(err)
	}
	if got, want := string(changes[0].Message.Headers.AppendJSON(nil)),
		`{"response-required":false,"correlation-id":"c-1","site":"ULM","kind":"fixed","requested-acks":["x:y"],"if-equal":"update"}`; got != want {
		t.Errorf("headers %s, want %s", got, want)
	}
	create := changes[0].Create
	if got, want := create.Policy+" "+create.Initial.String(), `org.acme:d1 {"definition":"org.acme:lamp:1.0.0","attributes":{"serial":"d1","n":[1.0]}}`; got != want {
		t.Errorf("created with %s, want %s", got, want)
	}
	changes, _, err = compile(t, rule).Map(&Input{Topic: "t/d1", Payload: []byte(`{"v":1}`), Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(changes[0].Message.Headers.AppendJSON(nil)), `{"response-required":false,"kind":"fixed","requested-acks":["x:y"],"if-equal":"update"}`; got != want {
		t.Errorf("without values: headers %s, want %s", got, want)
	}
}

// envelopes is a rule for envelopes.
func envelopes(change func(*RuleConfig)) RuleConfig {
	rule := RuleConfig{Topic: "t/{device}", Format: "ditto"}
	change(&rule)
	return rule
}

func TestEnvelopes(t *testing.T) {
	command := func(thing, headers string) string {
		return `{"topic":"org.acme/` + thing + `/things/twin/commands/modify","headers":{` + headers + `},"path":"/attributes/a","value":1}`
	}
	enforced := func(r *RuleConfig) { r.Thing = "org.acme:{{ device | fn:lower() }}" }
	for _, test := range []struct {
		name    string
		rule    func(*RuleConfig)
		payload string
		want    string // the envelope, or ! and the error
	}{
		{"as it is", func(*RuleConfig) {}, command("any", `"x":1`), command("any", `"x":1`)},
		{"the thing that is enforced", enforced, command("d1", ``), command("d1", ``)},
		{"another thing", enforced, command("d2", ``), `!400 connectivity:connection.id.enforcement.failed A message on the topic "t/D1" may address the thing "org.acme:d1" only, not "org.acme:d2"`},
		{"a policy of that name", enforced, `{"topic":"org.acme/d1/policies/commands/delete","path":"/"}`, `!400 connectivity:connection.id.enforcement.failed`},
		{"the placeholder for any thing of a namespace", func(r *RuleConfig) { r.Thing = "org.acme:_" }, `{"topic":"org.acme/_/things/twin/commands/retrieve","path":"/","value":{"thingIds":["org.acme:x"]}}`, `!400 connectivity:connection.id.enforcement.failed`},
		{"the placeholder for all things", func(r *RuleConfig) { r.Thing = "{{ header:x | fn:default('_:_') }}" }, `{"topic":"_/_/things/twin/search/subscribe","path":"/"}`, `!400 connectivity:connection.id.enforcement.failed`},
		{"a search", enforced, `{"topic":"_/_/things/twin/search/subscribe","path":"/"}`, `!400 connectivity:connection.id.enforcement.failed`},
		{"headers that it does not set", func(r *RuleConfig) {
			r.Headers = []HeaderConfig{{"x", jsondoc.String("2")}, {"y", jsondoc.String("{{ device }}")}}
		}, command("any", `"x":1`), command("any", `"x":1,"y":"D1"`)},
		{"a condition that holds not", func(r *RuleConfig) { r.When = "payload.path == '/'" }, command("any", ``), ``},
		{"a condition that holds", func(r *RuleConfig) { r.When = "payload.path != '/'" }, command("any", ``), command("any", ``)},
		{"no JSON", func(*RuleConfig) {}, `ON`, `!400 json.invalid`},
		{"no envelope", func(*RuleConfig) {}, `{"temp":1}`, `!400 json.field.missing`},
		{"nothing", func(*RuleConfig) {}, ``, `!400 json.invalid`},
		{"a topic that is none", func(*RuleConfig) {}, `{"topic":"x","path":"/"}`, `!400 protocoladapter:unknown.topicpath`},
	} {
		changes, _, err := compile(t, envelopes(test.rule)).Map(&Input{Topic: "t/D1", Payload: []byte(test.payload), Now: noon})
		got := ""
		if len(changes) == 1 {
			got = string(changes[0].Message.AppendJSON(nil))
		}
		if err != nil {
			got = fmt.Sprintf("!%d %s %s", err.Status, err.Code, err.Message)
			if len(changes) != 1 {
				t.Errorf("%s: an error without the envelope that it is for", test.name)
			}
		}
		if got != test.want && !(err != nil && strings.HasPrefix(test.want, "!") && strings.HasPrefix(got, test.want)) {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

// What another mapping cannot make sense of is answered as the envelope's.
func TestTheErrorOfAnotherMappingComesWithTheEnvelope(t *testing.T) {
	envelope := []byte(`{"topic":"org.acme/x/things/twin/commands/modify","headers":{"correlation-id":"7"},"path":"/attributes/a","value":1}`)
	for _, rules := range [][]RuleConfig{
		{envelopes(func(*RuleConfig) {}), one(t, "number")},
		{one(t, "json"), envelopes(func(r *RuleConfig) { r.Thing = "org.acme:y" })},
	} {
		changes, matched, err := compile(t, rules...).Map(&Input{Topic: "t/d1", Payload: envelope, Now: noon})
		if err == nil || !matched || len(changes) != 1 || changes[0].Message.Headers.CorrelationID() != "7" {
			t.Errorf("changes %+v, error %v", changes, err)
		}
	}
}

func TestReply(t *testing.T) {
	rule := envelopes(func(r *RuleConfig) {
		r.Reply = "command/{{ device }}/req/{{ header:correlation-id | fn:default('none') }}/{{ topic:action }}-response"
	})
	changes, _, err := compile(t, rule).Map(&Input{Topic: "t/d 1", Payload: []byte(`{"topic":"org.acme/x/things/twin/commands/modify","path":"/attributes/a","value":1}`), Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	response := &protocol.Message{Topic: changes[0].Message.Topic}
	response.Headers.SetString("correlation-id", "7")
	if topic, err := changes[0].Reply.Topic(response); err != nil || topic != "command/d 1/req/7/modify-response" {
		t.Errorf("%q %v", topic, err)
	}
	// The topic of an error has no action; it is that of the request.
	refusal := &protocol.Error{Status: 404}
	if topic, err := changes[0].Reply.Topic(refusal.Response(changes[0].Message)); err != nil || topic != "command/d 1/req/none/modify-response" {
		t.Errorf("%q %v", topic, err)
	}
	response.Headers.SetString("correlation-id", "a+b")
	if topic, err := changes[0].Reply.Topic(response); err == nil {
		t.Errorf("a topic with a wildcard: %q", topic)
	}
}

func TestKeysThatDoNotCompile(t *testing.T) {
	for _, test := range []struct {
		name       string
		change     func(*RuleConfig)
		path, says string
	}{
		{"when", func(r *RuleConfig) { r.When = "payload.x >" }, ".when", "does not compile: the expression ends too early: something is missing here (line 1, column 11)"},
		{"when of another kind", func(r *RuleConfig) { r.When = "paylod.x" }, ".when", "unknown name paylod"},
		{"message without each", func(r *RuleConfig) { r.When = "message.x == 1" }, ".when", "unknown name message"},
		{"a typo in client", func(r *RuleConfig) { r.When = "client.nme == 'x'" }, ".when", "nme"},
		{"a capture with a name of the message's", func(r *RuleConfig) { r.Topic, r.Thing, r.When = "t/{topic}", "a:b", "topic == 'x'" }, ".when", "give the capture {topic} another name"},
		{"a capture with a dash", func(r *RuleConfig) { r.Topic, r.Thing, r.When = "t/{a-b}", "a:b", "a-b == 'x'" }, ".when", `$env["a-b"]`},
		{"expr", func(r *RuleConfig) { r.Set = []SetConfig{{Path: "/attributes/a", Expr: "1 +"}} }, `.set["/attributes/a"]`, "has an expression that does not compile: the expression ends too early: something is missing here"},
		{"each", func(r *RuleConfig) { r.Each = pointer("readings") }, ".each", "begins with a slash"},
		{"each that is no pointer", func(r *RuleConfig) { r.Each = pointer("/a//b") }, ".each", "not a JSON pointer"},
		{"each of text", func(r *RuleConfig) { r.Format, r.Each, r.Set = "text", pointer("/a"), lines(t, "/attributes/a", "") }, ".each", "no array inside"},
		{"message: without each", func(r *RuleConfig) { r.Thing = "a:{{ message:/x }}" }, ".thing", "no such placeholder"},
		{"a header that is the twin's", func(r *RuleConfig) { r.Headers = []HeaderConfig{{"ditto-originator", jsondoc.String("x")}} }, `.headers["ditto-originator"]`, "not a header that a client may send"},
		{"a header that is the mapping's", func(r *RuleConfig) { r.Headers = []HeaderConfig{{"response-required", jsondoc.Bool(true)}} }, `.headers["response-required"]`, "the mapping's own"},
		{"a header for other changes", func(r *RuleConfig) { r.Headers = []HeaderConfig{{"dry-run", jsondoc.Bool(true)}} }, `.headers["dry-run"]`, "leave it out"},
		{"a header for retrieving", func(r *RuleConfig) {
			r.Headers = []HeaderConfig{{"live-channel-condition", jsondoc.String(`exists(attributes/a)`)}}
		}, `.headers["live-channel-condition"]`, "leave it out"},
		{"a condition that is none", func(r *RuleConfig) { r.Headers = []HeaderConfig{{"Condition", jsondoc.String(`eq(attributes/a)`)}} }, `.headers["Condition"]`, "character 16"},
		{"a condition on a part that is none", func(r *RuleConfig) {
			r.Headers = []HeaderConfig{{"merge-thing-patch-conditions", parsed(t, `{"attributes/a":"eq(attributes/a)"}`)}}
		}, `.headers["merge-thing-patch-conditions"]`, "character 16"},
		{"an if-match that is none", func(r *RuleConfig) { r.Headers = []HeaderConfig{{"if-match", jsondoc.String(`7`)}} }, `.headers["if-match"]`, "entity tags"},
		{"a header of a wrong kind", func(r *RuleConfig) { r.Headers = []HeaderConfig{{"version", jsondoc.String("x")}} }, `.headers["version"]`, "version"},
		{"a header with an unknown placeholder", func(r *RuleConfig) { r.Headers = []HeaderConfig{{"x", jsondoc.String("{{ y }}")}} }, `.headers["x"]`, "no such capture"},
		{"a definition that is no text", func(r *RuleConfig) { r.Create = &CreateConfig{Definition: jsondoc.Int(1)} }, ".create.definition", "should be a text"},
		{"attributes that are no map", func(r *RuleConfig) { r.Create = &CreateConfig{Attributes: jsondoc.Int(1)} }, ".create.attributes", "should be a map"},
		{"an attribute with a slash", func(r *RuleConfig) { r.Create = &CreateConfig{Attributes: parsed(t, `{"a/b":1}`)} }, ".create.attributes", "a/b"},
		{"an attribute with an unknown placeholder", func(r *RuleConfig) { r.Create = &CreateConfig{Attributes: parsed(t, `{"a":"{{ x }}"}`)} }, ".create.attributes", "no such capture"},
		{"reply", func(r *RuleConfig) { r.Reply = "x" }, ".reply", "for mappings of format ditto"},
		{"set with ditto", func(r *RuleConfig) { r.Format = "ditto" }, ".set", "has no use with format ditto"},
		{"create with ditto", func(r *RuleConfig) { r.Format, r.Set, r.Create = "ditto", nil, &CreateConfig{} }, ".create", "has no use with format ditto"},
		{"a reply with an unknown placeholder", func(r *RuleConfig) { r.Format, r.Set, r.Reply = "ditto", nil, "x/{{ topic:actoin }}" }, ".reply", "topic: has full, namespace"},
		{"a reply with a wildcard", func(r *RuleConfig) { r.Format, r.Set, r.Reply = "ditto", nil, "x/#" }, ".reply", "cannot carry"},
		{"a reply into the twin's tree", func(r *RuleConfig) { r.Format, r.Set, r.Reply = "ditto", nil, "ditto/x" }, ".reply", "the twin's own"},
		{"a thing that is none, with ditto", func(r *RuleConfig) { r.Format, r.Set, r.Thing = "ditto", nil, "lamp" }, ".thing", "lamp"},
	} {
		rule := one(t, "json", "/attributes/a", "/v")
		test.change(&rule)
		_, problems := Compile([]RuleConfig{rule}, roots)
		if len(problems) != 1 || problems[0].Path != "mappings[0]"+test.path || !strings.Contains(problems[0].Text, test.says) {
			t.Errorf("%s: %v, want mappings[0]%s: …%s…", test.name, problems, test.path, test.says)
		}
	}
}
