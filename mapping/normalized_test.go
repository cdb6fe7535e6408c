package mapping

import (
	"testing"
	"time"
)

func TestPublishNormalized(t *testing.T) {
	const at = `"_modified":"2026-07-01T12:00:00Z","_revision":7`
	const topic = `"_context":{"topic":"org.acme/lamp/things/twin/events/`
	const headers = `"headers":{"correlation-id":"c-1","response-required":"false"}`
	for _, test := range []struct {
		name, action, path, value string
		want                      string // "" is no message
	}{
		{"the Thing is made", "created", "/", `{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","attributes":{"x":5.0}}`,
			`{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","attributes":{"x":5.0},` + at + `,` +
				topic + `created","path":"/","value":{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","attributes":{"x":5.0}},` + headers + `}}`},
		{"a value", "modified", "/features/a~1b/properties/t", `42`,
			`{"thingId":"org.acme:lamp","features":{"a/b":{"properties":{"t":42}}},` + at + `,` +
				topic + `modified","path":"/features/a~1b/properties/t","value":42,` + headers + `}}`},
		{"a null that is a value", "modified", "/attributes/x", `null`,
			`{"thingId":"org.acme:lamp","attributes":{"x":null},` + at + `,` + topic + `modified","path":"/attributes/x","value":null,` + headers + `}}`},
		{"a merge, without what it deletes", "merged", "/", `{"attributes":{"x":5,"y":null,"l":[null,{}]},"features":{"f":{"properties":{"z":null}}}}`,
			`{"thingId":"org.acme:lamp","attributes":{"x":5,"l":[null,{}]},` + at + `,` +
				topic + `merged","path":"/","value":{"attributes":{"x":5,"l":[null,{}]}},` + headers + `}}`},
		{"a merge that only deletes", "merged", "/attributes/x", `null`,
			`{"thingId":"org.acme:lamp",` + at + `,` + topic + `merged","path":"/attributes/x",` + headers + `}}`},
		{"the Thing is gone", "deleted", "/", ``,
			`{"thingId":"org.acme:lamp",` + at + `,"_deleted":"2026-07-01T12:00:00Z",` + topic + `deleted","path":"/","value":null,` + headers + `}}`},
		{"a part is gone", "deleted", "/attributes/x", ``, ``},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := event(t, test.action, test.path, test.value)
			e.Timestamp = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
			e.Headers.SetString("correlation-id", "c-1")
			e.Headers.Set("response-required", noResponse)
			outs, _ := publications(t, PublicationConfig{Topic: "n", Payload: "normalized"}).For(e, Thing{})
			want := ""
			if test.want != "" {
				want = "n=" + test.want
			}
			if got := published(outs); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if len(outs) > 0 && outs[0].ContentType != "application/json" {
				t.Errorf("the content type is %s", outs[0].ContentType)
			}
		})
	}
}

func TestPublishNormalizedOncePerTopic(t *testing.T) {
	p := publications(t, PublicationConfig{Path: "/attributes/{a}", Topic: "n", Payload: "normalized"})
	if outs, _ := p.For(event(t, "merged", "/", `{"attributes":{"x":1,"y":2},"features":{}}`), Thing{}); len(outs) != 1 {
		t.Errorf("got %s", published(outs))
	}
	if outs, _ := p.For(event(t, "modified", "/features", `{}`), Thing{}); len(outs) != 0 {
		t.Errorf("of a change elsewhere: %s", published(outs))
	}
}
