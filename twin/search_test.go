package twin

import (
	"fmt"
	"strings"
	"testing"
)

func searchMessage(action, value string) string {
	return `{"topic":"_/_/things/twin/search/` + action + `","headers":{"correlation-id":"c1"},"path":"/","value":` + value + `}`
}

// told is what came back, one message a line: its action and its value.
func told(o *Outcome) string {
	var lines []string
	all := o.More
	if o.Response != nil {
		all = append(all, o.Response)
	}
	for _, m := range all {
		lines = append(lines, m.Topic.Action+" "+text(m.Value))
	}
	return strings.Join(lines, "\n")
}

func TestSearchWalksThroughThings(t *testing.T) {
	w := newWorld(t, Options{})
	for i := range 5 {
		w.must(fmt.Sprintf("a:%d", i), "create", "/", `{"attributes":{"n":`+fmt.Sprint(i)+`}}`)
	}
	w.must("b:0", "create", "/", `{}`)
	w.must("a:3", "delete", "/", ``)
	subscribe := func(options string) string {
		t.Helper()
		o := w.send(strings.Replace(searchMessage("subscribe", options), `"path"`, `"fields":"thingId","path"`, 1))
		if o.Err != nil || o.Response.Topic.String() != "_/_/things/twin/search/created" || o.Response.Headers.CorrelationID() != "c1" {
			t.Fatalf("%+v", o)
		}
		id, _ := o.Response.Value.Member("subscriptionId")
		return id.String()
	}
	request := func(id string, demand int) string {
		return told(w.send(searchMessage("request", fmt.Sprintf(`{"subscriptionId":%s,"demand":%d}`, id, demand))))
	}

	id := subscribe(`{"namespaces":["a"],"options":"size(2),sort(+thingId)"}`)
	if got, want := request(id, 1), `next {"subscriptionId":`+id+`,"items":[{"thingId":"a:0"},{"thingId":"a:1"}]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := request(id, 9), `next {"subscriptionId":`+id+`,"items":[{"thingId":"a:2"},{"thingId":"a:4"}]}`+"\n"+
		`complete {"subscriptionId":`+id+`}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := request(id, 1); !strings.HasPrefix(got, `failed {"subscriptionId":`+id+`,"error":{"status":404,`) {
		t.Errorf("a search that is complete: %s", got)
	}

	id = subscribe(`{}`)
	if o := w.send(searchMessage("cancel", `{"subscriptionId":`+id+`}`)); o.Err != nil || o.Response != nil {
		t.Errorf("%+v", o)
	}
	if got := request(id, 1); !strings.HasPrefix(got, "failed ") {
		t.Errorf("a search that was cancelled: %s", got)
	}

	id = subscribe(`{}`)
	w.sender.Client = "c2"
	if got := request(id, 1); !strings.HasPrefix(got, "failed ") {
		t.Errorf("somebody else's search: %s", got)
	}
}

func TestSearchRefuses(t *testing.T) {
	w := newWorld(t, Options{})
	for _, tc := range []struct{ envelope, code string }{
		{searchMessage("subscribe", `{"filter":"eq(attributes/a,1)"}`), "signal.unsupported"},
		{searchMessage("subscribe", `{"options":"sort(-thingId)"}`), "signal.unsupported"},
		{searchMessage("subscribe", `{"options":"size(201)"}`), "thing-search:option.invalid"},
		{searchMessage("subscribe", `{"options":"size(0)"}`), "thing-search:option.invalid"},
		{searchMessage("subscribe", `{"namespaces":"a"}`), "json.format.invalid"},
		{searchMessage("subscribe", `1`), "json.invalid"},
		{searchMessage("request", `{"demand":1}`), "json.field.missing"},
		{searchMessage("request", `{"subscriptionId":"x","demand":0}`), "json.format.invalid"},
		{searchMessage("request", `{"subscriptionId":1,"demand":1}`), "json.format.invalid"},
		{searchMessage("next", `{}`), "protocoladapter:unknown.topicpath"},
		{`{"topic":"a/b/things/twin/search/subscribe","path":"/"}`, "protocoladapter:unknown.topicpath"},
	} {
		if o := w.send(tc.envelope); o.Err == nil || o.Err.Code != tc.code {
			t.Errorf("%s: %+v", tc.envelope, o.Err)
		}
	}
	for i := range searchesEach + 1 {
		o := w.send(searchMessage("subscribe", `{}`))
		if (o.Err != nil) != (i == searchesEach) {
			t.Errorf("search %d: %v", i, o.Err)
		}
	}
}
