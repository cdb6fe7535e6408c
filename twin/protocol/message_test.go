package protocol

import (
	"errors"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

var lamp = Topic{"org.acme", "lamp-1", Things, Twin, Commands, "modify"}

func TestParseMessageReadsAnEnvelope(t *testing.T) {
	m, err := ParseMessage([]byte(`{
	  "topic": "org.acme/lamp-1/things/twin/commands/modify",
	  "headers": {"Correlation-ID": "c1", "response-required": false, "reply-to": "me", "content-type": "application/json",
	              "my-number": 1.50, "nothing": null},
	  "path": "/features/a/properties/x~1y",
	  "value": {"a": [1.0, null]},
	  "fields": "a,b(c)", "status": 204, "revision": 7, "timestamp": "2021-01-18T09:42:12.5Z",
	  "extra": {"attributes": {}}, "metadata": {}
	}`), nil, jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Topic != lamp || m.Path.String() != "/features/a/properties/x~1y" || m.Path[3] != "x/y" {
		t.Errorf("topic %v, path %q", m.Topic, m.Path)
	}
	if m.Value.String() != `{"a":[1.0,null]}` || m.Fields != "a,b(c)" || m.Status != 204 || m.Revision != 7 ||
		!m.Timestamp.Equal(time.Date(2021, 1, 18, 9, 42, 12, 500_000_000, time.UTC)) || m.Extra.String() != `{"attributes":{}}` {
		t.Errorf("%+v", m)
	}
	h := &m.Headers
	if h.CorrelationID() != "c1" || h.ResponseRequired() || h.ReplyTo() != "me" || h.ContentType() != "application/json" || h.Len() != 5 {
		t.Errorf("headers: %s", h.AppendJSON(nil))
	}
	want := `{"topic":"org.acme/lamp-1/things/twin/commands/modify",` +
		`"headers":{"Correlation-ID":"c1","response-required":false,"reply-to":"me","content-type":"application/json","my-number":1.50},` +
		`"path":"/features/a/properties/x~1y","value":{"a":[1.0,null]},"extra":{"attributes":{}},"status":204,"revision":7,` +
		`"timestamp":"2021-01-18T09:42:12.500Z","fields":"a,b(c)"}`
	if got := string(m.AppendJSON(nil)); got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
}

func TestParseMessageWithTheTopicOutside(t *testing.T) {
	for _, payload := range []string{
		`{"path":"/","value":1}`,
		`{"topic":"org.acme/lamp-1/things/twin/commands/modify","path":"/","value":1}`,
	} {
		m, err := ParseMessage([]byte(payload), &lamp, jsondoc.Limits{})
		if err != nil || m.Topic != lamp {
			t.Errorf("%s: %v, %v", payload, m, err)
		}
	}
}

func TestParseMessageRefuses(t *testing.T) {
	const head = `"topic":"org.acme/lamp-1/things/twin/commands/modify","headers":{"correlation-id":"c1"}`
	for _, tc := range []struct{ name, payload, code string }{
		{"no JSON", `{`, "json.invalid"},
		{"nothing", ``, "json.invalid"},
		{"an array", `[]`, "json.invalid"},
		{"a number", `1`, "json.invalid"},
		{"duplicate keys", `{"path":"/","path":"/"}`, "json.invalid"},
		{"invalid UTF-8", "{\"path\":\"/\xff\"}", "json.invalid"},
		{"text behind", `{} {}`, "json.invalid"},
		{"not a JSON number", `{` + head + `,"path":"/","value":01}`, "json.invalid"},
		{"no topic", `{"path":"/"}`, "json.field.missing"},
		{"topic is a number", `{"topic":1,"path":"/"}`, "json.invalid"},
		{"unknown topic", `{"topic":"x","path":"/","headers":{"correlation-id":"c1"}}`, "protocoladapter:unknown.topicpath"},
		{"no path", `{` + head + `}`, "json.field.missing"},
		{"path is a number", `{` + head + `,"path":1}`, "json.invalid"},
		{"two slashes", `{` + head + `,"path":"/a//b"}`, "json.pointer.invalid"},
		{"headers are an array", `{"topic":"a/b/things/twin/errors","headers":[],"path":"/"}`, "json.invalid"},
		{"status is a text", `{` + head + `,"path":"/","status":"1"}`, "json.invalid"},
		{"revision is negative", `{` + head + `,"path":"/","revision":-1}`, "json.invalid"},
		{"timestamp is none", `{` + head + `,"path":"/","timestamp":"today"}`, "json.invalid"},
		{"fields is a number", `{` + head + `,"path":"/","fields":1}`, "json.invalid"},
		{"extra is a text", `{` + head + `,"path":"/","extra":"x"}`, "json.invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := ParseMessage([]byte(tc.payload), nil, jsondoc.Limits{})
			var e *Error
			if !errors.As(err, &e) || e.Code != tc.code || e.Status != 400 || e.Message == "" {
				t.Fatalf("got %v", err)
			}
			if resp := e.Response(m); resp.Status != 400 || resp.Topic.Criterion != Errors {
				t.Errorf("answered with %s", resp.AppendJSON(nil))
			}
		})
	}
	for _, payload := range []string{
		`{"topic":"org.acme/lamp-2/things/twin/commands/modify","path":"/"}`,
		`{"topic":"org.acme/lamp-1/things/twin/commands/merge","path":"/"}`,
	} {
		if _, err := ParseMessage([]byte(payload), &lamp, jsondoc.Limits{}); err == nil || AsError(err).Status != 400 {
			t.Errorf("%s: %v", payload, err)
		}
	}
	if _, err := ParseMessage([]byte(`{"path":"/","value":[[[[]]]]}`), &lamp, jsondoc.Limits{Depth: 4}); err == nil || AsError(err).Code != "json.invalid" {
		t.Errorf("too deep: %v", err)
	}
}

func TestErrorResponseFindsItsWayBack(t *testing.T) {
	for _, tc := range []struct{ name, payload, want string }{
		{"of a command", `{"headers":{"correlation-id":"c1","x":1,"if-match":"*"},"path":1,"topic":"org.acme/lamp-1/things/twin/commands/modify"}`,
			`{"topic":"org.acme/lamp-1/things/twin/errors","headers":{"correlation-id":"c1","x":1,"content-type":"application/json","response-required":false},` +
				`"path":"/","value":{"status":404,"error":"things:thing.notfound","message":"m","description":"d"},"status":404}`},
		{"where the topic comes last and is none", `{"headers":{"correlation-id":"c1"},"path":"/","topic":"x/y"}`,
			`{"topic":"unknown/unknown/things/twin/errors","headers":{"correlation-id":"c1","content-type":"application/json","response-required":false},` +
				`"path":"/","value":{"status":404,"error":"things:thing.notfound","message":"m","description":"d"},"status":404}`},
		{"of a Policy", `{"topic":"org.acme/p/policies/commands/modify","path":"/"}`,
			`{"topic":"org.acme/p/policies/errors","headers":{"content-type":"application/json","response-required":false},` +
				`"path":"/","value":{"status":404,"error":"things:thing.notfound","message":"m","description":"d"},"status":404}`},
		{"of an ID that is none", `{"topic":"1/x/things/live/commands/modify","path":"/"}`,
			`{"topic":"unknown/unknown/things/live/errors","headers":{"content-type":"application/json","response-required":false},` +
				`"path":"/","value":{"status":404,"error":"things:thing.notfound","message":"m","description":"d"},"status":404}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, _ := ParseMessage([]byte(tc.payload), nil, jsondoc.Limits{})
			e := &Error{Status: 404, Code: "things:thing.notfound", Message: "m", Description: "d"}
			if got := string(e.Response(m).AppendJSON(nil)); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
	if got := (&Error{Status: 400, Code: "x", Message: "m", Href: "h"}).Response(nil); got.Value.String() != `{"status":400,"error":"x","message":"m","href":"h"}` {
		t.Errorf("%s", got.AppendJSON(nil))
	}
}

func TestTimesArePrintedLikeDitto(t *testing.T) {
	base := time.Date(2021, 1, 18, 9, 42, 12, 0, time.UTC)
	for ns, want := range map[int]string{0: "2021-01-18T09:42:12Z", 500_000_000: "2021-01-18T09:42:12.500Z",
		1_000: "2021-01-18T09:42:12.000001Z", 1: "2021-01-18T09:42:12.000000001Z", 123_456_000: "2021-01-18T09:42:12.123456Z"} {
		in := base.Add(time.Duration(ns)).In(time.FixedZone("x", 3600))
		if got := string(AppendTime(nil, in)); got != want {
			t.Errorf("%d: %s, want %s", ns, got, want)
		}
	}
}

func TestPrintedTextIsEscaped(t *testing.T) {
	m := &Message{Topic: Topic{"a", `b"c`, Things, Live, Messages, "\\"}, Path: jsondoc.Pointer{`x"`, "~"}}
	m.Headers.SetString(`k"`, "v\n")
	want := `{"topic":"a/b\"c/things/live/messages/\\","headers":{"k\"":"v\n"},"path":"/x\"/~0"}`
	if got := string(m.AppendJSON(nil)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	back, err := ParseMessage(m.AppendJSON(nil), nil, jsondoc.Limits{})
	if err != nil || back.Topic != m.Topic || back.Path.String() != m.Path.String() {
		t.Errorf("back as %v, %v", back, err)
	}
}

func FuzzParseMessage(f *testing.F) {
	for _, seed := range []string{
		`{"topic":"org.acme/lamp-1/things/twin/commands/modify","headers":{"correlation-id":"c1"},"path":"/a","value":1}`,
		`{"path":"/features/x/properties/~01","value":{"a":null},"fields":"a(b)"}`,
		`{"status":200,"revision":3,"timestamp":"2021-01-18T09:42:12.5Z","path":"","extra":{}}`,
		`[1]`, `{"topic":1}`, `{"headers":{"A":1,"a":2},"path":"/"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := ParseMessage(payload, nil, jsondoc.Limits{})
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Status/100 != 4 {
				t.Fatalf("%q: %v", payload, err)
			}
			if _, err := ParseMessage(e.Response(m).AppendJSON(nil), nil, jsondoc.Limits{}); err != nil {
				t.Fatalf("the answer to %q cannot be read: %v", payload, err)
			}
			return
		}
		printed := m.AppendJSON(nil)
		again, err := ParseMessage(printed, nil, jsondoc.Limits{})
		if err != nil {
			t.Fatalf("%q printed %s: %v", payload, printed, err)
		}
		if reprinted := again.AppendJSON(nil); string(reprinted) != string(printed) {
			t.Fatalf("printed %s, then %s", printed, reprinted)
		}
	})
}
